"""Products of radars as scenes: bands, their names, and where they lie in time and range."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from products.cosmo import write_cosmo
from products.operators import band, opened, read
from products.orbit import LIGHT
from products.sentinel1 import LINE_INTERVAL, START, write_sentinel1
from products.sentinel2 import write_sentinel2

from sensetrack.errors import GraphError
from sensetrack.radar.timing import utc
from sensetrack.sensors import open_product


def test_grd(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path)
    scene = opened(truth.path)
    assert [each.name for each in scene.bands] == ["Amplitude_VH", "Amplitude_VV"]
    image = truth.images["IW", "VV"]
    vv = band(scene, "Amplitude_VV")
    assert (vv.unit, vv.dtype, vv.nodata, vv.lines, vv.swath, vv.channel) == (
        "amplitude",
        "uint16",
        0.0,
        None,
        "",
        "VV",
    )
    pixels, valid = vv.image.read()
    assert np.array_equal(pixels, image.dn)
    assert np.array_equal(valid, image.valid)
    assert scene.band("Intensity_VV") is vv
    assert scene.name == truth.path.stem
    assert scene.is_radar


def test_slant_ranges_of_a_grd_are_those_of_its_columns(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path)
    radar = band(opened(truth.path), "Amplitude_VV").radar
    assert radar is not None and radar.ground_range is not None
    ground = radar.near_range + np.arange(radar.shape[1]) * radar.range_spacing
    slant = radar.ground_range.slant_range(ground, radar.first_line)
    assert np.abs(slant - truth.images["IW", "VV"].slant_range).max() < 1e-6
    assert radar.look_side == "right"


def test_stripmap_slc(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC", mode="SM")
    scene = opened(truth.path)
    assert [each.name for each in scene.bands] == ["VH", "VV"]
    radar = band(scene, "VV").radar
    assert radar is not None and radar.ground_range is None
    ranges = radar.near_range + np.arange(radar.shape[1]) * radar.range_spacing
    assert np.abs(ranges - truth.images["S3", "VV"].slant_range).max() < 1e-6
    assert utc(radar.first_line) == np.datetime64(START)
    assert radar.line_interval == LINE_INTERVAL
    assert np.array_equal(radar.orbit.positions, truth.positions)


def test_bursts_stand_as_in_the_file_without_a_grid(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC", shape=(30, 60), polarisations=("VV",))
    scene = opened(truth.path)
    assert [each.name for each in scene.bands] == ["IW1_VV", "IW2_VV", "IW3_VV"]
    second = band(scene, "IW2_VV")
    assert (second.lines, second.radar, second.swath, second.unit) == ((0, 90), None, "IW2", "complex")
    assert np.array_equal(read(scene, "IW2_VV")[0], truth.images["IW2", "VV"].dn)
    for name in ("i_IW2_VV", "q_IW2_VV", "Intensity_IW2_VV"):
        assert scene.select((name,)) == (second,)
    assert scene.is_radar


@pytest.mark.parametrize(("level", "side"), [("SCS_B", "right"), ("DGM_B", "right")])
def test_cosmo_in_the_geometry_of_the_radar(tmp_path: Path, level: str, side: str) -> None:
    truth = write_cosmo(tmp_path, level)
    scene = opened(truth.path)
    only = scene.bands[0]
    assert (only.name, only.unit) == (("HH", "complex") if level == "SCS_B" else ("Amplitude_HH", "amplitude"))
    radar = only.radar
    assert radar is not None
    ranges = radar.near_range + np.arange(radar.shape[1]) * radar.range_spacing
    if radar.ground_range is not None:
        ranges = radar.ground_range.slant_range(ranges, radar.first_line)
    assert np.abs(ranges - truth.slant_range["S01"]).max() < 1e-4
    midnight = START.replace(year=2014, month=10, day=1, hour=0, minute=0, second=0, microsecond=0)
    first = midnight + timedelta(seconds=truth.first_time)
    assert abs(utc(radar.first_line) - np.datetime64(first)) <= np.timedelta64(1, "us")
    assert radar.line_interval == pytest.approx(truth.line_interval)
    assert radar.look_side == side
    assert np.array_equal(only.image.read()[0], truth.dn["S01"])


def test_cosmo_on_a_map_has_no_radar_grid(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path, "GTC_B")
    only = opened(truth.path).bands[0]
    assert only.radar is None
    assert only.grid.crs is not None and only.grid.crs.to_epsg() == truth.epsg
    assert only.nodata == 0.0


def test_cosmo_height_is_that_of_its_corners(tmp_path: Path) -> None:
    corners = {f"{v} {h} Geodetic Coordinates": np.array([40.0, 15.0, 500.0 + i * 100]) for i, (v, h) in enumerate(
        (v, h) for v in ("Top", "Bottom") for h in ("Left", "Right")
    )}  # fmt: skip
    truth = write_cosmo(tmp_path, attributes={"S01/SBI": corners})
    radar = opened(truth.path).bands[0].radar
    assert radar is not None and radar.height == 650.0


def test_other_products_are_refused(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path)
    with pytest.raises(GraphError, match="no radar that graphs know"):
        opened(truth.path)


def test_a_product_without_images_is_refused(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, without=("measurement/*",))
    with pytest.raises(GraphError, match="no image"):
        opened(truth.path)


def test_a_real_grd(shared_data: Path) -> None:
    """The grid gives back times and ranges of the geolocation grid of the annotation."""
    path = next((shared_data / "sentinel1" / "sarsen").glob("*GRDH*.SAFE"))
    scene = opened(path)
    radar = scene.bands[0].radar
    assert radar is not None and radar.ground_range is not None
    ties = open_product(path).annotation().ties  # type: ignore[attr-defined]
    seconds = (ties.azimuth_time - utc(radar.orbit.reference)) / np.timedelta64(1, "us") * 1e-6
    # Its times hold the way of the echo as well, which the processor leaves in but for that of one reference range.
    way = ties.slant_time / 2
    rest = (radar.line(seconds) - ties.lines[:, None]) * radar.line_interval
    assert np.ptp(rest - way) < 3e-3 * radar.line_interval
    assert np.abs(rest).max() < 0.2 * radar.line_interval
    for row, line in enumerate(ties.lines):
        time = radar.first_line + timedelta(seconds=line * radar.line_interval)
        # The polynomials nearest in time are the ones that made the grid.
        records = radar.ground_range.times
        nearest = records[int(np.argmin([abs((each - time).total_seconds()) for each in records]))]
        slant = radar.ground_range.slant_range(radar.near_range + ties.samples * radar.range_spacing, nearest)
        assert np.abs(slant - ties.slant_time[row] * LIGHT / 2).max() < 0.05
    assert radar.height == pytest.approx(381.66, abs=0.01)
    assert radar.shape == (16705, 26102)


def test_a_real_slc(shared_data: Path) -> None:
    """Slant ranges are those of the geolocation grid."""
    path = next((shared_data / "sentinel1" / "sarsen").glob("*SLC*.SAFE"))
    scene = opened(path)
    only = scene.bands[0]
    assert (only.name, only.lines, only.grid.shape) == ("IW1_VV", (0, 13509), (13509, 22694))
