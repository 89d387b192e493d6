"""Chip matching: accuracy between pixels, growing chips, masks, chance, sparse pass, complex images, settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from sensetrack.displacement import Field, Flag
from sensetrack.trackers.ncc import Ncc

Texture = Callable[..., np.ndarray]

ALONE: dict[str, Any] = {"coherence": 0.0, "false_alarm": 1.0}
"""Every match counts."""


@pytest.fixture(scope="module")
def rough() -> np.ndarray:
    """Rough scenery at twice the resolution of the images, power spectrum k^-2.2."""
    size = 640
    rng = np.random.default_rng(7)
    f = np.fft.fftfreq(size)
    k = np.hypot(f[:, None], f)
    k[0, 0] = 1
    return np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * k**-1.1).real


def scene(rough: np.ndarray, dx: float, dy: float, noise: float, seed: int) -> np.ndarray:
    """Sample the scenery every second pixel through a sensor's blur, moved by (dx, dy), with noise."""
    rows, cols = np.mgrid[40:600:2, 40:600:2].astype(np.float64)
    blurred = gaussian_filter(rough, 1.2)
    image = map_coordinates(blurred, [rows - 2 * dy, cols - 2 * dx], order=5)
    return (image + np.random.default_rng(seed).normal(0, noise * blurred.std(), image.shape)).astype(np.float32)


def errors_of(field: Field, dx: float, dy: float) -> np.ndarray:
    """Errors of both components where there is a measurement."""
    good = field.measured
    return np.concatenate([(field.dx - dx)[good], (field.dy - dy)[good]])


# Accuracy


@pytest.mark.parametrize("step", np.arange(0, 1.01, 0.1).round(1))
def test_no_peak_locking(rough: np.ndarray, step: float) -> None:
    dx, dy = step, 1 - step / 2
    field = Ncc(search=6).track(scene(rough, 0, 0, 0.03, 1), scene(rough, dx, dy, 0.03, 2))
    assert field.measured.mean() > 0.9
    assert abs(np.median(field.dx[field.measured]) - dx) < 0.01
    assert abs(np.median(field.dy[field.measured]) - dy) < 0.01


@pytest.mark.parametrize(("method", "most"), [("spline", 0.03), ("quadratic", 0.05), ("gaussian", 0.05), ("none", 0.4)])
def test_least_squares_beats_curves_through_the_correlations(rough: np.ndarray, method: str, most: float) -> None:
    first, second = scene(rough, 0, 0, 0.05, 1), scene(rough, 0.3, -0.4, 0.05, 2)
    settings: dict[str, Any] = {"chip_max": 16, "search": 6, **ALONE}
    best = errors_of(Ncc(**settings).track(first, second), 0.3, -0.4)
    other = errors_of(Ncc(subpixel=method, **settings).track(first, second), 0.3, -0.4)
    rms = [float(np.sqrt(np.median(errors**2))) for errors in (best, other)]
    assert rms[0] < 0.016
    assert rms[0] < rms[1] < most


@pytest.mark.parametrize("size", [16, 30, 64])
def test_sub_pixel_error_without_noise(texture: Texture, size: int) -> None:
    pair = texture((200, 200)), texture((200, 200), dx=0.37, dy=-0.62)
    field = Ncc(chip_min=size, chip_max=size, search=6, **ALONE).track(*pair)
    inside = (slice(5, -5), slice(5, -5))
    assert field.measured[inside].mean() > 0.98
    good = field.measured[inside]
    assert np.abs(field.dx[inside][good] - 0.37).max() < 0.01
    assert np.abs(field.dy[inside][good] + 0.62).max() < 0.01


def test_as_accurate_as_opencv_on_the_same_chips(rough: np.ndarray) -> None:
    """The same chips, range and fit: the same displacements to rounding."""
    cv2 = pytest.importorskip("cv2")
    first, second = scene(rough, 0, 0, 0.1, 1), scene(rough, 0.45, 0.8, 0.1, 2)
    size, search = 32, 5
    field = Ncc(chip_min=size, chip_max=size, search=search, subpixel="quadratic", **ALONE).track(first, second)
    compared = 0
    for i in range(4, field.shape[0] - 4, 3):
        for j in range(4, field.shape[1] - 4, 3):
            row, col = 8 * i - 12, 8 * j - 12
            area = second[row - search : row + size + search, col - search : col + size + search]
            surface = cv2.matchTemplate(area, first[row : row + size, col : col + size], cv2.TM_CCOEFF_NORMED)
            y, x = np.unravel_index(surface.argmax(), surface.shape)
            patch = surface[y - 1 : y + 2, x - 1 : x + 2].astype(np.float64)
            rows, cols = np.mgrid[-1:2, -1:2]
            terms = np.stack(
                [np.ones(9), rows.ravel(), cols.ravel(), *(t.ravel() for t in (rows**2, rows * cols, cols**2))]
            )
            _, gy, gx, hyy, hxy, hxx = np.linalg.lstsq(terms.T, patch.ravel(), rcond=None)[0]
            dy, dx = -np.linalg.solve([[2 * hyy, hxy], [hxy, 2 * hxx]], [gy, gx])
            assert field.dy[i, j] == pytest.approx(y - search + dy, abs=2e-4)
            assert field.dx[i, j] == pytest.approx(x - search + dx, abs=2e-4)
            assert field.extra["snr"][i, j] > 1
            compared += 1
    assert compared > 50


