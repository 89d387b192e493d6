"""Writes Landsat Collection 2 products, levels 1 and 2, of Landsat 4 to 9."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from products.landsat_mtl import (
    CONSTANTS,
    REFLECTIVE,
    SURFACE,
    TEMPERATURE,
    THERMAL,
    Bare,
    metadata,
    radiance,
    write_json,
    write_text,
    write_xml,
)

ACQUIRED = datetime(2022, 2, 3, 7, 35, 28, 932662)
QA = {"fill": 1, "clear": 21824, "cloud": 22280, "shadow": 23888, "cirrus": 55052}
WRITERS = {"txt": write_text, "xml": write_xml, "json": write_json}


@dataclass(frozen=True)
class LandsatTruth:
    """What is true of a product.

    Attributes
    ----------
    path : Path
        Its folder.
    dn : dict of uint16 arrays
        By file suffix: ``B4``, ``B8``, ``SR_B4``, ``ST_B10``, ``QA_PIXEL``, ``QA_RADSAT`` ...
    values : dict of float arrays
        Reflectance (sun angle corrected at level 1), or kelvin for thermal bands; NaN where DN is 0. Reflectance of
        level 1 is absent at night.
    radiances : dict of float arrays
        Level 1.
    transform, pan_transform : tuple of float
        a, b, c, d, e, f.
    """

    path: Path
    name: str
    dn: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    radiances: dict[str, np.ndarray]
    transform: tuple[float, ...]
    pan_transform: tuple[float, ...]
    epsg: int
    acquired: datetime
    sun_elevation: float


def write_landsat(
    folder: Path,
    level: str = "L1TP",
    *,
    satellite: str = "LC09",
    shape: tuple[int, int] = (40, 50),
    epsg: int = 32637,
    centre: tuple[float, float] = (142500.0, -1804200.0),
    sun_elevation: str = "58.58710476",
    cloud_cover: float = 0.52,
    forms: Sequence[str] = ("txt", "xml", "json"),
    without: Sequence[str] = (),
    seed: int = 0,
) -> LandsatTruth:
    """Write one product as a folder; `products.archive.tarred` packs it.

    Parameters
    ----------
    level : {"L1TP", "L1GT", "L1GS", "L2SP", "L2SR"}
        L2SR has no surface temperature.
    satellite : {"LC08", "LC09", "LE07", "LT05", "LT04"}
    epsg : int
        A UTM zone of the north (also south of the equator, with negative northings), or 3031.
    centre : tuple of float
        x and y of the **centre** of the upper left pixel of the 30 m bands, as the metadata give it.
    sun_elevation : str
        As it stands in the file; at or below 0 at night.
    forms : sequence of {"txt", "xml", "json"}
        Of the metadata file.
    without : sequence of str
        Suffixes of images that are left out, such as ``QA_RADSAT``; the metadata list them still.
    """
    rng = np.random.default_rng(seed)
    sensor, second = satellite[:2], level.startswith("L2")
    place = "166072" if epsg != 3031 else "220115"
    tail = f"{place}_{ACQUIRED:%Y%m%d}_20220205_02_T1"
    name, level1 = f"{satellite}_{level}_{tail}", f"{satellite}_{'L1TP' if second else level}_{tail}"
    product = folder / name
    product.mkdir(parents=True)
    x, y = centre
    rows, cols = shape
    transform = (30.0, 0.0, x - 15, 0.0, -30.0, y + 15)
    pan_transform = (15.0, 0.0, x - 7.5, 0.0, -15.0, y + 7.5)
    dn: dict[str, np.ndarray] = {}
    keys: dict[str, str] = {}
    if second:
        for band in SURFACE[sensor]:
            dn[f"SR_B{band}"] = _image(rng, shape, 7273, 43636)
            keys[f"SR_B{band}"] = f"FILE_NAME_BAND_{band}"
        if level == "L2SP":
            suffix = f"ST_B{TEMPERATURE[sensor]}"
            dn[suffix], keys[suffix] = _image(rng, shape, 35000, 48000), f"FILE_NAME_BAND_{suffix}"
            dn["ST_QA"] = rng.integers(1, 700, shape).astype(np.int16)
            keys["ST_QA"] = "FILE_NAME_QUALITY_L2_SURFACE_TEMPERATURE"
        dn["SR_QA_AEROSOL"] = rng.integers(0, 255, shape).astype(np.uint8)
        keys["SR_QA_AEROSOL"] = "FILE_NAME_QUALITY_L2_AEROSOL"
    else:
        for band in (*REFLECTIVE[sensor], *THERMAL[sensor]):
            size = (2 * rows - 1, 2 * cols - 1) if band == "8" else shape
            dn[f"B{band}"] = _image(rng, size, 6000, 40000)
            keys[f"B{band}"] = f"FILE_NAME_BAND_{band}"
    dn |= {"QA_PIXEL": _quality(shape), "QA_RADSAT": np.zeros(shape, np.uint16)}
    dn["QA_RADSAT"][5, 6] = 1 << 3  # band 4
    keys["QA_PIXEL"] = "FILE_NAME_QUALITY_L1_PIXEL"
    keys["QA_RADSAT"] = "FILE_NAME_QUALITY_L1_RADIOMETRIC_SATURATION"
    for suffix, image in dn.items():
        if suffix in without:
            continue
        grid = pan_transform if suffix == "B8" and sensor != "LT" else transform
        with rasterio.open(
            product / f"{name}_{suffix}.TIF",
            "w",
            driver="GTiff",
            count=1,
            height=image.shape[0],
            width=image.shape[1],
            dtype=image.dtype,
            crs=f"EPSG:{epsg}",
            transform=from_origin(grid[2], grid[5], grid[0], -grid[4]),
        ) as ds:
            ds.write(image, 1)
            ds.update_tags(AREA_OR_POINT="Point")
    projection = {"MAP_PROJECTION": "UTM", "DATUM": "WGS84", "ELLIPSOID": "WGS84", "UTM_ZONE": Bare(epsg % 100)}
    if epsg == 3031:
        projection = {"MAP_PROJECTION": "PS", "DATUM": "WGS84", "ELLIPSOID": "WGS84"}
        projection |= {"VERTICAL_LON_FROM_POLE": Bare("0.00000"), "TRUE_SCALE_LAT": Bare("-71.00000")}
        projection |= {"FALSE_EASTING": Bare("0"), "FALSE_NORTHING": Bare("0")}
    east, south = x + 30 * (cols - 1), y - 30 * (rows - 1)
    groups = metadata(
        name,
        {keys[suffix]: f"{name}_{suffix}.TIF" for suffix in dn},
        acquired=ACQUIRED,
        projection=projection,
        corners={"UL": (x, y), "UR": (east, y), "LL": (x, south), "LR": (east, south)},
        shape=shape,
        sun_elevation=sun_elevation,
        cloud_cover=cloud_cover,
        level1_name=level1,
        has_temperature=level == "L2SP",
    )
    for form in forms:
        WRITERS[form](product / f"{name}_MTL.{form}", groups)
    radiances, values = {}, {}
    for suffix, image in dn.items():
        if suffix.partition("_")[0] in ("QA",) or "QA" in suffix:
            continue
        known = image > 0
        band = suffix.rpartition("B")[2]
        if suffix.startswith("SR"):
            values[suffix] = np.where(known, 2.75e-5 * image - 0.2, np.nan)
        elif suffix.startswith("ST"):
            values[suffix] = np.where(known, 0.00341802 * image + 149.0, np.nan)
        else:
            times, plus = (float(text) for text in radiance(band))
            radiances[suffix] = np.where(known, times * image + plus, np.nan)
            if band in THERMAL[sensor]:
                first, other = CONSTANTS[satellite]
                if band == "11":
                    first, other = "475.6581", "1198.3494"
                values[suffix] = float(other) / np.log(float(first) / radiances[suffix] + 1)
            elif float(sun_elevation) > 0:
                sine = np.sin(np.radians(float(sun_elevation)))
                values[suffix] = np.where(known, (2e-5 * image - 0.1) / sine, np.nan)
    when = ACQUIRED.replace(tzinfo=UTC)
    return LandsatTruth(
        product, name, dn, values, radiances, transform, pan_transform, epsg, when, float(sun_elevation)
    )


def _image(rng: np.random.Generator, shape: tuple[int, int], low: int, high: int) -> np.ndarray:
    """Return DN with fill (0) in two corners and a saturated pixel."""
    image = rng.integers(low, high, shape).astype(np.uint16)
    down, across = np.indices(shape) / np.array(shape)[:, None, None]
    image[(down + across < 0.2) | (down + across > 1.85)] = 0
    image[shape[0] // 2, shape[1] // 2] = 65535
    return image


def _quality(shape: tuple[int, int]) -> np.ndarray:
    """Return QA_PIXEL: clear land, a cloud with its shadow, cirrus, and fill in the corners."""
    quality = np.full(shape, QA["clear"], np.uint16)
    quality[10:14, 20:28], quality[15:19, 24:32], quality[22:25, 5:12] = QA["cloud"], QA["shadow"], QA["cirrus"]
    down, across = np.indices(shape) / np.array(shape)[:, None, None]
    quality[(down + across < 0.2) | (down + across > 1.85)] = QA["fill"]
    return quality
