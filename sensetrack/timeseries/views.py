"""Views of one motion: velocity files and series of radar and optical images, with the geometry of each."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from sensetrack.displacement import Flag
from sensetrack.errors import GridError, InputError, ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.tiles import Block
from sensetrack.timeseries.cube import Cube
from sensetrack.timeseries.enu import FLATTEST, STEEPEST, geocoded_rows, local_incidence
from sensetrack.timeseries.invert import DAYS_PER_YEAR
from sensetrack.timeseries.stack import cross_covariance, read_velocity
from sensetrack.types import DoubleArray, FlagArray, PathLike
from sensetrack.velocity.itslive import is_pair, read_pair
from sensetrack.velocity.summary import read_summary

MEANS = ("vx_mean", "vy_mean", "v_mean", "vx_mean_error", "vy_mean_error", "v_mean_error")
"""Layers of a series that take part."""

LEFT_OUT = {"no_value": 1, "layover": 2, "shadow": 4, "no_geometry": 8}
"""Bits that say why a view is left out at a pixel; ``no_geometry``: there is no height or no angle."""

PRODUCT = "enu"
"""What the tag ``product`` says in the files that views are combined into."""

LOOK = 256
"""Pixels along the longer side of a raster of angles that are looked at before the work."""


@dataclass(frozen=True)
class RadarView:
    """Apparent map motion from terrain-corrected radar images of one track.

    Attributes
    ----------
    path : path-like
        Velocity file (ours or an ITS_LIVE pair), or a series of `sensetrack timeseries`.
    incidence : float or path-like
        Degrees from the vertical, above the ellipsoid; or a raster of them.
    heading : float or path-like
        Direction of flight, degrees clockwise from true north; or a raster of them.
    right : bool
        Whether the radar looks to the right of its flight.
    """

    path: PathLike
    incidence: float | PathLike
    heading: float | PathLike
    right: bool = True


@dataclass(frozen=True)
class OpticalView:
    """Map motion from orthorectified optical images, which is taken as it is.

    Attributes
    ----------
    path : path-like
        As that of `RadarView`.
    """

    path: PathLike


@dataclass(frozen=True, eq=False)
class OpenView:
    """A view whose file has been looked at; it holds no handle, so it pickles as its paths.

    Attributes
    ----------
    view : RadarView or OpticalView
    file : LayerFile
    kind : {"pair", "foreign", "series"}
        A velocity file of ours, an ITS_LIVE pair, or a series.
    per_day : bool
        Whether its velocities are per day.
    period : pair of datetime or None
        Between which dates its velocity is the mean.
    incidence, heading : float, Image or None
        Degrees; images lie on the grid of the file. None for an optical view.
    """

    view: RadarView | OpticalView
    file: LayerFile
    kind: Literal["pair", "foreign", "series"]
    per_day: bool
    period: tuple[datetime, datetime] | None
    incidence: float | Image | None = None
    heading: float | Image | None = None

    @classmethod
    def open(cls, view: RadarView | OpticalView) -> Self:
        """Read the header of a file and of rasters of angles.

        Raises
        ------
        InputError
            It is neither a velocity file nor a series.
        ParameterError
            An angle is out of range.
        GridError
            A raster of angles does not overlap the file.
        """
        path = os.fspath(view.path)
        if Path(path).suffix.lower() == ".zarr":
            raise InputError(f"{path}: a series is combined from its .nc file; write it as that")
        file = LayerFile.open(path)
        product = file.tags.get("product")
        kind: Literal["pair", "foreign", "series"]
        period: tuple[datetime, datetime] | None
        if product == "series":
            dates = Cube.open(path).header.dates
            kind, per_day, period = "series", False, (dates[0], dates[-1])
        elif product == "velocity" or is_pair(file):
            kind = "pair" if product == "velocity" else "foreign"
            summary = read_summary(file) if kind == "pair" else read_pair(file)[1]
            origin = summary.provenance
            ends = origin.reference_date, origin.secondary_date
            per_day = summary.units == "m/d"
            period = None if ends[0] is None or ends[1] is None else (ends[0], ends[1])
        elif product == PRODUCT:
            raise InputError(
                f"{path}: holds motion east, north and up already; give the velocities or series behind it"
            )
        else:
            raise InputError(
                f"{path}: neither a velocity file ('sensetrack velocity') nor a series ('sensetrack timeseries')"
            )
        incidence = heading = None
        if isinstance(view, RadarView):
            incidence = _angle("incidence", view.incidence, file, 0.0, 90.0)
            heading = _angle("heading", view.heading, file, -360.0, 360.0)
        return cls(view, file, kind, per_day, period, incidence, heading)

    @property
    def path(self) -> str:
        """File of its velocities."""
        return self.file.path

    @property
    def inputs(self) -> list[str]:
        """All files that it reads."""
        angles = (self.incidence, self.heading)
        return [self.path, *(each.path for each in angles if isinstance(each, Image) and each.path is not None)]

    def description(self) -> dict[str, Any]:
        """Return what is known of it, JSON-ready."""
        found: dict[str, Any] = {"file": self.path, "kind": "optical"}
        if isinstance(self.view, RadarView):
            angles = {"incidence": self.view.incidence, "heading": self.view.heading}
            found["kind"] = "radar"
            found |= {name: value if _is_number(value) else str(value) for name, value in angles.items()}
            found["looks"] = "right" if self.view.right else "left"
        if self.period is not None:
            found |= dict(zip(("start", "end"), (time.isoformat() for time in self.period), strict=True))
        return found

    def read(self, block: Block, per_day: bool) -> tuple[DoubleArray, DoubleArray, FlagArray]:
        """Return velocity along the map's axes, its covariance xx, yy, xy, and flags.

        Parameters
        ----------
        block : Block
        per_day : bool
            Whether metres per day are wanted, not per year.

        Returns
        -------
        velocity : ndarray, shape (2, row, col)
        covariance : ndarray, shape (3, row, col)
        flags : ndarray of uint8
        """
        if self.kind == "series":
            layers = self.file.read(block, MEANS)
            vx, vy, v, ex, ey, ev = (layers[name].astype(np.float64) for name in MEANS)
            velocity = np.stack([vx, vy])
            covariance = np.stack([ex**2, ey**2, cross_covariance(vx, vy, v, ex, ey, ev)])
            flags = np.where(np.isfinite(velocity).all(axis=0), 0, Flag.NODATA).astype(np.uint8)
        else:
            velocity, covariance, flags = read_velocity(self.file, self.kind == "pair", block)
        factor = (DAYS_PER_YEAR if self.per_day else 1.0) / (DAYS_PER_YEAR if per_day else 1.0)
        return velocity * factor, covariance * factor**2, flags

    def rows(self, block: Block, slope: DoubleArray) -> tuple[DoubleArray, FlagArray]:
        """Return how its motion towards true east and north changes with that of the ground, and why it cannot be used.

        Parameters
        ----------
        block : Block
        slope : ndarray, shape (2, row, col)
            Height gained per metre towards true east and north; NaN where it is not known.

        Returns
        -------
        rows : ndarray of float64, shape (2, 3, row, col)
        left_out : ndarray of uint8
            Bits of `LEFT_OUT`.
        """
        left_out = np.zeros(block.shape, np.uint8)
        if not isinstance(self.view, RadarView):
            flat = np.broadcast_to(np.eye(2, 3)[:, :, None, None], (2, 3, *block.shape))
            return flat, left_out
        incidence, heading = (_read_angle(angle, block) for angle in (self.incidence, self.heading))
        incidence = np.where((incidence > 0) & (incidence < 90), incidence, np.nan)
        rows = geocoded_rows(incidence, heading, slope, self.view.right)
        local = local_incidence(incidence, heading, slope, self.view.right)
        with np.errstate(invalid="ignore"):
            left_out[local < STEEPEST] = LEFT_OUT["layover"]
            left_out[local > FLATTEST] = LEFT_OUT["shadow"]
        left_out[~np.isfinite(rows).all(axis=(0, 1)) & (left_out == 0)] = LEFT_OUT["no_geometry"]
        return rows, left_out

    def level_rows(self) -> DoubleArray:
        """Return its rows on level ground at a typical place, shape (2, 3)."""
        if not isinstance(self.view, RadarView):
            return np.eye(2, 3)
        return geocoded_rows(_typical(self.incidence), _typical(self.heading), (0.0, 0.0), self.view.right)


def view_text(description: Mapping[str, Any]) -> str:
    """Return what `OpenView.description` says as a line for a person."""
    parts = [str(description["kind"])]
    for name, unit in (("incidence", " degrees"), ("heading", " degrees")):
        if name in description:
            value = description[name]
            parts.append(f"{name} {value:g}{unit}" if _is_number(value) else f"{name} of {value}")
    if description.get("looks") == "left":
        parts.append("left-looking")
    if "start" in description:
        parts.append(f"{description['start'][:10]} to {description['end'][:10]}")
    return ", ".join(parts)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float))


def _angle(name: str, value: float | PathLike, file: LayerFile, low: float, high: float) -> float | Image:
    """Return an angle, or its raster on the grid of a file, checked."""
    if isinstance(value, (int, float)):
        if not low < value < high:
            raise ParameterError(f"{file.path}: {name} = {value:g}: give degrees, above {low:g} and below {high:g}")
        return float(value)
    image = Image.open(value)
    if file.grid.crs is not None and image.grid.crs is not None and not file.grid.overlaps(image.grid):
        raise GridError(f"{image.name}: the raster of the {name} does not overlap {file.path}")
    pixels, valid = image.read_overview(LOOK)
    if not valid.any() or not ((pixels[valid] > low) & (pixels[valid] < high)).mean() > 0.5:
        raise ParameterError(f"{image.name}: a raster of the {name} holds degrees, above {low:g} and below {high:g}")
    # The nearest direction, so that 359 and 1 degrees do not become 180.
    return image.on_grid(file.grid, "bilinear" if name == "incidence" else "nearest")


def _read_angle(angle: float | Image | None, block: Block) -> DoubleArray:
    if isinstance(angle, Image):
        pixels, valid = angle.read(block)
        return np.where(valid, pixels, np.nan).astype(np.float64)
    return np.full(block.shape, math.nan if angle is None else angle)


def _typical(angle: float | Image | None) -> float:
    if not isinstance(angle, Image):
        return math.nan if angle is None else angle
    pixels, valid = angle.read_overview(LOOK)
    return float(np.median(pixels[valid])) if valid.any() else math.nan


def check_grids(views: list[OpenView]) -> Grid:
    """Return the grid of all views.

    Raises
    ------
    GridError
        They differ.
    """
    first = views[0]
    for each in views[1:]:
        gap = each.file.grid.difference(first.file.grid)
        if gap:
            raise GridError(
                f"{each.path} and {first.path} lie on different grids: {gap}; bring the images of all views onto one "
                "grid before they are tracked ('sensetrack prepare SCENES... -o DIR'), and track them with one step"
            )
    return first.file.grid
