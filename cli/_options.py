"""Options that several commands share, grouped as the values that they become."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import click

from sensetrack.errors import OutputError
from sensetrack.raster.write import check_target, refuse_same_file

from ._command import Option
from ._types import Date

if TYPE_CHECKING:
    from sensetrack.engine import Engine
    from sensetrack.pair import ImagePair
    from sensetrack.raster.mask import AreaMask


class Settings:
    """Values of a group of options; a subclass is a dataclass whose fields bear the options' names."""

    options: ClassVar[Sequence[click.Parameter]] = ()

    @classmethod
    def take(cls, values: dict[str, Any]) -> Self:
        """Take the group's values out of those of a command."""
        assert dataclasses.is_dataclass(cls)
        return cls(**{item.name: values.pop(item.name) for item in dataclasses.fields(cls)})


def with_settings(name: str, group: type[Settings]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of a group; its function receives them as one value called ``name``."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(**values: Any) -> Any:
            return function(**{name: group.take(values)}, **values)

        run.__dict__.setdefault("__click_params__", []).extend(reversed(group.options))
        return run

    return decorate


@dataclass(frozen=True)
class Target(Settings):
    """Where the result goes."""

    output: str
    overwrite: bool

    options: ClassVar[Sequence[click.Parameter]] = (
        Option(
            ["-o", "--output"],
            required=True,
            type=click.Path(),
            metavar="FILE",
            section="Output",
            help="Where to write.",
        ),
        Option(["--overwrite"], is_flag=True, section="Output", help="Replace the output if it exists."),
    )

    def check(self, suffixes: Sequence[str], inputs: Sequence[str | None] = ()) -> str:
        """Return the suffix, after everything that can be known before the work has been checked.

        Raises
        ------
        OutputError
            The suffix is none of ``suffixes``, or the file exists, is an input, or has no folder.
        """
        suffix = Path(self.output).suffix.lower()
        if suffix not in suffixes:
            what = f"'{suffix}' files" if suffix else "a file without a suffix"
            raise OutputError(f"{self.output}: cannot write {what}; use {', '.join(suffixes)}")
        refuse_same_file(self.output, inputs)
        check_target(self.output, overwrite=self.overwrite)
        return suffix


DAYS = (
    Option(
        ["--days"],
        type=click.FloatRange(min=0, min_open=True),
        metavar="N",
        section="Time",
        help="Days between the two images. [default: from their metadata or file names]",
    ),
    Option(
        ["--dates"],
        type=(Date(), Date()),
        default=None,
        metavar="A B",
        section="Time",
        help="Dates of the two images, instead of --days, such as 2020-01-01 2020-01-31.",
    ),
)


@dataclass(frozen=True)
class Times(Settings):
    """The time between the images."""

    days: float | None
    dates: tuple[datetime, datetime] | None

    options: ClassVar[Sequence[click.Parameter]] = DAYS

    def __post_init__(self) -> None:
        if self.days is not None and self.dates is not None:
            raise click.UsageError("give --days or --dates, not both")


BAND = Option(
    ["--band"],
    metavar="B",
    section="Input",
    help="Number, name or colour of the band to use, or 'mean' of all. [default: grey of a colour picture, else the "
    "first]",
)
NODATA = Option(
    ["--nodata"],
    type=click.FLOAT,
    metavar="X",
    section="Input",
    help="Value that means missing. [default: the file's]",
)


PREPROCESS = Option(
    ["--preprocess"],
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    section="Input",
    help="Image filter that both images pass through before; repeat for several, the first one first. See "
    "'sensetrack filters'.",
)


@dataclass(frozen=True)
class PairInput(Times):
    """How the two images are opened."""

    band: str | None
    nodata: float | None
    coregister: bool
    preprocess: Sequence[str | Mapping[str, Any]]

    options: ClassVar[Sequence[click.Parameter]] = (
        BAND,
        NODATA,
        Option(
            ["--coregister/--no-coregister"],
            default=False,
            section="Input",
            help="Resample the secondary onto the reference's grid if they differ. [default: refuse]",
        ),
        PREPROCESS,
        *DAYS,
    )

    def open(self, reference: str, secondary: str) -> ImagePair:
        """Open the pair, filtered as it is read where that is asked for."""
        from sensetrack.pair import ImagePair
        from sensetrack.preprocess import preprocess_pair
        from sensetrack.specs import image_filters_of

        filters = image_filters_of(self.preprocess, self.band)
        pair = ImagePair.open(
            reference,
            secondary,
            band=self.band,
            nodata=self.nodata,
            coregister=self.coregister,
            days=self.days,
            dates=self.dates,
        )
        return pair.with_images(*preprocess_pair(pair.reference, pair.secondary, filters))


@dataclass(frozen=True)
class Area(Settings):
    """Where to measure."""

    mask: str | None
    mask_windows: bool
    invert_mask: bool

    options: ClassVar[Sequence[click.Parameter]] = (
        Option(
            ["--mask"],
            type=click.Path(),
            metavar="FILE",
            section="Area",
            help="Measure only inside: a raster (non-zero) or polygons (.shp, .gpkg, .geojson, ...), in any CRS.",
        ),
        Option(["--invert-mask"], is_flag=True, section="Area", help="Measure only outside the mask instead."),
        Option(
            ["--mask-windows"],
            is_flag=True,
            section="Area",
            help="Leave pixels outside the mask out of the windows too, so that rock beside a glacier does not "
            "dominate the windows at its margin.",
        ),
    )

    def __post_init__(self) -> None:
        if self.mask is None and (self.mask_windows or self.invert_mask):
            raise click.UsageError("--mask-windows and --invert-mask need --mask FILE")

    def open(self) -> AreaMask | None:
        """Open the mask, if there is one."""
        if self.mask is None:
            return None
        from sensetrack.raster.mask import AreaMask

        return AreaMask.open(self.mask, inverse=self.invert_mask)


@dataclass(frozen=True)
class Computing(Settings):
    """Which engine runs the blocks."""

    engine: str
    workers: int | None
    scheduler: str | None

    options: ClassVar[Sequence[click.Parameter]] = (
        Option(
            ["--engine"],
            type=click.Choice(["serial", "threads", "dask"]),
            default="threads",
            show_default=True,
            section="Computing",
            help="What runs the blocks.",
        ),
        Option(
            ["--workers"],
            type=click.IntRange(min=1),
            metavar="N",
            section="Computing",
            help="Threads, or processes of a local Dask cluster. [default: one per core]",
        ),
        Option(
            ["--scheduler"],
            metavar="ADDRESS",
            section="Computing",
            help="Use a running Dask scheduler, such as tcp://host:8786.",
        ),
    )

    def open(self) -> AbstractContextManager[Engine]:
        """Open the engine; ``--scheduler`` alone means Dask."""
        from sensetrack.engine import open_engine

        name = "dask" if self.scheduler is not None and not _was_given("engine") else self.engine
        return open_engine(name, self.workers, self.scheduler)


BLOCK = Option(
    ["--block"],
    type=click.IntRange(min=64),
    default=1024,
    show_default=True,
    metavar="PIXELS",
    section="Computing",
    help="Side of the blocks that are worked on; smaller takes less memory.",
)


def with_option(item: click.Option) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command an option that is made already."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__dict__.setdefault("__click_params__", []).append(item)
        return function

    return decorate


def flags_of(options: Iterable[click.Parameter]) -> set[str]:
    """Return every flag that some options answer to."""
    return {flag for item in options for flag in (*item.opts, *item.secondary_opts)}


def _was_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE
