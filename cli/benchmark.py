"""Compare all trackers, or all image filters, on pairs whose displacement is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import click

from sensetrack.benchmark import filters as prefilters
from sensetrack.benchmark import trackers as contest
from sensetrack.benchmark.conditions import CONDITIONS, LIGHTS
from sensetrack.benchmark.measure import Run, contenders
from sensetrack.benchmark.pages import filter_table, filters_page, summary_table, trackers_page
from sensetrack.benchmark.picture import draw_filters, draw_trackers
from sensetrack.benchmark.plan import Plan
from sensetrack.benchmark.table import write_csv, write_text
from sensetrack.benchmark.textures import TEXTURES
from sensetrack.benchmark.truths import FIELDS
from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.write import check_target
from sensetrack.trackers import registry

from ._command import Option, group, option, subcommand
from ._console import progress, say, say_table
from ._options import Settings, with_option, with_settings


@group(
    "benchmark",
    example="sensetrack benchmark trackers -o benchmark-out --data samples\n"
    "sensetrack benchmark filters -o benchmark-out",
)
def command() -> None:
    """Compare all trackers, or all image filters, on pairs whose displacement is known.

    Whatever is registered takes part, third-party entry points included.
    """


@dataclass(frozen=True)
class Common(Settings):
    """What both benchmarks take."""

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
            help="Side of the images that are made. [default: 512, or 256 with --quick]",
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

    def target(self, name: str) -> Callable[[str], Path]:
        """Make the folder and return the path of the result of a suffix.

        Raises
        ------
        OutputError
            A file exists already, or the folder cannot be made.
        """
        folder = Path(self.output)
        if folder.exists() and not folder.is_dir():
            raise ParameterError(f"output = {folder}: is a file; name a folder")
        folder.mkdir(parents=True, exist_ok=True)
        for suffix in (".md", ".csv", ".png"):
            check_target(folder / f"{name}{suffix}", overwrite=self.overwrite)
        return lambda suffix: folder / f"{name}{suffix}"


def _several(name: str, known: Sequence[str], default: Sequence[str], words: str) -> Option:
    some = f"; there are {', '.join(known)}" if len(default) < len(known) else ""
    return Option(
        [f"--{name}"],
        multiple=True,
        type=click.Choice(list(known)),
        metavar="NAME",
        section="Pairs",
        help=f"{words}; repeat for several{some}. [default: {', '.join(default)}]",
    )


def _tracker(default: str) -> Option:
    return Option(
        ["--tracker", "specs"],
        multiple=True,
        metavar="NAME[:KEY=VALUE,...]",
        section="What takes part",
        help=f"Tracker, such as pcc:window=32; repeat for several. [default: {default}]",
    )


@subcommand(
    command,
    "trackers",
    short_help="Every tracker on the same pairs",
    example="sensetrack benchmark trackers -o benchmark-out\n"
    "sensetrack benchmark trackers -o quick-out --quick\n"
    "sensetrack benchmark trackers -o windows-out --tracker pcc:window=32 --tracker pcc:window=64 --field bumps-3",
)
@with_settings("common", Common)
@with_option(_tracker("every one that is registered"))
@with_option(_several("field", list(FIELDS), contest.PLAN.fields, "Displacement"))
@with_option(
    _several("condition", list(CONDITIONS), contest.PLAN.conditions, "What differs between the images beside it")
)
@with_option(_several("texture", list(TEXTURES), contest.PLAN.textures, "Ground"))
@option(
    "--data",
    type=click.Path(),
    metavar="DIR",
    section="Pairs",
    help="Folder with the real pairs, which are not part of sensetrack. [default: without real pairs]",
)
def trackers(
    common: Common,
    specs: tuple[str, ...],
    field: tuple[str, ...],
    condition: tuple[str, ...],
    texture: tuple[str, ...],
    data: str | None,
) -> None:
    """Run every tracker on the same pairs: errors, share measured, how often stated errors hold, speed.

    Writes trackers.md, trackers.csv (one row for every run) and trackers.png. What a tracker cannot do becomes a row
    with the reason. All but the timings is the same on every run.
    """
    plan = common.plan(contest.PLAN, contest.QUICK, fields=field, conditions=condition, textures=texture)
    plan.pairs()
    found = contenders(specs)
    if data is not None and not Path(data).is_dir():
        raise InputError(f"{data}: no such folder; leave out --data to do without the real pairs")
    target = common.target("trackers")
    with progress("measuring") as bar:
        runs, skipped = contest.run_trackers(found, plan, None if data is None else Path(data), bar)
    write_text(target(".md"), trackers_page(runs, plan, skipped), overwrite=True)
    write_csv(target(".csv"), runs, overwrite=True)
    draw_trackers(runs, plan, target(".png"), overwrite=True)
    made = [run for run in runs if run.kind == "made"]
    _say_table("Errors, px, over all pairs", *summary_table(made))
    _close(runs, skipped, target)


@subcommand(
    command,
    "filters",
    short_help="Image filters where the light changes",
    example="sensetrack benchmark filters -o benchmark-out\n"
    "sensetrack benchmark filters -o out --tracker pcc:window=48 --filter highpass:sigma=4 --filter highpass",
)
@with_settings("common", Common)
@with_option(_tracker("pcc and ncc"))
@option(
    "--filter",
    "chain",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...][+NAME...]",
    section="What takes part",
    help="Image filter, or several one after the other, beside none; repeat to compare more. [default: every one that "
    "is registered]",
)
@with_option(_several("field", list(FIELDS), prefilters.PLAN.fields, "Displacement"))
@with_option(_several("condition", list(LIGHTS), prefilters.PLAN.conditions, "What changes the light"))
@with_option(_several("texture", list(TEXTURES), prefilters.PLAN.textures, "Ground"))
def filters(
    common: Common,
    specs: tuple[str, ...],
    chain: tuple[str, ...],
    field: tuple[str, ...],
    condition: tuple[str, ...],
    texture: tuple[str, ...],
) -> None:
    """Run trackers on pairs whose light changes strongly, without and behind each image filter.

    Writes filters.md, filters.csv (one row for every run) and filters.png.
    """
    plan = common.plan(prefilters.PLAN, prefilters.QUICK, fields=field, conditions=condition, textures=texture)
    plan.pairs(LIGHTS)
    chosen = prefilters.chains(chain)
    found = contenders(specs or [name for name in prefilters.TRACKERS if name in registry.names()])
    target = common.target("filters")
    with progress("measuring") as bar:
        runs = prefilters.run_filters(found, chosen, plan, bar)
    write_text(target(".md"), filters_page(runs, plan), overwrite=True)
    write_csv(target(".csv"), runs, overwrite=True)
    draw_filters(runs, plan, target(".png"), overwrite=True)
    for contender in found:
        table = filter_table(runs, contender.name, plan.conditions)
        _say_table(f"{contender.name}: median error of all pixels, px (share measured) × factor", *table)
    _close(runs, [], target)


def _say_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a Markdown table as one of the console."""
    say_table(title, heads, [[cell.replace("`", "").replace("*", "") for cell in row] for row in rows])


def _close(runs: Sequence[Run], skipped: Sequence[str], target: Callable[[str], Path]) -> None:
    """Say what failed, what was skipped and where everything is."""
    for reason in dict.fromkeys(f"{run.tracker}: {run.reason}" for run in runs if run.reason):
        say(f"failed: {reason}")
    for line in skipped:
        say(line)
    for suffix in (".md", ".csv", ".png"):
        say(str(target(suffix)))
