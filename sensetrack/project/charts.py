"""Charts and tables of a project's report, as SVG and HTML: the network of pairs, closure, stable ground."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Any

Row = dict[str, Any]

LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 34


def network(rows: Sequence[Row]) -> str:
    """Draw every pair as an arc between its dates: above, those that count; below, rejected and failed ones.

    The drawing is stretched to the width of the page, so that it is whole on a phone; lines, dots and dates are not.
    """
    times = {row[end]: _time(row[end]) for row in rows for end in ("first", "second")}
    first, last = min(times.values()), max(times.values())
    whole = max((last - first) / timedelta(days=1), 1e-9)
    longest = max(row["days"] for row in rows)
    width, height, middle = 1000, 210, 160

    def place(text: str) -> float:
        return 0.01 * width + 0.98 * width * ((times[text] - first) / timedelta(days=1)) / whole

    arcs = []
    for row in rows:
        kind = _kind(row)
        a, b = place(row["first"]), place(row["second"])
        reach = math.sqrt(row["days"] / longest)
        bend = -reach * (middle - TOP) * 1.9 if kind == "good" else reach * (height - middle) * 1.9
        text = f"{row['first'][:10]} to {row['second'][:10]}, {row['days']:g} d: {_state(row)}"
        shape = f"M{a:.1f} {middle}Q{(a + b) / 2:.1f} {middle + bend:.1f} {b:.1f} {middle}"
        arcs.append(f'<path class="{kind}" d="{shape}"><title>{escape(text)}</title></path>')
    # A line of no length with a round end stays round however the drawing is stretched.
    dots = "".join(
        f'<path class="date" d="M{place(text):.1f} {middle}h0"><title>{text[:10]}</title></path>'
        for text in sorted(times)
    )
    ticks = "".join(f"<span>{first + (last - first) * share:%Y-%m-%d}</span>" for share in (0.0, 0.5, 1.0))
    return (
        f'<svg class="network" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img" '
        f'aria-label="Network of pairs">{"".join(arcs)}{dots}</svg><p class="dates">{ticks}</p>'
        '<p class="legend"><span><i class="good"></i>counts</span><span><i class="rejected"></i>mostly rejected</span>'
        '<span><i class="failed"></i>failed</span></p>'
    )


def closure(rows: Sequence[Row]) -> str:
    """Draw the misfit of each pair's triplets over its time base."""
    points = [(row["days"], row["closure"], row) for row in rows if row["closure"] is not None]
    if not points:
        return '<p class="note">No three dates are all paired with each other, so nothing closes.</p>'
    drawing = _scatter(points, "days of the pair", "median misfit [σ]", level=1.18)
    return (
        drawing
        + '<p class="note">Dashed: 1.18, where stated errors hold. Far above: errors are larger than stated.</p>'
    )


def stable(rows: Sequence[Row]) -> str:
    """Draw the scatter of velocity on stable ground of each pair over its time base."""
    points = [
        (row["days"], math.hypot(row["stable_x"], row["stable_y"]), row)
        for row in rows
        if row["stable_x"] is not None and row["stable_y"] is not None
    ]
    if points:
        return _scatter(points, "days of the pair", "scatter on stable ground") + (
            '<p class="note">Length of the robust standard deviations of vx and vy, in the unit of the velocities.</p>'
        )
    points = [
        (row["days"], math.hypot(row["error_x"], row["error_y"]), row)
        for row in rows
        if row["error_x"] is not None and row["error_y"] is not None
    ]
    if not points:
        return '<p class="note">No pair was measured.</p>'
    return _scatter(points, "days of the pair", "stated error") + (
        '<p class="note">No stable ground was given; these are the errors that pairs state, in the unit of the '
        "velocities.</p>"
    )


