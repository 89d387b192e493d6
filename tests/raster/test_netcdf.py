"""netCDF as its readers see it: CF metadata, xarray, GDAL, and files that others made or changed."""

from __future__ import annotations

import filecmp
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import h5netcdf
import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr
from affine import Affine
from rasterio.drivers import raster_driver_extensions

from sensetrack.errors import InputError, NotARasterError
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import Layer, LayerFile, save

Layered = Callable[..., tuple]

needs_gdal_netcdf = pytest.mark.skipif(
    raster_driver_extensions().get("nc") != "netCDF", reason="this rasterio was built without GDAL's netCDF driver"
)


def test_xarray_sees_cf_coordinates_of_pixel_centres(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered()
    save(tmp_path / "a.nc", any_grid, content, arrays)
    with xr.open_dataset(tmp_path / "a.nc", decode_coords="all") as ds:
        assert ds.attrs["Conventions"] == "CF-1.8"
        x, y = any_grid.xy(np.arange(30)[:, None], np.arange(40)[None, :])
        np.testing.assert_allclose(np.broadcast_to(ds.x.values if ds.x.ndim == 2 else ds.x.values[None, :], x.shape), x)
        np.testing.assert_allclose(np.broadcast_to(ds.y.values if ds.y.ndim == 2 else ds.y.values[:, None], y.shape), y)
        assert {"x", "y"} <= set(ds.east.coords)
        np.testing.assert_array_equal(ds.east.values, arrays["east"])
        assert ds.east.attrs["long_name"] == "step to the east" and ds.east.attrs["units"] == "m"
        assert ds.flags.dtype == np.uint8 and ds.flags.attrs["flag_masks"].dtype == np.uint8


def test_axes_are_described_by_the_kind_of_crs(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered()
    save(tmp_path / "a.nc", any_grid, content, arrays)
    with h5netcdf.File(tmp_path / "a.nc") as file:
        x = dict(file["x"].attrs)
        if any_grid.crs is None:
            assert "standard_name" not in x and x["units"] == "1"
            return
        geographic = any_grid.is_geographic
        assert x["standard_name"] == ("longitude" if geographic else "projection_x_coordinate")
        expected = "degrees_east" if geographic else "m"
        assert x["units"] == ("0.30480060960121924 m" if any_grid.crs.to_epsg() == 2227 else expected)
        assert file["east"].attrs["grid_mapping"] == "mapping"
        mapping = dict(file["mapping"].attrs)
        assert mapping["spatial_epsg"] == any_grid.crs.to_epsg()
        assert pyproj.CRS.from_cf(mapping) == pyproj.CRS.from_wkt(mapping["crs_wkt"]) == pyproj.CRS(any_grid.crs)
        assert [float(term) for term in mapping["GeoTransform"].split()] == list(any_grid.transform.to_gdal())
        assert mapping["grid_mapping_name"]


@needs_gdal_netcdf
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_gdal_places_every_layer_alike(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered()
    save(tmp_path / "a.nc", any_grid, content, arrays)
    with rasterio.open(f"netcdf:{tmp_path / 'a.nc'}:east") as ds:
        if any_grid.crs is not None:
            assert ds.crs == any_grid.crs
        np.testing.assert_allclose(tuple(ds.transform), tuple(any_grid.transform), rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(ds.read(1), arrays["east"])
        assert np.isnan(ds.nodata)


def test_history_is_text_for_others_and_a_list_for_us(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered()
    save(tmp_path / "a.nc", any_grid, content, arrays)
    with h5netcdf.File(tmp_path / "a.nc", "a") as file:
        assert file.attrs["history"] == "first\nsecond"
        file.attrs["history"] = "ncks -O a.nc\nfirst\nsecond"
    assert LayerFile.open(tmp_path / "a.nc").tags["history"] == '["first", "second"]'


@pytest.mark.parametrize("rows, cols", [(slice(3, 20), slice(5, 31)), (slice(4, 5), slice(0, 40))])
def test_a_crop_made_with_xarray_has_the_grid_of_the_crop(
    tmp_path: Path, any_grid: Grid, layered: Layered, rows: slice, cols: slice
) -> None:
    if any_grid.transform.b and rows.stop - rows.start == 1:
        pytest.skip("one row of a rotated grid does not say where the next one would be")
    content, arrays = layered()
    save(tmp_path / "a.nc", any_grid, content, arrays)
    with xr.open_dataset(tmp_path / "a.nc") as ds:
        dims = ds.east.dims
        ds.isel({dims[0]: rows, dims[1]: cols}).to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    file = LayerFile.open(tmp_path / "b.nc")
    shape = (rows.stop - rows.start, cols.stop - cols.start)
    assert any_grid.crop(rows.start, cols.start, shape).difference(file.grid, 1e-6) is None
    np.testing.assert_array_equal(file.read(names=["east"])["east"], arrays["east"][rows, cols])


def test_single_pixel_keeps_its_size(tmp_path: Path, layered: Layered) -> None:
    content, arrays = layered((1, 1))
    grid = Grid((1, 1), Affine(20.0, 0.0, 100.0, 0.0, -30.0, 900.0))
    save(tmp_path / "a.nc", grid, content, arrays)
    assert LayerFile.open(tmp_path / "a.nc").grid == grid


def test_period_adds_dates_and_a_dimension_to_stack_along(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    paths = []
    for day in (1, 11):
        period = datetime(2020, 3, day, 6, tzinfo=UTC), datetime(2020, 3, day + 12, 18, tzinfo=UTC)
        content, arrays = layered(period=period)
        paths.append(tmp_path / f"{day}.nc")
        save(paths[-1], any_grid, content, arrays)
    pairs = [xr.load_dataset(path) for path in paths]
    cube = xr.concat(pairs, dim="mid_date", data_vars="minimal", coords="minimal", compat="override", join="exact")
    assert cube.east.dims[0] == "mid_date" and cube.east.shape == (2, 30, 40)
    assert [str(time)[:16] for time in cube.mid_date.values] == ["2020-03-07T12:00", "2020-03-17T12:00"]
    assert [str(time)[:13] for time in cube.date2.values] == ["2020-03-13T18", "2020-03-23T18"]
    file = LayerFile.open(paths[0])
    assert file.grid == any_grid
    np.testing.assert_array_equal(file.read()["east"], arrays["east"])


def test_aliases_share_the_array(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered(aliases={"easting": "east"})
    save(tmp_path / "a.nc", any_grid, content, arrays)
    with xr.open_dataset(tmp_path / "a.nc") as ds:
        np.testing.assert_array_equal(ds.easting.values, arrays["east"])
        assert ds.easting.attrs == ds.east.attrs
    assert LayerFile.open(tmp_path / "a.nc").names == ("east", "north", "flags")


@needs_gdal_netcdf
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_gdal_reads_aliases(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered(aliases={"easting": "east"})
    save(tmp_path / "a.nc", any_grid, content, arrays)
    with (
        rasterio.open(f"netcdf:{tmp_path / 'a.nc'}:east") as first,
        rasterio.open(f"netcdf:{tmp_path / 'a.nc'}:easting") as second,
    ):
        np.testing.assert_array_equal(first.read(1), second.read(1))


@pytest.mark.parametrize("packages", [("h5netcdf", "h5py"), ("h5netcdf",)], ids="-".join)
def test_bytes_do_not_depend_on_how_long_frames_live(
    tmp_path: Path, any_grid: Grid, layered: Layered, packages: tuple[str, ...]
) -> None:
    """A profiler of threads, such as that of Dask's workers, keeps what a frame names alive for a while."""
    content, arrays = layered(period=(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 11, tzinfo=UTC)))
    save(tmp_path / "a.nc", any_grid, content, arrays)
    kept = []

    def hold(frame: FrameType, event: str, arg: object) -> None:
        if str(frame.f_globals.get("__name__", "")).startswith(packages):
            kept.append(frame)

    sys.setprofile(hold)
    try:
        save(tmp_path / "b.nc", any_grid, content, arrays)
    finally:
        sys.setprofile(None)
    assert kept
    assert filecmp.cmp(tmp_path / "a.nc", tmp_path / "b.nc", shallow=False)


def test_packed_integers_round_and_keep_missing(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered(layers=(Layer("east", "step", "m", "int16", -32767),))
    east = arrays["east"] * 100
    east[0, 0] = 1e6
    save(tmp_path / "a.nc", any_grid, content, {"east": east})
    read = LayerFile.open(tmp_path / "a.nc").read()["east"]
    assert read[0, 0] == 32767
    np.testing.assert_array_equal(read.ravel()[1:], np.rint(east).ravel()[1:])
    with xr.open_dataset(tmp_path / "a.nc") as ds:
        np.testing.assert_array_equal(ds.east.values, read)


def test_scale_and_offset_of_others_are_applied(tmp_path: Path) -> None:
    values = np.array([[1.5, np.nan], [2.0, 3.25]], np.float32)
    ds = xr.Dataset({"depth": (("y", "x"), values)}, coords={"x": [5.0, 15.0], "y": [95.0, 85.0]})
    packing = {"depth": {"dtype": "int16", "scale_factor": 0.25, "add_offset": 1.0, "_FillValue": -99}}
    ds.to_netcdf(tmp_path / "a.nc", engine="h5netcdf", encoding=packing)
    file = LayerFile.open(tmp_path / "a.nc")
    np.testing.assert_array_equal(file.read()["depth"], values)
    assert file.grid == Grid((2, 2), Affine(10.0, 0.0, 0.0, 0.0, -10.0, 100.0))


def test_files_that_hold_no_grid_are_refused(tmp_path: Path) -> None:
    xr.Dataset({"series": ("time", [1.0, 2.0])}).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(InputError, match="no layer with two dimensions"):
        LayerFile.open(tmp_path / "a.nc")


def test_netcdf_3_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.nc").write_bytes(b"CDF\x01" + bytes(60))
    with pytest.raises(NotARasterError, match="netCDF-4"):
        LayerFile.open(tmp_path / "a.nc")


def test_damaged_crs_is_named(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    if any_grid.crs is None:
        pytest.skip("nothing to damage")
    content, arrays = layered()
    save(tmp_path / "a.nc", any_grid, content, arrays)
    with h5netcdf.File(tmp_path / "a.nc", "a") as file:
        file["mapping"].attrs["crs_wkt"] = "nonsense"
    with pytest.raises(InputError, match="no valid CRS"):
        LayerFile.open(tmp_path / "a.nc")


def test_real_itslive_pair_opens_on_its_grid(shared_data: Path) -> None:
    (path,) = (shared_data / "itslive").glob("*.nc")
    file = LayerFile.open(path)
    assert {"vx", "vy", "v", "v_error", "interp_mask"} <= set(file.names)
    assert file.grid.shape == (1879, 2016) and file.grid.crs is not None and file.grid.crs.to_epsg() == 3031
    # Its GeoTransform attribute names the centre of the first pixel, its coordinates are what counts.
    assert file.grid.transform == Affine(120.0, 0.0, -849967.5, 0.0, -120.0, -457072.5)
    assert np.isnan(file.read(names=["vx"])["vx"]).all()
