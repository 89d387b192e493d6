"""The data term of Horn & Schunck's flow: gradients, what each pixel counts, and differences made linear."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from sensetrack.flow.boxes import sum_around
from sensetrack.flow.spline import coefficients, value_at
from sensetrack.flow.tiling import Tile, over_tiles
from sensetrack.types import FloatArray

TEXTURE = 9
"""Side of the box, applied twice, over which the strength of texture is averaged, in pixels of the level."""

FAINT = 0.01
"""Mean square gradient, of images of unit deviation, that texture is told from nothing by: it keeps levels of the
pyramid on which next to nothing is left from being given a say."""


PENALTIES = ("none", "charbonnier", "lorentzian")
"""Weight of a difference d in units of the outlier: 1, 1 / sqrt(1 + d^2), 1 / (1 + d^2)."""


@dataclass(frozen=True, eq=False)
class Level:
    """A pair of images at one level of the pyramid, all float32 ``(row, col)``.

    Attributes
    ----------
    reference : ndarray
    dx, dy : ndarray
        Derivatives of the reference.
    weight : ndarray
        What each pixel of the reference counts: its weight over the mean square gradient around it.
    spline : ndarray
        Coefficients of the cubic B-spline through the secondary.
    reference_weight, secondary_weight : ndarray
        0..1, 0 where invalid.
    """

    reference: FloatArray
    dx: FloatArray
    dy: FloatArray
    weight: FloatArray
    spline: FloatArray
    reference_weight: FloatArray
    secondary_weight: FloatArray


def prepare(
    reference: FloatArray, secondary: FloatArray, reference_weight: FloatArray, secondary_weight: FloatArray
) -> Level:
    """Return what stays the same for all warps of a level.

    The gradient is the reference's own, by central differences of fourth order, and not the mean of the reference's
    and the moved secondary's. The mean converges from further away, which the pyramid makes needless; but what is
    interpolated between pixels has less noise than what falls on them, so a gradient that moves with the secondary
    pulls noisy flows towards half pixels. Smoother derivatives (Farid & Simoncelli 2004, *Differentiation of discrete
    multidimensional signals*, IEEE Transactions on Image Processing 13 (4), 496) fall short on fine texture, where
    Gauss-Newton steps by them go too far.

    Parameters
    ----------
    reference, secondary : ndarray of float32
        ``(row, col)``, evened out.
    reference_weight, secondary_weight : ndarray of float32
        0..1, 0 where invalid.

    Returns
    -------
    Level
    """
    dx, dy, weight = (np.empty_like(reference) for _ in range(3))
    over_tiles(reference.shape, lambda tile: _differentiate(reference, tile, dx, dy))
    over_tiles(reference.shape, lambda tile: _weigh(dx, dy, reference_weight, tile, weight))
    return Level(reference, dx, dy, weight, coefficients(secondary), reference_weight, secondary_weight)


@njit(cache=True, nogil=True)
def _differentiate(image: FloatArray, tile: Tile, dx: FloatArray, dy: FloatArray) -> None:
    """Write the derivatives; beyond the border the outermost pixels go on."""
    top, bottom, left, right = tile
    height, width = image.shape
    near, far = np.float32(8 / 12), np.float32(1 / 12)
    for r in range(top, bottom):
        line, across, down = image[r], dx[r], dy[r]
        above, below = image[max(r - 1, 0)], image[min(r + 1, height - 1)]
        over, under = image[max(r - 2, 0)], image[min(r + 2, height - 1)]
        for c in range(left, right):
            down[c] = near * (below[c] - above[c]) - far * (under[c] - over[c])
            beside = line[min(c + 1, width - 1)] - line[max(c - 1, 0)]
            across[c] = near * beside - far * (line[min(c + 2, width - 1)] - line[max(c - 2, 0)])


@njit(cache=True, nogil=True)
def _weigh(dx: FloatArray, dy: FloatArray, weight: FloatArray, tile: Tile, out: FloatArray) -> None:
    """Write each pixel's weight over the mean square of a component of the gradient around it."""
    top, bottom, left, right = tile
    height, width = weight.shape
    halo = TEXTURE - 1
    energy = np.zeros((bottom - top + 2 * halo, right - left + 2 * halo), np.float32)
    count = np.zeros_like(energy)
    for r in range(max(0, top - halo), min(height, bottom + halo)):
        for c in range(max(0, left - halo), min(width, right + halo)):
            known = weight[r, c]
            count[r - top + halo, c - left + halo] = known
            energy[r - top + halo, c - left + halo] = known * (dx[r, c] ** 2 + dy[r, c] ** 2)
    energies, counts = sum_around(energy, TEXTURE), sum_around(count, TEXTURE)
    faint = np.float32(FAINT)
    for r in range(top, bottom):
        for c in range(left, right):
            known = weight[r, c]
            if known > 0:
                mean = np.float32(0.5) * energies[r - top, c - left] / counts[r - top, c - left]
                out[r, c] = known / (mean + faint)
            else:
                out[r, c] = 0


