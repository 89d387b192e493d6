"""The COSMO-SkyMed writer against the description of the format, h5py and GDAL."""

from __future__ import annotations

import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from products.cosmo import write_cosmo
from products.orbit import LIGHT, Orbit, cartesian

REAL = "cosmo/stars/CSKS2_SCS_B_HI_07_HH_RA_FF_20230502035109_20230502035116"


def test_the_complex_image_has_i_and_q_last_and_strings_are_fixed_ascii(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path)
    with h5py.File(truth.path) as file:
        image = file["S01/SBI"]
        assert (image.shape, image.dtype) == ((48, 60, 2), np.int16)
        np.testing.assert_array_equal(image[..., 0] + 1j * image[..., 1], truth.dn["S01"])
        text = file.attrs["Doppler Centroid Estimation Method"]
        kind = h5py.h5a.open(file.id, b"Product Type").get_type()
        assert (bytes(text), kind.is_variable_str(), kind.get_cset()) == (b"ACCC    ", False, h5py.h5t.CSET_ASCII)
        assert file.attrs["ECEF Satellite Position"].shape == (15, 3)
        assert set(file["S01"]) == {"SBI", "QLK", "B001"}
    assert truth.path.name.startswith("CSKS4_SCS_B_HI_07_HH_RA_SF_20141001061215_")
    assert (~truth.valid["S01"]).sum() == 2 * 60 + 46 * 3


def test_the_attributes_are_those_of_a_real_product(tmp_path: Path, shared_data: Path) -> None:
    """Where the sample moved them from the image onto the burst, they are looked for on the image."""
    real = next((shared_data / REAL).glob("*.h5"))
    truth = write_cosmo(tmp_path)
    with h5py.File(real) as theirs, h5py.File(truth.path) as ours:
        assert set(ours.attrs) - set(theirs.attrs) <= {"ECEF Satellite Position", "ECEF Satellite Velocity"}
        assert set(ours["S01"].attrs) <= set(theirs["S01"].attrs)
        spread = {*ours["S01/B001"].attrs, *ours["S01/SBI"].attrs, *ours["S01/QLK"].attrs}
        assert spread <= set(theirs["S01/B001"].attrs)
        for name, group in (("PRF", "S01"), ("Sampling Rate", "S01"), ("Reference Slant Range", "/")):
            assert ours[group].attrs[name] == pytest.approx(theirs[group].attrs[name])


def test_sigma_nought_of_the_check_value(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path)
    valid = truth.valid["S01"]
    factor = truth.sigma0["S01"][valid] / np.abs(truth.dn["S01"][valid].astype(complex)) ** 2
    np.testing.assert_allclose(factor, 2.247985e-5, rtol=1e-5)
    mean = (38.9865**2 + 39.0391**2) * 2.247985e-5
    assert mean == pytest.approx(0.06843, abs=1e-5)


@pytest.mark.parametrize(
    ("knobs", "factor"),
    [
        ({"range_compensation": "NONE"}, 2.247985e-5 / 780000.0**3),
        ({"incidence_compensation": "NONE"}, 2.247985e-5 / np.sin(np.radians(40.0))),
        ({"constant_flag": 1}, 2.247985e-5 * 2.04456e22),
        ({"rescaling": 2 * 0.814665}, 2.247985e-5 / 4),
    ],
)
def test_each_part_of_the_calibration_can_be_off(tmp_path: Path, knobs: dict[str, object], factor: float) -> None:
    truth = write_cosmo(tmp_path, "DGM_B", **knobs)
    dn = truth.dn["S01"][10, 20].astype(float)
    assert truth.sigma0["S01"][10, 20] / dn**2 == pytest.approx(factor, rel=1e-5)
    assert write_cosmo(tmp_path, "SCS_U").sigma0 == {}


def test_corners_are_seen_at_their_time_and_range(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path, stretch=80, orbit=Orbit(latitude=140.0, side="L"))
    last = (48 - 1) * truth.line_interval
    ranges = truth.slant_range["S01"]
    for name, seconds, distance in (("Top Right", 0.0, ranges[-1]), ("Bottom Left", last, ranges[0])):
        position, velocity = truth.orbit.state(seconds)
        look = cartesian(*truth.corners[name]) - position
        assert np.linalg.norm(look) == pytest.approx(distance, abs=1e-3)
        assert abs(look @ velocity) < 10
    with h5py.File(truth.path) as file:
        attributes = file["S01/SBI"].attrs
        assert attributes["Column Spacing"] == pytest.approx(ranges[1] - ranges[0])
        assert attributes["Far Incidence Angle"] > attributes["Near Incidence Angle"] + 0.2
        assert file.attrs["Look Side"] == b"LEFT"
        assert file.attrs["Orbit Direction"] == b"DESCENDING"


