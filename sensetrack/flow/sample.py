"""Reads a flow and what is known of it at the output pixels, and flags them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.displacement import LAYERS, Field, Flag
from sensetrack.flow.assess import Assessment
from sensetrack.flow.lattice import CELL
from sensetrack.flow.tiling import KEEPS_NAN, over_rows
from sensetrack.types import DoubleArray, FlagArray, FloatArray

MaskLike = TypeVar("MaskLike", bound=Any)

_NODATA, _FLAT = int(Flag.NODATA), int(Flag.FLAT)
_LOW_QUALITY, _NOT_CONVERGED = int(Flag.LOW_QUALITY), int(Flag.NOT_CONVERGED)
_SEARCH_EDGE = int(Flag.SEARCH_EDGE)


@dataclass(frozen=True)
class Limits:
    """What a pixel must keep to count as a measurement.

    Attributes
    ----------
    min_valid : float
        Least share of the window that is valid.
    flat : float
        Least relative difference between neighbouring pixels.
    miss : float
        Most pixels by which the way there and back misses its start; 0 for no limit.
    chance : float
        Least correlation, in standard deviations of that of unrelated images.
    rest : float
        Longest step in pixels that the images may still ask for.
    longest : float
        Largest displacement along rows or columns that was sought, in pixels.
    """

    min_valid: float
    flat: float
    miss: float
    chance: float
    rest: float
    longest: float = np.inf


def sample(
    flow: tuple[FloatArray, FloatArray],
    miss: FloatArray,
    found: Assessment,
    textures: tuple[DoubleArray, DoubleArray],
    limits: Limits,
    step: int,
    pad: int,
    shape: tuple[int, int],
    scale: int = 1,
) -> Field:
    """Return the field at the centres of ``step`` x ``step`` pixels of the image.

    Where the centre lies between pixels of the flow (an even step), flow and miss are bilinear between the valid ones
    of the four around it; nothing is averaged over the rest of the cell.

    Parameters
    ----------
    flow : tuple of ndarray of float32
        dx and dy at every pixel of a level.
    miss : ndarray of float32
        From `sensetrack.flow.compare.compare`.
    found : Assessment
    textures : tuple of ndarray of float64
        For every cell, by how much neighbouring pixels of the reference and of the secondary differ, relative to their
        level.
    limits : Limits
    step, pad : int
        Pixels of the image per output pixel, and pixels of the level around the output that served as context.
    shape : tuple of int
        Of the output.
    scale : int
        Pixels of the image per pixel of the level, to which all of the above belongs; the field is in pixels of the
        image, and so is the limit of the miss.

    Returns
    -------
    Field
        Quality is ``max(r, 0) / (1 + m^2)`` with the correlation coefficient ``r`` and the miss ``m`` in pixels.
    """
    layers = np.array(
        [
            found.share,
            found.correlation,
            found.chance,
            found.rest,
            found.variance_dx,
            found.variance_dy,
            found.covariance,
            textures[0],
        ],
        np.float32,
    )
    out = np.empty((6, *shape), np.float32)
    flags = np.empty(shape, np.uint8)
    bounds = tuple(
        np.float32(bound)
        for bound in (limits.min_valid, limits.flat, limits.miss or np.inf, limits.chance, limits.rest, limits.longest)
    )
    second = np.asarray(textures[1], np.float32)
    steps = float(step / scale), float(pad), float(scale)
    over_rows(
        shape[0],
        lambda first, last: _sample(*flow, miss, layers, second, bounds, steps, (first, last), out, flags),
    )
    return Field.from_layers(dict(zip(LAYERS, (*out, flags), strict=True)))


def at_centres(valid: MaskLike, pad: int, step: int, shape: tuple[int, ...]) -> MaskLike:
    """Return whether any of the pixels at the centre of each output pixel is valid.

    Parameters
    ----------
    valid : ndarray of bool or Tensor
        ``(row, col)``.
    pad, step : int
        Pixels around the output, and pixels per output pixel.
    shape : tuple of int
        Of the output.
    """
    middle = sorted({(step - 1) // 2, step // 2})
    parts = [valid[pad + row :: step, pad + col :: step][: shape[0], : shape[1]] for row in middle for col in middle]
    known: MaskLike = reduce(or_, parts)
    return known


@njit(cache=True, nogil=True)
def _places(count: int, step: float, pad: float, size: int, cell: int) -> tuple[NDArray[np.uint32], FloatArray]:
    """Return the pixels, or cells of pixels, before output pixels, and how far these lie towards the next ones."""
    first, share = np.empty(count, np.uint32), np.empty(count, np.float32)
    for k in range(count):
        at = min(max((pad + (k + 0.5) * step) / cell - 0.5, 0.0), size - 1.0)
        first[k] = min(int(at), max(size - 2, 0))
        share[k] = at - first[k]
    return first, share


@njit(cache=True, nogil=True, fastmath=KEEPS_NAN, error_model="numpy")
def _sample(
    dx: FloatArray,
    dy: FloatArray,
    miss: FloatArray,
    layers: FloatArray,
    second_texture: FloatArray,
    bounds: tuple[np.float32, ...],
    steps: tuple[float, float, float],
    strip: tuple[int, int],
    out: FloatArray,
    flags: FlagArray,
) -> None:
    step, pad, scale = steps
    _, cell_rows, cell_cols = layers.shape
    height, width = miss.shape
    count = flags.shape[1]
    rows, downs = _places(flags.shape[0], step, pad, height, 1)
    cols, rights = _places(count, step, pad, width, 1)
    tops, cell_downs = _places(flags.shape[0], step, pad, cell_rows, CELL)
    lefts, cell_rights = _places(count, step, pad, cell_cols, CELL)
    line, here = np.empty(cell_cols + 1, np.float32), np.empty((len(layers), count), np.float32)
    pixels, found = np.empty((4, width + 1), np.float32), np.empty((4, count), np.float32)
    for i in range(strip[0], strip[1]):
        row = int(rows[i])
        _between_rows(dx, dy, miss, row, min(row + 1, height - 1), downs[i], pixels)
        for k in range(4):
            _along(pixels[k], cols, rights, found[k])
        for j in range(count):
            n = found[3, j] if found[3, j] > np.float32(0) else np.float32(1)
            for k in range(3):
                found[k, j] /= n
        top = int(tops[i])
        for k in range(len(layers)):
            upper, lower = layers[k, top], layers[k, min(top + 1, cell_rows - 1)]
            for j in range(cell_cols):
                line[j] = upper[j] + cell_downs[i] * (lower[j] - upper[j])
            line[cell_cols] = line[cell_cols - 1]
            _along(line, lefts, cell_rights, here[k])
        _look_up(second_texture, np.float32(pad + (i + 0.5) * step), step, pad, found, here[7])
        _state(found, here, bounds, np.float32(scale), out, flags, i)


@njit(cache=True, nogil=True, forceinline=True)
def _along(line: FloatArray, places: NDArray[np.uint32], shares: FloatArray, out: FloatArray) -> None:
    """Write what lies between neighbours of a line."""
    one = np.uint32(1)
    for j in range(out.size):
        value = line[places[j]]
        out[j] = value + shares[j] * (line[places[j] + one] - value)


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _between_rows(
    dx: FloatArray, dy: FloatArray, miss: FloatArray, upper: int, lower: int, down: np.float32, out: FloatArray
) -> None:
    """Write the flow and miss between two rows, times the weight of valid pixels, and that weight.

    The last pixel stands once more after the last.
    """
    zero, one = np.float32(0), np.float32(1)
    width = miss.shape[1]
    for k in range(4):
        out[k, width] = zero
    first_x, first_y, first_miss = dx[upper], dy[upper], miss[upper]
    second_x, second_y, second_miss = dx[lower], dy[lower], miss[lower]
    for c in range(width):
        has_first, has_second = first_miss[c] >= zero, second_miss[c] >= zero
        a, b = one - down if has_first else zero, down if has_second else zero
        out[0, c] = (a * first_x[c] if has_first else zero) + (b * second_x[c] if has_second else zero)
        out[1, c] = (a * first_y[c] if has_first else zero) + (b * second_y[c] if has_second else zero)
        out[2, c] = (a * first_miss[c] if has_first else zero) + (b * second_miss[c] if has_second else zero)
        out[3, c] = a + b


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _look_up(
    texture: FloatArray, row: np.float32, step: float, pad: float, found: FloatArray, least: FloatArray
) -> None:
    """Lower ``least`` to the texture of the secondary where the flow leads."""
    height, width = texture.shape
    flat = texture.reshape(-1)
    half, cell, zero, one = np.float32(0.5), np.float32(1 / CELL), np.float32(0), np.float32(1)
    last_row, last_col = np.float32(height - 1), np.float32(width - 1)
    wide, middle, start = np.float32(step), np.float32(0.5), np.float32(pad)
    for j in range(least.size):
        y = min(max((row + found[1, j]) * cell - half, zero), last_row)
        x = min(max((start + (np.float32(j) + middle) * wide + found[0, j]) * cell - half, zero), last_col)
        i, k = np.int32(y), np.int32(x)
        t, u = y - np.float32(i), x - np.float32(k)
        below = np.int32(width) if y < last_row else np.int32(0)
        right = np.uint32(one if x < last_col else zero)
        at, under = np.uint32(i * np.int32(width) + k), np.uint32(i * np.int32(width) + k + below)
        upper = flat[at] + u * (flat[at + right] - flat[at])
        lower = flat[under] + u * (flat[under + right] - flat[under])
        least[j] = min(least[j], upper + t * (lower - upper))


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def _state(
    found: FloatArray,
    layers: FloatArray,
    bounds: tuple[np.float32, ...],
    scale: np.float32,
    out: FloatArray,
    flags: FlagArray,
    row: int,
) -> None:
    """Write one row of the field and its flags."""
    min_valid, flat, largest_miss, chance, longest_rest, longest = bounds
    zero, one, nine, tiny, nan = np.float32(0), np.float32(1), np.float32(9), np.float32(1e-20), np.float32(np.nan)
    low, moving, far = np.int32(_LOW_QUALITY), np.int32(_NOT_CONVERGED), np.int32(_SEARCH_EDGE)
    dx, dy, quality, sigma_dx, sigma_dy, rho = (
        out[0, row],
        out[1, row],
        out[2, row],
        out[3, row],
        out[4, row],
        out[5, row],
    )
    state, square = flags[row], nine * scale * scale
    for j in range(state.size):
        missed, correlation = found[2, j] * scale, layers[1, j]
        x, y, rest, variance = (
            found[0, j] * scale,
            found[1, j] * scale,
            layers[3, j] * scale,
            layers[4, j] + layers[5, j],
        )
        is_low = (missed > largest_miss) | (correlation < chance * layers[2, j])
        is_moving = (rest > longest_rest) & (rest * rest > square * variance)
        is_far = (abs(x) > longest) | (abs(y) > longest)
        flag = np.int32(is_low) * low + np.int32(is_moving) * moving + np.int32(is_far) * far
        flag = np.int32(_FLAT) if layers[7, j] < flat else flag
        state[j] = np.int32(_NODATA) if (found[3, j] <= zero) | (layers[0, j] < min_valid) else flag
    for j in range(state.size):
        x, y, missed = found[0, j] * scale, found[1, j] * scale, found[2, j] * scale
        variance_x, variance_y = max(layers[4, j], tiny), max(layers[5, j], tiny)
        value = min(max(layers[1, j], zero), one) / (one + missed * missed)
        across, along = np.sqrt(variance_x), np.sqrt(variance_y)
        hang = min(max(layers[6, j] / (across * along), -one), one)
        has_none = (found[3, j] <= zero) | (layers[0, j] < min_valid) | (layers[7, j] < flat)
        dx[j] = nan if has_none else x
        dy[j] = nan if has_none else y
        quality[j] = nan if has_none else value
        sigma_dx[j] = nan if has_none else across * scale
        sigma_dy[j] = nan if has_none else along * scale
        rho[j] = nan if has_none else hang
