"""Files of several views of a made-up motion on sloping ground, combined into motion east, north and up."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging

import numpy as np
import pytest
import xarray as xr
from products.views import TRUTH

from sensetrack.engine import Threads
from sensetrack.errors import GridError, InputError, OutputError, ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.tiles import Block
from sensetrack.timeseries import CombineParams, OpticalView, RadarView, combine_files
from sensetrack.timeseries.views import OpenView


def test_known_motion_on_a_slope_comes_back_with_errors_that_hold(write_views, dem, tmp_path):
    out = tmp_path / "enu.nc"
    found = combine_files(write_views(), out, dem=dem)
    assert found.determined == found.pixels - 2 * (40 + 50) + 4  # heights end where the grid does
    with xr.open_dataset(out) as layers:
        for name, truth in zip(("east", "north", "up"), TRUTH, strict=True):
            value, error = layers[f"v_{name}"], layers[f"v_{name}_error"]
            assert abs(float(value.mean()) - truth) < 0.2
            assert 0.3 < float(error.median()) < 4
            known = np.isfinite(value)
            assert 0.60 < float((abs(value - truth) < error).where(known).mean()) < 0.76
        # What the errors share is that of the values.
        pairs = [("east", "north"), ("east", "up"), ("north", "up")]
        stated = [float(layers[f"rho_{a}_{b}"].median()) for a, b in pairs]
        actual = np.corrcoef([layers[f"v_{name}"].values[1:-1, 1:-1].ravel() for name in ("east", "north", "up")])
        np.testing.assert_allclose(stated, [actual[0, 1], actual[0, 2], actual[1, 2]], atol=0.08)
        assert 0.8 < float(layers.misfit.median()) < 1.1
        assert layers.v_up.attrs["units"] == "meter/year"
        assert layers.attrs["reference_date"].startswith("2020-01-05")
        assert np.hypot(layers.vx, layers.vy).median() == pytest.approx(np.hypot(*TRUTH[:2]), rel=0.01)
        record = json.loads(layers.attrs["sha256"])
        assert record[str(dem)] == hashlib.sha256(dem.read_bytes()).hexdigest()
        assert [view["kind"] for view in json.loads(layers.attrs["views"])] == ["radar", "radar", "optical"]


def test_two_radar_views_alone_see_north(write_views, dem, tmp_path):
    combine_files(write_views(names=("asc", "desc")), tmp_path / "enu.nc", dem=dem)
    with xr.open_dataset(tmp_path / "enu.nc") as layers:
        for name, truth in zip(("east", "north", "up"), TRUTH, strict=True):
            value, error = layers[f"v_{name}"], layers[f"v_{name}_error"]
            assert abs(float(value.mean()) - truth) < 0.3
            assert 0.60 < float((abs(value - truth) < error).where(np.isfinite(value)).mean()) < 0.76


def test_level_ground_without_a_model_and_without_turning(write_views, utm_grid, tmp_path):
    """On a UTM map near its central meridian; the file is a GeoTIFF, its velocities per day."""
    grid = utm_grid((30, 30), size=50.0)
    views = write_views(grid, slope=(0.0, 0.0), units="m/d", suffix=".tif", truth=TRUTH / 100)
    found = combine_files(views, tmp_path / "enu.tif")
    file = LayerFile.open(tmp_path / "enu.tif")
    layers = file.read()
    assert found.units == file.tags["units"] == "m/d"
    assert found.determined == found.pixels == 900
    for name, truth in zip(("east", "north", "up"), TRUTH / 100, strict=True):
        assert abs(layers[f"v_{name}"].mean() - truth) < 0.15
    np.testing.assert_allclose(layers["v_east"], layers["vx"], atol=0.01)
    assert (layers["views"] == 3).all()


def test_units_are_brought_together(write_views, tmp_path, utm_grid):
    grid = utm_grid((12, 12), size=50.0)
    quiet = {"sigma": 1e-3, "slope": (0.0, 0.0)}
    yearly = write_views(grid, ("asc", "s2"), **quiet)
    daily = write_views(grid, ("desc",), units="m/d", truth=TRUTH / 365.25, **quiet)
    assert combine_files([*yearly, *daily], tmp_path / "enu.nc").units == "m/yr"
    with xr.open_dataset(tmp_path / "enu.nc") as layers:
        np.testing.assert_allclose(layers.v_up, TRUTH[2], atol=0.02)


def test_empty_pixels_have_reasons(write_views, write_raster, utm_grid, tmp_path):
    grid = utm_grid((20, 30), size=50.0)
    heights = np.zeros((24, 34), np.float32)
    heights[:, 22:] = 20000  # a wall that faces the ascending pass, and lies in the shadow of the other
    heights[6:10, 8:12] = -9999
    wide = utm_grid((24, 34), size=50.0, x=500_000 - 100, y=5_000_000 + 100)
    dem = write_raster(heights, "dem.tif", grid=wide, nodata=-9999)
    missing = {"asc": np.s_[15:, :5], "desc": np.s_[15:, :5], "s2": np.s_[:3, :3]}
    found = combine_files(write_views(grid, missing=missing, slope=(0, 0)), tmp_path / "enu.nc", dem=dem)
    with xr.open_dataset(tmp_path / "enu.nc") as layers:
        up, flags, left, views = (layers[name].values for name in ("v_up", "flags", "left_out", "views"))
        assert layers.left_out.attrs["flag_meanings"] == "no_value layover shadow no_geometry"
    assert (left[:, 19] == 2 | 4).all() and np.isnan(up[:, 19]).all() and (flags[:, 19] == 1).all()
    assert (left[4:8, 6:10] == 8).all() and np.isnan(up[5, 7]) and flags[5, 7] == 1
    # Both radar views have flags of their own there, and one view is not enough; two radar views are.
    assert (flags[15:, :5] == 4).all() and (views[15:, :5] == 1).all() and (left[15:, :5] == 1).all()
    assert np.isfinite(up[:3, :3]).all() and (views[:3, :3] == 2).all() and (flags[:3, :3] == 0).all()
    assert found.left_out["layover"] == (left & 2 > 0).sum()
    assert found.used[2] == 20 * 30 - 9


def test_a_prior_stands_in_for_a_view(write_views, utm_grid, tmp_path):
    grid = utm_grid((12, 12), size=50.0)
    view = write_views(grid, ("asc",), slope=(0.0, 0.0), truth=np.array([30.0, -80.0, 0.0]), missing={"asc": np.s_[0]})
    with pytest.raises(InputError, match=r"one view does not determine .*--north-prior"):
        combine_files(view, tmp_path / "enu.nc")
    everywhere = CombineParams(up_prior=0.1, east_prior=1000, north_prior=1000)
    combine_files(view, tmp_path / "enu.nc", everywhere)
    with xr.open_dataset(tmp_path / "enu.nc") as layers:
        np.testing.assert_allclose([layers.v_east.mean(), layers.v_north.mean()], [30, -80], atol=1)
        assert np.isnan(layers.v_up[0]).all()  # a prior alone is no measurement
        assert (layers.flags[0] == 4).all()


def test_bytes_do_not_depend_on_engine_and_values_not_on_block(write_views, dem, tmp_path, monkeypatch):
    views = write_views()
    combine_files(views, tmp_path / "a.nc", dem=dem)
    combine_files(views, tmp_path / "b.nc", dem=dem, engine=Threads(2))
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes()
    monkeypatch.setattr(importlib.import_module("sensetrack.timeseries.combine"), "BLOCK", 16)
    params = CombineParams(slope_window=500)
    combine_files(views, tmp_path / "c.nc", dem=dem)
    combine_files(views, tmp_path / "d.nc", params, dem=dem)
    with xr.open_dataset(tmp_path / "a.nc") as one, xr.open_dataset(tmp_path / "c.nc") as other:
        xr.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)
    with xr.open_dataset(tmp_path / "a.nc") as one, xr.open_dataset(tmp_path / "d.nc") as smooth:
        # On a plane the mean slope is the slope, but more of the margin is lost.
        np.testing.assert_allclose(smooth.v_up[5:-5, 5:-5], one.v_up[5:-5, 5:-5], atol=0.05)
        assert np.isnan(smooth.v_up[2]).all()


def test_rasters_of_angles(write_views, write_raster, utm_grid, tmp_path):
    grid = utm_grid((12, 12), size=50.0)
    views = write_views(grid, slope=(0.0, 0.0), sigma=0.01)
    coarse = utm_grid((4, 4), size=300.0, x=500_000 - 300, y=5_000_000 + 300)
    incidence = write_raster(np.full((4, 4), 39, np.float32), "incidence.tif", grid=coarse)
    heading = write_raster(np.full((4, 4), 348, np.float32), "heading.tif", grid=coarse)
    combine_files([RadarView(views[0].path, incidence, heading), *views[1:]], tmp_path / "enu.nc")
    with xr.open_dataset(tmp_path / "enu.nc") as layers:
        np.testing.assert_allclose(layers.v_up, TRUTH[2], atol=0.1)
    radians = write_raster(np.full((4, 4), -0.68, np.float32), "radians.tif", grid=coarse)
    with pytest.raises(ParameterError, match="raster of the incidence holds degrees"):
        combine_files([RadarView(views[0].path, radians, heading), *views[1:]], tmp_path / "x.nc")


def test_left_looking(write_views, utm_grid, tmp_path):
    """Looking left while flying the other way is looking in the same direction."""
    views = write_views(utm_grid((12, 12), size=50.0), slope=(0.0, 0.0), sigma=0.01)
    turned = [RadarView(views[0].path, 39.0, 168.0, right=False), *views[1:]]
    combine_files(turned, tmp_path / "enu.nc")
    with xr.open_dataset(tmp_path / "enu.nc") as layers:
        np.testing.assert_allclose(layers.v_up, TRUTH[2], atol=0.1)


def test_periods_are_compared(write_views, utm_grid, tmp_path, caplog):
    grid = utm_grid((8, 8))
    early = write_views(grid, ("asc", "desc"), slope=(0, 0))
    late = write_views(grid, ("s2",), start=6.0, slope=(0, 0))
    with caplog.at_level(logging.WARNING, "sensetrack"):
        combine_files(early, tmp_path / "a.nc")
        assert not caplog.records
        combine_files([*early, *late], tmp_path / "b.nc")
    assert "only 50 % of the longest of their periods" in caplog.text


def test_views_of_different_motion_do_not_fit(write_views, utm_grid, tmp_path):
    grid = utm_grid((30, 30))
    views = write_views(grid, ("asc", "desc"), slope=(0, 0))
    other = write_views(grid, ("s2",), slope=(0, 0), truth=TRUTH * 1.5)
    combine_files([*views, *other], tmp_path / "enu.nc")
    with xr.open_dataset(tmp_path / "enu.nc") as layers:
        assert layers.misfit.median() > 5


def test_series_take_part_with_their_means(write_pairs, write_views, tmp_path, utm_grid):
    from sensetrack.timeseries import Cube, series_file

    days = [0.0, 12.0, 24.0]
    paths = write_pairs(days, [(0, 1), (1, 2), (0, 2)])
    series_file(paths, tmp_path / "series.nc")
    mean = Cube.open(tmp_path / "series.nc").read(["vx_mean", "vy_mean"])
    asc = write_views(utm_grid((20, 24)), ("asc",), slope=(0, 0), sigma=1000.0)
    found = combine_files([OpticalView(tmp_path / "series.nc"), *asc], tmp_path / "enu.nc")
    assert found.views[0]["end"].startswith("2020-01-29")
    with xr.open_dataset(tmp_path / "enu.nc") as layers:
        np.testing.assert_allclose(layers.vx, mean["vx_mean"], atol=0.5)
        np.testing.assert_allclose(layers.vy, mean["vy_mean"], atol=0.5)


def test_bad_input(write_views, dem, tmp_path, utm_grid):
    views = write_views()
    out = tmp_path / "enu.nc"
    with pytest.raises(GridError, match=r"different grids: size 8 x 8 .*sensetrack prepare"):
        combine_files([*views[:2], *write_views(utm_grid((8, 8)), ("s2",), prefix="other-")], out)
    with pytest.raises(InputError, match=r"nothing\.nc: no such file"):
        combine_files([*views, OpticalView(tmp_path / "nothing.nc")], out)
    with pytest.raises(InputError, match="given as two views"):
        combine_files([views[0], views[0]], out)
    with pytest.raises(InputError, match="2 views of one direction do not determine"):
        combine_files([views[2], write_views(names=("s2",), prefix="second-")[0]], out)
    for incidence in (0.0, 90.0, -5.0, float("nan")):
        with pytest.raises(ParameterError, match=f"incidence = {incidence:g}: give degrees"):
            combine_files([RadarView(views[0].path, incidence, 0.0), *views[1:]], out)
    with pytest.raises(InputError, match="neither a velocity file"):
        combine_files([*views, OpticalView(dem)], out)
    with pytest.raises(OutputError, match="also an input"):
        combine_files(views, views[0].path, overwrite=True)
    with pytest.raises(InputError, match="nothing to combine"):
        combine_files([], out)
    with pytest.raises(InputError, match=r"from its \.nc file"):
        combine_files([*views, OpticalView(tmp_path / "series.zarr")], out)
    with pytest.raises(GridError, match="no CRS, so where north is"):
        combine_files(write_views(Grid((8, 8)), prefix="plain-"), out)
    assert not out.exists()
    combine_files(views, out)
    with pytest.raises(InputError, match="holds motion east, north and up already"):
        combine_files([*views, OpticalView(out)], tmp_path / "again.nc")
    with pytest.raises(GridError, match="does not overlap the grid"):
        combine_files(write_views(utm_grid((8, 8)), prefix="utm-"), tmp_path / "x.nc", dem=dem)


def test_pairs_of_others_take_part(write_views, utm_grid, tmp_path, shared_data):
    """ITS_LIVE pairs state one error per component; a real one has no velocity, but says its dates."""
    import h5py

    views = write_views(utm_grid((12, 12), size=50.0), slope=(0.0, 0.0), sigma=0.01)
    with h5py.File(views[2].path, "r+") as file:
        del file.attrs["product"]
        for name in ("vx_error", "vy_error", "v_error", "errorx", "errory", "flags"):
            del file[name]
        file["vx"].attrs["error"] = file["vy"].attrs["error"] = 0.01
        file["interp_mask"][0, 3, 4] = 1
    combine_files(views, tmp_path / "enu.nc")
    with xr.open_dataset(tmp_path / "enu.nc") as layers:
        np.testing.assert_allclose(layers.v_up, TRUTH[2], atol=0.1)
        assert layers.views[3, 4] == 2 and layers.left_out[3, 4] == 1
    real = OpenView.open(OpticalView(next((shared_data / "itslive").glob("*.nc"))))
    assert real.kind == "foreign" and real.period is not None
    assert [date.year for date in real.period] == [1984, 1985]
    assert (real.read(Block(0, 0, 5, 5), False)[2] == 1).all()
