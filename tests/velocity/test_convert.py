"""Velocity and its errors: analytic, and against the scatter of simulated measurements."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from sensetrack.displacement import Displacement, Field, Flag
from sensetrack.raster.grid import Grid
from sensetrack.velocity import Velocity, VelocityParams, velocity
from sensetrack.velocity.convert import VALUES

Make = Callable[..., Displacement]
UTM = CRS.from_epsg(32633)
YEAR = 365.25


def test_moving_right_is_east_and_moving_down_is_south(make_displacement: Make) -> None:
    result = velocity(make_displacement(dx=1.0, dy=0.5, days=36.525))
    np.testing.assert_allclose(result.vx, 10.0 * 10, rtol=1e-6)
    np.testing.assert_allclose(result.vy, -5.0 * 10, rtol=1e-6)
    np.testing.assert_allclose(result.v, np.hypot(100, 50), rtol=1e-6)
    assert {getattr(result, name).dtype for name in VALUES} == {np.dtype(np.float32)}


def test_units_and_time_base(make_displacement: Make) -> None:
    field = make_displacement(dx=1.0, days=12.0)
    per_year, per_day = velocity(field), velocity(field, VelocityParams(units="m/d"))
    np.testing.assert_allclose(per_day.vx, 10.0 / 12.0, rtol=1e-6)
    np.testing.assert_allclose(per_year.vx, 10.0 / 12.0 * YEAR, rtol=1e-6)
    assert (per_year.units, per_day.units, per_year.days) == ("m/yr", "m/d", 12.0)
    halved = velocity(field, VelocityParams(days=24.0))
    np.testing.assert_allclose(halved.vx, per_year.vx / 2, rtol=1e-6)
    np.testing.assert_allclose(halved.vx_error, per_year.vx_error / 2, rtol=1e-6)


def test_errors_follow_the_linear_part(make_displacement: Make) -> None:
    transform = Affine.translation(5e5, 5e6) @ Affine.rotation(90.0) @ Affine.scale(160.0, -320.0)
    grid = Grid((4, 5), transform, UTM)
    result = velocity(make_displacement(grid, dx=3.0, dy=2.0, sigma_dx=0.1, sigma_dy=0.2, days=YEAR))
    # Columns run north with 10 m pixels, rows run east with 20 m pixels.
    np.testing.assert_allclose(result.vx, 40.0, rtol=1e-6)
    np.testing.assert_allclose(result.vy, 30.0, rtol=1e-6)
    np.testing.assert_allclose(result.vx_error, 0.2 * 20, rtol=1e-6)
    np.testing.assert_allclose(result.vy_error, 0.1 * 10, rtol=1e-6)
    np.testing.assert_allclose(result.v_error, np.sqrt((0.8 * 4) ** 2 + (0.6 * 1) ** 2), rtol=1e-6)


@pytest.mark.parametrize("rho", [-0.95, -0.4, 0.0, 0.7])
@pytest.mark.parametrize("angle", [0.0, 37.0, 135.0])
@pytest.mark.parametrize("motion", [(4.0, 0.0), (0.0, -3.0), (2.0, 2.0)])
def test_propagated_errors_match_the_scatter_of_measurements(
    make_displacement: Make, rho: float, angle: float, motion: tuple[float, float]
) -> None:
    rng = np.random.default_rng(11)
    sigma_dx, sigma_dy = 0.05, 0.12
    shape = (200, 200)
    covariance = [[sigma_dx**2, rho * sigma_dx * sigma_dy], [rho * sigma_dx * sigma_dy, sigma_dy**2]]
    noise = rng.multivariate_normal([0.0, 0.0], covariance, size=shape, method="cholesky")
    transform = Affine.translation(5e5, 5e6) @ Affine.rotation(angle) @ Affine.shear(10.0) @ Affine.scale(160.0, -240.0)
    result = velocity(
        make_displacement(
            Grid(shape, transform, UTM),
            dx=motion[0] + noise[..., 0],
            dy=motion[1] + noise[..., 1],
            sigma_dx=sigma_dx,
            sigma_dy=sigma_dy,
            rho=rho,
        )
    )
    for name in ("vx", "vy", "v"):
        scatter = float(np.std(getattr(result, name), dtype=np.float64))
        stated = float(np.median(getattr(result, f"{name}_error")))
        # 40 000 samples: the standard deviation is known to 0.35 %.
        assert stated == pytest.approx(scatter, rel=0.02), name


def test_a_speed_of_zero_has_a_finite_error(make_displacement: Make) -> None:
    result = velocity(make_displacement(dx=0.0, dy=0.0, sigma_dx=0.1, sigma_dy=0.3, days=YEAR))
    np.testing.assert_array_equal(result.v, 0.0)
    np.testing.assert_allclose(result.v_error, np.sqrt((1.0 + 9.0) / 2), rtol=1e-6)
    tiny = velocity(make_displacement(dx=1e-20, dy=0.0, sigma_dx=0.1, sigma_dy=0.3, days=YEAR))
    np.testing.assert_allclose(tiny.v_error, 1.0, rtol=1e-6)


def test_values_exist_exactly_where_the_displacement_is_usable(make_displacement: Make) -> None:
    flags = np.zeros((60, 70), np.uint8)
    for row, flag in enumerate([*Flag, Flag.FILLED | Flag.OUTLIER]):
        flags[row] = flag
    dx = np.where((flags & int(Flag.NODATA | Flag.FLAT | Flag.MASKED)) > 0, np.nan, 1.0)
    field = make_displacement(flags=flags, dx=dx)
    result = velocity(field)
    np.testing.assert_array_equal(result.flags, flags)
    for name in VALUES:
        np.testing.assert_array_equal(np.isfinite(getattr(result, name)), field.field.usable)
    assert np.isfinite(result.v[list(Flag).index(Flag.FILLED)]).all()


def test_geographic_rows_have_their_own_scale(make_displacement: Make) -> None:
    grid = Grid((50, 4), Affine(0.016, 0.0, 20.0, 0.0, -0.016, 70.0), CRS.from_epsg(4326))
    result = velocity(make_displacement(grid, dx=1.0, dy=1.0, days=YEAR))
    # A thousandth of a degree of latitude is 111.5 m here, of longitude 38 to 40 m, and more to the south.
    assert -111.6 < float(result.vy[0, 0]) < -111.5
    assert 38.1 < float(result.vx[0, 0]) < 38.3
    assert (np.diff(result.vx[:, 0]) > 0).all()
    np.testing.assert_allclose(result.vx_error, np.abs(result.vx) * 0.1, rtol=1e-5)


def test_missing_errors_stay_missing(make_displacement: Make) -> None:
    result = velocity(make_displacement(sigma_dx=np.nan, sigma_dy=np.nan, rho=np.nan))
    assert np.isfinite(result.v).all() and np.isnan(result.vx_error).all() and np.isnan(result.v_error).all()


def test_conversion_does_not_alter_its_input(make_displacement: Make) -> None:
    field = make_displacement(dx=np.linspace(0, 1, 60 * 70).reshape(60, 70))
    before = {name: layer.copy() for name, layer in field.field.layers().items()}
    result = velocity(field, VelocityParams(stable_from="slow"))
    assert isinstance(result, Velocity) and isinstance(field.field, Field)
    for name, layer in before.items():
        np.testing.assert_array_equal(layer, field.field.layers()[name])
