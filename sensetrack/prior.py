"""Displacements and velocities that are known before a pair is measured, read for any block of it.

A prior says where to search: it may come from another tracker, from an earlier pair, or from a velocity map such as
those of ITS_LIVE. It is turned into pixels of the pair and sampled at the points that a tracker measures.
"""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

from sensetrack.displacement import Flag
from sensetrack.errors import GridError, InputError, ParameterError
from sensetrack.raster.crs import extent_text, transform_points
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.resample import pixel_ratio, resample_window, source_positions
from sensetrack.raster.tiles import Block
from sensetrack.trackers import Prior
from sensetrack.types import ComplexArray, DoubleArray, Mask, PathLike, PixelArray
from sensetrack.velocity.params import DAYS_PER_YEAR
from sensetrack.velocity.scale import metres_per_pixel

Kind = Literal["displacement", "velocity", "pixels"]


@dataclass(frozen=True, eq=False)
class PriorMap:
    """A map of expected displacement; it holds no pixels, so it pickles as its path.

    Build one with `PriorMap.open`, and place it on a pair with `fit`.

    Attributes
    ----------
    file : LayerFile
    kind : {"displacement", "velocity", "pixels"}
        A displacement file of ours, whose pixels are those of the images it was measured on; velocity along map x
        (east) and map y (north); or plain dx and dy in pixels of the pair that is to be measured.
    names : tuple of str
        Layers of the two components.
    errors : tuple of str
        Layers of their standard deviations, or none.
    spacing : int
        Input pixels per pixel of a displacement file.
    per_day : float
        Days to which a unit of the components belongs; 0 for displacements, which do not grow with time.
    days : float or None
        Time base of the pair, once it is placed on one.
    """

    file: LayerFile
    kind: Kind
    names: tuple[str, str]
    errors: tuple[str, ...] = ()
    spacing: int = 1
    per_day: float = 0.0
    days: float | None = None

    @classmethod
    def open(cls, path: PathLike) -> Self:
        """Open a map of displacement or velocity.

        Parameters
        ----------
        path : path-like
            One of: a displacement file of ours (``.tif``, ``.nc``), taken as it is whatever its time base; a velocity
            file of ours or of ITS_LIVE (``.nc``), or a raster with bands ``vx`` and ``vy``, in metres per year unless
            the file says per day; a raster with bands ``dx`` and ``dy``, or with two bands without names, in pixels of
            the pair, right and down.

        Raises
        ------
        InputError
            There is no such file, or it is none of these.
        NotARasterError, CorruptFileError
            It cannot be opened.
        """
        file = LayerFile.open(path)
        names = set(file.names)
        if {"dx", "dy"} <= names:
            errors = ("sigma_dx", "sigma_dy") if {"sigma_dx", "sigma_dy"} <= names else ()
            if "spacing" not in file.tags:
                return cls(file, "pixels", ("dx", "dy"), errors)
            return cls(file, "displacement", ("dx", "dy"), errors, _spacing(file))
        if {"vx", "vy"} <= names:
            errors = ("vx_error", "vy_error") if {"vx_error", "vy_error"} <= names else ()
            return cls(file, "velocity", ("vx", "vy"), errors, per_day=_days_of_unit(file))
        if file.names == ("band 1", "band 2"):
            return cls(file, "pixels", ("band 1", "band 2"))
        raise InputError(
            f"{os.fspath(path)}: not a prior: it has {', '.join(file.names)}; give a displacement file, a velocity "
            "file, or a raster with bands vx and vy (m/yr) or dx and dy (px)"
        )

    @property
    def path(self) -> str:
        """The file."""
        return self.file.path

    @property
    def place(self) -> str:
        """Where it comes from, for provenance: an absolute path."""
        return str(Path(self.path).resolve()) if Path(self.path).exists() else self.path

    def fit(self, grid: Grid, days: float | None) -> Self:
        """Check that the map can be used with a pair, and return it placed there.

        Parameters
        ----------
        grid : Grid
            Of the pair.
        days : float or None
            Time base of the pair.

        Raises
        ------
        GridError
            One of the two has no CRS, or they do not overlap.
        ParameterError
            A velocity needs the time between the images, and it is not known.
        InputError
            A velocity without CRS, whose pixels have no size in metres.
        """
        own = self.file.grid
        if (own.crs is None) != (grid.crs is None):
            raise GridError(
                f"{self.path} has CRS {crs_name(own.crs)} and the images have CRS {crs_name(grid.crs)}; assign the "
                "missing one with 'gdal_edit -a_srs EPSG:...'"
            )
        if not grid.overlaps(own):
            raise GridError(
                f"{self.path} does not overlap the images: it covers {extent_text(own.bounds)} in "
                f"{crs_name(own.crs)}, they cover {extent_text(grid.bounds)} in {crs_name(grid.crs)}"
            )
        if self.kind == "velocity":
            if own.crs is None:
                raise InputError(
                    f"{self.path} holds velocity without a CRS, so its metres cannot be turned into pixels; give the "
                    "displacement file instead"
                )
            if days is None:
                raise ParameterError(
                    f"{self.path} holds velocity, and the time between the images is not known; pass --days or --dates "
                    "(days=...)"
                )
        return dataclasses.replace(self, days=days)

    def read(self, grid: Grid, points: Grid, block: Block, border: int) -> Prior:
        """Return the displacement that is expected at the points of a block.

        Parameters
        ----------
        grid : Grid
            Of the pair.
        points : Grid
            Of the tracker's output.
        block : Block
            Part of the output.
        border : int
            Output pixels around the block that are wanted as well.

        Returns
        -------
        Prior
            NaN where the map says nothing.
        """
        area = block.expand(border)
        values, valid = self._sample(self.names, points, area)
        per_pixel = self._per_source_pixel(points, area)
        if per_pixel is None:
            dx, dy = values.real.astype(np.float64), values.imag.astype(np.float64)
        else:
            dx, dy = self._in_pixels(grid, points, area, *_apply(per_pixel, values))
        sigma = np.zeros(area.shape)
        if self.errors:
            errors, known = self._sample(self.errors, points, area)
            size = np.hypot(errors.real, errors.imag) / math.sqrt(2)
            sigma = np.where(known, size * self._scale(grid, points, per_pixel), 0.0)
        empty = ~(valid & np.isfinite(dx + dy))
        dx[empty], dy[empty] = np.nan, np.nan
        return Prior(dx.astype(np.float32), dy.astype(np.float32), sigma.astype(np.float32), border)

    def _sample(self, names: tuple[str, ...], points: Grid, area: Block) -> tuple[ComplexArray, Mask]:
        """Interpolate two layers, as real and imaginary part, at the points of a block."""
        more = ("flags",) if "flags" in self.file.names and self.kind != "pixels" else ()

        def read(window: Block) -> tuple[PixelArray, Mask]:
            layers = self.file.read(window, [*names, *more])
            both = np.empty(window.shape, np.complex64)
            both.real, both.imag = layers[names[0]], layers[names[1]]
            valid = np.isfinite(both)
            if more:
                flags = np.nan_to_num(layers["flags"].astype(np.float32), nan=float(Flag.NODATA)).astype(np.uint8)
                valid &= (flags & ~np.uint8(Flag.FILLED)) == 0
            both[~valid] = 0
            return both, valid

        pixels, valid = resample_window(read, self.file.grid, points, area, "bilinear", np.complex64)
        return np.asarray(pixels, np.complex64), valid

    def _per_source_pixel(self, points: Grid, area: Block) -> DoubleArray | None:
        """Return the matrix that turns components into columns and rows of the map, ``(2, 2, ...)``; None for none."""
        if self.kind == "pixels":
            return None
        if self.kind == "displacement":
            return np.eye(2)[:, :, None, None] / self.spacing
        assert self.days is not None
        own = self.file.grid
        if own.is_geographic:
            # The size of a degree depends on the latitude of each point.
            row, _ = source_positions(points, own, area)
            metres = metres_per_pixel(own, 1)
            lines = np.clip(np.rint(np.nan_to_num(row)), 0, own.height - 1).astype(np.intp)
            terms = [np.broadcast_to(term, (own.height, 1))[lines, 0] for term in vars(metres).values()]
        else:
            terms = [np.asarray(term) for term in vars(metres_per_pixel(own, 1)).values()]
        x_dx, x_dy, y_dx, y_dy = terms
        det = x_dx * y_dy - x_dy * y_dx
        rate = self.days / self.per_day
        inverse = np.array([[y_dy / det, -x_dy / det], [-y_dx / det, x_dx / det]]) * rate
        return inverse if inverse.ndim == 4 else inverse[:, :, None, None]

    def _in_pixels(
        self, grid: Grid, points: Grid, area: Block, right: DoubleArray, down: DoubleArray
    ) -> tuple[DoubleArray, DoubleArray]:
        """Turn steps in pixels of the map into steps in pixels of the pair, by moving every point through both CRSs."""
        own = self.file.grid
        row, col = source_positions(points, own, area)
        ends = []
        for r, c in ((row, col), (row + down, col + right)):
            x, y = transform_points(own.crs, grid.crs, *own.xy(r, c))
            ends.append(grid.rowcol(x, y))
        with np.errstate(invalid="ignore"):
            return ends[1][1] - ends[0][1], ends[1][0] - ends[0][0]

    def _scale(self, grid: Grid, points: Grid, per_pixel: DoubleArray | None) -> DoubleArray | float:
        """Return pixels of the pair per unit of the components, roughly, for their errors."""
        if per_pixel is None:
            return 1.0
        to_map = np.sqrt(np.abs(per_pixel[0, 0] * per_pixel[1, 1] - per_pixel[0, 1] * per_pixel[1, 0]))
        size = points.pixel_size[0] / grid.pixel_size[0]
        return np.asarray(to_map * size / math.sqrt(math.prod(pixel_ratio(points, self.file.grid))))


def _apply(matrix: DoubleArray, values: ComplexArray) -> tuple[DoubleArray, DoubleArray]:
    x, y = values.real.astype(np.float64), values.imag.astype(np.float64)
    return matrix[0, 0] * x + matrix[0, 1] * y, matrix[1, 0] * x + matrix[1, 1] * y


def _spacing(file: LayerFile) -> int:
    try:
        return int(file.tags["spacing"])
    except ValueError:
        raise InputError(f"{file.path}: its tag spacing = '{file.tags['spacing']}' is not a number") from None


def _days_of_unit(file: LayerFile) -> float:
    """Return how many days the unit of a velocity file counts: those of a year unless it says per day."""
    unit = str(file.attributes.get("vx", {}).get("units", "") or file.tags.get("units", "")).strip().lower()
    if unit in ("m/d", "m/day", "meter/day", "meters/day", "metre/day", "m d-1", "m day-1"):
        return 1.0
    if unit in ("", "m/yr", "m/y", "m/a", "m/year", "meter/year", "meters/year", "metre/year", "m yr-1", "m year-1"):
        return DAYS_PER_YEAR
    raise InputError(f"{file.path}: velocity in '{unit}' is not understood; use m/yr or m/d")