@pytest.mark.parametrize("noise", [0.1, 0.316])
@pytest.mark.parametrize("size", [16, 32])
def test_predicted_errors_are_those_that_occur(rough: np.ndarray, size: int, noise: float) -> None:
    z, predicted, actual = [], [], []
    for seed, dx in enumerate((0.2, 0.45, 1.7)):
        tracker = Ncc(chip_min=size, chip_max=size, step=size // 2, search=6, coherence=0.0)
        field = tracker.track(scene(rough, 0, 0, noise, 2 * seed), scene(rough, dx, -dx, noise, 2 * seed + 1))
        good = field.measured
        z += [((field.dx - dx) / field.sigma_dx)[good], ((field.dy + dx) / field.sigma_dy)[good]]
        predicted.append(field.sigma_dx[good])
        actual.append((field.dx - dx)[good])
    scores = np.abs(np.concatenate(z))
    assert 0.60 < np.mean(scores < 1) < 0.76
    assert 0.90 < np.mean(scores < 1.96) < 0.98
    ratio = np.median(np.concatenate(predicted)) / (1.4826 * np.median(np.abs(np.concatenate(actual))))
    assert 0.8 < ratio < 1.25


def test_predicted_errors_hold_where_the_light_changes(rough: np.ndarray) -> None:
    """Brightness that changes in patches is a misfit that hangs together; errors must not be bold."""
    z = []
    for seed in range(3):
        first, second = scene(rough, 0, 0, 0.03, 2 * seed), scene(rough, 0.3, -0.3, 0.03, 2 * seed + 1)
        patches = gaussian_filter(np.random.default_rng(seed).normal(size=first.shape), 4)
        second = second * (1 + 0.5 * patches / patches.std())
        field = Ncc(chip_min=32, step=16, search=6).track(first, second)
        good = field.measured
        z += [((field.dx - 0.3) / field.sigma_dx)[good], ((field.dy + 0.3) / field.sigma_dy)[good]]
    scores = np.abs(np.concatenate(z))
    assert np.mean(scores < 1) > 0.58
    assert np.mean(scores < 1.96) > 0.9


def test_covariance_knows_the_aperture_problem(texture: Texture) -> None:
    """Stripes along the columns say little about motion along the stripes."""
    rng = np.random.default_rng(0)
    pair = [texture((1, 192), waves=40, dx=dx).repeat(192, axis=0) + rng.normal(0, 2, (192, 192)) for dx in (0, 0.5)]
    field = Ncc(search=5, **ALONE).track(*pair)
    assert np.nanmedian(field.sigma_dy / field.sigma_dx) > 4


# Growing chips


def test_chips_grow_only_where_small_ones_fail(texture: Texture) -> None:
    """Noise that drowns the right half needs larger chips there."""
    rng = np.random.default_rng(1)
    shape = (320, 400)
    first, second = texture(shape, shortest=5), texture(shape, shortest=5, dx=2.3, dy=-1.2)
    for image in (first, second):
        image[:, 200:] += rng.normal(0, 55, (320, 200))
    fields = [Ncc(chip_max=size, search=8).track(first, second) for size in (16, 64)]
    chip, good = fields[1].extra["chip"], fields[1].measured
    assert (chip[3:-3, 3:20] == 16).mean() > 0.95
    assert (chip[3:-3, 30:-3][good[3:-3, 30:-3]] > 16).mean() > 0.5
    assert set(np.unique(chip[good])) <= {16.0, 32.0, 64.0}
    small, grown = (field.measured[4:-4, 30:-4].mean() for field in fields)
    assert grown > small + 0.2
    assert np.median(np.hypot(fields[1].dx - 2.3, fields[1].dy + 1.2)[good]) < 0.1
    same = (chip == 16) & good
    np.testing.assert_allclose(fields[0].dx[same], fields[1].dx[same], atol=1e-5)


def test_single_wrong_matches_lack_company(texture: Texture) -> None:
    first, second = texture((240, 240)), texture((240, 240), dx=3.0)
    other = texture((240, 240), dx=-7.0)
    second[100:124, 100:124] = other[100:124, 100:124]
    lonely, checked = (
        Ncc(chip_max=16, search=10, coherence=coherence).track(first, second) for coherence in (0.0, 0.32)
    )
    wrong = np.abs(lonely.dx - 3) > 2
    assert (wrong & lonely.measured).sum() > 0
    assert (wrong & checked.measured).sum() == 0
    assert checked.measured[2:-2, 2:9].all()


def test_motion_beyond_the_search_range_is_never_a_measurement_of_its_edge(texture: Texture) -> None:
    field = Ncc(search=8).track(texture((256, 256)), texture((256, 256), dx=19.0))
    assert (np.isclose(np.abs(field.dx), 8, atol=1.0) & field.measured).mean() < 0.01
    just = Ncc(search=8, **ALONE).track(texture((256, 256)), texture((256, 256), dx=8.0))
    assert (just.flags[2:-2, 2:-4] & Flag.SEARCH_EDGE).astype(bool).mean() > 0.95


@pytest.mark.parametrize("smooth", [0.0, 2.0])
def test_unrelated_images_pass_no_more_often_than_promised(smooth: float) -> None:
    rng = np.random.default_rng(11)
    pair = [gaussian_filter(rng.normal(size=(420, 420)), smooth) for _ in range(2)]
    field = Ncc(search=12, coherence=0.0, false_alarm=0.05).track(*pair)
    assert field.measured.mean() < 0.05
    assert Ncc(search=12).track(*pair).measured.mean() < 0.005


def test_decorrelated_area_is_flagged(texture: Texture) -> None:
    first, second = texture((320, 320)), texture((320, 320), dx=1.0)
    patch = (slice(100, 260), slice(100, 260))
    second[patch] = texture((320, 320), seed=99)[patch]
    field = Ncc(search=10).track(first, second)
    assert field.measured[19:27, 19:27].mean() < 0.05
    assert np.mean(np.abs(field.dx - 1)[field.measured] < 0.3) > 0.95


def test_forward_backward_finds_chance_matches() -> None:
    first, second = np.random.default_rng(1).normal(size=(2, 300, 300))
    shares = [
        Ncc(chip_max=16, search=8, forward_backward=limit, **ALONE).track(first, second).measured.mean()
        for limit in (0.0, 1.0)
    ]
    assert shares[0] > 0.15
    assert shares[1] < 0.85 * shares[0]


def test_forward_backward_keeps_true_ones(texture: Texture) -> None:
    pair = texture((240, 240)), texture((240, 240), dx=3.4, dy=-2.2)
    field = Ncc(search=6, forward_backward=0.5).track(*pair)
    assert field.measured[3:-3, 3:-3].mean() > 0.97


def test_quality_falls_with_noise(texture: Texture) -> None:
    rng = np.random.default_rng(5)
    first, second = texture((192, 192)), texture((192, 192), dx=0.5)
    medians: dict[str, list[float]] = {"quality": [], "correlation": [], "snr": []}
    for noise in (0.0, 5.0, 20.0, 60.0):
        pair = (image + rng.normal(0, noise, image.shape) for image in (first, second))
        field = Ncc(search=6, chip_max=16).track(*pair)
        for name, values in medians.items():
            values.append(float(np.nanmedian(field.layers()[name])))
    for values in medians.values():
        assert values == sorted(values, reverse=True)


# Complex images


def test_directions_are_compared_and_phases_of_radar_are_free(texture: Texture) -> None:
    first, second = (texture((200, 200), dx=dx, dy=-dx, is_complex=True) for dx in (0.0, 1.6))
    turned = second * np.exp(2.1j).astype(np.complex64)
    for phase in ("auto", "free"):
        field = Ncc(search=6, phase=phase).track(first, turned)
        assert field.measured[3:-3, 3:-3].mean() > 0.95
        assert np.nanmedian(field.dx) == pytest.approx(1.6, abs=0.01)
    assert Ncc(search=6, phase="compared").track(first, turned).measured.mean() < 0.2
    directions = [image / np.maximum(np.abs(image), 20) for image in (first, second)]
    field = Ncc(search=6).track(*directions)
    assert np.nanmedian(field.dx) == pytest.approx(1.6, abs=0.02)
    turned = [directions[0], directions[1] * np.exp(2.1j).astype(np.complex64)]
    assert Ncc(search=6).track(*turned).measured.mean() < 0.2


def test_directions_tell_one_flank_of_a_wave_from_the_other() -> None:
    """Dunes of 16 px wavelength: turned by 180 degrees, directions fit half a wave away, unless they are compared."""
    rng = np.random.default_rng(0)
    cols = np.arange(200)
    waves = [np.sign(np.cos(2 * np.pi * (cols - dx) / 16))[None].repeat(200, 0) + 0j for dx in (0.0, 2.0)]
    pair = [wave * np.exp(1j * rng.normal(0, 0.2, wave.shape)) for wave in waves]
    pair = [(image / np.abs(image)).astype(np.complex64) for image in pair]
    compared, free = (
        Ncc(chip_min=32, chip_max=32, search=7, phase=phase, subpixel="none", **ALONE).track(*pair)
        for phase in ("compared", "free")
    )
    middle = (slice(4, -4), slice(4, -4))
    assert np.mean(np.abs(compared.dx[middle] - 2) < 1) > 0.99
    assert np.mean(np.abs(free.dx[middle] + 6) < 1) > 0.05


def test_one_complex_image_is_matched_with_a_real_one(texture: Texture) -> None:
    first, second = texture((160, 160)), texture((160, 160), dx=1.2).astype(np.complex64)
    field = Ncc(search=5).track(first, second)
    assert np.nanmedian(field.dx) == pytest.approx(1.2, abs=0.01)
