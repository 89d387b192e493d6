"""The benchmarks beside other packages: accuracy and speed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from sensetrack.benchmark.accuracy import IN_ALL_PRESETS, PLAN, QUICK, Results, run_accuracy, study_of
from sensetrack.benchmark.accuracy_page import accuracy_page, field_table
from sensetrack.benchmark.accuracy_picture import draw_accuracy
from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.measure import Contender, contenders
from sensetrack.benchmark.peers import PEERS, peers
from sensetrack.benchmark.setting import setting
from sensetrack.benchmark.speed import run_speed
from sensetrack.benchmark.speed_page import (
    draw_error_and_speed,
    draw_speed,
    speed_page,
    speed_rows,
    speed_table,
    typical_errors,
)
from sensetrack.benchmark.table import write_csv, write_rows, write_text
from sensetrack.benchmark.textures import HELD_OUT, TEXTURES
from sensetrack.benchmark.truths import FIELDS
from sensetrack.errors import InputError

from ._benchmark import Common, Target, close, say_markdown, several, tracker_option
from ._command import command, option
from ._console import progress, say
from ._options import with_option, with_settings

_STUDIES = ("-phase", "-reliability", "-step")
_ACCURACY = (".md", ".csv", ".png", *(f"{study}{suffix}" for suffix in (".csv", ".png") for study in _STUDIES))
_SPEED = (".md", ".csv", ".png")

_EVERY = "every one that is registered, adaptive-lk with each of its presets"

_peer = option(
    "--peer",
    "chosen",
    multiple=True,
    type=click.Choice(list(PEERS)),
    metavar="NAME",
    section="What takes part",
    help=f"Function of another package; repeat for several; there are {', '.join(PEERS)}. [default: all]",
)
_no_peers = option("--no-peers", is_flag=True, section="What takes part", help="Leave other packages out.")


@command(
    "accuracy",
    short_help="Errors beside other packages",
    example="sensetrack benchmark accuracy -o benchmark-out\n"
    "sensetrack benchmark accuracy -o quick-out --quick --tracker dis --peer opencv-dis\n"
    "sensetrack benchmark accuracy -o mine-out --image reference.tif --no-peers",
)
@with_settings("common", Common)
@with_option(tracker_option(_EVERY))
@_peer
@_no_peers
@with_option(several("field", list(FIELDS), PLAN.fields, "Displacement"))
@with_option(several("condition", list(CONDITIONS), PLAN.conditions, "What differs between the images beside it"))
@with_option(several("texture", [*TEXTURES, *HELD_OUT], PLAN.textures, "Ground"))
@option(
    "--image",
    "images",
    multiple=True,
    type=click.Path(),
    metavar="FILE",
    section="Pairs",
    help="Image of yours whose middle is the ground; repeat for several. Alone, it stands for all other ground.",
)
def accuracy(
    common: Common,
    specs: tuple[str, ...],
    chosen: tuple[str, ...],
    no_peers: bool,
    field: tuple[str, ...],
    condition: tuple[str, ...],
    texture: tuple[str, ...],
    images: tuple[str, ...],
) -> None:
    """Measure the errors of trackers and of functions of other packages on pairs whose displacement is known.

    Writes accuracy.md, accuracy.csv (one row for every run) and pictures: errors by field and texture, error against
    sub-pixel phase, how true stated errors are, the response to a sharp fault; the last three as CSV, too. Textures
    and seeds on which nothing is tuned are reported apart.
    """
    for file in images:
        if not Path(file).is_file():
            raise InputError(f"{file}: no such image")
    plan = common.plan(PLAN, QUICK, fields=field, conditions=condition, textures=texture)
    for name in plan.fields:
        FIELDS[name].check(plan.size)
    study = study_of(plan, quick=common.quick, images=images, chosen=bool(texture), others=not images or bool(texture))
    found = _contenders(specs, chosen, no_peers)
    target = common.target("accuracy", _ACCURACY)
    with progress("measuring") as bar:
        results = run_accuracy(found, study, bar)
    write_text(target(".md"), accuracy_page(results, study), overwrite=True)
    write_csv(target(".csv"), results.runs, extra=setting(), overwrite=True)
    _write_studies(results, target)
    draw_accuracy(results, study, target, overwrite=True)
    for kind in study.groups:
        runs = [run for run in results.runs if run.kind == kind]
        say_markdown(f"Mean error, px ({kind})", *field_table(runs, plan.fields))
    close([f"{run.tracker}: {run.reason}" for run in results.runs if run.reason], [], target, _ACCURACY)


@command(
    "speed",
    short_help="Estimates per second beside other packages",
    example="sensetrack benchmark speed -o benchmark-out\n"
    "sensetrack benchmark speed -o dis-out --tracker dis --tracker dis:preset=fast --rounds 9",
)
@with_settings("common", Common)
@with_option(tracker_option(_EVERY))
@_peer
@_no_peers
@option(
    "--rounds",
    type=click.IntRange(min=1),
    metavar="N",
    section="Timing",
    help="Times that everything is run, one after the other. [default: 5, or 2 with --quick]",
)
@option(
    "--device",
    default="cpu",
    show_default=True,
    section="Timing",
    help="auto, cpu, cuda or cuda:N: an accelerator on which trackers that have code for it run in addition.",
)
@option(
    "--start/--no-start",
    "starts",
    default=True,
    section="Timing",
    help="Whether to run each in processes of its own, for the time to a first result and for memory. [default: start]",
)
def speed(
    common: Common,
    specs: tuple[str, ...],
    chosen: tuple[str, ...],
    no_peers: bool,
    rounds: int | None,
    device: str,
    starts: bool,
) -> None:
    """Time trackers and functions of other packages side by side, with one thread and with all.

    Writes speed.md, speed.csv and speed.png and, where an accuracy.csv lies in the same folder, speed-error.png.
    Whatever else the machine does shows in the figures: leave it alone meanwhile. Ratios suffer least.
    """
    size = common.size or (256 if common.quick else 1024)
    rounds = rounds or (2 if common.quick else 5)
    found = _contenders(specs, chosen, no_peers)
    target = common.target("speed", _SPEED)
    with progress("timing") as bar:
        speeds = run_speed(
            found, size=size, seed=common.seed, rounds=rounds, device=device, starts=starts, progress=bar
        )
    write_text(target(".md"), speed_page(speeds, size, rounds), overwrite=True)
    write_rows(target(".csv"), speed_rows(speeds, size, rounds), overwrite=True)
    draw_speed(speeds, target(".png"), size, overwrite=True)
    say_markdown("Estimates per second", *speed_table(speeds))
    close([f"{item.tracker}: {item.reason}" for item in speeds if item.reason], [], target, _SPEED)
    errors = target(".csv").with_name("accuracy.csv")
    if errors.is_file():
        draw_error_and_speed(speeds, typical_errors(errors), target("-error.png"), overwrite=True)
        say(str(target("-error.png")))
    else:
        say(f"{target('-error.png')}: not drawn; needs the accuracy.csv of sensetrack benchmark accuracy beside it")


def _contenders(specs: tuple[str, ...], chosen: tuple[str, ...], no_peers: bool) -> list[Contender]:
    """Return who takes part, each once."""
    if chosen and no_peers:
        raise click.UsageError("--peer and --no-peers contradict each other; leave one of them out")
    found = contenders(specs, presets_of=IN_ALL_PRESETS) + ([] if no_peers else peers(chosen))
    return list({contender.name: contender for contender in found}.values())


def _write_studies(results: Results, target: Target) -> None:
    """Write what the pictures of the studies show."""
    write_rows(target("-phase.csv"), [asdict(phase) for phase in results.phases], overwrite=True)
    write_rows(target("-reliability.csv"), [asdict(decile) for decile in results.deciles], overwrite=True)
    profiles = [
        {"tracker": step.tracker, "located": step.located, "rise": step.width, "distance": at, "slip": value}
        for step in results.steps
        for at, value in zip(step.distance.tolist(), step.profile.tolist(), strict=True)
    ]
    write_rows(target("-step.csv"), profiles, overwrite=True)
