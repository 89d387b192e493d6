"""Which gaps of a mask are narrow, and planes through the pixels around them."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.types import FloatArray, Mask

_FLAT = 1e-6
"""Share of the slopes' own weight that is added to it, so that pixels in one line still give a plane."""


def narrow_gaps(valid: Mask, width: int) -> Mask:
    """Return the invalid pixels of gaps up to ``width`` pixels wide; beyond the array all counts as invalid."""
    import cv2

    gap = (~valid).astype(np.uint8)
    disc, beside = _disc(width + 1), _disc(2 * width + 1)
    reach = 2 * width + 1
    # An even disc has no middle: with opposite corners for anchors it is put back where it fitted.
    padded = cv2.copyMakeBorder(gap, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=1)
    fits = cv2.erode(padded, disc, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    wide = cv2.dilate(fits, disc, anchor=(width, width), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    wide = cv2.dilate(wide, beside, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    narrow: Mask = (gap == 1) & (wide[reach:-reach, reach:-reach] == 0)
    return narrow


def _disc(diameter: int) -> NDArray[np.uint8]:
    """Return the pixels whose centres lie in a disc: all of a square up to 3 x 3, no corners from 4 x 4 on."""
    offset = np.arange(diameter) - (diameter - 1) / 2
    return (offset[:, None] ** 2 + offset[None, :] ** 2 <= diameter**2 / 4).astype(np.uint8)


@njit(cache=True, nogil=True)
def fill_at(
    pixels: FloatArray,
    valid: Mask,
    rows: NDArray[np.intp],
    cols: NDArray[np.intp],
    reach: int,
    values: FloatArray,
) -> None:
    """Fill ``values`` with the heights of planes at some pixels; NaN where no pixel is valid within ``reach``."""
    for k in range(rows.size):
        w = wx = wy = wxx = wxy = wyy = wz = wxz = wyz = 0.0
        low, high = np.inf, -np.inf
        for i in range(max(rows[k] - reach, 0), min(rows[k] + reach + 1, valid.shape[0])):
            for j in range(max(cols[k] - reach, 0), min(cols[k] + reach + 1, valid.shape[1])):
                y, x = float(i - rows[k]), float(j - cols[k])
                square = x * x + y * y
                if not valid[i, j] or square > reach * reach:
                    continue
                z = float(pixels[i, j])
                weight = 1.0 / (square * square)
                low, high = min(low, z), max(high, z)
                w += weight
                wx += weight * x
                wy += weight * y
                wz += weight * z
                wxx += weight * x * x
                wxy += weight * x * y
                wyy += weight * y * y
                wxz += weight * x * z
                wyz += weight * y * z
        if w == 0.0:
            values[k] = np.nan
            continue
        mx, my, mz = wx / w, wy / w, wz / w
        xx, xy, yy = wxx / w - mx * mx, wxy / w - mx * my, wyy / w - my * my
        xz, yz = wxz / w - mx * mz, wyz / w - my * mz
        ridge = _FLAT * (xx + yy) + 1e-12
        xx, yy = xx + ridge, yy + ridge
        determinant = xx * yy - xy * xy
        slope_x, slope_y = (yy * xz - xy * yz) / determinant, (xx * yz - xy * xz) / determinant
        values[k] = min(max(mz - slope_x * mx - slope_y * my, low), high)
