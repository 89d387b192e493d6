"""One self-contained page about a folder of results: a map to explore, numbers, reasons and provenance."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

import sensetrack
from sensetrack.errors import CorruptFileError, OutputError
from sensetrack.log import logger
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.write import atomic, check_target
from sensetrack.report import sections
from sensetrack.report.embed import palette, to_json
from sensetrack.report.scan import find
from sensetrack.report.still import map_parts
from sensetrack.report.view import View, load, page_data
from sensetrack.report.words import COLOUR_MAPS, FLAG_WORDS, MEASURED_COLOUR, SHOWN_FIRST
from sensetrack.types import PathLike

_log = logger(__name__)

LARGEST_SIDE = 480
"""Longer side of the maps in a page, in pixels."""

SMALLEST_SIDE = 96
"""Of the maps of a page with many measurements."""

BUDGET = 5_000_000
"""Bytes of all maps of a page before they are deflated."""

MOST = 30
"""Measurements in one page."""

SCRIPTS = ("data.js", "map.js", "page.js")
"""Joined into the one script of a page."""


def report(
    source: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    stable: PathLike | AreaMask | None = None,
    image: PathLike | None = None,
    title: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a report as one HTML file that needs no network and no other file.

    Parameters
    ----------
    source : path-like or sequence of path-like
        A folder, or displacement, velocity and truth files. A velocity is shown with the displacement that it was
        made from; a truth (tag ``product=truth``, layers ``dx, dy``) gives errors.
    output : path-like
        ``.html``. Equal inputs give equal bytes.
    stable : path-like or AreaMask, optional
        Ground that does not move; default: a file called ``stable`` in the folder, such as ``stable.gpkg``.
    image : path-like, optional
        Backdrop of all maps; default: the reference that each file names, where it still exists.
    title : str, optional
        Default: the dates of the pair, or the name of the folder where it holds several pairs.
    overwrite : bool
        Whether an existing output may be replaced.

    Returns
    -------
    Path
        The output.

    Raises
    ------
    InputError, GridError
        There is nothing to report on, or a file cannot be read or placed.
    OutputError
        The suffix is not ``.html``, or the output exists already or cannot be written.

    Notes
    -----
    Maps are decimated to at most `LARGEST_SIDE` pixels and stored with 16 bits per value; with several
    measurements they share `BUDGET`. Shares of flags are those of the whole files.
    """
    if Path(output).suffix.lower() not in (".html", ".htm"):
        raise OutputError(f"{output}: a report is written as .html")
    check_target(output, overwrite=overwrite)
    found = find(source)
    groups = found.groups[:MOST]
    page = Page(many=len(groups) > 1)
    named = [Path(path) for path in ([source] if isinstance(source, str | os.PathLike) else source)]
    for number, group in enumerate(groups, start=1):
        try:
            view = load(group, stable if stable is not None else found.stable, image)
        except CorruptFileError as error:
            is_named = any(product.path in named for product in group.products)
            if is_named or (number == len(groups) and not page.titles):
                raise
            _log.warning("left out of the report: %s", error)
            continue
        page.add(view, map_side(view, len(groups)))
    heading = title or (page.titles[0] if len(set(page.titles)) == 1 else _folder_name(source))
    text = page.text(heading, left_out=len(found.groups) - len(groups))
    with atomic(output, overwrite=overwrite) as part:
        part.write_text(text, encoding="utf-8")
    return Path(output)


def map_side(view: View, count: int) -> int:
    """Return the longer side of a view's map so that ``count`` like it fit the `BUDGET`."""
    layers = sum(len(sheet.layers) for sheet in (view.velocity, view.displacement) if sheet is not None)
    layers += 2 if view.truth is not None else 0
    rows, cols = view.main.file_shape
    pixels = BUDGET / (count * (2 * layers + 1))
    side = np.sqrt(pixels * max(rows, cols) / min(rows, cols))
    return int(np.clip(side, SMALLEST_SIDE, LARGEST_SIDE))


class Page:
    """Collects the parts of a page, one measurement after the other, so that only one is held in memory.

    Parameters
    ----------
    many : bool
        Whether there are several measurements to choose from.
    """

    def __init__(self, many: bool) -> None:
        self.titles: list[str] = []
        self._many = many
        self._rows: list[str] = []
        self._heads: list[str] = []
        self._cards: list[str] = []
        self._bodies: list[str] = []
        self._data: list[str] = []
        self._map: dict[str, str] = {}

    def add(self, view: View, side: int) -> None:
        """Add a measurement with a map of at most ``side`` pixels."""
        index = len(self.titles)
        self.titles.append(view.title)
        name = f"<h2>{escape(view.title)} · {escape(view.main.name)}</h2>" if self._many else ""
        self._rows.append(sections.overview_row(index, view))
        self._heads.append(_shown(index, sections.heading(view), name))
        self._cards.append(_shown(index, sections.cards(view)))
        parts = (sections.flags_section, sections.stable_section, sections.truth_section, sections.provenance_section)
        self._bodies.append(_shown(index, "".join(part(view) for part in parts)))
        data = page_data(view, side)
        self._data.append(f'<script type="application/json" class="view">{to_json(data)}</script>')
        if not index:
            self._map = map_parts(view, data, side)

    def text(self, title: str, left_out: int = 0) -> str:
        """Return the page."""
        script = "\n".join(_asset(name) for name in SCRIPTS)
        note = f"<p>{left_out} more measurements are in the folder but not in this page.</p>" if left_out else ""
        parts = {
            "title": escape(title),
            "version": escape(sensetrack.__version__),
            "style": _asset("report.css"),
            "script": script,
            "script-hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
            "settings": to_json(_settings()),
            "heads": "".join(self._heads),
            "overview": sections.overview(self._rows) if self._many else "",
            "cards": "".join(self._cards),
            "bodies": "".join(self._bodies),
            "data": "\n".join(self._data),
            "left-out": note,
            **self._map,
        }
        # One pass, so that nothing that a file says is taken for a mark.
        return re.sub(r"\[\[([a-z-]+)\]\]", lambda match: parts[match[1]], _asset("report.html"))


def _shown(index: int, content: str, before: str = "") -> str:
    hidden = " hidden" if index else ""
    return f'<div data-view="{index}"{hidden}>{before}{content}</div>'


def _settings() -> dict[str, object]:
    """Colours and words that the page's script shares with the figures."""
    return {
        "palettes": {name: palette(name) for name in sorted(set(COLOUR_MAPS.values()))},
        "measured": MEASURED_COLOUR,
        "order": [int(flag) for flag in SHOWN_FIRST],
        "flags": [
            {"bit": int(flag), "title": words.title, "meaning": words.meaning, "colour": words.colour}
            for flag, words in FLAG_WORDS.items()
        ],
    }


def _asset(name: str) -> str:
    return files("sensetrack.report").joinpath("assets", name).read_text(encoding="utf-8")


def _folder_name(source: PathLike | Sequence[PathLike]) -> str:
    first = Path(source if isinstance(source, str | os.PathLike) else next(iter(source)))
    return (first if first.is_dir() else first.parent).resolve().name
