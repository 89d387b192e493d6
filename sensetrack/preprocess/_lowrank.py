"""The leading singular components of a matrix that is larger than memory and has holes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from sensetrack.types import DoubleArray, FloatArray

Strips = Callable[[], Iterable[tuple[slice, FloatArray, FloatArray]]]
"""Gives a matrix anew at each call: which rows, their values, and how well each is known, 0 to 1."""

_MORE = 5
"""Components beside those asked for, which make the leading ones converge (Halko, Martinsson & Tropp 2011, sect. 4)."""

_ROUNDS = 3
"""Passes that turn random vectors towards the leading ones; two suffice for spectra that fall slowly."""

_RIDGE = 1e-3
"""Share of a whole row or column below which what is known of it says little; its factors are drawn to 0."""


def leading_components(strips: Strips, shape: tuple[int, int], count: int) -> tuple[DoubleArray, DoubleArray]:
    """Return the factors of the leading singular components.

    Randomised subspace iteration (Halko, Martinsson & Tropp 2011, SIAM Review 53, 217, algorithm 4.4) in which each
    pass over strips of rows is one step with the matrix and its transpose. Rows and columns are fitted in turn to what
    is known, by weighted least squares (Gabriel & Zamir 1979, Technometrics 21, 489), which is the same step where
    nothing is missing; so holes need not be filled first.

    Parameters
    ----------
    strips : callable
    shape : tuple of int
        Rows and columns of the matrix.
    count : int
        Number of components.

    Returns
    -------
    rows, columns : ndarray
        ``(row, component)`` and ``(column, component)``; the matrix is about ``rows @ columns.T``. Columns are of unit
        length, so a component's singular value is the length of its rows.
    """
    rank = min(count + _MORE, *shape)
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((shape[1], rank)))[0]
    for _ in range(_ROUNDS):
        normal: DoubleArray = np.zeros((shape[1], rank * (rank + 1) // 2))
        right: DoubleArray = np.zeros((shape[1], rank))
        for _, values, weight in strips():
            known = weight * values
            part = _solve(weight @ _products(basis), known @ basis.astype(np.float32))
            normal += weight.T @ _products(part)
            right += known.T @ part.astype(np.float32)
        basis = np.linalg.qr(_solve(normal, right))[0]
    rows = np.zeros((shape[0], rank))
    for where, values, weight in strips():
        rows[where] = _solve(weight @ _products(basis), (weight * values) @ basis.astype(np.float32))
    left, strength, turn = np.linalg.svd(rows, full_matrices=False)
    return (left * strength)[:, :count], (basis @ turn.T)[:, :count]


def _products(vectors: DoubleArray) -> FloatArray:
    """Return the products of each two components: the upper triangle of each row's outer product."""
    first, second = np.triu_indices(vectors.shape[1])
    return (vectors[:, first] * vectors[:, second]).astype(np.float32)


def _solve(normal: NDArray[np.floating], right: NDArray[np.floating]) -> DoubleArray:
    """Solve the normal equations of each row, given as upper triangles; rows of which nothing is known become 0."""
    rank = right.shape[1]
    first, second = np.triu_indices(rank)
    full = np.empty((right.shape[0], rank, rank))
    full[:, first, second] = full[:, second, first] = normal
    typical = np.einsum("nii->i", full).max() / max(1, right.shape[0])
    full[:, np.arange(rank), np.arange(rank)] += _RIDGE * typical + np.finfo(np.float32).tiny
    return np.asarray(np.linalg.solve(full, right.astype(np.float64)[:, :, None])[:, :, 0], np.float64)
