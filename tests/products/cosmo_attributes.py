"""The attributes of a COSMO-SkyMed product, group by group, as in a real HIMAGE product of the first generation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from products.hdf import utc
from products.orbit import LIGHT, Doubles, Orbit

ACQUISITION_MODES = {
    "HI": "HIMAGE",
    "PP": "PINGPONG",
    "WR": "WIDEREGION",
    "HR": "HUGEREGION",
    "S2": "ENHANCED SPOTLIGHT",
    "STR": "STRIPMAP",
    "SC1": "SCANSAR-1",
}
BEAMS = {"HI": "H4-07", "PP": "PP-07", "WR": "WR-07", "HR": "HR-07", "S2": "ES-07", "STR": "STR-012", "SC1": "SC1-001"}
PROJECTIONS = {"SCS": "SLANT RANGE/AZIMUTH", "DGM": "GROUND RANGE/AZIMUTH", "GEC": "UTM", "GTC": "UTM"}


@dataclass(frozen=True)
class Scene:
    """What all parts of a product share."""

    name: str
    level: str
    mode: str
    generation: int
    start: datetime
    stop: datetime
    orbit: Orbit
    orbit_times: Doubles
    rescaling: float
    range_compensation: str
    incidence_compensation: str
    constant_flag: int
    subswaths: int
    first_time: float
    range_time: float

    @property
    def midnight(self) -> datetime:
        """Reference UTC."""
        return self.start.replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def kind(self) -> str:
        """``SCS``, ``DGM``, ``GEC`` or ``GTC``."""
        return self.level[:3]


def polynomial(*coefficients: float) -> Doubles:
    """Return six coefficients."""
    return np.array([*coefficients, *[0.0] * (6 - len(coefficients))])


def doppler(scene: Scene) -> dict[str, Any]:
    """Return what the first generation keeps at the root and the second on each ``S0n``."""
    return {
        "Centroid vs Azimuth Time Polynomial": polynomial(-745.83, 0.10083, 0.0450343),
        "Centroid vs Range Time Polynomial": polynomial(-745.83, 552636.0, 1.10647e9),
        "Doppler Rate vs Azimuth Time Polynomial": polynomial(-4439.21, 0.0508103, 0.00108684),
        "Doppler Rate vs Range Time Polynomial": polynomial(-4439.21, 903423.0, -1.7249e8),
        "Doppler Centroid Estimation Method": "ACCC    ",
    }


def root_attributes(scene: Scene, centre: tuple[float, float]) -> dict[str, Any]:
    """Return the attributes of the root group."""
    position, velocity = scene.orbit.state(scene.orbit_times - scene.first_time)
    detected = scene.kind != "SCS"
    first = scene.generation == 1
    values: dict[str, Any] = {
        "Mission ID": "CSK" if first else "CSG",
        "Satellite ID": scene.name[:5] if first else scene.name[4:9],
        "Product Type": scene.level,
        "Product Filename": f"{scene.name}.h5",
        "Product Generation UTC": utc(scene.stop + timedelta(minutes=25)),
        "Product Specification Document": "CSM-UGS-STD-SPE-0048-3.1",
        "Processing Centre": "ICUGS",
        "Acquisition Mode": ACQUISITION_MODES[scene.mode],
        "Acquisition Station ID": "1100/ICACQ/Matera",
        "Multi-Beam ID": BEAMS[scene.mode],
        "Look Side": "RIGHT" if scene.orbit.side == "R" else "LEFT",
        "Orbit Number": np.int32(83292),
        "Orbit Direction": "ASCENDING" if np.cos(np.radians(scene.orbit.latitude)) > 0 else "DESCENDING",
        "Radar Frequency": 9.6e9,
        "Radar Wavelength": LIGHT / 9.6e9,
        "Light Speed": LIGHT,
        "Reference UTC": utc(scene.midnight),
        "Scene Sensing Start UTC": utc(scene.start),
        "Scene Sensing Stop UTC": utc(scene.stop),
        "Scene Centre Geodetic Coordinates": np.array([*centre, 0.0]),
        "Projection ID": PROJECTIONS[scene.kind],
        "Ellipsoid Designator": "WGS84",
        "Ellipsoid Semimajor Axis": 6378137.0,
        "Ellipsoid Semiminor Axis": 6356752.314245,
        "Samples per Pixel": np.uint8(1 if detected else 2),
        "Bits per Sample": np.uint8(16),
        "Sample Format": "UINT" if detected else "INT",
        "Image Scale": "LINEAR",
        "Invalid Value": 0.0,
        "Lines Order": "EARLY-LATE",
        "Columns Order": "NEAR-FAR",
        "Subswaths Number": np.uint8(scene.subswaths),
        "Focusing Algorithm ID": "OMEGA-KEY",
        "Azimuth Processing Number of Looks": np.uint8(3 if detected else 1),
        "Range Processing Number of Looks": np.uint8(3 if detected else 1),
        "Range Focusing Weighting Function": "HAMMING",
        "Range Focusing Weighting Coefficient": 0.68,
        "Azimuth Focusing Weighting Function": "HAMMING",
        "Azimuth Focusing Weighting Coefficient": 0.8,
        "Number of State Vectors": np.int32(len(scene.orbit_times)),
        "State Vectors Times": scene.orbit_times,
        "ECEF Satellite Position": position,
        "ECEF Satellite Velocity": velocity,
        "Attitude Times": scene.first_time + np.arange(-2.0, 3.0),
        "Yaw Rate": np.full(5, -0.0387461),
        "Pitch Rate": np.full(5, -0.0499554),
        "Roll Rate": np.full(5, 0.00324349),
        "Azimuth Polynomial Reference Time": scene.first_time,
        "Range Polynomial Reference Time": scene.range_time,
        "Reference Slant Range": 780000.0,
        "Reference Slant Range Exponent": 1.5,
        "Reference Incidence Angle": 40.0,
        "Range Spreading Loss Compensation Geometry": scene.range_compensation,
        "Incidence Angle Compensation Geometry": scene.incidence_compensation,
        "Incidence Angle Compensation Reference Surface": "ELLIPSOID",
        "Calibration Constant Compensation Flag": np.uint8(scene.constant_flag),
        "Processing History Bit Mask": np.uint32(4194537),
    }
    if first:
        values |= {"Rescaling Factor": scene.rescaling, **doppler(scene)}
    return values


def subswath_attributes(scene: Scene, polarisation: str, constant: float, lines: int, bursts: int) -> dict[str, Any]:
    """Return the attributes of a group ``S0n``."""
    values: dict[str, Any] = {
        "Polarisation": polarisation,
        "PRF": 3598.85,
        "Sampling Rate": 116.25e6,
        "Range Chirp Length": 4e-05,
        "Range Chirp Rate": -2.36938e12,
        "Range Chirp Samples": np.int32(4650),
        "Range Focusing Bandwidth": 93e6,
        "Azimuth Focusing Bandwidth": 3023.03,
        "Calibration Constant": constant,
        "Calibration Constant Estimation UTC": "2020-10-22 00:00:10.000000000",
        "Beam ID": BEAMS[scene.mode],
        "Beam Off-Nadir Angle": 33.63,
        "Antenna Beam Elevation": 0.435,
        "Antenna Beam Code": np.uint16(38),
        "Bursts per Subswath": np.int32(bursts),
        "Lines per Burst": np.int32(lines),
        "Rank": np.uint8(18),
        "Azimuth Antenna Pattern Gains": np.linspace(-37.0, -30.0, 7),
        "Azimuth Antenna Pattern Origin": -0.4,
        "Azimuth Antenna Pattern Resolution": 0.01,
        "Range Antenna Pattern Gains": np.linspace(-43.0, -42.0, 7),
        "Range Antenna Pattern Origin": -6.0,
        "Range Antenna Pattern Resolution": 0.02,
    }
    return values | (doppler(scene) if scene.generation == 2 else {})


def burst_attributes(first: float, last: float, range_time: float) -> dict[str, Any]:
    """Return the attributes of a burst group, whose times (s since midnight) are those of the raw data."""
    return {
        "Azimuth First Time": first,
        "Azimuth Last Time": last,
        "Range First Times": np.array([range_time]),
        "Range First Time Change Lines": np.array([0]),
        "Azimuth Ramp Code": np.array([1]),
        "Azimuth Ramp Code Change Lines": np.array([0]),
        "Azimuth Steering": np.array([0.0]),
        "Elevation Ramp Code": np.array([1]),
        "Elevation Ramp Code Change Lines": np.array([0]),
        "Elevation Steering": np.array([0.0]),
        "Initial On Board Time": 48424700.0,
        "Final On Board Time": 48424800.0,
        "RAW Missing Lines Percentage": 0.0,
    }


def statistics(pixels: np.ndarray) -> dict[str, Any]:
    """Return the statistics of an image ``(row, col)`` or ``(row, col, 2)``, one value or two."""
    flat = pixels.reshape(-1, *pixels.shape[2:]).astype(float)
    found = {
        "Image Min": flat.min(0),
        "Image Max": flat.max(0),
        "Image Mean": flat.mean(0),
        "Image Standard Deviation": flat.std(0),
    }
    zero = np.zeros_like(found["Image Mean"])
    return found | {"Image OverSaturated Percentage": zero, "Image UnderSaturated Percentage": zero}


def corners(names: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Return corner attributes as latitude, longitude and height."""
    return {f"{name} Geodetic Coordinates": np.array([lat, lon, 0.0]) for name, (lat, lon) in names.items()}
