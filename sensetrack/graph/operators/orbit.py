"""Replaces the orbit of a Sentinel-1 product by the precise or the restituted one."""

from __future__ import annotations

import dataclasses
import logging
from datetime import timedelta
from typing import Literal

from sensetrack.errors import GraphError
from sensetrack.graph._orbits import Kind, Wanted, found_or_none, orbit_for, part_of
from sensetrack.graph.operators._base import Context, Operator, Sources
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.params import param
from sensetrack.radar.state_vectors import StateVectors
from sensetrack.sensors.sentinel1 import Sentinel1Product

OrbitType = Literal[
    "Sentinel Precise (Auto Download)",
    "Sentinel Restituted (Auto Download)",
    "DORIS Preliminary POR (ENVISAT)",
    "DORIS Precise VOR (ENVISAT) (Auto Download)",
    "DELFT Precise (ENVISAT, ERS1&2) (Auto Download)",
    "PRARE Precise (ERS1&2) (Auto Download)",
    "Kompsat5 Precise",
]

_AROUND = timedelta(seconds=120)
"""State vectors that are kept before and after a product."""

log = logging.getLogger(__name__)


class ApplyOrbitFile(Operator):
    """Replaces the orbit of a Sentinel-1 product by that of an orbit file.

    Files are looked for in the folder of orbit files, in any depth and also zipped, so that SNAP's own folder does;
    then, where downloads are allowed, in the public bucket. Where there is no precise orbit the restituted one is
    taken, with a warning. Between its state vectors the orbit is interpolated as `StateVectors.at` says, to below a
    millimetre; `polyDegree`, with which SNAP fits polynomials to few of them, is checked and has no effect.
    """

    alias = "Apply-Orbit-File"
    suffix = "_Orb"

    orbitType: OrbitType = param("Sentinel Precise (Auto Download)", "Which orbit to take.")
    polyDegree: int = param(3, "Degree of the polynomials that SNAP fits to the state vectors.", ge=1, le=10)
    continueOnFail: bool = param(False, "Keep the product's own orbit where there is no file.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the scene with another orbit.

        Raises
        ------
        GraphError
            It is no product of Sentinel-1, or no orbit covers it, unless `continueOnFail` is set.
        """
        scene = sources.one
        product = scene.product
        if not isinstance(product, Sentinel1Product) or product.start is None or product.stop is None:
            return self._refused(scene, f"{self.alias} is for Sentinel-1 only, not for {scene.name}; take the node out")
        if not self.orbitType.startswith("Sentinel"):
            return self._refused(
                scene, f"orbitType = '{self.orbitType}': {scene.name} needs 'Sentinel Precise (Auto Download)'"
            )
        if not scene.is_radar:
            return self._refused(scene, f"{self.alias}: {scene.name} is on a map; the node belongs at the beginning")
        kinds: tuple[Kind, ...] = ("POEORB", "RESORB") if "Precise" in self.orbitType else ("RESORB",)
        wanted = Wanted(product.name, product.mission.replace("Sentinel-", "S"), product.start, product.stop)
        look = found_or_none if self.continueOnFail else orbit_for
        found = look(wanted, kinds, context.orbits, download=context.download)
        if found is None:
            return scene.after(self.alias, scene.bands, suffix=self.suffix)
        orbit = part_of(found, product.start - _AROUND, product.stop + _AROUND)
        log.info("%s: the orbit of %s comes from %s", self.alias, scene.name, orbit.source)
        with_bursts = any(band.lines is not None for band in scene.bands)
        return scene.after(
            self.alias,
            scene.each(lambda band: _with_orbit(band, orbit)),
            suffix=self.suffix,
            orbit=orbit if with_bursts else None,
        )

    def _refused(self, scene: Scene, reason: str) -> Scene:
        if not self.continueOnFail:
            raise GraphError(reason)
        log.warning("%s; it is left as it is, as continueOnFail = true asks for", reason)
        return scene.after(self.alias, scene.bands)


def _with_orbit(band: SceneBand, orbit: StateVectors) -> SceneBand:
    return band if band.radar is None else band.replace(radar=dataclasses.replace(band.radar, orbit=orbit))
