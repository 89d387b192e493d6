"""The sub-command of `sensetrack train` that shows and exports made-up pairs."""

from __future__ import annotations

from pathlib import Path

import click

from sensetrack.nets.faultdeform.stream import SPLITS, Split, Stream, StreamSettings
from sensetrack.raster.write import check_target

from ._command import Command, option
from ._console import progress, say
from ._generate import with_params

MOST_DRAWN = 16
"""Samples on the contact sheet."""


@click.command(
    "faultdeform-data",
    cls=Command,
    short_help="Look at the made-up pairs, or export them",
    example="sensetrack train faultdeform-data -o samples --count 8\n"
    "sensetrack train faultdeform-data -o samples --split test --count 2000 --npz --images acquisitions",
)
@with_params(StreamSettings, "Samples")
@option(
    "--split", type=click.Choice(SPLITS), default="train", show_default=True, section="Samples", help="Which samples."
)
@option(
    "--start", type=click.IntRange(min=0), default=0, show_default=True, metavar="N", section="Samples", help="First."
)
@option(
    "--count",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    metavar="N",
    section="Samples",
    help="How many.",
)
@option(
    "-o", "--output", required=True, type=click.Path(), metavar="DIR", section="Output", help="Folder; made if absent."
)
@option("--npz", is_flag=True, section="Output", help="Write every sample as a NumPy archive beside the picture.")
@option("--overwrite", is_flag=True, section="Output", help="Replace files that exist.")
def faultdeform_data(
    params: StreamSettings, split: Split, start: int, count: int, output: str, npz: bool, overwrite: bool
) -> None:
    """Make pairs of images whose displacement is known: ground moved by rough faults, as satellites would see it.

    Writes samples.png, a contact sheet of the first of them, and with --npz one archive each. A sample follows from the
    seed, the split and its number alone; training makes its own as it goes, and needs none of these files.
    """
    from sensetrack.nets.faultdeform.export import draw_sheet, write_npz

    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    sheet = folder / "samples.png"
    names = [folder / f"{split}-{number:06d}.npz" for number in range(start, start + count)]
    for path in (sheet, *(names if npz else [])):
        check_target(path, overwrite=overwrite)
    stream, drawn = Stream(params, split), []
    with progress("making samples") as report:
        for done, path in enumerate(names):
            sample = stream(start + done)
            if npz:
                write_npz(sample, path, overwrite=overwrite)
            if done < MOST_DRAWN:
                drawn.append(sample)
            if report is not None:
                report(done + 1, count)
    draw_sheet(drawn, sheet, overwrite=overwrite)
    say(f"{sheet}: {len(drawn)} of {count} samples" + (f", and {count} archives" if npz else ""))
