"""The command `train cnn`: the network of the tracker cnn, in mode shared."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from pathlib import Path

import click
import numpy as np

from sensetrack import device as devices
from sensetrack.nets.extra import need_torch
from sensetrack.raster.image import Image
from sensetrack.raster.write import check_target, refuse_same_file
from sensetrack.types import FloatArray

from ._command import Command, argument, option
from ._console import progress, say, say_rows
from ._options import BAND, Target, with_option, with_settings

KEPT = 0.98
"""Share of an image that must be valid to be trained on; the holes are filled with its mean."""


@click.command(
    "cnn",
    cls=Command,
    short_help="The network of the tracker cnn, for a sensor or for one pair",
    example="sensetrack train cnn -o weights.npz\n"
    "sensetrack train cnn 2020-01-01.tif 2020-01-31.tif -o pair.npz --steps 200\n"
    "sensetrack cnn 2020-01-01.tif 2020-01-31.tif -o d.tif --weights pair.npz",
)
@argument("images", nargs=-1, help="Images to learn from, besides made-up ground: of a sensor, or the pair itself.")
@with_settings("target", Target)
@with_option(BAND)
@option("--steps", type=click.IntRange(min=1), default=1000, show_default=True, metavar="N", help="Batches of 8 pairs.")
@option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", help="Of all chance.")
@option(
    "--start",
    type=click.Path(),
    metavar="FILE",
    help="Weights to go on from. [default: those included where there are images, else none]",
)
@option("--anew", is_flag=True, help="Begin from nothing also where there are images.")
@option(
    "--device",
    default="auto",
    show_default=True,
    section="Computing",
    help="auto, cpu or cuda (cuda:N for one of several).",
)
@option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    section="Computing",
    help="CPU threads; the same weights need the same number. [default: one per core]",
)
def cnn(
    images: tuple[str, ...],
    target: Target,
    band: str | None,
    steps: int,
    seed: int,
    start: str | None,
    anew: bool,
    device: str,
    threads: int | None,
) -> None:
    """Train the network of the tracker cnn, in mode shared, and calibrate its probabilities.

    Pairs are made up: ground moved by known displacements, under another sun, in fresh speckle, changed in parts. With
    images, seven of ten pairs show parts of these, moved and changed alike; nothing needs to be known of their motion.
    Weights for a pair take minutes that way, those for all take 1000 steps or more from nothing.

    Beside the weights comes a .json: how they were made and what they reach on pairs that were not seen. A run that was
    stopped goes on when the same command is given again.
    """
    if anew and start is not None:
        raise click.UsageError("give --anew or --start, not both")
    need_torch("sensetrack train cnn")
    target.check((".npz",), [*images, start])
    note = Path(target.output).with_suffix(".json")
    refuse_same_file(note, [*images, start])
    check_target(note, overwrite=target.overwrite)
    from sensetrack.nets.embedding import SHIPPED
    from sensetrack.nets.train_run import Plan, train_file

    first = start if start is not None or anew or not images else SHIPPED
    plan = Plan(
        steps=steps,
        seed=seed,
        device=devices.resolve(device, ("cpu", "cuda")),
        images=[_pixels(path, band) for path in images],
        start=first,
        command=shlex.join(_command_line(images, target, steps, seed, start, anew, threads)),
    )
    with devices.core_share(threads) if threads else nullcontext(), progress("training") as bar:
        found = train_file(
            target.output, plan, None if bar is None else lambda reached: bar(reached.step, reached.steps)
        )
    say(f"{target.output}: {steps} steps, {found['hours']} h")
    say_rows([(name, str(value)) for name, value in dict(found["scores"]).items()])  # type: ignore[call-overload]


def _command_line(
    images: tuple[str, ...],
    target: Target,
    steps: int,
    seed: int,
    start: str | None,
    anew: bool,
    threads: int | None,
) -> list[str]:
    """Return the command for the note, with the names of files and not their folders."""
    words = ["sensetrack", "train", "cnn", *(Path(path).name for path in images), "-o", Path(target.output).name]
    words += ["--steps", str(steps), "--seed", str(seed)]
    words += [] if start is None else ["--start", Path(start).name]
    words += ["--anew"] if anew else []
    return [*words, *([] if threads is None else ["--threads", str(threads)])]


def _pixels(path: str, band: str | None) -> FloatArray:
    """Read an image without holes, of an even amplitude."""
    from sensetrack.errors import InputError

    pixels, valid = Image.open(path, band=band).read()
    if valid.mean() < KEPT:
        raise InputError(
            f"{path}: {100 * valid.mean():.0f} % of its pixels are valid, {100 * KEPT:.0f} % are needed to train on "
            "it; crop it to what is valid"
        )
    level = np.abs(pixels).astype(np.float32) if np.iscomplexobj(pixels) else pixels.astype(np.float32)
    return np.where(valid, level, level[valid].mean()).astype(np.float32)
