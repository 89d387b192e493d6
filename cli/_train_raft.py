"""The sub-commands of `sensetrack train` for RAFT: tiles of real pairs, and training on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import click
import numpy as np

from sensetrack.nets.extra import need_torch
from sensetrack.nets.raft_tiles import SIDE, Tile, tile_blocks, tile_name, tiles_in, write_tile
from sensetrack.nets.settings import RaftTraining
from sensetrack.pair import ImagePair
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.tiles import Block
from sensetrack.stream import track_file
from sensetrack.trackers.horn_schunck import HornSchunck
from sensetrack.trackers.raft import evened
from sensetrack.types import FloatArray, Mask, PixelArray

from ._command import Command, Option, argument, option
from ._console import progress, say
from ._generate import with_params
from ._options import Settings, with_settings
from ._train_flow import CHECKPOINT, OUTPUT, command_line, report, targets

LABELS = HornSchunck(guide=0, smoothness=8.0, median=9)
"""Plain Horn & Schunck on several levels, with a median of 9 x 9."""


@click.command(
    "raft-tiles",
    cls=Command,
    short_help="Labelled tiles of a real pair, for RAFT",
    example="sensetrack train raft-tiles 2021-08-01.tif 2022-08-06.tif -o tiles --outlines rgi.gpkg\n"
    "sensetrack train raft --tiles tiles --held-out tiles-2020 --checkpoint raft.ckpt -o raft.pt",
)
@argument("reference", help="The earlier image.")
@argument("secondary", help="The later image, on the same grid.")
@option(
    "--outlines",
    type=click.Path(),
    metavar="FILE",
    section="Tiles",
    help="Glaciers: polygons or a raster. [default: everywhere]",
)
@option("--band", metavar="BAND", section="Tiles", help="Band of both images, by number or name. [default: the first]")
@option(
    "--side",
    type=click.IntRange(min=64),
    default=SIDE,
    show_default=True,
    metavar="PIXELS",
    section="Tiles",
    help="Of a tile.",
)
@option(
    "--stride",
    type=click.IntRange(min=8),
    default=SIDE // 2,
    show_default=True,
    metavar="PIXELS",
    section="Tiles",
    help="From one tile to the next.",
)
@option(
    "--least",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    metavar="SHARE",
    section="Tiles",
    help="Share of a tile that must be inside.",
)
@option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    metavar="DIR",
    section="Output",
    help="Folder for the tiles; made if absent. Those of several pairs may share it.",
)
def raft_tiles(
    reference: str,
    secondary: str,
    outlines: str | None,
    band: str | None,
    side: int,
    stride: int,
    least: float,
    output: str,
) -> None:
    """Cut a pair into overlapping tiles, labelled by horn-schunck with a 9 x 9 median, as the glacier paper does.

    Where images are invalid, or outside the outlines, nothing is learned. Sobel filter and rotations come in training.
    """
    pair = ImagePair.open(reference, secondary, band=band)
    mask = None if outlines is None else AreaMask.open(outlines)
    blocks = list(tile_blocks(pair.grid.shape, side, stride))
    folder, count = Path(output), 0
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{Path(reference).stem}_{Path(secondary).stem}"
    with TemporaryDirectory(dir=folder) as scratch:
        labels = Path(scratch) / "labels.tif"
        with progress("labelling") as bar:
            track_file(pair, LABELS, labels, mask=mask, progress=bar)
        field = LayerFile.open(labels)
        for block in blocks:
            tile = _tile(pair, field, block)
            if tile.inside.mean() >= least:
                write_tile(tile, folder / tile_name(name, block))
                count += 1
    say(f"{folder}: {count} tiles of {side} x {side} pixels")


def _tile(pair: ImagePair, field: LayerFile, block: Block) -> Tile:
    """Read a tile and its labels, which are flagged outside the outlines."""
    first, second, first_valid, second_valid = pair.read(block)
    layers = field.read(block, ("dx", "dy", "flags"))
    inside = (layers["flags"] == 0) & first_valid & second_valid
    flow = np.nan_to_num(layers["dx"]), np.nan_to_num(layers["dy"])
    return Tile(_real(first, first_valid), _real(second, second_valid), *flow, inside)


def _real(image: PixelArray, valid: Mask) -> FloatArray:
    """Return pixels, of complex ones their amplitude, 0 where invalid."""
    return np.where(valid, np.abs(image) if np.iscomplexobj(image) else image, 0).astype(np.float32)


@dataclass(frozen=True)
class _Tiles(Settings):
    """Folders of tiles."""

    tiles: tuple[str, ...]
    held_out: tuple[str, ...]

    options: ClassVar[Sequence[click.Parameter]] = (
        Option(
            ["--tiles"],
            multiple=True,
            required=True,
            type=click.Path(),
            metavar="DIR",
            section="Tiles",
            help="Folder of tiles to train on; repeat for several.",
        ),
        Option(
            ["--held-out"],
            multiple=True,
            type=click.Path(),
            metavar="DIR",
            section="Tiles",
            help="Folder of tiles of other dates to score with; repeat for several.",
        ),
    )

    def files(self) -> tuple[list[Path], list[Path]]:
        """Return all tiles to train on, and to score with."""
        chosen = [
            [path for folder in folders for path in tiles_in(Path(folder))] for folders in (self.tiles, self.held_out)
        ]
        return chosen[0], chosen[1]


@click.command(
    "raft",
    cls=Command,
    short_help="RAFT, small or full, on labelled tiles",
    example="sensetrack train raft --tiles tiles --held-out tiles-2020 --checkpoint raft.ckpt -o raft.pt\n"
    "sensetrack train raft --small --tiles tiles --checkpoint small.ckpt --minutes 30",
)
@with_settings("data", _Tiles)
@with_params(RaftTraining, "Training")
@CHECKPOINT
@OUTPUT
def raft(params: RaftTraining, data: _Tiles, checkpoint: str, output: str | None) -> None:
    """Train RAFT (Teed & Deng 2020) on the tiles of `sensetrack train raft-tiles`, turned and mirrored at random.

    At the end it says how far the net is from the labels of the tiles held out, for every pair: root mean square and
    mean in pixels, and what a net that always says zero would get. The run ends after --minutes; the same command goes
    on from its checkpoint.
    """
    need_torch("sensetrack train")
    from sensetrack.nets.raft_training import train_raft

    files = data.files()
    report(train_raft(params, *files, *targets(checkpoint, output), command_line(), evened, say))
