"""The benchmark of learned trackers."""

from __future__ import annotations

from dataclasses import asdict

import click

from sensetrack.benchmark.deep import TRACKERS, deep_page, deep_table, run_deep
from sensetrack.benchmark.large import large_page, large_table, run_large
from sensetrack.benchmark.measure import Contender, contenders
from sensetrack.benchmark.table import write_rows, write_text
from sensetrack.nets.faultdeform.stream import StreamSettings

from ._benchmark import Common, close, say_markdown, tracker_option
from ._command import command, option
from ._console import progress
from ._options import with_option, with_settings

_ENDINGS = (".md", ".csv")


@command(
    "deep",
    short_help="Learned trackers, by range of displacement",
    example="sensetrack benchmark deep -o deep-out\n"
    "sensetrack benchmark deep -o deep-out --tracker deep-lk:weights=mine.pt --tracker dis --count 50\n"
    "sensetrack benchmark deep -o deep-out --large 8000 --tracker geoflownet --device cuda",
)
@with_settings("common", Common)
@with_option(tracker_option(", ".join(TRACKERS)))
@option(
    "--count",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    section="Pairs",
    help="Samples of each range. [default: 12]",
)
@option(
    "--images",
    type=click.Path(),
    default=None,
    metavar="DIR",
    section="Pairs",
    help="Real acquisitions instead of made-up scenes: one folder per scene.",
)
@option(
    "--large",
    type=click.IntRange(min=256),
    default=None,
    metavar="PIXELS",
    section="Pairs",
    help="Measure speed and memory instead, on one pair of this side, from file to file.",
)
@option(
    "--device",
    default="auto",
    show_default=True,
    metavar="NAME",
    section="What takes part",
    help="With --large: auto, cpu or cuda[:n], for trackers that have code for it.",
)
def deep(
    common: Common, specs: tuple[str, ...], count: int | None, images: str | None, large: int | None, device: str
) -> None:
    """Run trackers on the test split of FaultDeform, whose scenes and faults no net was trained on.

    Writes deep.md and deep.csv (one row for every tracker and sample); with --large deep-large.md and deep-large.csv,
    estimates per second and memory.
    """
    found = contenders(specs or TRACKERS)
    if large is not None:
        _measure_large(common, found, large, device)
        return
    settings = StreamSettings(
        size=common.size or 256,
        seed=common.seed,
        scenes=4 if common.quick else 32,
        faults=2 if common.quick else 16,
        images=images,
    )
    target = common.target("deep", _ENDINGS)
    with progress("measuring") as bar:
        runs = run_deep(found, settings, count or (1 if common.quick else 12), bar)
    write_text(target(".md"), deep_page(runs, settings), overwrite=True)
    write_rows(target(".csv"), (asdict(run) for run in runs), overwrite=True)
    say_markdown("Mean / median end-point error, px", *deep_table(runs))
    close([f"{run.tracker}: {run.reason}" for run in runs if run.reason], [], target, _ENDINGS)


def _measure_large(common: Common, found: list[Contender], size: int, device: str) -> None:
    """Measure speed and memory on one large pair."""
    target = common.target("deep-large", _ENDINGS)
    with progress("measuring") as bar:
        runs = run_large(found, size, common.seed, device, bar)
    write_text(target(".md"), large_page(runs), overwrite=True)
    write_rows(target(".csv"), (asdict(run) for run in runs), overwrite=True)
    say_markdown(f"From file to file, {size} x {size} pixels", *large_table(runs))
    close([f"{run.tracker}: {run.reason}" for run in runs if run.reason], [], target, _ENDINGS)
