"""Tiles on a grid, and what is measured at each; what both modes share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensetrack.types import FloatArray, Mask

STEEPEST = 15
"""Degrees by which tiles are turned at most, in training of mode per-tile."""


def rim_of(tile: int) -> int:
    """Return the pixels around a tile of a side that its alterations in mode per-tile look at."""
    turned = tile / 2 * (math.cos(math.radians(STEEPEST)) + math.sin(math.radians(STEEPEST)) - 1)
    return max(math.ceil(turned), 2) + 2


@dataclass(frozen=True)
class Grid:
    """Tiles on a grid.

    Attributes
    ----------
    shape : tuple of int
        Tiles along rows and columns.
    first : int
        Row and column of the first tile's upper left pixel.
    tile : int
        Side.
    step : int
        Between tiles.
    search : int
        Largest displacement along each axis.
    """

    shape: tuple[int, int]
    first: int
    tile: int
    step: int
    search: int

    def corners(self) -> NDArray[np.int64]:
        """Return the upper left pixel of every tile, row by row, ``(n, 2)``."""
        rows, cols = np.meshgrid(*(self.first + self.step * np.arange(n) for n in self.shape), indexing="ij")
        return np.stack([rows.ravel(), cols.ravel()], 1).astype(np.int64)


class Candidates(NamedTuple):
    """What the probabilities of all candidates of each tile say; tensors or arrays ``(n,)``.

    Attributes
    ----------
    best : int
        Number of the most probable candidate.
    probability : float
        Of it and the eight around it, or of it alone.
    mean, deviation : float
        Of the probabilities of all candidates.
    """

    best: Any
    probability: Any
    mean: Any
    deviation: Any


class Measured(NamedTuple):
    """What was measured at each tile, ``(n,)``.

    Attributes
    ----------
    dx, dy : ndarray of float
        px.
    probability : ndarray of float
    sigma_dx, sigma_dy, rho : ndarray of float
    mean, deviation : ndarray of float
        Of the probabilities of all candidates.
    share : ndarray of float
        Largest share of valid pixels of any candidate.
    on_edge, converged : ndarray of bool
    """

    dx: NDArray[Any]
    dy: NDArray[Any]
    probability: NDArray[Any]
    sigma_dx: NDArray[Any]
    sigma_dy: NDArray[Any]
    rho: NDArray[Any]
    mean: NDArray[Any]
    deviation: NDArray[Any]
    share: NDArray[Any]
    on_edge: Mask
    converged: Mask


def spread(image: FloatArray, valid: Mask, corners: NDArray[np.int64], side: int) -> NDArray[np.float64]:
    """Return the standard deviation of the valid pixels of squares, relative to their level; 0 for a flat one.

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)``, 0 where invalid.
    valid : ndarray of bool
    corners : ndarray of int
        ``(n, 2)``: upper left pixels, which may lie outside.
    side : int
    """
    out = np.zeros(len(corners))
    for number, (row, col) in enumerate(corners):
        part = slice(max(row, 0), max(row + side, 0)), slice(max(col, 0), max(col + side, 0))
        values = image[part][valid[part]].astype(np.float64)
        level = np.sqrt(np.mean(values**2)) if values.size else 0.0
        out[number] = values.std() / level if level > 0 else 0.0
    return out
