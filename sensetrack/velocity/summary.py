"""What a velocity file says besides its pixels, as its tags carry it."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from sensetrack.displacement import Flag
from sensetrack.errors import InputError
from sensetrack.provenance import Provenance
from sensetrack.raster.layers import LayerFile
from sensetrack.velocity.convert import VALUES
from sensetrack.velocity.stable import StableShift

LAYERS = (*VALUES, "flags")
"""Layers of a velocity file, in the order of its bands."""

Units = Literal["m/yr", "m/d"]


@dataclass(frozen=True)
class ComponentErrors:
    """One number each on a component of velocity over the whole field, in its units, as ITS_LIVE files carry them.

    Attributes
    ----------
    error : float
        Median of the component's error layer: the best estimate of the error of one point.
    error_modeled : float
        Median of the error propagated from the tracker's covariance alone.
    error_stationary : float
        Spread on stable ground; NaN without stable ground.
    stable_shift : float
        Velocity that stable ground showed, and that was subtracted if it was asked for; NaN without stable ground.
    stable_shift_error : float
        Its standard error.
    """

    error: float = math.nan
    error_modeled: float = math.nan
    error_stationary: float = math.nan
    stable_shift: float = math.nan
    stable_shift_error: float = math.nan


@dataclass(frozen=True, eq=False)
class Summary:
    """What a velocity file says besides its pixels.

    Attributes
    ----------
    units : {"m/yr", "m/d"}
    days : float
        Time base.
    stable : StableShift
        In input pixels.
    shift_subtracted : bool
    x, y : ComponentErrors
    provenance : Provenance
    window : tuple of float or None
        Width and height of the tracker's window in metres, where it is known.
    """

    units: Units
    days: float
    stable: StableShift
    shift_subtracted: bool
    x: ComponentErrors
    y: ComponentErrors
    provenance: Provenance
    window: tuple[float, float] | None = None

    def tags(self) -> dict[str, str]:
        """Return the dataset tags."""
        return {
            "product": "velocity",
            **self.provenance.to_tags(),
            "units": self.units,
            "days": repr(self.days),
            "axes": "vx along map x (east), vy along map y (north); without georeference right and up",
            "stable": _to_json(self.stable),
            "shift_subtracted": str(self.shift_subtracted).lower(),
            "vx_statistics": _to_json(self.x),
            "vy_statistics": _to_json(self.y),
            "flag_masks": ",".join(str(int(flag)) for flag in Flag),
            "flag_meanings": " ".join(flag.label for flag in Flag),
            **({} if self.window is None else {"window": json.dumps(self.window)}),
        }

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Self:
        """Build from dataset tags.

        Raises
        ------
        KeyError, ValueError, TypeError
            A tag is absent or damaged.
        """
        units, window = tags["units"], json.loads(tags.get("window", "null"))
        if units not in ("m/yr", "m/d"):
            raise ValueError(f"units '{units}'")
        return cls(
            units="m/yr" if units == "m/yr" else "m/d",
            days=float(tags["days"]),
            stable=StableShift(**_from_json(tags["stable"])),
            shift_subtracted=tags["shift_subtracted"] == "true",
            x=ComponentErrors(**_from_json(tags["vx_statistics"])),
            y=ComponentErrors(**_from_json(tags["vy_statistics"])),
            provenance=Provenance.from_tags(tags),
            window=(window[0], window[1]) if window else None,
        )


def read_summary(file: LayerFile) -> Summary:
    """Return what a velocity file of ours says besides its pixels.

    Raises
    ------
    InputError
        It is not a velocity file of ours.
    """
    absent = [name for name in LAYERS if name not in file.names]
    if absent:
        raise InputError(f"{file.path}: not a velocity file: it has no layer {', '.join(absent)}")
    try:
        return Summary.from_tags(file.tags)
    except KeyError as error:
        raise InputError(f"{file.path}: not a velocity file of sensetrack: it has no tag {error}") from None
    except (TypeError, ValueError) as error:
        raise InputError(f"{file.path}: its tags are damaged ({error})") from error


def _to_json(item: StableShift | ComponentErrors) -> str:
    """One line of JSON; NaN, which JSON does not know, becomes null."""
    values = dataclasses.asdict(item)
    return json.dumps({name: None if value != value else value for name, value in values.items()})


def _from_json(text: str) -> dict[str, Any]:
    return {name: math.nan if value is None else value for name, value in json.loads(text).items()}
