"""How trackers look in pictures: the same colour and marker in every one of them, whoever else takes part."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sensetrack.benchmark.peers import PEERS
from sensetrack.report.canvas import FAINT
from sensetrack.trackers import registry

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GRID = "#e3e8ed"

_HUES = (
    "#D55E00",
    "#0072B2",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#7B5EA7",
    "#8C6D31",
    "#1C2430",
    "#7A8B00",
)
_GREY = "#6B7280"
_FILLED = ("o", "s", "^", "D", "v", "P", "h", "<", ">", "p")
_OPEN = ("x", "+", "1", "2", "3", "4")


@dataclass(frozen=True)
class Look:
    """Colour, marker and line of one contender.

    Attributes
    ----------
    colour, marker : str
    is_peer : bool
        Peers have the hue of the tracker of ours that does the same, paler, a marker of strokes, and dashed lines.
    """

    colour: str
    marker: str
    is_peer: bool = False

    @property
    def line(self) -> dict[str, Any]:
        """Properties of its line."""
        return {"color": self.colour, "lw": 1.1 if self.is_peer else 1.5, "ls": (0, (3, 1.5)) if self.is_peer else "-"}

    def mark(self, axes: Axes, x: float, y: float, *, is_full: bool = True, size: float = 30.0) -> None:
        """Draw its marker, hollow where it is not full; nothing where a number is not finite."""
        if not (math.isfinite(x) and math.isfinite(y)):
            return
        if self.is_peer:
            axes.scatter([x], [y], s=size * 1.7, marker=self.marker, color=self.colour, linewidth=1.4, zorder=3)
        else:
            face = self.colour if is_full else "white"
            axes.scatter(
                [x], [y], s=size, marker=self.marker, facecolor=face, edgecolor=self.colour, linewidth=1.1, zorder=4
            )


def looks_of(names: Sequence[str]) -> dict[str, Look]:
    """Return the look of every contender, as it was asked for.

    Settings of one tracker differ in shade and marker; the last of them is the darkest.
    """
    known = registry.names()
    found: dict[str, Look] = {}
    bases = [name.partition(":")[0] for name in names]
    others = list(dict.fromkeys(base for base in bases if base not in known and base not in PEERS))
    for number, (name, base) in enumerate(zip(names, bases, strict=True)):
        if base in PEERS:
            twin = PEERS[base].twin
            hue = _HUES[known.index(twin) % len(_HUES)] if twin in known else _GREY
            found[name] = Look(_pale(hue, 0.12), _OPEN[list(PEERS).index(base) % len(_OPEN)], True)
            continue
        index = [*known, *others].index(base)
        after = bases[number + 1 :].count(base)
        hue = _pale(_HUES[index % len(_HUES)], min(0.3 * after, 0.6))
        found[name] = Look(hue, _FILLED[(index + after) % len(_FILLED)])
    return found


def legend(figure: Figure, looks: dict[str, Look], place: tuple[float, float], *, hollow: str = "") -> None:
    """Write a column of names with their markers, its upper left corner at a place of the figure.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    looks : dict of str to Look
    place : tuple of float
        In shares of the figure.
    hollow : str
        What a hollow marker says; "" leaves it out.
    """
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker=look.marker, markersize=6, markeredgewidth=1.3, **look.line) for look in looks.values()
    ]
    labels = [short(name) for name in looks]
    if hollow:
        handles.append(Line2D([], [], ls="", marker="o", markersize=5.5, color=FAINT, markerfacecolor="white"))
        labels.append(hollow)
    figure.legend(
        handles, labels, loc="upper left", bbox_to_anchor=place, labelspacing=0.75, handlelength=2.6, borderaxespad=0.0
    )


def short(name: str) -> str:
    """Return a name that fits beside a marker: of settings, their values only."""
    base, _, rest = name.partition(":")
    values = " ".join(part.rpartition("=")[2] for part in rest.split(",")) if rest else ""
    text = f"{base} {values}".strip()
    return text if len(text) < 24 else f"{text[:22]} …"


def plain_ticks(
    axes: Axes, which: str, text: Callable[[float], str] = "{:g}".format, marks: Sequence[float] = (1.0, 2.0, 5.0)
) -> None:
    """Write ticks of a logarithmic axis as plain numbers, at ``marks`` in every decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(LogLocator(base=10, subs=marks))
    axis.set_major_formatter(FuncFormatter(lambda value, _: text(value)))
    axis.set_minor_formatter(NullFormatter())


def heading(figure: Figure, title: str, below: str = "") -> None:
    """Write the title of a picture and, below it, a line in grey."""
    tall, wide = figure.get_figheight(), figure.get_figwidth()
    figure.suptitle(title, x=0.12 / wide, y=1 - 0.12 / tall, ha="left", va="top", fontsize=12.5, weight="bold")
    figure.text(0.12 / wide, 1 - 0.40 / tall, below, ha="left", va="top", color=FAINT, fontsize=8.5)


def _pale(colour: str, share: float) -> str:
    """Mix a colour with white."""
    parts = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    return "#" + "".join(f"{round(part + (255 - part) * share):02x}" for part in parts)
