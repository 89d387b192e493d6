"""Cubes: from velocity files of pairs to a file that other readers take, whatever the block and the engine."""

from __future__ import annotations

import hashlib
import importlib

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner
from products.history import position

from sensetrack.engine import Threads
from sensetrack.errors import GridError, InputError, OutputError
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import whole
from sensetrack.timeseries import Cube, SeriesParams, Stack, series_file, stream
from sensetrack.velocity import Velocity

DAYS = [0.0, 12.0, 24.0, 36.0, 48.0, 60.0]
PAIRS = [(i, j) for i in range(6) for j in range(i + 1, 6) if j - i <= 3]


def test_series_of_files(write_pairs, tmp_path):
    paths = write_pairs(DAYS, PAIRS, bad=(4,))
    header = series_file(paths[::-1], tmp_path / "cube.nc")
    t = np.asarray(DAYS) / 365.25
    with xr.open_dataset(tmp_path / "cube.nc") as cube:
        truth = (position(t[1:]) - position(t[:-1])) / np.diff(t)
        assert cube.vx.dims == ("mid_date", "y", "x")
        np.testing.assert_allclose(cube.vx.median(("y", "x")), truth[0], atol=4)
        np.testing.assert_allclose(cube.vy.median(("y", "x")), truth[1], atol=4)
        way = position(t[-1]) - position(0.0)
        np.testing.assert_allclose(cube.displacement_x[-1].median(), way[0], atol=0.2)
        np.testing.assert_allclose(cube.vx_mean.median(), way[0] / t[-1], atol=2)
        inside = np.abs(cube.vx - truth[0][:, None, None]) < cube.vx_error
        assert 0.6 < float(inside.mean()) < 0.76
        assert cube.alert.attrs["flag_meanings"].startswith("quiet")
    assert header.pair_values["pair_weight"].argmin() == 4
    assert header.pair_values["pair_weight"][4] < 0.2
    assert header.pair_values["pair_rejected"][4] > 0.8
    assert np.median(header.pair_values["pair_closure"]) < 2
    assert (header.pair_values["pair_share"] == 1).all()


def test_readers_of_velocity_cubes_find_what_they_ask_for(write_pairs, tmp_path):
    """TICOI's generic loader asks for these names, shapes and kinds; readers of ITS_LIVE cubes for the others."""
    series_file(write_pairs(DAYS, PAIRS), tmp_path / "cube.nc")
    with xr.open_dataset(tmp_path / "cube.nc") as cube:
        assert {"x", "y", "mid_date"} <= set(cube.dims)
        for name in ("vx", "vy", "errorx", "errory", "v", "vx_error", "vy_error"):
            assert cube[name].dims == ("mid_date", "y", "x"), name
        for name in ("date1", "date2", "mid_date", "acquisition_date_img1", "acquisition_date_img2"):
            assert np.issubdtype(cube[name].dtype, np.datetime64), name
            assert cube[name].dims == ("mid_date",)
        assert cube["date1"].values[0] == np.datetime64("2020-01-05")
        np.testing.assert_allclose(cube["date_dt"], 12.0)
        assert "+proj=utm" in cube.attrs["proj4"]
        assert cube["vx"].attrs["units"] == "meter/year"
        assert cube["mapping"].attrs["spatial_epsg"] == 32633


def test_bytes_do_not_depend_on_engine_or_block(write_pairs, tmp_path, monkeypatch):
    paths = write_pairs(DAYS, PAIRS, shape=(40, 70))
    series_file(paths, tmp_path / "a.nc")
    series_file(paths, tmp_path / "b.nc", engine=Threads(2))
    monkeypatch.setattr(stream, "BUDGET", 1)
    series_file(paths, tmp_path / "c.nc")
    with xr.open_dataset(tmp_path / "a.nc") as one, xr.open_dataset(tmp_path / "c.nc") as other:
        xr.testing.assert_equal(one.drop_vars("pair_weight"), other.drop_vars("pair_weight"))
    digests = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("a.nc", "b.nc")}
    assert len(digests) == 1


def test_correlation_of_errors_comes_back_from_a_velocity_file(write_pairs):
    paths = write_pairs(DAYS[:2], [(0, 1)], rho=0.5)
    stack = Stack.open(paths)

    moved, covariance = stack.read(whole(stack.grid.shape))
    rho = covariance[0, 2] / np.sqrt(covariance[0, 0] * covariance[0, 1])
    # Up is positive for vy, down for dy.
    np.testing.assert_allclose(np.median(rho), -0.5, atol=1e-3)
    velocity = Velocity.open(paths[0])
    np.testing.assert_allclose(moved[0, 0], velocity.vx * 12 / 365.25, rtol=1e-5)


