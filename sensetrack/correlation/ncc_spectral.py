"""Sums of products of chips that share little with their neighbours, all lags at once by FFT."""

from __future__ import annotations

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

from sensetrack.correlation.ncc_group import How, match_groups
from sensetrack.correlation.ncc_plan import single_extents, transform_size
from sensetrack.correlation.ncc_source import ChipSource
from sensetrack.correlation.ncc_surface import load
from sensetrack.types import ComplexArray, DoubleArray, FloatArray

BATCH_BYTES = 2**18
"""Bytes of the search areas of a batch, so that the batch and its spectra stay in a core's own cache."""

_COUNTS = 1
"""Index of the sum that counts pixels, in those of masked chips."""


def match_spectral(
    first: ChipSource,
    second: ChipSource,
    places: NDArray[np.int64],
    ranges: NDArray[np.int64],
    size: int,
    how: How,
    out: DoubleArray,
) -> None:
    """Match chips that lie anywhere and are all searched in ranges of one width. In place.

    Parameters
    ----------
    first, second : ChipSource
    places : ndarray of int64
        ``(2, n)``: rows and columns of their upper left pixels.
    ranges : ndarray of int64
        ``(3, n)``: row and column lag around which each chip is searched, and how far.
    size : int
        Side of the chips.
    how : How
    out : ndarray of float64
        ``(n, len(FIELDS))``, written.
    """
    reach = int(ranges[2, 0])
    extents = single_extents(first.holes, second.holes, places, ranges, size)
    side = transform_size(size, reach)
    wanted, again = np.ones((1, len(out)), np.bool_), np.zeros((1, len(out)), np.bool_)
    for masked in (False, True):
        table = how.masked if masked else how.plain
        planes = len(first.planes) + (2 if masked else 0)
        batch = max(1, BATCH_BYTES // (planes * 4 * side * side))
        chosen = np.flatnonzero(extents[:, 9] == masked)
        for start in range(0, chosen.size, batch):
            part = chosen[start : start + batch]
            corners = np.ascontiguousarray(places[:, part].T)
            grounds = np.empty((part.size, planes, size, size), np.float32)
            areas = np.empty((part.size, planes, size + 2 * reach, size + 2 * reach), np.float32)
            _gather(first, second, corners, extents[part], masked, grounds, areas)
            products = _sums(grounds, areas, table, side, 2 * reach + 1)
            if masked:
                np.rint(products[:, _COUNTS], out=products[:, _COUNTS])
            match_groups(
                first,
                second,
                corners,
                1,
                size,
                extents[part],
                ranges[:, None],
                wanted,
                products,
                how,
                again,
                out[None],
            )


def _sums(grounds: FloatArray, areas: FloatArray, table: NDArray[np.int64], side: int, lags: int) -> FloatArray:
    """Return sums of products at all lags, ``(chip, sum, 1, 1, lag row, lag col)``."""
    first, second = (scipy.fft.rfft2(regions, s=(side, side)) for regions in (grounds, areas))
    count = int(table[-1, 3]) + 1
    products = np.empty((len(grounds), count, 1, 1, lags, lags), np.float32)
    cross = np.empty((len(grounds), side, first.shape[3]), np.complex64)
    for target in range(count):
        _multiply(first, second, table[table[:, 3] == target], cross)
        # The inverse along rows is needed for the lags only.
        columns = scipy.fft.ifft(cross, axis=1, overwrite_x=True)[:, :lags]
        products[:, target, 0, 0] = scipy.fft.irfft(columns, n=side, axis=2)[..., :lags]
    return products


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _multiply(first: ComplexArray, second: ComplexArray, table: NDArray[np.int64], out: ComplexArray) -> None:
    """Write the sum of the cross-power spectra of the pairs of planes of ``table``, ``(chip, row, col)``. In place."""
    for n in range(len(out)):
        for k in range(len(table)):
            p, q, sign = table[k, 0], table[k, 1], np.float32(table[k, 2])
            for r in range(out.shape[1]):
                a, b, target = first[n, p, r], second[n, q, r], out[n, r]
                for c in range(target.size):
                    re = a[c].real * b[c].real + a[c].imag * b[c].imag
                    im = a[c].real * b[c].imag - a[c].imag * b[c].real
                    value = complex(sign * re, sign * im)
                    target[c] = value if k == 0 else target[c] + value


@njit(cache=True, nogil=True)
def _gather(
    first: ChipSource,
    second: ChipSource,
    corners: NDArray[np.int64],
    extents: NDArray[np.int64],
    masked: bool,
    grounds: FloatArray,
    areas: FloatArray,
) -> None:
    """Copy what each chip covers and where it is searched, less their means. In place."""
    level = np.empty(len(first.planes))
    for k in range(len(grounds)):
        row, col = corners[k, 0], corners[k, 1]
        load(first.planes, first.valid, row, col, masked, level, grounds[k])
        load(second.planes, second.valid, row + extents[k, 4], col + extents[k, 6], masked, level, areas[k])
