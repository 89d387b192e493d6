"""The steps of window correlation, each against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensetrack.correlation.masks import FEATHER, bridge, mask_weights, prepare
from sensetrack.correlation.match import MatchSettings, match
from sensetrack.correlation.misfit import misfit_covariance, misfit_spectrum
from sensetrack.correlation.peak import coarse_peak
from sensetrack.correlation.spectrum import cross_power, frequencies
from sensetrack.correlation.taper import taper_axis, taper_curvature
from sensetrack.correlation.windows import STATISTICS, gather
from sensetrack.device import core_share


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("size", [9, 32])
def test_taper_is_symmetric_and_one_in_the_middle(size: int, share: float) -> None:
    axis = np.empty(size, np.float32)
    taper_axis(share, 0.0, axis)
    np.testing.assert_allclose(axis, axis[::-1], atol=1e-6)
    assert axis[size // 2] == pytest.approx(1, abs=0.02)
    assert np.all(np.diff(axis[: size // 2 + 1]) >= 0)
    assert (axis[0] < 0.4) == (share > 0)


def test_hann_curvature_is_the_known_one() -> None:
    # Mean of (w')^2 over mean of w^2 for w = sin^2(pi x / n): (2 pi / n)^2 / 3.
    assert taper_curvature(256, 1.0) == pytest.approx((2 * np.pi / 256) ** 2 / 3, rel=1e-2)
    assert taper_curvature(64, 0.0) == 0


def test_a_moved_taper_is_the_taper_moved() -> None:
    still, moved = np.empty(32, np.float32), np.empty(32, np.float32)
    taper_axis(0.5, 0.0, still)
    taper_axis(0.5, 3.0, moved)
    np.testing.assert_allclose(moved[3:], still[:-3], atol=1e-6)


@given(row=st.integers(-20, 40), col=st.integers(-20, 40), size=st.integers(8, 16))
@settings(max_examples=60, deadline=None)
def test_gather_matches_numpy(row: int, col: int, size: int) -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(50, 5, (30, 28)).astype(np.float32)
    weights = rng.random((1, size, size)).astype(np.float32)
    out, statistics = np.empty((1, size, size), np.float32), np.empty((1, len(STATISTICS)))
    at, lag = (np.array([row]), np.array([col])), (np.zeros(1), np.zeros(1))
    gather(image, *at, *lag, 0.5, weights, np.ones(1, np.bool_), out, statistics)

    padded, inside = np.zeros((100, 100)), np.zeros((100, 100), np.bool_)
    padded[30:60, 30:58], inside[30:60, 30:58] = image, True
    part = (slice(row + 30, row + 30 + size), slice(col + 30, col + 30 + size))
    axis = np.empty(size, np.float32)
    taper_axis(0.5, 0.0, axis)
    taper = np.outer(axis, axis)
    w = taper * weights[0] * inside[part]
    assert statistics[0, 0] == pytest.approx(w.sum() / taper.sum(), rel=1e-4, abs=1e-9)
    if w.sum() > 0:
        mean = (w * padded[part]).sum() / w.sum()
        expected = (padded[part] - mean) * w
        np.testing.assert_allclose(out[0], expected, atol=2e-4)
        level = np.sqrt((expected**2).sum() / ((expected**2).sum() + mean**2 * (w**2).sum()))
        # A single valid pixel has no contrast but the rounding of its own mean.
        assert statistics[0, 1] == pytest.approx(level, rel=1e-3, abs=1e-6)
        assert statistics[0, 2] == pytest.approx(w.size * (w**4).sum() / (w**2).sum() ** 2, rel=1e-3)


def test_leakage_of_a_hann_window_is_the_known_one() -> None:
    image = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)
    out, statistics = np.empty((1, 256, 256), np.float32), np.empty((1, len(STATISTICS)))
    at, lag = (np.zeros(1, np.int64),) * 2, (np.zeros(1),) * 2
    gather(image, *at, *lag, 1.0, np.empty((1, 256, 256), np.float32), np.zeros(1, np.bool_), out, statistics)
    # n sum w^4 / (sum w^2)^2 = 35/18 for w = sin^2, along each axis.
    assert statistics[0, 2] == pytest.approx((35 / 18) ** 2, rel=1e-3)


def test_bridge_fills_single_pixels_with_their_neighbours_and_leaves_holes() -> None:
    image = np.add.outer(np.arange(20.0), 2 * np.arange(20.0)).astype(np.float32)
    valid = np.ones((20, 20), np.bool_)
    valid[5, 5] = False
    valid[10:16, 8:14] = False
    broken = np.where(valid, image, 0).astype(np.float32)
    filled, good = bridge(broken, valid)
    assert good[5, 5]
    assert filled[5, 5] == pytest.approx(image[5, 5])
    assert not good[12:14, 10:12].any()
    assert not valid[5, 5], "the arguments stay as they were"
    same, _ = bridge(image, np.ones((20, 20), np.bool_))
    assert same is image


def test_weights_are_zero_on_holes_and_follow_the_ground() -> None:
    valid = np.ones((60, 60), np.bool_)
    valid[20:26, 28:40] = False
    everything = np.ones((60, 60), np.bool_)
    at = [np.array([4, 30]), np.array([6, 0])]
    first, second = (np.empty((2, 24, 24), np.float32) for _ in range(2))
    partial = np.empty(2, np.bool_)
    lag = np.array([[0.4, 0.0], [-0.3, 0.0]])
    sources = [prepare(np.zeros((60, 60)), mask)[1:] for mask in (valid, everything)]
    mask_weights(*sources, *at, at[0] + 3, at[1] + 5, lag, True, first, second, partial)
    assert partial.tolist() == [True, False]
    hole = ~valid[4:28, 6:30]
    assert np.all(first[0][hole] == 0)
    distance = np.abs(np.mgrid[:24, :24] - np.array([16, 22])[:, None, None]).max(axis=0)
    assert np.all(first[0][distance > 22] == 1)
    # Beside the hole the weights rise over FEATHER pixels, and the secondary's are the same ones moved by the lag.
    np.testing.assert_allclose(first[0][15:9:-1, 23], [0, 0.25, 0.5, 0.75, 1, 1], atol=1e-6)
    assert FEATHER == 4
    moved = 0.6 * first[0][13, 23] + 0.4 * first[0][12, 23]
    assert second[0][13, 23] == pytest.approx(moved, abs=1e-6)


@pytest.mark.parametrize("damping", [0.0, 2.0, -1.0])
@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("size", [15, 16])
def test_cross_power_matches_numpy(size: int, damping: float, is_complex: bool) -> None:
    rng = np.random.default_rng(1)
    pair = [rng.normal(size=(2, size, size)).astype(np.float32) for _ in range(2)]
    spectra = [(np.fft.fft2(x) if is_complex else np.fft.rfft2(x)).astype(np.complex64) for x in pair]
    row, col, row_weight, col_weight, times = frequencies(size, is_complex)
    whitened = np.empty_like(spectra[0])
    real, imag = (np.empty(whitened.shape, np.float32) for _ in range(2))
    cross_power(*spectra, row_weight, col_weight, times, damping, whitened, real, imag)

    product = np.conj(spectra[0]) * spectra[1]
    magnitude = np.abs(product)
    mean = magnitude.mean(axis=(1, 2), keepdims=True)
    scale = mean if damping < 0 else magnitude + damping * mean
    weight = np.cos(row[:, None] / 2) ** 2 * np.cos(col / 2) ** 2
    np.testing.assert_allclose(whitened, product / scale * weight, atol=1e-5)
    np.testing.assert_allclose(real + 1j * imag, whitened * times, atol=1e-5)
    # Parseval: the half-plane stands for all frequencies.
    assert (np.abs(spectra[0]) ** 2 * times).sum() == pytest.approx((pair[0] ** 2).sum() * size**2, rel=1e-4)


@pytest.mark.parametrize("is_complex", [False, True])
def test_misfit_is_what_differs_after_moving_back_and_scaling(is_complex: bool) -> None:
    rng = np.random.default_rng(2)
    size = 32
    axis = np.hanning(size)
    first = (rng.normal(size=(1, size, size)) * np.outer(axis, axis)).astype(np.complex64 if is_complex else np.float32)
    transform = np.fft.fft2 if is_complex else np.fft.rfft2
    row, col, _, _, times = frequencies(size, is_complex)
    difference = (0.1 * rng.normal(size=(1, size, size))).astype(np.float32)
    lags = np.array([[0.3, -1.6]])
    back = np.exp(1j * (row[:, None] * lags[0, 0] + col * lags[0, 1]))
    phase = np.exp(1j * 0.8) if is_complex else 1.0
    spectrum = transform(first).astype(np.complex64)
    other = ((1.7 * phase * spectrum + transform(difference)) / back).astype(np.complex64)
    rest, fit = np.empty_like(spectrum), np.empty((1, 2))
    misfit_spectrum(spectrum, other, row, col, times, lags, is_complex, rest, fit)

    projection = (np.conj(first) * difference).sum() / (np.abs(first) ** 2).sum()
    expected = difference - projection * first
    inverse = np.fft.ifft2(rest) if is_complex else np.fft.irfft2(rest, s=(size, size))
    np.testing.assert_allclose(inverse, expected, atol=2e-4)
    assert fit[0, 0] == pytest.approx(abs(1.7 * phase + projection), rel=1e-3)
    energy = (np.abs(first) ** 2).sum() * abs(1.7 * phase + projection) ** 2
    assert fit[0, 1] == pytest.approx(np.sqrt(energy / (energy + (np.abs(expected) ** 2).sum())), rel=1e-3)


def test_misfit_covariance_is_that_of_a_least_squares_shift_under_white_noise() -> None:
    rng = np.random.default_rng(3)
    count, size, sigma = 400, 32, 0.05
    axis = np.hanning(size)
    smooth = np.cumsum(np.cumsum(rng.normal(size=(size, size)), axis=0), axis=1)
    window = ((smooth - smooth.mean()) / smooth.std() * np.outer(axis, axis)).astype(np.float32)
    noise = (sigma * rng.normal(size=(count, size, size))).astype(np.float32)
    fit, out = np.tile([2.0, 0.9], (count, 1)), np.empty((count, 3))
    misfit_covariance(np.broadcast_to(window, noise.shape).copy(), noise, fit, out)

    gy, gx = np.gradient(window)
    gy, gx = gy[1:-1, 1:-1], gx[1:-1, 1:-1]
    normal = np.array([[(gy * gy).sum(), (gy * gx).sum()], [(gy * gx).sum(), (gx * gx).sum()]])
    expected = sigma**2 * np.linalg.inv(normal) / 2.0**2
    mean = out.mean(axis=0)
    np.testing.assert_allclose([mean[0], mean[1]], [expected[0, 0], expected[1, 1]], rtol=0.1)
    np.testing.assert_allclose(mean[2], expected[0, 1], atol=0.1 * np.sqrt(expected[0, 0] * expected[1, 1]))


def test_misfit_that_hangs_together_gives_larger_errors() -> None:
    rng = np.random.default_rng(4)
    window = (rng.normal(size=(1, 32, 32))).astype(np.float32)
    gy, _ = np.gradient(window[0])
    fit, out = np.array([[1.0, 0.9]]), np.empty((2, 3))
    pulling = np.zeros((1, 32, 32), np.float32)
    pulling[0, 8:16, 8:16] = np.sign(gy[8:16, 8:16])
    mixed = rng.permuted(pulling.ravel()).reshape(pulling.shape)
    for number, misfit in enumerate((pulling, mixed)):
        misfit_covariance(window, misfit, fit, out[number : number + 1])
    assert out[0, 0] > 3 * out[1, 0]


@given(row=st.integers(-6, 6), col=st.integers(-6, 6))
@settings(max_examples=40, deadline=None)
def test_coarse_peak_finds_the_highest_lag(row: int, col: int) -> None:
    surface = np.random.default_rng(2).uniform(0, 0.5, (1, 16, 16)).astype(np.float32)
    surface[0, row % 16, col % 16] = 2.0
    out = np.empty((1, 5))
    coarse_peak(surface, 6, out)
    assert abs(out[0, 0] - row) <= 0.5
    assert abs(out[0, 1] - col) <= 0.5
    assert out[0, 2] == (max(abs(row), abs(col)) == 6)
    assert out[0, 3] == 2.0
    lags = np.stack(np.meshgrid(np.arange(-6, 7), np.arange(-6, 7), indexing="ij"))
    far = np.abs(lags - np.array([row, col])[:, None, None]).max(axis=0) >= 3
    assert out[0, 4] == surface[0][lags[0] % 16, lags[1] % 16][far].max()


def test_result_does_not_depend_on_threads() -> None:
    rng = np.random.default_rng(3)
    sources = [prepare(rng.normal(size=(200, 200)), np.ones((200, 200), np.bool_)) for _ in range(2)]
    at = tuple(axis.ravel() for axis in np.mgrid[0:168:3, 0:168:3])
    lag = np.zeros(at[0].size), np.zeros(at[0].size)
    results = []
    for threads in (1, 2, 3):
        with core_share(threads):
            results.append(match(*sources, at, at, lag, MatchSettings(32, 10, 0.5, 2.0, 0.01)))
    for other in results[1:]:
        for name in ("dx", "dy", "variance_dx", "nrms", "height", "distinctness"):
            np.testing.assert_array_equal(getattr(results[0], name), getattr(other, name))
