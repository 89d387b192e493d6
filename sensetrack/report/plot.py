"""Figures of displacement and velocity files: maps over the image, flags, and histograms of stable ground."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import ParameterError, did_you_mean
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.write import refuse_same_file
from sensetrack.report.canvas import check_suffix, drawing, new_figure, save
from sensetrack.report.draw import OPACITY, draw_map, draw_spread
from sensetrack.report.frame import Frame
from sensetrack.report.images import picture_of
from sensetrack.report.numbers import stable_spread
from sensetrack.report.sheet import Sheet
from sensetrack.types import Mask, PathLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURES = ("overview", "components", "histogram", "flags")
"""What ``layer`` takes beside the names of layers."""

MAP_PIXELS = 1600
"""Longer side to which a file is decimated: about the pixels of a panel on a page."""

HEADING = 0.36
"""Inches above the maps for the title of the figure."""


def plot_file(
    path: PathLike,
    output: PathLike,
    *,
    image: PathLike | None = None,
    use_image: bool = True,
    layer: str | None = None,
    arrows: bool = True,
    stable: PathLike | AreaMask | None = None,
    limits: tuple[float, float] | None = None,
    opacity: float = OPACITY,
    title: str | None = None,
    dpi: float = 150.0,
    overwrite: bool = False,
) -> Path:
    """Draw a displacement, velocity or truth file.

    Parameters
    ----------
    path : path-like
        A ``.tif`` or ``.nc`` of ours. Large ones are read in blocks and decimated; shares of flags in the legend
        are those of the whole file.
    output : path-like
        ``.png``, ``.pdf`` or ``.svg``. Equal inputs give equal bytes.
    image : path-like, optional
        Grey backdrop, in any CRS; default: the reference image that the file names, where it still exists.
    use_image : bool
        Whether to draw a backdrop at all.
    layer : str, optional
        A layer of the file, ``length``, ``sigma``, or one of `FIGURES`: ``overview`` (six panels), ``components``,
        ``histogram`` (both components over stable ground), ``flags``. Default: the speed with arrows for a velocity,
        the two components for anything else.
    arrows : bool
        Whether maps of the speed or the length carry arrows.
    stable : path-like or AreaMask, optional
        Ground that does not move, for ``histogram``; default: all measured pixels.
    limits : tuple of float, optional
        Colour limits in the layer's unit; default: robust ones.
    opacity : float
        Of the layer over the backdrop, 0..1.
    title : str, optional
        Default: dates, days and tracker.
    dpi : float
        Dots per inch of pixel graphics.
    overwrite : bool
        Whether an existing output may be replaced.

    Returns
    -------
    Path
        The output.

    Raises
    ------
    ParameterError
        Unknown layer or suffix, limits that are not increasing, or an opacity outside of 0..1.
    InputError, GridError
        The file or the image cannot be read, or do not belong together.
    OutputError
        The output exists already or cannot be written.
    """
    check_suffix(output)
    refuse_same_file(output, [path, image])
    if limits is not None and not limits[0] < limits[1]:
        raise ParameterError(f"limits = {limits}: the first must be below the second")
    if not 0 <= opacity <= 1:
        raise ParameterError(f"opacity = {opacity}: must be from 0 to 1")
    sheet = Sheet.open(path, MAP_PIXELS)
    kind = check_layer(sheet, layer)
    picture = None if kind == "histogram" or not use_image else picture_of(sheet, path, image, MAP_PIXELS)
    inside = None if stable is None or kind != "histogram" else mask_on(stable, sheet)
    with drawing():
        if kind == "histogram":
            figure = histogram_figure(sheet, inside)
        else:
            panels = panels_of(sheet, kind)
            figure = map_figure(sheet, panels, picture, arrows=arrows, limits=limits, opacity=opacity)
        head = 1.0 - 0.1 / figure.get_figheight()
        text = title_of(sheet) if title is None else title
        figure.suptitle(text, x=0.12 / figure.get_figwidth(), y=head, ha="left", va="top", fontsize=11.5, weight="bold")
        return save(figure, output, dpi, overwrite=overwrite)


def check_layer(sheet: Sheet, layer: str | None) -> str:
    """Return what to draw: ``layer``, or the default for the kind of file.

    Raises
    ------
    ParameterError
        The file has no such layer.
    """
    if layer is None:
        return sheet.magnitude if sheet.is_velocity else "components"
    known = [*sheet.names(), *(name for name in FIGURES if name != "flags" or sheet.flags is not None)]
    if layer not in known:
        raise ParameterError(f"{sheet.name} has no layer '{layer}'{did_you_mean(layer, known)}")
    return layer


def panels_of(sheet: Sheet, kind: str) -> list[str]:
    """Return the layers that a figure shows."""
    if kind == "components":
        return list(sheet.components)
    if kind != "overview":
        return [kind]
    wanted = [sheet.magnitude, *sheet.components, "quality", *(sheet.errors or ()), "flags"]
    if sheet.is_velocity:
        whole = ("v_east", "v_north", "v_up", "v_up_error")
        more = whole if "v_up" in sheet.layers else (*sheet.components, *(sheet.errors or ()))
        wanted = [sheet.magnitude, *more, "flags"]
    elif sheet.errors is not None:
        wanted = [sheet.magnitude, *sheet.components, "quality", "sigma", "flags"]
    return [name for name in wanted if name in sheet.names() or (name == "flags" and sheet.flags is not None)]


def map_figure(
    sheet: Sheet,
    panels: list[str],
    picture: NDArray[np.uint8] | None = None,
    *,
    arrows: bool = True,
    limits: tuple[float, float] | None = None,
    opacity: float = OPACITY,
) -> Figure:
    """Draw one map per layer; up to three stand side by side. Call it within `canvas.drawing`."""
    frame = Frame.of(sheet.grid)
    cols = min(len(panels), 3)
    rows = -(-len(panels) // cols)
    figure, axes = map_axes(frame, rows, cols, legend="flags" in panels)
    for number, (ax, name) in enumerate(zip(axes, panels, strict=False)):
        draw_map(
            ax,
            sheet,
            name,
            frame=frame,
            picture=picture,
            limits=limits if len(panels) == 1 or name in sheet.components else None,
            opacity=opacity,
            arrows=arrows and name == sheet.magnitude,
        )
        if number % cols:
            ax.set_ylabel("")
        if number // cols < rows - 1:
            ax.set_xlabel("")
    for ax in axes[len(panels) :]:
        ax.remove()
    return figure


def map_axes(frame: Frame, rows: int, cols: int, *, legend: bool = False) -> tuple[Figure, list[Axes]]:
    """Return a figure with axes of exactly the shape of the map, so that nothing has to be fitted afterwards.

    Parameters
    ----------
    frame : Frame
    rows, cols : int
        Panels.
    legend : bool
        Whether the last column needs room for the legend of the flags.
    """
    width, ratio = {1: 7.2, 2: 5.0, 3: 4.2}[cols], frame.ratio
    if width * ratio > 1.5 * width:
        width = 1.5 * width / ratio
    height = width * ratio
    left, right, top, bottom = 0.42 + 0.075 * frame.label_length, 0.65, 0.32, 0.45
    across, down = left + width + right, top + height + bottom
    total = max(cols * across + (0.85 if legend else 0.0), 5.2), rows * down + HEADING
    figure = new_figure(*total)
    axes = [
        figure.add_axes(
            (
                (number % cols * across + left) / total[0],
                ((rows - 1 - number // cols) * down + bottom) / total[1],
                width / total[0],
                height / total[1],
            )
        )
        for number in range(rows * cols)
    ]
    return figure, axes


def histogram_figure(sheet: Sheet, stable: Mask | None) -> Figure:
    """Draw both components over stable ground (`numbers.Spread`). Call it within `canvas.drawing`."""
    figure = new_figure(9.6, 4.0)
    axes = figure.subplots(1, 2, gridspec_kw={"left": 0.03, "right": 0.97, "bottom": 0.13, "top": 0.85, "wspace": 0.08})
    where = "all measured pixels" if stable is None else "stable ground"
    for ax, spread in zip(axes, stable_spread(sheet, stable), strict=True):
        style = sheet.style(spread.name)
        draw_spread(ax, spread, spread.name, style.unit, where)
        ax.set_title(style.title)
    return figure


def title_of(sheet: Sheet) -> str:
    """Return dates, days and tracker in one line, or the file's name where it knows none."""
    origin = sheet.provenance
    parts = []
    if origin.reference_date and origin.secondary_date:
        parts.append(f"{origin.reference_date:%Y-%m-%d} to {origin.secondary_date:%Y-%m-%d}")
    if origin.days is not None:
        parts.append(f"{origin.days:.4g} days")
    if origin.tracker:
        parts.append(origin.tracker)
    return " · ".join(parts) or sheet.name


def mask_on(area: PathLike | AreaMask, sheet: Sheet) -> Mask:
    """Return which pixels of a sheet lie inside an area, by their centres.

    Raises
    ------
    InputError, GridError
        The area cannot be read or placed.
    """
    mask = area if isinstance(area, AreaMask) else AreaMask.open(area)
    return mask.read(sheet.grid)
