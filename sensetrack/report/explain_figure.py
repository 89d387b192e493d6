"""The picture of an `Explanation`."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from sensetrack.report.canvas import FAINT, INK, new_figure
from sensetrack.report.explanation import NEIGHBOURS, Chip, Explanation, value_lines
from sensetrack.report.numbers import round_number
from sensetrack.report.words import class_colours, flag_titles, shown_class

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ACCENT = "#d5350f"
"""The window and the value of this pixel."""

ACROSS = (0.0, 0.25, 0.5, 0.68, 0.84)
"""Where the values of one line start; the first two have errors."""

LONGEST = 2.2
"""Arrows of neighbours are cut to this many output pixels, so that a wild one does not cover the others."""

PEAK = "#0b6bcb"
"""The peak of the plain correlation."""


def explain_figure(item: Explanation) -> Figure:
    """Draw both chips, the correlation surface, the neighbours, and the words. Call it within `canvas.drawing`."""
    figure = new_figure(13.0, 8.6)
    top = figure.subplots(1, 3, gridspec_kw={"left": 0.045, "right": 0.955, "top": 0.87, "bottom": 0.5, "wspace": 0.2})
    below = figure.subplots(
        1,
        2,
        gridspec_kw={
            "left": 0.045,
            "right": 0.985,
            "top": 0.415,
            "bottom": 0.055,
            "wspace": 0.06,
            "width_ratios": [1, 2],
        },
    )
    head = f"{item.name}: column {item.col}, row {item.row} — {', '.join(flag_titles(item.flags)).lower()}"
    figure.suptitle(head, x=0.012, y=0.975, ha="left", va="top", fontsize=12.5, weight="bold")
    figure.text(0.012, 0.938, _subtitle(item), ha="left", va="top", fontsize=8.5, color=FAINT)
    levels = _levels(item)
    _draw_reference(top[0], item, levels)
    _draw_secondary(top[1], item, levels)
    _draw_surface(top[2], item)
    _draw_neighbours(below[0], item)
    _draw_words(below[1], item)
    return figure


def _subtitle(item: Explanation) -> str:
    origin = item.provenance
    parts = [origin.tracker, f"window {item.window} px"]
    if origin.reference_date and origin.secondary_date:
        parts.append(f"{origin.reference_date:%Y-%m-%d} to {origin.secondary_date:%Y-%m-%d}")
    if item.grid.is_georeferenced:
        parts.append(f"x {item.x:.9g}, y {item.y:.9g}")
    return " · ".join(part for part in parts if part)


def _levels(item: Explanation) -> list[tuple[float, float]]:
    """Grey levels of the two images, each by its own percentiles."""
    found = []
    for chip in (item.reference, item.secondary):
        values = chip.pixels[chip.valid]
        low, high = np.percentile(values, [1, 99]) if values.size else (0.0, 1.0)
        found.append((float(low), float(high) if high > low else float(low) + 1.0))
    return found


def _draw_chip(ax: Axes, chip: Chip, levels: tuple[float, float], view: tuple[float, float, float]) -> None:
    """Draw a chip in the coordinates of the pair; missing pixels are hatched. ``view``: left, top, side."""
    rows, cols = chip.pixels.shape
    edges = (chip.col - 0.5, chip.col + cols - 0.5, chip.row + rows - 0.5, chip.row - 0.5)
    _hatch(ax, edges)
    pixels = np.ma.masked_array(chip.pixels, ~chip.valid)
    ax.imshow(pixels, extent=edges, cmap="gray", vmin=levels[0], vmax=levels[1], interpolation="nearest", zorder=1)
    left, top, side = view
    ax.set(xlim=(left, left + side), ylim=(top + side, top), xlabel="column [px]", ylabel="row [px]")
    ax.locator_params(nbins=5, integer=True)


def _hatch(ax: Axes, edges: tuple[float, float, float, float]) -> None:
    """Fill a rectangle with the pattern that stands for missing pixels, below everything else."""
    from matplotlib.patches import Rectangle

    left, right, bottom, top = edges
    ax.add_patch(
        Rectangle((left, top), right - left, bottom - top, fc="#f3f4f6", ec="#9aa5b1", hatch="////", lw=0, zorder=0)
    )


def _frame(ax: Axes, left: float, top: float, size: float, colour: str, style: str = "-") -> None:
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((left - 0.5, top - 0.5), size, size, fc="none", ec=colour, lw=1.6, ls=style, zorder=3))


def _draw_reference(ax: Axes, item: Explanation, levels: list[tuple[float, float]]) -> None:
    side = 2.0 * item.window
    view = (item.left - item.window / 2 - 0.5, item.top - item.window / 2 - 0.5, side)
    _draw_chip(ax, item.reference, levels[0], view)
    _frame(ax, item.left, item.top, item.window, ACCENT)
    ax.set_title("Reference and its window")


def _draw_secondary(ax: Axes, item: Explanation, levels: list[tuple[float, float]]) -> None:
    dy, dx = item.offset
    side = 2.0 * item.window
    view = (item.left + dx - item.window / 2 - 0.5, item.top + dy - item.window / 2 - 0.5, side)
    _draw_chip(ax, item.secondary, levels[1], view)
    _frame(ax, item.left, item.top, item.window, "white", ":")
    _frame(ax, item.left + dx, item.top + dy, item.window, ACCENT if item.is_measured else PEAK)
    if item.is_measured:
        where = "at the displacement in the file"
    elif math.isfinite(item.peak.dx):
        where = "at the best plain match"
    else:
        where = "without displacement"
    ax.set_title(f"Secondary, {where}")


def _draw_surface(ax: Axes, item: Explanation) -> None:
    from matplotlib.patches import Ellipse

    rows, cols = item.surface.shape
    dy, dx = item.centre
    edges = (dx - cols / 2, dx + cols / 2, dy + rows / 2, dy - rows / 2)
    _hatch(ax, edges)
    shown = np.ma.masked_invalid(item.surface)
    ax.set_title("Correlation of the window over all offsets")
    ax.set(xlabel="dx [px]", ylabel="dy [px]")
    if shown.count():
        low = min(0.0, float(np.percentile(shown.compressed(), 1)))
        high = max(float(shown.max()), low + 0.1)
        image = ax.imshow(shown, extent=edges, cmap="viridis", vmin=low, vmax=high, interpolation="nearest", zorder=1)
        figure = ax.get_figure(root=True)
        assert figure is not None
        figure.colorbar(image, cax=ax.inset_axes((1.025, 0.0, 0.035, 1.0)))
    ax.set(xlim=edges[:2], ylim=edges[2:], aspect="equal")
    ax.axhline(0, color="white", lw=0.6, alpha=0.7, zorder=2)
    ax.axvline(0, color="white", lw=0.6, alpha=0.7, zorder=2)
    if math.isfinite(item.peak.dx):
        label = f"highest: {item.peak.value:.2f}"
        ax.plot(item.peak.dx, item.peak.dy, "o", ms=11, mfc="none", mec="white", mew=2.6, zorder=4)
        ax.plot(item.peak.dx, item.peak.dy, "o", ms=11, mfc="none", mec=PEAK, mew=1.5, zorder=5, label=label)
    else:
        text = "no value: too few valid pixels,\nor no texture"
        box = {"facecolor": "#f3f4f6", "edgecolor": "none", "pad": 6}
        ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", bbox=box, zorder=5)
    if item.is_measured:
        v = item.values
        ax.plot(v["dx"], v["dy"], "+", ms=12, mew=3.2, color="white", zorder=6)
        ax.plot(v["dx"], v["dy"], "+", ms=12, mew=1.6, color=ACCENT, zorder=7, label="in the file, with 3 sigma")
        if math.isfinite(v["sigma_dx"]) and math.isfinite(v["sigma_dy"]):
            width, height, angle = _ellipse(v["sigma_dx"], v["sigma_dy"], v["rho"])
            ax.add_patch(
                Ellipse((v["dx"], v["dy"]), 3 * width, 3 * height, angle=angle, fc="none", ec=ACCENT, lw=1.2, zorder=7)
            )
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper left", frameon=True, framealpha=0.85, edgecolor="none").set_zorder(8)


def _ellipse(sigma_x: float, sigma_y: float, rho: float) -> tuple[float, float, float]:
    """Return both diameters of the 1-sigma ellipse and the angle of the first in degrees."""
    cross = (rho if math.isfinite(rho) else 0.0) * sigma_x * sigma_y
    values, vectors = np.linalg.eigh(np.array([[sigma_x**2, cross], [cross, sigma_y**2]]))
    width, height = 2 * np.sqrt(np.maximum(values, 0.0))
    return float(width), float(height), math.degrees(math.atan2(vectors[1, 0], vectors[0, 0]))


def _draw_neighbours(ax: Axes, item: Explanation) -> None:
    field = item.neighbours
    rows, cols = (np.arange(n) + start for n, start in zip(field.shape, item.first, strict=True))
    row, col = np.meshgrid(rows, cols, indexing="ij")
    reach = NEIGHBOURS + 0.7
    ax.set(xlim=(item.col - reach, item.col + reach), ylim=(item.row + reach, item.row - reach), aspect="equal")
    ax.set(title="Neighbours", xlabel="output column", ylabel="output row", facecolor="#f3f4f6")
    ax.locator_params(nbins=6, integer=True)
    classes = shown_class()[field.flags]
    colours = np.array(class_colours())
    flagged = classes > 0
    ax.scatter(col[~flagged], row[~flagged], marker="s", s=150, c="white", lw=0, zorder=1)
    ax.scatter(col[flagged], row[flagged], marker="s", s=150, c=colours[classes[flagged]], lw=0, alpha=0.75, zorder=1)
    finite = np.isfinite(field.dx) & np.isfinite(field.dy)
    good = finite & field.usable
    length = np.hypot(field.dx, field.dy)
    few = np.count_nonzero(good) < 0.2 * np.count_nonzero(finite)
    basis = length[finite if few else good]
    scale = float(np.percentile(basis, 85)) if basis.size else 0.0
    if scale > 0:
        here = (row == item.row) & (col == item.col)
        cut = np.minimum(1.0, LONGEST * scale / np.maximum(length, 1e-9)) / scale
        kinds = ((finite & ~good & ~here, "#6b7682", 0.006), (good & ~here, INK, 0.006), (finite & here, ACCENT, 0.01))
        for where, colour, width in kinds:
            u, v = (field.dx * cut)[where], (field.dy * cut)[where]
            options = {"angles": "xy", "scale_units": "xy", "scale": 1.0, "width": width}
            ax.quiver(col[where], row[where], u, v, color=colour, zorder=3, **options)  # type: ignore[arg-type]
        key = round_number(scale)
        x, y = item.col + reach, item.row - reach - 0.45
        line = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", (x, y), (x - key / scale, y), annotation_clip=False, arrowprops=line)
        ax.text(x - key / scale - 0.25, y, f"{key:g} px", ha="right", va="center", fontsize=8)
    ax.scatter([item.col], [item.row], marker="s", s=190, fc="none", ec=ACCENT, lw=1.6, zorder=4)


def _draw_words(ax: Axes, item: Explanation) -> None:
    """Write the values, a paragraph for each flag, and what the images say."""
    ax.set_axis_off()

    def write(x: float, y: float, text: str, size: float, *, colour: str = INK, bold: bool = False) -> None:
        weight = "bold" if bold else "normal"
        ax.text(x, y, text, transform=ax.transAxes, fontsize=size, color=colour, weight=weight, va="top")

    values = value_lines(item)[: 2 * len(ACROSS)]
    for number, (name, text) in enumerate(values):
        x, y = ACROSS[number % len(ACROSS)], 1.0 - 0.15 * (number // len(ACROSS))
        write(x, y, name, 8.0, colour=FAINT)
        write(x, y - 0.062, text.replace("-", "\N{MINUS SIGN}"), 11.0, bold=True)
    y = 0.98 - 0.15 * -(-len(values) // len(ACROSS))
    flags = item.flag_sentences() or [("Measured", "No flag was raised.", "")]
    paragraphs = [(title, f"{meaning} {remedy}") for title, meaning, remedy in flags]
    for title, text in [*paragraphs, ("What the images show", " ".join(item.findings()))]:
        y -= 0.03
        write(0.0, y, title, 9.5, bold=True)
        for line in textwrap.wrap(text, 118):
            y -= 0.06
            write(0.0, y, line, 9.2)
        y -= 0.06


__all__ = ["explain_figure"]
