"""Cuts a part out of a scene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sensetrack.errors import GraphError
from sensetrack.graph.cut import Cut
from sensetrack.graph.operators._base import Context, Names, Operator, Sources
from sensetrack.graph.operators._ignored import say_ignored
from sensetrack.graph.operators._radar import selected
from sensetrack.graph.operators._region import Region
from sensetrack.graph.region import parse_region, read_region
from sensetrack.graph.scene import Scene
from sensetrack.params import param


class Subset(Operator):
    """A part of a scene: of its area, of its bands, of its pixels."""

    alias: ClassVar[str] = "Subset"
    prefix: ClassVar[str] = "Subset_"
    renamed: ClassVar[Mapping[str, str]] = {
        "tiePointGridNames": "tiePointGrids",
    }

    sourceBands: Names = param((), "Bands to keep; none: all.")
    sourceMasks: Names = param((), "Masks to keep.")
    tiePointGrids: Names = param((), "Grids of tie points to keep.")
    region: Region = param(None, "Part to keep: x, y, width and height.", unit="px")
    referenceBand: str | None = param(None, "Band in whose pixels the region counts, where bands differ in size.")
    geoRegion: str | None = param(None, "Part to keep: the bounding box of this WKT in longitude and latitude.")
    polygonRegion: str | None = param(None, "Polygon outside of which nothing is valid: WKT in longitude and latitude.")
    vectorFile: str | None = param(None, "File of polygons outside of which nothing is valid.")
    subSamplingX: int = param(1, "Every so many columns are kept.", unit="px", ge=1)
    subSamplingY: int = param(1, "Every so many rows are kept.", unit="px", ge=1)
    fullSwath: bool = param(False, "Whether to keep the whole width of a swath.")
    copyMetadata: bool = param(True, "Whether the product's metadata are kept.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Cut the bands; a part that lies beside the scene is an error.

        Of a ``geoRegion`` the bounding box in pixels is kept, whole; a ``polygonRegion`` or a ``vectorFile`` makes
        invalid what lies outside as well. ``geoRegion`` goes before ``region``, as in SNAP.
        """
        scene = sources.one
        say_ignored(self, context)
        cut = Cut(
            pixels=self.region,
            reference=None if self.referenceBand is None else scene.select([self.referenceBand], "referenceBand")[0],
            box=None if self.geoRegion is None else parse_region(self.geoRegion, "geoRegion"),
            inside=inside_of(self.polygonRegion, self.vectorFile, context),
            steps=(self.subSamplingY, self.subSamplingX),
            full_width=self.fullSwath,
        )
        bands = cut.of(scene, selected(scene, self.sourceBands))
        return scene.after(self.alias, bands, prefix=self.prefix)


def inside_of(polygon: str | None, vector: str | None, context: Context) -> Any:
    """Return the region outside of which nothing is valid, in longitude and latitude; None where there is none.

    Raises
    ------
    GraphError
        Both are given, or one cannot be used.
    """
    if polygon is not None and vector is not None:
        raise GraphError("polygonRegion and vectorFile are both given; leave one out")
    if vector is not None:
        return read_region(context.path(vector))
    return None if polygon is None else parse_region(polygon, "polygonRegion")
