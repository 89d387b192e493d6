"""Loads one measurement for a report: its layers, backdrop, stable ground and truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from sensetrack.displacement import Field
from sensetrack.errors import InputError
from sensetrack.log import logger
from sensetrack.raster.grid import Grid
from sensetrack.raster.mask import AreaMask
from sensetrack.report.arrows import SHORTEST, arrow_grid, cell_side
from sensetrack.report.embed import pack, pack_flags, picture_uri
from sensetrack.report.frame import Frame
from sensetrack.report.images import picture_of
from sensetrack.report.numbers import robust_limits, round_number, truth_on
from sensetrack.report.scan import Group
from sensetrack.report.sheet import Sheet
from sensetrack.report.words import COLOUR_MAPS, Kind
from sensetrack.types import FloatArray, Mask, PathLike
from sensetrack.velocity import StableShift, Summary, VelocityParams, stable_shift

_log = logger(__name__)

READ_PIXELS = 1400
"""Longer side to which files are decimated for the numbers of a report."""

PICTURE_PIXELS = 1000
"""Longer side of the backdrop in a page."""

ARROWS = 26
"""Arrows along the longer side of the map in a page."""


@dataclass(frozen=True, eq=False)
class View:
    """One measurement, ready for a report.

    Attributes
    ----------
    group : Group
    displacement, velocity : Sheet or None
        On one grid.
    picture : ndarray of uint8 or None
        Backdrop.
    stable : ndarray of bool or None
        Stable ground on the grid of the sheets, where a mask was given.
    shift : StableShift or None
        What stable ground showed; None when it could not be told.
    summary : Summary or None
        Of the velocity.
    truth : tuple of ndarray or None
        True ``dx, dy`` on the grid of the displacement.
    misregistration : tuple of float or None
        ``dx, dy`` by which the secondary of a made-up scene is shifted beside its motion.
    """

    group: Group
    displacement: Sheet | None
    velocity: Sheet | None
    picture: NDArray[np.uint8] | None
    stable: Mask | None
    shift: StableShift | None
    summary: Summary | None
    truth: tuple[FloatArray, FloatArray] | None
    misregistration: tuple[float, float] | None

    @property
    def main(self) -> Sheet:
        """The velocity where there is one, else the displacement."""
        found = self.velocity or self.displacement
        assert found is not None
        return found

    @property
    def title(self) -> str:
        """Both dates, or the name of the file."""
        origin = self.main.provenance
        if origin.reference_date and origin.secondary_date:
            return f"{origin.reference_date:%Y-%m-%d} → {origin.secondary_date:%Y-%m-%d}"
        return self.main.name


def load(group: Group, stable: PathLike | AreaMask | None = None, image: PathLike | None = None) -> View:
    """Read a group.

    Parameters
    ----------
    group : Group
    stable : path-like or AreaMask, optional
        Ground that does not move.
    image : path-like, optional
        Backdrop; default: the reference that the file names, where it still exists.

    Raises
    ------
    InputError, GridError
        A file, the mask or the named image cannot be read or placed.
    """
    displacement = None if group.displacement is None else Sheet.open(group.displacement.path, READ_PIXELS)
    velocity = None if group.velocity is None else Sheet.open(group.velocity.path, READ_PIXELS)
    main = velocity or displacement
    assert main is not None
    mask = None
    if stable is not None:
        mask = (stable if isinstance(stable, AreaMask) else AreaMask.open(stable)).read(main.grid)
    summary = _summary(velocity)
    truth, misregistration = None, None
    if displacement is not None and group.truths:
        right = Sheet.open(group.truths[0].path, READ_PIXELS)
        truth, misregistration = truth_on(right, displacement), _misregistration(right.tags)
    return View(
        group=group,
        displacement=displacement,
        velocity=velocity,
        picture=picture_of(main, group.main.path, image, PICTURE_PIXELS),
        stable=mask,
        shift=_shift(displacement, summary, mask),
        summary=summary,
        truth=truth,
        misregistration=misregistration,
    )


def page_data(view: View, size: int) -> dict[str, Any]:
    """Return what the page's script needs of a view, its longer side decimated to at most ``size`` pixels."""
    main = view.main.thin(size)
    frame = Frame.of(main.grid)
    sheets = [sheet.thin(size) for sheet in (view.velocity, view.displacement) if sheet is not None]
    layers = [layer for sheet in sheets for layer in _layers(sheet)]
    if view.truth is not None and view.displacement is not None:
        layers += _truth_layers(view.displacement, view.truth, size)
    t = view.main.file_grid.transform
    if not main.grid.is_georeferenced:
        t = Affine.translation(-0.5, -0.5) @ t
    return {
        "title": view.title,
        "rows": main.grid.height,
        "cols": main.grid.width,
        "step": main.step,
        "first": main.first,
        "ratio": _raster_ratio(frame),
        "transform": [t.a, t.b, t.c, t.d, t.e, t.f],
        "axes": ["x", "y"] if main.grid.is_georeferenced else ["input column", "input row"],
        "digits": _digits(main.grid),
        "metres": _metres_per_column(frame),
        "north": None if frame.north is None else _to_raster(frame, *frame.north),
        "layers": layers,
        "flags": None if main.flags is None else pack_flags(main.flags),
        "arrows": _arrows(main, frame),
        "image": None if view.picture is None else picture_uri(view.picture),
    }


