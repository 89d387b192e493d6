"""Simulated radar images, and what is corrected by them. SNAP only."""

from __future__ import annotations

from typing import ClassVar

from sensetrack.graph.operators._base import Names, Operator
from sensetrack.graph.operators._foreign import DemResampling, ImageResampling, Loose
from sensetrack.params import param


class SarSimulation(Loose):
    """What a radar would see of the terrain."""

    alias: ClassVar[str] = "SAR-Simulation"

    sourceBands: Names = param((), "Bands that are kept beside it.")
    demName: str = param("Copernicus 30m Global DEM", "Elevation model, or 'External DEM' for externalDEMFile.")
    demResamplingMethod: DemResampling = param("BICUBIC_INTERPOLATION", "How heights are interpolated.")
    externalDEMFile: str = param("", "Raster with heights, in any CRS.")
    externalDEMNoDataValue: float = param(0.0, "Height that means missing in externalDEMFile.", unit="m")
    externalDEMApplyEGM: bool = param(True, "Whether heights of externalDEMFile are above the geoid EGM96.")
    saveDEM: bool = param(False, "Add the height as a band.")
    saveLocalIncidenceAngle: bool = param(False, "Add the incidence angle on the terrain as a band.")
    saveLayoverShadowMask: bool = param(False, "Add where layover and shadow are as a band.")


class SarSimTerrainCorrection(Loose):
    """Terrain correction by tie points between an image and its simulation."""

    alias: ClassVar[str] = "SARSim-Terrain-Correction"
    suffix: ClassVar[str] = "_TC"

    rmsThreshold: float = param(1.0, "Residual above which tie points are dropped.", unit="px", gt=0)
    warpPolynomialOrder: int = param(1, "Degree of the polynomial.", ge=1, le=3)
    imgResamplingMethod: ImageResampling = param("BILINEAR_INTERPOLATION", "How the image is interpolated.")
    pixelSpacingInMeter: float = param(0.0, "Pixel size; 0: that of the image.", unit="m", ge=0)
    pixelSpacingInDegree: float = param(0.0, "Pixel size; 0: that of the image.", unit="degrees", ge=0)
    mapProjection: str = param("WGS84(DD)", "CRS of the map: WKT, EPSG:n, AUTO:42001 or WGS84(DD).")
    saveDEM: bool = param(False, "Add the height as a band.")
    saveLatLon: bool = param(False, "Add latitude and longitude as bands.")
    saveLocalIncidenceAngle: bool = param(False, "Add the incidence angle on the terrain as a band.")
    saveProjectedLocalIncidenceAngle: bool = param(False, "Add the projected incidence angle as a band.")
    saveSelectedSourceBand: bool = param(True, "Whether the source bands themselves are in the output.")
    outputComplex: bool = param(False, "Whether complex bands stay complex.")
    applyRadiometricNormalization: bool = param(False, "Whether to normalise by the local angle.")
    saveSigmaNought: bool = param(False, "With normalisation: add sigma nought.")
    saveGammaNought: bool = param(False, "With normalisation: add gamma nought.")
    saveBetaNought: bool = param(False, "With normalisation: add beta nought.")
    openShiftsFile: bool = param(False, "Show the shifts in SNAP's window.")
    openResidualsFile: bool = param(False, "Show the residuals in SNAP's window.")


class Srgr(Operator):
    """From slant range to ground range."""

    alias: ClassVar[str] = "SRGR"
    suffix: ClassVar[str] = "_SRGR"

    sourceBands: Names = param((), "Bands to convert; none: all.")
    warpPolynomialOrder: int = param(4, "Degree of the polynomial.", ge=1, le=4)
    numRangePoints: int = param(100, "Points that it is fitted to.", ge=1)
    interpolationMethod: str = param("Linear", "How images are interpolated.")
