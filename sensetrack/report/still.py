"""The map of a page as a still picture, for as long as the page's script has not drawn it, or where none may run."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from html import escape
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from sensetrack.errors import InputError
from sensetrack.report.canvas import INK, drawing, new_figure
from sensetrack.report.draw import OPACITY, colours, draw_layer, draw_picture
from sensetrack.report.frame import Frame
from sensetrack.report.furniture import HALO, draw_north
from sensetrack.report.numbers import Limits, round_number
from sensetrack.report.sheet import Sheet
from sensetrack.report.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Form:
    """A size of stills.

    Attributes
    ----------
    across : int
        Pixels of the page from left to right.
    density : float
        Pixels of the picture for each pixel of the page.
    most : int
        Bytes that are not exceeded while a coarser coding helps.
    """

    across: int
    density: float
    most: int


WIDE, NARROW = Form(848, 1.0, 130_000), Form(340, 2.0, 50_000)
"""For screens and for phones, where the letters of the wide one would be too small; 240 KB at most for both."""

NARROW_SCREEN = 480
"""Pixels of the page up to which the still for phones is shown."""

TALLEST = 1.4
"""Height over width above which a still is drawn narrower, as the page does so that a map fits the window."""

LETTERS = 8.64
"""Points of the letters on the map: 12 pixels of the page, at 100 pixels to the inch."""

QUALITIES = (80, 65, 50, 35, 20, 8, 1)
"""Of WebP; the first that keeps within the bytes is taken."""


def map_parts(view: View, data: dict[str, Any], size: int) -> dict[str, str]:
    """Return what the map of a page shows before its script has run, for the marks of the page's template.

    Menu and notes hold what the script will put there, so that nothing moves when it takes over.

    Parameters
    ----------
    view : View
    data : dict
        ``page_data(view, size)``.
    size : int
        Longer side of the page's map.

    Raises
    ------
    InputError
        As `still_uri`.
    """
    sheet, layer = view.main.thin(size), data["layers"][0]
    wide, narrow = (still_uri(sheet, view.picture, data, form) for form in (WIDE, NARROW))
    still = (
        f'<picture id="still" class="until" style="--ratio:{data["ratio"]:.6g}">'
        f'<source media="(max-width: {NARROW_SCREEN}px)" srcset="{narrow}">'
        f'<img src="{wide}" alt="Map: {escape(layer["title"])}, {escape(view.title)}"></picture>'
    )
    menu = ""
    for group, layers in groupby(data["layers"], key=itemgetter("group")):
        options = (f'<option value="{escape(one["name"])}">{escape(one["title"])}</option>' for one in layers)
        menu += f'<optgroup label="{escape(group)}">{"".join(options)}</optgroup>'
    if data["flags"]:
        menu += '<option value="flags">Flags: why pixels are empty or doubtful</option>'
    stops = colours(layer["kind"], 1.0 if view.picture is None else OPACITY)(np.linspace(0.0, 1.0, 33))
    stops[:, 3] /= stops[:, 3].max()
    ramp = ", ".join(f"rgb({r:.0f} {g:.0f} {b:.0f} / {a:.3g})" for r, g, b, a in stops * (255, 255, 255, 1))
    ends = (f"{layer['low']:.4g}", layer["unit"], f"{layer['high']:.4g}")
    return {
        "still": still,
        "layers": menu,
        "no-image": " hidden" if view.picture is None else "",
        "scale-title": escape(layer["title"]),
        "ramp": f"background: linear-gradient(to right, {ramp})",
        "ends": "".join(f"<span>{escape(text)}</span>" for text in ends),
        "decimation": f"The map shows every {data['step']}th pixel of the file." if data["step"] > 1 else "",
    }


def still_uri(sheet: Sheet, picture: NDArray[np.uint8] | None, data: dict[str, Any], form: Form) -> str:
    """Return the first layer of a page's map as a WebP data URI.

    Parameters
    ----------
    sheet, picture, data
        As `draw_still` takes them.
    form : Form

    Raises
    ------
    InputError
        OpenCV was built without WebP.
    """
    import cv2

    rgba = draw_still(sheet, picture, data, form)
    stored = b""
    for quality in QUALITIES:
        done, coded = cv2.imencode(".webp", rgba[..., [2, 1, 0, 3]], [cv2.IMWRITE_WEBP_QUALITY, quality])
        if not done:
            raise InputError("OpenCV cannot write WebP pictures; install opencv-python-headless from PyPI")
        stored = coded.tobytes()
        if len(stored) <= form.most:
            break
    return "data:image/webp;base64," + base64.b64encode(stored).decode("ascii")


def draw_still(sheet: Sheet, picture: NDArray[np.uint8] | None, data: dict[str, Any], form: Form) -> NDArray[np.uint8]:
    """Draw the map as the page's script does at first: rows and columns upright, without axes.

    Parameters
    ----------
    sheet : Sheet
        Decimated as for the page.
    picture : ndarray of uint8, shape (row, col, 2), or None
        Backdrop.
    data : dict
        What `sensetrack.report.view.page_data` says of the measurement: colour limits, arrows, north and lengths are
        taken from it.
    form : Form

    Returns
    -------
    ndarray of uint8, shape (row, col, 4)
        Red, green, blue and opacity; where nothing is drawn it is transparent.
    """
    ratio, layer, north = data["ratio"], data["layers"][0], data["north"]
    rows, cols = sheet.grid.shape
    width = max(round(form.across * min(1.0, TALLEST / ratio)), 1)
    height = max(round(width * ratio), 1)
    frame = Frame(
        shape=(rows, cols),
        to_axes=Affine.identity(),
        x_label="",
        y_label="",
        aspect=ratio * cols / rows,
        y_down=True,
        metres=data["metres"] or math.nan,
        north=None if north is None else (north[0], -north[1]),
    )
    with drawing():
        figure = new_figure(width / 100, height / 100)
        figure.patch.set_visible(False)
        figure.set_dpi(100 * form.density)
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        ax.set_axis_off()
        if picture is not None:
            draw_picture(ax, frame, picture)
        values = np.where(sheet.usable, sheet.layer(layer["name"]), np.float32(np.nan))
        limits = Limits(layer["low"], layer["high"])
        draw_layer(ax, frame, values, limits, colours(layer["kind"], 1.0 if picture is None else OPACITY))
        ax.set(xlim=(0, cols), ylim=(rows, 0), aspect="auto")
        if data["arrows"] is not None:
            _draw_arrows(ax, data["arrows"], width / cols, 1.0 / width, 1.0 / height)
        if data["metres"]:
            _draw_scale_bar(ax, data["metres"] * cols / width, 1.0 / width, 1.0 / height)
        draw_north(ax, frame, below=24.0 if data["arrows"] is not None else 0.0)
        figure.canvas.draw()
        return np.asarray(figure.canvas.buffer_rgba()).copy()  # type: ignore[attr-defined]  # Agg has it


def _draw_arrows(ax: Axes, arrows: dict[str, Any], scale: float, x: float, y: float) -> None:
    """Draw the arrows of a page's data and their key.

    ``scale`` is pixels of the page for a column, ``x`` and ``y`` are a pixel of the page as fractions of the map.
    """
    from matplotlib.patheffects import withStroke

    col, row, across, down = np.array(arrows["list"], np.float64).reshape(-1, 4).T
    fine = float(np.clip(1.0 / (600 * x), 0.6, 1.0))
    quiver = ax.quiver(
        col + 0.5,
        row + 0.5,
        across,
        down,
        angles="xy",
        scale_units="xy",
        scale=1.0,
        units="inches",
        width=0.013 * fine,
        headwidth=4.4,
        headlength=5.0,
        headaxislength=4.4,
        minlength=0.5,
        color=INK,
        zorder=4,
        path_effects=[withStroke(linewidth=1.4 * fine, foreground=(1.0, 1.0, 1.0, 0.75))],
    )
    length, text = arrows["length"], f"{arrows['key']:g} {arrows['unit']}"
    start = 1.0 - (20.0 + length * scale) * x
    key = ax.quiverkey(
        quiver, start, 1.0 - 22.0 * y, length, text, labelpos="W", fontproperties={"size": LETTERS}, zorder=8
    )
    letters = (key.text.get_window_extent().width + key.labelsep) / ax.bbox.width
    _draw_plate(ax, start - letters - 10.0 * x, 1.0 - 34.0 * y, 1.0 - 10.0 * x, 1.0 - 10.0 * y)


def _draw_scale_bar(ax: Axes, metres: float, x: float, y: float) -> None:
    """Draw a bar of round length; ``metres`` are those of a pixel of the page."""
    from matplotlib.patches import Rectangle

    shown = round_number(110.0 * metres)
    length = shown / metres * x
    _draw_plate(ax, 10.0 * x, 10.0 * y, 34.0 * x + length, 44.0 * y)
    for start, colour in ((22.0 * x, INK), (22.0 * x + length / 2, "white")):
        ax.add_patch(
            Rectangle(
                (start, 17.0 * y), length / 2, 5.0 * y, fc=colour, ec=INK, lw=0.6, zorder=8, transform=ax.transAxes
            )
        )
    text = f"{shown / 1000:g} km" if shown >= 1000 else f"{shown:g} m"
    ax.text(22.0 * x + length / 2, 27.0 * y, text, ha="center", fontsize=LETTERS, zorder=8, transform=ax.transAxes)


def _draw_plate(ax: Axes, left: float, bottom: float, right: float, top: float) -> None:
    """Lighten a part of the map, in fractions of it, below what is written there."""
    from matplotlib.patches import Rectangle

    corner, size = (left, bottom), (right - left, top - bottom)
    ax.add_patch(Rectangle(corner, *size, fc=HALO, ec="none", zorder=7, transform=ax.transAxes))
