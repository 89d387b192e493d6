"""The convert command: bands, areas, grids, numbers, and batches in which nothing is half-written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from products.landsat import LandsatTruth, write_landsat
from products.sentinel1 import write_sentinel1
from products.sentinel2 import write_sentinel2
from rasterio.crs import CRS

from sensetrack.raster.crs import transform_points
from sensetrack.raster.image import Image


@pytest.fixture
def landsat(tmp_path: Path) -> LandsatTruth:
    return write_landsat(tmp_path / "in", "L1TP", shape=(60, 80))


def read(path: Path, band: int = 1) -> np.ndarray:
    pixels, valid = Image.open(path, band=band).read()
    return np.where(valid, pixels, np.nan)


def test_the_default_band_with_its_metadata(run, landsat, tmp_path):
    out = tmp_path / "pan.tif"
    text = run("convert", landsat.path, "-o", out).stdout
    assert "bands   B8" in text and "reflectance, float32" in text and "CRS     EPSG:32637" in text
    with rasterio.open(out) as ds:
        tags = ds.tags()
        assert ds.descriptions == ("B8",) and tuple(ds.transform)[:6] == landsat.pan_transform
        assert ds.dtypes == ("float32",) and np.isnan(ds.nodata)
    assert tags["scene"] == landsat.name and tags["mission"] == "Landsat-9" and tags["sun_elevation"] == "58.58710476"
    assert Image.open(out).acquired == landsat.acquired and tags["quantity"] == "reflectance"
    assert np.nanmedian(np.abs(read(out) - landsat.values["B8"])) < 1e-6


def test_several_bands_in_one_file(run, landsat, tmp_path):
    out = tmp_path / "rgb.tif"
    names = ["--band", "red", "--band", "B3", "--wavelength", 482]
    run("convert", landsat.path, "-o", out, *names, "--no-mask")
    with rasterio.open(out) as ds:
        assert ds.descriptions == ("B4", "B3", "B2") and ds.tags()["band"] == "B4,B3,B2"
    for number, name in enumerate(("B4", "B3", "B2"), start=1):
        np.testing.assert_allclose(read(out, number), landsat.values[name], atol=1e-5)


def test_bands_of_other_sizes_follow_the_first(run, landsat, tmp_path):
    out = tmp_path / "two.tif"
    run("convert", landsat.path, "-o", out, "--band", "B4", "--band", "pan", "--resampling", "average", "--no-mask")
    with rasterio.open(out) as ds:
        assert ds.shape == (60, 80) and ds.descriptions == ("B4", "B8") and ds.tags()["resampling"] == "average"
    np.testing.assert_allclose(read(out), landsat.values["B4"], atol=1e-5)
    # The pan band begins a quarter of its pixel inside, so that each pixel of 30 m is the mean over its area.
    assert np.isfinite(read(out, 2)).mean() > 0.8


def test_raw_numbers(run, landsat, tmp_path):
    out = tmp_path / "raw.tif"
    text = run("convert", landsat.path, "-o", out, "--band", "B4", "--raw", "--no-mask").stdout
    assert "raw, uint16" in text
    with rasterio.open(out) as ds:
        numbers = ds.read(1)
        assert (ds.dtypes[0], ds.nodata) == ("uint16", 0)
        values = numbers * ds.scales[0] + ds.offsets[0]
    assert np.array_equal(numbers, landsat.dn["B4"])
    seen = numbers > 0
    np.testing.assert_allclose(values[seen], landsat.values["B4"][seen], atol=1e-6)


def test_radiance_and_temperature(run, landsat, tmp_path):
    run("convert", landsat.path, "-o", tmp_path / "l.tif", "--band", "B5", "--quantity", "radiance", "--no-mask")
    np.testing.assert_allclose(read(tmp_path / "l.tif"), landsat.radiances["B5"], rtol=1e-5, atol=1e-4)
    run("convert", landsat.path, "-o", tmp_path / "t.tif", "--band", "B10", "--no-mask")
    np.testing.assert_allclose(read(tmp_path / "t.tif"), landsat.values["B10"], rtol=1e-5)


@pytest.mark.parametrize("kind", ["numbers", "file"])
def test_an_area_cuts_and_does_not_resample(run, landsat, tmp_path, kind):
    grid = Image.open(landsat.path, band="B4").grid
    x, y = grid.xy([10, 19, 19, 10], [20, 20, 39, 39])
    lon, lat = transform_points(grid.crs, CRS.from_epsg(4326), x, y)
    box = [float(each) for each in (lon.min(), lat.min(), lon.max(), lat.max())]
    aoi = ",".join(map(str, box))
    if kind == "file":
        aoi = str(tmp_path / "area.geojson")
        ring = [[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]], [box[0], box[1]]]
        shape = {"type": "Polygon", "coordinates": [ring]}
        features = [{"type": "Feature", "properties": {}, "geometry": shape}]
        (tmp_path / "area.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    out = tmp_path / "cut.tif"
    run("convert", landsat.path, "-o", out, "--band", "B4", "--no-mask", "--aoi", aoi)
    found = Image.open(out).grid
    row, col = (round(float(each)) for each in grid.rowcol(*found.xy(0, 0)))
    assert found.difference(grid.crop(row, col, found.shape)) is None
    assert row <= 10 and col <= 20 and row + found.height >= 20 and col + found.width >= 40
    assert found.height < 16 and found.width < 26, "no more than the area touches"
    part = landsat.values["B4"][row : row + found.height, col : col + found.width]
    np.testing.assert_allclose(read(out), part, atol=1e-5)


def test_clouds_are_left_out_on_request(run, landsat, tmp_path):
    run("convert", landsat.path, "-o", tmp_path / "all.tif", "--band", "B4")
    run("convert", landsat.path, "-o", tmp_path / "clear.tif", "--band", "B4", "--no-clouds")
    whole, clear = (np.isfinite(read(tmp_path / name)) for name in ("all.tif", "clear.tif"))
    assert np.array_equal(clear, whole & (landsat.dn["QA_PIXEL"] == 21824)) and clear.sum() < whole.sum()


def test_another_grid(run, landsat, tmp_path):
    out = tmp_path / "utm.tif"
    run("convert", landsat.path, "-o", out, "--band", "B4", "--crs", "EPSG:32736", "--resolution", 60)
    with rasterio.open(out) as ds:
        assert ds.crs == "EPSG:32736" and ds.res == (60, 60)
    assert 0 < np.nanmean(read(out)) < 1


def test_a_radar_image_stays_in_its_geometry(run, tmp_path):
    truth = write_sentinel1(tmp_path / "in", "GRD")
    out = tmp_path / "s.tif"
    run("convert", truth.path, "-o", out, "--band", "VH", "--quantity", "gamma0")
    np.testing.assert_allclose(read(out), truth.images["IW", "VH"].calibrated["gamma0"], rtol=1e-5)
    run("convert", truth.path, "-o", tmp_path / "d.tif", "--band", "VV", "--denoise")
    assert np.nansum(read(tmp_path / "d.tif")) < np.nansum(truth.images["IW", "VV"].calibrated["sigma0"])
    failed = run("convert", truth.path, "-o", tmp_path / "m.tif", "--crs", "utm", status=1)
    assert "in the geometry of the sensor, not on a map" in failed.stderr and not (tmp_path / "m.tif").exists()


def test_complex_numbers_stay_complex(run, tmp_path):
    truth = write_sentinel1(tmp_path / "in", "SLC", shape=(40, 60), polarisations=("VV",))
    run("convert", truth.path, "-o", tmp_path / "c.tif", "--band", "IW2-VV", "--quantity", "complex")
    pixels, valid = Image.open(tmp_path / "c.tif").read()
    assert pixels.dtype == np.complex64
    assert np.array_equal(pixels[valid], truth.images["IW2", "VV"].scene[valid])


def test_a_batch_goes_to_a_folder(run, landsat, tmp_path):
    other = write_sentinel2(tmp_path / "in", rows=72)
    out = tmp_path / "converted"
    text = run("convert", landsat.path, other.path, "-o", out, "--band", "red").stdout
    names = {landsat.name, other.spec.product.removesuffix(".SAFE")}
    assert {path.stem for path in out.iterdir()} == names and all(f"{name}.tif" in text for name in names)
    failed = run("convert", landsat.path, other.path, "-o", out, status=1)
    assert "exists already" in failed.stderr
    run("convert", landsat.path, other.path, "-o", out, "--overwrite")
    failed = run("convert", landsat.path, landsat.path, "-o", tmp_path / "twice", status=1)
    assert "once more" in failed.stderr


@pytest.mark.parametrize(
    ("options", "status", "why"),
    [
        (["--band", "B99"], 1, "no band 'B99'"),
        (["--quantity", "sigma0"], 2, "can be reflectance, radiance or raw"),
        (["--wavelength", "40"], 2, "40 nm: the nearest band"),
        (["--aoi", "1,2,3"], 2, "write west,south,east,north"),
        (["--aoi", "10,45,11,46"], 1, "does not overlap"),
        (["--aoi", "nothing.gpkg"], 1, "no such file"),
        (["--crs", "EPSG:99999999"], 2, "not a CRS"),
        (["--raw", "--denoise"], 2, "leave out quantity and denoise"),
    ],
)
def test_what_makes_no_sense_is_one_line(run, landsat, tmp_path, options, status, why):
    failed = run("convert", landsat.path, "-o", tmp_path / "x.tif", *options, status=status)
    assert why in failed.stderr and len(failed.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_outputs_that_cannot_be(run, landsat, tmp_path):
    assert "name a folder" in run("convert", landsat.path, landsat.path, "-o", tmp_path / "x.tif", status=1).stderr
    assert "converted to .tif" in run("convert", landsat.path, "-o", tmp_path / "x.png", status=1).stderr
    (tmp_path / "empty").mkdir()
    failed = run("convert", tmp_path / "empty", "-o", tmp_path / "x.tif", status=1)
    assert "no product of a sensor that is known (cosmo-skymed, landsat, prisma, " in failed.stderr
    write_landsat(tmp_path / "in", "L2SP")
    assert "holds several products" in run("convert", tmp_path / "in", "-o", tmp_path / "x.tif", status=1).stderr
    assert "no such file or folder" in run("convert", tmp_path / "none", "-o", tmp_path / "x.tif", status=1).stderr


def test_a_plain_raster_is_cut_in_its_own_numbers(run, write_raster, utm_grid, tmp_path):
    array = np.arange(600, dtype=np.uint16).reshape(2, 20, 15)
    path = write_raster(array, grid=utm_grid((20, 15)), nodata=7, names=("near", "far"))
    run("convert", path, "-o", tmp_path / "x.tif", "--band", "far", "--raw")
    with rasterio.open(tmp_path / "x.tif") as ds:
        assert ds.descriptions == ("far",) and ds.nodata == 7 and ds.dtypes == ("uint16",)
        np.testing.assert_array_equal(ds.read(1), array[1])
    (tmp_path / "out").mkdir()
    run("convert", path, "-o", tmp_path / "out", "--resolution", "20", "--resampling", "average")
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["image.tif"]
    for option in (["--denoise"], ["--quantity", "sigma0"], ["--wavelength", "800"], ["--no-clouds"]):
        failed = run("convert", path, "-o", tmp_path / "y.tif", *option, status=1)
        assert f"no product of a sensor that is known; leave out {option[0]}" in failed.stderr
