"""The velocity files of many pairs on one grid, read together block by block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import numpy as np

from sensetrack.displacement import Flag
from sensetrack.errors import CorruptFileError, GridError, InputError
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.tiles import Block
from sensetrack.timeseries.invert import DAYS_PER_YEAR
from sensetrack.types import DoubleArray, FlagArray, FloatArray, PathLike
from sensetrack.velocity.itslive import is_pair, read_pair
from sensetrack.velocity.summary import LAYERS, read_summary

SAME_DATE = 3600.0
"""Seconds up to which two acquisitions count as one date: hardly anything moves, and its velocity would be noise."""

LEAST_SLANT = 1e-3
"""Product of the direction cosines of a velocity from which the errors tell how those of its components are related."""


@dataclass(frozen=True)
class Member:
    """One pair of a stack.

    Attributes
    ----------
    file : LayerFile
    first, second : datetime
        Acquisitions, UTC.
    reference, secondary : str
        Names of the images.
    days : float
    per_day : bool
        Whether velocities are per day.
    ours : bool
        Whether it is a velocity file of ours, with all error layers.
    """

    file: LayerFile
    first: datetime
    second: datetime
    reference: str
    secondary: str
    days: float
    per_day: bool
    ours: bool

    @classmethod
    def open(cls, path: PathLike) -> Self:
        """Read the header of a velocity file, ours or an ITS_LIVE pair.

        Raises
        ------
        InputError
            It is no velocity file, or does not say both dates.
        """
        file = LayerFile.open(path)
        ours = file.tags.get("product") == "velocity"
        summary = read_summary(file) if ours or not is_pair(file) else read_pair(file)[1]
        origin = summary.provenance
        if origin.reference_date is None or origin.secondary_date is None:
            raise InputError(f"{path}: does not say both dates; make it again with 'sensetrack velocity --dates A B'")
        return cls(
            file,
            origin.reference_date,
            origin.secondary_date,
            Path(origin.reference).stem,
            Path(origin.secondary).stem,
            days=summary.days,
            per_day=summary.units == "m/d",
            ours=ours,
        )

    def read(self, block: Block) -> tuple[FloatArray, FloatArray]:
        """Return the way in metres, (2, row, col), and its covariance xx, yy, xy, (3, row, col); NaN where missing."""
        rate, covariance, flags = read_velocity(self.file, self.ours, block)
        years = self.days * (1.0 if self.per_day else 1.0 / DAYS_PER_YEAR)
        way = rate * years
        way[:, flags != 0] = np.nan
        return way.astype(np.float32), (covariance * years**2).astype(np.float32)


def read_velocity(file: LayerFile, ours: bool, block: Block) -> tuple[DoubleArray, DoubleArray, FlagArray]:
    """Read a block of a velocity file.

    Parameters
    ----------
    file : LayerFile
    ours : bool
        Whether it is one of ours, with all error layers, or an ITS_LIVE pair.
    block : Block

    Returns
    -------
    velocity : ndarray, shape (2, row, col)
        In the units of the file.
    covariance : ndarray, shape (3, row, col)
        xx, yy, xy.
    flags : ndarray of uint8
    """
    layers = _layers(file, block) if ours else _foreign(file, block)
    flags = np.nan_to_num(layers["flags"], nan=float(Flag.NODATA)).astype(np.uint8)
    vx, vy, v, ex, ey, ev = (layers[name].astype(np.float64) for name in LAYERS[:-1])
    cross = cross_covariance(vx, vy, v, ex, ey, ev) if ours else np.zeros_like(ex)
    return np.stack([vx, vy]), np.stack([ex**2, ey**2, cross]), flags


def _layers(file: LayerFile, block: Block) -> dict[str, np.ndarray]:
    if Path(file.path).suffix.lower() != ".nc":
        return file.read(block, LAYERS)
    import h5py

    # A stack is read pair by pair for every block, so what netCDF says besides the pixels is not read again.
    try:
        with h5py.File(file.path, "r") as opened:
            if any(opened[name].dtype.kind == "i" for name in LAYERS[:-1]):
                return file.read(block, LAYERS)
            return {name: opened[name][(0,) * (opened[name].ndim - 2) + block.slices] for name in LAYERS}
    except (OSError, KeyError) as error:
        raise CorruptFileError(f"{file.path}: cannot be read, is it cut off? ({error})") from error


def _foreign(file: LayerFile, block: Block) -> dict[str, np.ndarray]:
    """A block of an ITS_LIVE pair, which states one error per component where it has no layers of them."""
    known = [name for name in (*LAYERS[:-1], "interp_mask") if name in file.names]
    layers = file.read(block, known)
    missing = ~np.isfinite(layers["v"])
    for axis in "xy":
        error = float(file.attributes[f"v{axis}"].get("error", np.nan))
        layers.setdefault(f"v{axis}_error", np.full(block.shape, error, np.float32))
    layers.setdefault("v_error", np.hypot(layers["vx_error"], layers["vy_error"]))
    filled = np.asarray(layers.pop("interp_mask", np.zeros(block.shape))) > 0
    return layers | {"flags": np.where(missing, Flag.NODATA, np.where(filled, Flag.FILLED, 0))}


def cross_covariance(
    vx: DoubleArray, vy: DoubleArray, v: DoubleArray, ex: DoubleArray, ey: DoubleArray, ev: DoubleArray
) -> DoubleArray:
    """Return the covariance of vx and vy, from the vector, its length and their errors.

    The error of the speed is that along the motion, ``ev^2 = (vx^2 ex^2 + 2 vx vy c + vy^2 ey^2) / v^2``, so it tells
    ``c`` wherever the motion is not along an axis.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        slant = vx * vy / v**2
        cross = (ev**2 - (vx**2 * ex**2 + vy**2 * ey**2) / v**2) / (2.0 * slant)
        limit = 0.99 * ex * ey
        return np.where(np.abs(slant) > LEAST_SLANT, np.clip(cross, -limit, limit), 0.0)