def test_cube_reads_back(write_pairs, tmp_path):
    written = series_file(write_pairs(DAYS, PAIRS, missing=np.s_[:5]), tmp_path / "cube.nc", SeriesParams(window=30))
    cube = Cube.open(tmp_path / "cube.nc")
    assert cube.header.dates == written.dates
    assert cube.header.pairs == tuple(PAIRS)
    np.testing.assert_array_equal(cube.header.spans, written.spans)
    assert cube.header.grid.difference(written.grid) is None
    assert cube.header.pair_names[0] == ("20200105", "20200117")
    np.testing.assert_allclose(cube.header.pair_values["pair_share"], 0.75)
    found = cube.read(["vx", "pairs_used"], step=2)
    assert found["vx"].shape == (5, 10, 12)
    assert np.isnan(found["vx"][:, :2]).all()
    assert (found["pairs_used"][:2] == 0).all()
    with pytest.raises(InputError, match="no layer nothing"):
        cube.read(["nothing"])


def test_images_without_georeference(write_pairs, tmp_path):
    paths = write_pairs(DAYS, PAIRS, grid=Grid((20, 24)), pixel_size=10)
    series_file(paths, tmp_path / "cube.nc")
    cube = Cube.open(tmp_path / "cube.nc")
    assert not cube.header.grid.is_georeferenced
    assert np.isfinite(cube.read(["vx"])["vx"]).all()


def test_zarr_holds_the_same(write_pairs, tmp_path):
    pytest.importorskip("zarr")
    paths = write_pairs(DAYS, PAIRS)
    series_file(paths, tmp_path / "cube.nc")
    series_file(paths, tmp_path / "cube.zarr")
    with xr.open_dataset(tmp_path / "cube.nc") as one, xr.open_zarr(tmp_path / "cube.zarr") as other:
        assert set(one.variables) == set(other.variables)
        xr.testing.assert_equal(one, other.load())
        assert other.vx.dtype == np.float32
        assert other.attrs["proj4"] == one.attrs["proj4"]
    with pytest.raises(OutputError, match="exists already"):
        series_file(paths, tmp_path / "cube.zarr")
    series_file(paths, tmp_path / "cube.zarr", overwrite=True)
    assert sorted(path.name for path in tmp_path.glob("*partial*")) == []


def test_pairs_of_others_with_one_error_per_component(write_pairs, tmp_path):
    """As ITS_LIVE has them: no layers of errors, but an attribute of each component, and interpolated pixels marked."""
    import h5py

    path = write_pairs(DAYS[:2], [(0, 1)])[0]
    with h5py.File(path, "r+") as file:
        del file.attrs["product"]
        for name in ("vx_error", "vy_error", "v_error", "errorx", "errory", "flags"):
            del file[name]
        file["interp_mask"][0, 3, 4] = 1
        errors = [float(file[name].attrs["error"].item()) for name in ("vx", "vy")]
        vx = file["vx"][0]
    header = series_file([path], tmp_path / "cube.nc")
    assert [date.date().isoformat() for date in header.dates] == ["2020-01-05", "2020-01-17"]
    found = Cube.open(tmp_path / "cube.nc").read(["vx", "vx_error", "vy_error", "rho"])
    assert np.argwhere(np.isnan(found["vx"][0])).tolist() == [[3, 4]]
    vx[3, 4] = np.nan
    np.testing.assert_allclose(found["vx"][0], vx, rtol=1e-5)
    for name, error in zip(("vx_error", "vy_error"), errors, strict=True):
        np.testing.assert_allclose(np.nanmedian(found[name]), error, rtol=1e-3)
    assert np.nanmax(np.abs(found["rho"])) == 0


def test_bad_input(write_pairs, tmp_path):
    paths = write_pairs(DAYS[:3], [(0, 1), (1, 2)])
    with pytest.raises(OutputError, match=r"written as \.nc or \.zarr"):
        series_file(paths, tmp_path / "cube.tif")
    with pytest.raises(OutputError, match="also an input"):
        series_file(paths, paths[0], overwrite=True)
    with pytest.raises(InputError, match="none was given"):
        series_file([], tmp_path / "cube.nc")
    other = tmp_path / "other"
    other.mkdir()
    small = write_pairs(DAYS[:2], [(0, 1)], shape=(8, 8), folder=other)
    with pytest.raises(GridError, match="different grids: size 8 x 8 against"):
        series_file([*paths, *small], tmp_path / "cube.nc")
    with pytest.raises(InputError, match="is no series"):
        Cube.open(paths[0])
    with pytest.raises(InputError, match="no such file"):
        Cube.open(tmp_path / "nothing.nc")


def test_command(write_pairs, tmp_path):
    cli = importlib.import_module("sensetrack.cli.main").cli
    paths = [str(path) for path in write_pairs(DAYS, PAIRS, bad=(0,))]
    run = CliRunner().invoke(cli, ["timeseries", *paths, "-o", str(tmp_path / "cube.nc"), "--engine", "serial"])
    assert run.exit_code == 0, run.output
    assert "6, 2020-01-05 to 2020-03-05" in run.output
    assert "12, 1 of them mostly rejected" in run.output
    assert "20200105 to 20200117" in run.output
    again = CliRunner().invoke(cli, ["timeseries", *paths, "-o", str(tmp_path / "cube.nc")])
    assert again.exit_code == 1
    assert "exists already" in again.output
