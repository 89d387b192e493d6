"""How wrong a displacement or velocity file is, against a truth that is known at every pixel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from sensetrack.displacement import Displacement
from sensetrack.errors import GridError, InputError
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.mask import AreaMask
from sensetrack.types import DoubleArray, FloatArray, Mask, PathLike
from sensetrack.velocity import Velocity
from sensetrack.velocity.convert import rate
from sensetrack.velocity.params import VelocityParams
from sensetrack.velocity.scale import metres_per_pixel

EVERYWHERE = "all"
"""Name of the area that holds every pixel whose truth is known."""

_WITHIN_95 = 1.959963984540054
"""Half width of the 95 % interval of a Gaussian, in standard deviations."""


@dataclass(frozen=True)
class Accuracy:
    """Errors over one area, at the pixels that have a value to use.

    The endpoint error is the length of the difference of two vectors, measured minus true.

    Attributes
    ----------
    area : str
    unit : str
        ``px``, or the unit of the velocity.
    total, count : int
        Pixels whose truth is known, and how many of them have a value.
    bias_x, bias_y : float
        Median error along dx and dy, or along vx and vy.
    rmse, mean, median, p90, p95 : float
        Root mean square, mean and percentiles of the endpoint error.
    within_68, within_95 : float
        Share of component errors within 1 and within 1.96 predicted standard deviations: 0.68 and 0.95 when the
        predictions are right; larger when they are too cautious.
    """

    area: str
    unit: str
    total: int
    count: int
    bias_x: float
    bias_y: float
    rmse: float
    mean: float
    median: float
    p90: float
    p95: float
    within_68: float
    within_95: float

    @property
    def share(self) -> float:
        """Share of pixels that have a value, 0..1."""
        return self.count / max(1, self.total)


@dataclass(frozen=True, eq=False)
class Truth:
    """True displacement on the pixels of the images.

    Attributes
    ----------
    grid : Grid
        Of the images.
    dx, dy : ndarray of float32
        Pixels, positive right and down; NaN where it is not known.
    """

    grid: Grid
    dx: FloatArray
    dy: FloatArray

    @classmethod
    def open(cls, path: PathLike) -> Truth:
        """Read a truth file: layers ``dx``, ``dy`` and, optionally, ``valid`` (not 0 where it may be used).

        Raises
        ------
        InputError
            There is no such file, or it lacks a layer.
        """
        file = LayerFile.open(path)
        if not {"dx", "dy"} <= set(file.names):
            raise InputError(f"{path}: not a truth file: it has no layer dx and dy, but {', '.join(file.names)}")
        layers = file.read(names=[name for name in ("dx", "dy", "valid") if name in file.names])
        known = np.nan_to_num(layers.get("valid", np.ones(file.grid.shape, np.float32))) > 0
        nan = np.float32(np.nan)
        return cls(file.grid, np.where(known, layers["dx"], nan), np.where(known, layers["dy"], nan))

    def at(self, grid: Grid) -> tuple[DoubleArray, DoubleArray]:
        """Return the truth at the pixel centres of a grid, bilinear; NaN outside and beside unknown pixels.

        Raises
        ------
        GridError
            The grid has another CRS.
        """
        if grid.crs != self.grid.crs:
            raise GridError("the truth has another CRS than the file that it is compared with")
        rows, cols = np.indices(grid.shape)
        place = np.stack(self.grid.rowcol(*grid.xy(rows, cols)))
        dx, dy = (
            map_coordinates(layer.astype(np.float64), place, order=1, mode="constant", cval=np.nan)
            for layer in (self.dx, self.dy)
        )
        return dx, dy


def displacement_accuracy(path: PathLike, truth: Truth, areas: Mapping[str, AreaMask] | None = None) -> list[Accuracy]:
    """Compare a displacement file with the truth.

    Parameters
    ----------
    path : path-like
        Read into memory.
    truth : Truth
    areas : mapping of str to AreaMask, optional
        Areas that are also judged apart.

    Returns
    -------
    list of Accuracy
        In pixels: everywhere, then each area.
    """
    found = Displacement.open(path)
    field = found.field
    dx, dy = truth.at(found.grid)
    errors = field.dx - dx, field.dy - dy
    sigmas = field.sigma_dx, field.sigma_dy
    return _judge(errors, sigmas, field.usable, np.isfinite(dx + dy), found.grid, areas or {}, "px")


def velocity_accuracy(path: PathLike, truth: Truth, areas: Mapping[str, AreaMask] | None = None) -> list[Accuracy]:
    """Compare a velocity file with the truth, which is turned into velocity with the file's own time base.

    Parameters
    ----------
    path : path-like
        Read into memory.
    truth : Truth
    areas : mapping of str to AreaMask, optional
        Areas that are also judged apart.

    Returns
    -------
    list of Accuracy
        In the unit of the file: everywhere, then each area.
    """
    found = Velocity.open(path)
    dx, dy = truth.at(found.grid)
    spacing = max(1, round(found.grid.pixel_size[0] / truth.grid.pixel_size[0]))
    metres = metres_per_pixel(found.grid, spacing)
    factor = rate(VelocityParams(units=found.units), found.days)
    vx = factor * (metres.x_dx * dx + metres.x_dy * dy)
    vy = factor * (metres.y_dx * dx + metres.y_dy * dy)
    usable = np.isfinite(found.vx) & np.isfinite(found.vy)
    errors = found.vx - vx, found.vy - vy
    sigmas = found.vx_error, found.vy_error
    return _judge(errors, sigmas, usable, np.isfinite(dx + dy), found.grid, areas or {}, found.units)


def _judge(
    errors: tuple[DoubleArray, DoubleArray],
    sigmas: tuple[FloatArray, FloatArray],
    usable: Mask,
    known: Mask,
    grid: Grid,
    areas: Mapping[str, AreaMask],
    unit: str,
) -> list[Accuracy]:
    rows = [accuracy_of(EVERYWHERE, errors, sigmas, usable, known, unit)]
    for name, area in areas.items():
        inside = area.read(grid)
        rows.append(accuracy_of(name, errors, sigmas, usable & inside, known & inside, unit))
    return rows


def accuracy_of(
    area: str,
    errors: tuple[DoubleArray, DoubleArray],
    sigmas: tuple[FloatArray, FloatArray],
    usable: Mask,
    known: Mask,
    unit: str = "px",
) -> Accuracy:
    """Judge errors that are known already.

    Parameters
    ----------
    area : str
        What to call the area that ``known`` covers.
    errors, sigmas : tuple of ndarray
        Of both components: measured minus true, and the predicted standard deviation.
    usable, known : ndarray of bool
        Where there is a value, and where the truth is known.
    unit : str
        Of the errors.
    """
    where = usable & known
    total, count = int(np.count_nonzero(known)), int(np.count_nonzero(where))
    if not count:
        return Accuracy(area, unit, total, 0, *[math.nan] * 9)
    x, y = (np.asarray(error[where], np.float64) for error in errors)
    length = np.hypot(x, y)
    scaled = np.abs(np.concatenate([x / sigmas[0][where], y / sigmas[1][where]]))
    scaled = scaled[np.isfinite(scaled)]
    p50, p90, p95 = (float(value) for value in np.percentile(length, (50, 90, 95)))
    return Accuracy(
        area=area,
        unit=unit,
        total=total,
        count=count,
        bias_x=float(np.median(x)),
        bias_y=float(np.median(y)),
        rmse=float(np.sqrt(np.mean(length**2))),
        mean=float(np.mean(length)),
        median=p50,
        p90=p90,
        p95=p95,
        within_68=float(np.mean(scaled <= 1.0)) if scaled.size else math.nan,
        within_95=float(np.mean(scaled <= _WITHIN_95)) if scaled.size else math.nan,
    )
