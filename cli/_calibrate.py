"""The options of tracker commands with which stated errors are calibrated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import click

from sensetrack.errors import OutputError
from sensetrack.raster.write import check_target, refuse_same_file

from ._command import Option
from ._console import progress, say
from ._options import Settings

if TYPE_CHECKING:
    from sensetrack.error_scale import ErrorScale
    from sensetrack.pair import ImagePair
    from sensetrack.raster.mask import AreaMask
    from sensetrack.trackers import Tracker

METHODS = ("shifts", "stable")
AUTO = "auto"
_SECTION = "Errors"


@dataclass(frozen=True)
class Calibrating(Settings):
    """What stated errors are multiplied by."""

    calibrate: str | None
    stable: str | None
    invert_stable: bool
    save_calibration: str | None
    calibration_seed: int | None

    options: ClassVar[Sequence[click.Parameter]] = (
        Option(
            ["--calibrate"],
            metavar="shifts|stable|FILE",
            section=_SECTION,
            help="Multiply sigma_dx and sigma_dy so that they hold on this pair: by what known displacements of parts "
            "of the reference show, by the scatter on stable ground, or as an earlier run has saved (.json).",
        ),
        Option(
            ["--stable"],
            type=click.Path(),
            metavar="FILE|auto",
            section=_SECTION,
            help="Where nothing moves, for --calibrate stable: a raster (non-zero), polygons, or auto for what the "
            "slowest part of the field shows.",
        ),
        Option(["--invert-stable"], is_flag=True, section=_SECTION, help="Nothing moves outside of it instead."),
        Option(
            ["--save-calibration"],
            type=click.Path(),
            metavar="FILE",
            section=_SECTION,
            help="Write what was found as .json, for --calibrate FILE of other pairs.",
        ),
        Option(
            ["--calibration-seed"],
            type=click.IntRange(min=0),
            metavar="N",
            section=_SECTION,
            help="Another number draws other blocks, displacements and noise. [default: 0]",
        ),
    )

    def __post_init__(self) -> None:
        if (self.calibrate == "stable") != (self.stable is not None):
            raise click.UsageError("--calibrate stable and --stable FILE (or auto) go together")
        if self.calibrate not in (None, *METHODS) and not Path(str(self.calibrate)).suffix:
            raise click.UsageError(f"--calibrate {self.calibrate}: give {', '.join(METHODS)} or a .json file")
        if self.invert_stable and self.stable in (None, AUTO):
            raise click.UsageError("--invert-stable needs --stable FILE")
        if self.calibrate not in METHODS and not (self.save_calibration is None and self.calibration_seed is None):
            raise click.UsageError("--save-calibration and --calibration-seed need --calibrate shifts or stable")

    @property
    def inputs(self) -> list[str | None]:
        """Files that are read."""
        return [None if self.stable == AUTO else self.stable, None if self.calibrate in METHODS else self.calibrate]

    def check(self, output: str, overwrite: bool, inputs: Sequence[str | None]) -> None:
        """Check, before the work, what can be known of the files.

        Raises
        ------
        OutputError
            The calibration cannot be written where it should be.
        InputError
            It cannot be read.
        """
        if self.save_calibration is not None:
            if not self.save_calibration.lower().endswith(".json"):
                raise OutputError(f"{self.save_calibration}: a calibration is written as .json")
            refuse_same_file(self.save_calibration, [*inputs, *self.inputs, output])
            check_target(self.save_calibration, overwrite=overwrite)
        self._saved()

    def find(self, pair: ImagePair, tracker: Tracker, overwrite: bool, **options: Any) -> ErrorScale | None:
        """Return the calibration that is asked for; ``options`` are those of `calibrate_errors`."""
        if self.calibrate not in METHODS:
            return self._saved()
        from sensetrack.calibrate import calibrate_errors

        seed = self.calibration_seed or 0
        method: Literal["shifts", "stable"] = "shifts" if self.calibrate == "shifts" else "stable"
        with progress("calibrating") as bar:
            scale = calibrate_errors(pair, tracker, method, stable=self._ground(), seed=seed, progress=bar, **options)
        if self.save_calibration is not None:
            scale.save(self.save_calibration, overwrite=overwrite)
        return scale

    def _saved(self) -> ErrorScale | None:
        if self.calibrate is None or self.calibrate in METHODS:
            return None
        from sensetrack.error_scale import ErrorScale

        return ErrorScale.open(self.calibrate)

    def _ground(self) -> AreaMask | None:
        if self.stable is None or self.stable == AUTO:
            return None
        from sensetrack.raster.mask import AreaMask

        return AreaMask.open(self.stable, inverse=self.invert_stable)


def say_scale(scale: ErrorScale) -> None:
    """Say in one line what errors were multiplied by, and how often they hold before and after."""
    cover = ", ".join(
        f"{100 * getattr(scale.before, name):.0f} -> {100 * getattr(scale.after, name):.0f} %"
        for name in ("within_68", "within_95")
    )
    say(
        f"errors scaled by {scale.typical_dx:.2f} (dx) and {scale.typical_dy:.2f} (dy) from {_FROM[scale.method]}; "
        f"coverage {cover} (68 and 95 % are right); {scale.independent} independent errors"
    )


_FROM = {"shifts": "injected shifts", "stable": "stable ground"}
