"""Pictures of a series: the mean speed as PNG, and the velocities over time as animated GIF."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from sensetrack.errors import SensetrackError
from sensetrack.log import logger
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.write import atomic
from sensetrack.report.backdrop import backdrop
from sensetrack.report.canvas import drawing, new_figure, save
from sensetrack.report.draw import OPACITY, colours, draw_layer, draw_picture
from sensetrack.report.frame import Frame
from sensetrack.report.furniture import draw_colour_bar, draw_north, draw_scale_bar
from sensetrack.report.numbers import Limits
from sensetrack.timeseries import Cube
from sensetrack.types import FloatArray, PathLike

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 700
"""Longer side to which maps are thinned, in pixels."""

PAGE = 6.0
"""Width of a picture in inches."""

_log = logger(__name__)


def write_speed(cube: Cube, output: PathLike, *, image: PathLike | None = None) -> Path:
    """Write the mean speed as a picture.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    thin = _step(cube)
    values = cube.read(["v_mean"], step=thin)["v_mean"]
    dates = cube.header.dates
    title = f"Mean speed, {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}"
    with drawing():
        figure = _figure(cube, values, _limits(values), title, _behind(cube, image), thin)
        return save(figure, output, 130, overwrite=True)


def write_animation(cube: Cube, output: PathLike, *, image: PathLike | None = None, seconds: float = 0.6) -> Path:
    """Write the speed between all dates as an animated GIF, one frame each.

    Parameters
    ----------
    cube : Cube
    output : path-like
        ``.gif``
    image : path-like, optional
        Backdrop.
    seconds : float
        Duration of a frame.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    from PIL import Image as Picture

    frames = [
        Picture.open(BytesIO(shot)).convert("RGB").quantize(128, dither=Picture.Dither.NONE)
        for shot in _shots(cube, image)
    ]
    with atomic(output) as part:
        frames[0].save(
            part,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=round(1000 * seconds),
            loop=0,
            disposal=2,
        )
    return Path(output)


def _shots(cube: Cube, image: PathLike | None) -> Iterator[bytes]:
    thin = _step(cube)
    values = cube.read(["v"], step=thin)["v"]
    limits, behind, dates = _limits(values), _behind(cube, image), cube.header.dates
    for (i, j), one in zip(cube.header.spans, values, strict=True):
        with drawing():
            figure = _figure(cube, one, limits, f"{dates[i]:%Y-%m-%d} to {dates[j]:%Y-%m-%d}", behind, thin)
            shot = BytesIO()
            figure.savefig(shot, format="png", dpi=90, metadata={"Software": None})
            yield shot.getvalue()


def _figure(
    cube: Cube, values: FloatArray, limits: Limits, title: str, behind: NDArray[np.uint8] | None, thin: int
) -> Figure:
    grid = cube.header.grid
    small = Grid(values.shape, grid.transform @ Affine.scale(thin), grid.crs)
    frame = Frame.of(small)
    room = 1.5
    figure = new_figure(PAGE, (PAGE - room) * min(frame.ratio, 1.8) + 0.9)
    height = figure.get_figheight()
    ax = figure.add_axes((0.75 / PAGE, 0.45 / height, 1 - (room + 0.1) / PAGE, 1 - 0.85 / height))
    (x0, x1), (y0, y1) = frame.limits
    if behind is not None:
        draw_picture(ax, frame, behind)
    shown = draw_layer(ax, frame, values, limits, colours("magnitude", 1.0 if behind is None else OPACITY))
    ax.set(xlim=(x0, x1), ylim=(y0, y1), aspect=frame.aspect, xlabel=frame.x_label, ylabel=frame.y_label, title=title)
    draw_colour_bar(ax, shown, limits, "m/yr")
    draw_north(ax, frame)
    draw_scale_bar(ax, frame)
    return figure


def _step(cube: Cube) -> int:
    return max(1, -(-max(cube.header.grid.shape) // SIDE))


def _limits(values: FloatArray) -> Limits:
    finite = values[np.isfinite(values)]
    high = float(np.percentile(finite, 99.5)) if finite.size else 1.0
    return Limits(0.0, high or 1.0, False, bool((finite > high).any()))


def _behind(cube: Cube, image: PathLike | None) -> NDArray[np.uint8] | None:
    if image is None:
        return None
    try:
        return backdrop(Image.open(image), cube.header.grid, SIDE)
    except SensetrackError as error:
        _log.info("drawn without a backdrop: %s", error)
        return None
