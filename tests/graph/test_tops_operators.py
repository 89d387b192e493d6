"""The operators TOPSAR-Split, TOPSAR-Deburst and TOPSAR-Merge."""

from __future__ import annotations

import dataclasses
import pickle
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from products.operators import band, opened, piecewise, read, run
from products.sentinel1 import LINE_INTERVAL, START, Sentinel1Truth, write_sentinel1

from sensetrack.errors import GraphError
from sensetrack.graph._tops import burst_outlines, valid_columns
from sensetrack.graph.radar_scene import radar_grid
from sensetrack.graph.scene import Scene
from sensetrack.radar.swaths import seams
from sensetrack.sensors import open_product
from sensetrack.sensors.sentinel1 import Sentinel1Product
from sensetrack.sensors.sentinel1._bursts import lines_of_bursts

STEP, SHAPE = 150, (40, 200)
SWATHS = ("IW1", "IW2", "IW3")


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Sentinel1Truth:
    """Three subswaths cut out of one scene, `STEP` samples and two lines apart."""
    folder = tmp_path_factory.mktemp("tops")
    return write_sentinel1(folder, "SLC", shape=SHAPE, swath_step=STEP, polarisations=("VV",), bursts=4)


@pytest.fixture(scope="module")
def scene(truth: Sentinel1Truth) -> Scene:
    """The product as a scene."""
    return opened(truth.path)


def whole_scene(truth: Sentinel1Truth) -> np.ndarray:
    """Return the scene that all bursts of all subswaths were cut out of."""
    parts = [truth.images[swath, "VV"].scene for swath in SWATHS]
    assert all(part is not None for part in parts)
    lines, cols = parts[0].shape  # type: ignore[union-attr]
    found = np.zeros((lines + 4, cols + 2 * STEP), np.complex64)
    for number, part in enumerate(parts):
        found[2 * number : 2 * number + lines, number * STEP : number * STEP + cols] = part
    return found


def in_a_burst(truth: Sentinel1Truth) -> np.ndarray:
    """Return where any burst of any subswath has valid samples, on the axes of `whole_scene`."""
    found = np.zeros(whole_scene(truth).shape, bool)
    for number, swath in enumerate(SWATHS):
        for k, burst in enumerate(truth.images[swath, "VV"].bursts):
            for line in np.flatnonzero(burst.first_valid >= 0):
                row = 2 * number + k * (SHAPE[0] - 6) + line
                left = number * STEP
                found[row, left + burst.first_valid[line] : left + burst.last_valid[line] + 1] = True
    return found


def test_seams() -> None:
    assert seams([(3, 20), (14, 60), (50, 90)]) == [17, 55]


def test_all_subswaths_are_the_scene(truth: Sentinel1Truth, scene: Scene) -> None:
    made = run("TOPSAR-Deburst", scene)
    assert [each.name for each in made.bands] == ["VV"]
    pixels, valid = piecewise(band(made, "VV").image, 23, 57)
    expected = whole_scene(truth)
    assert pixels.shape == expected.shape
    assert np.array_equal(pixels[valid], expected[valid])
    # Where one subswath or burst has nothing, another fills in, up to the lines about a seam between bursts.
    missing = in_a_burst(truth) & ~valid
    assert missing.sum() <= 0.01 * missing.size
    assert not valid[~in_a_burst(truth)].any()
    assert made.name.endswith("_Deb")


def test_the_grid_starts_at_the_first_line_and_sample(truth: Sentinel1Truth, scene: Scene) -> None:
    radar = band(run("TOPSAR-Deburst", scene), "VV").radar
    assert radar is not None
    assert radar.first_line.replace(tzinfo=None) == START
    ranges = radar.near_range + np.arange(radar.shape[1]) * radar.range_spacing
    for number, swath in enumerate(SWATHS):
        own = truth.images[swath, "VV"]
        assert np.abs(ranges[number * STEP : number * STEP + SHAPE[1]] - own.slant_range).max() < 1e-5
        line = radar.line((own.scene_times[0] - START).total_seconds() + radar.start)
        assert line == pytest.approx(2 * number, abs=1e-3)


def test_lines_of_the_image_follow_the_times_of_the_bursts(truth: Sentinel1Truth, scene: Scene) -> None:
    product = scene.product
    assert isinstance(product, Sentinel1Product)
    about = product.annotation("IW3-VV")
    lines = lines_of_bursts(about)
    burst = lines // SHAPE[0]
    starts = np.array([(each.time - about.bursts[0].time).total_seconds() for each in about.bursts])
    times = starts[burst] + lines % SHAPE[0] * LINE_INTERVAL
    assert np.abs(times / LINE_INTERVAL - np.arange(len(lines))).max() < 1e-3


