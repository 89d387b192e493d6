"""Terrain flattening: gamma nought without the brightness of slopes. SNAP only."""

from __future__ import annotations

from typing import ClassVar

from sensetrack.graph.operators._base import Names, Operator
from sensetrack.graph.operators._foreign import DemResampling
from sensetrack.params import param


class TerrainFlattening(Operator):
    """Divides beta nought by the area of the terrain that each pixel sees (Small 2011).

    D. Small, Flattening gamma: radiometric terrain correction for SAR imagery, IEEE TGRS 49 (2011).
    """

    alias: ClassVar[str] = "Terrain-Flattening"
    suffix: ClassVar[str] = "_RTC"

    sourceBands: Names = param((), "Bands of beta nought to flatten; none: all.")
    demName: str = param("Copernicus 30m Global DEM", "Elevation model, or 'External DEM' for externalDEMFile.")
    demResamplingMethod: DemResampling = param("BILINEAR_INTERPOLATION", "How heights are interpolated.")
    externalDEMFile: str = param("", "Raster with heights, in any CRS.")
    externalDEMNoDataValue: float = param(0.0, "Height that means missing in externalDEMFile.", unit="m")
    externalDEMApplyEGM: bool = param(False, "Whether heights of externalDEMFile are above the geoid EGM96.")
    outputSimulatedImage: bool = param(False, "Add the simulated brightness as a band.")
    outputSigma0: bool = param(False, "Give sigma nought as well.")
    nodataValueAtSea: bool = param(True, "Whether pixels without height are left out.")
    additionalOverlap: float = param(0.1, "How much larger tiles are than what they write, as a share.", ge=0, le=1)
    oversamplingMultiple: float = param(1.0, "How many times finer than the image the terrain is sampled.", gt=0)
