"""Cuts a part out of a scene."""

from __future__ import annotations

from typing import ClassVar

from pydantic import AliasChoices

from sensetrack.graph.operators._base import Names, Operator
from sensetrack.graph.operators._region import Region
from sensetrack.params import param


class Subset(Operator):
    """A part of a scene: of its area, of its bands, of its pixels."""

    alias: ClassVar[str] = "Subset"
    prefix: ClassVar[str] = "Subset_"

    sourceBands: Names = param(
        (), "Bands to keep; none: all.", validation_alias=AliasChoices("sourceBands", "bandNames")
    )
    sourceMasks: Names = param((), "Masks to keep.")
    tiePointGrids: Names = param(
        (), "Grids of tie points to keep.", validation_alias=AliasChoices("tiePointGrids", "tiePointGridNames")
    )
    region: Region = param(None, "Part to keep: x, y, width and height.", unit="px")
    referenceBand: str | None = param(None, "Band in whose pixels the region counts, where bands differ in size.")
    geoRegion: str | None = param(None, "Part to keep: the bounding box of this WKT in longitude and latitude.")
    polygonRegion: str | None = param(None, "Polygon outside of which nothing is valid: WKT in longitude and latitude.")
    vectorFile: str | None = param(None, "File of polygons outside of which nothing is valid.")
    subSamplingX: int = param(1, "Every so many columns are kept.", unit="px", ge=1)
    subSamplingY: int = param(1, "Every so many rows are kept.", unit="px", ge=1)
    fullSwath: bool = param(False, "Whether to keep the whole width of a swath.")
    copyMetadata: bool = param(True, "Whether the product's metadata are kept.")
