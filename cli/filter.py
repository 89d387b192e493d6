"""Flag outliers of a displacement file, and smooth, fill or drop if asked."""

from __future__ import annotations

import time

import click

from sensetrack.filter_stream import filter_file
from sensetrack.filters import Filter, registry
from sensetrack.info import FieldSummary
from sensetrack.pipeline import DEFAULT_FILTERS
from sensetrack.raster.layers import SUFFIXES
from sensetrack.raster.mask import AreaMask
from sensetrack.repair import LARGEST_GAP
from sensetrack.specs import filter_of

from ._command import argument, option
from ._command import command as declare
from ._console import percent, progress, say, say_rows
from ._options import BLOCK, Computing, Target, with_option, with_settings
from ._plugins import parameter_notes
from ._types import text_of


@declare(
    "filter",
    example="sensetrack filter displacement.tif -o filtered.tif\n"
    "sensetrack filter d.tif -o f.tif --filter quality:minimum=0.4 --filter median-test:threshold=3,window=7",
    notes=lambda: parameter_notes(registry, "--filter"),
)
@argument("file", help="A displacement file, .tif or .nc.")
@with_settings("target", Target)
@option(
    "--filter",
    "specs",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    section="What to do",
    help="Judge by this filter; repeat for several, of which each must be passed. 'none' for no filter. "
    f"[default: {' '.join(DEFAULT_FILTERS)}]",
)
@option(
    "--passes",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    metavar="N",
    section="What to do",
    help="How often the filters judge; each time without what they have flagged before.",
)
@option("--mask", type=click.Path(), metavar="FILE", section="What to do", help="Flag all outside, before filtering.")
@option("--invert-mask", is_flag=True, section="What to do", help="Flag all inside the mask instead.")
@option(
    "--smooth",
    type=int,
    metavar="N",
    section="What to do",
    help="Then replace dx and dy by their median over N x N pixels of the field (odd).",
)
@option(
    "--fill",
    type=float,
    metavar="N",
    section="What to do",
    help=f"Then fill gaps up to N pixels of the field from the nearest value (at most {LARGEST_GAP}); "
    "filled pixels carry the flag 'filled'.",
)
@option("--drop", is_flag=True, section="What to do", help="At last replace flagged values by NaN.")
@with_settings("computing", Computing)
@with_option(BLOCK)
def command(
    file: str,
    target: Target,
    specs: tuple[str, ...],
    passes: int,
    mask: str | None,
    invert_mask: bool,
    smooth: int | None,
    fill: float | None,
    drop: bool,
    computing: Computing,
    block: int,
) -> None:
    """Flag outliers of a displacement file, and smooth, fill or drop if asked.

    Filters only raise flags: values stay in the file until --drop, so that another choice costs nothing. The steps
    run in this order: mask, filters, smooth, fill, drop.
    """
    if invert_mask and mask is None:
        raise click.UsageError("--invert-mask needs --mask FILE")
    target.check(SUFFIXES, [file, mask])
    filters = _filters(specs)
    before = FieldSummary.of_file(file)
    start = time.perf_counter()
    with computing.open() as engine, progress("filtering") as bar:
        counts = filter_file(
            file,
            target.output,
            filters,
            mask=None if mask is None else AreaMask.open(mask, inverse=invert_mask),
            smooth=smooth,
            fill=fill,
            passes=passes,
            drop=drop,
            engine=engine,
            block=block,
            progress=bar,
            overwrite=target.overwrite,
        )
    after = FieldSummary.of_counts(before.shape, counts)
    say(f"{target.output}: {time.perf_counter() - start:.1f} s")
    for each in filters:
        values = ", ".join(f"{key} {text_of(value)}" for key, value in each.model_dump().items())
        say(f"  filter {registry.name_of(type(each))}: {values}")
    _say_change(before, after)


def _filters(specs: tuple[str, ...]) -> list[Filter]:
    if "none" in specs:
        if len(specs) > 1:
            raise click.UsageError("--filter none stands alone")
        return []
    return [filter_of(text) for text in specs or DEFAULT_FILTERS]


def _say_change(before: FieldSummary, after: FieldSummary) -> None:
    old, new = before.shares(), after.shares()
    rows = []
    for name in {**old, **new}:
        was, now = percent(old.get(name, 0.0)), percent(new.get(name, 0.0))
        rows.append((name, now if was == now else f"{now} (before {was})"))
    say_rows(rows)