def _digits(grid: Grid) -> int:
    """Decimals of map coordinates."""
    if not grid.is_georeferenced:
        return 1
    return 5 if grid.is_geographic else 0 if grid.pixel_size[0] >= 1 else 2


def _summary(velocity: Sheet | None) -> Summary | None:
    if velocity is None or velocity.product != "velocity":
        return None
    try:
        return Summary.from_tags(velocity.tags)
    except (KeyError, TypeError, ValueError):
        return None


def _shift(displacement: Sheet | None, summary: Summary | None, mask: Mask | None) -> StableShift | None:
    """Stable ground as the velocity file states it (that may be none), else measured here."""
    if mask is None and summary is not None:
        return summary.stable if summary.stable.method != "none" else None
    if displacement is None or displacement.flags is None:
        return None
    window = VelocityParams().coherence(displacement.provenance)
    try:
        spacing = int(displacement.tags.get("spacing", "1")) * displacement.step
        field = Field.from_layers({**displacement.layers, "flags": displacement.flags})
        return stable_shift(field, mask, spacing=spacing, correlation_length=window)
    except (InputError, ValueError) as error:
        _log.info("no stable ground in the report: %s", error)
        return None


def _misregistration(tags: Any) -> tuple[float, float] | None:
    try:
        return float(tags["misregistration_dx"]), float(tags["misregistration_dy"])
    except (KeyError, ValueError):
        return None


def _layers(sheet: Sheet) -> list[dict[str, Any]]:
    first, second = sheet.components
    names = [sheet.magnitude, first, second]
    errors = ["v_error", *(sheet.errors or ())] if sheet.is_velocity else ["sigma", *(sheet.errors or ())]
    names += [name for name in errors if name in sheet.names()]
    names += [name for name in sheet.layers if name not in names]
    group = "Velocity" if sheet.is_velocity else "Displacement"
    derived = {sheet.magnitude: sheet.components, "sigma": sheet.errors}
    found = []
    for name in names:
        values = sheet.layer(name)
        source = {"of": list(derived[name] or ())} if name in derived else pack(values)
        found.append(_described(name, sheet, values) | source | {"group": group})
    return found


def _described(name: str, sheet: Sheet, values: FloatArray) -> dict[str, Any]:
    style = sheet.style(name)
    drawn = values if style.kind == "share" else np.where(sheet.usable, values, np.float32(np.nan))
    limits = robust_limits(drawn, style)
    return {
        "name": name,
        "title": style.title,
        "unit": style.unit,
        "kind": style.kind,
        "palette": COLOUR_MAPS[style.kind],
        "low": limits.low,
        "high": limits.high,
        "below": limits.below,
        "above": limits.above,
    }


def _truth_layers(displacement: Sheet, truth: tuple[FloatArray, FloatArray], size: int) -> list[dict[str, Any]]:
    """Measured minus true, with one colour scale for both components."""
    small = displacement.thin(size)
    step = small.step // displacement.step
    start = (small.first - displacement.first) // displacement.step
    found = []
    kind: Kind = "signed"
    for name, right in zip(("dx", "dy"), truth, strict=True):
        difference = small.layers[name] - right[start::step, start::step]
        packed = _described(name, small, difference) | pack(difference)
        title = f"{name} minus truth"
        found.append(packed | {"name": f"{name} − truth", "title": title, "group": "Against the truth", "kind": kind})
    return found


def _raster_ratio(frame: Frame) -> float:
    """Height over width of the grid as drawn with its rows and columns upright."""
    t, (rows, cols) = frame.to_axes, frame.shape
    return float(rows * np.hypot(t.b, t.e * frame.aspect) / (cols * np.hypot(t.a, t.d * frame.aspect)))


def _metres_per_column(frame: Frame) -> float | None:
    t = frame.to_axes
    length = float(np.hypot(t.a, t.d * frame.aspect) * frame.metres)
    return length if np.isfinite(length) else None


def _to_raster(frame: Frame, right: float, up: float) -> list[float]:
    """Turn a direction on the map as drawn (right, up) into columns and rows, of length 1."""
    t = frame.to_axes
    flip = -1.0 if frame.y_down else 1.0
    matrix = np.array([[t.a, t.b], [flip * t.d * frame.aspect, flip * t.e * frame.aspect]])
    matrix /= np.hypot(matrix[0], matrix[1])
    col, row = np.linalg.solve(matrix, [right, up])
    length = float(np.hypot(col, row)) or 1.0
    return [float(col) / length, float(row) / length]


def _arrows(sheet: Sheet, frame: Frame) -> dict[str, Any] | None:
    """Arrows as ``[column, row, columns, rows]`` in pixels of the sheet, and the key of their lengths."""
    rows, cols, first, second = arrow_grid(sheet, ARROWS)
    length = np.hypot(first, second)
    if not length.size or not length.max() > 0:
        return None
    scale = float(np.percentile(length, 98)) or float(length.max())
    factor = 1.3 * cell_side(sheet, ARROWS) / scale
    found = []
    for row, col, u, v, size in zip(rows, cols, first, second, length, strict=True):
        if size > SHORTEST * scale:
            across, down = _to_raster(frame, u, v) if sheet.is_velocity else (u / size, v / size)
            found.append([round(float(n), 2) for n in (col, row, across * size * factor, down * size * factor)])
    key = round_number(scale)
    return {"list": found, "key": key, "length": key * factor, "unit": sheet.style(sheet.magnitude).unit}
