"""The main job between files: coregister, track, filter, velocity; each stage reads and writes ordinary files."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from sensetrack.align import align_file
from sensetrack.coregister.regrid import open_bands
from sensetrack.coregister.shift import ShiftModel
from sensetrack.engine import Engine
from sensetrack.errors import OutputError
from sensetrack.filter_stream import filter_file
from sensetrack.pair import ImagePair
from sensetrack.params import Params, param
from sensetrack.preprocess import ImageFilter, preprocess_pair
from sensetrack.raster.image import Image
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.methods import Method
from sensetrack.raster.write import check_target
from sensetrack.specs import filter_of, image_filters_of, tracker_of
from sensetrack.stream import BLOCK, track_file
from sensetrack.types import PathLike
from sensetrack.velocity import Summary, VelocityParams, velocity_file

DEFAULT_TRACKER = "adaptive-lk"
"""On the made-up glacier it halves the error that windows of `pcc` have on the ice."""

DEFAULT_PREPROCESS = ("rank",)
"""Sun and shadow move between two dates. On the made-up glacier ranks leave a fifth of the error that brightness has on
the rock, and on the ice, whose light hardly changes, cost nothing."""

SHIFT_TRACKER = "pcc"
"""Windows that stand by themselves: what light has changed makes single ones fail, which the fit leaves out."""

DEFAULT_FILTERS = ("ndc", "median-test")
"""Filters that judge when none is named: agreement with the neighbours, then the normalised median test."""

Progress = Callable[[str, int, int], None]
"""Called with the stage, the steps of it that are done, and its steps in all, in the calling thread."""


class PipelineParams(Params):
    """What every stage of the main job is to do."""

    tracker: str = param(DEFAULT_TRACKER, "Tracker with its parameters; wider windows suit noisier images")
    preprocess: tuple[Any, ...] = param(
        DEFAULT_PREPROCESS,
        "Image filters that both images pass through before they are measured, such as highpass:sigma=8; none for none",
    )
    shift: Literal["none", "shift", "affine", "polynomial"] = param(
        "shift", "Residual shift between the images that is measured and taken out before tracking"
    )
    shift_tracker: str = param(
        SHIFT_TRACKER, "Tracker that measures that shift, such as pcc:search=60 for images that lie far apart"
    )
    resampling: Method = param("spline", "How the secondary is resampled when its grid or the shift asks for it")
    filters: tuple[str, ...] = param(
        DEFAULT_FILTERS, "Filters with their parameters, such as median-test:threshold=3; each must be passed"
    )
    passes: int = param(2, "How often the filters judge; each time without what they have flagged before", ge=1)
    smooth: int | None = param(None, "Side of a median over the filtered field", unit="output px", ge=3)
    fill: float | None = param(None, "Largest distance over which gaps are filled", unit="output px", ge=1)
    velocity: VelocityParams = param(VelocityParams(), "How displacement becomes velocity")

    @field_validator("tracker", "shift_tracker")
    @classmethod
    def _check_tracker(cls, text: str) -> str:
        tracker_of(text)
        return text

    @field_validator("preprocess", mode="before")
    @classmethod
    def _as_chain(cls, chain: Any) -> Any:
        chain = (chain,) if isinstance(chain, str | Mapping) else chain
        return () if chain in (("none",), ["none"]) else chain

    @field_validator("preprocess")
    @classmethod
    def _check_preprocess(cls, chain: tuple[Any, ...]) -> tuple[Any, ...]:
        image_filters_of(chain)
        return chain

    @field_validator("filters")
    @classmethod
    def _check_filters(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            filter_of(text)
        return texts


@dataclass(frozen=True)
class Places:
    """The files of one run in its folder.

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    @property
    def secondary(self) -> Path:
        """The secondary on the reference's grid, its shift taken out."""
        return self.folder / "secondary.tif"

    @property
    def displacement(self) -> Path:
        """What the tracker measured."""
        return self.folder / "displacement.tif"

    @property
    def filtered(self) -> Path:
        """The same with outliers flagged."""
        return self.folder / "filtered.tif"

    @property
    def velocity(self) -> Path:
        """Velocity with errors."""
        return self.folder / "velocity.nc"

    def check(self, *, overwrite: bool) -> None:
        """Make the folder, and raise when a file of an earlier run is there and may not be replaced.

        Raises
        ------
        OutputError
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: the folder cannot be made ({error})") from error
        for path in (self.secondary, self.displacement, self.filtered, self.velocity):
            check_target(path, overwrite=overwrite)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run found.

    Attributes
    ----------
    places : Places
    shift : ShiftModel or None
        What was taken out of the secondary; None where that was not asked for.
    tracked, filtered : mapping of str to int
        How many output pixels are measurements and how many carry each flag.
    result : Path
        The displacement that velocity is made from: filtered, unless nothing was to be done there.
    velocity : Summary or None
        None where there is no velocity: see ``missing``.
    missing : str
        What velocity would have needed, or ``""``.
    seconds : mapping of str to float
        Duration of each stage.
    """

    places: Places
    shift: ShiftModel | None
    tracked: Mapping[str, int]
    filtered: Mapping[str, int]
    result: Path
    velocity: Summary | None
    missing: str
    seconds: Mapping[str, float] = field(default_factory=dict)