def test_ground_ranges_follow_the_polynomial(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path, "DGM_B", stretch=50, spacing=(30.0, 20.0))
    with h5py.File(truth.path) as file:
        coefficients = file.attrs["Ground to Slant Polynomial"]
        ranges = file.attrs["Ground Projection Polynomial Reference Range"] + np.polyval(
            coefficients[::-1], np.arange(60.0)
        )
    np.testing.assert_allclose(ranges, truth.slant_range["S01"], atol=1e-6)
    lat, lon = truth.orbit.ground(np.zeros(60), ranges)
    steps = np.linalg.norm(np.diff(cartesian(lat, lon), axis=0), axis=-1)
    np.testing.assert_allclose(steps, 20.0, rtol=2e-3)


@pytest.mark.parametrize("level", ["GEC_B", "GTC_B"])
def test_gdal_knows_the_map_and_swaps_the_spacings(tmp_path: Path, level: str) -> None:
    truth = write_cosmo(tmp_path, level, spacing=(2.5, 4.0))
    with rasterio.open(f"HDF5:{truth.path}://S01/SBI") as ds:
        assert ds.crs.to_epsg() == truth.epsg == 32637
        assert (ds.transform.c, ds.transform.f) == truth.origin
        assert (ds.transform.a, -ds.transform.e) == (2.5, 4.0)  # line spacing as width: not ours to follow
        np.testing.assert_array_equal(ds.read(1), truth.dn["S01"])
    with h5py.File(truth.path) as file:
        attributes = file["S01/SBI"].attrs
        right, left = attributes["Top Right East-North"], attributes["Bottom Left East-North"]
        assert right[0] - truth.origin[0] == pytest.approx(60 * attributes["Column Spacing"])
        assert truth.origin[1] - left[1] == pytest.approx(48 * attributes["Line Spacing"])
        assert ("GIM" in file["S01"]) == (level == "GTC_B")


@pytest.mark.parametrize(
    ("knobs", "images"),
    [
        ({"mode": "PP", "polarisations": ("HH", "VV")}, {"S01/SBI", "S02/SBI"}),
        ({"mode": "WR", "subswaths": 3}, {"S01/SBI", "S02/SBI", "S03/SBI"}),
        ({"level": "DGM_B", "mode": "HR", "subswaths": 4}, {"MBI"}),
        ({"mode": "S2"}, {"S01/SBI"}),
        ({"mode": "STR", "generation": 2}, {"S01/IMG"}),
    ],
)
def test_modes_keep_their_images_where_they_belong(tmp_path: Path, knobs: dict[str, object], images: set[str]) -> None:
    truth = write_cosmo(tmp_path, **knobs)
    found: set[str] = set()
    with h5py.File(truth.path) as file:
        file.visit(lambda name: found.add(name) if name.endswith(("SBI", "MBI", "IMG")) else None)
        assert found == images
        assert int(file.attrs["Subswaths Number"]) == len([name for name in file if name.startswith("S")])
        if truth.path.name.startswith("CSG"):
            assert "Rescaling Factor" not in file.attrs
            assert file["S01/IMG"].attrs["Rescaling Factor"] == 0.814665
            assert {"LRHM", "S01"} <= set(file)
            assert "B0001" in file["S01"]
            assert "Centroid vs Range Time Polynomial" in file["S01"].attrs
    if knobs["mode"] == "PP":
        assert list(truth.polarisations.values()) == ["HH", "VV"]
        assert "_PP_07_CO_" in truth.path.name


def test_parts_can_be_left_out_and_written_over(tmp_path: Path) -> None:
    truth = write_cosmo(
        tmp_path, without=["S01/QLK", "S01@PRF", "@Rescaling Factor"], attributes={"/": {"Look Side": "LEFT"}}
    )
    with h5py.File(truth.path) as file:
        assert "QLK" not in file["S01"]
        assert "PRF" not in file["S01"].attrs
        assert "Rescaling Factor" not in file.attrs
        assert file.attrs["Look Side"] == b"LEFT"


def test_gdal_reads_the_complex_image_as_two_bands(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(f"HDF5:{truth.path}://S01/SBI") as ds:
            parts = ds.read()
    np.testing.assert_array_equal(parts[0] + 1j * parts[1], truth.dn["S01"])
    assert truth.slant_range["S01"][0] == pytest.approx(LIGHT / 2 * 5.06104e-3)
