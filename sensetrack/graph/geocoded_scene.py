"""Scenes of radars put on a map: all bands, and bands that tell of the geometry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sensetrack.errors import GraphError
from sensetrack.graph.geocoding import Geocoded, Geocoder, Interpolation, Locator
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.graph.source import derived
from sensetrack.raster.grid import Grid

if TYPE_CHECKING:
    from sensetrack.graph.elevation import Elevation
    from sensetrack.radar.geocode import Between
    from sensetrack.radar.grid import RadarGrid

INTERPOLATIONS: dict[str, Interpolation] = {
    "NEAREST_NEIGHBOUR": "nearest",
    "BILINEAR_INTERPOLATION": "bilinear",
    "CUBIC_CONVOLUTION": "cubic",
    "BICUBIC_INTERPOLATION": "cubic",
    "BISINC_5_POINT_INTERPOLATION": "sinc-5",
    "BISINC_11_POINT_INTERPOLATION": "sinc-11",
    "BISINC_21_POINT_INTERPOLATION": "sinc-21",
}
"""How images are interpolated, by SNAP's words."""


def radar_bands(scene: Scene, names: Iterable[str], operator: str) -> tuple[SceneBand, ...]:
    """Return the bands of some names that an operator can put on a map; all where no name is given.

    Raises
    ------
    GraphError
        A band is not of a radar, lies on a map already, or is made of bursts that are not put together.
    """
    bands = scene.select(names)
    for band in bands:
        if band.lines is not None:
            raise GraphError(
                f"{operator}: the bursts of {band.name} are not put together; put TOPSAR-Deburst before it"
            )
        if band.radar is None:
            where = "lies on a map already" if band.grid.crs is not None else "has no geometry of a radar"
            raise GraphError(f"{operator}: {band.name} of {scene.name} {where}; take the operator out, or the band")
    return bands


def radars_of(bands: Sequence[SceneBand]) -> list[RadarGrid]:
    """Return the geometries of bands, each once."""
    found: list[RadarGrid] = []
    for band in bands:
        if band.radar is not None and not any(has_geometry(band, other) for other in found):
            found.append(band.radar)
    return found


def has_geometry(band: SceneBand, radar: RadarGrid) -> bool:
    """Whether the pixels of a band lie where those of a geometry do."""
    return band.radar is not None and (band.radar is radar or _same(band.radar, radar))


def _same(first: RadarGrid, second: RadarGrid) -> bool:
    names = ("shape", "first_line", "line_interval", "near_range", "range_spacing", "look_side", "exact_range")
    if any(getattr(first, name) != getattr(second, name) for name in names):
        return False
    orbits = first.orbit, second.orbit
    if orbits[0] is not orbits[1]:
        if orbits[0].reference != orbits[1].reference:
            return False
        if not all(np.array_equal(getattr(orbits[0], name), getattr(orbits[1], name)) for name in _STATES):
            return False
    ranges = first.ground_range, second.ground_range
    if ranges[0] is None or ranges[1] is None:
        return ranges[0] is ranges[1]
    return ranges[0].times == ranges[1].times and np.array_equal(ranges[0].to_slant, ranges[1].to_slant)


_STATES = ("seconds", "positions", "velocities")


@dataclass(frozen=True, eq=False)
class OnMap:
    """Puts the bands of a scene on a map; bands of one geometry share the work.

    Attributes
    ----------
    geocoders : tuple of Geocoder
        One for every geometry.
    method : Interpolation
    """

    geocoders: tuple[Geocoder, ...]
    method: Interpolation

    @classmethod
    def of(
        cls,
        bands: Sequence[SceneBand],
        grid: Grid,
        elevation: Elevation,
        method: Interpolation,
        between: Between = "nearest",
    ) -> OnMap:
        """Prepare the geometry of all bands."""
        return cls(tuple(Geocoder.of(radar, grid, elevation, between) for radar in radars_of(bands)), method)

    def geocoder(self, band: SceneBand) -> Geocoder:
        """Return what finds the pixels of a band."""
        return next(each for each in self.geocoders if has_geometry(band, each.geometry.radar))

    def band(self, band: SceneBand) -> SceneBand:
        """Return a band on the map; complex ones become ``Intensity_...``."""
        return band_on_map(band, self.geocoder(band), self.method)


def band_on_map(band: SceneBand, locator: Locator, method: Interpolation) -> SceneBand:
    """Return a band on a map; a complex one becomes ``Intensity_...``."""
    image = derived(band.image, Geocoded(band.image, locator, method), grid=locator.grid, dtype="float32")
    changes: dict[str, object] = {"image": image, "radar": None, "lines": None}
    if band.unit == "complex":
        changes |= {"name": f"Intensity_{band.name}", "unit": "intensity", "dtype": "float32"}
    elif method != "nearest":
        changes["dtype"] = "float32"
    return band.replace(**changes)
