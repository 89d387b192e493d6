"""Replaces the orbit of a Sentinel-1 product by the precise or the restituted one."""

from __future__ import annotations

from typing import Literal

from sensetrack.graph.operators._base import Operator
from sensetrack.params import param

OrbitType = Literal[
    "Sentinel Precise (Auto Download)",
    "Sentinel Restituted (Auto Download)",
    "DORIS Preliminary POR (ENVISAT)",
    "DORIS Precise VOR (ENVISAT) (Auto Download)",
    "DELFT Precise (ENVISAT, ERS1&2) (Auto Download)",
    "PRARE Precise (ERS1&2) (Auto Download)",
    "Kompsat5 Precise",
]


class ApplyOrbitFile(Operator):
    """Replaces the orbit of a Sentinel-1 product by that of an orbit file."""

    alias = "Apply-Orbit-File"
    suffix = "_Orb"

    orbitType: OrbitType = param("Sentinel Precise (Auto Download)", "Which orbit to take.")
    polyDegree: int = param(3, "Degree of the polynomials that SNAP fits to the state vectors.", ge=1, le=10)
    continueOnFail: bool = param(False, "Keep the product's own orbit where there is no file.")
