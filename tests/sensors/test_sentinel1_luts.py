"""Interpolation of calibration and noise vectors, and their real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensetrack.errors import InputError
from sensetrack.sensors import parse_xml
from sensetrack.sensors.sentinel1._luts import AzimuthNoise, Backscatter, Noise, Vectors, read_calibration, read_noise

SARSEN = "sentinel1/sarsen"


def plane(lines: list[float], cols: list[float]) -> Vectors:
    """Values that are linear in line and sample."""
    values = tuple(100 + 2 * line + 0.5 * np.array(cols) for line in lines)
    return Vectors(np.array(lines), tuple(np.array(cols) for _ in lines), values)


@pytest.mark.parametrize("lines", [[-574.0, 70.0, 5000.0], [0.0, 300.0], [-50.0, 40.0, 90.0, 700.0]])
def test_lines_before_and_behind_the_image_count(lines: list[float]) -> None:
    rows, cols = np.arange(0, 301, 7.0), np.arange(0, 81, 3.0)
    found = plane(lines, [0.0, 40.0, 80.0]).at(rows, cols)
    np.testing.assert_allclose(found, 100 + 2 * rows[:, None] + 0.5 * cols[None, :])


def test_beyond_the_ends_the_last_value_holds() -> None:
    found = plane([0.0, 10.0], [0.0, 40.0]).at(np.array([-5.0, 5.0, 50.0]), np.array([0.0, 60.0]))
    np.testing.assert_allclose(found, [[100, 120], [110, 130], [120, 140]])


def test_one_vector_serves_all_lines() -> None:
    assert np.array_equal(plane([7.0], [0.0, 40.0]).at(np.array([0.0, 90.0]), np.array([20.0])), [[124], [124]])


def test_vectors_may_have_samples_of_their_own() -> None:
    vectors = Vectors(np.array([0.0, 10.0]), (np.array([0.0, 10.0]), np.array([0.0, 5.0, 10.0])),
                      (np.array([1.0, 3.0]), np.array([1.0, 2.0, 3.0])))  # fmt: skip
    np.testing.assert_allclose(vectors.at(np.array([5.0]), np.array([0.0, 5.0, 10.0])), [[1, 2, 3]])


def test_noise_of_each_block() -> None:
    flat = Vectors(np.array([0.0]), (np.array([0.0, 9.0]),), (np.array([10.0, 10.0]),))
    blocks = (
        AzimuthNoise(0, 9, 0, 4, np.array([0.0, 9.0]), np.array([1.0, 1.9])),
        AzimuthNoise(0, 4, 5, 9, np.array([0.0]), np.array([3.0])),
    )
    found = Noise(flat, blocks).at(np.arange(10.0), np.arange(10.0))
    np.testing.assert_allclose(found[:, 0], 10 + np.arange(10))
    np.testing.assert_allclose(found[:5, 7], 30)
    np.testing.assert_allclose(found[5:, 7], 10)


def test_power_less_noise_is_never_below_zero() -> None:
    noise = Noise(Vectors(np.array([0.0]), (np.array([0.0]),), (np.array([9.0]),)), ())
    lut = Vectors(np.array([0.0]), (np.array([0.0]),), (np.array([2.0]),))
    pixels, valid = np.array([[3 + 4j, 1 + 0j, 3 + 0j]], np.complex64), np.ones((1, 3), bool)
    found, _ = Backscatter(lut, noise)(pixels, valid, np.zeros(1), np.arange(3.0))
    np.testing.assert_allclose(found, [[4, 0, 0]])
    np.testing.assert_allclose(Backscatter(None)(pixels, valid, np.zeros(1), np.arange(3.0))[0], [[5, 1, 3]], rtol=1e-6)


def test_real_calibration_of_ground_range(shared_data: Path) -> None:
    file = next((shared_data / SARSEN).glob("S1B*/annotation/calibration/calibration-*.xml"))
    root = parse_xml(file.read_bytes(), file.name)
    sigma, beta = (read_calibration(root, name) for name in ("sigma0", "beta0"))
    assert len(sigma.lines) == 27 and {len(each) for each in sigma.samples} == {654}
    values = np.stack(sigma.values)
    assert (values.min(), values.max()) == pytest.approx((558.37, 663.86), abs=0.01)
    assert np.unique(np.stack(beta.values)).tolist() == pytest.approx([473.9733])
    constant = root.number("calibrationInformation/absoluteCalibrationConstant")
    dn = root.all("calibrationVectorList/calibrationVector")[0].numbers("dn")
    assert constant == 1.393 and set(dn) == {401.5858}
    assert 401.5858 * np.sqrt(constant) == pytest.approx(473.9733, abs=1e-3)
    # At a node the vector itself; a number of 100 there is sigma nought of (100 / 663.8558)^2.
    pixels = np.full((1, 1), 100, np.float32)
    found, _ = Backscatter(sigma)(pixels, np.ones((1, 1), bool), sigma.lines[:1], sigma.samples[0][:1])
    assert float(found[0, 0]) == pytest.approx((100 / 663.8558) ** 2, rel=1e-6)


def test_real_noise_of_ground_range(shared_data: Path) -> None:
    file = next((shared_data / SARSEN).glob("S1B*/annotation/calibration/noise-*.xml"))
    noise = read_noise(parse_xml(file.read_bytes(), file.name))
    assert len(noise.range_vectors.lines) == 27 and len(noise.azimuth) == 3
    assert float(noise.at(np.zeros(1), np.zeros(1))[0, 0]) == pytest.approx(2.375788e3 * 1.091791, rel=1e-6)
    assert float(noise.at(np.zeros(1), np.array([8890.0]))[0, 0]) == pytest.approx(
        float(noise.range_vectors.at(np.zeros(1), np.array([8890.0]))[0, 0]) * 1.001713, rel=1e-6
    )


def test_real_calibration_begins_before_the_image(shared_data: Path) -> None:
    file = next((shared_data / SARSEN).glob("S1A*/annotation/calibration/calibration-*.xml"))
    sigma = read_calibration(parse_xml(file.read_bytes(), file.name), "sigma0")
    assert sigma.lines[0] == -574 and sigma.lines[-1] == 14637
    share = 574 / (574 + 70)
    expected = 3.326779e2 + share * (3.326872e2 - 3.326779e2)
    assert float(sigma.at(np.zeros(1), np.zeros(1))[0, 0]) == pytest.approx(expected, rel=1e-9)


VECTOR = (
    "<noise><noiseVectorList><noiseVector><line>0</line><pixel>{}</pixel><noiseLut>{}</noiseLut></noiseVector>"
    "</noiseVectorList></noise>"
)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("<noise/>", "holds no noiseVector"),
        (VECTOR.format("0 40", "1"), "does not fit its pixels"),
        (VECTOR.format("40 0", "1 2"), "does not fit its pixels"),
        (VECTOR.format("", ""), "does not fit its pixels"),
        (VECTOR.format("0 x", "1 2"), "no list of numbers"),
    ],
)
def test_vectors_that_make_no_sense(content: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        read_noise(parse_xml(content.encode(), "noise.xml"))
