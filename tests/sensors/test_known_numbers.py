"""Numbers of real products that are known from their files, beyond those that other tests of the sensors need."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import rasterio
from products.prisma import write_prisma

from sensetrack.raster.grid import crs_name
from sensetrack.sensors import open_product
from sensetrack.sensors.cosmo_skymed import CosmoProduct

TILE = "sentinel2/stars/S2A_MSIL1C_20220125T151701_N0400_R125_T18LTM_20220125T190036.SAFE"


def test_sentinel2_bands_of_60_m_and_their_masks(shared_data: Path) -> None:
    product = open_product(shared_data / TILE)
    for name in ("B01", "B09", "B10"):
        image = product.image(name, raw=True, mask=False)
        assert image.grid.shape == (1830, 1830) and image.dtype == "uint16" and crs_name(image.grid.crs) == "EPSG:32718"
        assert tuple(image.grid.transform)[:6] == (60, 0, 199980, 0, -60, 8700040)
        assert image.read()[1].mean() == pytest.approx(0.599, abs=5e-4)
        with rasterio.open(next((shared_data / TILE).rglob(f"MSK_QUALIT_{name}.jp2"))) as planes:
            assert planes.count == 8
    assert tuple(product.image("MSK_DETFOO_B02").grid.transform)[:6] == (10, 0, 199980, 0, -10, 8700040)


def test_landsat_collection_1_overviews(shared_data: Path) -> None:
    product = open_product(shared_data / "landsat/LC08_L1TP_016037_20170813_20170814_01_RT")
    for name, shape, size in (("B2", (259, 255), 900), ("B5", (259, 255), 900), ("B8", (519, 509), 450)):
        grid = product.image(name, raw=True).grid
        assert grid.shape == shape and crs_name(grid.crs) == "EPSG:32617"
        assert (grid.transform.a, -grid.transform.e) == pytest.approx((size, size), rel=0.01)


def test_landsat_9_scaling(shared_data: Path) -> None:
    product = open_product(shared_data / "landsat/LC09_L1TP_166072_20220203_20220203_02_T1")
    number = product.metadata.number  # type: ignore[attr-defined]
    assert number("REFLECTANCE_ADD_BAND_4", "LEVEL1_RADIOMETRIC_RESCALING") == -0.1
    assert number("UTM_ZONE", "LEVEL1_PROJECTION_PARAMETERS", "PROJECTION_ATTRIBUTES") == 37


def test_cosmo_calibration(shared_data: Path) -> None:
    folder = "cosmo/stars/CSKS2_SCS_B_HI_07_HH_RA_FF_20230502035109_20230502035116"
    product = open_product(shared_data / folder)
    assert isinstance(product, CosmoProduct)
    about = product.attributes()
    numbers = {
        "Calibration Constant": 2.04456e22,
        "Rescaling Factor": 0.814665,
        "Reference Slant Range": 780_000,
        "Reference Slant Range Exponent": 1.5,
        "Reference Incidence Angle": 40,
        "Calibration Constant Compensation Flag": 0,
        "Zero Doppler Azimuth First Time": 13869.4,
    }
    assert {name: about.number(name) for name in numbers} == numbers
    for name in ("Range Spreading Loss", "Incidence Angle"):
        assert about.text(f"{name} Compensation Geometry") == "ZERO DOPPLER"
    spread = about.numbers("Image Standard Deviation", (2,))
    assert spread == pytest.approx([38.99, 39.04], abs=0.005)
    factor = (780_000**3 * np.sin(np.radians(40))) / (0.814665**2 * 2.04456e22)
    assert factor * (spread**2).sum() == pytest.approx(0.0684, abs=5e-5), "a mean of sigma nought that land has"
    assert len(about.numbers("State Vectors Times")) == 9, "of 15 in the product"


def test_prisma_band_centres(shared_data: Path, tmp_path: Path) -> None:
    """The bands of a real product: gaps, descending order, and two cubes that overlap."""
    with (shared_data / "prisma/PRS_L1_20200116_band_centres.csv").open() as file:
        rows = list(csv.DictReader(file))
    attributes = {}
    for cube, name in (("VNIR", "Vnir"), ("SWIR", "Swir")):
        own = [row for row in rows if row["cube"] == cube]
        for key, column in ((f"List_Cw_{name}", "cw_nm"), (f"List_Fwhm_{name}", "fwhm_nm")):
            attributes[key] = np.array([float(row[column]) for row in own], np.float32)
        attributes[f"List_Cw_{name}_Flags"] = np.array([int(row["flag"]) for row in own])
    assert [len(attributes[f"List_Cw_{name}"]) for name in ("Vnir", "Swir")] == [66, 173]
    product = open_product(write_prisma(tmp_path, "1", attributes={"/": attributes}).path)
    assert {"vnir:1", "vnir:2", "vnir:3", "swir:172", "swir:173"} == {
        band.name for band in product.bands if not band.files
    }
    for row in rows:
        if row["flag"] == "1":
            band = product.band(f"{row['cube'].lower()}:{int(row['cube_band_index']) + 1}")
            found = (band.wavelength, band.width)
            assert found == pytest.approx((float(row["cw_nm"]), float(row["fwhm_nm"])), abs=1e-4)
    for cube in ("vnir", "swir"):
        centres = [band.wavelength for band in product.available if band.name.startswith(cube)]
        assert centres == sorted(centres, reverse=True)
