"""The PRISMA writer against the description of the format, h5py and GDAL."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.errors import NotGeoreferencedWarning

from products.prisma import signal, write_prisma
from products.prisma_attributes import band_centres

HCO = "HDFEOS/SWATHS/PRS_L{}_HCO"


def test_band_centres_fall_overlap_and_have_gaps_like_the_real_ones(shared_data: Path) -> None:
    text = (shared_data / "prisma/PRS_L1_20200116_band_centres.csv").read_text()
    rows = list(csv.DictReader(text.splitlines()))
    for name, ours in zip(("VNIR", "SWIR"), band_centres(), strict=True):
        theirs = np.array([float(row["cw_nm"]) for row in rows if row["cube"] == name])
        np.testing.assert_array_equal(ours == 0, theirs == 0)
        assert (np.diff(ours[ours > 0]) < 0).all()
        assert np.abs(ours - theirs).max() < 40
    vnir, swir = band_centres()
    assert (vnir > swir[swir > 0].min()).any()


@pytest.mark.parametrize("level", ["1", "2B", "2C", "2D"])
def test_bands_are_the_middle_axis_and_places_share_the_others(tmp_path: Path, level: str) -> None:
    truth = write_prisma(tmp_path, level, shape=(20, 24))
    with h5py.File(truth.path) as file:
        swath = file[HCO.format(level)]
        assert swath["Data Fields/VNIR_Cube"].shape == (20, 66, 24)
        assert swath["Data Fields/SWIR_Cube"].shape == (20, 173, 24)
        np.testing.assert_array_equal(swath["Data Fields/SWIR_Cube"], truth.dn["swir"])
        kind = "PIXEL_SAT_ERR_MATRIX" if level == "1" else "PIXEL_L2_ERR_MATRIX"
        assert swath[f"Data Fields/VNIR_{kind}"].shape == (20, 66, 24)
        latitude = swath["Geolocation Fields/Latitude" + ("_VNIR" if level == "1" else "")]
        np.testing.assert_allclose(latitude, truth.latitude, atol=1e-5)
        assert file[f"HDFEOS/SWATHS/PRS_L{level}_PCO/Data Fields/Cube"].shape == (120, 144)
        assert file.attrs["Processing_Level"] == level.encode()
        assert ("Epsg_Code" in file.attrs) == (level == "2D")
    assert (truth.dn["vnir"][:, :3] == 0).all()
    assert (truth.dn["swir"][:, 171:] == 0).all()


def test_values_follow_the_formulas(tmp_path: Path) -> None:
    radiance = write_prisma(tmp_path, "1")
    with h5py.File(radiance.path) as file:
        factor, offset = file.attrs["ScaleFactor_Swir"], file.attrs["Offset_Swir"]
    expected = radiance.dn["swir"][7, 9, 8] / factor - offset
    assert radiance.values["swir"][7, 9, 8] == pytest.approx(expected, rel=1e-6)
    reflectance = write_prisma(tmp_path, "2C")
    with h5py.File(reflectance.path) as file:
        low, high = file.attrs["L2ScaleVnirMin"], file.attrs["L2ScaleVnirMax"]
    dn = float(reflectance.dn["vnir"][7, 9, 8])
    assert reflectance.values["vnir"][7, 9, 8] == pytest.approx(low + dn * (high - low) / 65535, rel=1e-6)
    assert np.isnan(reflectance.values["vnir"][7, 9, 5])


@pytest.mark.parametrize(
    ("orientation", "north", "east"), [("rows", -1, +2), ("turned", -2, -1), ("turned-back", +2, +1)]
)
def test_axes_lie_as_asked(tmp_path: Path, orientation: str, north: int, east: int) -> None:
    truth = write_prisma(tmp_path, "1", orientation=orientation, heading=0.0)
    for values, axis in ((truth.latitude, north), (truth.longitude, east)):
        steps = np.diff(values, axis=abs(axis) - 1)
        assert (np.sign(steps) == np.sign(axis)).all()
    easting, northing = Transformer.from_crs(4326, truth.epsg, always_xy=True).transform(
        truth.longitude, truth.latitude
    )
    expected = signal(easting[:, None, :], northing[:, None, :], np.arange(66)[None, :, None])
    np.testing.assert_allclose(truth.dn["vnir"][:, 3:], expected[:, 3:], atol=0.6)


def test_map_corners_are_centres_of_pixels_and_padding_is_zero(tmp_path: Path) -> None:
    truth = write_prisma(tmp_path, "2D", shape=(22, 27), corner_order="abcd")
    with h5py.File(truth.path) as file:
        west, north = file.attrs["Product_ULcorner_easting"], file.attrs["Product_ULcorner_northing"]
        east, south = file.attrs["Product_LRcorner_easting"], file.attrs["Product_LRcorner_northing"]
        zenith = file[HCO.format("2D")]["Geometric Fields/Solar_Zenith_Angle"][:]
    assert ((east - west) / 26, (north - south) / 21) == (30.0, 30.0)
    assert truth.transform == (30.0, 0.0, west - 15, 0.0, -30.0, north + 15)
    assert truth.pan_transform == (5.0, 0.0, west - 2.5, 0.0, -5.0, north + 2.5)
    aligned = write_prisma(tmp_path, "2D", shape=(22, 27), pan_at="corner")
    assert aligned.pan_transform == (5.0, 0.0, west - 15, 0.0, -5.0, north + 15)
    np.testing.assert_array_equal(zenith == 0, ~truth.inside)
    assert (truth.dn["vnir"][~truth.inside[:, None, :].repeat(66, 1)] == 0).all()
    assert 0.3 < truth.inside.mean() < 0.9


def test_parts_can_be_left_out(tmp_path: Path) -> None:
    truth = write_prisma(tmp_path, "2D", with_pan=False, without=["@Epsg_Code", "KDP_AUX"])
    with h5py.File(truth.path) as file:
        assert "Epsg_Code" not in file.attrs
        assert "KDP_AUX" not in file
        assert list(file["HDFEOS/SWATHS"]) == ["PRS_L2D_HCO"]


def test_gdal_reads_the_cube_with_lines_as_bands(tmp_path: Path) -> None:
    """Its first axis becomes the band: another reason for a reader of our own."""
    truth = write_prisma(tmp_path, "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(f"HDF5:{truth.path}://{HCO.format('1')}/Data_Fields/VNIR_Cube") as ds:
            assert (ds.count, ds.shape) == (20, (66, 24))
            np.testing.assert_array_equal(ds.read(4), truth.dn["vnir"][3])
