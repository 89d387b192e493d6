"""Puts radar images on a map without heights of the terrain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from sensetrack.graph.elevation import Elevation
from sensetrack.graph.geocoded_scene import INTERPOLATIONS, band_on_map, has_geometry, radar_bands, radars_of
from sensetrack.graph.map_grid import MapRules, grid_around
from sensetrack.graph.operators._base import Context, Names, Operator, Sources
from sensetrack.graph.operators.terrain_correction import TerrainCorrection
from sensetrack.graph.scene import Scene
from sensetrack.params import param
from sensetrack.radar.grid import RadarGrid

Resampling = Literal["NEAREST_NEIGHBOUR", "BILINEAR_INTERPOLATION", "CUBIC_CONVOLUTION"]
"""How images are interpolated, in SNAP's words."""


class EllipsoidCorrectionGG(Operator):
    """Puts images on a map by the latitudes and longitudes of the product's tie points."""

    alias: ClassVar[str] = "Ellipsoid-Correction-GG"
    suffix: ClassVar[str] = "_EC"

    sourceBands: Names = param((), "Bands to correct; all where none is named.")
    imgResamplingMethod: Resampling = param("BILINEAR_INTERPOLATION", "How the image is interpolated.")
    mapProjection: str = param("WGS84(DD)", "CRS of the map: WKT, EPSG:n, AUTO:42001 or WGS84(DD).")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the scene on the map around its points, bilinear between them.

        Raises
        ------
        GraphError
            A band cannot be corrected; the CRS is none.
        InputError
            The orbit does not cover the scene.
        """
        from sensetrack.graph.tie_geocoding import TieLocator, TiePlaces

        scene = sources.one
        bands = radar_bands(scene, self.sourceBands, self.alias)
        radars = radars_of(bands)
        which = [next(n for n, each in enumerate(radars) if has_geometry(band, each)) for band in bands]
        ties = [TiePlaces.of(scene, bands[which.index(number)]) for number in range(len(radars))]
        outlines = [tie.outline(radar.shape) for tie, radar in zip(ties, radars, strict=True)]
        latitude, longitude = np.concatenate(outlines, axis=1)
        grid = grid_around(longitude, latitude, radars, MapRules(projection=self.mapProjection))
        locators = [TieLocator.of(tie, radar.shape, grid, scene.name) for tie, radar in zip(ties, radars, strict=True)]
        method = INTERPOLATIONS[self.imgResamplingMethod]
        made = [band_on_map(band, locators[number], method) for band, number in zip(bands, which, strict=True)]
        return scene.after(self.alias, made, suffix=self.suffix)


class EllipsoidCorrectionRD(TerrainCorrection):
    """Puts images on a map by range and Doppler, at the average height of the scene.

    It has all parameters of Terrain-Correction, as SNAP writes them into graphs; those of the elevation model do not
    count.
    """

    alias: ClassVar[str] = "Ellipsoid-Correction-RD"
    suffix: ClassVar[str] = "_EC"

    def _elevation(self, context: Context, radars: Sequence[RadarGrid]) -> Elevation:
        return Elevation(base=float(np.mean([radar.height for radar in radars])))
