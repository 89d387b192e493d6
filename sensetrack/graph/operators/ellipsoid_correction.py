"""Puts radar images on a map without heights of the terrain."""

from __future__ import annotations

from typing import ClassVar, Literal

from sensetrack.graph.operators._base import Names, Operator
from sensetrack.params import param

Resampling = Literal["NEAREST_NEIGHBOUR", "BILINEAR_INTERPOLATION", "CUBIC_CONVOLUTION"]
"""How images are interpolated, in SNAP's words."""


class EllipsoidCorrectionGG(Operator):
    """Puts images on a map by the latitudes and longitudes of the product's tie points."""

    alias: ClassVar[str] = "Ellipsoid-Correction-GG"
    suffix: ClassVar[str] = "_EC"

    sourceBands: Names = param((), "Bands to correct; all where none is named.")
    imgResamplingMethod: Resampling = param("BILINEAR_INTERPOLATION", "How the image is interpolated.")
    mapProjection: str = param("WGS84(DD)", "CRS of the map: WKT, EPSG:n, AUTO:42001 or WGS84(DD).")


class EllipsoidCorrectionRD(Operator):
    """Puts images on a map by range and Doppler, at the average height of the scene."""

    alias: ClassVar[str] = "Ellipsoid-Correction-RD"
    suffix: ClassVar[str] = "_EC"

    sourceBands: Names = param((), "Bands to correct; all where none is named.")
    imgResamplingMethod: Resampling = param("BILINEAR_INTERPOLATION", "How the image is interpolated.")
    mapProjection: str = param("WGS84(DD)", "CRS of the map: WKT, EPSG:n, AUTO:42001 or WGS84(DD).")
