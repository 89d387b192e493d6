"""What the benchmarks share: options, where results go, what is said at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import click

from sensetrack.benchmark.plan import Plan
from sensetrack.errors import ParameterError
from sensetrack.raster.write import check_target

from ._command import Option
from ._console import say, say_table
from ._options import Settings

ENDINGS = (".md", ".csv", ".png")

Target = Callable[[str], Path]
"""Returns the path of the result of an ending."""


@dataclass(frozen=True)
class Common(Settings):
    """What all benchmarks take."""

    output: str
    overwrite: bool
    size: int | None
    seed: int
    quick: bool

    options: ClassVar[Sequence[click.Parameter]] = (
        Option(
            ["-o", "--output"],
            type=click.Path(),
            required=True,
            metavar="DIR",
            section="Output",
            help="Folder for the tables and the picture; made when it does not exist.",
        ),
        Option(["--overwrite"], is_flag=True, section="Output", help="Replace results of an earlier run."),
        Option(
            ["--size"],
            type=click.IntRange(min=64),
            metavar="PIXELS",
            section="Pairs",
            help="Side of the images that are made. [default: 512, of speed 1024; 256 with --quick]",
        ),
        Option(
            ["--seed"],
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            metavar="N",
            section="Pairs",
            help="Another number makes other noise and other ground.",
        ),
        Option(["--quick"], is_flag=True, section="Pairs", help="Small images and few of them, for a minute or so."),
    )

    def plan(self, full: Plan, quick: Plan, **chosen: Sequence[str]) -> Plan:
        """Return the plan, with whatever was asked for in place of its own."""
        plan = replace(quick if self.quick else full, seed=self.seed)
        given: dict[str, Any] = {name: tuple(dict.fromkeys(values)) for name, values in chosen.items() if values}
        return replace(plan, size=self.size or plan.size, **given)

    def target(self, name: str, endings: Sequence[str] = ENDINGS) -> Target:
        """Make the folder and return the path of the result of an ending.

        Raises
        ------
        OutputError
            A file exists already, or the folder cannot be made.
        """
        folder = Path(self.output)
        if folder.exists() and not folder.is_dir():
            raise ParameterError(f"output = {folder}: is a file; name a folder")
        folder.mkdir(parents=True, exist_ok=True)
        for ending in endings:
            check_target(folder / f"{name}{ending}", overwrite=self.overwrite)
        return lambda ending: folder / f"{name}{ending}"


def several(name: str, known: Sequence[str], default: Sequence[str], words: str) -> Option:
    """Return an option that is given once for each of several names."""
    some = f"; there are {', '.join(known)}" if len(default) < len(known) else ""
    return Option(
        [f"--{name}"],
        multiple=True,
        type=click.Choice(list(known)),
        metavar="NAME",
        section="Pairs",
        help=f"{words}; repeat for several{some}. [default: {', '.join(default)}]",
    )


def tracker_option(default: str) -> Option:
    """Return the option that says which trackers take part."""
    return Option(
        ["--tracker", "specs"],
        multiple=True,
        metavar="NAME[:KEY=VALUE,...]",
        section="What takes part",
        help=f"Tracker, such as pcc:window=32; repeat for several. [default: {default}]",
    )


def say_markdown(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table as one of the console."""
    say_table(title, heads, [[cell.replace("`", "").replace("*", "") for cell in row] for row in rows])


def close(failures: Sequence[str], skipped: Sequence[str], target: Target, endings: Sequence[str] = ENDINGS) -> None:
    """Say what failed, what was skipped and where everything is."""
    for reason in dict.fromkeys(failures):
        say(f"failed: {reason}")
    for line in skipped:
        say(line)
    for ending in endings:
        say(str(target(ending)))
