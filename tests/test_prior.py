"""Priors: maps of displacement and velocity in pixels of a pair, whatever their grid, their units and their CRS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as warp_points

from sensetrack.displacement import Displacement, Field, Flag
from sensetrack.engine import Serial, Threads
from sensetrack.errors import GridError, InputError, ParameterError
from sensetrack.pair import ImagePair
from sensetrack.prior import PriorMap
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.stream import track, track_file
from sensetrack.trackers import Prior, registry
from sensetrack.velocity import VelocityParams, velocity

Write = Callable[..., Path]
MakeGrid = Callable[..., Grid]
MakeField = Callable[..., Field]
Texture = Callable[..., np.ndarray]

SHAPE = (200, 240)
STEP = 8


@pytest.fixture
def grid(utm_grid: MakeGrid) -> Grid:
    """The grid of a pair with pixels of 10 m."""
    return utm_grid(SHAPE)


def read_all(prior: PriorMap, grid: Grid, days: float | None = None, border: int = 0) -> Prior:
    points = grid.coarsen(STEP)
    return prior.fit(grid, days).read(grid, points, Block(0, 0, *points.shape), border)


def test_displacement_file_is_in_pixels_of_its_own_images(
    grid: Grid, utm_grid: MakeGrid, make_field: MakeField, tmp_path: Path
) -> None:
    """Measured on pixels of 20 m every 4 of them, used on pixels of 10 m: twice the numbers."""
    own = utm_grid((100, 120), size=20.0).coarsen(4)
    field = make_field(np.full(own.shape, 3.0), -1.5, sigma=0.2)
    Displacement(own, field, 4).save(tmp_path / "d.tif")
    prior = read_all(PriorMap.open(tmp_path / "d.tif"), grid)
    np.testing.assert_allclose(prior.dx, 6.0, atol=1e-4)
    np.testing.assert_allclose(prior.dy, -3.0, atol=1e-4)
    np.testing.assert_allclose(prior.sigma, 0.4, rtol=1e-3)


def test_flagged_and_missing_values_are_unknown(grid: Grid, make_field: MakeField, tmp_path: Path) -> None:
    own = grid.coarsen(STEP)
    flags = np.zeros(own.shape, np.uint8)
    flags[5:9], flags[12:15] = Flag.LOW_QUALITY, Flag.FILLED
    dx = np.full(own.shape, 2.0)
    dx[20:] = np.nan
    flags[20:] = Flag.NODATA
    for suffix in (".tif", ".nc"):
        path = tmp_path / f"d{suffix}"
        Displacement(own, make_field(dx, 1.0, flags=flags), STEP).save(path)
        prior = read_all(PriorMap.open(path), grid)
        assert np.isnan(prior.dx[5:9]).all()
        assert np.isnan(prior.dx[20:]).all()
        np.testing.assert_allclose(prior.dx[12:15], 2.0, atol=1e-5)


def test_border_reaches_beyond_the_output(grid: Grid, make_field: MakeField, tmp_path: Path) -> None:
    own = grid.coarsen(STEP)
    Displacement(own, make_field(np.full(own.shape, 1.0)), STEP).save(tmp_path / "d.tif")
    prior = read_all(PriorMap.open(tmp_path / "d.tif"), grid, border=3)
    assert prior.dx.shape == (own.height + 6, own.width + 6)
    assert prior.border == 3
    assert np.isnan(prior.dx[:2]).all()
    assert np.isfinite(prior.dx[3:-3, 3:-3]).all()


@pytest.mark.parametrize("suffix", [".tif", ".nc"])
@pytest.mark.parametrize(("units", "per"), [("m/yr", 365.25), ("m/d", 1.0)])
def test_velocity_of_ours_comes_back_as_the_displacement_it_was_made_of(
    grid: Grid, make_field: MakeField, tmp_path: Path, suffix: str, units: str, per: float
) -> None:
    own = grid.coarsen(STEP)
    rows, cols = np.mgrid[: own.height, : own.width].astype(np.float64)
    field = make_field(1.0 + 0.1 * cols, 2.0 - 0.05 * rows, sigma=0.3)
    params = VelocityParams(days=20.0, units=units, stable_from="none")
    velocity(Displacement(own, field, STEP), params).save(tmp_path / f"v{suffix}")
    prior = read_all(PriorMap.open(tmp_path / f"v{suffix}"), grid, days=40.0)
    np.testing.assert_allclose(prior.dx, 2 * field.dx, atol=2e-3)
    np.testing.assert_allclose(prior.dy, 2 * field.dy, atol=2e-3)
    np.testing.assert_allclose(prior.sigma, 0.6, rtol=0.01)


def test_bands_vx_vy_are_metres_per_year_to_east_and_north(grid: Grid, write_raster: Write, utm_grid: MakeGrid) -> None:
    bands = np.stack([np.full((25, 30), 365.25 * 2.0), np.full((25, 30), 365.25 * 5.0)]).astype(np.float32)
    path = write_raster(bands, "v.tif", grid=utm_grid((25, 30), size=80.0), names=("vx", "vy"))
    prior = read_all(PriorMap.open(path), grid, days=10.0)
    np.testing.assert_allclose(prior.dx, 2.0, atol=1e-4)
    np.testing.assert_allclose(prior.dy, -5.0, atol=1e-4)


def test_velocity_in_another_projection_turns_with_its_axes(write_raster: Write) -> None:
    """Far from its central meridian, north of a polar stereographic map is far from north of UTM."""
    polar, utm = CRS.from_epsg(3413), CRS.from_epsg(32606)
    x, y = (float(v[0]) for v in warp_points(utm, polar, [500_000.0], [7_000_000.0]))
    pair = Grid(SHAPE, Affine(10.0, 0, 499_000.0, 0, -10.0, 7_001_000.0), utm)
    own = Grid((50, 50), Affine(120.0, 0, x - 3000, 0, -120.0, y + 3000), polar)
    bands = np.stack([np.full((50, 50), 100.0), np.full((50, 50), 40.0)]).astype(np.float32)
    path = write_raster(bands, "v.tif", grid=own, names=("vx", "vy"))
    prior = read_all(PriorMap.open(path), pair, days=365.25)
    ends = warp_points(polar, utm, [x, x + 100.0], [y, y + 40.0])
    middle = prior.dx.shape[0] // 2, prior.dx.shape[1] // 2
    assert prior.dx[middle] == pytest.approx((ends[0][1] - ends[0][0]) / 10, abs=0.02)
    assert prior.dy[middle] == pytest.approx(-(ends[1][1] - ends[1][0]) / 10, abs=0.02)
    assert abs(prior.dx[middle] - 10) > 1  # the axes do turn


def test_velocity_on_a_geographic_grid(write_raster: Write) -> None:
    """Metres become degrees at the latitude of each point, and pixels of a projected pair."""
    utm = CRS.from_epsg(32633)
    pair = Grid(SHAPE, Affine(10.0, 0, 499_000.0, 0, -10.0, 6_651_000.0), utm)
    own = Grid((60, 60), Affine(0.001, 0, 14.97, 0, -0.001, 60.03), CRS.from_epsg(4326))
    bands = np.stack([np.full((60, 60), 50.0), np.full((60, 60), -30.0)]).astype(np.float32)
    path = write_raster(bands, "v.tif", grid=own, names=("vx", "vy"))
    prior = read_all(PriorMap.open(path), pair, days=365.25)
    middle = prior.dx.shape[0] // 2, prior.dx.shape[1] // 2
    assert prior.dx[middle] == pytest.approx(5.0, abs=0.02)
    assert prior.dy[middle] == pytest.approx(3.0, abs=0.02)


def test_plain_bands_are_pixels_of_the_pair(grid: Grid, write_raster: Write, utm_grid: MakeGrid) -> None:
    bands = np.stack([np.full((50, 60), 7.0), np.full((50, 60), -2.0)]).astype(np.float32)
    bands[:, :10] = np.nan
    for names in ((), ("dx", "dy")):
        path = write_raster(bands, "p.tif", grid=utm_grid((50, 60), size=40.0), names=names)
        prior = read_all(PriorMap.open(path), grid)
        np.testing.assert_array_equal(prior.dx[6:], 7.0)
        np.testing.assert_array_equal(prior.dy[6:], -2.0)
        assert np.isnan(prior.dx[:4]).all()


def test_what_is_no_prior_is_refused(grid: Grid, write_raster: Write, utm_grid: MakeGrid, tmp_path: Path) -> None:
    single = write_raster(np.ones((20, 20), np.float32), "one.tif", grid=grid.coarsen(10))
    with pytest.raises(InputError, match="not a prior: it has band 1; give a displacement file"):
        PriorMap.open(single)
    two = np.ones((2, 20, 20), np.float32)
    velocity_map = write_raster(two, "v.tif", grid=utm_grid((20, 20), size=100.0), names=("vx", "vy"))
    with pytest.raises(ParameterError, match="the time between the images is not known; pass --days"):
        PriorMap.open(velocity_map).fit(grid, None)
    knots = write_raster(two, "k.tif", grid=utm_grid((20, 20)), names=("vx", "vy"), tags={"units": "knots"})
    with pytest.raises(InputError, match="velocity in 'knots' is not understood; use m/yr or m/d"):
        PriorMap.open(knots)
    far = write_raster(two, "far.tif", grid=utm_grid((20, 20), x=900_000.0), names=("dx", "dy"))
    with pytest.raises(GridError, match="does not overlap the images"):
        PriorMap.open(far).fit(grid, None)
    bare = write_raster(two, "bare.tif", names=("vx", "vy"))
    with pytest.raises(GridError, match="assign the missing one"):
        PriorMap.open(bare).fit(grid, 3.0)
    with pytest.raises(InputError, match="velocity without a CRS"):
        PriorMap.open(bare).fit(Grid((200, 200)), 3.0)


def test_trackers_without_a_use_for_it_refuse_it(grid: Grid, write_raster: Write, texture: Texture) -> None:
    pair = ImagePair(*(Image.from_array(texture(SHAPE), grid) for _ in range(2)))
    path = write_raster(np.ones((2, *SHAPE), np.float32), "p.tif", grid=grid, names=("dx", "dy"))
    with pytest.raises(ParameterError, match="Pcc takes no prior displacement; leave it out"):
        track(pair, registry.get("pcc")(), prior=PriorMap.open(path))
    unknown = np.full((4, 4), np.nan, np.float32)
    with pytest.raises(ParameterError, match="takes no prior"):
        registry.get("pcc")().track(texture(SHAPE), texture(SHAPE), prior=Prior(unknown, unknown, unknown, 0))


def test_arrays_of_a_prior_share_a_shape() -> None:
    with pytest.raises(InputError, match=r"must share one \(row, col\) shape"):
        Prior(*(np.zeros(shape, np.float32) for shape in ((3, 3), (3, 3), (3, 4))), border=0)


def test_far_motion_is_found_around_a_prior_in_any_blocks(
    grid: Grid, write_raster: Write, utm_grid: MakeGrid, texture: Texture, tmp_path: Path
) -> None:
    """40 px with a search of 4 px; the prior is 2 px off and knows half of the image."""
    shape = (320, 400)
    grid = utm_grid(shape)
    first, second = texture(shape), texture(shape, dx=38.3, dy=-11.6)
    pair = ImagePair(*(Image.from_array(image, grid) for image in (first, second)))
    bands = np.stack([np.full((40, 50), 40.0), np.full((40, 50), -10.0)]).astype(np.float32)
    bands[:, :, :15] = np.nan
    path = write_raster(bands, "p.tif", grid=utm_grid((40, 50), size=80.0), names=("dx", "dy"))
    tracker = registry.get("ncc")(search=4, prior_search=4, prior_growth=0.0)
    prior = PriorMap.open(path)
    whole = track(pair, tracker, prior=prior, block=4096)
    good = whole.field.measured
    inside = good[4:-4, 17:-8]
    assert inside.mean() > 0.95
    assert np.abs(whole.field.dx - 38.3)[good].max() < 0.05
    assert np.abs(whole.field.dy + 11.6)[good].max() < 0.05
    assert not good[:, :13].any()
    assert whole.provenance.prior == str(path)
    for engine in (Serial(), Threads(2)):
        parts = track(pair, tracker, prior=prior, block=96, engine=engine).field
        np.testing.assert_array_equal(parts.flags, whole.field.flags)
        np.testing.assert_allclose(parts.dx, whole.field.dx, atol=1e-5)
    track_file(pair, tracker, tmp_path / "d.tif", prior=prior)
    stored = Displacement.open(tmp_path / "d.tif")
    np.testing.assert_array_equal(stored.field.dx, whole.field.dx)
    assert stored.provenance.prior == str(path)
