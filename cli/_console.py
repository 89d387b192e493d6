"""What a person sees: progress bars on a terminal, and a few lines at the end."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import click

from sensetrack.summary import FieldSummary

from ._command import is_quiet

Progress = Callable[[int, int], None]


@contextmanager
def progress(what: str) -> Iterator[Progress | None]:
    """Yield a callback that draws a progress bar on stderr, or None where nobody would see it."""
    if is_quiet() or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def say(text: str = "") -> None:
    """Print a line of result, unless ``-q`` was given."""
    if not is_quiet():
        click.echo(text)


def say_rows(rows: Sequence[tuple[str, str]], indent: int = 2) -> None:
    """Print names and values in two aligned columns."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        say(f"{' ' * indent}{name:<{width}}  {value}".rstrip())


def say_field(path: str, summary: FieldSummary, *, spacing: int, seconds: float | None = None) -> None:
    """Say how a displacement field came out."""
    rows, cols = summary.shape
    say(f"{path}: {rows} x {cols} displacements, one every {spacing} px")
    lines = [(name, f"{100 * share:5.1f} %") for name, share in summary.shares().items()]
    if math.isfinite(summary.length):
        lines.append(("median", f"{summary.length:.3g} px (dx {summary.dx:+.3g}, dy {summary.dy:+.3g})"))
        lines.append(("1 sigma", f"{summary.sigma:.2g} px"))
    if seconds is not None:
        lines.append(("time", f"{seconds:.1f} s, {rows * cols / max(seconds, 1e-9):,.0f} estimates per second"))
    say_rows(lines)
