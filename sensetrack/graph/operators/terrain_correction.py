"""Puts radar images on a map with the heights of the terrain: range-Doppler terrain correction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from sensetrack.graph.operators._base import Names, Operator
from sensetrack.params import param

Resampling = Literal[
    "NEAREST_NEIGHBOUR",
    "BILINEAR_INTERPOLATION",
    "CUBIC_CONVOLUTION",
    "BISINC_5_POINT_INTERPOLATION",
    "BISINC_11_POINT_INTERPOLATION",
    "BISINC_21_POINT_INTERPOLATION",
    "BICUBIC_INTERPOLATION",
]
"""How images are interpolated, in SNAP's words."""

HeightResampling = Literal[
    "NEAREST_NEIGHBOUR",
    "BILINEAR_INTERPOLATION",
    "CUBIC_CONVOLUTION",
    "BISINC_5_POINT_INTERPOLATION",
    "BISINC_11_POINT_INTERPOLATION",
    "BISINC_21_POINT_INTERPOLATION",
    "BICUBIC_INTERPOLATION",
    "DELAUNAY_INTERPOLATION",
]
"""How heights are interpolated."""

IncidenceChoice = Literal[
    "Use projected local incidence angle from DEM",
    "Use local incidence angle from DEM",
    "Use incidence angle from Ellipsoid",
]
"""Which angle the radiometric normalisation takes."""


class TerrainCorrection(Operator):
    """Range-Doppler terrain correction: every pixel of the map takes the echo of its place at its height."""

    alias: ClassVar[str] = "Terrain-Correction"
    suffix: ClassVar[str] = "_TC"
    since: ClassVar[Mapping[str, int]] = {"applyAPDCorrection": 12}

    sourceBands: Names = param((), "Bands to correct; all where none is named.")
    demName: str = param("Copernicus 30m Global DEM", "Elevation model, or 'External DEM' for externalDEMFile.")
    externalDEMFile: str = param("", "Raster with heights, in any CRS.")
    externalDEMNoDataValue: float = param(0.0, "Height that means missing in externalDEMFile.", unit="m")
    externalDEMApplyEGM: bool = param(True, "Whether heights of externalDEMFile are above the geoid EGM96.")
    demResamplingMethod: HeightResampling = param("BILINEAR_INTERPOLATION", "How heights are interpolated.")
    imgResamplingMethod: Resampling = param("BILINEAR_INTERPOLATION", "How the image is interpolated.")
    pixelSpacingInMeter: float = param(0.0, "Pixel size; 0: that of the image.", unit="m", ge=0)
    pixelSpacingInDegree: float = param(0.0, "Pixel size; 0: pixelSpacingInMeter at the equator.", unit="degrees", ge=0)
    mapProjection: str = param("WGS84(DD)", "CRS of the map: WKT, EPSG:n, AUTO:42001 or WGS84(DD).")
    alignToStandardGrid: bool = param(False, "Whether pixel centres lie at whole pixels from the standard origin.")
    standardGridOriginX: float = param(0.0, "Origin of the standard grid, in units of the CRS.")
    standardGridOriginY: float = param(0.0, "Origin of the standard grid, in units of the CRS.")
    nodataValueAtSea: bool = param(True, "Whether pixels without height are left out; else they lie on the geoid.")
    saveDEM: bool = param(False, "Add the height above the ellipsoid as a band.")
    saveLatLon: bool = param(False, "Add latitude and longitude as bands.")
    saveIncidenceAngleFromEllipsoid: bool = param(False, "Add the incidence angle on the ellipsoid as a band.")
    saveLocalIncidenceAngle: bool = param(False, "Add the incidence angle on the terrain as a band.")
    saveProjectedLocalIncidenceAngle: bool = param(
        False, "Add the incidence angle on the terrain, in the plane of the look direction, as a band."
    )
    saveLayoverShadowMask: bool = param(False, "Add where layover (1), shadow (2) or both (3) are, as a band.")
    outputComplex: bool = param(False, "Whether complex bands stay complex; in SNAP only.")
    applyRadiometricNormalization: bool = param(False, "Whether sigma nought is normalised by the local angle.")
    saveSigmaNought: bool = param(False, "With normalisation: add sigma nought.")
    saveGammaNought: bool = param(False, "With normalisation: add gamma nought.")
    saveBetaNought: bool = param(False, "With normalisation: add beta nought.")
    saveSelectedSourceBand: bool = param(True, "Whether the source bands themselves are in the output.")
    incidenceAngleForSigma0: IncidenceChoice = param(
        "Use projected local incidence angle from DEM", "Angle of the normalisation of sigma nought."
    )
    incidenceAngleForGamma0: IncidenceChoice = param(
        "Use projected local incidence angle from DEM", "Angle of the normalisation of gamma nought."
    )
    auxFile: Literal["Latest Auxiliary File", "Product Auxiliary File", "External Auxiliary File"] = param(
        "Latest Auxiliary File", "Of ENVISAT only."
    )
    externalAuxFile: str = param("", "Of ENVISAT only.")
    applyAPDCorrection: bool = param(False, "Correct the path delay of the atmosphere; in SNAP only.")
