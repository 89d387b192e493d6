"""Compare trackers, also with other packages, and image filters on pairs whose displacement is known."""

from __future__ import annotations

from pathlib import Path

import click

from sensetrack.benchmark import filters as prefilters
from sensetrack.benchmark import trackers as contest
from sensetrack.benchmark.conditions import CONDITIONS, LIGHTS
from sensetrack.benchmark.measure import contenders
from sensetrack.benchmark.pages import filter_table, filters_page, summary_table, trackers_page
from sensetrack.benchmark.picture import draw_filters, draw_trackers
from sensetrack.benchmark.table import write_csv, write_text
from sensetrack.benchmark.textures import HELD_OUT, TEXTURES
from sensetrack.benchmark.truths import FIELDS
from sensetrack.errors import InputError
from sensetrack.trackers import registry

from ._benchmark import Common, close, say_markdown, several, tracker_option
from ._benchmark_deep import deep
from ._benchmark_peers import accuracy, speed
from ._command import group, option, subcommand
from ._console import progress
from ._options import with_option, with_settings


@group(
    "benchmark",
    example="sensetrack benchmark trackers -o benchmark-out --data samples\n"
    "sensetrack benchmark filters -o benchmark-out\n"
    "sensetrack benchmark accuracy -o benchmark-out\n"
    "sensetrack benchmark speed -o benchmark-out",
)
def command() -> None:
    """Compare trackers, also with other packages, and image filters on pairs whose displacement is known.

    Whatever is registered takes part, third-party entry points included.
    """


command.add_command(accuracy)
command.add_command(speed)
command.add_command(deep)


@subcommand(
    command,
    "trackers",
    short_help="Every tracker on the same pairs",
    example="sensetrack benchmark trackers -o benchmark-out\n"
    "sensetrack benchmark trackers -o quick-out --quick\n"
    "sensetrack benchmark trackers -o windows-out --tracker pcc:window=32 --tracker pcc:window=64 --field bumps-3",
)
@with_settings("common", Common)
@with_option(tracker_option("every one that is registered"))
@with_option(several("field", list(FIELDS), contest.PLAN.fields, "Displacement"))
@with_option(
    several("condition", list(CONDITIONS), contest.PLAN.conditions, "What differs between the images beside it")
)
@with_option(several("texture", [*TEXTURES, *HELD_OUT], contest.PLAN.textures, "Ground"))
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
    say_markdown("Errors, px, over all pairs", *summary_table(made))
    close([f"{run.tracker}: {run.reason}" for run in runs if run.reason], skipped, target)


@subcommand(
    command,
    "filters",
    short_help="Image filters where the light changes",
    example="sensetrack benchmark filters -o benchmark-out\n"
    "sensetrack benchmark filters -o out --tracker pcc:window=48 --filter highpass:sigma=4 --filter highpass",
)
@with_settings("common", Common)
@with_option(tracker_option("pcc and ncc"))
@option(
    "--filter",
    "chain",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...][+NAME...]",
    section="What takes part",
    help="Image filter, or several one after the other, beside none; repeat to compare more. [default: every one that "
    "is registered]",
)
@with_option(several("field", list(FIELDS), prefilters.PLAN.fields, "Displacement"))
@with_option(several("condition", list(LIGHTS), prefilters.PLAN.conditions, "What changes the light"))
@with_option(several("texture", list(TEXTURES), prefilters.PLAN.textures, "Ground"))
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
        say_markdown(f"{contender.name}: median error of all pixels, px (share measured) × factor", *table)
    close([f"{run.tracker}: {run.reason}" for run in runs if run.reason], [], target)
