"""The kernels of chip matching against plain numpy: sums of products, masked correlation, peaks, chance."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, spline_filter
from scipy.special import ndtri

from sensetrack.correlation import ncc_group, ncc_match
from sensetrack.correlation.ncc_chance import independent_samples, significance
from sensetrack.correlation.ncc_match import METHODS, ChipMatcher, ChipMatches, ChipSettings
from sensetrack.correlation.ncc_peak import between, scan
from sensetrack.correlation.ncc_plan import is_spectral, split_tile
from sensetrack.correlation.ncc_source import prepare_reference, prepare_secondary
from sensetrack.correlation.ncc_sums import chip_sums
from sensetrack.correlation.ncc_surface import EXCLUDED
from sensetrack.correlation.spline import fill


@pytest.mark.parametrize(
    ("size", "step", "rows", "cols", "reach"), [(16, 8, 3, 2, 4), (16, 5, 2, 3, 3), (8, 32, 2, 2, 2), (18, 6, 1, 4, 5)]
)
def test_sums_of_products_are_those_of_each_chip(size: int, step: int, rows: int, cols: int, reach: int) -> None:
    rng = np.random.default_rng(0)
    lags = 2 * reach + 1
    height, width = (rows - 1) * step + size, (cols - 1) * step + size
    first = rng.normal(size=(2, height, width)).astype(np.float32)
    second = rng.normal(size=(2, height + lags - 1, width + lags - 1)).astype(np.float32)
    products = np.array([(0, 0, 1, 0), (1, 1, 1, 0), (0, 1, 1, 1), (1, 0, -1, 1)])
    wanted = np.ones((rows, cols), np.bool_)
    wanted[-1, 0] = rows == 1
    out = np.full((2, rows, cols, lags, lags), np.nan, np.float32)
    cell = math.gcd(size, step)
    chip_sums(first, second, products, cell, size // cell, step // cell, wanted, out)
    for i, j in itertools.product(range(rows), range(cols)):
        if not wanted[i, j]:
            assert np.isnan(out[:, i, j]).all()
            continue
        a = first[:, i * step : i * step + size, j * step : j * step + size]
        for y, x in itertools.product(range(lags), repeat=2):
            b = second[:, i * step + y :, j * step + x :][:, :size, :size]
            assert out[0, i, j, y, x] == pytest.approx((a * b).sum(), abs=1e-3)
            assert out[1, i, j, y, x] == pytest.approx((a[0] * b[1] - a[1] * b[0]).sum(), abs=1e-3)


def cut(image: np.ndarray, valid: np.ndarray, row: int, col: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A chip and where it is valid; nothing is beyond the image."""
    padded = np.pad(image, size + 40)
    good = np.pad(valid, size + 40)
    at = (slice(row + size + 40, row + 2 * size + 40), slice(col + size + 40, col + 2 * size + 40))
    return padded[at], good[at]


def brute_force(
    images: list[np.ndarray],
    valid: list[np.ndarray],
    place: tuple[int, int],
    size: int,
    centre: int,
    reach: int,
    is_free: bool,
) -> np.ndarray:
    """Zero-mean normalised cross-correlation over the jointly valid pixels, lag by lag; NaN below half a chip.

    Column lags are counted from ``centre``.
    """
    surface = np.full((2 * reach + 1, 2 * reach + 1), np.nan)
    a, first = cut(images[0], valid[0], *place, size)
    for y, x in itertools.product(range(-reach, reach + 1), repeat=2):
        b, second = cut(images[1], valid[1], place[0] + y, place[1] + centre + x, size)
        both = first & second
        if both.sum() >= 0.5 * size * size:
            p, q = a[both] - a[both].mean(), b[both] - b[both].mean()
            value = (np.conj(p) * q).sum() / np.sqrt((np.abs(p) ** 2).sum() * (np.abs(q) ** 2).sum())
            surface[y + reach, x + reach] = np.abs(value) if is_free else value.real
    return surface


