"""The COSMO-SkyMed reader against products written from the description of the format, and real metadata."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from products.archive import tarred, zipped
from products.cosmo import write_cosmo
from products.orbit import Orbit, cartesian

import sensetrack
from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.tiles import Block
from sensetrack.sensors import open_product
from sensetrack.sensors.cosmo_skymed import CosmoProduct, parse_name

STARS = "cosmo/stars/CSKS2_SCS_B_HI_07_HH_RA_FF_20230502035109_20230502035116"


def opened(path: Path) -> CosmoProduct:
    found = open_product(path)
    assert isinstance(found, CosmoProduct)
    return found


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"level": "SCS_U"},
        {"level": "DGM_B"},
        {"level": "GEC_B"},
        {"level": "GTC_B"},
        {"mode": "PP", "polarisations": ("HH", "VV"), "constants": (2e22, 3e22)},
        {"mode": "WR", "subswaths": 3, "constants": (2e22, 3e22, 4e22)},
        {"mode": "HR", "subswaths": 4, "level": "DGM_B"},
        {"mode": "S2"},
        {"mode": "STR", "generation": 2},
        {"mode": "STR", "generation": 2, "level": "GEC_B"},
    ],
    ids=str,
)
def test_pixels_of_every_kind(tmp_path: Path, knobs: dict[str, Any]) -> None:
    truth = write_cosmo(tmp_path, **knobs)
    product = opened(truth.path)
    assert len(product.bands) == len(truth.dn)
    for band, group in zip(product.bands, truth.dn, strict=True):
        assert band.polarisation == truth.polarisations[group]
        assert band.shape == (48, 60)
        stored, valid = product.image(band.name, raw=True).read()
        np.testing.assert_array_equal(valid, truth.valid[group])
        np.testing.assert_array_equal(stored, truth.dn[group])
        amplitude, _ = product.image(band.name, quantity="amplitude").read()
        np.testing.assert_allclose(amplitude, np.abs(truth.dn[group].astype(complex)), rtol=1e-6)
        if knobs.get("level") == "SCS_U":
            with pytest.raises(ParameterError, match="can be amplitude, complex or raw"):
                product.image(band.name, quantity="sigma0")
            continue
        image = product.image(band.name)
        assert image.metadata["quantity"] == "sigma0"
        sigma, valid = image.read()
        np.testing.assert_allclose(sigma[valid], truth.sigma0[group][valid], rtol=1e-6)
        beta, _ = product.image(band.name, quantity="beta0").read()
        np.testing.assert_allclose(beta[valid], sigma[valid] / np.sin(np.radians(40.0)), rtol=1e-6)


@pytest.mark.parametrize(
    "knobs",
    [
        {"range_compensation": "NONE"},
        {"incidence_compensation": "NONE"},
        {"constant_flag": 1},
        {"rescaling": 0.31},
        {"range_compensation": "ELLIPSOID", "constants": (7e21,)},
    ],
    ids=str,
)
def test_calibration_heeds_what_was_compensated(tmp_path: Path, knobs: dict[str, Any]) -> None:
    truth = write_cosmo(tmp_path, "DGM_B", **knobs)
    sigma, valid = opened(truth.path).image().read()
    np.testing.assert_allclose(sigma[valid], truth.sigma0["S01"][valid], rtol=1e-6)


def test_a_mosaic_of_unequal_constants_has_no_calibration(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path, "DGM_B", mode="WR", subswaths=3, constants=(2e22, 3e22))
    product = opened(truth.path)
    with pytest.raises(InputError, match="different calibration constants, 2e\\+22 to 3e\\+22"):
        product.image()
    assert product.image(quantity="amplitude").read()[1].any()
    write_cosmo(tmp_path, "DGM_B", mode="WR", subswaths=3, constants=(2e22, 3e22), constant_flag=1)
    assert opened(truth.path).image().read()[1].any()


def test_windows_and_decimated_reads(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path, shape=(64, 90))
    image = opened(truth.path).image(quantity="complex")
    assert image.is_complex
    part, _ = image.read(Block(10, 20, 13, 17))
    np.testing.assert_array_equal(part, truth.dn["S01"][10:23, 20:37])
    small, _ = image.read_overview(16)
    full = truth.dn["S01"]
    assert max(small.shape) <= 16
    assert all(value in full or value == 0 for value in small.ravel())
    again = pickle.loads(pickle.dumps(image))
    np.testing.assert_array_equal(again.read()[0], full)


@pytest.mark.parametrize("knobs", [{}, {"level": "DGM_B", "spacing": (30.0, 20.0)}], ids=["slant", "ground"])
def test_pixels_are_seen_at_their_time_and_range(tmp_path: Path, knobs: dict[str, Any]) -> None:
    """The orbit, the time of lines and the range of columns of the reader meet at the corners of the writer."""
    truth = write_cosmo(tmp_path, stretch=80, orbit=Orbit(latitude=139.0, side="L"), **knobs)
    product = opened(truth.path)
    columns = np.arange(60)
    np.testing.assert_allclose(product.slant_range(columns), truth.slant_range["S01"], atol=1e-3)
    timing, orbit = product.timing(), product.state_vectors()
    for name, line, column in (("Top Left", 0, 0), ("Bottom Right", 47, 59)):
        position, velocity = orbit.at(timing.azimuth_time(line))
        look = cartesian(*truth.corners[name]) - position
        assert np.linalg.norm(look) == pytest.approx(float(product.slant_range(column)), abs=0.01)
        assert abs(look @ velocity) / np.linalg.norm(velocity) < 0.02
    np.testing.assert_allclose(orbit.positions, truth.positions)
    assert (timing.azimuth_spacing, timing.range_spacing) == truth.spacing
    assert (product.view.look_side, product.orbit.direction) == ("left", "descending")
    assert product.view.incidence == pytest.approx(np.mean(truth.incidence))
    lon, lat = product.outline[0]
    assert (lat, lon) == pytest.approx(truth.corners["Top Left"])
    assert product.outline[2] == pytest.approx(truth.corners["Bottom Right"][::-1])


def test_ground_range_goes_both_ways(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path, "DGM_B", stretch=50, spacing=(30.0, 20.0))
    product = opened(truth.path)
    ground = product.ground_range()
    metres = np.arange(60) * 20.0
    slant = ground.slant_range(metres, product.start)
    np.testing.assert_allclose(slant, truth.slant_range["S01"], atol=1e-3)
    np.testing.assert_allclose(ground.ground_range(slant, product.start), metres, atol=1e-3)
    assert opened(write_cosmo(tmp_path).path).ground_range() is None


@pytest.mark.parametrize("level", ["GEC_B", "GTC_B"])
@pytest.mark.parametrize("latitude", [37.0, -37.0])
def test_maps_have_each_spacing_on_its_axis(tmp_path: Path, level: str, latitude: float) -> None:
    truth = write_cosmo(tmp_path, level, spacing=(2.5, 4.0), orbit=Orbit(latitude=latitude))
    product = opened(truth.path)
    grid = product.image().grid
    assert grid.crs.to_epsg() == truth.epsg
    assert (truth.epsg > 32700) == (latitude < 0)
    assert tuple(grid.transform)[:6] == (4.0, 0.0, truth.origin[0], 0.0, -2.5, truth.origin[1])
    with pytest.raises(InputError, match="on a map"):
        product.slant_range(0)
    assert product.grid == grid


def test_corners_at_centres_of_pixels_are_noticed(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path, "GEC_B", spacing=(2.5, 4.0))
    west, north = truth.origin
    corner = np.array([west + 59 * 4.0, north - 47 * 2.5])
    moved = write_cosmo(
        tmp_path, "GEC_B", spacing=(2.5, 4.0), attributes={"S01/SBI": {"Bottom Right East-North": corner}}
    )
    grid = opened(moved.path).image().grid
    assert (grid.transform.c, grid.transform.f) == (west - 2.0, north + 1.25)
    wrong = write_cosmo(tmp_path, "GEC_B", attributes={"S01/SBI": {"Bottom Right East-North": corner + 300}})
    with pytest.raises(InputError, match=r"do not fit 60 x 48 pixels of 4 x 2\.5 m"):
        opened(wrong.path).image()


def test_polar_maps(tmp_path: Path) -> None:
    truth = write_cosmo(
        tmp_path, "GEC_B", attributes={"/": {"Projection ID": "UPS", "Map Projection Centre": [-90, 0]}}
    )
    assert opened(truth.path).image().grid.crs.to_epsg() == 32761


def test_looks_for_square_pixels(tmp_path: Path) -> None:
    product = opened(write_cosmo(tmp_path).path)
    line, column = product.timing().azimuth_spacing, product.timing().range_spacing
    ground = column / np.sin(np.radians(product.view.incidence))
    azimuth, across = product.multilook()
    assert 0.6 < azimuth * line / (across * ground) < 1.6
    wide = write_cosmo(tmp_path, "DGM_B", spacing=(2.0, 9.0))
    assert opened(wide.path).multilook() == (4, 1)


def test_what_is_known_of_it(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path, mode="PP", polarisations=("HH", "VV"))
    product = sensetrack.open(truth.path)
    assert (product.sensor, product.mission, product.level) == ("cosmo-skymed", "CSKS4", "L1A")
    assert product.name == truth.path.stem
    assert (product.start, product.stop) == (truth.start.replace(tzinfo=UTC), truth.stop.replace(tzinfo=UTC))
    assert [band.name for band in product.bands] == ["HH", "VV"]
    assert product.band("vv").polarisation == "VV"
    assert product.parsed_name.polarisations == ("HH", "VV")
    shown = dict(product.rows())
    assert (shown["mode"], shown["polarisation"]) == ("PINGPONG", "HH, VV")
    assert product.properties()["sar:polarizations"] == ["HH", "VV"]
    np.testing.assert_array_equal(product.preview().read()[0], truth.quicklook["S01"])
    with pytest.raises(InputError, match="no band 'HV'"):
        product.image("HV")
    scan = opened(write_cosmo(tmp_path, mode="WR", subswaths=3).path)
    assert [band.name for band in scan.bands] == ["S01-HH", "S02-HH", "S03-HH"]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (
            "CSKS2_SCS_B_HI_07_HH_RA_FF_20230502035109_20230502035116.h5",
            (1, "CSKS2", "SCS_B", "HI", "07", ("HH",), "right", "ascending", "F"),
        ),
        (
            "CSKS4_DGM_B_PP_03_CV_LD_SN_20141001061215_20141001061230",
            (1, "CSKS4", "DGM_B", "PP", "03", ("VV", "VH"), "left", "descending", "S"),
        ),
        (
            "CSG_SSAR1_SCS_B_0101_STR_012_HH_RD_F_20200921215026_20200921215032_1_F_09S_Z19_N00.h5",
            (2, "SSAR1", "SCS_B", "STR", "012", ("HH",), "right", "descending", "F"),
        ),
    ],
)
def test_names_are_parsed(name: str, fields: tuple[Any, ...]) -> None:
    found = parse_name(name)
    values = tuple(vars(found).values())
    assert values[:-2] == fields
    assert found.start < found.stop
    assert parse_name("CSKS2_SCS_B_HI_07_HH_RA_FF_20231302035109_20230502035116") is None
    assert parse_name("scene") is None


@given(
    st.from_regex(
        r"\A(CSKS[0-9]|CSG_SSAR[0-9])_(RAW_B|SCS_B|SCS_U|DGM_B|GEC_B|GTC_B)_([0-9]{4}_)?[A-Z0-9]{2,3}_[0-9]{2,3}_"
        r"(HH|CO|CV|VV)_[RL][AD]_[FS][FN]?_[0-9]{14}_[0-9]{14}(_1_F)?(\.h5)?\Z"
    )
    | st.text(max_size=60)
)
def test_no_name_breaks_the_parser(name: str) -> None:
    found = parse_name(name)
    if found is not None:
        assert found.satellite[:4] in name and found.mode in name and found.product_type in name
        assert f"{found.start:%Y%m%d%H%M%S}_{found.stop:%Y%m%d%H%M%S}" in name
        assert 1 <= len(found.polarisations) <= 2


def test_a_real_product_without_its_image(shared_data: Path) -> None:
    product = opened(next((shared_data / STARS).glob("*.h5")))
    assert opened(shared_data / STARS).name == product.name
    assert (product.mission, product.mode, product.generation) == ("CSKS2", "HIMAGE", 1)
    assert product.start == datetime(2023, 5, 2, 3, 51, 9, 187492, UTC)
    assert product.view.incidence == pytest.approx((36.0401 + 38.7687) / 2)
    assert product.orbit.absolute == 83292
    assert product.missing == ("image of HH",)
    assert product.outline[0] == (26.8164, 40.3457)
    assert product.multilook() == (1, 1)
    timing = product.timing()
    assert (timing.range_spacing, timing.azimuth_spacing) == (1.28943, 1.91686)
    assert float(product.slant_range(0)) == pytest.approx(758_630.8, abs=1)
    with pytest.raises(InputError, match="lacks the attribute 'ECEF Satellite Position'"):
        product.state_vectors()
    with pytest.raises(InputError, match="the file of band HH is not there"):
        product.image()


def test_the_factor_of_a_real_product(shared_data: Path) -> None:
    """The check value of the format's description, and a land scene's mean of -11.65 dB."""
    from sensetrack.sensors.cosmo_skymed._calibration import backscatter_factor

    product = opened(next((shared_data / STARS).glob("*.h5")))
    factor = backscatter_factor(product.attributes(), product.layers["HH"].constants)
    assert factor == pytest.approx(2.247985e-5, rel=1e-6)
    spread = product.attributes().numbers("Image Standard Deviation", (2,))
    assert 10 * np.log10(factor * (spread**2).sum()) == pytest.approx(-11.65, abs=0.005)


def test_times_that_snap_reads_from_a_real_spotlight(tmp_path: Path) -> None:
    """Size, intervals, duration and slant range times at two columns, as SNAP has them for a product of 2010."""
    interval, line, first = 2 * 0.3123600701994302 / 299_792_458.0, 1.0147097042898792e-4, 4.579171e-3
    timing = {
        "Line Time Interval": line,
        "Column Time Interval": interval,
        "Zero Doppler Range First Time": first - 4075 * interval,
    }
    product = opened(write_cosmo(tmp_path, mode="S2", attributes={"S01/SBI": timing}).path).timing()
    duration = product.azimuth_time(14398) - product.azimuth_time(0)
    assert duration.total_seconds() == pytest.approx(1.460979, abs=2e-6)
    assert 2e9 * float(product.slant_range(8554)) / 299_792_458.0 == pytest.approx(4588504, abs=1)


@pytest.mark.parametrize("pack", ["zip", "tar", "folder"])
def test_deliveries_are_read_as_they_come(tmp_path: Path, pack: str) -> None:
    truth = write_cosmo(tmp_path)
    folder = tmp_path / "delivery"
    folder.mkdir()
    truth.path.rename(folder / truth.path.name)
    (folder / f"DFDN_{truth.path.name}.xml").write_text("<DeliveryNote/>")
    path = {"zip": lambda: zipped(folder, mac=True), "tar": lambda: tarred(folder, compressed=True)}.get(
        pack, lambda: folder
    )()
    stored, _ = opened(path).image(raw=True).read()
    np.testing.assert_array_equal(stored, truth.dn["S01"])


BAD: list[tuple[dict[str, Any], str]] = [
    ({"without": ["@Rescaling Factor"]}, "lacks the attribute 'Rescaling Factor'"),
    ({"without": ["S01@Calibration Constant"]}, "lacks the attribute 'Calibration Constant'"),
    ({"without": ["S01@Polarisation"]}, "lacks the attribute 'Polarisation'"),
    ({"without": ["S01"]}, "no group S01 and no MBI"),
    ({"attributes": {"/": {"Rescaling Factor": 0.0}}}, "'Rescaling Factor' is 0"),
    ({"attributes": {"/": {"Product Type": "XYZ"}}}, "none of RAW_B, SCS_B"),
    ({"attributes": {"/": {"Product Type": "RAW_B"}}}, "holds echoes and no image"),
    ({"attributes": {"/": {"Scene Sensing Start UTC": "today"}}}, "is no time"),
    ({"attributes": {"/": {"Reference Slant Range": "far"}}}, "is no number"),
    ({"level": "GEC_B", "attributes": {"/": {"Map Projection Zone": 61}}}, "no UTM zone"),
    ({"level": "GEC_B", "attributes": {"/": {"Projection ID": "MERCATOR"}}}, "only UTM and UPS"),
    ({"level": "GEC_B", "attributes": {"/": {"Ellipsoid Designator": "BESSEL"}}}, "only WGS84"),
]


@pytest.mark.parametrize(("knobs", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_metadata_give_one_clear_error(tmp_path: Path, knobs: dict[str, Any], message: str) -> None:
    truth = write_cosmo(tmp_path, **knobs)
    with pytest.raises(InputError, match=message):
        opened(truth.path).image().read()


def test_missing_parts_that_nobody_needs(tmp_path: Path) -> None:
    without = ["S01/QLK", "S01/B001", "@Yaw Rate", "@Multi-Beam ID", "S01@PRF", "S01/SBI@Near Incidence Angle"]
    truth = write_cosmo(tmp_path, without=without)
    product = opened(truth.path)
    assert product.preview() is None
    assert product.view.incidence is None
    assert product.multilook() is None
    sigma, valid = product.image().read()
    np.testing.assert_allclose(sigma[valid], truth.sigma0["S01"][valid], rtol=1e-6)
    for knobs, match in (({"clouds": False}, "sees through clouds"), ({"denoise": True}, "thermal noise")):
        with pytest.raises(ParameterError, match=match):
            product.image(**knobs)
