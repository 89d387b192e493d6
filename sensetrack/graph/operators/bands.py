"""Chooses bands, and puts bands of several scenes together."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AliasChoices

from sensetrack.graph.operators._base import MANY, Names, Operator, Slot
from sensetrack.params import param


class BandSelect(Operator):
    """Some bands of a scene."""

    alias: ClassVar[str] = "BandSelect"

    selectedPolarisations: Names = param((), "Polarisations to keep; none: all.")
    sourceBands: Names = param(
        (), "Bands to keep; none: all.", validation_alias=AliasChoices("sourceBands", "sourceBandNames")
    )
    bandNamePattern: str | None = param(None, "Regular expression that the whole name of a band must match.")
    sourceMasks: Names = param((), "Masks to keep.")


class BandMerge(Operator):
    """The bands of several scenes of one grid."""

    alias: ClassVar[str] = "BandMerge"
    slots: ClassVar[tuple[Slot, ...]] = MANY

    sourceBands: Names = param(
        (), "Bands to keep; none: all.", validation_alias=AliasChoices("sourceBands", "sourceBandNames")
    )
    geographicError: float = param(1e-5, "How far the scenes may lie apart.", unit="degrees", ge=0)
