"""Terrain correction: a known scene seen by a radar comes back on the map, whatever the terrain, side and heights."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from affine import Affine
from products.orbit import Doubles, Orbit
from products.radar_grid import places, radar_grid
from rasterio.crs import CRS
from scipy.ndimage import binary_erosion

from sensetrack.errors import GraphError, InputError, ParameterError
from sensetrack.graph.operators import operator
from sensetrack.graph.operators._base import Context, Sources
from sensetrack.graph.operators.ellipsoid_correction import EllipsoidCorrectionGG, EllipsoidCorrectionRD
from sensetrack.graph.operators.terrain_correction import TerrainCorrection
from sensetrack.graph.scene import Scene, SceneBand, Unit
from sensetrack.radar.grid import RadarGrid
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block

DEGREES = CRS.from_epsg(4326)
SHAPE = (200, 240)
GEOID = 47.0


@dataclasses.dataclass(frozen=True)
class World:
    """A hill, a pattern on it, and a radar that sees them."""

    radar: RadarGrid
    centre: tuple[float, float]
    seen: tuple[Doubles, Doubles]
    context: Context
    dem: str

    def hill(self, lat: Doubles, lon: Doubles) -> Doubles:
        """Height above the geoid, m."""
        north, east = (lat - self.centre[0]) * 111e3, (lon - self.centre[1]) * 111e3 * np.cos(np.radians(lat))
        return 600 + 150 * np.exp(-(north**2 + east**2) / 2 / 500**2)

    def pattern(self, lat: Doubles, lon: Doubles) -> Doubles:
        """Waves of about 400 m."""
        return 100 + 30 * np.sin((lat - self.centre[0]) * 2 * np.pi * 270) + 20 * np.cos((lon - self.centre[1]) * 1500)

    def scene(self, unit: Unit = "amplitude", name: str = "Amplitude_VV", **changes: object) -> Scene:
        """The pattern as the radar sees it."""
        pixels = self.pattern(*self.seen).astype(np.float32)
        if unit == "complex":
            rng = np.random.default_rng(0)
            pixels = (np.sqrt(pixels) * np.exp(2j * np.pi * rng.uniform(size=SHAPE))).astype(np.complex64)
        image = Image.from_array(pixels)
        band = SceneBand(name=name, image=image, unit=unit, radar=self.radar, dtype="uint16", nodata=0.0)
        return Scene(name="S", bands=(band.replace(**changes),))

    def settings(self, **changes: object) -> TerrainCorrection:
        """Parameters with the external elevation model."""
        known = {"demName": "External DEM", "externalDEMFile": self.dem, "mapProjection": "AUTO:42001"}
        return TerrainCorrection(**(known | changes))

    def truth(self, grid: Grid) -> Doubles:
        lon, lat = transform_points(grid.crs, DEGREES, *grid.xy(*np.indices(grid.shape)))
        return self.pattern(lat, lon)


@pytest.fixture(scope="module", params=["R", "L"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    import rasterio

    folder = tmp_path_factory.mktemp("world")
    orbit = Orbit(side=request.param)
    radar = radar_grid(orbit, SHAPE, first=0.7, height=650.0)
    lat, lon = orbit.ground(0.7 + 100 * radar.line_interval, radar.near_range + 120 * radar.range_spacing, 700.0)
    world = World(radar, (float(lat), float(lon)), (np.zeros(1), np.zeros(1)), Context(folder=folder), "hill.tif")
    size = 1 / 3600
    grid = Grid((400, 500), Affine(size, 0, float(lon) - 250 * size, 0, -size, float(lat) + 200 * size), DEGREES)
    x, y = grid.xy(*np.indices(grid.shape))
    geoid = Grid((19, 37), Affine(10, 0, -185, 0, -10, 95), DEGREES)
    for name, values, on in (
        ("hill.tif", world.hill(y, x), grid),
        ("above.tif", world.hill(y, x) + GEOID, grid),
        ("geoid.tif", np.full(geoid.shape, GEOID), geoid),
        ("far.tif", np.ones((4, 4)), Grid((4, 4), Affine(1, 0, -100, 0, -1, -30), DEGREES)),
    ):
        profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": on.crs, "transform": on.transform}
        with rasterio.open(folder / name, "w", height=on.height, width=on.width, **profile) as file:
            file.write(values.astype(np.float32), 1)
    seen = places(radar, orbit, lambda lat, lon: world.hill(lat, lon) + GEOID)
    context = Context(folder=folder, geoid=folder / "geoid.tif")
    return dataclasses.replace(world, seen=seen, context=context)


def read(scene: Scene, name: str | None = None) -> tuple[Grid, np.ndarray, np.ndarray]:
    band = scene.bands[0] if name is None else scene.band(name)
    return band.grid, *band.image.read()


@pytest.mark.parametrize("projection", ["AUTO:42001", "WGS84(DD)"])
def test_a_known_scene_comes_back(world: World, projection: str) -> None:
    settings = world.settings(mapProjection=projection, imgResamplingMethod="CUBIC_CONVOLUTION")
    made = settings.apply(Sources({"source": world.scene()}), world.context)
    assert made.name == "S_TC" and made.done == ("Terrain-Correction",)
    band = made.bands[0]
    assert (band.name, band.unit, band.dtype, band.nodata) == ("Amplitude_VV", "amplitude", "float32", 0)
    assert band.radar is None
    grid, pixels, valid = read(made)
    assert valid.mean() > 0.4 and (pixels[~valid] == 0).all()
    # At its borders the image goes on with its last pixels.
    inner = binary_erosion(valid, iterations=3)
    difference = (pixels - world.truth(grid))[inner]
    assert np.abs(difference).max() < 0.1 and abs(difference.mean()) < 1e-3
    # Nothing is cut off: the map shows as much as the image does.
    assert valid.sum() * abs(grid.transform.determinant) == pytest.approx(AREA[projection](world), rel=0.02)


def _area(world: World) -> float:
    """Area of the image on the ground, from the places of its corners."""
    lat, lon = (each[[0, 0, -1, -1], [0, -1, -1, 0]] for each in world.seen)
    x, y = lon * np.cos(np.radians(world.centre[0])) * 111_320, lat * 110_980
    return 0.5 * abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))))


AREA: dict[str, Callable[[World], float]] = {
    "AUTO:42001": _area,
    "WGS84(DD)": lambda world: _area(world) / 111_320 / 110_980 / np.cos(np.radians(world.centre[0])),
}


def test_the_wrong_height_moves_the_scene(world: World) -> None:
    """47 m of geoid are 50 m on the ground: heights count, and they come from where the parameters say."""
    right, wrong = (
        world.settings(externalDEMFile=name, externalDEMApplyEGM=False, imgResamplingMethod="CUBIC_CONVOLUTION")
        for name in ("above.tif", "hill.tif")
    )
    errors = []
    for settings in (right, wrong):
        without_geoid = Context(folder=world.context.folder)
        grid, pixels, valid = read(settings.apply(Sources({"source": world.scene()}), without_geoid))
        errors.append(np.abs((pixels - world.truth(grid))[binary_erosion(valid, iterations=3)]).max())
    assert errors[0] < 0.1 and errors[1] > 10


@pytest.mark.parametrize(
    ("method", "tolerance"),
    [
        ("NEAREST_NEIGHBOUR", 6.0),
        ("BILINEAR_INTERPOLATION", 0.6),
        ("BICUBIC_INTERPOLATION", 0.1),
        ("BISINC_21_POINT_INTERPOLATION", 0.1),
        ("spline", 0.06),
    ],
)
def test_interpolation_onto_a_grid_of_the_callers(world: World, method: str, tolerance: float) -> None:
    x, y = transform_points(DEGREES, CRS.from_epsg(3857), np.array([world.centre[1]]), np.array([world.centre[0]]))
    grid = Grid((60, 50), Affine(12, 0, float(x[0]) - 400, 0, -12, float(y[0]) + 400), CRS.from_epsg(3857))
    settings = world.settings(**({} if method == "spline" else {"imgResamplingMethod": method}))
    made = settings.onto(world.scene(), grid, world.context, method="spline" if method == "spline" else None)
    assert made.grid == grid
    assert made.bands[0].dtype == ("uint16" if method == "NEAREST_NEIGHBOUR" else "float32")
    _, pixels, valid = read(made)
    assert valid.all()
    assert np.abs(pixels - world.truth(grid)).max() < tolerance
    with pytest.raises(GraphError, match="has no CRS"):
        settings.onto(world.scene(), Grid((5, 5)), world.context)


def test_complex_pixels_become_intensities(world: World) -> None:
    made = world.settings().apply(Sources({"source": world.scene("complex", "VV")}), world.context)
    assert made.bands[0].name == "Intensity_VV" and made.bands[0].unit == "intensity"
    grid, pixels, valid = read(made)
    assert np.abs(pixels - world.truth(grid))[valid].max() < 0.6
    assert not made.bands[0].image.is_complex


def test_missing_pixels_and_heights_stay_missing(world: World) -> None:
    pixels = world.pattern(*world.seen).astype(np.float32)
    keep = np.ones(SHAPE, bool)
    keep[80:120, 100:140] = False
    scene = world.scene(image=Image.from_array(pixels, valid=keep))
    grid, _, valid = read(world.settings().apply(Sources({"source": scene}), world.context))
    whole = read(world.settings().apply(Sources({"source": world.scene()}), world.context))[2]
    hole = whole & ~valid
    row, col = (each.mean() for each in np.nonzero(hole))
    lon, lat = transform_points(grid.crs, DEGREES, *grid.xy(row, col))
    for found, axis in zip((lat, lon), world.seen, strict=True):
        assert abs(float(found) - float(axis[99, 119])) < 2e-3
    assert (valid <= whole).all()


def test_blocks_and_copies_give_the_same_bytes(world: World) -> None:
    image = world.settings().apply(Sources({"source": world.scene()}), world.context).bands[0].image
    pixels, valid = image.read()
    block = Block(40, 33, 90, 71)
    part = pickle.loads(pickle.dumps(image)).read(block)
    assert np.array_equal(part[0], pixels[block.slices]) and np.array_equal(part[1], valid[block.slices])


def test_all_bands_of_the_geometry(world: World) -> None:
    settings = world.settings(
        saveDEM=True,
        saveLatLon=True,
        saveLocalIncidenceAngle=True,
        saveProjectedLocalIncidenceAngle=True,
        saveIncidenceAngleFromEllipsoid=True,
        saveLayoverShadowMask=True,
        saveSelectedSourceBand=False,
    )
    made = settings.apply(Sources({"source": world.scene()}), world.context)
    assert [band.name for band in made.bands] == [
        "elevation",
        "latitude",
        "longitude",
        "localIncidenceAngle",
        "projectedLocalIncidenceAngle",
        "incidenceAngleFromEllipsoid",
        "layoverShadowMask",
    ]
    grid, height, valid = read(made, "elevation")
    lon, lat = transform_points(grid.crs, DEGREES, *grid.xy(*np.indices(grid.shape)))
    assert np.abs(height - world.hill(lat, lon) - GEOID)[valid].max() < 0.3
    for name, axis in (("latitude", lat), ("longitude", lon)):
        assert np.abs(read(made, name)[1] - axis)[valid].max() < 1e-5
    assert made.band("layoverShadowMask").dtype == "uint8"
    mask = read(made, "layoverShadowMask")
    assert (mask[1][mask[2]] == 0).all() and mask[2].sum() == valid.sum()
    local, projected, flat = (
        read(made, f"{name}")[1][valid]
        for name in ("localIncidenceAngle", "projectedLocalIncidenceAngle", "incidenceAngleFromEllipsoid")
    )
    assert 40 < flat.min() < flat.max() < 50
    assert np.abs(local - flat).max() > 5 and np.abs(projected - flat).max() > 5
    assert ((projected <= local + 1e-3) | (np.abs(projected - flat) > 0)).all()


def test_radiometric_normalisation(world: World) -> None:
    scene = world.scene("intensity", "Sigma0_VV", dtype="float32")
    settings = world.settings(
        applyRadiometricNormalization=True,
        saveSigmaNought=True,
        saveGammaNought=True,
        incidenceAngleForGamma0="Use local incidence angle from DEM",
        saveLocalIncidenceAngle=True,
        saveProjectedLocalIncidenceAngle=True,
        saveIncidenceAngleFromEllipsoid=True,
    )
    made = settings.apply(Sources({"source": scene}), world.context)
    assert [band.name for band in made.bands][:2] == ["Sigma0_VV", "Gamma0_VV_use_local_inci_angle_from_dem"]
    plain = read(world.settings().apply(Sources({"source": scene}), world.context))[1]
    _, sigma, valid = read(made, "Sigma0_VV")
    _, gamma, _ = read(made, "Gamma0_VV_use_local_inci_angle_from_dem")
    local, projected, flat = (np.radians(read(made, band.name)[1]) for band in made.bands[2:])
    inner = valid & (local > 0)
    plain, local, projected, flat = (each[inner] for each in (plain, local, projected, flat))
    np.testing.assert_allclose(sigma[inner], plain * np.sin(projected) / np.sin(flat), rtol=1e-5)
    np.testing.assert_allclose(gamma[inner], plain * np.sin(local) / np.sin(flat) / np.cos(local), rtol=1e-5)
    with pytest.raises(GraphError, match="put Calibration before it"):
        settings.apply(Sources({"source": world.scene()}), world.context)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"outputComplex": True}, "outputComplex = true runs in SNAP only"),
        ({"applyAPDCorrection": True}, "applyAPDCorrection = true runs in SNAP only"),
        ({"saveGammaNought": True}, "need applyRadiometricNormalization"),
        ({"saveSelectedSourceBand": False}, "leave nothing to write"),
        ({"mapProjection": "EPSG:1"}, "is no CRS"),
        ({"externalDEMFile": ""}, "needs externalDEMFile"),
        ({"externalDEMFile": "far.tif"}, r"far\.tif has no height under S, which lies at x .* check its area"),
        ({"sourceBands": "Amplitude_VH"}, "has no such band"),
    ],
)
def test_what_cannot_be_done(world: World, changes: dict[str, object], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        world.settings(**changes).apply(Sources({"source": world.scene()}), world.context)


def test_scenes_that_cannot_be_corrected(world: World) -> None:
    on_map = Image.from_array(np.ones((4, 4), np.float32), Grid((4, 4), Affine(1, 0, 0, 0, -1, 0), DEGREES))
    for scene, message in (
        (world.scene(radar=None, lines=(0, 200)), "put TOPSAR-Deburst before it"),
        (world.scene(radar=None), "has no geometry of a radar"),
        (world.scene(radar=None, image=on_map), "lies on a map already"),
    ):
        for each in (world.settings(), EllipsoidCorrectionRD(), EllipsoidCorrectionGG()):
            with pytest.raises(GraphError, match=message):
                each.apply(Sources({"source": scene}), world.context)
    late = dataclasses.replace(world.radar, first_line=world.radar.orbit.stop)
    with pytest.raises(InputError, match="do not cover"):
        world.settings().apply(Sources({"source": world.scene(radar=late)}), world.context)


def test_parameters_as_graphs_write_them() -> None:
    assert operator("Terrain-Correction") is TerrainCorrection
    made = TerrainCorrection(pixelSpacingInMeter="30.0", saveDEM="true", sourceBands="A, B")
    assert made.pixelSpacingInMeter == 30 and made.saveDEM and made.sourceBands == ("A", "B")
    with pytest.raises(ParameterError, match="imgResamplingMethod"):
        TerrainCorrection(imgResamplingMethod="BILINEAR")
    with pytest.raises(ParameterError, match="greater than or equal to 0"):
        TerrainCorrection(pixelSpacingInMeter=-1)
