"""What a map needs beside its colours: a scale bar, an arrow to true north, a colour bar, a legend of flags."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from sensetrack.report.canvas import FAINT, INK
from sensetrack.report.frame import Frame
from sensetrack.report.numbers import FlagShare, Limits, round_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

HALO = (1.0, 1.0, 1.0, 0.8)
"""Behind lines and letters over a picture."""

NORTH_POINTS = 26.0
"""Length of the north arrow in points."""


def draw_colour_bar(ax: Axes, image: AxesImage, limits: Limits, unit: str) -> None:
    """Add a colour bar whose pointed ends say that values lie beyond them, under its unit."""
    ends = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    figure = ax.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(image, cax=_beside(ax, 1.0), extend=ends[limits.below, limits.above], extendfrac=0.04)
    bar.ax.set_title(unit, loc="left", fontsize=8, fontweight="normal", color=FAINT)


def draw_flag_legend(ax: Axes, image: AxesImage, rows: list[FlagShare]) -> None:
    """Add a legend of classes, drawn 0, 1, 2, ... in the order of ``rows``, with their shares of the whole file."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    total = max(sum(row.shown for row in rows), 1)
    inches = ax.get_position().height * figure.get_figheight()
    bar = figure.colorbar(image, cax=_beside(ax, min(1.0, 0.26 * len(rows) / inches)))
    bar.set_ticks(list(range(len(rows))), labels=[f"{row.title}  {percent(row.shown / total)}" for row in rows])
    bar.ax.tick_params(length=0)
    bar.ax.invert_yaxis()


def _beside(ax: Axes, height: float) -> Axes:
    """Make narrow axes to the right of others: of ``height`` times theirs, at the top, 0.13 inches wide."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    inch = 1.0 / (ax.get_position().width * figure.get_figwidth())
    return ax.inset_axes((1.0 + 0.08 * inch, 1.0 - height, 0.13 * inch, height))


def percent(share: float) -> str:
    """Return a share as a percentage; what occurs but rounds to nothing is ``<0.1 %``."""
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def draw_scale_bar(ax: Axes, frame: Frame) -> None:
    """Draw a bar of round length, lower left, where the length of the axes' unit is known."""
    from matplotlib.patches import Rectangle

    (left, right), (bottom, top) = frame.limits
    if not math.isfinite(frame.metres):
        return
    width, height = right - left, top - bottom
    metres = round_number(0.22 * width * frame.metres)
    length = metres / frame.metres
    unit = width * min(frame.ratio, 1.0)
    up = math.copysign(unit / frame.aspect, height)
    x, y = left + 0.045 * unit, bottom + 0.045 * up
    pad, thick = 0.02, 0.012
    plate = Rectangle((x - pad * unit, y - pad * up), length + 2 * pad * unit, 0.085 * up, fc=HALO, ec="none", zorder=5)
    ax.add_patch(plate)
    for start, colour in ((x, INK), (x + length / 2, "white")):
        ax.add_patch(Rectangle((start, y), length / 2, thick * up, fc=colour, ec=INK, lw=0.6, zorder=6))
    text = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    ax.text(x + length / 2, y + 2 * thick * up, text, ha="center", va="bottom", fontsize=8, zorder=6)


def draw_north(ax: Axes, frame: Frame, below: float = 0.0) -> None:
    """Draw an arrow to true north, upper right, where it is known; ``below`` leaves so many points above it free."""
    from matplotlib.patheffects import withStroke
    from matplotlib.text import OffsetFrom

    if frame.north is None:
        return
    halo = [withStroke(linewidth=3.0, foreground=HALO)]
    along = np.array(frame.north) * NORTH_POINTS
    middle = (-24.0, -26.0 - below)
    tail, tip = (tuple(np.add(middle, part * along)) for part in (-0.5, 0.35))
    corner = OffsetFrom(ax, (1.0, 1.0), unit="points")
    ax.annotate(
        "",
        xy=tip,
        xytext=tail,
        xycoords=corner,
        textcoords=corner,
        arrowprops={"arrowstyle": "-|>,head_width=0.28,head_length=0.6", "color": INK, "lw": 1.3, "path_effects": halo},
        zorder=7,
    )
    letter = tuple(np.add(middle, 0.72 * along))
    style = {"ha": "center", "va": "center", "fontsize": 9, "fontweight": "bold", "path_effects": halo, "zorder": 7}
    ax.annotate("N", xy=letter, xycoords=corner, **style)  # type: ignore[arg-type]  # a mixed dict of text settings
