"""Processing graphs as pictures: boxes in layers, coloured by what runs them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from sensetrack.graph.draw import COLOURS, Box, Kind, Layout, boxes_of, edges_of, lay_out
from sensetrack.graph.model import Graph
from sensetrack.report.canvas import FAINT, INK, check_suffix, drawing, new_figure, save
from sensetrack.types import PathLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLE, PLAIN, SMALL = 10.0, 9.0, 7.5
"""Points of the operator's name, of the id beside it, and of parameters."""

PAD, BETWEEN, EDGE = 0.11, 0.4, 0.35
"""Inches inside a box, from box to box, and around everything."""

GAP, WIDE_GAP = 0.3, 0.55
"""Inches from layer to layer: where all arrows go straight down, and elsewhere."""

HEAD, ROW = 0.19, 0.145
"""Inches of the first line of a box, and of each other."""

CAPTION = 0.62
"""Inches of the name of the graph above the boxes."""

NAMES: Mapping[Kind, str] = {
    "native": "runs without SNAP",
    "snap": "SNAP only",
    "file": "a file",
    "unknown": "not known",
}
"""What colours mean."""


def draw_graph(graph: Graph, output: PathLike, *, dpi: float = 150.0, overwrite: bool = False) -> FilePath:
    """Draw a graph: its operators, their ids, the parameters that differ from defaults, and what flows where.

    Parameters
    ----------
    graph : Graph
    output : path-like
        ``.png``, ``.svg`` or ``.pdf``. Equal graphs give equal bytes.
    dpi : float
        Dots per inch of pixel graphics.
    overwrite : bool
        Whether the output may be replaced.

    Returns
    -------
    Path

    Raises
    ------
    ParameterError
        The suffix is another one.
    OutputError
        It cannot be written, or exists.
    """
    check_suffix(output)
    boxes = {box.id: box for box in boxes_of(graph)}
    layout = lay_out(list(boxes), edges_of(graph))
    with drawing():
        picture = _Picture(boxes, layout)
        caption = [graph.name, graph.about.summary]
        figure = picture.draw(caption)
        return save(figure, output, dpi, overwrite=overwrite)


