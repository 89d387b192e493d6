"""Puts radar images on a map with the heights of the terrain: range-Doppler terrain correction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from sensetrack.errors import GraphError
from sensetrack.graph.elevation import Elevation
from sensetrack.graph.elevation_models import open_elevation
from sensetrack.graph.geocoded_scene import INTERPOLATIONS, OnMap, radar_bands, radars_of
from sensetrack.graph.map_grid import MapRules, area_of, map_grid, parts_of
from sensetrack.graph.operators._base import Context, Names, Operator, Sources
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.graph.source import derived
from sensetrack.params import param
from sensetrack.raster.crs import extent_text
from sensetrack.raster.grid import Grid

if TYPE_CHECKING:
    from sensetrack.graph.geocoding import Interpolation
    from sensetrack.graph.geometry_bands import Angle
    from sensetrack.radar.geocode import Between
    from sensetrack.radar.grid import RadarGrid

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

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the scene on the map that the parameters describe; see `sensetrack.graph.map_grid.map_grid`.

        Raises
        ------
        GraphError
            A band cannot be corrected; a parameter is for SNAP only; the elevation model, the geoid or the CRS is not
            there.
        InputError
            A file cannot be read, or the orbit does not cover the scene.
        """
        return self._corrected(sources.one, None, context, None, "nearest")

    def onto(
        self,
        scene: Scene,
        grid: Grid,
        context: Context,
        *,
        method: Interpolation | None = None,
        between: Between = "nearest",
    ) -> Scene:
        """Return a scene on a grid of the caller's, so that many scenes lie on one without a second resampling.

        Parameters
        ----------
        scene : Scene
        grid : Grid
            In any CRS; what the parameters say of the map does not count.
        context : Context
        method : Interpolation, optional
            In place of ``imgResamplingMethod``; ``"spline"`` for images that are to be tracked.
        between : {"nearest", "linear"}
            Which polynomials of ground range hold; see `sensetrack.radar.geocode.RadarGeometry.of`.

        Raises
        ------
        GraphError, InputError
            As `apply`; the grid has no CRS.
        """
        if grid.crs is None:
            raise GraphError(f"{self.alias}: the grid that {scene.name} is to be put on has no CRS")
        return self._corrected(scene, grid, context, method, between)

    def _corrected(
        self, scene: Scene, grid: Grid | None, context: Context, method: Interpolation | None, between: Between
    ) -> Scene:
        self._refuse()
        bands = radar_bands(scene, self.sourceBands, self.alias)
        radars = radars_of(bands)
        elevation = self._elevation(context, radars)
        area = area_of(radars)
        if not elevation.covers(area):
            raise GraphError(
                f"{self.alias}: {self.externalDEMFile or self.demName} has no height under {scene.name}, which lies at "
                f"{extent_text(area)} in longitude and latitude; check its area, and externalDEMNoDataValue = "
                f"{self.externalDEMNoDataValue:g}"
            )
        on_map = OnMap.of(
            bands,
            grid or map_grid(radars, elevation, self._rules),
            elevation,
            method or INTERPOLATIONS[self.imgResamplingMethod],
            between,
        )
        made = [on_map.band(band) for band in bands]
        more = [*self._normalised(bands, made, on_map), *self._geometry(made[0], on_map)]
        names = {band.name for band in more}
        kept = [band for band in made if band.name not in names] if self.saveSelectedSourceBand else []
        if not kept and not more:
            raise GraphError(f"{self.alias}: saveSelectedSourceBand = false and no other band leave nothing to write")
        return scene.after(self.alias, [*kept, *more], suffix=self.suffix)

    @property
    def _rules(self) -> MapRules:
        return MapRules(
            projection=self.mapProjection,
            metres=self.pixelSpacingInMeter,
            degrees=self.pixelSpacingInDegree,
            aligned=self.alignToStandardGrid,
            origin=(self.standardGridOriginX, self.standardGridOriginY),
        )

    def _elevation(self, context: Context, radars: Sequence[RadarGrid]) -> Elevation:
        return open_elevation(
            self.demName,
            file=self.externalDEMFile,
            nodata=self.externalDEMNoDataValue,
            above_geoid=self.externalDEMApplyEGM,
            resampling=self.demResamplingMethod,
            known_only=self.nodataValueAtSea,
            boxes=parts_of(area_of(radars)),
            context=context,
        )

    def _refuse(self) -> None:
        for name in ("outputComplex", "applyAPDCorrection", "saveBetaNought"):
            if getattr(self, name):
                raise GraphError(f"{self.alias}: {name} = true runs in SNAP only: use --engine gpt, or set it to false")
        saves = self.saveSigmaNought or self.saveGammaNought
        if saves and not self.applyRadiometricNormalization:
            raise GraphError(
                f"{self.alias}: saveSigmaNought and saveGammaNought need applyRadiometricNormalization = true"
            )

    def _normalised(self, bands: Sequence[SceneBand], made: Sequence[SceneBand], on_map: OnMap) -> Iterator[SceneBand]:
        """Yield the bands of the radiometric normalisation."""
        if not self.applyRadiometricNormalization:
            return
        from sensetrack.graph.normalised import Normalised

        wanted = [(own, new) for own, new in zip(bands, made, strict=True) if own.name.startswith("Sigma0_")]
        if not wanted or any(own.unit != "intensity" for own, _ in wanted):
            raise GraphError(
                f"{self.alias}: applyRadiometricNormalization needs sigma nought, linear; put Calibration before it"
            )
        is_gamma = self.saveGammaNought
        for own, new in wanted:
            for quantity, on, choice in (
                ("Sigma0", self.saveSigmaNought or not is_gamma, self.incidenceAngleForSigma0),
                ("Gamma0", is_gamma, self.incidenceAngleForGamma0),
            ):
                if not on:
                    continue
                angle, ending = _ANGLES[choice]
                source = Normalised(
                    new.image, on_map.geocoder(own), angle, "Gamma0" if quantity == "Gamma0" else "Sigma0"
                )
                name = quantity + own.name.removeprefix("Sigma0") + ending
                image = derived(new.image, source)
                yield new.replace(name=name, image=image, dtype="float32")

    def _geometry(self, first: SceneBand, on_map: OnMap) -> Iterator[SceneBand]:
        """Yield the bands that tell of the geometry."""
        from sensetrack.graph.geometry_bands import geometry_band

        for name, wanted in (
            ("elevation", self.saveDEM),
            ("latitude", self.saveLatLon),
            ("longitude", self.saveLatLon),
            ("localIncidenceAngle", self.saveLocalIncidenceAngle),
            ("projectedLocalIncidenceAngle", self.saveProjectedLocalIncidenceAngle),
            ("incidenceAngleFromEllipsoid", self.saveIncidenceAngleFromEllipsoid),
            ("layoverShadowMask", self.saveLayoverShadowMask),
        ):
            if wanted:
                yield geometry_band(name, on_map.geocoders[0], first.image)


_ANGLES: dict[str, tuple[Angle, str]] = {
    "Use projected local incidence angle from DEM": ("projected", ""),
    "Use local incidence angle from DEM": ("local", "_use_local_inci_angle_from_dem"),
    "Use incidence angle from Ellipsoid": ("ellipsoid", "_use_inci_angle_from_ellipsoid"),
}
"""Angle of the normalisation, and what the band's name gets."""
