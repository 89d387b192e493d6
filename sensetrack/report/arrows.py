"""Arrows of a field: medians over square cells, with a key of round length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sensetrack.report.canvas import INK
from sensetrack.report.frame import Frame
from sensetrack.report.numbers import round_number
from sensetrack.report.sheet import Sheet
from sensetrack.types import DoubleArray, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COUNT = 30
"""Arrows along the longer side of a map."""

SHORTEST = 0.1
"""Vectors shorter than this fraction of the longest are left out: their heads would hide their lack of direction."""


def cell_side(sheet: Sheet, count: int = COUNT) -> int:
    """Return the side of the square cells, in pixels of the sheet."""
    return max(1, -(-max(sheet.grid.shape) // count))


def arrow_grid(sheet: Sheet, count: int = COUNT) -> tuple[DoubleArray, DoubleArray, DoubleArray, DoubleArray]:
    """Return centres and median components of the square cells that are at least a quarter usable.

    Parameters
    ----------
    sheet : Sheet
    count : int
        Cells along the longer side; what does not fill a cell at the right and lower edge is left out.

    Returns
    -------
    tuple of ndarray
        ``rows, cols, first, second``, one value per arrow, in pixels of the sheet and in the sheet's own components.
    """
    height = width = cell_side(sheet, count)
    height, width = min(height, sheet.grid.height), min(width, sheet.grid.width)
    rows, cols = sheet.grid.height // height, sheet.grid.width // width
    inner = (slice(0, rows * height), slice(0, cols * width))

    def cells(array: FloatArray) -> FloatArray:
        return array[inner].reshape(rows, height, cols, width).swapaxes(1, 2).reshape(rows, cols, -1)

    usable = sheet.usable
    parts = [_median(cells(np.where(usable, sheet.layers[name], np.float32(np.nan)))) for name in sheet.components]
    where = (cells(usable.astype(np.float32)).mean(axis=2) >= 0.25) & np.isfinite(parts[0])
    row, col = (index.astype(np.float64) for index in np.nonzero(where))
    return row * height + (height - 1) / 2, col * width + (width - 1) / 2, parts[0][where], parts[1][where]


def draw_arrows(ax: Axes, frame: Frame, sheet: Sheet, count: int = COUNT) -> None:
    """Draw the medians of cells as arrows, and a key of round length above the map."""
    from matplotlib.patheffects import withStroke

    rows, cols, first, second = arrow_grid(sheet, count)
    length = np.hypot(first, second)
    if length.size == 0 or not length.max() > 0:
        return
    scale = float(np.percentile(length, 98)) or float(length.max())
    shown = length > SHORTEST * scale
    x, y = frame.centres(rows[shown], cols[shown])
    u, v = frame.vectors(first[shown], second[shown], sheet.is_velocity)
    (left, right), _ = frame.limits
    factor = 1.35 * cell_side(sheet, count) / sheet.grid.width * (right - left) / scale
    quiver = ax.quiver(
        x,
        y,
        u * factor,
        v * factor,
        angles="xy",
        scale_units="xy",
        scale=1.0,
        color=INK,
        width=0.0017,
        headwidth=4.4,
        headlength=5.0,
        headaxislength=4.4,
        minlength=0.5,
        zorder=4,
        path_effects=[withStroke(linewidth=1.2, foreground=(1.0, 1.0, 1.0, 0.7))],
    )
    key = round_number(scale)
    unit = sheet.style(sheet.magnitude).unit
    ax.quiverkey(quiver, 0.93, 1.022, key * factor, f"{key:g} {unit}", labelpos="W", fontproperties={"size": 8})


def _median(cells: FloatArray) -> DoubleArray:
    """Median over the last axis that leaves NaN out; NaN where there is nothing, without a warning."""
    ordered = np.sort(cells, axis=-1)
    count = np.isfinite(cells).sum(axis=-1)
    lower = (np.maximum(count - 1, 0) // 2)[..., None]
    upper = np.minimum(count // 2, cells.shape[-1] - 1)[..., None]
    pair = np.take_along_axis(ordered, lower, -1) + np.take_along_axis(ordered, upper, -1)
    median: DoubleArray = np.where(count > 0, 0.5 * pair[..., 0].astype(np.float64), np.nan)
    return median
