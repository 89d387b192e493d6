"""What is known of one output pixel, gathered from the displacement file and both images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sensetrack.displacement import Field, Flag
from sensetrack.pair import ImagePair
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.tiles import Block
from sensetrack.report.surface import Peak, correlation_surface, find_peak
from sensetrack.report.words import FLAG_WORDS, flag_titles
from sensetrack.types import DoubleArray, FloatArray, Mask

NEIGHBOURS = 6
"""Output pixels on every side that are shown as neighbours."""

AMBIGUOUS = 0.9
"""Height of the second peak over that of the first from which a match is called ambiguous."""

FARTHEST = 96
"""Longest displacement in input pixels for which the surface is centred on no motion."""


@dataclass(frozen=True, eq=False)
class Chip:
    """A piece of an image with its place.

    Attributes
    ----------
    pixels, valid : ndarray
        float32 and bool, ``(row, col)``.
    row, col : int
        Of its upper left pixel, in pixels of the pair.
    """

    pixels: FloatArray
    valid: Mask
    row: int
    col: int

    def part(self, row: int, col: int, size: int) -> tuple[FloatArray, Mask]:
        """Return a square of it, by its upper left pixel in pixels of the pair."""
        index = slice(row - self.row, row - self.row + size), slice(col - self.col, col - self.col + size)
        return self.pixels[index], self.valid[index]


@dataclass(frozen=True, eq=False)
class Explanation:
    """What is known of one output pixel; ``str()`` gives the summary for a terminal.

    Attributes
    ----------
    name : str
        Of the displacement file.
    row, col : int
        Output pixel.
    x, y : float
        Map coordinates of its centre; without georeference column and row of the input, 0 at the first one's centre.
    grid : Grid
        Of the displacement file.
    values : mapping of str to float
        Every layer but the flags; NaN where there is no value.
    flags : int
    window : int
        Side of the window in input pixels.
    top, left : int
        Upper left pixel of the window in the reference.
    reference, secondary : Chip
        With context around the window, and around the search area.
    surface : ndarray of float64
        Correlation over offsets, in the middle at ``centre``; NaN where pixels are missing.
    centre : tuple of int
        ``(dy, dx)``.
    peak : Peak
        Of `surface`; it does not depend on the tracker.
    shares : tuple of float
        Valid pixels of the window, in the reference and in the secondary at the shown offset, 0..1.
    neighbours : Field
    first : tuple of int
        Output row and column of the first neighbour.
    provenance : Provenance
    spacing : float
        Input pixels per output pixel.
    seen : str
        A sentence on the image filters that the images passed through; "" without any.
    """

    name: str
    row: int
    col: int
    x: float
    y: float
    grid: Grid
    values: Mapping[str, float]
    flags: int
    window: int
    top: int
    left: int
    reference: Chip
    secondary: Chip
    surface: DoubleArray
    centre: tuple[int, int]
    peak: Peak
    shares: tuple[float, float]
    neighbours: Field
    first: tuple[int, int]
    provenance: Provenance
    spacing: float
    seen: str = ""

    @property
    def is_measured(self) -> bool:
        """Whether the file has a value here, flagged or not."""
        return math.isfinite(self.values["dx"]) and math.isfinite(self.values["dy"])

    @property
    def offset(self) -> tuple[float, float]:
        """Offset at which the secondary is shown: the value, else the peak of the surface, else none; ``(dy, dx)``."""
        for dy, dx in ((self.values["dy"], self.values["dx"]), (self.peak.dy, self.peak.dx)):
            if math.isfinite(dy) and math.isfinite(dx):
                return dy, dx
        return 0.0, 0.0

    def flag_sentences(self) -> list[tuple[str, str, str]]:
        """Return for each flag its title, what happened and what would help."""
        words = [FLAG_WORDS[flag] for flag in Flag if self.flags & flag]
        return [(word.title, word.meaning, word.remedy) for word in words]

    def findings(self) -> list[str]:
        """Return what the images say here, in sentences."""
        return _findings(self)

    def __str__(self) -> str:
        coordinates = "x" if self.grid.is_georeferenced else "input column"
        other = "y" if self.grid.is_georeferenced else "input row"
        lines = [
            f"{self.name}: column {self.col}, row {self.row} ({coordinates} {self.x:.9g}, {other} {self.y:.9g})",
            *(f"  {name:<12}{text}" for name, text in value_lines(self)),
            f"  {'flags':<12}{', '.join(flag_titles(self.flags)).lower()}",
        ]
        for title, meaning, remedy in self.flag_sentences():
            lines += [f"{title}: {meaning}", f"  What would help: {remedy}"]
        lines += self.findings()
        return "\n".join(lines)


def examine(
    source: LayerFile,
    name: str,
    row: int,
    col: int,
    pair: ImagePair,
    window: int,
    provenance: Provenance,
    seen: str = "",
) -> Explanation:
    """Read what an explanation needs around one output pixel."""
    around = Block(row, col, 1, 1).expand(NEIGHBOURS).clip(source.grid.shape)
    assert around is not None
    field = Field.from_layers(source.read(around))
    here = row - around.row, col - around.col
    values = {layer: float(array[here]) for layer, array in field.layers().items() if layer != "flags"}
    x, y = (float(v) for v in source.grid.xy(row, col))
    centre_row, centre_col = (float(v) for v in pair.grid.rowcol(x, y))
    top, left = (math.floor(v - (window - 1) / 2 + 0.5) for v in (centre_row, centre_col))
    centre, reach = _search(values, field, window)
    if not source.grid.is_georeferenced:
        x, y = x - 0.5, y - 0.5
    chip = Block(top, left, window, window)
    area = Block(top + centre[0], left + centre[1], window, window).expand(reach)
    context = window // 2
    reference = _chip(pair, chip.expand(context), 0)
    secondary = _chip(pair, area.expand(context), 1)
    surface = correlation_surface(
        *reference.part(top, left, window),
        secondary.pixels[context : context + area.height, context : context + area.width],
        secondary.valid[context : context + area.height, context : context + area.width],
    )
    peak = find_peak(surface, centre, max(2, window // 4))
    shown = next(
        (v for v in ((values["dy"], values["dx"]), (peak.dy, peak.dx)) if all(map(math.isfinite, v))), (0.0, 0.0)
    )
    inner = secondary.part(top + round(shown[0]), left + round(shown[1]), window)[1]
    shares = float(reference.part(top, left, window)[1].mean()), float(inner.mean()) if inner.size else 0.0
    spacing = source.grid.pixel_size[0] / pair.grid.pixel_size[0]
    return Explanation(
        name, row, col, x, y, source.grid, values, int(field.flags[here]), window, top, left, reference, secondary,
        surface, centre, peak, shares, field, (around.row, around.col), provenance, spacing, seen,
    )  # fmt: skip


def value_lines(item: Explanation) -> list[tuple[str, str]]:
    """Return the values with their errors as pairs of name and text."""
    v = item.values
    if not item.is_measured:
        return [("dx, dy", "no value")]
    lines = [
        ("dx", f"{v['dx']:+.3f} ± {v['sigma_dx']:.3f} px"),
        ("dy", f"{v['dy']:+.3f} ± {v['sigma_dy']:.3f} px"),
        ("length", f"{math.hypot(v['dx'], v['dy']):.3f} px"),
        ("rho", f"{v['rho']:+.2f}"),
        ("quality", f"{v['quality']:.3f}"),
    ]
    known = {"dx", "dy", "sigma_dx", "sigma_dy", "rho", "quality"}
    lines += [(name, f"{value:.4g}") for name, value in v.items() if name not in known]
    return [(name, text.replace("± nan px", "px, error unknown")) for name, text in lines if text.strip("+") != "nan"]


def _findings(item: Explanation) -> list[str]:
    found = [item.seen] if item.seen else []
    for share, which in zip(item.shares, ("reference", "secondary"), strict=True):
        if share < 0.995:
            found.append(f"{100 * share:.0f} % of the window's pixels are valid in the {which}.")
    peak = item.peak
    if not math.isfinite(peak.value):
        return [*found, "A plain correlation gives no value here: too few valid pixels, or no texture."]
    text = f"A plain correlation of this window peaks at dx {peak.dx:+.2f}, dy {peak.dy:+.2f} px with {peak.value:.2f}"
    second = f"; the next peak reaches {peak.second:.2f}" if math.isfinite(peak.second) else ""
    found.append(f"{text}{second}.")
    if item.is_measured:
        apart = math.hypot(peak.dx - item.values["dx"], peak.dy - item.values["dy"])
        close = "agrees with" if apart < 0.5 else "differs from"
        found.append(f"That {close} the value in the file ({apart:.2f} px apart).")
    if peak.at_edge:
        found.append("The peak lies at the edge of what could be searched here.")
    if math.isfinite(peak.second) and peak.second > AMBIGUOUS * peak.value:
        found.append(
            "Two peaks are almost equally high, so the match is ambiguous: repeated patterns or little texture."
        )
    near = item.neighbours.usable.copy()
    near[item.row - item.first[0], item.col - item.first[1]] = False
    if item.is_measured and near.sum() >= 5:
        dx, dy = (float(np.median(layer[near])) for layer in (item.neighbours.dx, item.neighbours.dy))
        apart = math.hypot(item.values["dx"] - dx, item.values["dy"] - dy)
        found.append(
            f"The median of {near.sum()} neighbours is dx {dx:+.2f}, dy {dy:+.2f} px ({apart:.2f} px from it)."
        )
    elif near.sum() < 5:
        found.append(f"There are {near.sum() or 'no'} usable neighbours within {NEIGHBOURS} output pixels.")
    return found


def _search(values: Mapping[str, float], field: Field, window: int) -> tuple[tuple[int, int], int]:
    """Centre ``(dy, dx)`` and half width of the searched offsets: no motion, the value and the neighbours' fit in."""
    usable = field.usable
    longest = [abs(values["dx"]), abs(values["dy"])]
    if usable.any():
        longest += [float(np.median(np.abs(layer[usable]))) for layer in (field.dx, field.dy)]
    far = max((v for v in longest if math.isfinite(v)), default=0.0)
    extra = max(8, window // 4)
    if far <= FARTHEST or not math.isfinite(values["dx"] + values["dy"]):
        return (0, 0), min(math.ceil(far), FARTHEST) + extra
    return (round(values["dy"]), round(values["dx"])), 2 * extra


def _chip(pair: ImagePair, block: Block, which: int) -> Chip:
    pixels, valid = (pair.reference, pair.secondary)[which].read(block)
    real = np.abs(pixels) if np.iscomplexobj(pixels) else pixels
    return Chip(real.astype(np.float32), valid, block.row, block.col)
