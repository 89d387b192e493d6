"""Operators that graphs use now and then, and whose parameters are not checked. SNAP only."""

from __future__ import annotations

from typing import ClassVar

from sensetrack.graph.operators._base import MANY, Slot
from sensetrack.graph.operators._foreign import Loose


class Merge(Loose):
    """The bands of several scenes in one, by rules; BandMerge is the newer one."""

    alias: ClassVar[str] = "Merge"
    slots: ClassVar[tuple[Slot, ...]] = (Slot("masterProduct", ("referenceProduct",)), *MANY)


class AddElevation(Loose):
    """Adds the height of the terrain as a band."""

    alias: ClassVar[str] = "AddElevation"


class ConvertDatatype(Loose):
    """The same numbers in another type."""

    alias: ClassVar[str] = "Convert-Datatype"


class SliceAssembly(Loose):
    """Puts slices of one pass together."""

    alias: ClassVar[str] = "SliceAssembly"
    slots: ClassVar[tuple[Slot, ...]] = MANY
