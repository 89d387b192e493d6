"""The command of one tracker, generated from its parameters."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import click

from sensetrack.displacement import Flag
from sensetrack.info import FieldSummary
from sensetrack.prior import PriorMap
from sensetrack.raster.layers import SUFFIXES, TABLES
from sensetrack.report.words import FLAG_WORDS
from sensetrack.specs import image_filters_of
from sensetrack.stream import track_file
from sensetrack.trackers import Tracker, registry

from ._calibrate import Calibrating, say_scale
from ._command import Argument, Command, Option
from ._console import progress, say, say_field
from ._generate import ParamsOptions, dumped
from ._options import BLOCK, Area, Computing, PairInput, Target, flags_of


def tracker_command(name: str) -> click.Command:
    """Generate the command of a registered tracker."""
    cls = registry.get(name)
    common = [*Target.options, *PairInput.options, *Area.options, *Computing.options, BLOCK, _device(cls), _prior(cls)]
    common += Calibrating.options
    made = ParamsOptions(cls, f"Parameters of {name}", reserved=flags_of(common))
    return Command(
        name,
        params=[
            Argument(["reference"], help="The earlier image: any raster that GDAL opens, or its URL."),
            Argument(["secondary"], help="The later image, on the same grid (or with --coregister)."),
            *Target.options,
            *made.options,
            *common[len(Target.options) :],
        ],
        callback=partial(_run, made),
        short_help=registry.summary(name),
        help=f"{registry.summary(name)}.\n\n{_prose(cls)}{OUTPUTS}",
        example=f"sensetrack {name} 2020-01-01.tif 2020-01-31.tif -o displacement.tif",
    )


OUTPUTS = (
    "The output's suffix chooses its format: .tif, .nc, .csv, .parquet or .gpkg; all are streamed, for images of any "
    "size. "
    "Displacements are in pixels of the reference, dx to the right and dy down; every empty pixel carries a flag "
    "that says why."
)


def _device(cls: type[Tracker]) -> Option:
    return Option(
        ["--device"],
        default="auto",
        show_default=True,
        section="Computing",
        help=f"auto, or one of {', '.join(cls.devices)} (cuda:N for one of several).",
    )


def _prior(cls: type[Tracker]) -> Option:
    return Option(
        ["--prior"],
        type=click.Path(),
        metavar="FILE",
        section="Input",
        hidden=not cls.takes_prior,
        help="Search around what this file expects: a displacement file, a velocity file (ours, ITS_LIVE, or bands vx "
        "and vy in m/yr), or bands dx and dy in pixels; in any CRS.",
    )


def _prose(cls: type[Tracker]) -> str:
    """Return what the docstring of a tracker's module, or else of its class, says after its first line."""
    module = inspect.getmodule(cls)
    for text in (module.__doc__ if module else None, cls.__doc__):
        body = re.split(r"\n[A-Z][A-Za-z ]*\n-{3,}", inspect.cleandoc(text or ""))[0].partition("\n\n")[2]
        if body.strip():
            return body.replace("``", "`").strip() + "\n\n"
    return ""


def _run(made: ParamsOptions[Tracker], **values: Any) -> None:
    """Measure one pair and say what came out."""
    tracker = made.build(values, beside=("preprocess",))
    if dumped(tracker, {"preprocess": ("Image filters that both images pass through before.", _chain(values))}):
        return
    target = Target.take(values)
    inputs, area, computing = PairInput.take(values), Area.take(values), Computing.take(values)
    calibrating = Calibrating.take(values)
    read = [values["reference"], values["secondary"], area.mask, values["prior"]]
    suffix = target.check(SUFFIXES, [*read, *calibrating.inputs])
    calibrating.check(target.output, target.overwrite, read)
    if values["prior"] is not None:
        tracker.check_prior()
    pair = inputs.open(values["reference"], values["secondary"])
    prior = None if values["prior"] is None else PriorMap.open(values["prior"])
    where = {
        "device": values["device"],
        "mask": area.open(),
        "mask_windows": area.mask_windows,
        "prior": prior,
    }
    with computing.open() as engine:
        scale = calibrating.find(pair, tracker, target.overwrite, engine=engine, **where)
        start = time.perf_counter()
        with progress("measuring") as bar:
            counts = track_file(
                pair,
                tracker,
                target.output,
                engine=engine,
                scale=scale,
                block=values["block"],
                progress=bar,
                overwrite=target.overwrite,
                **where,
            )
        seconds = time.perf_counter() - start
    shape = tracker.output_grid(pair.grid).shape
    in_table = suffix in TABLES
    summary = FieldSummary.of_counts(shape, counts) if in_table else FieldSummary.of_file(target.output)
    say_field(target.output, summary, spacing=tracker.spacing, seconds=seconds)
    if scale is not None:
        say_scale(scale)
    _advise(summary.shares())


def _chain(values: dict[str, Any]) -> list[Any]:
    """Return the image filters as a file lists them, after a look at each."""
    given = values["preprocess"]
    image_filters_of(given, values["band"])
    values["preprocess"] = [given] if isinstance(given, str | Mapping) else list(given)
    return list(values["preprocess"])


def _advise(shares: Mapping[str, float]) -> None:
    """Say what would help where most matches failed for one reason."""
    for flag in (Flag.SEARCH_EDGE, Flag.LOW_QUALITY):
        name = flag.name.lower() if flag.name else ""
        if shares.get(name, 0.0) > shares["measured"]:
            say()
            say(f"Most is {name}. {FLAG_WORDS[flag].meaning} {FLAG_WORDS[flag].remedy}")
            return
