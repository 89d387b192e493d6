"""The report of a project: one HTML page with a map over time, series at a click, the network, and every pair."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sensetrack
from sensetrack.errors import SensetrackError
from sensetrack.log import logger
from sensetrack.project import charts
from sensetrack.raster.image import Image
from sensetrack.raster.write import atomic
from sensetrack.report.backdrop import backdrop
from sensetrack.report.embed import pack, palette, picture_uri, to_json
from sensetrack.report.frame import Frame
from sensetrack.timeseries import Cube
from sensetrack.types import FloatArray, PathLike

PICTURE = 900
"""Longer side of the backdrop, in pixels."""

MAPS: dict[str, tuple[str, str, str]] = {
    "v_mean": ("Mean speed", "m/yr", "viridis"),
    "v_mean_error": ("Error of the mean speed", "m/yr", "magma"),
    "seasonal_amplitude": ("Yearly cycle, half its range", "m/yr", "viridis"),
    "recent_acceleration": ("Recent acceleration", "m/yr²", "RdBu_r"),
    "pairs_used": ("Pairs that count", "", "cividis"),
    "alert": ("Alerts", "", "viridis"),
}
"""Maps without a time: title, unit and colours."""

_log = logger(__name__)


def write_page(
    cube: Cube,
    rows: Sequence[dict[str, Any]],
    output: PathLike,
    *,
    title: str,
    image: PathLike | None = None,
    failures: Sequence[Sequence[str]] = (),
    most: int = 4_000_000,
) -> Path:
    """Write the report of a project; it needs no network and no other file.

    Parameters
    ----------
    cube : Cube
    rows : sequence of dict
        A row per pair, as `sensetrack.project.results.table_of` makes them.
    output : path-like
        ``.html``. Equal inputs give equal bytes.
    title : str
    image : path-like, optional
        Backdrop of the map; left out where it cannot be placed.
    failures : sequence
        What failed beside pairs, and why.
    most : int
        Values of all series in the page; the map is thinned to fit.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    header = cube.header
    step = thinning(header.grid.shape, 2 * len(header.spans) + 2 * len(header.dates), most)
    data = page_data(cube, step, image)
    script = _asset("series.js")
    parts = {
        "title": escape(title),
        "version": escape(sensetrack.__version__),
        "style": _report_style() + _asset("series.css"),
        "script": script,
        "script-hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        "facts": escape(_facts(cube)),
        "cards": _cards(cube, rows),
        "layers": "".join(
            f'<option value="{escape(one["name"])}">{escape(one["title"])}</option>' for one in data["maps"]
        ),
        "last": str(len(header.spans) - 1),
        "no-image": "" if data["image"] else " hidden",
        "decimation": f"The map shows every {step}th pixel of the series." if step > 1 else "",
        "network": charts.network(rows),
        "closure": charts.closure(rows),
        "stable": charts.stable(rows),
        "table": charts.table(rows),
        "failures": _failures(failures),
        "data": to_json(data),
    }
    # One pass, so that nothing that a file says is taken for a mark.
    text = re.sub(r"\[\[([a-z-]+)\]\]", lambda match: parts[match[1]], _asset("series.html"))
    with atomic(output) as part:
        part.write_text(text, encoding="utf-8")
    return Path(output)


def thinning(shape: tuple[int, int], values: int, most: int) -> int:
    """Return every how many pixels of a map are kept so that ``values`` of each are ``most`` in all."""
    return max(1, math.ceil(math.sqrt(shape[0] * shape[1] * values / most)))


def page_data(cube: Cube, step: int, image: PathLike | None) -> dict[str, Any]:
    """Return what the page's script needs: times, packed series, maps, place."""
    header = cube.header
    series = ("v", "v_error", "displacement_x", "displacement_y", "displacement_x_error", "displacement_y_error")
    found = cube.read([*series, *MAPS, "vx_mean", "vy_mean"], step=step)
    way, way_error = _along(found)
    shape = found["v_mean"].shape
    grid = header.grid
    t, frame = grid.transform, Frame.of(grid)
    ratio = grid.height * math.hypot(t.b, t.e * frame.aspect) / (grid.width * math.hypot(t.a, t.d * frame.aspect))
    finite = found["v"][np.isfinite(found["v"])]
    high = float(np.percentile(finite, 99.5)) if finite.size else 1.0
    return {
        "rows": shape[0],
        "cols": shape[1],
        "step": step,
        "ratio": ratio,
        "transform": [t.a, t.b, t.c, t.d, t.e, t.f],
        "axes": ["x", "y"] if grid.is_georeferenced else ["column", "row"],
        "digits": (5 if grid.is_geographic else 0) if grid.is_georeferenced else 1,
        "dates": [_stamp(date) for date in header.dates],
        "spans": header.spans.tolist(),
        "speed": {"v": _packs(found["v"]), "error": _packs(found["v_error"]), "low": 0.0, "high": high},
        "way": {"v": _packs(way), "error": _packs(way_error)},
        "maps": [_map(name, found[name]) for name in MAPS if np.isfinite(found[name].astype(np.float32)).any()],
        "palettes": {name: palette(name) for name in sorted({"viridis", *(style[2] for style in MAPS.values())})},
        "image": _picture(cube, image),
    }


