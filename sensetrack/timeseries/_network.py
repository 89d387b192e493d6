"""Compiled loops of the inversion: the network of one pixel, its equations, weights and residuals.

Unknown are the positions at every date, x and y interleaved. A pair of dates ``(i, j)`` measures ``x_j - x_i`` with a
2 x 2 covariance; its inverse, the weight matrix, is kept as ``(xx, yy, xy)``.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.timeseries.network import Indices
from sensetrack.types import DoubleArray

LEAST_WEIGHT = 1e-3
"""Of a pair that is judged to be wrong: it still ties together what nothing else does, with an error to match."""

LEAST_REDUNDANCY = 0.02
"""Share of a pair that the others control; below it nothing tells whether it is wrong."""

MEDIAN_OF_CHI2 = 1.3862943611198906
"""Of two degrees of freedom."""

TUKEY = 26.0
"""Squared constant of the biweight for two components, of 95 % efficiency on normal errors."""

HUBER = 2.0
"""Standard deviations from which a pair counts less in the first rounds."""

_CLOSES = 13.8
"""Squared misfit that one triplet in a thousand exceeds by chance."""

_ENOUGH = 0.25
"""Share of a pair's triplets that must close."""


@njit(cache=True, nogil=True)
def label(pairs: Indices, used: NDArray[np.bool_], labels: Indices) -> None:
    """Give dates that are tied by used pairs the same label: the earliest of them."""
    for i in range(labels.size):
        labels[i] = i
    changed = True
    while changed:
        changed = False
        for p in range(pairs.shape[0]):
            if used[p]:
                low = min(labels[pairs[p, 0]], labels[pairs[p, 1]])
                for end in range(2):
                    if labels[pairs[p, end]] != low:
                        labels[pairs[p, end]] = low
                        changed = True


@njit(cache=True, nogil=True)
def largest(labels: Indices) -> int:
    """Return the label that most dates have."""
    best, most = 0, 0
    for first in range(labels.size):
        count = 0
        for i in range(labels.size):
            if labels[i] == first:
                count += 1
        if count > most:
            best, most = first, count
    return best


@njit(cache=True, nogil=True)
def assemble(
    matrix: DoubleArray,
    right: DoubleArray,
    pairs: Indices,
    used: NDArray[np.bool_],
    moved: DoubleArray,
    inverse: DoubleArray,
    weights: DoubleArray,
) -> None:
    """Fill the normal equations of all used pairs."""
    matrix[:] = 0.0
    right[:] = 0.0
    for p in range(pairs.shape[0]):
        if not used[p]:
            continue
        i, j, w = 2 * pairs[p, 0], 2 * pairs[p, 1], weights[p]
        xx, yy, xy = w * inverse[p, 0], w * inverse[p, 1], w * inverse[p, 2]
        for a, b, sign in ((i, i, 1.0), (j, j, 1.0), (i, j, -1.0), (j, i, -1.0)):
            matrix[a, b] += sign * xx
            matrix[a + 1, b + 1] += sign * yy
            matrix[a, b + 1] += sign * xy
            matrix[a + 1, b] += sign * xy
        x = xx * moved[p, 0] + xy * moved[p, 1]
        y = xy * moved[p, 0] + yy * moved[p, 1]
        right[i] -= x
        right[i + 1] -= y
        right[j] += x
        right[j + 1] += y


@njit(cache=True, nogil=True)
def smooth(matrix: DoubleArray, times: DoubleArray, walk: float) -> None:
    """Add that velocity is a random walk with a standard deviation of ``walk`` after one unit of time."""
    row = np.empty(3)
    for k in range(1, times.size - 1):
        before, after = times[k] - times[k - 1], times[k + 1] - times[k]
        row[0], row[1], row[2] = 1.0 / before, -1.0 / before - 1.0 / after, 1.0 / after
        weight = 1.0 / (walk * walk * 0.5 * (before + after))
        for a in range(3):
            for b in range(3):
                value = weight * row[a] * row[b]
                matrix[2 * (k - 1 + a), 2 * (k - 1 + b)] += value
                matrix[2 * (k - 1 + a) + 1, 2 * (k - 1 + b) + 1] += value


@njit(cache=True, nogil=True)
def fix(matrix: DoubleArray, right: DoubleArray, labels: Indices, joined: bool) -> None:
    """Put the earliest date of every part of the network at zero; only the first where ``joined``."""
    for i in range(labels.size):
        if labels[i] == i and not (joined and i):
            for a in (2 * i, 2 * i + 1):
                matrix[a, :] = 0.0
                matrix[:, a] = 0.0
                matrix[a, a] = 1.0
                right[a] = 0.0


@njit(cache=True, nogil=True)
def clear(covariance: DoubleArray, labels: Indices, joined: bool) -> None:
    """Take out the stand-ins that `fix` left in the inverse: what is put at zero has no error."""
    for i in range(labels.size):
        if labels[i] == i and not (joined and i):
            covariance[2 * i, 2 * i] = 0.0
            covariance[2 * i + 1, 2 * i + 1] = 0.0


@njit(cache=True, nogil=True)
def misfit(inverse: DoubleArray, x: float, y: float) -> float:
    """Return the squared length of a residual in units of its error."""
    return float(inverse[0] * x * x + inverse[1] * y * y + 2.0 * inverse[2] * x * y)


