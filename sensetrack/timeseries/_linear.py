"""Small dense algebra inside compiled loops: banded Cholesky factors, solves and inverses."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.types import DoubleArray


@njit(cache=True, nogil=True)
def factor(a: DoubleArray, size: int, band: int) -> bool:
    """Replace the lower triangle of a symmetric matrix by its Cholesky factor; False where it is not positive.

    Elements further than ``band`` from the diagonal are zero, and stay so.
    """
    for i in range(size):
        for j in range(max(0, i - band), i + 1):
            total = a[i, j]
            for k in range(max(0, i - band), j):
                total -= a[i, k] * a[j, k]
            if i == j:
                if not total > 0.0:
                    return False
                a[i, i] = np.sqrt(total)
            else:
                a[i, j] = total / a[j, j]
    return True


@njit(cache=True, nogil=True)
def solve(a: DoubleArray, b: DoubleArray, size: int, band: int) -> None:
    """Replace ``b`` by the solution of the system whose factor is ``a``."""
    for i in range(size):
        total = b[i]
        for k in range(max(0, i - band), i):
            total -= a[i, k] * b[k]
        b[i] = total / a[i, i]
    for i in range(size - 1, -1, -1):
        total = b[i]
        for k in range(i + 1, min(size, i + band + 1)):
            total -= a[k, i] * b[k]
        b[i] = total / a[i, i]


@njit(cache=True, nogil=True)
def invert(a: DoubleArray, inverse: DoubleArray, size: int, band: int) -> None:
    """Fill ``inverse`` with the inverse of the matrix whose factor is ``a``."""
    column = np.empty(size)
    for j in range(size):
        column[:] = 0.0
        column[j] = 1.0
        solve(a, column, size, band)
        inverse[:size, j] = column
