"""The operators Multilook and Speckle-Filter."""

from __future__ import annotations

import logging
import pickle
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from products.cosmo import write_cosmo
from products.operators import band, opened, piecewise, plain_scene, read, run
from products.sentinel1 import LINE_INTERVAL, write_sentinel1

from sensetrack.errors import GraphError, ParameterError
from sensetrack.graph.operators.speckle import SpeckleFilter
from sensetrack.graph.scene import Scene
from sensetrack.radar.looks import centre_incidence
from sensetrack.sensors.sentinel1 import Sentinel1Product


@pytest.fixture(scope="module")
def grd(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A GRD as a scene."""
    return opened(write_sentinel1(tmp_path_factory.mktemp("grd"), polarisations=("VV",)).path)


def means(values: np.ndarray, azimuth: int, in_range: int) -> np.ndarray:
    """Return means over blocks, NaN left out."""
    rows, cols = values.shape[0] // azimuth, values.shape[1] // in_range
    blocks = values[: rows * azimuth, : cols * in_range].reshape(rows, azimuth, cols, in_range)
    filled, count = np.nan_to_num(blocks).sum((1, 3)), np.isfinite(blocks).sum((1, 3))
    return np.asarray(filled / np.where(count, count, np.nan))


def test_multilook_of_intensity_with_its_grid(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, polarisations=("VV",)).images["IW", "VV"]
    scene = run("Calibration", opened(truth.path.parents[1]))
    made = run("Multilook", scene, nRgLooks=3, nAzLooks=4, grSquarePixel=False)
    pixels, valid = piecewise(band(made, "Sigma0_VV").image, 7, 11)
    expected = means(truth.calibrated["sigma0"], 4, 3)
    assert np.array_equal(valid, np.isfinite(expected))
    assert np.allclose(pixels[valid], expected[valid], rtol=1e-5)
    before, after = band(scene, "Sigma0_VV").radar, band(made, "Sigma0_VV").radar
    assert before is not None and after is not None
    assert after.shape == pixels.shape == (22, 56)
    assert after.first_line - before.first_line == pytest.approx(
        timedelta(seconds=1.5 * LINE_INTERVAL), abs=timedelta(microseconds=1)
    )
    assert after.near_range == 10.0
    assert (after.range_spacing, after.looks) == (30.0, (4, 3))
    assert made.name.endswith("_Cal_ML")


def test_multilook_of_amplitude_and_decibel_is_that_of_power(grd: Scene) -> None:
    looks: dict[str, Any] = {"nRgLooks": 2, "nAzLooks": 2, "grSquarePixel": False}
    amplitude = read(grd, "Amplitude_VV")[0].astype(float)
    valid = amplitude > 0
    expected = means(np.where(valid, amplitude**2, np.nan), 2, 2)
    found, known = read(run("Multilook", grd, **looks), "Amplitude_VV")
    assert np.allclose(found[known], np.sqrt(expected)[known], rtol=1e-5)
    decibel = run("LinearToFromdB", run("ThermalNoiseRemoval", grd, removeThermalNoise=False))
    found, known = read(run("Multilook", decibel, **looks), "Amplitude_VV_dB")
    linear = means(np.where(valid, amplitude, np.nan), 2, 2)
    assert np.allclose(found[known], 10 * np.log10(linear[known]), atol=1e-4)


def test_square_pixels_override_the_looks_in_azimuth(
    tmp_path: Path, grd: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="sensetrack"):
        made = run("Multilook", grd, nRgLooks=4, nAzLooks=9)
    radar = made.bands[0].radar
    assert radar is not None and radar.looks == (4, 4)  # 10 m in both directions
    assert "grSquarePixel = true: 4 looks in azimuth for square pixels, not nAzLooks = 9" in caplog.text
    cosmo = opened(write_cosmo(tmp_path, stretch=4.0).path)
    radar = cosmo.bands[0].radar
    assert radar is not None
    ground = 5 * radar.range_spacing / np.sin(np.radians(cosmo.product.view.incidence))  # type: ignore[union-attr]
    looks = run("Multilook", cosmo, nRgLooks=5).bands[0].radar
    assert looks is not None and looks.looks == (max(1, round(ground / radar.azimuth_spacing)), 5)


def test_real_incidence_in_the_middle(shared_data: Path) -> None:
    """Beside that of the geolocation grid, to some hundredths of a degree."""
    scene = opened(next((shared_data / "sentinel1" / "sarsen").glob("*GRDH*.SAFE")))
    product, radar = scene.product, scene.bands[0].radar
    assert isinstance(product, Sentinel1Product) and radar is not None
    ties = product.annotation("VV").ties
    expected = float(ties.at("incidence", (radar.shape[0] - 1) / 2, (radar.shape[1] - 1) / 2))
    assert centre_incidence(radar) == pytest.approx(expected, abs=0.06)


def test_complex_means_and_intensity(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path)
    scene = opened(truth.path)
    dn, valid = truth.dn["S01"].astype(complex), truth.valid["S01"]
    looks: dict[str, Any] = {"nRgLooks": 3, "nAzLooks": 2, "grSquarePixel": False}
    found, known = read(run("Multilook", scene, **looks), "HH")
    expected = means(np.where(valid, dn.real, np.nan), 2, 3) + 1j * means(np.where(valid, dn.imag, np.nan), 2, 3)
    assert found.dtype == np.complex64
    assert np.allclose(found[known], expected[known], atol=1e-4)
    found, known = read(run("Multilook", scene, outputIntensity=True, **looks), "Intensity_HH")
    assert np.allclose(found[known], means(np.where(valid, abs(dn) ** 2, np.nan), 2, 3)[known], rtol=1e-5)


FILTERS: list[dict[str, Any]] = [
    {"filter": "Boxcar", "filterSizeX": 7, "filterSizeY": 3},
    {"filter": "Median"},
    {"filter": "Lee", "filterSizeX": 5, "filterSizeY": 5, "enl": 4.0},
    {"filter": "Lee", "estimateENL": True},
    {"filter": "Gamma Map", "estimateENL": True},
    {"filter": "Frost", "filterSizeX": 5, "filterSizeY": 5},
    {"filter": "Refined Lee"},
    {"filter": "Lee Sigma", "windowSize": "9x9", "targetWindowSizeStr": "5x5"},
]


@pytest.mark.parametrize("params", FILTERS, ids=lambda params: "-".join(map(str, params.values())))
def test_blocks_make_the_whole_and_nodata_stays(params: dict[str, Any]) -> None:
    rng = np.random.default_rng(2)
    pixels = rng.gamma(1.0, 3.0, (540, 560)).astype(np.float32)
    pixels[200:260, 480:530] = 0.0
    pixels[rng.random(pixels.shape) < 0.01] = 0.0
    scene = plain_scene(pixels, "intensity")
    made = run("Speckle-Filter", scene, **params)
    image = band(made, "Sigma0_VV").image
    whole, valid = image.read()
    parts = piecewise(pickle.loads(pickle.dumps(image)), 191, 333)
    assert np.array_equal(parts[0], whole)
    assert np.array_equal(parts[1], valid)
    assert np.array_equal(valid, pixels > 0)
    assert (whole[valid] > 0).all()
    assert whole[valid].std() < 0.8 * pixels[valid].std()
    assert made.name.endswith("_Spk")


def test_the_window_lies_as_its_sides_say() -> None:
    pixels = np.ones((9, 9), np.float32)
    pixels[4, 4] = 22.0
    found = read(run("Speckle-Filter", plain_scene(pixels, "intensity"), filter="Mean", filterSizeX=7), "Sigma0_VV")[0]
    assert (found > 1.5).sum() == 21
    assert (found[3:6, 1:8] > 1.5).all()
    assert np.allclose(found[3:6, 3:6], 2.0)


def test_the_number_of_looks_of_tiles() -> None:
    rng = np.random.default_rng(3)
    pixels = rng.gamma(4.0, 1.0, (100, 512 + 100)).astype(np.float32)
    pixels[:, 512:] = rng.gamma(1.0, 1.0, (100, 100))
    scene = plain_scene(pixels, "intensity")
    found = read(run("Speckle-Filter", scene, filter="Lee", estimateENL=True), "Sigma0_VV")[0]
    for part in (np.s_[:, :500], np.s_[:, 520:]):
        values = pixels[part].astype(float)
        looks = float((pixels[:, :512] if part[1].start is None else pixels[:, 512:]).astype(float).mean() ** 2)
        looks /= float((pixels[:, :512] if part[1].start is None else pixels[:, 512:]).astype(float).var())
        fixed = read(run("Speckle-Filter", scene, filter="Lee", enl=looks), "Sigma0_VV")[0]
        assert np.allclose(found[part], fixed[part], rtol=1e-4)
        assert values.size


def test_complex_is_filtered_as_intensity(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path)
    made = run("Speckle-Filter", opened(truth.path), filter="Boxcar", filterSizeX=5, filterSizeY=5)
    pixels, valid = read(made, "Intensity_HH")
    power = np.where(truth.valid["S01"], np.abs(truth.dn["S01"].astype(complex)) ** 2, 0)
    expected = power[18:23, 28:33].sum() / truth.valid["S01"][18:23, 28:33].sum()
    assert pixels[20, 30] == pytest.approx(expected, rel=1e-5)
    assert np.array_equal(valid, truth.valid["S01"])
    none = run("Speckle-Filter", opened(truth.path), filter="None")
    assert np.allclose(read(none, "Intensity_HH")[0], power, rtol=1e-6)


def test_amplitude_stays_amplitude(grd: Scene) -> None:
    made = run("Speckle-Filter", grd)
    assert band(made, "Amplitude_VV").unit == "amplitude"
    before, after = read(grd, "Amplitude_VV"), read(made, "Amplitude_VV")
    assert np.array_equal(before[1], after[1])
    assert after[0][after[1]].std() < 0.8 * before[0][before[1]].std()
    assert band(made, "Amplitude_VV").dtype == "float32"


def test_intensity_that_is_virtual(tmp_path: Path, grd: Scene) -> None:
    amplitude, valid = read(grd, "Amplitude_VV")
    looks: dict[str, Any] = {"nRgLooks": 2, "nAzLooks": 2, "grSquarePixel": False}
    made = run("Multilook", grd, sourceBands="Intensity_VV", **looks)
    assert [each.name for each in made.bands] == ["Intensity_VV"]
    expected = means(np.where(valid, amplitude.astype(float) ** 2, np.nan), 2, 2)
    found, known = read(made, "Intensity_VV")
    assert np.allclose(found[known], expected[known], rtol=1e-5)
    both = run("LinearToFromdB", grd, sourceBands="Amplitude_VV,Intensity_VV")
    assert [each.name for each in both.bands] == ["Amplitude_VV_dB", "Intensity_VV_dB"]
    assert np.allclose(read(both, "Intensity_VV_dB")[0], 2 * read(both, "Amplitude_VV_dB")[0], atol=1e-4)
    real = run("ThermalNoiseRemoval", grd)
    mixed = grd.after("BandMerge", [*grd.bands, *real.bands])
    assert [each.name for each in run("Multilook", mixed, sourceBands="Intensity_VV").bands] == ["Intensity_VV"]
    scene = opened(write_cosmo(tmp_path).path)
    names = [each.name for each in run("Multilook", scene, sourceBands="Intensity_HH", **looks).bands]
    assert names == ["Intensity_HH"]
    assert [each.name for each in run("Multilook", scene, sourceBands="i_HH,q_HH", **looks).bands] == ["HH"]


def test_refusals(tmp_path: Path, grd: Scene) -> None:
    slc = opened(write_sentinel1(tmp_path, "SLC", shape=(30, 60), polarisations=("VV",)).path)
    for name in ("Multilook", "Speckle-Filter"):
        with pytest.raises(GraphError, match="belongs after TOPSAR-Deburst"):
            run(name, slc)
    with pytest.raises(GraphError, match="before LinearToFromdB"):
        run("Speckle-Filter", run("LinearToFromdB", grd))
    for name in ("IDAN", "MuLoG"):
        with pytest.raises(GraphError, match=f"filter = '{name}': runs in SNAP only"):
            run("Speckle-Filter", grd, filter=name)
    with pytest.raises(GraphError, match="belongs before what projects it"):
        run("Multilook", plain_scene(np.ones((4, 4), np.float32), "intensity"))
    with pytest.raises(GraphError, match="do not fit 90 x 170 pixels"):
        run("Multilook", grd, nRgLooks=171, nAzLooks=1, grSquarePixel=False)
    with pytest.raises(ParameterError, match="windowSize"):
        SpeckleFilter(windowSize="6x6")
    with pytest.raises(ParameterError, match="nRgLooks"):
        run("Multilook", grd, nRgLooks=0)