@pytest.mark.parametrize("name", ["sarsen/*SLC*.SAFE", "s1-reader/*.zip"])
def test_real_bursts_follow_each_other(shared_data: Path, name: str) -> None:
    """To below a thousandth of a line, and all subswaths lie on one lattice."""
    product = open_product(next((shared_data / "sentinel1").glob(name)))
    assert isinstance(product, Sentinel1Product)
    first = next(iter(product.annotations.values()))
    for about in product.annotations.values():
        lines = lines_of_bursts(about)
        starts = np.array([(each.time - about.bursts[0].time).total_seconds() for each in about.bursts])
        per_burst, interval = about.lines_per_burst, about.timing.line_interval
        times = starts[lines // per_burst] + lines % per_burst * interval
        assert np.abs(times / interval - np.arange(len(lines))).max() < 1e-3
        offset = (about.bursts[0].time - first.bursts[0].time).total_seconds() / interval
        samples = (about.timing.first_sample - first.timing.first_sample) * about.timing.range_sampling
        assert abs(offset - round(offset)) < 1e-3
        assert abs(samples - round(samples)) < 1e-3


def test_real_subswaths_overlap(shared_data: Path) -> None:
    """What is valid in all bursts of neighbours leaves no gap between them."""
    product = open_product(next((shared_data / "sentinel1" / "s1-reader").glob("*.zip")))
    assert isinstance(product, Sentinel1Product)
    found = []
    for swath in SWATHS:
        about = product.annotation(f"{swath}-VV")
        low, high = valid_columns(about, radar_grid(about))
        time = [about.timing.first_sample + edge / about.timing.range_sampling for edge in (low, high)]
        found.append(time)
    for inner, outer in ((0, 1), (1, 2)):
        assert found[inner][0] < found[outer][0] < found[inner][1] < found[outer][1]


def test_calibrated_bands_lose_their_subswath(truth: Sentinel1Truth, scene: Scene) -> None:
    made = run("TOPSAR-Deburst", run("Calibration", run("ThermalNoiseRemoval", scene), outputBetaBand=True))
    assert [each.name for each in made.bands] == ["Sigma0_VV", "Beta0_VV"]
    pixels, valid = read(made, "Sigma0_VV")
    assert pixels.dtype == np.float32
    own = truth.images["IW1", "VV"]
    power = np.abs(own.dn[20, 50:100].astype(complex)) ** 2 - own.noise[20, 50:100]
    table = own.tables.lut["sigmaNought"][20, 50:100]
    assert np.allclose(pixels[20, 50:100], np.where(power < 0, 1e-5, power) / table**2, rtol=1e-5)
    assert valid[20, 50:100].all()


def test_split_by_numbers(truth: Sentinel1Truth, scene: Scene) -> None:
    made = run("TOPSAR-Split", scene, subswath="iw2", firstBurstIndex=2, lastBurstIndex=3)
    only = band(made, "IW2_VV")
    assert (only.lines, only.grid.shape, len(made.bands)) == ((40, 120), (80, 200), 1)
    assert np.array_equal(only.image.read()[0], truth.images["IW2", "VV"].dn[40:120])
    again = band(run("TOPSAR-Split", made, firstBurstIndex=2), "IW2_VV")
    assert again.lines == (80, 120)
    debursted = run("TOPSAR-Deburst", made)
    pixels, valid = read(debursted, "VV")
    expected = truth.images["IW2", "VV"].scene
    assert expected is not None
    assert np.array_equal(pixels[valid], expected[34:108][valid])
    radar = band(debursted, "VV").radar
    assert radar is not None
    assert abs((radar.first_line.replace(tzinfo=None) - START).total_seconds() / LINE_INTERVAL - 36) < 1e-3


def test_split_calibrates_by_the_lines_of_the_file(truth: Sentinel1Truth, scene: Scene) -> None:
    made = run("Calibration", run("TOPSAR-Split", scene, subswath="IW3", firstBurstIndex=3))
    pixels, valid = read(made, "Sigma0_IW3_VV")
    expected = truth.images["IW3", "VV"].calibrated["sigma0"][80:]
    assert np.allclose(pixels[valid], expected[valid], rtol=1e-6)


def test_split_by_area(scene: Scene) -> None:
    product = scene.product
    assert isinstance(product, Sentinel1Product)
    outlines = burst_outlines(product.annotation("IW1-VV"))
    assert len(outlines) == 4
    inner = outlines[2][0].centroid
    made = run("TOPSAR-Split", scene, wktAoi=f"POINT ({inner.x} {inner.y})")
    assert band(made, "IW1_VV").lines == (80, 120)
    all_of_them = outlines[0][0].union(outlines[3][0]).envelope.wkt
    assert band(run("TOPSAR-Split", scene, wktAoi=all_of_them), "IW1_VV").lines == (0, 160)
    with pytest.raises(GraphError, match="touches no burst"):
        run("TOPSAR-Split", scene, wktAoi="POINT (100 10)")
    with pytest.raises(GraphError, match="is no WKT"):
        run("TOPSAR-Split", scene, wktAoi="POLYGON 100 10")


def test_real_outlines_are_bursts(shared_data: Path) -> None:
    """They follow each other with the overlap of bursts, and together are the geolocation grid."""
    product = open_product(next((shared_data / "sentinel1" / "s1-reader").glob("*.zip")))
    assert isinstance(product, Sentinel1Product)
    about = product.annotation("IW2-VV")
    outlines = [each[0] for each in burst_outlines(about)]
    for first, second in pairwise(outlines):
        share = first.intersection(second).area / first.area
        assert 0.05 < share < 0.15
    assert not outlines[0].intersects(outlines[2])


def merged(scene: Scene, *names: str, **params: Any) -> Scene:
    """Split, deburst and merge subswaths."""
    parts = [run("TOPSAR-Deburst", run("TOPSAR-Split", scene, subswath=name)) for name in names]
    return run("TOPSAR-Merge", *parts, **params)


def test_merge_is_what_deburst_does_at_once(scene: Scene) -> None:
    at_once = read(run("TOPSAR-Deburst", scene), "VV")
    made = merged(scene, "IW3", "IW1", "IW2")
    found = read(made, "VV")
    assert np.array_equal(found[1], at_once[1])
    assert np.array_equal(found[0], at_once[0])
    assert made.name.endswith("_mrg")


def test_merge_of_two_starts_at_the_nearer_one(truth: Sentinel1Truth, scene: Scene) -> None:
    made = merged(scene, "IW2", "IW3")
    radar = band(made, "VV").radar
    assert radar is not None
    assert radar.near_range == pytest.approx(truth.images["IW2", "VV"].slant_range[0], abs=1e-5)
    assert radar.first_line.replace(tzinfo=None) == START + timedelta(seconds=2 * LINE_INTERVAL)


def test_an_orbit_of_before_is_that_of_the_grid(scene: Scene) -> None:
    product = scene.product
    assert isinstance(product, Sentinel1Product)
    other = dataclasses.replace(product.annotation("IW1-VV").orbit, source="another")
    radar = band(run("TOPSAR-Deburst", dataclasses.replace(scene, orbit=other)), "VV").radar
    assert radar is not None and radar.orbit is other


def test_pixels_pickle(scene: Scene) -> None:
    image = band(run("TOPSAR-Deburst", scene), "VV").image
    assert np.array_equal(pickle.loads(pickle.dumps(image)).read()[0], image.read()[0])


def test_refusals(tmp_path: Path, scene: Scene) -> None:
    done = run("TOPSAR-Deburst", scene)
    with pytest.raises(GraphError, match="put together already"):
        run("TOPSAR-Deburst", done)
    with pytest.raises(GraphError, match="has none such; did you mean 'IW3'"):
        run("TOPSAR-Split", scene, subswath="IW4")
    with pytest.raises(GraphError, match="has 4 bursts"):
        run("TOPSAR-Split", scene, firstBurstIndex=5)
    with pytest.raises(GraphError, match="takes two or three"):
        run("TOPSAR-Merge", done)
    with pytest.raises(GraphError, match="right after TOPSAR-Deburst"):
        run("TOPSAR-Merge", done, done)
    grd = opened(write_sentinel1(tmp_path).path)
    with pytest.raises(GraphError, match="has no bursts; take the node out"):
        run("TOPSAR-Deburst", grd)
    one = run("TOPSAR-Deburst", run("TOPSAR-Split", scene, subswath="IW1"))
    two = run("TOPSAR-Deburst", run("TOPSAR-Split", scene, subswath="IW2"))
    two = run("Multilook", two, grSquarePixel=False, nRgLooks=2)
    with pytest.raises(GraphError, match="other spacings"):
        run("TOPSAR-Merge", one, two)
