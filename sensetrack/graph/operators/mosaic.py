"""Mosaics of several scenes. SNAP only."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from sensetrack.graph.operators._base import MANY, Names, Operator, Slot
from sensetrack.graph.operators._foreign import ImageResampling, Loose
from sensetrack.params import param


class SarMosaic(Operator):
    """One image of several radar images on a map."""

    alias: ClassVar[str] = "SAR-Mosaic"
    slots: ClassVar[tuple[Slot, ...]] = MANY

    sourceBands: Names = param((), "Bands to put together; none: all.")
    resamplingMethod: ImageResampling = param("NEAREST_NEIGHBOUR", "How images are interpolated.")
    average: bool = param(True, "Whether to take the mean where images overlap.")
    normalizeByMean: bool = param(True, "Whether images are brought to one mean.")
    gradientDomainMosaic: bool = param(False, "Whether to join gradients in place of values.")
    pixelSize: float = param(0.0, "Pixel size; 0: that of the images.", unit="m", ge=0)
    sceneWidth: int = param(0, "Columns; 0: as many as it takes.", unit="px", ge=0)
    sceneHeight: int = param(0, "Rows; 0: as many as it takes.", unit="px", ge=0)
    feather: int = param(0, "Pixels at the edges of images that are left out.", unit="px", ge=0)
    maxIterations: int = param(5000, "Most iterations of gradientDomainMosaic.", ge=1)
    convergenceThreshold: float = param(1e-4, "Change below which they end.", gt=0)


class Mosaic(Loose):
    """One image of several scenes, by expressions."""

    alias: ClassVar[str] = "Mosaic"
    slots: ClassVar[tuple[Slot, ...]] = (*MANY, Slot("updateProduct", optional=True))

    variables: Any = param((), "Bands of the result: name and expression each.")
    conditions: Any = param((), "Where a scene counts: name, expression and output each.")
    combine: Literal["OR", "AND"] = param("OR", "How conditions are combined.")
    crs: str = param("EPSG:4326", "CRS of the result.")
    resampling: Literal["Nearest", "Bilinear", "Bicubic"] = param("Nearest", "How pixels are taken from the sources.")
    westBound: float = param(-15.0, "Western end.", unit="degrees", ge=-180, le=180)
    northBound: float = param(75.0, "Northern end.", unit="degrees", ge=-90, le=90)
    eastBound: float = param(30.0, "Eastern end.", unit="degrees", ge=-180, le=180)
    southBound: float = param(35.0, "Southern end.", unit="degrees", ge=-90, le=90)
    pixelSizeX: float = param(0.05, "Width of a pixel, in units of the map.", gt=0)
    pixelSizeY: float = param(0.05, "Height of a pixel, in units of the map.", gt=0)
    orthorectify: bool = param(False, "Whether to correct for terrain.")
