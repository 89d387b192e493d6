"""The commands on products in HDF5: PRISMA and COSMO-SkyMed."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from products.cosmo import write_cosmo
from products.prisma import write_prisma


def test_info_on_prisma(run, tmp_path):
    truth = write_prisma(tmp_path, "2D")
    text = run("info", truth.path).stdout
    for line in (
        "PRISMA PRS_L2D product",
        f"product id   {truth.product_id}",
        "cloud cover  12.5 %",
        "EPSG         32633",
        "vnir bands   402.4 to 977.3 nm, 63 of 66 acquired",
        "sun          elevation 25.75, azimuth 161.50 degrees",
        "240 bands in all",
    ):
        assert line in text
    shown = [line.split()[0] for line in text.splitlines() if line.startswith(("  pan ", "  vnir:", "  swir:"))]
    assert shown == ["pan", "vnir:1", "vnir:66", "swir:1", "swir:173"]
    item = json.loads(run("info", truth.path, "--json").stdout)
    assert item["properties"]["proj:code"] == "EPSG:32633"
    assert len(item["assets"]) == 235


def test_convert_prisma_by_number_range_and_wavelength(run, tmp_path):
    truth = write_prisma(tmp_path, "2D", shape=(22, 27))
    out = tmp_path / "bands.tif"
    run(
        "convert", truth.path, "-o", out, "--band", "vnir:34-36", "--band", "swir:125", "--wavelength", 850, "--no-mask"
    )
    nearest = int(np.abs(truth.wavelengths["vnir"] - 850).argmin()) + 1
    with rasterio.open(out) as ds:
        assert ds.descriptions == ("vnir:34", "vnir:35", "vnir:36", "swir:125", f"vnir:{nearest}")
        assert tuple(ds.transform)[:6] == truth.transform
        values = ds.read()
        assert ds.tags()["mission"] == "PRISMA"
    for layer, (kind, number) in zip(values, (("vnir", 34), ("vnir", 35), ("vnir", 36), ("swir", 125)), strict=False):
        np.testing.assert_allclose(layer, truth.values[kind][:, number - 1], rtol=1e-6)


def test_convert_prisma_raw_and_on_a_map(run, tmp_path):
    truth = write_prisma(tmp_path, "1", orientation="turned", shape=(40, 50))
    raw = tmp_path / "raw.tif"
    run("convert", truth.path, "-o", raw, "--band", "vnir:10", "--raw", "--no-mask")
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(raw) as ds:
        np.testing.assert_allclose(ds.read(1), truth.dn["vnir"][:, 9])
    mapped = tmp_path / "mapped.tif"
    run("convert", truth.path, "-o", mapped, "--band", "pan", "--resolution", 10, "--crs", "EPSG:32633")
    with rasterio.open(mapped) as ds:
        assert (ds.crs.to_epsg(), ds.res) == (32633, (10.0, 10.0))
        assert np.isfinite(ds.read(1)).mean() > 0.5


def test_info_on_cosmo_with_its_own_picture_and_outline(run, tmp_path):
    truth = write_cosmo(tmp_path, mode="PP", polarisations=("HH", "VV"), stretch=30)
    picture, outline = tmp_path / "quick.png", tmp_path / "outline.gpkg"
    text = run("info", truth.path, "--quicklook", picture, "--footprint", outline).stdout
    for line in (
        "CSKS4 SCS_B product",
        "PINGPONG",
        "HH, VV",
        "right looking, incidence 35",
        "1 x 1 looks (azimuth x range)",
        "sigma0, beta0, amplitude, complex",
    ):
        assert line in text
    drawn = cv2.imread(str(picture), cv2.IMREAD_UNCHANGED)
    assert drawn.shape[:2] == truth.quicklook["S01"].shape
    np.testing.assert_array_equal(drawn[..., 3] > 0, truth.quicklook["S01"] > 0)
    meta, _, shapes, columns = pyogrio.raw.read(outline)
    west, south, east, north = shapely.from_wkb(shapes[0]).bounds
    lats, lons = zip(*truth.corners.values(), strict=True)
    assert (west, south, east, north) == pytest.approx((min(lons), min(lats), max(lons), max(lats)), abs=1e-5)
    assert dict(zip(meta["fields"], (each[0] for each in columns), strict=True))["scene"] == truth.path.stem
    assert run("info", truth.path, "--footprint", outline, status=1).stderr.count("\n") == 1
    run("info", truth.path, "--footprint", tmp_path / "outline.geojson")
    found = json.loads((tmp_path / "outline.geojson").read_text())
    assert found["features"][0]["properties"]["mission"] == "CSKS4"


def test_footprints_that_cannot_be(run, tmp_path, pair):
    truth = write_cosmo(tmp_path, without=["S01/SBI@Top Left Geodetic Coordinates"])
    assert "has no footprint" in run("info", truth.path, "--footprint", tmp_path / "a.gpkg", status=1).stderr
    assert ".gpkg or .geojson" in run("info", truth.path, "--footprint", tmp_path / "a.shp", status=1).stderr
    assert "leave out --footprint" in run("info", pair[0], "--footprint", tmp_path / "a.gpkg", status=1).stderr
    assert not list(tmp_path.glob("a.*"))


def test_convert_cosmo(run, tmp_path):
    truth = write_cosmo(tmp_path, "GEC_B")
    out = tmp_path / "sigma0.tif"
    run("convert", truth.path, "-o", out)
    with rasterio.open(out) as ds:
        assert ds.crs.to_epsg() == truth.epsg
        np.testing.assert_allclose(ds.read(1), truth.sigma0["S01"], rtol=1e-6)
        assert ds.tags()["quantity"] == "sigma0"
    raw = tmp_path / "raw.tif"
    run("convert", truth.path, "-o", raw, "--raw")
    with rasterio.open(raw) as ds:
        assert (ds.dtypes, ds.nodata) == (("uint16",), 0)
        np.testing.assert_array_equal(ds.read(1), truth.dn["S01"])
