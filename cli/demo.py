"""Run the whole job on a synthetic pair with known truth, or on two images of yours."""

from __future__ import annotations

import time
from pathlib import Path

import click

from sensetrack.pipeline import Outcome, PipelineParams, Places, run_pipeline
from sensetrack.raster.image import Image
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.write import check_target
from sensetrack.report.html import report
from sensetrack.scene import KINDS, ScenePaths, write_scene

from ._command import argument, option
from ._command import command as declare
from ._console import busy, say, say_rows, stages
from ._generate import with_params
from ._options import BAND, BLOCK, NODATA, Computing, Times, with_option, with_settings
from ._outcome import say_accuracy, say_outcome


@declare(
    "demo",
    example="sensetrack demo\n"
    "sensetrack demo 2020-01-01.tif 2020-01-31.tif -o out --stable rock.gpkg\n"
    "sensetrack demo a.jpg b.jpg -o out --days 30 --pixel-size 10",
)
@argument("reference", required=False, help="The earlier image; without images a scene is made up.")
@argument("secondary", required=False, help="The later image; it need not lie on the same grid.")
@option(
    "-o",
    "--output",
    type=click.Path(),
    default="demo-out",
    show_default=True,
    metavar="DIR",
    section="Output",
    help="Folder for all results; made when it does not exist.",
)
@option("--overwrite", is_flag=True, section="Output", help="Replace results of an earlier run.")
@option(
    "--scene",
    "kind",
    type=click.Choice(list(KINDS)),
    default="glacier",
    show_default=True,
    section="Made-up scene",
    help="What is made up, where no images are given.",
)
@option(
    "--seed",
    type=click.IntRange(min=0),
    default=42,
    show_default=True,
    metavar="N",
    section="Made-up scene",
    help="Another number makes another scene.",
)
@option(
    "--size",
    type=click.IntRange(min=128),
    nargs=2,
    default=None,
    metavar="ROWS COLS",
    section="Made-up scene",
    help="Size of the images; everything in them shrinks alike. [default: about 1000 x 1000]",
)
@with_option(BAND)
@with_option(NODATA)
@option("--mask", type=click.Path(), metavar="FILE", section="Input", help="Measure only inside: raster or polygons.")
@option(
    "--stable",
    type=click.Path(),
    metavar="FILE",
    section="Input",
    help="Where nothing moves: raster or polygons; there the shift is measured and errors are calibrated.",
)
@option("--invert-stable", is_flag=True, section="Input", help="Nothing moves outside of it instead.")
@option(
    "--pixel-size",
    type=click.FloatRange(min=0, min_open=True),
    metavar="METRES",
    section="Input",
    help="Width of a pixel, for images without a CRS.",
)
@with_settings("times", Times)
@with_params(PipelineParams, "What to do", skip=("velocity",))
@with_settings("computing", Computing)
@with_option(BLOCK)
@option("--device", default="auto", show_default=True, section="Computing", help="The tracker's, as for its command.")
def command(
    reference: str | None,
    secondary: str | None,
    output: str,
    overwrite: bool,
    kind: str,
    seed: int,
    size: tuple[int, int] | None,
    band: str | None,
    nodata: float | None,
    mask: str | None,
    stable: str | None,
    invert_stable: bool,
    pixel_size: float | None,
    times: Times,
    params: PipelineParams,
    computing: Computing,
    block: int,
    device: str,
) -> None:
    """Run the whole job: coregister, track, filter, velocity, report.

    Without images it makes up a scene whose motion is known and measures its own error. With two images of yours it
    does the same job on them. The stages are commands of their own, for when you know what you want.
    """
    if (reference is None) != (secondary is None):
        raise click.UsageError("give both images, or none for a made-up scene")
    if invert_stable and stable is None:
        raise click.UsageError("--invert-stable needs --stable FILE")
    for path in (reference, secondary):  # before a folder is made that would stay empty
        if path is not None:
            Image.open(path, band=band, nodata=nodata)
    area = None if mask is None else AreaMask.open(mask)
    ground = None if stable is None else AreaMask.open(stable, inverse=invert_stable)
    places = Places(Path(output))
    places.check(overwrite=overwrite)
    page = places.folder / "report.html"
    check_target(page, overwrite=overwrite)
    if pixel_size is not None:
        params = params.with_changes(velocity=params.velocity.with_changes(pixel_size=pixel_size))
    scene = None
    if reference is None or secondary is None:
        scene = _make_scene(output, kind, seed, size, times, overwrite)
        reference, secondary = str(scene.reference), str(scene.secondary)
        if ground is None and scene.stable:
            ground = AreaMask.open(str(scene.stable))
    with computing.open() as engine, stages() as bars:
        outcome = run_pipeline(
            reference,
            secondary,
            output,
            params,
            mask=area,
            stable=ground,
            band=band,
            nodata=nodata,
            days=times.days,
            dates=times.dates,
            engine=engine,
            device=device,
            block=block,
            progress=bars,
            overwrite=overwrite,
        )
    say_outcome(outcome)
    if scene is not None:
        say_accuracy(outcome, scene, kind)
    _write_report(outcome, page, ground, overwrite)


def _make_scene(
    output: str, kind: str, seed: int, size: tuple[int, int] | None, times: Times, overwrite: bool
) -> ScenePaths:
    if times.dates is not None:
        raise click.UsageError("--dates are for images of yours; a made-up scene has its own")
    start = time.perf_counter()
    with busy(f"making up a scene: {kind}"):
        scene = write_scene(output, kind=kind, seed=seed, shape=size, days=times.days, overwrite=overwrite)
    rows, cols = LayerFile.open(scene.truth).grid.shape
    say(f"A made-up {kind}, seed {seed}, {rows} x {cols} pixels ({time.perf_counter() - start:.1f} s)")
    say_rows([("reference", str(scene.reference)), ("secondary", str(scene.secondary))])
    return scene


def _write_report(outcome: Outcome, page: Path, stable: AreaMask | None, overwrite: bool) -> None:
    start = time.perf_counter()
    with busy("writing the report"):
        report(page.parent, page, stable=stable, overwrite=overwrite)
    say()
    say(f"report      {time.perf_counter() - start:.1f} s")
    say()
    say(f"Everything is in {page.parent}; open {page} in a browser, and try:")
    say(f"  sensetrack plot {outcome.places.velocity if outcome.velocity else outcome.result} -o map.png")
    rows, cols = LayerFile.open(outcome.result).grid.shape
    say(f"  sensetrack explain {outcome.result} {cols // 2} {rows // 2} -o why.png")
