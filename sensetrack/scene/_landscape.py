"""Ground with a known motion: what every kind of scene builds and the camera photographs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from affine import Affine
from scipy import ndimage

from sensetrack.types import DoubleArray, FloatArray, Mask

OVERSAMPLING = 2
"""Ground samples per image pixel and direction."""

PAD = 24
"""Image pixels of ground around the image, more than any displacement."""

LATTICE = 4
"""Image pixels between the nodes on which smooth geometry is laid out."""


@dataclass(frozen=True)
class Frame:
    """The sampling of the ground under an image.

    Coordinates are image pixels, whole at pixel centres; the ground reaches `PAD` pixels beyond the image.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the image.
    full_shape : tuple of int
        Rows and columns for which the lengths of the landscape are stated.
    """

    shape: tuple[int, int]
    full_shape: tuple[int, int]

    @property
    def scale(self) -> float:
        """Size relative to the full scene, for which lengths are stated."""
        return min(self.shape[0] / self.full_shape[0], self.shape[1] / self.full_shape[1])

    @property
    def fine_shape(self) -> tuple[int, int]:
        """Rows and columns of ground samples."""
        return OVERSAMPLING * (self.shape[0] + 2 * PAD), OVERSAMPLING * (self.shape[1] + 2 * PAD)

    def fine(self) -> tuple[DoubleArray, DoubleArray]:
        """Image coordinates of the ground samples, as a column of rows and a row of columns."""
        rows, cols = (
            (np.arange(count, dtype=np.float64) + 0.5) / OVERSAMPLING - 0.5 - PAD for count in self.fine_shape
        )
        return rows[:, None], cols[None, :]

    def to_fine(self, row: DoubleArray, col: DoubleArray) -> DoubleArray:
        """Return the fractional sample indices of image coordinates, stacked for `scipy.ndimage`."""
        return np.stack(np.broadcast_arrays(*((v + 0.5 + PAD) * OVERSAMPLING - 0.5 for v in (row, col))))

    def lattice(self) -> tuple[DoubleArray, DoubleArray]:
        """Image coordinates of the nodes of a coarse lattice over the ground, as full arrays."""
        rows, cols = (np.arange(-PAD - LATTICE, size + PAD + 2 * LATTICE, LATTICE) for size in self.shape)
        grid = np.meshgrid(rows.astype(np.float64), cols.astype(np.float64), indexing="ij")
        return grid[0], grid[1]


class LatticeField:
    """A smooth field given on the lattice of a frame; between the nodes it is its cubic spline, exactly.

    Parameters
    ----------
    values : ndarray
        One value per node of `Frame.lattice`.
    """

    def __init__(self, values: DoubleArray) -> None:
        self._coefficients = ndimage.spline_filter(values.astype(np.float64), order=3, mode="mirror")

    def at(self, row: DoubleArray, col: DoubleArray) -> DoubleArray:
        """Return the values at image coordinates; arrays that broadcast."""
        index = np.stack(np.broadcast_arrays(*((v + PAD + LATTICE) / LATTICE for v in (row, col))))
        return ndimage.map_coordinates(self._coefficients, index, order=3, mode="mirror", prefilter=False)

    def on_ground(self, frame: Frame) -> FloatArray:
        """Return the values at all ground samples, float32."""
        rows, cols = frame.fine()
        origin = [(float(v.ravel()[0]) + PAD + LATTICE) / LATTICE for v in (rows, cols)]
        step = 1 / (OVERSAMPLING * LATTICE)
        return ndimage.affine_transform(
            self._coefficients,
            np.array([step, step]),
            offset=origin,
            output_shape=frame.fine_shape,
            output=np.float32,
            order=3,
            mode="mirror",
            prefilter=False,
        )


class Motion(ABC):
    """Displacement of the ground between the dates, in image pixels."""

    @abstractmethod
    def at(self, row: DoubleArray, col: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Return ``(dy, dx)`` of the content that lies at ``(row, col)`` on the first date."""

    @abstractmethod
    def origin(self, row: DoubleArray, col: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Return where the content at ``(row, col)`` on the second date lay on the first."""


class SmoothMotion(Motion):
    """A smooth displacement, laid out on a lattice.

    Parameters
    ----------
    frame : Frame
    dy, dx : ndarray
        Displacement of the nodes of `Frame.lattice`, in pixels; its strain stays below 0.3.
    """

    def __init__(self, frame: Frame, dy: DoubleArray, dx: DoubleArray) -> None:
        self._dy, self._dx = LatticeField(dy), LatticeField(dx)
        rows, cols = frame.lattice()
        guess = self._solve(rows, cols, rows, cols, 12)
        self._back_row, self._back_col = LatticeField(guess[0] - rows), LatticeField(guess[1] - cols)

    def at(self, row: DoubleArray, col: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Return ``(dy, dx)`` at image coordinates."""
        return self._dy.at(row, col), self._dx.at(row, col)

    def origin(self, row: DoubleArray, col: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Return where the content at ``(row, col)`` on the second date lay on the first.

        The solution on the lattice, interpolated, is refined in place; each step multiplies its error by the strain.
        """
        guess = row + self._back_row.at(row, col), col + self._back_col.at(row, col)
        return self._solve(row, col, *guess, 3)

    def _solve(
        self, row: DoubleArray, col: DoubleArray, guess_row: DoubleArray, guess_col: DoubleArray, steps: int
    ) -> tuple[DoubleArray, DoubleArray]:
        """Invert ``x -> x + u(x)`` by fixed-point iteration."""
        for _ in range(steps):
            dy, dx = self.at(guess_row, guess_col)
            guess_row, guess_col = row - dy, col - dx
        return guess_row, guess_col


@dataclass(frozen=True, eq=False)
class Landscape:
    """Ground at rest in the geometry of the first date, and how it moves.

    Attributes
    ----------
    height : ndarray of float32
        Height of the ground samples, in units of the pixel size, so that its gradient is the slope.
    albedo : tuple of two ndarray of float32
        Reflectance on the first and on the second date, both laid out in the geometry of the first.
    motion : Motion
    moving : ndarray of bool
        Ground samples that may move; all others are taken over unchanged.
    area : ndarray of bool or None
        Image pixels of the thing that moves (the glacier, the landslide); None when everything does.
    stable : ndarray of bool or None
        Image pixels that do not move and have texture; None when there are none.
    crs : str
        Authority code of the map projection in which it lies.
    transform : affine.Affine
        Of the image grid.
    """

    height: FloatArray
    albedo: tuple[FloatArray, FloatArray]
    motion: Motion
    moving: Mask
    area: Mask | None
    stable: Mask | None
    crs: str
    transform: Affine


def to_image(values: FloatArray) -> FloatArray:
    """Average ground samples over each image pixel, without the pad."""
    rows, cols = (size // OVERSAMPLING for size in values.shape)
    means = values.reshape(rows, OVERSAMPLING, cols, OVERSAMPLING).mean(axis=(1, 3))
    return np.asarray(means[PAD:-PAD, PAD:-PAD], np.float32)
