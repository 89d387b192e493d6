"""When, how far and where the pixels of a COSMO-SkyMed image were seen."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from sensetrack.errors import InputError
from sensetrack.radar.ground_range import GroundRange
from sensetrack.radar.state_vectors import StateVectors
from sensetrack.radar.timing import LIGHT, Timing
from sensetrack.raster.grid import Grid
from sensetrack.sensors._hdf5 import Attributes
from sensetrack.sensors._metadata import Ring

_CORNERS = ("Top Left", "Top Right", "Bottom Right", "Bottom Left")
_POLYNOMIAL = "Ground to Slant Polynomial"


def time_of(about: Attributes, name: str) -> datetime:
    """Return a time, UTC, to the microsecond; products give nine digits.

    Raises
    ------
    InputError
        It is not there or no time.
    """
    text = about.text(name)
    try:
        day, _, clock = text.partition(" ")
        whole, _, fraction = clock.partition(".")
        found = datetime.strptime(f"{day} {whole}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        return found + timedelta(seconds=float(f"0.{fraction or 0}"))
    except ValueError:
        raise InputError(f"{about.place}: the attribute '{name}' = '{text}' is no time") from None


def state_vectors(about: Attributes) -> StateVectors:
    """Return the orbit of a product.

    Raises
    ------
    InputError
        Times, positions or velocities are not there, or not as many as each other.
    """
    seconds = about.numbers("State Vectors Times", (-1,))
    count = len(seconds)
    position, velocity = (about.numbers(f"ECEF Satellite {name}", (count, 3)) for name in ("Position", "Velocity"))
    midnight = time_of(about, "Reference UTC")
    times = [midnight + timedelta(seconds=float(second)) for second in seconds]
    return StateVectors.of(times, position, velocity, about.place)


def timing(about: Attributes) -> Timing:
    """Return when and how far pixels were seen; of images in ground range, the distance of the first column.

    Raises
    ------
    InputError
        An attribute is not there.
    """
    interval = about.optional_number("Column Time Interval")
    if not interval or _POLYNOMIAL in about:
        interval = 1 / about.number("Sampling Rate")
    first = time_of(about, "Reference UTC") + timedelta(seconds=about.number("Zero Doppler Azimuth First Time"))
    return Timing(
        first_line=first,
        line_interval=about.number("Line Time Interval"),
        first_sample=about.number("Zero Doppler Range First Time"),
        range_sampling=1 / interval,
        range_spacing=about.number("Column Spacing"),
        azimuth_spacing=about.number("Line Spacing"),
    )


def ground_range(about: Attributes, columns: int) -> GroundRange | None:
    """Return the polynomials of an image in ground range, in metres; None for slant range.

    The product's own polynomial takes the number of the column from 0. The way back is fitted to it over the image.

    Raises
    ------
    InputError
        An attribute is not there.
    """
    if _POLYNOMIAL not in about:
        return None
    spacing = about.number("Column Spacing")
    origin = about.number("Ground Projection Polynomial Reference Range")
    by_column = about.numbers(_POLYNOMIAL, (-1,))
    to_slant = by_column / spacing ** np.arange(len(by_column))
    ground = np.linspace(0.0, columns * spacing, max(4 * len(by_column), 32))
    slant = np.polynomial.polynomial.polyval(ground, to_slant)
    back = np.polynomial.Polynomial.fit(slant, ground, len(by_column) - 1).convert().coef
    to_ground = np.zeros(len(by_column))
    to_ground[: len(back)] = back
    to_slant[0] += origin
    return GroundRange(
        times=(time_of(about, "Reference UTC"),),
        slant_origin=np.array([origin]),
        ground_origin=np.zeros(1),
        to_ground=to_ground[None],
        to_slant=to_slant[None],
    )


def slant_range(about: Attributes, columns: object) -> np.ndarray:
    """Return the distance of columns (from 0, fractions allowed) from the antenna, m.

    Raises
    ------
    InputError
        The image is on a map, where a column has no distance; or an attribute is not there.
    """
    numbers = np.asarray(columns, np.float64)
    if "Top Left East-North" in about:
        raise InputError(f"{about.place}: is on a map, where columns have no slant range")
    if _POLYNOMIAL in about:
        origin = about.number("Ground Projection Polynomial Reference Range")
        return np.asarray(origin + np.polynomial.polynomial.polyval(numbers, about.numbers(_POLYNOMIAL, (-1,))))
    first, interval = about.number("Zero Doppler Range First Time"), about.number("Column Time Interval")
    return np.asarray(LIGHT / 2 * (first + numbers * interval))


def mean_incidence(about: Attributes) -> float | None:
    """Return the mean of the incidence angles at near and far range, degrees; None where they are not there."""
    near, far = (about.optional_number(f"{name} Incidence Angle") for name in ("Near", "Far"))
    return None if near is None or far is None else (near + far) / 2


def multilook(about: Attributes, *, in_slant_range: bool) -> tuple[int, int] | None:
    """Return looks in azimuth and range for the smallest pixels that are about square on the ground.

    One of the two is 1. None where the spacings or the incidence are not known.
    """
    line, column = (about.optional_number(f"{name} Spacing") for name in ("Line", "Column"))
    incidence = mean_incidence(about)
    if not line or not column or (in_slant_range and incidence is None):
        return None
    ground = column / math.sin(math.radians(incidence or 90.0)) if in_slant_range else column
    return max(1, round(ground / line)), max(1, round(line / ground))


def outline(about: Attributes) -> Ring | None:
    """Return the corners of an image; the attributes give latitude, longitude, height."""
    names = [f"{corner} Geodetic Coordinates" for corner in _CORNERS]
    if not all(name in about for name in names):
        return None
    points = [about.numbers(name, (-1,)) for name in names]
    if not all(len(point) in (2, 3) for point in points):
        raise InputError(f"{about.place}: its corners are not latitude, longitude and height")
    lon = np.unwrap([point[1] for point in points], period=360.0)
    return tuple((float(x), float(point[0])) for x, point in zip(lon, points, strict=True))


def mean_height(about: Attributes) -> float:
    """Return the mean height of the corners above the ellipsoid, m; 0 where it is not stated."""
    names = [f"{corner} Geodetic Coordinates" for corner in _CORNERS]
    points = [about.numbers(name, (-1,)) for name in names if name in about]
    heights = [float(point[2]) for point in points if len(point) == 3]
    return sum(heights) / len(heights) if heights else 0.0


def map_grid(about: Attributes, shape: tuple[int, int]) -> Grid | None:
    """Return the grid of a map product; None for one that is not on a map.

    The corner is the outer one of the first pixel, or its centre where the opposite corners say so; columns are
    Column Spacing apart, lines Line Spacing.

    Raises
    ------
    InputError
        The projection is neither UTM nor UPS on WGS84, or corners and spacings contradict each other.
    """
    if "Top Left East-North" not in about:
        return None
    west, north = about.numbers("Top Left East-North", (2,))
    wide, high = about.number("Column Spacing"), about.number("Line Spacing")
    shift = 0.0
    if "Bottom Right East-North" in about:
        east, south = about.numbers("Bottom Right East-North", (2,))
        spans = (east - west) / wide - shape[1], (north - south) / high - shape[0]
        shift = float(np.round(np.mean(spans)))
        if shift not in (0.0, -1.0) or max(abs(span - shift) for span in spans) > 0.25:
            raise InputError(
                f"{about.place}: corners {east - west:g} x {north - south:g} m apart do not fit "
                f"{shape[1]} x {shape[0]} pixels of {wide:g} x {high:g} m"
            )
    transform = Affine(wide, 0.0, west + shift * wide / 2, 0.0, -high, north - shift * high / 2)
    return Grid(shape, transform, _crs(about))


def _crs(about: Attributes) -> CRS:
    projection, ellipsoid = about.text("Projection ID"), about.text("Ellipsoid Designator", "WGS84")
    if ellipsoid.replace(" ", "") != "WGS84":
        raise InputError(f"{about.place}: Ellipsoid Designator = '{ellipsoid}'; only WGS84 is read")
    corner = outline(about)
    if "Map Projection Centre" in about:
        is_south = about.numbers("Map Projection False East-North", (2,))[1] > 0
        latitude, longitude = about.numbers("Map Projection Centre", (2,))
    elif corner is not None:
        longitude, latitude = corner[0]
        is_south = latitude < 0
    else:
        raise InputError(f"{about.place} lacks the attribute 'Map Projection Centre'")
    if projection.upper() == "UPS":
        return CRS.from_epsg(32661 if latitude > 0 else 32761)
    if projection.upper() != "UTM":
        raise InputError(f"{about.place}: Projection ID = '{projection}'; only UTM and UPS are read")
    zone = about.optional_number("Map Projection Zone")
    number = int((longitude + 180) // 6) + 1 if zone is None else int(abs(zone))
    if not 1 <= number <= 60:
        raise InputError(f"{about.place}: Map Projection Zone = {zone:g} is no UTM zone")
    return CRS.from_epsg((32700 if is_south else 32600) + number)
