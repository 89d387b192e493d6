"""What the commands of `download` share: options, the bar, the lines at the end and the exit status."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import click

from sensetrack.catalog import Client, Outcome, Wanted, fetch_all
from sensetrack.errors import DownloadError

from ._command import Option, is_quiet
from ._errors import FAILED
from ._options import Settings

KEPT = "Interrupted; what has come is kept in .part files, and the same command goes on from there."

Report = Callable[[Wanted, int, int | None], None]


@dataclass(frozen=True)
class Transfer(Settings):
    """How files are fetched."""

    workers: int
    overwrite: bool
    dry_run: bool
    as_json: bool

    options: ClassVar[Sequence[click.Parameter]] = (
        Option(["--dry-run"], is_flag=True, section="Output", help="List what would come, and how large it is."),
        Option(["--json", "as_json"], is_flag=True, section="Output", help="Print what came as JSON."),
        Option(["--overwrite"], is_flag=True, section="Output", help="Fetch files again that are there but differ."),
        Option(
            ["--workers"],
            type=click.IntRange(min=1, max=16),
            default=4,
            show_default=True,
            metavar="N",
            section="Output",
            help="Files at a time.",
        ),
    )

    def run(self, wanted: Sequence[Wanted], client: Client) -> list[Outcome]:
        """Fetch files, or only look at what they are.

        Raises
        ------
        KeyboardInterrupt
            With what to say.
        """
        if self.dry_run:
            return []
        try:
            with _bar(len(wanted)) as report:
                return fetch_all(wanted, client, workers=self.workers, overwrite=self.overwrite, report=report)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(KEPT) from None


def size_text(size: int | None) -> str:
    """Return bytes for a table."""
    if size is None:
        return "?"
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def total_text(sizes: Sequence[int | None], what: str) -> str:
    """Return how many files there are and how large they are together.

    Parameters
    ----------
    sizes : sequence of int or None
        None where it is not known.
    what : str
        What one is called.
    """
    count = f"{len(sizes)} {what}" + ("" if len(sizes) == 1 else "s")
    known = [size for size in sizes if size is not None]
    if not known:
        return f"{count}, of unknown size" if sizes else count
    more = len(sizes) - len(known)
    return f"{count}, {size_text(sum(known))}" + (f" and {more} of unknown size" if more else "")


def size_of(wanted: Wanted, client: Client) -> int | None:
    """Return how large a file is, as the catalogue says or else the server; None where neither does."""
    if wanted.size is not None:
        return wanted.size
    if wanted.path.exists():
        return wanted.path.stat().st_size
    try:
        text = client.head(wanted.url, wanted.access).get("Content-Length") or ""
    except DownloadError:
        return None
    return int(text) if text.isdigit() else None


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """Return what became of a file."""
    path = outcome.wanted.path
    return {
        "path": str(path),
        "status": outcome.status,
        "size": path.stat().st_size if outcome.status != "failed" else outcome.wanted.size,
        "error": None if outcome.error is None else str(outcome.error),
    }


def close(errors: Sequence[str]) -> None:
    """Say what went wrong, and end with status 1 if anything did.

    Raises
    ------
    click.exceptions.Exit
    """
    for error in errors:
        click.echo(f"Error: {' '.join(error.split())}", err=True)
    if errors:
        raise click.exceptions.Exit(FAILED)


def place(output: str | None, default: Path) -> Path:
    """Return the folder where files go."""
    return default if output is None else Path(output)


@contextmanager
def _bar(count: int) -> Iterator[Report | None]:
    """Yield a callback that draws a bar of all bytes on stderr, or None where nobody would see it."""
    if is_quiet() or not sys.stderr.isatty() or not count:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[Path, Any] = {}

        def report(wanted: Wanted, done: int, total: int | None) -> None:
            if wanted.path not in tasks:
                tasks[wanted.path] = bars.add_task(wanted.path.name[:40], total=total)
            bars.update(tasks[wanted.path], completed=done, total=total, visible=done != total)

        yield report