@pytest.mark.parametrize("kind", ["real", "compared", "free"])
@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("by_fft", [False, True])
def test_matches_are_those_of_brute_force(
    kind: str, holes: bool, by_fft: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    shape, size, step, reach = (72, 80), 16, 8, 4
    smooth = [gaussian_filter(rng.normal(size=shape), 1.5) * 20 + 100 for _ in range(2)]
    first = smooth[0] + (1j * smooth[1] if kind != "real" else 0)
    second = np.roll(first, (2, -1), (0, 1)) * (np.exp(0.7j) if kind == "free" else 1)
    second = second + rng.normal(0, 2, shape)
    valid = [np.ones(shape, np.bool_) for _ in range(2)]
    if holes:
        valid = [rng.random(shape) > 0.1 for _ in range(2)]
        valid[0][20:40, 30:38] = False
        valid[1][:, 60:66] = False
    dtype = np.float32 if kind == "real" else np.complex64
    pair = [np.where(good, image, 0).astype(dtype) for image, good in zip((first, second), valid, strict=True)]
    monkeypatch.setattr(ncc_match, "is_spectral", lambda *_: by_fft)
    matcher = ChipMatcher(prepare_reference(pair[0], valid[0]), prepare_secondary(pair[1], valid[1]))
    rows, cols = 9, 10
    ranges = np.zeros((3, rows, cols), np.int64)
    ranges[1], ranges[2] = 1, reach
    settings = ChipSettings(size, "none", 0.5, kind == "free", has_errors=False)
    found = matcher.lattice((0, 0), step, ranges, np.ones((rows, cols), np.bool_), settings)
    for i, j in itertools.product(range(rows), range(cols)):
        _, good = cut(pair[0], valid[0], i * step, j * step, size)
        surface = brute_force(pair, valid, (i * step, j * step), size, 1, reach, kind == "free")
        if good.sum() < 0.5 * size * size or np.isnan(surface).all():
            assert found.status[i, j] == ncc_group.NO_DATA
            continue
        y, x = np.unravel_index(np.nanargmax(surface), surface.shape)
        assert (found.dy[i, j], found.dx[i, j]) == (y - reach, x - reach + 1)
        assert found.correlation[i, j] == pytest.approx(np.nanmax(surface), abs=2e-5)
        far = np.maximum(*np.abs(np.mgrid[: 2 * reach + 1, : 2 * reach + 1] - np.array([y, x])[:, None, None])) >= 3
        rest = surface[far & np.isfinite(surface)]
        if rest.size:
            assert found.snr[i, j] == pytest.approx(np.nanmax(surface) / np.sqrt((rest**2).mean()), rel=1e-3)
        edge = {y, x} & {0, 2 * reach} or np.isnan(surface[y - 1 : y + 2, x - 1 : x + 2]).any()
        assert found.status[i, j] == (ncc_group.ON_EDGE if edge else ncc_group.MATCHED)


def matches(
    first: np.ndarray, second: np.ndarray, ranges: np.ndarray, size: int, step: int, method: str = "least-squares"
) -> ChipMatches:
    valid = np.ones(first.shape, np.bool_)
    matcher = ChipMatcher(
        prepare_reference(first.astype(np.float32), valid), prepare_secondary(second.astype(np.float32), valid)
    )
    wanted = np.ones(ranges.shape[1:], np.bool_)
    return matcher.lattice((40, 40), step, ranges, wanted, ChipSettings(size, method, 0.5))


def test_a_dull_chip_beside_a_bright_one_loses_no_precision() -> None:
    """Snow of a few grey values in a tile with rock ten thousand times as bright: as if it were alone."""
    rng = np.random.default_rng(2)
    ground = gaussian_filter(rng.normal(size=(260, 260)), 1.2)
    first, second = ground.copy(), np.roll(ground, (1, 2), (0, 1))
    alone = matches(first, second, np.full((3, 4, 4), 4) * [[[0]], [[0]], [[1]]], 16, 8)
    for image in (first, second):
        image[:, 130:] = 20_000 + 5_000 * rng.normal(size=(260, 130))
    ranges = np.zeros((3, 16, 16), np.int64)
    ranges[2] = 4
    beside = matches(first, second, ranges, 16, 8)
    np.testing.assert_allclose(beside.dx[:4, :4], alone.dx, atol=1e-4)
    np.testing.assert_allclose(beside.correlation[:4, :4], alone.correlation, atol=1e-5)


def test_groups_hold_every_wanted_chip_once() -> None:
    rng = np.random.default_rng(3)
    wanted = rng.random((16, 16)) < 0.4
    ranges = np.zeros((3, 16, 16), np.int64)
    ranges[1, :, 8:], ranges[2] = 60, 4
    holes = np.zeros((301, 301), np.int32)
    groups = split_tile(holes, holes, (60, 60), 8, 16, (0, 16, 0, 16), ranges, wanted, 1, 6)
    seen = np.zeros((16, 16), int)
    for row, row_end, col, col_end, *lags, number, masked in groups:
        part = wanted[row:row_end, col:col_end]
        seen[row:row_end, col:col_end] += part
        assert number == part.sum()
        assert not masked
        assert lags[:2] == [-4, 4]
        assert lags[3] - lags[2] == 8, "halves that look 60 px apart share nothing"
    np.testing.assert_array_equal(seen, wanted)


def test_chips_far_apart_with_wide_searches_go_through_the_fft() -> None:
    assert is_spectral(64, 64, 32, 2, 1)
    assert not is_spectral(16, 8, 4, 2, 1)
    assert not is_spectral(32, 8, 20, 2, 1)


def test_peaks_between_samples() -> None:
    y, x = np.mgrid[-8:9, -8:9].astype(np.float64)
    y, x = y - 0.31, x + 0.42
    paraboloid = (1 - 0.01 * y**2 - 0.02 * x**2 + 0.005 * y * x).astype(np.float32)
    assert between(paraboloid, 8, 8, METHODS["quadratic"]) == pytest.approx((0.31, -0.42), abs=1e-4)
    bell = np.exp(-(y**2) / 8 - x**2 / 12 + x * y / 20).astype(np.float32)
    assert between(bell, 8, 8, METHODS["gaussian"]) == pytest.approx((0.31, -0.42), abs=1e-4)
    wide = np.exp(-(y**2) / 18 - x**2 / 22).astype(np.float32)
    assert between(wide, 8, 8, METHODS["spline"]) == pytest.approx((0.31, -0.42), abs=4e-3)
    assert between(np.ones((17, 17), np.float32), 8, 8, METHODS["quadratic"]) == (0, 0)


def test_scan_finds_the_peak_and_the_next_maximum() -> None:
    surface = np.zeros((11, 13), np.float32)
    surface[4, 5], surface[4, 6], surface[8, 10], surface[0, 12] = 0.9, 0.7, 0.5, 0.6
    out = np.empty(6)
    scan(surface, out)
    assert out[:2].tolist() == [4, 5]
    assert out[2] == pytest.approx(0.9)
    assert out[3] == pytest.approx(0.5)  # neither its own flank nor what is highest at the edge of the range
    assert out[4] == pytest.approx(np.sqrt((0.5**2 + 0.6**2) / (11 * 13 - 25)))
    assert out[5] == 0
    surface[4, 4] = EXCLUDED
    scan(surface, out)
    assert out[5] == 1


@pytest.mark.parametrize("smooth", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("size", [16, 32])
def test_unrelated_chips_are_as_significant_as_chance(smooth: float, size: int) -> None:
    rng = np.random.default_rng(4)
    first, second = (gaussian_filter(rng.normal(size=(420, 420)), smooth) for _ in range(2))
    count = 340 // size
    ranges = np.zeros((3, count, count), np.int64)
    ranges[2] = 6
    found = matches(first, second, ranges, size, size, "none")
    passed = np.mean(found.significance > -ndtri(0.05 / 13**2))
    assert passed < 0.08
    z = []
    for row, col in itertools.product(range(0, 400 - size, size), repeat=2):
        chips = [image[None, row : row + size, col : col + size].astype(np.float32) for image in (first, second)]
        samples = independent_samples(chips[0], 0, 0, size, np.array([chips[0].mean()]))
        correlation = np.corrcoef(chips[0].ravel(), chips[1].ravel())[0, 1]
        z.append(math.copysign(significance(abs(correlation), samples, False, False), correlation))
    assert 0.65 < np.std(z) < 1.15


def test_white_noise_has_as_many_samples_as_pixels() -> None:
    chip = np.random.default_rng(5).normal(size=(1, 32, 32)).astype(np.float32)
    assert independent_samples(chip, 0, 0, 32, np.array([chip.mean()])) == pytest.approx(32**2, rel=0.1)
    assert independent_samples(np.zeros((1, 16, 16), np.float32), 0, 0, 16, np.zeros(1)) == 0


def test_spline_coefficients_are_those_of_scipy() -> None:
    image = np.random.default_rng(6).normal(100, 20, (70, 90)).astype(np.float32)
    source = prepare_secondary(image, np.ones(image.shape, np.bool_))
    expected = spline_filter(image.astype(np.float64), 3, mode="mirror")
    np.testing.assert_allclose(source.values[0], expected, atol=2e-4)


def test_filling_keeps_what_is_valid_and_reaches_everywhere() -> None:
    image = np.random.default_rng(7).normal(50, 5, (30, 40)).astype(np.float32)
    valid = np.zeros(image.shape, np.bool_)
    valid[10:14, 12:20] = True
    before = image.copy()
    known = valid.copy()
    fill(image, known)
    assert known.all()
    np.testing.assert_array_equal(image[valid], before[valid])
    assert before[valid].min() <= image.min() and image.max() <= before[valid].max()
