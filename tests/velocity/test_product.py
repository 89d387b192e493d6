"""Velocity files: GeoTIFF, the ITS_LIVE pair schema in netCDF, and tables."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
import xarray as xr
from affine import Affine
from rasterio.crs import CRS
from rasterio.drivers import raster_driver_extensions

from sensetrack.displacement import Displacement, Flag
from sensetrack.errors import InputError, OutputError, ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.velocity import Velocity, VelocityParams, velocity
from sensetrack.velocity.summary import LAYERS

Make = Callable[..., Displacement]
UTM = CRS.from_epsg(32633)
SHAPE = (60, 70)
GRIDS = {
    "utm": Grid(SHAPE, Affine(160.0, 0.0, 500_000.0, 0.0, -160.0, 5_000_000.0), UTM),
    "geographic": Grid(SHAPE, Affine(0.0016, 0.0, 20.0, 0.0, -0.0008, 64.0), CRS.from_epsg(4326)),
    "rotated": Grid(SHAPE, Affine.translation(5e5, 5e6) @ Affine.rotation(20.0) @ Affine.scale(160.0, -120.0), UTM),
    "pixels": Grid(SHAPE, Affine.scale(16.0)),
}


def make_velocity(make: Make, dated: dict[str, Any], kind: str = "utm", **params: Any) -> Velocity:
    """Noisy motion with gaps and filled points, shifted by stable ground in its first 30 rows."""
    rng = np.random.default_rng(3)
    flags = np.zeros(SHAPE, np.uint8)
    flags[40:45], flags[50], flags[52] = Flag.NODATA, Flag.FILLED, Flag.OUTLIER
    dx, dy = rng.normal(0.2, 0.1, SHAPE), rng.normal(-0.1, 0.1, SHAPE)
    dx[30:] += 3.0
    dx[40:45] = dy[40:45] = np.nan
    stable = np.zeros(SHAPE, np.bool_)
    stable[:30] = True
    field = make(GRIDS[kind], dx=dx, dy=dy, flags=flags, provenance=dated)
    if kind == "pixels":
        params["pixel_size"] = 10.0
    return velocity(field, VelocityParams(**params), stable)


def assert_same(first: Velocity, second: Velocity) -> None:
    assert first.grid == second.grid
    assert first.summary.tags() == second.summary.tags()
    for name in LAYERS:
        a, b = getattr(first, name), getattr(second, name)
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


@pytest.mark.parametrize("kind", list(GRIDS))
@pytest.mark.parametrize("suffix", [".tif", ".nc"])
def test_reads_back_exactly_what_was_saved(
    tmp_path: Path, make_displacement: Make, dated: dict[str, Any], kind: str, suffix: str
) -> None:
    result = make_velocity(make_displacement, dated, kind)
    result.save(tmp_path / f"v{suffix}")
    read = Velocity.open(tmp_path / f"v{suffix}")
    assert_same(read, result)
    assert read.stable == result.stable and read.summary.x == result.summary.x
    assert read.provenance == result.provenance and read.provenance.history[-1].startswith("velocity {")


@pytest.mark.parametrize("suffix", [".tif", ".nc"])
def test_what_is_not_known_reads_back_as_not_known(tmp_path: Path, make_displacement: Make, suffix: str) -> None:
    result = velocity(make_displacement())
    result.save(tmp_path / f"v{suffix}")
    read = Velocity.open(tmp_path / f"v{suffix}")
    assert_same(read, result)
    assert np.isnan([read.stable.dx, read.summary.x.error_stationary]).all()


def test_tags_are_json_that_others_can_read(make_displacement: Make) -> None:
    tags = velocity(make_displacement()).summary.tags()
    assert json.loads(tags["stable"], parse_constant=pytest.fail)["dx"] is None


def test_geotiff_bands_come_in_order(tmp_path: Path, make_displacement: Make, dated: dict[str, Any]) -> None:
    make_velocity(make_displacement, dated).save(tmp_path / "v.tif")
    with rasterio.open(tmp_path / "v.tif") as ds:
        assert ds.descriptions == ("vx", "vy", "v", "vx_error", "vy_error", "v_error", "flags")
        assert ds.tags()["product"] == "velocity" and ds.tags()["units"] == "m/yr"


def test_points(tmp_path: Path, make_displacement: Make, dated: dict[str, Any]) -> None:
    result = make_velocity(make_displacement, dated)
    result.save(tmp_path / "v.parquet")
    frame = pq.read_table(tmp_path / "v.parquet")
    names = ["x", "y", "vx", "vy", "v", "vx_error", "vy_error", "v_error", "flags", "geometry"]
    assert frame.column_names == names
    valued = np.isfinite(result.v)
    np.testing.assert_array_equal(frame["vy"].to_numpy(), result.vy[valued])
    assert set(frame["flags"].to_pylist()) == {0, int(Flag.FILLED)}


# The ITS_LIVE pair schema


def test_names_and_attributes_are_those_of_a_real_pair(
    tmp_path: Path, make_displacement: Make, dated: dict[str, Any], shared_data: Path
) -> None:
    make_velocity(make_displacement, dated).save(tmp_path / "v.nc")
    (path,) = (shared_data / "itslive").glob("*.nc")
    with h5netcdf.File(path) as theirs, h5netcdf.File(tmp_path / "v.nc") as ours:
        assert set(theirs.variables) <= set(ours.variables)
        for name in ("vx", "vy", "v", "v_error", "chip_size_width", "chip_size_height", "interp_mask"):
            expected, found = dict(theirs[name].attrs), dict(ours[name].attrs)
            # Theirs calls 0 missing in interp_mask, although it means "measured".
            accepted = {"x_pixel_size", "y_pixel_size", "chip_size_coordinates"}
            assert set(expected) - set(found) <= accepted | ({"_FillValue"} if name == "interp_mask" else set()), name
            for key in ("standard_name", "description", "grid_mapping", "flag_meanings"):
                assert found.get(key) == expected.get(key), (name, key)
            units = expected.get("units")
            assert units is None or found["units"] == (units.decode() if isinstance(units, bytes) else units)
        pair = set(theirs["img_pair_info"].attrs)
        absent = pair - set(ours["img_pair_info"].attrs)
        # What only the catalogue of the sensor knows, not the pair.
        assert all(
            key.startswith(
                ("collection", "correction", "mission", "path_", "processing", "row_", "satellite", "sensor", "roi")
            )
            for key in absent
        )
        assert {"spatial_epsg", "GeoTransform", "crs_wkt", "spatial_ref", "proj4text", "grid_mapping_name"} <= set(
            ours["mapping"].attrs
        )


@pytest.mark.parametrize("method", ["mask", "slow", "none"])
def test_attributes_say_where_the_shift_comes_from(tmp_path: Path, make_displacement: Make, method: str) -> None:
    rng = np.random.default_rng(1)
    field = make_displacement(dx=rng.normal(0.2, 0.1, SHAPE), dy=rng.normal(-0.1, 0.1, SHAPE))
    stable = np.ones(SHAPE, np.bool_) if method == "mask" else None
    result = velocity(field, VelocityParams(stable_from=method), stable)
    result.save(tmp_path / "v.nc")
    factor = 10.0 / 12.0 * 365.25
    with h5netcdf.File(tmp_path / "v.nc") as file:
        for name, sign, axis in (("vx", 1, "dx"), ("vy", -1, "dy")):
            attributes = dict(file[name].attrs)
            assert attributes["stable_shift_flag"] == {"none": 0, "mask": 1, "slow": 2}[method]
            used = {"mask": "stationary", "slow": "slow"}.get(method)
            for source in ("stationary", "slow"):
                shift, error = attributes[f"stable_shift_{source}"], attributes[f"error_{source}"]
                if source != used:
                    assert np.isnan([shift, error]).all() and attributes[f"stable_count_{source}"] == 0
                    continue
                expected = sign * factor * getattr(result.stable, axis)
                assert shift == pytest.approx(expected) and attributes["stable_shift"] == pytest.approx(expected)
                assert error == pytest.approx(factor * getattr(result.stable, f"sigma_{axis}"))
                assert attributes[f"stable_count_{source}"] == result.stable.count
            if used is None:
                assert attributes["stable_shift"] == 0
            assert attributes["error_modeled"] == pytest.approx(factor * 0.1, rel=1e-6)
            assert attributes["error"] == pytest.approx(np.median(getattr(result, f"{name}_error")), rel=1e-6)


def test_a_shift_that_is_not_subtracted_is_not_called_a_correction(tmp_path: Path, make_displacement: Make) -> None:
    result = velocity(make_displacement(dx=0.2), VelocityParams(subtract_shift=False), np.ones(SHAPE, np.bool_))
    result.save(tmp_path / "v.nc")
    with h5netcdf.File(tmp_path / "v.nc") as file:
        attributes = dict(file["vx"].attrs)
    assert (attributes["stable_shift"], attributes["stable_shift_flag"]) == (0.0, 0)
    assert attributes["stable_shift_stationary"] == pytest.approx(0.2 * 10 / 12 * 365.25, rel=1e-6)


def test_dates_are_coordinates_and_attributes(tmp_path: Path, make_displacement: Make, dated: dict[str, Any]) -> None:
    make_velocity(make_displacement, dated).save(tmp_path / "v.nc")
    with xr.open_dataset(tmp_path / "v.nc") as ds:
        assert ds.vx.dims == ("mid_date", "y", "x")
        assert str(ds.mid_date.values[0])[:19] == "2020-01-07T10:45:00"
        assert float((ds.date2 - ds.date1).values[0] / np.timedelta64(1, "D")) == 12.0
        info = ds.img_pair_info.attrs
    assert info["acquisition_date_img1"] == "20200101T10:45:00.000000"
    assert (info["id_img1"], info["id_img2"]) == ("S2A_20200101T104500", "S2B_20200113T104500")
    assert info["date_center"] == "20200107T10:45:00.000000" and info["date_dt"] == 12.0
    assert (info["latitude"], info["longitude"]) == (45.11, 15.07)


def test_without_dates_there_is_no_date_dimension(tmp_path: Path, make_displacement: Make) -> None:
    velocity(make_displacement()).save(tmp_path / "v.nc")
    with xr.open_dataset(tmp_path / "v.nc") as ds:
        assert ds.vx.dims == ("y", "x") and "mid_date" not in ds


def test_ticoi_finds_what_its_loader_asks_for(tmp_path: Path, make_displacement: Make, dated: dict[str, Any]) -> None:
    """Its generic loader wants vx, vy in m/yr over (mid_date, y, x), date1, date2, errorx, errory, and proj4."""
    result = make_velocity(make_displacement, dated)
    result.save(tmp_path / "v.nc")
    with xr.open_dataset(tmp_path / "v.nc") as ds:
        for name in ("vx", "vy", "errorx", "errory"):
            assert ds[name].dims == ("mid_date", "y", "x")
        assert ds.date1.dims == ds.date2.dims == ("mid_date",)
        np.testing.assert_array_equal(ds.errorx.values[0], result.vx_error)
        np.testing.assert_array_equal(ds.errory.values[0], result.vy_error)
        assert ds.attrs["proj4"].startswith("+proj=utm +zone=33") and ds.attrs["source"].startswith("sensetrack")
        assert "author" not in ds.attrs


def test_filled_points_are_marked_as_interpolated(
    tmp_path: Path, make_displacement: Make, dated: dict[str, Any]
) -> None:
    make_velocity(make_displacement, dated).save(tmp_path / "v.nc")
    with xr.open_dataset(tmp_path / "v.nc") as ds:
        assert ds.interp_mask.values[0, 50].all() and ds.interp_mask.values.sum() == 70
        sizes = ds.chip_size_width.values[0]
        assert set(np.unique(sizes[np.isfinite(sizes)])) == {640.0} and np.isnan(sizes[40:45]).all()


def test_packed_velocities_are_int16_as_in_its_live(
    tmp_path: Path, make_displacement: Make, dated: dict[str, Any]
) -> None:
    result = make_velocity(make_displacement, dated)
    result.save(tmp_path / "v.nc", packed=True)
    with h5netcdf.File(tmp_path / "v.nc") as file:
        for name in ("vx", "vy", "v", "vx_error", "vy_error", "v_error"):
            assert file[name].dtype == np.int16 and file[name].attrs["_FillValue"] == -32767
    read = Velocity.open(tmp_path / "v.nc")
    np.testing.assert_array_equal(read.vx, np.rint(result.vx))


@pytest.mark.skipif(raster_driver_extensions().get("nc") != "netCDF", reason="GDAL was built without netCDF")
@pytest.mark.parametrize("kind", list(GRIDS))
def test_gdal_opens_a_layer_where_it_lies(
    tmp_path: Path, make_displacement: Make, dated: dict[str, Any], kind: str
) -> None:
    result = make_velocity(make_displacement, dated, kind)
    result.save(tmp_path / "v.nc")
    with rasterio.open(f"netcdf:{tmp_path / 'v.nc'}:vy") as ds:
        np.testing.assert_allclose(tuple(ds.transform), tuple(result.grid.transform), rtol=1e-9, atol=1e-9)
        assert result.grid.crs is None or ds.crs == result.grid.crs
        np.testing.assert_array_equal(ds.read(1), result.vy)


def test_opens_a_real_pair_of_its_live(shared_data: Path) -> None:
    (path,) = (shared_data / "itslive").glob("*.nc")
    pair = Velocity.open(path)
    assert pair.units == "m/yr" and pair.days == pytest.approx(49.03003619)
    assert pair.provenance.reference.startswith("LT05_L1GS_219121") and pair.stable.method == "none"
    assert str(pair.provenance.secondary_date) == "1985-01-24 13:35:34.504056+00:00"
    assert pair.summary.x.error == 189.8
    # This product holds no valid velocity: the whole of it is nodata, and says so.
    assert (pair.flags == Flag.NODATA).all() and np.isnan(pair.v_error).all()


def test_opens_a_pair_that_states_one_error_per_component(
    tmp_path: Path, make_displacement: Make, dated: dict[str, Any]
) -> None:
    result = make_velocity(make_displacement, dated)
    result.save(tmp_path / "ours.nc", packed=True)
    with xr.open_dataset(tmp_path / "ours.nc", mask_and_scale=False) as ds:
        theirs = ds.isel(mid_date=0).drop_vars(["vx_error", "vy_error", "errorx", "errory", "flags", "mid_date"])
        del theirs.attrs["product"]
        theirs.vx.attrs["error"], theirs.vy.attrs["error"] = 21.5, 7.25
        theirs.to_netcdf(tmp_path / "theirs.nc", engine="h5netcdf")
    pair = Velocity.open(tmp_path / "theirs.nc")
    np.testing.assert_array_equal(pair.vx, np.rint(result.vx))
    valid = np.isfinite(pair.v)
    assert (pair.vx_error[valid] == 21.5).all() and (pair.vy_error[valid] == 7.25).all()
    np.testing.assert_array_equal(pair.flags == Flag.NODATA, ~valid)
    assert (pair.flags[50] == Flag.FILLED).all()
    assert (pair.stable.method, pair.stable.count) == ("mask", 2100)
    assert pair.summary.x.stable_shift == pytest.approx(result.summary.x.stable_shift)


# Bad input


@pytest.mark.parametrize("suffix", [".tif", ".nc"])
def test_a_displacement_file_is_not_a_velocity_file(tmp_path: Path, make_displacement: Make, suffix: str) -> None:
    make_displacement().save(tmp_path / f"d{suffix}")
    with pytest.raises(InputError, match=rf"d\{suffix}: not a velocity file: it has no layer vx, vy, v,"):
        Velocity.open(tmp_path / f"d{suffix}")


def test_bands_without_tags_are_refused(tmp_path: Path, write_raster: Callable[..., Path]) -> None:
    path = write_raster(np.zeros((7, 4, 5), np.float32), names=LAYERS)
    with pytest.raises(InputError, match=r"image\.tif: not a velocity file of sensetrack: it has no tag 'units'"):
        Velocity.open(path)


def test_damaged_tags_are_named(tmp_path: Path, make_displacement: Make) -> None:
    velocity(make_displacement()).save(tmp_path / "v.nc")
    with h5netcdf.File(tmp_path / "v.nc", "a") as file:
        file.attrs["units"] = "furlong"
    with pytest.raises(InputError, match=r"v\.nc: its tags are damaged .*furlong"):
        Velocity.open(tmp_path / "v.nc")


def test_layers_must_fit_the_grid(make_displacement: Make) -> None:
    result = velocity(make_displacement())
    with pytest.raises(InputError, match=r"vy has shape \(2, 2\), its grid \(60, 70\)"):
        dataclasses.replace(result, vy=np.zeros((2, 2), np.float32))


def test_an_existing_file_is_kept_unless_told(tmp_path: Path, make_displacement: Make) -> None:
    result = velocity(make_displacement())
    result.save(tmp_path / "v.nc")
    with pytest.raises(OutputError, match="exists already"):
        result.save(tmp_path / "v.nc")
    result.save(tmp_path / "v.nc", overwrite=True)


def test_packed_metres_per_day_would_be_a_few_whole_numbers(
    tmp_path: Path, make_displacement: Make, dated: dict[str, Any]
) -> None:
    result = make_velocity(make_displacement, dated, units="m/d")
    with pytest.raises(ParameterError, match=r"packed = True .*units = 'm/d'; leave it out, or use m/yr"):
        result.save(tmp_path / "v.nc", packed=True)
    assert not list(tmp_path.iterdir())
