"""Brings a scene into another map projection."""

from __future__ import annotations

from typing import ClassVar, Literal

from sensetrack.graph.operators._base import Operator, Slot
from sensetrack.params import param


class Reproject(Operator):
    """A scene on a grid of another CRS."""

    alias: ClassVar[str] = "Reproject"
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("sourceProduct", ("source",)),
        Slot("collocateWith", ("collocationProduct",), optional=True),
    )
    prefix: ClassVar[str] = "projected_"
    ours: ClassVar[frozenset[str]] = frozenset({"alignToStandardGrid", "standardGridOriginX", "standardGridOriginY"})

    wktFile: str | None = param(None, "File that holds the CRS as WKT.")
    crs: str | None = param(None, "The CRS: EPSG:n, WKT, or AUTO:42001.")
    resampling: Literal["Nearest", "Bilinear", "Bicubic"] = param("Nearest", "How pixels are taken from the source.")
    referencePixelX: float | None = param(None, "Column of the pixel that easting refers to.", unit="px")
    referencePixelY: float | None = param(None, "Row of the pixel that northing refers to.", unit="px")
    easting: float | None = param(None, "Map x of the reference pixel.")
    northing: float | None = param(None, "Map y of the reference pixel.")
    orientation: float = param(0.0, "Turn of the grid against the map's north.", unit="deg", ge=-360, le=360)
    pixelSizeX: float | None = param(None, "Width of a pixel, in units of the map.", gt=0)
    pixelSizeY: float | None = param(None, "Height of a pixel, in units of the map.", gt=0)
    width: int | None = param(None, "Columns.", unit="px", gt=0)
    height: int | None = param(None, "Rows.", unit="px", gt=0)
    tileSizeX: int | None = param(None, "Width of SNAP's tiles.", unit="px", gt=0)
    tileSizeY: int | None = param(None, "Height of SNAP's tiles.", unit="px", gt=0)
    orthorectify: bool = param(False, "Whether to correct for terrain.")
    elevationModelName: str | None = param(None, "Elevation model for that.")
    noDataValue: float | None = param(None, "What pixels without a value hold.")
    includeTiePointGrids: bool = param(True, "Whether grids of tie points become bands.")
    addDeltaBands: bool = param(False, "Whether bands with the deviation of positions are added.")
    alignToStandardGrid: bool = param(
        False, "Whether pixel centres lie at whole pixels from the standard origin; not in SNAP."
    )
    standardGridOriginX: float = param(0.0, "Origin of the standard grid, in units of the CRS; not in SNAP.")
    standardGridOriginY: float = param(0.0, "Origin of the standard grid, in units of the CRS; not in SNAP.")
