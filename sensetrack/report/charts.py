"""Small charts as inline SVG, coloured by the style sheet of the page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from sensetrack.report.numbers import Reliability, Spread

WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 14, 14, 12, 40


def number(value: float, digits: int = 3) -> str:
    """Return a number for readers: about ``digits`` significant digits, thousands apart, a real minus sign."""
    if not np.isfinite(value):
        return "–"
    size = abs(value)
    if size < 1e-6:
        return "0"
    if size >= 1000:
        text = f"{value:,.0f}".replace(",", "\N{THIN SPACE}")
    else:
        decimals = digits - 1 - np.floor(np.log10(size))
        text = f"{value:.{int(np.clip(decimals, 0, 5))}f}"
    return text.replace("-", "\N{MINUS SIGN}")


def with_error(value: float, error: float) -> str:
    """Return a value with its error, both to the second significant digit of the error."""
    if not (np.isfinite(error) and error > 0):
        return number(value)
    decimals = int(np.clip(1 - np.floor(np.log10(error)), 0, 5))
    return f"{value:+.{decimals}f} ± {error:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def histogram(spread: Spread, label: str, unit: str) -> str:
    """Return the histogram of a `Spread`, its median, and the curve that the predicted errors imply."""
    top = 1.12 * max(float(spread.density.max(initial=0.0)), float(spread.curve.max(initial=0.0)), 1e-12)
    x = _Scale(spread.edges[0], spread.edges[-1], LEFT, WIDTH - RIGHT)
    y = _Scale(0.0, top, HEIGHT - BOTTOM, TOP)
    steps = [(x(edge), y(density)) for edge, density in zip(spread.edges[:-1], spread.density, strict=True)]
    path = f"M{x(spread.edges[0]):.1f} {y(0):.1f}"
    for (at, height), following in zip(steps, spread.edges[1:], strict=True):
        path += f"L{at:.1f} {height:.1f}L{x(following):.1f} {height:.1f}"
    parts = [f'<path class="bars" d="{path}L{x(spread.edges[-1]):.1f} {y(0):.1f}Z"/>']
    if spread.curve.size:
        parts.append(_line("curve", [(x(a), y(b)) for a, b in zip(spread.centres, spread.curve, strict=True)]))
    if spread.count:
        parts.append(_upright("median", x(spread.median)))
    if spread.edges[0] < 0 < spread.edges[-1]:
        parts.append(_upright("zero", x(0.0)))
    parts += _x_axis(x, spread.edges[0], spread.edges[-1], f"{label} [{unit}]")
    return _svg(parts, f"Histogram of {label}: median {number(spread.median)}, spread {number(spread.nmad)} {unit}")


def reliability_chart(series: Sequence[Reliability]) -> str:
    """Return predicted against actual errors; on the diagonal they are the same."""
    known = [item for item in series if item.predicted.size]
    largest = max((float(max(item.predicted.max(), item.actual.max())) for item in known), default=1.0) * 1.08
    x = _Scale(0.0, largest, LEFT + 34, WIDTH - RIGHT)
    y = _Scale(0.0, largest, HEIGHT - BOTTOM, TOP)
    parts = [_line("diagonal", [(x(0), y(0)), (x(largest), y(largest))])]
    parts += _x_axis(x, 0.0, largest, "predicted 1 sigma [px]")
    parts += _y_axis(y, largest, "actual")
    for order, item in enumerate(known):
        points = [(x(a), y(b)) for a, b in zip(item.predicted, item.actual, strict=True)]
        name = f"series{order}"
        parts.append(_line(name, points))
        parts += [f'<circle class="{name}" cx="{a:.1f}" cy="{b:.1f}" r="3.5"/>' for a, b in points]
    return _svg(parts, "Actual against predicted standard deviation")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round numbers between two limits, about ``count`` of them."""
    span = high - low
    if not span > 0:
        return [low]
    raw = span / count
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))
    return [float(step * n) for n in range(int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9)) + 1)]


class _Scale:
    """A linear map from data to the page."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._factor, self._start = float(low), (end - start) / ((float(high) - float(low)) or 1.0), start

    def __call__(self, value: float) -> float:
        return float(self._start + (value - self._low) * self._factor)


def _x_axis(x: _Scale, low: float, high: float, label: str) -> list[str]:
    base = HEIGHT - BOTTOM
    parts = [f'<path class="axis" d="M{x(low):.1f} {base}H{x(high):.1f}"/>']
    for tick in ticks(float(low), float(high)):
        parts.append(f'<path class="axis" d="M{x(tick):.1f} {base}v4"/>')
        parts.append(f'<text x="{x(tick):.1f}" y="{base + 16}" text-anchor="middle">{_tick(tick)}</text>')
    middle = (x(low) + x(high)) / 2
    parts.append(f'<text class="label" x="{middle:.1f}" y="{base + 33}" text-anchor="middle">{escape(label)}</text>')
    return parts


def _y_axis(y: _Scale, high: float, label: str) -> list[str]:
    left = LEFT + 34
    parts = [f'<path class="axis" d="M{left} {y(0):.1f}V{y(high):.1f}"/>']
    marks = ticks(0.0, high, 4)
    parts += [f'<text x="{left - 5}" y="{y(mark) + 4:.1f}" text-anchor="end">{_tick(mark)}</text>' for mark in marks]
    parts.append(f'<text class="label" x="{left + 8}" y="{TOP + 8}">{escape(label)}</text>')
    return parts


def _tick(value: float) -> str:
    return f"{value:.6g}".replace("-", "\N{MINUS SIGN}")


def _line(name: str, points: Sequence[tuple[float, float]]) -> str:
    return f'<polyline class="{name}" points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in points)}"/>'


def _upright(name: str, x: float) -> str:
    return f'<path class="{name}" d="M{x:.1f} {HEIGHT - BOTTOM}V{TOP}"/>'


def _svg(parts: Sequence[str], title: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">'
        f"{''.join(parts)}</svg>"
    )


__all__ = ["histogram", "number", "reliability_chart", "ticks", "with_error"]
