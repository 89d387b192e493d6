"""What a person sees: progress bars on a terminal, and a few lines at the end."""

from __future__ import annotations

import functools
import math
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from sensetrack.info import FieldSummary

from ._command import is_quiet

if TYPE_CHECKING:
    from rich.progress import TaskID

Progress = Callable[[int, int], None]


StageProgress = Callable[[str, int, int], None]


@contextmanager
def progress(what: str) -> Iterator[Progress | None]:
    """Yield a callback that draws a progress bar on stderr, or None where nobody would see it."""
    with stages() as report:
        yield None if report is None else functools.partial(report, what)


@contextmanager
def stages() -> Iterator[StageProgress | None]:
    """Yield a callback that draws one progress bar per stage on stderr, or None where nobody would see them."""
    if is_quiet() or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield report


@contextmanager
def busy(what: str) -> Iterator[None]:
    """Show on a terminal that something without steps is going on."""
    if is_quiet() or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield


def say(text: str = "") -> None:
    """Print a line of result, unless ``-q`` was given."""
    if not is_quiet():
        click.echo(text)


def say_rows(rows: Sequence[tuple[str, str]], indent: int = 2) -> None:
    """Print names and values in two aligned columns."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        say(f"{' ' * indent}{name:<{width}}  {value}".rstrip())


def percent(share: float) -> str:
    """Return a share, 0..1, as text; never a zero that is not one."""
    if math.isnan(share):
        return "-"
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def share_rows(shares: Mapping[str, float]) -> list[tuple[str, str]]:
    """Return the share of measurements and of each flag as rows."""
    return [(name, percent(share)) for name, share in shares.items()]


def say_field(path: str, summary: FieldSummary, *, spacing: int, seconds: float | None = None) -> None:
    """Say how a displacement field came out."""
    rows, cols = summary.shape
    say(f"{path}: {rows} x {cols} displacements, one every {spacing} px")
    lines = share_rows(summary.shares())
    if math.isfinite(summary.length):
        lines.append(("median", f"{summary.length:.3g} px (dx {summary.dx:+.3g}, dy {summary.dy:+.3g})"))
        lines.append(("1 sigma", f"{summary.sigma:.2g} px"))
    if seconds is not None:
        lines.append(("time", f"{seconds:.1f} s, {rows * cols / max(seconds, 1e-9):,.0f} estimates per second"))
    say_rows(lines)


def say_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout; the first column is text, the others are numbers."""
    if is_quiet():
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(file=sys.stdout, width=max(110, shutil.get_terminal_size().columns)).print(table)
