"""Writes PRISMA products: L1, L2B, L2C and L2D, with hyperspectral cubes and the panchromatic image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pyproj import Transformer

from products.hdf import drop, put
from products.orbit import Doubles
from products.prisma_attributes import (
    DURATION,
    START,
    STRUCTURE,
    band_centres,
    corner_attributes,
    identity_attributes,
    plane_attributes,
    product_name,
    spectral_attributes,
)

PAN_FACTOR = 6
SCALE = {"Vnir": (120.0, 0.25), "Swir": (95.0, 0.5), "Pan": (110.0, 0.125)}
RANGES = {"Vnir": (-0.02, 1.25), "Swir": (-0.03, 1.4), "Pan": (0.0, 1.1)}


@dataclass(frozen=True)
class PrismaTruth:
    """What is true of a product.

    Attributes
    ----------
    path : Path
    product_id : str
    start, stop : datetime
    dn : dict of uint16 arrays
        ``vnir`` and ``swir`` in the order of the file ``(d0, band, d2)``, ``pan`` ``(row, col)``.
    values : dict of float arrays
        Radiance or reflectance, NaN where DN is 0 (level 2); same shapes as ``dn``.
    errors : dict of uint8 arrays
    wavelengths : dict of float arrays
        In file order; 0 = not acquired.
    latitude, longitude : ndarray
        Of the cubes' pixels ``(d0, d2)``.
    pan_latitude, pan_longitude : ndarray
    easting, northing : ndarray
        The same places in `epsg`, m.
    epsg : int
        UTM zone of the scene; what ``Epsg_Code`` holds at L2D.
    transform, pan_transform : tuple of float or None
        a, b, c, d, e, f of the outer corners at L2D.
    inside : ndarray of bool
        Where an L2D cube holds data, ``(d0, d2)``.
    """

    path: Path
    product_id: str
    start: datetime
    stop: datetime
    dn: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    wavelengths: dict[str, Doubles]
    latitude: Doubles
    longitude: Doubles
    pan_latitude: Doubles
    pan_longitude: Doubles
    easting: Doubles
    northing: Doubles
    epsg: int
    transform: tuple[float, ...] | None
    pan_transform: tuple[float, ...] | None
    inside: np.ndarray


def signal(easting: np.ndarray, northing: np.ndarray, band: np.ndarray | float) -> np.ndarray:
    """Return the DN of a place before rounding: smooth, so that any way of resampling finds it again."""
    x, y = (easting - 500_000.0) / 600.0, (northing - 4_500_000.0) / 500.0
    return 20_000 + 60.0 * np.asarray(band) + 5_000 * np.sin(x) + 4_000 * np.cos(y) + 3_000 * np.sin(x / 9)


def write_prisma(
    folder: Path,
    level: str = "1",
    *,
    shape: tuple[int, int] = (20, 24),
    orientation: str = "rows",
    epsg: int = 32633,
    heading: float = 12.0,
    with_pan: bool = True,
    pan_at: str = "centre",
    corner_order: str = "abcd",
    without: Sequence[str] = (),
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
) -> PrismaTruth:
    """Write one product.

    Parameters
    ----------
    folder : Path
    level : {"1", "2B", "2C", "2D"}
    shape : tuple of int
        d0 and d2 of the cubes.
    orientation : {"rows", "turned", "turned-back"}
        How the axes of L1, L2B and L2C lie: ``rows`` has d0 running south and d2 east; ``turned`` has d2 running
        south and d0 west; ``turned-back`` d2 running north and d0 east. L2D is always ``rows``.
    heading : float
        Degrees by which the image of L1, L2B and L2C is turned clockwise against the map, and the data of L2D
        within its frame.
    pan_at : {"centre", "corner"}
        Where the first panchromatic pixel of L2D lies: its centre at the corner that the attributes give, as readers
        have it, or its outer corner at that of the first hyperspectral pixel, as its size suggests.
    corner_order : str
        Which corner of an array (a b / c d) the attributes UL, UR, LL, LR name.
    without : sequence of str
        Groups, datasets and attributes (``@Epsg_Code``) to leave out, by their full paths.
    attributes : mapping
        Attributes by group or dataset, written last.
    """
    start, stop = START, START + DURATION
    name = product_name(level, start, stop)
    path = folder / f"{name}.he5"
    is_map = level == "2D"
    easting, northing, inside = _places(shape, orientation, heading, is_map, 30.0)
    pan_shape = (shape[0] * PAN_FACTOR, shape[1] * PAN_FACTOR)
    pan_easting, pan_northing, pan_inside = _places(pan_shape, orientation, heading, is_map, 30.0 / PAN_FACTOR)
    if is_map and pan_at == "centre":
        pan_easting, pan_northing = pan_easting + 12.5, pan_northing - 12.5
    to_degrees = Transformer.from_crs(epsg, 4326, always_xy=True).transform
    longitude, latitude = to_degrees(easting, northing)
    pan_longitude, pan_latitude = to_degrees(pan_easting, pan_northing)
    vnir, swir = band_centres()
    wavelengths = {"vnir": vnir, "swir": swir}
    dn = {key: _cube(easting, northing, inside, centres, offset) for key, centres, offset in
          (("vnir", vnir, 0), ("swir", swir, 7))}  # fmt: skip
    dn["pan"] = np.where(pan_inside, signal(pan_easting, pan_northing, 100), 0).round().astype(np.uint16)
    errors = {key: _errors(array) for key, array in dn.items()}
    if level != "1":
        for array in dn.values():
            array[..., 5] = 0  # a retrieval that failed
    values = {key: _values(level, key.capitalize(), array) for key, array in dn.items()}

    data, places = "Data Fields", "Geolocation Fields"
    with h5py.File(path, "w") as file:
        put(file, identity_attributes(level, name, start, stop) | spectral_attributes(vnir, swir))
        put(file, corner_attributes(latitude, longitude, corner_order))
        if level == "1":
            put(file, {f"ScaleFactor_{key}": np.float32(factor) for key, (factor, _) in SCALE.items()})
            put(file, {f"Offset_{key}": np.float32(offset) for key, (_, offset) in SCALE.items()})
        else:
            put(file, {f"L2Scale{key}Min": np.float32(low) for key, (low, _) in RANGES.items()})
            put(file, {f"L2Scale{key}Max": np.float32(high) for key, (_, high) in RANGES.items()})
        transform = pan_transform = None
        if is_map:
            put(file, plane_attributes(epsg, easting[0, 0], northing[0, 0], easting[-1, -1], northing[-1, -1]))
            transform = (30.0, 0.0, easting[0, 0] - 15, 0.0, -30.0, northing[0, 0] + 15)
            pan_transform = (5.0, 0.0, pan_easting[0, 0] - 2.5, 0.0, -5.0, pan_northing[0, 0] + 2.5)
        swaths = file.create_group("HDFEOS/SWATHS")
        file.create_group("HDFEOS/ADDITIONAL")
        file.create_group("HDFEOS INFORMATION")["StructMetadata.0"] = np.bytes_(STRUCTURE)
        for group in ("Info/Ancillary/PVSdata", "Info/Header", "Info/Housekeeping", "KDP_AUX"):
            file.create_group(group)
        for key, centres in wavelengths.items():
            matrix = np.tile(centres.astype(np.float32), (shape[1], 1))
            file[f"KDP_AUX/Cw_{key.capitalize()}_Matrix"] = matrix + np.float32(0.1)
        swath = swaths.create_group(f"PRS_L{level}_HCO")
        kind = "PIXEL_SAT_ERR_MATRIX" if level == "1" else "PIXEL_L2_ERR_MATRIX"
        for key in ("vnir", "swir"):
            swath.create_dataset(f"{data}/{key.upper()}_Cube", data=dn[key], chunks=(8, dn[key].shape[1], 8))
            swath[f"{data}/{key.upper()}_{kind}"] = errors[key]
        spots = {"Latitude": latitude, "Longitude": longitude}
        names = ("_VNIR", "_SWIR") if level == "1" else ("",)
        for kind_of, array in spots.items():
            for suffix in names:
                swath[f"{places}/{kind_of}{suffix}"] = array.astype(np.float32)
        swath[f"{places}/Time"] = 7320.0 + np.arange(shape[0]) * 5e-8
        if level == "1":
            for mask in ("Cloud_Mask", "SunGlint_Mask", "LandCover_Mask"):
                swath[f"{data}/{mask}"] = (np.indices(shape).sum(0) % 3 == 0).astype(np.uint8)
            swath[f"{data}/FrameNumber"] = np.arange(shape[0], dtype=np.uint32)
            raw = swaths.create_group("PRS_L1_HRC")
            for key in ("vnir", "swir"):
                raw[f"{data}/{key.upper()}_Cube"] = dn[key] + np.uint16(1)
        else:
            for angle, value in (("Solar_Zenith_Angle", 64.0), ("Observing_Angle", 8.0), ("Rel_Azimuth_Angle", 30.0)):
                swath[f"Geometric Fields/{angle}"] = np.where(inside, value, 0).astype(np.float32)
        if level == "2C":
            put(swath.create_group("Geocoding Model"), {"SAMP_NUM_COEFF": np.zeros(20), "LINE_OFF": 500.0})
        if with_pan:
            pan = swaths.create_group(f"PRS_L{level}_PCO")
            pan[f"{data}/Cube"] = dn["pan"]
            pan[f"{data}/{kind}"] = errors["pan"]
            pan[f"{places}/Latitude"] = pan_latitude.astype(np.float32)
            pan[f"{places}/Longitude"] = pan_longitude.astype(np.float32)
        for place, extra in (attributes or {}).items():
            put(file[place], extra)
    drop(path, without)
    return PrismaTruth(
        path,
        name.rpartition("_")[0],
        start,
        stop,
        dn,
        values,
        errors,
        wavelengths,
        latitude,
        longitude,
        pan_latitude,
        pan_longitude,
        easting,
        northing,
        epsg,
        transform,
        pan_transform,
        inside,
    )


def _places(
    shape: tuple[int, int], orientation: str, heading: float, is_map: bool, size: float
) -> tuple[np.ndarray, ...]:
    """Return easting and northing of the centres of pixels ``(d0, d2)``, and which hold data."""
    first, second = (np.arange(n) * size + size / 2 for n in shape)
    first, second = np.meshgrid(first, second, indexing="ij")
    if is_map:
        easting, northing = 500_010.0 - 15 + second, 4_500_020.0 + 15 - first
        middle = (easting.mean(), northing.mean())
        turn = np.radians(heading)
        x, y = easting - middle[0], northing - middle[1]
        reach = 0.42 * size * np.array(shape)
        across, along = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
        return easting, northing, (np.abs(across) < reach[1]) & (np.abs(along) < reach[0])
    right, down = {"rows": (second, first), "turned": (-first, second), "turned-back": (first, -second)}[orientation]
    turn = np.radians(heading)
    easting = 500_010.0 + right * np.cos(turn) - down * np.sin(turn)
    northing = 4_500_020.0 - right * np.sin(turn) - down * np.cos(turn)
    return easting, northing, np.ones(shape, bool)


def _cube(
    easting: np.ndarray, northing: np.ndarray, inside: np.ndarray, centres: np.ndarray, offset: int
) -> np.ndarray:
    """Return DN ``(d0, band, d2)``; bands that were not acquired are 0."""
    number = np.arange(len(centres))[None, :, None] + offset
    dn = signal(easting[:, None, :], northing[:, None, :], number)
    return np.where(inside[:, None, :] & (centres > 0)[None, :, None], dn, 0).round().astype(np.uint16)


def _errors(dn: np.ndarray) -> np.ndarray:
    """Return an error matrix with codes 1, 2 and 3 in places."""
    errors = np.zeros(dn.shape, np.uint8)
    errors[2, ..., 3], errors[3, ..., 4], errors[4, ..., 6] = 1, 2, 3
    return errors


def _values(level: str, key: str, dn: np.ndarray) -> np.ndarray:
    """Return physical values by the formulas in the description of the format."""
    if level == "1":
        factor, offset = SCALE[key]
        return dn / factor - offset
    low, high = RANGES[key]
    return np.where(dn == 0, np.nan, low + dn.astype(float) * (high - low) / 65535)
