"""Reads products and rasters, and writes what was made of them."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from sensetrack.errors import GraphError
from sensetrack.graph.cut import Cut
from sensetrack.graph.operators._base import Context, Names, Operator, Slot, Sources
from sensetrack.graph.operators._ignored import say_ignored
from sensetrack.graph.operators._radar import selected
from sensetrack.graph.operators._region import Region
from sensetrack.graph.operators.subset import inside_of
from sensetrack.graph.output import check_scene, target_of
from sensetrack.graph.reading import read_scene
from sensetrack.graph.region import parse_region
from sensetrack.graph.scene import Scene
from sensetrack.params import param
from sensetrack.sensors import product_at


class Read(Operator):
    """A product of a sensor, or any raster."""

    alias: ClassVar[str] = "Read"
    also: ClassVar[tuple[str, ...]] = ("ReadOp",)
    slots: ClassVar[tuple[Slot, ...]] = ()

    file: str = param(..., "What to read: a file, folder or archive.", min_length=1)
    formatName: str | None = param(None, "Format that it must have, such as SENTINEL-1.")
    sourceBands: Names = param((), "Bands to read; none: all.")
    sourceMasks: Names = param((), "Masks to read.")
    pixelRegion: Region = param(None, "Part to read: x, y, width and height.", unit="px")
    geometryRegion: str | None = param(None, "Part to read: WKT in longitude and latitude.")
    polygonRegion: str | None = param(None, "Polygon outside of which nothing is valid: WKT in longitude and latitude.")
    vectorFile: str | None = param(None, "File of polygons outside of which nothing is valid.")
    useAdvancedOptions: bool = param(False, "Whether the parameters that choose bands and parts count.")
    copyMetadata: bool = param(True, "Whether the product's metadata are kept.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Open the product; bands are called as `sensetrack.graph.reading.read_scene` says.

        As in SNAP, bands and parts are chosen only where ``useAdvancedOptions`` is true.
        """
        scene = read_scene(context.place(self.file), self.formatName)
        if not self.useAdvancedOptions:
            return scene
        say_ignored(self, context)
        cut = Cut(
            pixels=self.pixelRegion,
            names=("pixelRegion", "geometryRegion", "polygonRegion"),
            box=None if self.geometryRegion is None else parse_region(self.geometryRegion, "geometryRegion"),
            inside=inside_of(self.polygonRegion, self.vectorFile, context),
        )
        return dataclasses.replace(scene, bands=cut.of(scene, selected(scene, self.sourceBands)))


class ProductSetReader(Operator):
    """Several products, for operators that take any number of them."""

    alias: ClassVar[str] = "ProductSet-Reader"
    slots: ClassVar[tuple[Slot, ...]] = ()

    fileList: Names = param(..., "What to read, parted by commas; \\u002C stands for a comma in a name.", min_length=1)

    def scenes(self, context: Context) -> tuple[Scene, ...]:
        """Open all products, those of a folder by name."""
        found: list[Scene] = []
        for name in self.fileList:
            path = context.path(name.replace("\\u002C", ","))
            if path.is_dir() and product_at(path) is None:
                inside = sorted(each for each in path.iterdir() if not each.name.startswith("."))
                if not inside:
                    raise GraphError(f"fileList: the folder '{path}' is empty")
                found += [read_scene(each) for each in inside]
            else:
                found.append(read_scene(path))
        return tuple(found)

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the only product; where there are several, the executor hands them on by `scenes`."""
        found = self.scenes(context)
        if len(found) > 1:
            raise GraphError(f"fileList names {len(found)} products, for an operator that takes one")
        return found[0]


class Write(Operator):
    """A file of all bands of its source."""

    alias: ClassVar[str] = "Write"
    also: ClassVar[tuple[str, ...]] = ("WriteOp",)

    file: str = param(..., "File to write.", min_length=1)
    formatName: str = param("BEAM-DIMAP", "Format, such as GeoTIFF or NetCDF4-CF.")
    deleteOutputOnFailure: bool = param(True, "Whether a file that is not complete is deleted.")
    writeEntireTileRows: bool = param(False, "Whether whole rows of tiles are written at a time.")
    clearCacheAfterRowWrite: bool = param(False, "Whether tiles are forgotten once their row is written.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the source, once it is sure that it can be written; `sensetrack.graph.native` writes it."""
        target_of(context.path(self.file), self.formatName)
        check_scene(sources.one)
        return sources.one
