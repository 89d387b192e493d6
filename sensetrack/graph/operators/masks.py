"""Masks of land, sea and terrain, and vectors as masks. SNAP only."""

from __future__ import annotations

from typing import ClassVar

from sensetrack.graph.operators._base import Names
from sensetrack.graph.operators._foreign import Loose
from sensetrack.params import param


class LandSeaMask(Loose):
    """Leaves out the land, the sea, or one side of a vector layer."""

    alias: ClassVar[str] = "Land-Sea-Mask"

    sourceBands: Names = param((), "Bands to mask; none: all.")
    landMask: bool = param(True, "Whether the land is left out, rather than the sea.")
    useSRTM: bool = param(True, "Whether the sea is where the elevation model SRTM has no height.")
    geometry: str = param("", "Vector layer of the scene that is the mask instead.")
    invertGeometry: bool = param(False, "Whether its inside is left out.")
    shorelineExtension: int = param(0, "How far the mask reaches beyond the shore.", unit="px", ge=0)


class ImportVector(Loose):
    """Adds a file of polygons to a scene as a vector layer."""

    alias: ClassVar[str] = "Import-Vector"

    vectorFile: str = param(..., "File of polygons.", min_length=1)
    separateShapes: bool = param(True, "Whether each polygon becomes a layer of its own.")


class TerrainMask(Loose):
    """Leaves out where the terrain is steep."""

    alias: ClassVar[str] = "Terrain-Mask"

    windowSizeStr: str = param("15x15", "Window in which heights are compared.")
    thresholdInMeter: float = param(40.0, "Scatter of heights above which it is steep.", unit="m", gt=0)
