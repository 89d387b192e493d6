"""Why one pixel of a displacement file is what it is: both chips, the correlation surface, the flags in words."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from sensetrack.errors import InputError, ParameterError
from sensetrack.pair import ImagePair
from sensetrack.preprocess import preprocess_pair
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.write import refuse_same_file
from sensetrack.report.canvas import check_suffix, drawing, save
from sensetrack.report.explain_figure import explain_figure
from sensetrack.report.explanation import Explanation, examine
from sensetrack.report.images import find_image
from sensetrack.specs import image_filters_of
from sensetrack.types import PathLike

DEFAULT_WINDOW = 64
"""Side of the window in input pixels for trackers that have none."""


def explain(
    path: PathLike,
    col: float,
    row: float,
    output: PathLike | None = None,
    *,
    map_coordinates: bool = False,
    reference: PathLike | None = None,
    secondary: PathLike | None = None,
    band: int | str | None = None,
    window: int | None = None,
    dpi: float = 150.0,
    overwrite: bool = False,
) -> Explanation:
    """Explain one pixel of a displacement file, measured or flagged.

    Parameters
    ----------
    path : path-like
        Displacement file, ``.tif`` or ``.nc``.
    col, row : float
        Output pixel, counted from 0 at the upper left; or map coordinates x and y (without georeference, column and
        row of the input image).
    output : path-like, optional
        Picture to write: ``.png``, ``.pdf`` or ``.svg``.
    map_coordinates : bool
        Whether ``col, row`` are x and y in the CRS of the file.
    reference, secondary : path-like, optional
        The images; default: those that the file names, where they were or beside the file.
    band : int or str, optional
        As in `Image.open`.
    window : int, optional
        Side of the window in input pixels; default: the tracker's, or 64.
    dpi : float
        Dots per inch of the picture.
    overwrite : bool
        Whether an existing output may be replaced.

    Returns
    -------
    Explanation

    Raises
    ------
    ParameterError
        The pixel lies outside of the file, or the window is smaller than 8 pixels.
    InputError, GridError
        The file is not a displacement, or an image is not there or lies elsewhere.
    OutputError
        The output exists already or cannot be written.
    """
    if output is not None:
        check_suffix(output)
        refuse_same_file(output, [path, reference, secondary])
    source = LayerFile.open(path)
    name = Path(path).name
    if not {"dx", "dy", "flags"} <= set(source.names):
        raise InputError(
            f"{name}: not a displacement file (it has {', '.join(source.names)}); give the one it came from"
        )
    at_row, at_col = _pixel(source.grid, name, col, row, map_coordinates)
    provenance = Provenance.from_tags(source.tags)
    pair = ImagePair.open(
        _image(provenance.reference, path, reference, "reference"),
        _image(provenance.secondary, path, secondary, "secondary"),
        band=band,
        coregister=True,
    )
    pair, seen = _as_seen(pair, provenance.preprocess)
    size = _window_of(provenance) if window is None else window
    if size < 8:
        raise ParameterError(f"window = {size}: a window needs at least 8 pixels")
    result = examine(source, name, at_row, at_col, pair, size, provenance, seen)
    if output is not None:
        with drawing():
            save(explain_figure(result), output, dpi, overwrite=overwrite)
    return result


def _pixel(grid: Grid, name: str, col: float, row: float, map_coordinates: bool) -> tuple[int, int]:
    if map_coordinates:
        edge = 0.0 if grid.is_georeferenced else 0.5
        at_row, at_col = (math.floor(float(v) + 0.5) for v in grid.rowcol(col + edge, row + edge))
        asked = f"x {col:.9g}, y {row:.9g} (column {at_col}, row {at_row})"
    else:
        at_row, at_col = round(row), round(col)
        asked = f"column {at_col}, row {at_row}"
    if not (0 <= at_row < grid.height and 0 <= at_col < grid.width):
        raise ParameterError(
            f"{name}: {asked} lies outside; columns are 0 to {grid.width - 1}, rows 0 to {grid.height - 1}"
        )
    return at_row, at_col


def _image(named: str, path: PathLike, given: PathLike | None, which: str) -> PathLike:
    if given is not None:
        return given
    found = find_image(named, path)
    if found is None:
        where = f"names {named} as its {which}, which is not there" if named else f"names no {which}"
        raise InputError(f"{Path(path).name} {where}; pass --{which} FILE ({which}=...)")
    return found


def _as_seen(pair: ImagePair, steps: Sequence[str]) -> tuple[ImagePair, str]:
    """Return the pair as the tracker saw it, and a sentence on that; directions have no picture of their own."""
    if not steps:
        return pair, ""
    chain = [{name: json.loads(parameters)} for name, parameters in (step.split(" ", 1) for step in steps)]
    filters = image_filters_of(chain)
    if any(each.gives_complex for each in filters):
        names = ", ".join(name for each in chain for name in each)
        return pair, f"The tracker saw the images after {names}, which cannot be shown; these are the images before."
    text = ", ".join(step.split(" ", 1)[0] for step in steps)
    images = preprocess_pair(pair.reference, pair.secondary, filters)
    return pair.with_images(*images), f"Both images are shown as the tracker saw them, after {text}."


def _window_of(provenance: Provenance) -> int:
    try:
        window = json.loads(provenance.parameters).get("window")
    except (ValueError, AttributeError):
        return DEFAULT_WINDOW
    return int(window) if isinstance(window, int | float) and window >= 8 else DEFAULT_WINDOW
