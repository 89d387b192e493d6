"""The compiled inversion: every pixel of a block, from pairs to positions, velocities and products with errors."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.timeseries import _linear as linear
from sensetrack.timeseries import _network as network
from sensetrack.timeseries.network import Indices
from sensetrack.types import DoubleArray, FloatArray

PRIOR_FREEDOM = 4.0
"""Degrees of freedom with which stated errors are believed before the residuals speak."""

LEAST_OWN = 0.02
"""Share of the variance that is taken to belong to each pair at least."""

ROUNDS_BEFORE = 2
"""With weights that fall slowly, before those that reject."""


@njit(cache=True, nogil=True)
def _prepare(
    moved: FloatArray,
    covariance: FloatArray,
    n: int,
    d: DoubleArray,
    c: DoubleArray,
    inverse: DoubleArray,
    used: NDArray[np.bool_],
    own: float,
) -> int:
    """Copy one pixel's pairs; return how many can be used.

    ``own`` is the share of the covariance that belongs to each pair alone; its inverse is that of this share.
    """
    count = 0
    for p in range(used.size):
        xx, yy, xy = float(covariance[p, 0, n]), float(covariance[p, 1, n]), float(covariance[p, 2, n])
        d[p, 0], d[p, 1] = moved[p, 0, n], moved[p, 1, n]
        # The errors of the two components may be alike, but never one and the same.
        limit = 0.99 * np.sqrt(xx * yy)
        xy = min(limit, max(-limit, xy)) if xy == xy else 0.0
        determinant = xx * yy - xy * xy
        used[p] = np.isfinite(d[p, 0]) and np.isfinite(d[p, 1]) and xx > 0.0 and yy > 0.0 and np.isfinite(determinant)
        if used[p]:
            c[p, 0], c[p, 1], c[p, 2] = xx, yy, xy
            determinant *= own
            inverse[p, 0], inverse[p, 1], inverse[p, 2] = yy / determinant, xx / determinant, -xy / determinant
            count += 1
    return count


@njit(cache=True, nogil=True)
def _fit(
    basis: DoubleArray,
    pairs: Indices,
    used: NDArray[np.bool_],
    d: DoubleArray,
    inverse: DoubleArray,
    weights: DoubleArray,
    images: DoubleArray,
    own: float,
    theta: DoubleArray,
    spread: DoubleArray,
) -> bool:
    """Fit functions of time to the pairs themselves; ``spread`` gets the covariance of the parameters.

    ``images``, (date, 3), is the covariance that each image brings into all of its pairs; ``own`` is the share of a
    pair's covariance that is left to itself.
    """
    size = 2 * basis.shape[1]
    matrix, right = np.zeros((size, size)), np.zeros(size)
    reach = np.zeros((2 * basis.shape[0], size))
    for p in range(pairs.shape[0]):
        if not used[p]:
            continue
        w = weights[p]
        xx, yy, xy = w * inverse[p, 0], w * inverse[p, 1], w * inverse[p, 2]
        for a in range(basis.shape[1]):
            g = basis[pairs[p, 1], a] - basis[pairs[p, 0], a]
            right[2 * a] += g * (xx * d[p, 0] + xy * d[p, 1])
            right[2 * a + 1] += g * (xy * d[p, 0] + yy * d[p, 1])
            for end in range(2):
                row, sign = 2 * pairs[p, end], g if end else -g
                reach[row, 2 * a] += sign * xx
                reach[row + 1, 2 * a] += sign * xy
                reach[row, 2 * a + 1] += sign * xy
                reach[row + 1, 2 * a + 1] += sign * yy
            for b in range(basis.shape[1]):
                h = g * (basis[pairs[p, 1], b] - basis[pairs[p, 0], b])
                matrix[2 * a, 2 * b] += h * xx
                matrix[2 * a + 1, 2 * b + 1] += h * yy
                matrix[2 * a, 2 * b + 1] += h * xy
                matrix[2 * a + 1, 2 * b] += h * xy
    trace = 0.0
    for a in range(size):
        trace += matrix[a, a]
    for a in range(size):
        if not matrix[a, a] > 1e-12 * trace:
            return False
    if not linear.factor(matrix, size, size):
        return False
    linear.solve(matrix, right, size, size)
    linear.invert(matrix, spread, size, size)
    theta[:] = right
    squares, freedom = PRIOR_FREEDOM, PRIOR_FREEDOM - float(size)
    for p in range(pairs.shape[0]):
        if used[p]:
            x, y = d[p, 0], d[p, 1]
            for a in range(basis.shape[1]):
                g = basis[pairs[p, 1], a] - basis[pairs[p, 0], a]
                x -= g * right[2 * a]
                y -= g * right[2 * a + 1]
            squares += weights[p] * own * network.misfit(inverse[p], x, y)
            freedom += 2.0 * weights[p]
    # How errors of images move the parameters: through all of their pairs at once.
    moved = np.zeros((size, size))
    for i in range(basis.shape[0]):
        for a in range(size):
            for b in range(size):
                u, v = reach[2 * i, a], reach[2 * i + 1, a]
                s, t = reach[2 * i, b], reach[2 * i + 1, b]
                moved[a, b] += images[i, 0] * u * s + images[i, 1] * v * t + images[i, 2] * (u * t + v * s)
    shared = spread @ moved @ spread
    spread += shared
    spread *= max(1.0, squares / max(1.0, freedom))
    return True


@njit(cache=True, nogil=True)
def invert_block(
    moved: FloatArray,
    covariance: FloatArray,
    pairs: Indices,
    times: DoubleArray,
    triplets: Indices,
    spans: Indices,
    basis: DoubleArray,
    walk: float,
    rounds: int,
    use_closure: bool,
    shared: float,
    positions: FloatArray,
    velocities: FloatArray,
    parameters: FloatArray,
    summary: FloatArray,
    weights_out: FloatArray,
    closures: NDArray[np.int64],
    bins: int,
) -> None:
    """Invert every pixel of a block.

    Parameters
    ----------
    moved : (pair, 2, pixel)
        Way of every pair, NaN where it has none.
    covariance : (pair, 3, pixel)
        Its covariance: xx, yy, xy.
    pairs : (pair, 2)
        Indices into ``times``, the earlier first.
    times : (date,)
    triplets : (triplet, 3)
        Pairs i-j, j-k, i-k.
    spans : (velocity, 2)
        Dates between which velocities are wanted.
    basis : (date, parameter)
        Functions of time that are fitted to the pairs.
    walk : float
        As `smooth`; 0 for none.
    rounds : int
        Of robust weighting; 0 for none.
    use_closure : bool
    shared : float
        Share of the covariance that images bring into all of their pairs.
    positions : (date, 5, pixel)
        Gets x, y, xx, yy, xy.
    velocities : (velocity, 5, pixel)
        Gets the way of each span and its covariance.
    parameters : (parameter, 5, pixel)
    summary : (3, pixel)
        Gets pairs that count, variance factor, parts of the network.
    weights_out : (pair, pixel)
        Gets the final weight, NaN where a pair has no value.
    closures : (pair, bins)
        Histogram of misfits of triplets in tenths of their errors is added to.
    bins : int
    """
    count, dates, pixels = pairs.shape[0], times.size, moved.shape[2]
    d, c, inverse = np.empty((count, 2)), np.empty((count, 3)), np.empty((count, 3))
    used, judged = np.empty(count, np.bool_), np.empty(count, np.bool_)
    labels = np.empty(dates, np.int64)
    weights, start, squares, shares = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
    sizes = np.empty(triplets.shape[0])
    size = 2 * dates
    matrix, spread, right = np.empty((size, size)), np.empty((size, size)), np.empty(size)
    theta, of_theta = np.empty(2 * basis.shape[1]), np.empty((2 * basis.shape[1], 2 * basis.shape[1]))
    way, images = np.empty(3), np.empty((dates, 3))
    own = max(LEAST_OWN, 1.0 - shared)
    joined = walk > 0.0
    band = 5 if joined else 1
    for p in range(count):
        band = max(band, 2 * (pairs[p, 1] - pairs[p, 0]) + 1)
    for n in range(pixels):
        if not _prepare(moved, covariance, n, d, c, inverse, used, own):
            continue
        network.label(pairs, used, labels)
        main = network.largest(labels)
        start[:] = 1.0
        if triplets.shape[0]:
            network.close(triplets, used, d, c, start, sizes, own)
            for r in range(triplets.shape[0]):
                if sizes[r] == sizes[r]:
                    place = min(bins - 1, int(10.0 * sizes[r]))
                    for end in range(3):
                        closures[triplets[r, end], place] += 1
        if not use_closure:
            start[:] = 1.0
        weights[:] = start
        good = True
        for step in range(rounds + 1):
            network.assemble(matrix, right, pairs, used, d, inverse, weights)
            if joined:
                network.smooth(matrix, times, walk)
            network.fix(matrix, right, labels, joined)
            good = linear.factor(matrix, size, band)
            if not good:
                break
            linear.solve(matrix, right, size, band)
            if step == 0 and rounds:
                linear.invert(matrix, spread, size, band)
                network.clear(spread, labels, joined)
                network.redundancies(spread, pairs, used, inverse, shares)
            for p in range(count):
                if not used[p]:
                    judged[p] = False
                    continue
                i, j = 2 * pairs[p, 0], 2 * pairs[p, 1]
                squares[p] = network.misfit(
                    inverse[p], d[p, 0] - right[j] + right[i], d[p, 1] - right[j + 1] + right[i + 1]
                )
                if rounds:
                    # A pair that hardly counted in this spread is controlled by all others.
                    shares[p] = shares[p] if start[p] >= 1.0 else max(shares[p], 0.5)
                    judged[p] = shares[p] >= network.LEAST_REDUNDANCY
                    squares[p] /= max(shares[p], network.LEAST_REDUNDANCY)
            if step < rounds:
                network.reweight(squares, judged, step >= ROUNDS_BEFORE, weights)
        if not good:
            continue
        linear.invert(matrix, spread, size, band)
        network.clear(spread, labels, joined)
        parts, unknown, total, freedom = 0, 0, PRIOR_FREEDOM, PRIOR_FREEDOM
        for i in range(dates):
            fixed = labels[i] == i and not (joined and i)
            parts += 1 if labels[i] == i else 0
            unknown += 0 if fixed else 2
        counted = 0
        for p in range(count):
            if used[p]:
                i, j = 2 * pairs[p, 0], 2 * pairs[p, 1]
                x, y = d[p, 0] - right[j] + right[i], d[p, 1] - right[j + 1] + right[i + 1]
                total += weights[p] * network.misfit(inverse[p], x, y)
                freedom += 2.0 * weights[p]
                counted += 1 if weights[p] > 0.5 else 0
                weights_out[p, n] = weights[p]
        scale = max(1.0, total / max(1.0, freedom - (0 if joined else unknown)))
        network.of_images(pairs, used, c, shared, images)
        summary[0, n], summary[1, n], summary[2, n] = counted, scale, parts
        first = 0 if joined else main
        for i in range(dates):
            if joined or labels[i] == main:
                network.difference(spread, first, i, way)
                positions[i, 0, n] = right[2 * i] - right[2 * first]
                positions[i, 1, n] = right[2 * i + 1] - right[2 * first + 1]
                for a in range(3):
                    both = images[i, a] + images[first, a] if i != first else 0.0
                    positions[i, 2 + a, n] = scale * way[a] + both
        for s in range(spans.shape[0]):
            i, j = spans[s, 0], spans[s, 1]
            if joined or labels[i] == labels[j]:
                network.difference(spread, i, j, way)
                velocities[s, 0, n] = right[2 * j] - right[2 * i]
                velocities[s, 1, n] = right[2 * j + 1] - right[2 * i + 1]
                for a in range(3):
                    velocities[s, 2 + a, n] = scale * way[a] + images[i, a] + images[j, a]
        if basis.shape[1] and _fit(basis, pairs, used, d, inverse, weights, images, own, theta, of_theta):
            for a in range(basis.shape[1]):
                parameters[a, 0, n], parameters[a, 1, n] = theta[2 * a], theta[2 * a + 1]
                parameters[a, 2, n], parameters[a, 3, n] = of_theta[2 * a, 2 * a], of_theta[2 * a + 1, 2 * a + 1]
                parameters[a, 4, n] = of_theta[2 * a, 2 * a + 1]