class _Picture:
    """Sizes and positions in inches, y upward from the bottom of the figure."""

    def __init__(self, boxes: Mapping[str, Box], layout: Layout) -> None:
        self.boxes = boxes
        self.layout = layout
        self.renderer = _renderer()
        self.width = max((self._width(box) for box in boxes.values()), default=1.0) + 2 * PAD
        self.most = max((len(layer) for layer in layout.layers), default=1)
        self.heights = [max((_height(boxes[name]) for name in layer if name), default=HEAD) for layer in layout.layers]
        bends = {
            start[0]
            for path in layout.paths.values()
            for start, end in itertools.pairwise(path)
            if self._bends(start, end)
        }
        self.gaps = [WIDE_GAP if layer in bends else GAP for layer in range(len(self.heights) - 1)]

    def draw(self, caption: Sequence[str]) -> Any:
        """Return the figure."""
        kinds = list(dict.fromkeys(box.kind for box in self.boxes.values()))
        legend = 0.3
        inner = self.most * self.width + (self.most - 1) * BETWEEN
        texts = self._text(caption[0], TITLE + 2, "bold"), self._text(caption[1], PLAIN)
        marks = sum(self._text(NAMES[kind], SMALL) + 0.4 for kind in kinds)
        self.full = max(inner, *texts, marks) + 2 * EDGE
        total = sum(self.heights) + sum(self.gaps)
        self.height = total + CAPTION + legend + 2 * EDGE
        figure = new_figure(self.full, self.height)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, self.full), ylim=(0, self.height))
        axes.set_axis_off()
        top = self.height - EDGE
        axes.text(EDGE, top, caption[0], size=TITLE + 2, weight="bold", va="top")
        axes.text(EDGE, top - 0.25, caption[1], size=PLAIN, color=FAINT, va="top")
        for path in self.layout.paths.values():
            self._arrow(axes, path)
        for number, layer in enumerate(self.layout.layers):
            for place, name in enumerate(layer):
                if name:
                    self._box(axes, self.boxes[name], *self._centre(number, place))
        self._legend(axes, kinds)
        return figure

    def _bends(self, start: tuple[int, int], end: tuple[int, int]) -> bool:
        """Whether an arrow from a place to one in the next layer is not straight."""
        first, second = (place - (len(self.layout.layers[layer]) - 1) / 2 for layer, place in (start, end))
        return first != second

    def _centre(self, layer: int, place: int) -> tuple[float, float]:
        count = len(self.layout.layers[layer])
        x = self.full / 2 + (place - (count - 1) / 2) * (self.width + BETWEEN)
        above = sum(self.heights[:layer]) + sum(self.gaps[:layer])
        return x, self.height - EDGE - CAPTION - above - self.heights[layer] / 2

    def _box(self, axes: Axes, box: Box, x: float, y: float) -> None:
        from matplotlib.patches import FancyBboxPatch

        fill, edge = COLOURS[box.kind]
        height = _height(box)
        left, top = x - self.width / 2, y + height / 2
        style = "round,pad=0,rounding_size=0.07"
        corner = (left, top - height)
        axes.add_patch(FancyBboxPatch(corner, self.width, height, style, fc=fill, ec=edge, lw=1.1, zorder=2))
        line = top - PAD - HEAD / 2
        axes.text(left + PAD, line, box.title, size=TITLE, weight="bold", va="center_baseline", zorder=3)
        if box.subtitle:
            axes.text(
                left + self.width - PAD, line, box.subtitle, size=PLAIN, color=FAINT, ha="right", va="center_baseline",
                zorder=3,
            )  # fmt: skip
        names = self._names(box)
        for number, (name, value) in enumerate(box.lines):
            row = top - PAD - HEAD - ROW * (number + 0.5)
            axes.text(left + PAD, row, name, size=SMALL, color=FAINT, va="center_baseline", zorder=3)
            axes.text(left + PAD + names, row, value, size=SMALL, color=INK, va="center_baseline", zorder=3)

    def _arrow(self, axes: Axes, path: Sequence[tuple[int, int]]) -> None:
        from matplotlib.patches import FancyArrowPatch
        from matplotlib.path import Path

        centres = [self._centre(*place) for place in path]
        halves = [self.heights[layer] / 2 for layer, _ in path]  # of boxes at the ends, of whole layers between
        halves[0], halves[-1] = _height(self.boxes_at(path[0])) / 2, _height(self.boxes_at(path[-1])) / 2 + 0.02
        x, y = centres[0][0], centres[0][1] - halves[0]
        vertices, codes = [(x, y)], [Path.MOVETO]
        for place in range(1, len(path)):
            stop_x, centre = centres[place]
            top, bottom = centre + halves[place], centre - halves[place]
            bend = (y - top) / 2
            vertices += [(x, y - bend), (stop_x, top + bend), (stop_x, top)]
            codes += [Path.CURVE4] * 3
            if place < len(path) - 1:
                vertices.append((stop_x, bottom))
                codes.append(Path.LINETO)
            x, y = stop_x, bottom
        arrow = FancyArrowPatch(
            path=Path(vertices, codes),
            arrowstyle="-|>,head_length=4,head_width=2.4",
            ec="#6b7784",
            fc="#6b7784",
            lw=1.1,
        )
        axes.add_patch(arrow)

    def boxes_at(self, place: tuple[int, int]) -> Box:
        """Return the box at a place of a layer."""
        return self.boxes[self.layout.layers[place[0]][place[1]]]

    def _legend(self, axes: Axes, kinds: Sequence[Kind]) -> None:
        from matplotlib.patches import FancyBboxPatch

        x = EDGE
        for kind in kinds:
            fill, edge = COLOURS[kind]
            style = "round,pad=0,rounding_size=0.03"
            axes.add_patch(FancyBboxPatch((x, EDGE - 0.06), 0.18, 0.12, style, fc=fill, ec=edge, lw=0.9))
            axes.text(x + 0.25, EDGE, NAMES[kind], size=SMALL, color=FAINT, va="center_baseline")
            x += 0.25 + self._text(NAMES[kind], SMALL) + 0.22

    def _names(self, box: Box) -> float:
        return max((self._text(name, SMALL) for name, _ in box.lines), default=0.0) + 0.09

    def _width(self, box: Box) -> float:
        head = self._text(box.title, TITLE, "bold")
        if box.subtitle:
            head += self._text(box.subtitle, PLAIN) + 0.25
        return max(head, max((self._names(box) + self._text(value, SMALL) for _, value in box.lines), default=0.0))

    def _text(self, text: str, size: float, weight: str = "normal") -> float:
        """Return the width of a text, inches."""
        from matplotlib.font_manager import FontProperties

        if not text:
            return 0.0
        font = FontProperties(size=size, weight=weight)
        measure: Any = self.renderer.get_text_width_height_descent
        return float(measure(text, font, False)[0]) / 72.0


def _height(box: Box) -> float:
    return 2 * PAD + HEAD + ROW * len(box.lines)


def _renderer() -> Any:
    """Return what measures texts, at 72 dots per inch."""
    from matplotlib.backends import backend_agg

    make: Any = backend_agg.RendererAgg
    return make(10, 10, 72)
