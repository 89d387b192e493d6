"""Where the ground has changed, not moved: what is left of the difference stands out from the noise around."""

from __future__ import annotations

import numpy as np

from sensetrack.flow.compare import SUMS
from sensetrack.flow.lattice import CELL, window_sums
from sensetrack.types import DoubleArray, FloatArray, Mask

SIDE = 3
"""Cells along the window over which the difference is judged: 12 pixels."""

REGION = 8
"""Cells along a region: 32 pixels."""

AROUND = 7
"""Regions along the window that tells the noise."""

EXCESS = 3.0
"""Variance of the difference, in that of the noise around, from which ground may have changed."""

ALIKE = 0.55
"""Correlation from which it has not, however bright the noise: speckle grows with brightness."""

_NEEDED = [
    SUMS.index(name)
    for name in ("weight", "reference", "secondary", "reference^2", "secondary^2", "reference x secondary")
]


def changed(sums: DoubleArray) -> tuple[Mask, DoubleArray]:
    """Return where ground has changed, and the correlation in small windows.

    Where a whole region has changed there is no noise to compare with; correlation over larger windows tells that.

    Parameters
    ----------
    sums : ndarray of float64
        From `sensetrack.flow.compare.compare`.

    Returns
    -------
    changed : ndarray of bool
        Of every cell.
    correlation : ndarray of float64
    """
    n, first, second, first_2, second_2, product = window_sums(sums[_NEEDED], SIDE)
    known = n > 0.5
    n = np.maximum(n, 0.5)
    first_power = np.maximum(first_2 / n - (first / n) ** 2, 0)
    second_power = np.maximum(second_2 / n - (second / n) ** 2, 0)
    common = product / n - first * second / n**2
    scale = np.sqrt(first_power * second_power)
    correlation = np.divide(common, scale, out=np.zeros_like(common), where=scale > 0)
    rest = np.maximum(first_power + second_power - 2 * common, 0)
    noise = _of_regions(rest.astype(np.float32), known)
    return known & (correlation < ALIKE) & (rest > EXCESS * noise), correlation


def _of_regions(rest: FloatArray, known: Mask) -> DoubleArray:
    """Return the lower quartile of regions, and of 7 x 7 of these the lower quartile again, at every cell."""
    from scipy.ndimage import percentile_filter

    rows, cols = rest.shape
    down, right = -rows % REGION, -cols % REGION
    values = np.pad(np.where(known, rest, np.nan), ((0, down), (0, right)), constant_values=np.nan)
    blocks = values.reshape(values.shape[0] // REGION, REGION, values.shape[1] // REGION, REGION)
    blocks = np.sort(blocks.transpose(0, 2, 1, 3).reshape(blocks.shape[0], blocks.shape[2], -1), axis=2)
    count = np.isfinite(blocks).sum(axis=2)
    quartile = np.take_along_axis(blocks, (count // 4)[..., None].clip(max=REGION**2 - 1), 2)[..., 0]
    quartile = np.where(count > 0, quartile, np.inf)
    around = percentile_filter(quartile, 25, size=AROUND, mode="nearest")
    return np.repeat(np.repeat(around, REGION, 0), REGION, 1)[:rows, :cols].astype(np.float64)


def beside(is_changed: Mask) -> Mask:
    """Return the changed cells and those beside them, which hold some of the same ground."""
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(is_changed, np.ones((3, 3), np.bool_)), np.bool_)


def spread(is_changed: Mask, shape: tuple[int, ...]) -> FloatArray:
    """Return 0 on pixels of changed cells and of those beside them, else 1.

    Parameters
    ----------
    is_changed : ndarray of bool
        Of every cell.
    shape : tuple of int
        Rows and columns of pixels.
    """
    wide = ~beside(is_changed)
    return np.repeat(np.repeat(wide, CELL, 0), CELL, 1)[: shape[0], : shape[1]].astype(np.float32)


def moved(kept: FloatArray, flow: tuple[FloatArray, FloatArray], border: int) -> FloatArray:
    """Return 0 where the secondary shows what is 0 in the reference, and beside that, else 1.

    Parameters
    ----------
    kept : ndarray of float32
        ``(row, col)``, 0 or 1.
    flow : tuple of ndarray of float32
        From the reference to the secondary, of all but ``border`` pixels on every side.
    border : int
    """
    from scipy.ndimage import binary_dilation

    inner = kept[border : kept.shape[0] - border, border : kept.shape[1] - border]
    rows, cols = np.nonzero(inner == 0)
    out = np.zeros(kept.shape, np.bool_)
    at_row = np.rint(rows + border + flow[1][rows, cols]).astype(np.int64).clip(0, kept.shape[0] - 1)
    at_col = np.rint(cols + border + flow[0][rows, cols]).astype(np.int64).clip(0, kept.shape[1] - 1)
    out[at_row, at_col] = True
    return np.asarray(~binary_dilation(out, np.ones((3, 3), np.bool_)), np.float32)
