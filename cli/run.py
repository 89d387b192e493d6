"""Run a monitoring project: from a folder of scenes to velocities, a time series and a report."""

from __future__ import annotations

import click

from sensetrack.project.plan import Plan
from sensetrack.project.run import Outcome, Project

from ._command import argument, option
from ._command import command as declare
from ._console import busy, say, say_rows, stages
from ._errors import FAILED
from ._options import Computing, with_settings


@declare(
    "run",
    example="sensetrack init project.yaml\nsensetrack run project.yaml --plan\n"
    "sensetrack run project.yaml --workers 4\nsensetrack run project.yaml --scheduler tcp://host:8786",
)
@argument("project", help="Project file; 'sensetrack init' writes one.")
@option("--plan", "only_plan", is_flag=True, section="Output", help="Say what would be done, and do nothing.")
@option(
    "--prune", is_flag=True, section="Output", help="Remove what earlier runs left for other inputs, settings or code."
)
@with_settings("computing", Computing)
def command(project: str, only_plan: bool, prune: bool, computing: Computing) -> None:
    """Run a monitoring project: from a folder of scenes to velocities, a time series and a report.

    What is done already for the same inputs, settings and code is kept, so a run that was stopped goes on where it was,
    and a new scene costs its own pairs only. A scene or pair that fails stops no other; it is listed with its reason,
    and the exit status is 1.
    """
    found = Project(project)
    with computing.open() as engine:
        if only_plan:
            with busy("looking"):
                plan = found.plan(engine, dry=True)
                seconds = plan.seconds(engine)
            _say_plan(plan, seconds)
            if plan.failures:
                raise click.exceptions.Exit(FAILED)
            return
        with stages() as report:
            outcome = found.run(engine, report, prune=prune)
    _say_outcome(outcome)
    if not outcome.complete:
        raise click.exceptions.Exit(FAILED)


def _say_plan(plan: Plan, seconds: float | None) -> None:
    first, last = plan.scenes[0].epoch.date, plan.scenes[-1].epoch.date
    waiting = plan.waiting
    say_rows(
        [
            ("grid", f"{plan.grid.height} rows x {plan.grid.width} columns"),
            ("scenes", f"{len(plan.scenes)}, {first:%Y-%m-%d} to {last:%Y-%m-%d}"),
            ("pairs", f"{len(plan.jobs)}, {len(waiting)} of them to be measured"),
            ("bytes", f"up to {_size(plan.bytes())}"),
            ("time", "unknown" if seconds is None else f"about {_duration(seconds)}"),
        ]
    )
    for job in plan.jobs:
        steps = job.waiting()
        say_rows([(job.label, f"{job.days:g} d  {job.params.tracker}  {', '.join(steps) if steps else 'done'}")])
    for failure in plan.failures:
        click.echo(f"Error: {failure.what}: {failure.reason}", err=True)


def _say_outcome(outcome: Outcome) -> None:
    made = sum(bool(pair.made) for pair in outcome.pairs)
    say_rows(
        [
            ("scenes", str(len(outcome.plan.scenes))),
            ("pairs", f"{len(outcome.pairs)}: {made} measured now, {len(outcome.failed)} failed"),
            ("results", str(outcome.results)),
        ]
    )
    for path in (outcome.series and outcome.results / "series.nc", outcome.report):
        if path is not None:
            say(str(path))
    for pair in outcome.failed:
        click.echo(f"Error: {pair.name}: {pair.step}: {pair.reason}", err=True)
    for failure in outcome.failures:
        click.echo(f"Error: {failure.what}: {failure.reason}", err=True)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _duration(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{max(1, round(seconds))} s"