def presence(level: Level, flow: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Return the weight of every pixel times that of where the flow finds it in the secondary: 0 outside."""
    out = np.empty_like(level.reference_weight)
    weights = level.reference_weight, level.secondary_weight
    over_tiles(out.shape, lambda tile: _presence(*weights, *flow, tile, out))
    return out


@njit(cache=True, nogil=True)
def _presence(
    reference_weight: FloatArray,
    secondary_weight: FloatArray,
    dx: FloatArray,
    dy: FloatArray,
    tile: Tile,
    out: FloatArray,
) -> None:
    top, bottom, left, right = tile
    for r in range(top, bottom):
        for c in range(left, right):
            out[r, c] = reference_weight[r, c] * _target(secondary_weight, r + dy[r, c], c + dx[r, c])


@njit(cache=True, nogil=True)
def _target(secondary_weight: FloatArray, row: float, col: float) -> np.float32:
    """Return the weight of the pixel nearest to a position, 0 where the spline is not known."""
    height, width = secondary_weight.shape
    if 1 <= row <= height - 2.001 and 1 <= col <= width - 2.001:
        return np.float32(secondary_weight[int(row + 0.5), int(col + 0.5)])
    return np.float32(0)


def linearise(
    level: Level,
    flow: tuple[FloatArray, FloatArray],
    guide: tuple[FloatArray, FloatArray],
    smoothness: float,
    robust: str,
    outlier: float,
) -> FloatArray:
    """Return the linear system for the departure of the flow from a guide.

    With the secondary moved back by the flow (u, v), its difference d from the reference, the gradient g and the
    weight w, the departure (a, b) from the guide (p, q) minimises
    ``sum w (d + g . (p + a - u, q + b - v))^2 + smoothness^2 (|grad a|^2 + |grad b|^2)``. At its least, with the sum
    over the n neighbours of a pixel in place of the Laplacian (Horn & Schunck 1981, section 12, have weighted means),
    ``(w g g^T + n smoothness^2) (a, b) = smoothness^2 sum (a, b) - w g (d + g . (p - u, q - v))``.

    Parameters
    ----------
    level : Level
    flow, guide : tuple of ndarray of float32
        Flow by which the secondary is moved, and flow from which departures are penalised.
    smoothness : float
        Pixels of the level.
    robust : str
        One of `PENALTIES`.
    outlier : float
        Difference d at which the weight has fallen markedly.

    Returns
    -------
    ndarray of float32
        ``(5, 2, rows, cols / 2)``: that equation solved for ``(a, b)``, in the form that
        `sensetrack.flow.horn_schunck_relax.relax` takes.
    """
    rows, cols = level.reference.shape
    system = np.empty((5, 2, rows, cols // 2), np.float32)
    images = level.reference, level.dx, level.dy, level.weight, level.spline, level.secondary_weight
    numbers = smoothness * smoothness, PENALTIES.index(robust), outlier
    over_tiles((rows, cols), lambda tile: _linearise(*images, flow, guide, *numbers, tile, system))
    return system


@njit(cache=True, nogil=True)
def _linearise(
    reference: FloatArray,
    dx: FloatArray,
    dy: FloatArray,
    weight: FloatArray,
    spline: FloatArray,
    secondary_weight: FloatArray,
    flow: tuple[FloatArray, FloatArray],
    guide: tuple[FloatArray, FloatArray],
    stiffness: float,
    robust: int,
    outlier: float,
    tile: Tile,
    system: FloatArray,
) -> None:
    top, bottom, left, right = tile
    height, width = reference.shape
    one = np.float32(1)
    stiff, scale = np.float32(stiffness), np.float32(1 / (outlier * outlier))
    for r in range(top, bottom):
        for c in range(left, right):
            side, k = c & 1, c >> 1
            neighbours = np.float32((r > 0) + (r < height - 1) + (c > 0) + (c < width - 1))
            hold = stiff * neighbours
            u, v = flow[0][r, c], flow[1][r, c]
            row, col = r + v, c + u
            known = weight[r, c] * _target(secondary_weight, row, col)
            if known <= 0:
                system[0, side, r, k] = system[1, side, r, k] = system[3, side, r, k] = 0
                system[2, side, r, k] = system[4, side, r, k] = one / neighbours
                continue
            difference = np.float32(value_at(spline, row, col)) - reference[r, c]
            if robust == 1:
                known /= np.sqrt(one + scale * difference * difference)
            elif robust == 2:
                known /= one + scale * difference * difference
            gx, gy = dx[r, c], dy[r, c]
            rest = known * (gx * (u - guide[0][r, c]) + gy * (v - guide[1][r, c]) - difference)
            xx, yy, xy = known * gx * gx + hold, known * gy * gy + hold, known * gx * gy
            inverse = one / (xx * yy - xy * xy)
            ixx, iyy, ixy = yy * inverse, xx * inverse, -xy * inverse
            system[0, side, r, k] = rest * (ixx * gx + ixy * gy)
            system[1, side, r, k] = rest * (ixy * gx + iyy * gy)
            system[2, side, r, k] = stiff * ixx
            system[3, side, r, k] = stiff * ixy
            system[4, side, r, k] = stiff * iyy