def _along(found: dict[str, NDArray[Any]]) -> tuple[FloatArray, FloatArray]:
    """Displacement along the mean motion, and its error."""
    with np.errstate(invalid="ignore", divide="ignore"):
        length = np.hypot(found["vx_mean"], found["vy_mean"])
        x, y = found["vx_mean"] / length, found["vy_mean"] / length
        way = x * found["displacement_x"] + y * found["displacement_y"]
        error = np.hypot(x * found["displacement_x_error"], y * found["displacement_y_error"])
    return way.astype(np.float32), error.astype(np.float32)


def _map(name: str, values: NDArray[Any]) -> dict[str, Any]:
    title, unit, colours = MAPS[name]
    shown = values.astype(np.float32)
    finite = shown[np.isfinite(shown)]
    low, high = (float(np.percentile(finite, q)) for q in (0.5, 99.5))
    if name in ("v_mean", "v_mean_error", "seasonal_amplitude", "pairs_used"):
        low = 0.0
    if name == "recent_acceleration":
        high = max(abs(low), abs(high))
        low = -high
    if name == "alert":
        low, high = 0.0, 3.0
    return {"name": name, "title": title, "unit": unit, "palette": colours, "low": low, "high": high, **pack(shown)}


def _packs(values: NDArray[Any]) -> list[dict[str, Any]]:
    """Pack each time by itself, so that one wild map does not coarsen the others."""
    return [pack(one.astype(np.float32)) for one in values]


def _picture(cube: Cube, image: PathLike | None) -> str | None:
    if image is None:
        return None
    try:
        return picture_uri(backdrop(Image.open(image), cube.header.grid, PICTURE))
    except SensetrackError as error:
        _log.info("the report is drawn without a backdrop: %s", error)
        return None


def _facts(cube: Cube) -> str:
    header = cube.header
    size = f"{header.grid.height} × {header.grid.width} pixels"
    return f"{header.dates[0]:%Y-%m-%d} to {header.dates[-1]:%Y-%m-%d} · {len(header.dates)} dates · {size}"


def _cards(cube: Cube, rows: Sequence[dict[str, Any]]) -> str:
    found = cube.read(["v_mean", "v_mean_error", "alert"], step=thinning(cube.header.grid.shape, 1, 1_000_000))
    failed = sum(row["state"] != "measured" for row in rows)
    rejected = sum((row["weight"] or 1.0) < 0.5 for row in rows)
    closure = [row["closure"] for row in rows if row["closure"] is not None]
    speeds = found["v_mean"][np.isfinite(found["v_mean"])]
    errors = found["v_mean_error"][np.isfinite(found["v_mean_error"])]
    alerts = np.isin(found["alert"], (1, 2)).sum() / max(1, speeds.size)
    cards = [
        ("Pairs", f"{len(rows) - failed} of {len(rows)}", f"{failed} failed, {rejected} mostly rejected"),
        (
            "Mean speed",
            f"{np.median(speeds):.3g} m/yr" if speeds.size else "–",
            f"median; fastest 5 % above {np.percentile(speeds, 95):.3g}" if speeds.size else "",
        ),
        ("Error of the mean speed", f"{np.median(errors):.2g} m/yr" if errors.size else "–", "median, one sigma"),
        (
            "Closure of triplets",
            f"{np.median(closure):.2f} σ" if closure else "–",
            "median misfit; 1.18 where stated errors hold" if closure else "no triplet in the network",
        ),
        ("Accelerating", f"{100 * alerts:.2g} %", "of the measured pixels, in the latest time and beyond chance"),
    ]
    return "".join(
        f'<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd><dd class="note">{escape(note)}</dd></div>'
        for name, value, note in cards
    )


def _failures(failures: Sequence[Sequence[str]]) -> str:
    if not failures:
        return ""
    lines = "".join(f"<li><b>{escape(what)}</b>: {escape(why)}</li>" for what, why in failures)
    return f'<section class="panel"><h2>Left out</h2><ul>{lines}</ul></section>'


def _stamp(date: datetime) -> float:
    return date.astimezone(UTC).timestamp() * 1000


def _asset(name: str) -> str:
    return files("sensetrack.project").joinpath("assets", name).read_text(encoding="utf-8")


def _report_style() -> str:
    return files("sensetrack.report").joinpath("assets", "report.css").read_text(encoding="utf-8")
