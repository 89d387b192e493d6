"""The attributes and axes of a PRISMA product."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from products.orbit import Doubles

VNIR_BANDS, SWIR_BANDS = 66, 173
START = datetime(2020, 1, 16, 10, 14, 54, 123456)
DURATION = timedelta(seconds=4.3)
STRUCTURE = "GROUP=SwathStructure\nEND_GROUP=SwathStructure\nEND\n"


def band_centres() -> tuple[Doubles, Doubles]:
    """Return wavelengths of the two cubes in file order, nm: descending, 0 where a band was not acquired.

    The two spectrometers overlap from 943 to 977 nm.
    """
    vnir, swir = np.zeros(VNIR_BANDS), np.zeros(SWIR_BANDS)
    steps = np.linspace(11.0, 7.0, VNIR_BANDS - 4)
    vnir[3:] = 977.3 - np.concatenate([[0.0], np.cumsum(steps * (977.3 - 402.4) / steps.sum())])
    steps = np.linspace(6.0, 11.5, SWIR_BANDS - 3)
    swir[:171] = 2496.9 - np.concatenate([[0.0], np.cumsum(steps * (2496.9 - 943.3) / steps.sum())])
    return vnir, swir


def product_name(level: str, start: datetime = START, stop: datetime = START + DURATION) -> str:
    """Return the file name without its suffix; ``level`` is ``1``, ``2B``, ``2C`` or ``2D``."""
    kind = "STD_OFFL" if level == "1" else "STD"
    return f"PRS_L{level}_{kind}_{start:%Y%m%d%H%M%S}_{stop:%Y%m%d%H%M%S}_0001"


def spectral_attributes(vnir: Doubles, swir: Doubles) -> dict[str, Any]:
    """Return the lists of bands at the root."""
    values: dict[str, Any] = {}
    for name, centres in (("Vnir", vnir), ("Swir", swir)):
        acquired = centres > 0
        at = np.flatnonzero(acquired)
        values |= {
            f"List_Cw_{name}": centres.astype(np.float32),
            f"List_Fwhm_{name}": np.where(acquired, 13.0 if name == "Vnir" else 10.5, 0).astype(np.float32),
            f"List_Cw_{name}_Flags": acquired.astype(np.uint8),
            f"CNM_{name.upper()}_SELECT": acquired.astype(np.uint8),
            f"Start_index_EO_{name.upper()}": np.uint16(at[0]),
            f"Stop_index_EO_{name.upper()}": np.uint16(at[-1]),
        }
    return values


def identity_attributes(level: str, name: str, start: datetime, stop: datetime) -> dict[str, Any]:
    """Return what says which product it is."""
    return {
        "Product_ID": name.rpartition("_")[0],
        "Processing_Level": level,
        "Processor_Name": f"L{level}_PROCESSOR",
        "Processor_Version": "02.05",
        "Product_StartTime": start.isoformat(timespec="microseconds"),
        "Product_StopTime": stop.isoformat(timespec="microseconds"),
        "Sun_zenith_angle": np.float32(64.25),
        "Sun_azimuth_angle": np.float32(161.5),
        "Cloudy_pixels_percentage": np.float32(12.5),
        "Sea_pixels_percentage": np.float32(3.0),
    }


def corner_attributes(latitude: Doubles, longitude: Doubles, order: str) -> dict[str, Any]:
    """Return corner and centre positions; ``order`` says which corner of the arrays is UL, UR, LL and LR."""
    ends = {"a": (0, 0), "b": (0, -1), "c": (-1, 0), "d": (-1, -1)}
    values: dict[str, Any] = {}
    for name, key in zip(("UL", "UR", "LL", "LR"), order, strict=True):
        values[f"Product_{name}corner_lat"] = np.float32(latitude[ends[key]])
        values[f"Product_{name}corner_long"] = np.float32(longitude[ends[key]])
    middle = (latitude.shape[0] // 2, latitude.shape[1] // 2)
    values["Product_center_lat"] = np.float32(latitude[middle])
    values["Product_center_long"] = np.float32(longitude[middle])
    return values


def plane_attributes(epsg: int, west: float, north: float, east: float, south: float) -> dict[str, Any]:
    """Return the map attributes of an L2D product; the corners are centres of pixels."""
    corners = {"UL": (west, north), "UR": (east, north), "LL": (west, south), "LR": (east, south)}
    values: dict[str, Any] = {
        "Epsg_Code": np.uint32(epsg),
        "Projection_Name": "UTM",
        "Projection_Id": str(epsg % 100),
        "Reference_Ellipsoid": "WGS84",
        "Product_center_easting": (west + east) / 2,
        "Product_center_northing": (north + south) / 2,
    }
    for name, (easting, northing) in corners.items():
        values[f"Product_{name}corner_easting"] = easting
        values[f"Product_{name}corner_northing"] = northing
    return values