def run_pipeline(
    reference: PathLike,
    secondary: PathLike,
    folder: PathLike,
    params: PipelineParams | None = None,
    *,
    mask: AreaMask | None = None,
    stable: AreaMask | None = None,
    band: int | str | None = None,
    nodata: float | None = None,
    days: float | None = None,
    dates: tuple[datetime, datetime] | None = None,
    engine: Engine | None = None,
    device: str = "auto",
    block: int = BLOCK,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Outcome:
    """Run the whole job on one pair.

    Parameters
    ----------
    reference, secondary : path-like
        The earlier and the later image.
    folder : path-like
        Made when it does not exist; see `Places` for what is written there.
    params : PipelineParams, optional
    mask : AreaMask, optional
        Where to measure.
    stable : AreaMask, optional
        Where the ground does not move: there the shift is measured and errors are calibrated.
    band, nodata, days, dates
        As in `ImagePair.open`.
    engine, device, block
        As in `sensetrack.stream.track_file`.
    progress : callable, optional
    overwrite : bool
        Whether files of an earlier run may be replaced.

    Returns
    -------
    Outcome
        Without velocity when the time base or, for images without a CRS, the pixel size is not known.

    Raises
    ------
    OutputError
        A file is there already, or cannot be written.
    SensetrackError
        As each stage: `align_file`, `track_file`, `filter_file`, `velocity_file`.
    """
    params = params or PipelineParams()
    tracker, filters = tracker_of(params.tracker), [filter_of(text) for text in params.filters]
    chain = image_filters_of(params.preprocess, band)
    places = Places(Path(folder))
    clock = _Clock(progress)
    pair = ImagePair.open(reference, secondary, band=band, nodata=nodata, coregister=True, days=days, dates=dates)
    places.check(overwrite=overwrite)
    shift = None
    if params.shift != "none":
        with clock("coregister") as tick:
            shift = align_file(
                pair,
                places.secondary,
                tracker_of(params.shift_tracker),
                preprocess=chain,
                bands=_bands_for(chain, secondary, nodata),
                kind=params.shift,
                resampling=params.resampling,
                stable=stable,
                engine=engine,
                device=device,
                progress=tick,
                overwrite=overwrite,
            )
        pair = ImagePair(pair.reference, Image.open(places.secondary), pair.days)
    pair = pair.with_images(*preprocess_pair(pair.reference, pair.secondary, chain))
    with clock("track") as tick:
        tracked = track_file(
            pair,
            tracker,
            places.displacement,
            engine=engine,
            device=device,
            mask=mask,
            block=block,
            progress=tick,
            overwrite=overwrite,
        )
    filtered, result = tracked, places.displacement
    if filters or params.smooth is not None or params.fill is not None:
        result = places.filtered
        with clock("filter") as tick:
            filtered = filter_file(
                places.displacement,
                result,
                filters,
                passes=params.passes,
                smooth=params.smooth,
                fill=params.fill,
                engine=engine,
                progress=tick,
                overwrite=overwrite,
            )
    missing = _missing(pair, params.velocity)
    summary = None
    if not missing:
        with clock("velocity") as tick:
            placed = stable and stable.fit(pair.grid)
            summary, _ = velocity_file(
                result, places.velocity, params.velocity, placed, progress=tick, overwrite=overwrite
            )
    return Outcome(places, shift, tracked, filtered, result, summary, missing, clock.seconds)


def _bands_for(chain: Sequence[ImageFilter], path: PathLike, nodata: float | None) -> list[Image] | None:
    """Return all bands of a file where the image filters choose among them, None where one serves."""
    return open_bands(path, "all", nodata=nodata) if any(each.is_first for each in chain) else None


def _missing(pair: ImagePair, params: VelocityParams) -> str:
    """Say what velocity would need and nobody has given."""
    needs = []
    if pair.days is None and params.days is None and params.dates is None:
        needs.append("the time between the images (--days N or --dates A B)")
    if pair.grid.crs is None and params.pixel_size is None:
        needs.append("the size of a pixel, as the images have no CRS (--pixel-size METRES)")
    return " and ".join(needs)


class _Clock:
    """Times the stages and passes their progress on."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, stage: str) -> Iterator[Callable[[int, int], None] | None]:
        progress = self._progress
        start = time.perf_counter()
        yield None if progress is None else lambda done, total: progress(stage, done, total)
        self.seconds[stage] = time.perf_counter() - start
