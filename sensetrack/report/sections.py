"""The parts of the report that need no script: key figures, flags, stable ground, truth, provenance."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import PurePosixPath

import numpy as np

from sensetrack.raster.grid import crs_name
from sensetrack.report.charts import histogram, number, reliability_chart, with_error
from sensetrack.report.furniture import percent
from sensetrack.report.numbers import against_truth, flag_table, reliability, spread_of, stable_spread
from sensetrack.report.view import View
from sensetrack.report.words import class_colours

SPREAD = "Spread [px]"
"""Name of the key figure that tells the error of one pixel."""

_METHODS = {"mask": "on stable ground", "slow": "of the slowest quarter of the scene", "none": ""}


@dataclass(frozen=True)
class Figure:
    """A number that counts.

    Attributes
    ----------
    name : str
    values : tuple of str
        One, or one for each component.
    note : str
    """

    name: str
    values: tuple[str, ...]
    note: str


def heading(view: View) -> str:
    """Return the lines below the title: tracker, days, grid, images."""
    origin, grid = view.main.provenance, view.main.file_grid
    parts = [origin.tracker, f"{origin.days:.4g} days" if origin.days is not None else ""]
    parts.append(f"{grid.width} × {grid.height} pixels")
    if grid.is_georeferenced:
        unit = "°" if grid.is_geographic else " m" if grid.crs is not None else ""
        parts.append(f"{number(grid.pixel_size[0])}{unit} spacing")
        parts.append(crs_name(grid.crs) if grid.crs is not None else "")
    images = [PurePosixPath(name.replace("\\", "/")).name for name in (origin.reference, origin.secondary) if name]
    line = " · ".join(escape(part) for part in parts if part)
    return f'<p class="facts">{line}</p>' + (f'<p class="images">{escape(" → ".join(images))}</p>' if images else "")


def key_figures(view: View) -> list[Figure]:
    """Return what counts most in a measurement; what is not known is left out."""
    main = view.main
    total = max(int(main.flag_bytes.sum()), 1)
    figures = []
    if main.flags is not None:
        measured, filled = main.flag_bytes[0], main.flag_bytes[128]
        note = f"of {_thousands(total)} pixels"
        note += f", {percent(filled / total)} filled" if filled else ""
        figures.append(Figure("Measured", (percent(measured / total),), note))
    unit = main.style(main.magnitude).unit
    length = main.layer(main.magnitude)[main.usable]
    if length.size:
        what = "Speed" if main.is_velocity else "Displacement"
        for name, level in (("median", 50), ("95th percentile", 95)):
            value = number(float(np.percentile(length, level)))
            figures.append(Figure(f"{what}, {name}", (f"{value} {unit}",), "of usable pixels"))
    errors = [main.layers[name][main.usable] for name in main.errors or ()]
    errors = [error[np.isfinite(error)] for error in errors]
    if errors and all(error.size for error in errors):
        values = (f"{a} {number(float(np.median(e)))}" for a, e in zip(main.components, errors, strict=True))
        figures.append(Figure(f"Predicted 1 sigma [{unit}]", tuple(values), "median"))
    shift = view.shift
    if shift is not None and np.isfinite(shift.dx):
        where = _METHODS[shift.method]
        subtracted = ", subtracted" if view.summary is not None and view.summary.shift_subtracted else ""
        shifts = (f"dx {with_error(shift.dx, shift.dx_error)}", f"dy {with_error(shift.dy, shift.dy_error)}")
        spreads = (f"dx {number(shift.sigma_dx)}", f"dy {number(shift.sigma_dy)}")
        figures += [Figure("Shift [px]", shifts, f"{where}{subtracted}"), Figure(SPREAD, spreads, f"1 sigma, {where}")]
    return figures


def cards(view: View) -> str:
    """Return the key figures as a list of cards."""
    items = []
    for figure in key_figures(view):
        lines = "".join(f"<span>{escape(value)}</span>" for value in figure.values)
        kind = "several" if len(figure.values) > 1 else "one"
        items.append(f'<div><dt>{escape(figure.name)}</dt><dd class="{kind}">{lines}</dd>')
        items.append(f'<dd class="note">{escape(figure.note)}</dd></div>')
    return f'<dl class="cards">{"".join(items)}</dl>'


def flags_section(view: View) -> str:
    """Return the table of flags with their shares and meanings, and a bar of what the map shows."""
    if view.main.flags is None:
        return ""
    rows = list(zip(flag_table(view.main.flag_bytes), class_colours(), strict=True))
    total = max(sum(row.shown for row, _ in rows), 1)
    bar = "".join(
        f'<span style="width:{100 * row.shown / total:.3f}%;background:{colour}"></span>'
        for row, colour in rows
        if row.shown
    )
    lines = "".join(
        f'<tr><th scope="row"><i style="background:{colour}"></i>{escape(row.title)}</th>'
        f'<td class="n">{percent(row.share)}</td><td class="n wide">{_thousands(row.count)}</td>'
        f"<td>{escape(row.meaning)}</td></tr>"
        for row, colour in rows
        if row.count or row.name == "measured"
    )
    absent = [row.title.lower() for row, _ in rows if not row.count and row.name != "measured"]
    notes = ["A pixel may carry several flags; the bar and the map show the most basic one."]
    notes += [f"Not raised: {', '.join(absent)}."] if absent else []
    table = f"<table>{_head(('Flag', 'Share', 'Pixels', 'What it means'))}{lines}</table>"
    body = f'<div class="bar" aria-hidden="true">{bar}</div>{table}{_note(" ".join(notes))}'
    return _section("Where pixels are empty or doubtful, and why", body)


def stable_section(view: View) -> str:
    """Return the histograms of stable ground, or of everything where none is known."""
    sheet = view.displacement or view.main
    charts = ""
    for spread in stable_spread(sheet, view.stable):
        unit = sheet.style(spread.name).unit
        caption = f"{spread.name}: median {_signed(spread.median)} {unit}, spread (NMAD) {number(spread.nmad)} {unit}"
        if np.isfinite(spread.predicted):
            caption += f", predicted 1 sigma {number(spread.predicted)} {unit}"
        charts += _figure(histogram(spread, spread.name, unit), caption)
    title, text = "All measured pixels", "No stable ground was given, so this is motion and error together."
    if view.stable is not None:
        title, text = "Stable ground", "What does not move shows the error: its median is the shift of the pair, "
        text += "its width the error of one pixel."
    legend = _legend([("bars", "pixels"), ("curve", "expected from the predicted errors"), ("median", "median")])
    return _section(title, f'<p>{escape(text)}</p>{legend}<div class="charts">{charts}</div>')


def truth_section(view: View) -> str:
    """Return errors against the truth, where there is one."""
    sheet = view.displacement
    if sheet is None or view.truth is None:
        return ""
    lines = ""
    for row in against_truth(sheet, view.truth):
        numbers = [_signed(row.bias), *(number(value) for value in (row.nmad, row.rmse, row.p95))]
        numbers.append(percent(row.within) if np.isfinite(row.within) else "–")
        cells = "".join(f'<td class="n">{cell}</td>' for cell in numbers)
        cells += f'<td class="n wide">{_thousands(row.count)}</td>'
        lines += f'<tr><th scope="row">{escape(row.name)}</th>{cells}</tr>'
    names = ("", "Median error", "Spread (NMAD)", "RMSE", "95 % are below", "Within 1 sigma (ideal 68.3 %)", "Pixels")
    notes = ["In pixels of the input, over usable pixels."]
    if view.misregistration is not None:
        dx, dy = (_signed(value) for value in view.misregistration)
        notes.append(
            f"The images of this scene are misregistered by dx {dx}, dy {dy} px, which shows as the median error "
            "unless they were coregistered first."
        )
    charts = ""
    series = reliability(sheet, view.truth)
    if series:
        items = [(f"series{n}", item.name) for n, item in enumerate(series)] + [("diagonal", "perfect prediction")]
        caption = "Are the predicted errors right? Pixels in groups of equal size, by their predicted error."
        charts += _figure(reliability_chart(series), caption, _legend(items))
    for name, right, sigma in zip(sheet.components, view.truth, sheet.errors or (None, None), strict=True):
        where = sheet.usable & np.isfinite(right)
        predicted = None if sigma is None else sheet.layers[sigma][where]
        spread = spread_of(f"{name} minus truth", (sheet.layers[name] - right)[where], predicted)
        charts += _figure(histogram(spread, spread.name, "px"), "")
    table = f'<div class="scroll"><table>{_head(names)}{lines}</table></div>'
    return _section("Against the truth", f'{table}{_note(" ".join(notes))}<div class="charts">{charts}</div>')


def provenance_section(view: View) -> str:
    """Return files, images, parameters and history."""
    origin = view.main.provenance
    products = [p for p in (view.group.displacement, view.group.velocity, *view.group.truths) if p is not None]
    dates = [date.isoformat() for date in (origin.reference_date, origin.secondary_date) if date is not None]
    facts = [
        *((product.kind.capitalize(), product.path.name) for product in products),
        ("Reference", origin.reference),
        ("Secondary", origin.secondary),
        ("Acquired", " and ".join(dates)),
        ("Tracker", origin.tracker),
        ("Version", f"sensetrack {origin.version}" if origin.version else ""),
    ]
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts if value)
    history = "".join(f"<li><code>{escape(step)}</code></li>" for step in origin.history)
    steps = f"<h3>What was done since</h3><ol>{history}</ol>" if history else ""
    left = f'<div><dl class="plain">{listed}</dl>{steps}</div>'
    right = f"<div><h3>Parameters</h3>{_parameters(origin.parameters)}</div>"
    return _section("Where it comes from", f'<div class="split">{left}{right}</div>')


def overview_row(index: int, view: View) -> str:
    """Return the line of a measurement in the table of all of them, with a button that shows it."""
    figures = {figure.name: ", ".join(figure.values) for figure in key_figures(view)}
    speed = next((value for name, value in figures.items() if "95th" in name), "–")
    cells = [view.main.provenance.tracker, view.main.name]
    numbers = [figures.get("Measured", "–"), speed, figures.get(SPREAD, "–")]
    return (
        f'<tr><th scope="row"><button type="button" data-show="{index}">{escape(view.title)}</button></th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "".join(f'<td class="n">{escape(cell)}</td>' for cell in numbers)
        + "</tr>"
    )


def overview(rows: Sequence[str]) -> str:
    """Return the table of all measurements from its lines."""
    names = ("Pair", "Tracker", "File", "Measured", "95th percentile", SPREAD)
    table = f'<table class="pairs">{_head(names)}{"".join(rows)}</table>'
    return _section("All measurements", f'<div class="scroll">{table}</div>')


def _parameters(text: str) -> str:
    """Return parameters, stored as JSON, as a table; anything else as it is."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        return f"<p><code>{escape(text)}</code></p>"
    if not values:
        return _note("None are stored.")
    lines = ""
    for name, value in values.items():
        shown = value if isinstance(value, str) else json.dumps(value)
        lines += f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(shown)}</td></tr>'
    return f'<table class="parameters">{lines}</table>'


def _figure(chart: str, caption: str, legend: str = "") -> str:
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{chart}{below}{legend}</figure>"


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'


def _head(names: Iterable[str], wide: str = "Pixels") -> str:
    """Return a line of column titles; the column ``wide`` is left out on narrow screens."""
    cells = (f'<th scope="col"{" class=wide" if name == wide else ""}>{escape(name)}</th>' for name in names)
    return f"<tr>{''.join(cells)}</tr>"


def _thousands(count: int) -> str:
    return f"{count:,}".replace(",", "\N{THIN SPACE}")


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + number(value)


def _legend(items: Iterable[tuple[str, str]]) -> str:
    keys = "".join(f'<span><i class="{name}"></i>{escape(text)}</span>' for name, text in items)
    return f'<p class="legend">{keys}</p>'


def _section(title: str, body: str) -> str:
    return f'<section class="panel"><h2>{escape(title)}</h2>{body}</section>'