@njit(cache=True, nogil=True)
def difference(covariance: DoubleArray, i: int, j: int, found: DoubleArray) -> None:
    """Fill ``found`` with the covariance (xx, yy, xy) of the way between two dates."""
    a, b = 2 * i, 2 * j
    found[0] = covariance[a, a] + covariance[b, b] - 2.0 * covariance[a, b]
    found[1] = covariance[a + 1, a + 1] + covariance[b + 1, b + 1] - 2.0 * covariance[a + 1, b + 1]
    found[2] = covariance[a, a + 1] + covariance[b, b + 1] - covariance[a, b + 1] - covariance[a + 1, b]


@njit(cache=True, nogil=True)
def of_images(
    pairs: Indices, used: NDArray[np.bool_], covariance: DoubleArray, share: float, found: DoubleArray
) -> None:
    """Fill ``found``, (date, 3), with the covariance that each image brings into all of its pairs.

    Half of the shared part of a pair's, on average over the image's pairs; that of a date without pairs is zero.
    """
    found[:] = 0.0
    count = np.zeros(found.shape[0])
    for p in range(pairs.shape[0]):
        if used[p]:
            for end in range(2):
                i = pairs[p, end]
                count[i] += 1.0
                for a in range(3):
                    found[i, a] += 0.5 * share * covariance[p, a]
    for i in range(found.shape[0]):
        found[i] /= max(1.0, count[i])


@njit(cache=True, nogil=True)
def redundancies(
    covariance: DoubleArray, pairs: Indices, used: NDArray[np.bool_], inverse: DoubleArray, found: DoubleArray
) -> None:
    """Fill ``found`` with the share of every pair that the others control, 0 to 1."""
    way = np.empty(3)
    for p in range(pairs.shape[0]):
        found[p] = 0.0
        if used[p]:
            difference(covariance, pairs[p, 0], pairs[p, 1], way)
            trace = inverse[p, 0] * way[0] + inverse[p, 1] * way[1] + 2.0 * inverse[p, 2] * way[2]
            found[p] = min(1.0, max(0.0, 1.0 - 0.5 * trace))


@njit(cache=True, nogil=True)
def reweight(squares: DoubleArray, judged: NDArray[np.bool_], descending: bool, weights: DoubleArray) -> None:
    """Set weights from squared standardised residuals: Huber's in the first rounds, then Tukey's biweight.

    Errors that are stated too small on the whole make no pair wrong: residuals count in units of what half of them
    stay below, where that is more than stated.
    """
    count = 0
    kept = np.empty(squares.size)
    for p in range(squares.size):
        if judged[p]:
            kept[count] = squares[p]
            count += 1
    if not count:
        return
    scale = max(1.0, float(np.median(kept[:count])) / MEDIAN_OF_CHI2)
    for p in range(squares.size):
        if not judged[p]:
            continue
        size = squares[p] / scale
        if descending:
            share = size / TUKEY
            weights[p] = max(LEAST_WEIGHT, (1.0 - share) ** 2) if share < 1.0 else LEAST_WEIGHT
        else:
            weights[p] = 1.0 if size <= HUBER * HUBER else max(LEAST_WEIGHT, HUBER / np.sqrt(size))


@njit(cache=True, nogil=True)
def close(
    triplets: Indices,
    used: NDArray[np.bool_],
    moved: DoubleArray,
    covariance: DoubleArray,
    weights: DoubleArray,
    sizes: DoubleArray,
    own: float,
) -> None:
    """Go around every triplet of pairs, and lower the weight of pairs whose triplets hardly ever close.

    ``sizes`` gets the misfit of every triplet in units of its error, NaN where a pair is missing; ``own`` is the share
    of the variance that does not close by itself.
    """
    total, good = np.zeros(weights.size), np.zeros(weights.size)
    count = 0
    kept = np.empty(triplets.shape[0])
    for r in range(triplets.shape[0]):
        a, b, c = triplets[r, 0], triplets[r, 1], triplets[r, 2]
        sizes[r] = np.nan
        if used[a] and used[b] and used[c]:
            x = moved[a, 0] + moved[b, 0] - moved[c, 0]
            y = moved[a, 1] + moved[b, 1] - moved[c, 1]
            xx = covariance[a, 0] + covariance[b, 0] + covariance[c, 0]
            yy = covariance[a, 1] + covariance[b, 1] + covariance[c, 1]
            xy = covariance[a, 2] + covariance[b, 2] + covariance[c, 2]
            sizes[r] = (yy * x * x + xx * y * y - 2.0 * xy * x * y) / (xx * yy - xy * xy)
            kept[count] = sizes[r]
            count += 1
    scale = max(own, float(np.median(kept[:count])) / MEDIAN_OF_CHI2) if count else 1.0
    for r in range(triplets.shape[0]):
        if sizes[r] == sizes[r]:
            for end in range(3):
                total[triplets[r, end]] += 1.0
                if sizes[r] <= _CLOSES * scale:
                    good[triplets[r, end]] += 1.0
            sizes[r] = np.sqrt(sizes[r])
    for p in range(weights.size):
        if total[p] > 0.0:
            weights[p] = max(LEAST_WEIGHT, min(1.0, good[p] / total[p] / _ENOUGH))
