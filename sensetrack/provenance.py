"""Where a displacement comes from, as the tags of every file carry it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sensetrack.raster.dates import parse_time


@dataclass(frozen=True)
class Provenance:
    """Where a displacement comes from; stored in the tags of every file.

    Attributes
    ----------
    tracker : str
        Registered name of the tracker.
    parameters : str
        All its parameters as JSON.
    reference, secondary : str
        Paths of the two images.
    reference_date, secondary_date : datetime or None
        Acquisition times, UTC.
    days : float or None
        Time base.
    history : tuple of str
        What was done to the field since, one entry per step.
    version : str
        sensetrack version that measured it.
    preprocess : tuple of str
        Image filters that both images passed through before, one entry each.
    prior : str or None
        Map of displacement or velocity around which matches were searched for.
    calibration : str or None
        What the stated errors were multiplied by and why, as JSON of `sensetrack.error_scale.ErrorScale`.
    """

    tracker: str = ""
    parameters: str = "{}"
    reference: str = ""
    secondary: str = ""
    reference_date: datetime | None = None
    secondary_date: datetime | None = None
    days: float | None = None
    history: tuple[str, ...] = ()
    version: str = ""
    preprocess: tuple[str, ...] = ()
    prior: str | None = None
    calibration: str | None = None

    def to_tags(self) -> dict[str, str]:
        """Return dataset tags."""
        tags = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if isinstance(value, datetime):
                value = value.isoformat()
            elif isinstance(value, tuple):
                value = json.dumps(value)
            if value is not None:
                tags[item.name] = str(value)
        return tags

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Self:
        """Build from dataset tags; what is absent takes its default."""
        readers: dict[str, Callable[[str], Any]] = {
            "reference_date": parse_time,
            "secondary_date": parse_time,
            "days": float,
            "preprocess": lambda _: steps_of(tags),
            "history": lambda text: tuple(json.loads(text)),
        }
        names = [item.name for item in dataclasses.fields(cls) if item.name in tags]
        return cls(**{name: readers.get(name, str)(tags[name]) for name in names})

    def after(self, step: str) -> Self:
        """Return a copy with one more entry in the history."""
        return dataclasses.replace(self, history=(*self.history, step))


def steps_of(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the image filters that an image, or the images of a pair, passed through, from dataset tags of ours."""
    text = tags.get("preprocess", "[]")
    try:
        steps = json.loads(text)
    except json.JSONDecodeError:  # a tag of somebody else
        return (text,)
    return tuple(map(str, steps)) if isinstance(steps, list) else (text,)
