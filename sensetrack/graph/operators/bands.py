"""Chooses bands, and puts bands of several scenes together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from sensetrack.errors import GraphError, did_you_mean
from sensetrack.graph.operators._base import MANY, Context, Names, Operator, Slot, Sources
from sensetrack.graph.operators._ignored import say_ignored
from sensetrack.graph.operators._radar import selected
from sensetrack.graph.region import to_degrees
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.params import param


class BandSelect(Operator):
    """Some bands of a scene."""

    alias: ClassVar[str] = "BandSelect"

    selectedPolarisations: Names = param((), "Polarisations to keep; none: all.")
    sourceBands: Names = param((), "Bands to keep; none: all.")
    bandNamePattern: str | None = param(None, "Regular expression that the whole name of a band must match.")
    sourceMasks: Names = param((), "Masks to keep.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the bands that meet all that is asked for, in their own order."""
        scene = sources.one
        say_ignored(self, context)
        wanted = set(scene.of_polarisations(self.selectedPolarisations))
        chosen = [band for band in selected(scene, self.sourceBands) if scene.band(band.name) in wanted]
        if self.bandNamePattern is not None:
            pattern = _compiled(self.bandNamePattern)
            chosen = [band for band in chosen if any(pattern.fullmatch(name) for name in band.names)]
        if not chosen:
            asked = [
                f"{name} = '{value if isinstance(value, str) else ','.join(value)}'"
                for name in ("sourceBands", "selectedPolarisations", "bandNamePattern")
                if (value := getattr(self, name))
            ]
            have = ", ".join(band.name for band in scene.bands)
            raise GraphError(f"no band of {scene.name} meets {' and '.join(asked)}; it has {have}")
        return scene.after(self.alias, chosen)


class BandMerge(Operator):
    """The bands of several scenes of one grid."""

    alias: ClassVar[str] = "BandMerge"
    slots: ClassVar[tuple[Slot, ...]] = MANY

    sourceBands: Names = param((), "Bands to keep; none: all.")
    geographicError: float = param(1e-5, "How far the scenes may lie apart.", unit="degrees", ge=0)

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Put the bands side by side; names that come again get ``_2``, ``_3``."""
        first = sources.one
        for other in list(sources)[1:]:
            _check_alike(first, other, self.geographicError)
        known = {name for scene in sources for band in scene.bands for name in band.names}
        for name in self.sourceBands:
            if name not in known:
                raise GraphError(f"sourceBands = '{name}': no source has such a band{did_you_mean(name, known)}")
        chosen = [
            band
            for scene in sources
            for band in scene.bands
            if not self.sourceBands or set(band.names) & set(self.sourceBands)
        ]
        is_one = all(scene.product is first.product for scene in sources)
        return first.after(self.alias, with_numbers(chosen), product=first.product if is_one else None)


def with_numbers(bands: Iterable[SceneBand]) -> tuple[SceneBand, ...]:
    """Return bands with a number behind names that come again: ``B4``, ``B4_2``, ``B4_3``."""
    found: list[SceneBand] = []
    taken: set[str] = set()
    for band in bands:
        number, name = 1, band.name
        while name in taken:
            number += 1
            name = f"{band.name}_{number}"
        taken.add(name)
        found.append(band if name == band.name else band.replace(name=name))
    return tuple(found)


def _check_alike(first: Scene, other: Scene, tolerance: float) -> None:
    """Raise where two scenes are not of one size, or lie further apart than a number of degrees."""
    own, grid = first.grid, other.grid
    tail = "; bring them onto one grid with Collocate or Reproject"
    if own.shape != grid.shape:
        raise GraphError(
            f"{other.name} has {grid.width} x {grid.height} pixels and {first.name} {own.width} x {own.height}{tail}"
        )
    if first.is_radar != other.is_radar or (own.crs is None) != (grid.crs is None):
        raise GraphError(f"{other.name} and {first.name} are not both on a map{tail}")
    if own.crs is None:
        return
    rows, cols = (
        np.array([0.0, 0.0, own.height - 1, own.height - 1]),
        np.array([0.0, own.width - 1, 0.0, own.width - 1]),
    )
    places = [to_degrees(each, rows, cols) for each in (own, grid)]
    lon = np.abs((places[0][0] - places[1][0] + 180.0) % 360.0 - 180.0)
    apart = max(float(lon.max()), float(np.abs(places[0][1] - places[1][1]).max()))
    if not apart <= tolerance:
        raise GraphError(
            f"{other.name} lies up to {apart:.3g} degrees from {first.name}, more than geographicError = {tolerance:g}"
            f"{tail}"
        )


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise GraphError(f"bandNamePattern = '{pattern}': no regular expression ({error})") from None
