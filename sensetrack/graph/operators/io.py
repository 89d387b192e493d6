"""Reads products and rasters, and writes what was made of them."""

from __future__ import annotations

from typing import ClassVar

from sensetrack.graph.operators._base import Names, Operator, Slot
from sensetrack.graph.operators._region import Region
from sensetrack.params import param

ANY = (Slot("sourceProduct", ("source",), optional=True),)


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


class ProductSetReader(Operator):
    """Several products, for operators that take any number of them."""

    alias: ClassVar[str] = "ProductSet-Reader"
    slots: ClassVar[tuple[Slot, ...]] = ()

    fileList: Names = param(..., "What to read, parted by commas; \\u002C stands for a comma in a name.", min_length=1)


class Write(Operator):
    """A file of all bands of its source."""

    alias: ClassVar[str] = "Write"
    also: ClassVar[tuple[str, ...]] = ("WriteOp",)

    file: str = param(..., "File to write.", min_length=1)
    formatName: str = param("BEAM-DIMAP", "Format, such as GeoTIFF or NetCDF4-CF.")
    deleteOutputOnFailure: bool = param(True, "Whether a file that is not complete is deleted.")
    writeEntireTileRows: bool = param(False, "Whether whole rows of tiles are written at a time.")
    clearCacheAfterRowWrite: bool = param(False, "Whether tiles are forgotten once their row is written.")