def _scatter(points: Sequence[tuple[float, float, Row]], x: str, y: str, level: float | None = None) -> str:
    right = max(point[0] for point in points) * 1.06
    top = max([point[1] for point in points] + ([level * 1.2] if level else [])) * 1.08 or 1.0
    width, height = 420, 230

    def place(a: float, b: float) -> tuple[float, float]:
        return LEFT + (width - LEFT - RIGHT) * a / right, height - BOTTOM - (height - BOTTOM - TOP) * b / top

    dots = []
    for a, b, row in points:
        px, py = place(a, b)
        text = f"{row['first'][:10]} to {row['second'][:10]}: {b:.3g}"
        dots.append(
            f'<circle class="{_kind(row)}" cx="{px:.1f}" cy="{py:.1f}" r="4"><title>{escape(text)}</title></circle>'
        )
    bottom = height - BOTTOM
    line = ""
    if level is not None:
        y0 = place(0, level)[1]
        line = f'<path class="diagonal" d="M{LEFT} {y0:.1f}H{width - RIGHT}"/>'
    ticks = "".join(
        f'<text x="{place(value, 0)[0]:.1f}" y="{bottom + 15}" text-anchor="middle">{value:g}</text>'
        for value in _round_ticks(right)
    )
    ticks += "".join(
        f'<text x="{LEFT - 6}" y="{place(0, value)[1] + 4:.1f}" text-anchor="end">{value:g}</text>'
        for value in _round_ticks(top)
    )
    return (
        f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(y)} over {escape(x)}">'
        f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{width - RIGHT}"/>{line}{"".join(dots)}{ticks}'
        f'<text x="{(LEFT + width) / 2:.0f}" y="{height - 3}" text-anchor="middle">{escape(x)}</text>'
        f'<text x="{LEFT + 6}" y="{TOP + 6}">{escape(y)}</text></svg>'
    )


def _round_ticks(top: float) -> list[float]:
    """About four round values from 0 up to ``top``."""
    power = 10.0 ** math.floor(math.log10(top / 4))
    step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= top / 4)
    return [round(number * step, 12) for number in range(int(top / step + 1e-9) + 1)]


_NUMBERS: tuple[tuple[str, str, Callable[[float], str], str], ...] = (
    ("days", "Days", lambda value: f"{value:g}", ""),
    ("usable", "Usable", lambda value: f"{100 * value:.0f} %", "share of the field with a value to use"),
    ("shift_dx", "Shift x", lambda value: f"{value:+.2f}", "taken out of the later image, px"),
    ("shift_dy", "Shift y", lambda value: f"{value:+.2f}", "taken out of the later image, px"),
    ("weight", "Weight", lambda value: f"{value:.2f}", "mean weight in the series, 0 to 1"),
    ("closure", "Closure", lambda value: f"{value:.2f}", "median misfit of triplets in units of its error"),
)


def table(rows: Sequence[Row]) -> str:
    """Return the table of pairs: what was measured of each, or the reason why not."""
    heads = '<th scope="col">Earlier</th><th scope="col">Later</th>'
    heads += "".join(f'<th scope="col" title="{escape(note)}">{escape(title)}</th>' for _, title, _, note in _NUMBERS)
    heads += '<th scope="col">State</th>'
    lines = []
    for row in rows:
        cells = "".join(
            f'<td class="n">{"–" if row[name] is None else escape(form(row[name]))}</td>'
            for name, _, form, _ in _NUMBERS
        )
        kind, state = _kind(row), _state(row)
        lines.append(
            f'<tr class="{kind}"><td class="n">{escape(row["first"][:10])}</td>'
            f'<td class="n">{escape(row["second"][:10])}</td>{cells}'
            f'<td><i class="{kind}"></i>{escape(state)}</td></tr>'
        )
    return f'<table id="pairs"><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table>'


def _kind(row: Row) -> str:
    if row["state"] != "measured":
        return "failed"
    return "rejected" if row["weight"] is not None and row["weight"] < 0.5 else "good"


def _state(row: Row) -> str:
    if row["state"] != "measured":
        return f"failed: {row['reason']}"
    if row["weight"] is not None and row["weight"] < 0.5:
        return f"mostly rejected: disagrees with the other pairs at {100 * (row['rejected'] or 0):.0f} % of its values"
    return "counts"


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
