"""Draws maps and histograms on given axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sensetrack.report.arrows import draw_arrows
from sensetrack.report.canvas import FAINT, INK
from sensetrack.report.frame import Frame
from sensetrack.report.furniture import draw_colour_bar, draw_flag_legend, draw_north, draw_scale_bar
from sensetrack.report.numbers import Limits, Spread, flag_table, robust_limits
from sensetrack.report.sheet import Sheet
from sensetrack.report.words import COLOUR_MAPS, Kind, class_colours, shown_class
from sensetrack.types import DoubleArray, FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.image import AxesImage

OPACITY = 0.85
"""Of a layer over a picture."""

PALEST = 0.45
"""Opacity of the slowest pixels of a magnitude over a picture, relative to the fastest, so that the ground shows."""


def draw_map(
    ax: Axes,
    sheet: Sheet,
    name: str,
    *,
    frame: Frame | None = None,
    picture: NDArray[np.uint8] | None = None,
    limits: tuple[float, float] | None = None,
    opacity: float = OPACITY,
    arrows: bool = False,
    title: str | None = None,
    labels: bool = True,
) -> None:
    """Draw one layer of a sheet as a map, with its colour bar, scale bar and north arrow.

    Parameters
    ----------
    ax : Axes
    sheet : Sheet
    name : str
        A layer, or ``flags``. Values under flags are left out, except of ``quality``.
    frame : Frame, optional
        Default: that of the sheet's grid.
    picture : ndarray of uint8, optional
        Grey backdrop as `sensetrack.report.backdrop.backdrop` makes it, on the extent of the sheet.
    limits : tuple of float, optional
        Colour limits in place of the robust ones.
    opacity : float
        Of the layer over the picture, 0..1; without a picture it is opaque.
    arrows : bool
    title : str, optional
        Default: the layer's title.
    labels : bool
        Whether the axes are labelled.
    """
    frame = frame or Frame.of(sheet.grid)
    (left, right), (bottom, top) = frame.limits
    over = 1.0 if picture is None else opacity
    if picture is not None:
        draw_picture(ax, frame, picture)
    if name == "flags":
        title = "Why pixels are empty or doubtful" if title is None else title
        _draw_flags(ax, frame, sheet, over)
    else:
        style = sheet.style(name)
        title = style.title if title is None else title
        values = _shown_values(sheet, name, style.kind)
        chosen = robust_limits(values, style) if limits is None else _given(values, *limits)
        image = draw_layer(ax, frame, values, chosen, colours(style.kind, over))
        draw_colour_bar(ax, image, chosen, style.unit)
        if arrows:
            draw_arrows(ax, frame, sheet)
    ax.set_facecolor("#eef1f4")
    ax.set(xlim=(left, right), ylim=(bottom, top), aspect=frame.aspect, title=title)
    ax.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])
    ax.locator_params(axis="y", nbins=6, steps=[1, 2, 5, 10])
    if labels:
        ax.set(xlabel=frame.x_label, ylabel=frame.y_label)
    draw_scale_bar(ax, frame)
    draw_north(ax, frame)


def colours(kind: Kind, opacity: float) -> Colormap:
    """Return the colour map of a kind of layer with its opacity; slow pixels of a magnitude are paler."""
    import matplotlib
    from matplotlib.colors import ListedColormap

    if opacity >= 1.0:
        return matplotlib.colormaps[COLOUR_MAPS[kind]]
    table = matplotlib.colormaps[COLOUR_MAPS[kind]](np.linspace(0.0, 1.0, 256))
    ramp = np.ones(256)
    if kind == "magnitude":
        ramp = PALEST + (1 - PALEST) * np.clip(np.linspace(0.0, 4.0, 256), 0, 1)
    table[:, 3] = opacity * ramp
    return ListedColormap(table)


def draw_picture(ax: Axes, frame: Frame, picture: NDArray[np.uint8]) -> None:
    """Draw a grey picture with opacity, shape (row, col, 2), over the extent of the frame."""
    rgba = picture[..., [0, 0, 0, 1]]
    _place(ax, frame, rgba, interpolation="antialiased")


def draw_layer(ax: Axes, frame: Frame, values: NDArray[np.generic], limits: Limits, colours: Colormap) -> AxesImage:
    """Draw an array over the extent of the frame; NaN is transparent."""
    shown = np.ma.masked_invalid(values)
    return _place(ax, frame, shown, cmap=colours, vmin=limits.low, vmax=limits.high, interpolation="nearest")


def draw_spread(ax: Axes, spread: Spread, label: str, unit: str, where: str) -> None:
    """Draw a histogram of what should be one value, the shift, and the Gaussian that the predicted errors imply.

    Parameters
    ----------
    ax : Axes
    spread : Spread
    label, unit : str
        Of the x axis.
    where : str
        What the pixels are, such as ``stable ground``.
    """
    ax.stairs(spread.density, spread.edges, fill=True, color="#8fb7d6", label=f"{where}, {spread.count:,} pixels")
    if spread.curve.size:
        text = f"expected from the predicted errors (median {spread.predicted:.3g} {unit})"
        ax.plot(spread.centres, spread.curve, color="#b3420a", lw=1.6, label=text)
    if spread.count:
        text = f"shift (median) {spread.median:+.3g} {unit}, spread (NMAD) {spread.nmad:.3g} {unit}"
        ax.axvline(spread.median, ymax=0.72, color=INK, lw=1.1, ls=(0, (4, 2)), label=text.replace("-", "−"))
    if spread.edges[0] < 0 < spread.edges[-1]:
        ax.axvline(0.0, ymax=0.72, color=FAINT, lw=0.7)
    ax.set(xlabel=f"{label} [{unit}]", yticks=[], xlim=(spread.edges[0], spread.edges[-1]))
    ax.set_ylim(0, 1.5 * max(float(spread.density.max()), float(spread.curve.max(initial=0.0)), 1e-9))
    ax.spines[["left", "right", "top"]].set_visible(False)
    ax.legend(loc="upper left", borderaxespad=0.2, handlelength=1.6)


def _shown_values(sheet: Sheet, name: str, kind: Kind) -> FloatArray:
    values = sheet.layer(name)
    return values if kind == "share" else np.where(sheet.usable, values, np.float32(np.nan))


def _given(values: FloatArray, low: float, high: float) -> Limits:
    finite = values[np.isfinite(values)]
    return Limits(low, high, bool((finite < low).any()), bool((finite > high).any()))


def _draw_flags(ax: Axes, frame: Frame, sheet: Sheet, opacity: float) -> None:
    from matplotlib.colors import ListedColormap, to_rgba

    if sheet.flags is None:
        return
    rows = [(number, row) for number, row in enumerate(flag_table(sheet.flag_bytes)) if row.shown]
    order = np.full(len(class_colours()), np.nan)
    order[[number for number, _ in rows]] = np.arange(len(rows))
    palette = ListedColormap([to_rgba(class_colours()[number], opacity) for number, _ in rows])
    image = draw_layer(ax, frame, order[shown_class()[sheet.flags]], Limits(-0.5, len(rows) - 0.5), palette)
    draw_flag_legend(ax, image, [row for _, row in rows])


def _place(ax: Axes, frame: Frame, pixels: NDArray[np.generic], **options: object) -> AxesImage:
    from matplotlib.transforms import Affine2D

    rows, cols = frame.shape
    place = Affine2D(_matrix(frame)) + ax.transData
    return ax.imshow(pixels, extent=(0, cols, rows, 0), transform=place, **options)  # type: ignore[arg-type]


def _matrix(frame: Frame) -> DoubleArray:
    t = frame.to_axes
    return np.array([[t.a, t.b, t.c], [t.d, t.e, t.f], [0.0, 0.0, 1.0]])
