"""Writes Sentinel-2 products: L1C and L2A of all baselines, as SAFE folders and as public buckets keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin

from products.sentinel2_masks import clouds, drawn, footprints, gml_mask
from products.sentinel2_metadata import BANDS, L2A_BANDS, RESOLUTION, TileSpec, product_metadata, tile_metadata
from products.xml import element, save

START, SENSING = datetime(2022, 1, 25, 15, 17, 1), datetime(2022, 1, 25, 15, 26, 35, 509574)


@dataclass(frozen=True)
class Sentinel2Truth:
    """What is true of a product.

    Attributes
    ----------
    dn : dict of uint16 arrays
        By (band, resolution in m), such as ``("B02", 10)``; L2A also ``AOT``, ``WVP`` and ``SCL``.
    reflectance : dict of float arrays
        NaN where DN is 0.
    saturated : dict of bool arrays
    transforms : dict
        By resolution: a, b, c, d, e, f.
    detectors : ndarray
        uint8 at 60 m: 0 = none.
    opaque, cirrus : ndarray of bool
        At 60 m.
    cloud_probability : ndarray or None
        Percent at 20 m, L2A.
    """

    path: Path
    spec: TileSpec
    dn: dict[tuple[str, int], np.ndarray]
    reflectance: dict[tuple[str, int], np.ndarray]
    saturated: dict[tuple[str, int], np.ndarray]
    transforms: dict[int, tuple[float, ...]]
    detectors: np.ndarray
    opaque: np.ndarray
    cirrus: np.ndarray
    cloud_probability: np.ndarray | None
    files: dict[tuple[str, int], Path]


def write_jp2(path: Path, image: np.ndarray, spec: TileSpec, resolution: int) -> None:
    """Write ``(row, col)`` or ``(band, row, col)`` without loss, as JP2 (or GeoTIFF, by the suffix)."""
    bands = image[None] if image.ndim == 2 else image
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"driver": "GTiff", "tiled": True, "blockxsize": 64, "blockysize": 64}
    if path.suffix == ".jp2":
        options = {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES", "BLOCKXSIZE": 64, "BLOCKYSIZE": 64}
    count, rows, cols = bands.shape
    transform = from_origin(spec.west, spec.north, resolution, resolution)
    place = {"crs": f"EPSG:{spec.epsg}", "transform": transform, "dtype": bands.dtype}
    with rasterio.open(path, "w", count=count, height=rows, width=cols, **place, **options) as ds:
        ds.write(bands)


def write_sentinel2(
    folder: Path,
    level: str = "1C",
    *,
    baseline: str = "04.00",
    rows: int = 180,
    epsg: int = 32633,
    origin: tuple[float, float] = (399960.0, 4600020.0),
    tile: str = "33TVG",
    offsets: bool | None = None,
    offset_step: int = 0,
    namespace: str = "psd-14",
    cloud_cover: float = 15.261692908498302,
    bands: Sequence[str] | None = None,
    extension: str = "jp2",
    all_nodata: bool = False,
    with_masks: bool = True,
    seed: int = 0,
) -> Sentinel2Truth:
    """Write one product as a ``.SAFE`` folder.

    Parameters
    ----------
    level : {"1C", "2A"}
    baseline : str
        Such as ``02.12``, ``03.01``, ``04.00`` or ``05.09``; decides on offsets and on how masks are kept.
    rows : int
        Of the 10 m bands, a multiple of 36.
    offsets : bool, optional
        Whether offsets are there; None goes by the baseline.
    offset_step : int
        Added to the offset (-1000) for each band_id, so that bands differ.
    namespace : str
        Of the product's schema.
    bands : sequence of str, optional
        Write no other images than these; the metadata name them all.
    extension : {"jp2", "tif"}
    all_nodata : bool
        Every DN is 0.
    """
    rng = np.random.default_rng(seed)
    newer = float(baseline) >= 4.0
    there = newer if offsets is None else offsets
    added = {band: -1000 + offset_step * number for number, band in enumerate(BANDS)} if there else {}
    spec = TileSpec(
        level,
        baseline,
        tile,
        epsg,
        *origin,
        rows,
        START,
        SENSING,
        125,
        34442,
        added,
        10000,
        namespace,
        cloud_cover,
        extension,
    )
    product = folder / spec.product
    granule = product / "GRANULE" / spec.granule
    coarse = rows // 6
    places = footprints(coarse)
    detectors = drawn((coarse, coarse), places, 1)
    cloudy = clouds(coarse)
    masks_of = {
        kind: drawn((coarse, coarse), [(1, place) for k, place in cloudy if k == kind], 1) for kind, _ in cloudy
    }
    wanted = L2A_BANDS if level == "2A" else {r: [b for b in BANDS if RESOLUTION[b] == r] for r in (10, 20, 60)}
    dn, reflectance, saturated, files, images = {}, {}, {}, {}, []
    for resolution, names in wanted.items():
        extras = ["TCI", "AOT", "WVP", *(["SCL"] if resolution > 10 else [])] if level == "2A" else []
        for name in [*names, *extras, *(["TCI"] if level == "1C" and resolution == 10 else [])]:
            suffix = f"R{resolution}m/{spec.stem}_{name}_{resolution}m" if level == "2A" else f"{spec.stem}_{name}"
            images.append(f"GRANULE/{spec.granule}/IMG_DATA/{suffix}")
            if bands is not None and name not in bands:
                continue
            path = granule / "IMG_DATA" / f"{suffix}.{extension}"
            factor = 60 // resolution
            image = _image(rng, name, (coarse * factor, coarse * factor), detectors, factor)
            if all_nodata:
                image[:] = 0
            write_jp2(path, image, spec, resolution)
            if name == "TCI":
                continue
            dn[name, resolution], files[name, resolution] = image, path
            if name in BANDS:
                known = image > 0
                value = (image.astype(float) + added.get(name, 0)) / 10000
                reflectance[name, resolution] = np.where(known, value, np.nan)
                saturated[name, resolution] = image == 65535
    probability = rng.integers(0, 101, (rows // 2, rows // 2)).astype(np.uint8) if level == "2A" else None
    masks = _write_masks(product, spec, newer, detectors, masks_of, probability, bands) if with_masks else []
    east, south = origin[0] + rows * 10, origin[1] - rows * 10
    to_degrees = Transformer.from_crs(epsg, 4326, always_xy=True).transform
    ring = [(origin[0], origin[1]), (east, origin[1]), (east, south), (origin[0], south), origin]
    corners = [to_degrees(x, y) for x, y in ring]
    footprint = " ".join(f"{lat} {lon}" for lon, lat in corners) + " "
    save(product / f"MTD_MSIL{level}.xml", product_metadata(spec, images, footprint))
    save(granule / "MTD_TL.xml", tile_metadata(spec, masks))
    save(product / "manifest.safe", element("XFDU", element("dataObjectSection")))
    return Sentinel2Truth(
        product,
        spec,
        dn,
        reflectance,
        saturated,
        {r: (float(r), 0.0, origin[0], 0.0, -float(r), origin[1]) for r in (10, 20, 60)},
        detectors,
        masks_of["OPAQUE"] == 1,
        masks_of["CIRRUS"] == 1,
        probability,
        files,
    )


def _image(
    rng: np.random.Generator, name: str, shape: tuple[int, int], detectors: np.ndarray, factor: int
) -> np.ndarray:
    """Return the image of a band: 0 where no detector sees, some pixels saturated."""
    seen = np.kron(detectors > 0, np.ones((factor, factor), bool))
    if name == "TCI":
        return np.where(seen, rng.integers(1, 255, (3, *shape)), 0).astype(np.uint8)
    if name == "SCL":
        return np.where(seen, rng.integers(1, 12, shape), 0).astype(np.uint8)
    level = 400 if name in ("AOT", "WVP") else 2500
    image = np.where(seen, rng.integers(level - 350, level + 350, shape), 0).astype(np.uint16)
    if name in BANDS:
        image[3, 2:4] = 65535
        image[4, 2] = 600  # below the offset: a negative reflectance is a measurement
    return image


def _write_masks(
    product: Path,
    spec: TileSpec,
    newer: bool,
    detectors: np.ndarray,
    cloudy: dict[str, np.ndarray],
    probability: np.ndarray | None,
    bands: Sequence[str] | None,
) -> list[tuple[str, str, int | None]]:
    """Write the masks of all bands and return (type, path in the product, band_id)."""
    base = f"GRANULE/{spec.granule}/QI_DATA"
    coarse = len(detectors)
    masks: list[tuple[str, str, int | None]] = []
    for number, band in enumerate(BANDS):
        written = bands is None or band in bands
        factor = 60 // RESOLUTION[band]
        if newer:
            kinds = ("DETFOO", "QUALIT")
            masks += [(f"MSK_{kind}", f"{base}/MSK_{kind}_{band}.jp2", number) for kind in kinds]
            if written:
                full = np.kron(detectors, np.ones((factor, factor), np.uint8))
                planes = np.zeros((8, *full.shape), np.uint8)
                planes[0, 0, :4] = 1  # lost packets
                planes[5, 3, 2:4] = 1  # saturated
                write_jp2(product / masks[-2][1], full, spec, RESOLUTION[band])
                write_jp2(product / masks[-1][1], planes, spec, RESOLUTION[band])
            continue
        for kind in ("DEFECT", "DETFOO", "NODATA", "SATURA", "TECQUA"):
            masks.append((f"MSK_{kind}", f"{base}/MSK_{kind}_{band}.gml", number))
            features = []
            if kind == "DETFOO":
                features = [
                    (f"detector_footprint-{band}-{value:02d}-0", "DETECTOR_FOOTPRINT", place)
                    for value, place in footprints(coarse)
                ]
            path = product / masks[-1][1]
            gml_mask(path, f"MSK_{kind}_pixel_level", spec.epsg, features, spec.west, spec.north, 60)
    if newer:
        planes = np.stack([cloudy["OPAQUE"], cloudy["CIRRUS"], np.zeros_like(cloudy["CIRRUS"])])
        write_jp2(product / base / "MSK_CLASSI_B00.jp2", planes, spec, 60)
        masks.append(("MSK_CLASSI", f"{base}/MSK_CLASSI_B00.jp2", None))
    else:
        features = [(f"{kind}.{n}", kind, place) for n, (kind, place) in enumerate(clouds(coarse))]
        path = product / base / "MSK_CLOUDS_B00.gml"
        gml_mask(path, "MSK_CLOUDS_pixel_level", spec.epsg, features, spec.west, spec.north, 60)
        masks.append(("MSK_CLOUDS", f"{base}/MSK_CLOUDS_B00.gml", None))
    if probability is not None:
        write_jp2(product / base / "MSK_CLDPRB_20m.jp2", probability, spec, 20)
        masks.append(("MSK_CLDPRB", f"{base}/MSK_CLDPRB_20m.jp2", None))
    return masks
