"""The sub-commands of `sensetrack train` for dense displacement."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sensetrack.errors import OutputError
from sensetrack.nets.extra import need_torch
from sensetrack.nets.settings import DeepLkTraining, GeoFlowTraining
from sensetrack.raster.write import check_target

from ._command import Command, option
from ._console import say
from ._generate import with_params

if TYPE_CHECKING:
    from sensetrack.nets.training import Trained

CHECKPOINT = option(
    "--checkpoint",
    required=True,
    type=click.Path(),
    metavar="FILE",
    section="Files",
    help="Where the training stands; if it exists, the run goes on from it.",
)
"""Option of all sub-commands that train."""

OUTPUT = option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    section="Files",
    help="Weights to write at the end of the run, a .pt file; replaced if it exists. [default: none]",
)
"""Option of all sub-commands that train."""


def targets(checkpoint: str, output: str | None) -> tuple[Path, Path | None]:
    """Return both paths, checked before the work."""
    check_target(checkpoint)
    if output is None:
        return Path(checkpoint), None
    if Path(output).suffix != ".pt":
        raise OutputError(f"{output}: weights are written as .pt; name such a file")
    check_target(output)
    return Path(checkpoint), Path(output)


def report(result: Trained) -> None:
    """Say what a run has come to."""
    say(f"{result.step} steps, {result.samples} samples in {result.hours:.2f} hours on {result.device}")


def command_line() -> str:
    """Return the running command as it was typed."""
    return " ".join(["sensetrack", *sys.argv[1:]])


@click.command(
    "deep-lk",
    cls=Command,
    short_help="The net of deep-lk, on made-up pairs",
    example="sensetrack train deep-lk --minutes 30 --checkpoint deep-lk.ckpt -o deep-lk.pt\n"
    "sensetrack deep-lk A.tif B.tif -o D.tif --weights deep-lk.pt",
)
@with_params(DeepLkTraining, "Training")
@CHECKPOINT
@OUTPUT
def deep_lk(params: DeepLkTraining, checkpoint: str, output: str | None) -> None:
    """Train the net of deep-lk on made-up pairs whose displacement is known.

    The run ends after --minutes; the same command goes on from its checkpoint. Losses stand in a .csv beside it. The
    weights are written at the end of every run, with a .json beside them: command, device, hours and scores.
    """
    need_torch("sensetrack train")
    from sensetrack.nets.deep_lk_training import train_deep_lk

    report(train_deep_lk(params, *targets(checkpoint, output), command_line(), say))


@click.command(
    "geoflownet",
    cls=Command,
    short_help="GeoFlowNet-A or -B, on made-up pairs",
    example="sensetrack train geoflownet --variant A --minutes 570 --checkpoint a.ckpt -o a.pt\n"
    "sensetrack train geoflownet --variant B --width 0.25 --batch 8 --checkpoint b.ckpt -o b.pt",
)
@with_params(GeoFlowTraining, "Training")
@CHECKPOINT
@OUTPUT
def geoflownet(params: GeoFlowTraining, checkpoint: str, output: str | None) -> None:
    """Train GeoFlowNet on made-up pairs, as its paper does on its own.

    The run ends after --minutes; the same command goes on from its checkpoint. Losses stand in a .csv beside it. The
    weights are written at the end of every run, with a .json beside them: command, device, hours and scores.
    """
    need_torch("sensetrack train")
    from sensetrack.nets.geoflow_training import train_geoflow

    report(train_geoflow(params, *targets(checkpoint, output), command_line(), say))