@dataclass(frozen=True, eq=False)
class Stack:
    """Pairs on one grid; it holds no handle, so it pickles as paths.

    Attributes
    ----------
    grid : Grid
    members : tuple of Member
        In order of their dates.
    dates : tuple of datetime
        All dates, ascending.
    pairs : tuple of tuple of int
        Dates of each member, as indices.
    """

    grid: Grid
    members: tuple[Member, ...]
    dates: tuple[datetime, ...]
    pairs: tuple[tuple[int, int], ...]

    @classmethod
    def open(cls, paths: Sequence[PathLike]) -> Self:
        """Open velocity files of pairs.

        Raises
        ------
        InputError
            One is no velocity file with dates, or there is none.
        GridError
            They differ in grid.
        """
        opened = [Member.open(path) for path in paths]
        if not opened:
            raise InputError("a series needs velocity files of pairs; none was given")
        grid = opened[0].file.grid
        for member in opened[1:]:
            gap = member.file.grid.difference(grid)
            if gap:
                raise GridError(
                    f"{member.file.path} and {opened[0].file.path} lie on different grids: {gap}; measure all "
                    "pairs on images of one grid ('sensetrack prepare')"
                )
        members = sorted(opened, key=lambda each: (each.first, each.second, each.file.path))
        dates = _merge([time for each in members for time in (each.first, each.second)])
        pairs = tuple((_place(dates, each.first), _place(dates, each.second)) for each in members)
        return cls(grid, tuple(members), tuple(dates), pairs)

    @property
    def days(self) -> list[float]:
        """Dates as days since the first."""
        return [(date - self.dates[0]) / timedelta(days=1) for date in self.dates]

    def read(self, block: Block) -> tuple[FloatArray, FloatArray]:
        """Return way and covariance of all pairs in a block: (pair, 2, row, col) and (pair, 3, row, col)."""
        moved = np.empty((len(self.members), 2, *block.shape), np.float32)
        covariance = np.empty((len(self.members), 3, *block.shape), np.float32)
        for number, member in enumerate(self.members):
            moved[number], covariance[number] = member.read(block)
        return moved, covariance

    def block_side(self, budget: int, multiple: int) -> int:
        """Return the side of a block whose pairs take about ``budget`` bytes, a multiple of ``multiple``."""
        side = math.isqrt(max(1, budget // (len(self.members) * 5 * 4 * 2)))
        return int(np.clip(side // multiple * multiple, multiple, 512))


def _merge(times: Sequence[datetime]) -> list[datetime]:
    found: list[datetime] = []
    for time in sorted(times):
        if not found or (time - found[-1]).total_seconds() > SAME_DATE:
            found.append(time)
    return found


def _place(dates: Sequence[datetime], time: datetime) -> int:
    return min(range(len(dates)), key=lambda index: abs(dates[index] - time))
