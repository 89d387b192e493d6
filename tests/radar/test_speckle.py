"""Filters of speckle: published numbers, formulas by hand, nodata, and places in the image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.radar import speckle
from sensetrack.radar.lee_sigma import AMPLITUDE_SPREAD, RANGES, SIGMAS, LeeSigma
from sensetrack.radar.refined_lee import refined_lee
from sensetrack.types import FloatArray, Mask

COUNT = np.arange(1, 17, dtype=np.float32).reshape(4, 4)
PUBLISHED = """99 105 124 138 128 34 62
105 91 140 98 114 63 31
107 94 128 138 96 61 82
137 129 136 105 100 55 85
144 145 113 132 119 39 50
102 97 102 110 103 34 53
107 146 115 123 101 76 56"""
REFINED = {
    0: [117.125, 115.6, 108.98584, 115.59759, 111.30918, 67.772064, 77.42791],
    3: [118.21429, 118.61355, 108.13215, 115.28595, 97.82989, 76.00735, 85.19781],
    6: [121.4375, 119.85731, 107.083336, 106.53835, 97.693275, 88.09068, 83.8125],
}
MEANS = [[3.5, 4, 5, 5.5], [5.5, 6, 7, 7.5], [9.5, 10, 11, 11.5], [11.5, 12, 13, 13.5]]

Filter = Callable[[FloatArray, Mask], FloatArray]

FILTERS: dict[str, tuple[int, Filter]] = {
    "boxcar": (2, lambda p, v: speckle.boxcar(p, v, (5, 5))),
    "median": (2, lambda p, v: speckle.median(p, v, (5, 5))),
    "lee": (2, lambda p, v: speckle.lee(p, v, (5, 5), 2.0)),
    "gamma_map": (2, lambda p, v: speckle.gamma_map(p, v, (5, 5), 2.0)),
    "frost": (2, lambda p, v: speckle.frost(p, v, (5, 5), 2.0)),
    "refined_lee": (3, refined_lee),
}


def around(pixels: np.ndarray, margin: int, valid: np.ndarray | None = None) -> tuple[FloatArray, Mask]:
    """Return an image with a margin that is no image."""
    known = np.ones(pixels.shape, bool) if valid is None else valid
    return np.pad(np.where(known, pixels, 0).astype(np.float32), margin), np.pad(known, margin)


def windows(pixels: np.ndarray, valid: np.ndarray, half: int) -> list[np.ndarray]:
    """Return the valid pixels of the window about each pixel, row by row."""
    padded, known = around(pixels, half, valid)
    size = 2 * half + 1
    spots = np.ndindex(pixels.shape)
    return [padded[i : i + size, j : j + size][known[i : i + size, j : j + size]].astype(float) for i, j in spots]


def noisy(shape: tuple[int, int], looks: int = 1, seed: int = 0) -> np.ndarray:
    """Return speckle of mean 5 with a step to 20 in the middle."""
    rng = np.random.default_rng(seed)
    ground = np.where(np.arange(shape[1]) < shape[1] // 2, 5.0, 20.0)
    return (ground * rng.gamma(looks, 1 / looks, shape)).astype(np.float32)


def holes(shape: tuple[int, int]) -> np.ndarray:
    """Return where an image with some holes is valid."""
    valid = np.random.default_rng(5).random(shape) > 0.1
    valid[3:9, 4:12] = False
    return valid


def test_published_boxcar_lee_and_median() -> None:
    pixels, valid = around(COUNT, 1)
    assert np.allclose(speckle.boxcar(pixels, valid, (3, 3)), MEANS, atol=1e-5)
    assert np.allclose(speckle.lee(pixels, valid, (3, 3), 1.0), MEANS, atol=1e-5)
    expected = [[5, 5, 6, 7], [6, 6, 7, 8], [10, 10, 11, 12], [13, 13, 14, 15]]
    assert speckle.median(pixels, valid, (3, 3)).tolist() == expected


def test_published_frost() -> None:
    found = speckle.frost(*around(COUNT, 1), (3, 3), 2.0)[0]
    assert np.allclose(found, [2.8108406, 3.7109244, 4.8278255, 5.3469553], rtol=0, atol=1e-6)


def test_published_refined_lee() -> None:
    pixels = np.array([line.split() for line in PUBLISHED.splitlines()], np.float32)
    found = refined_lee(*around(pixels, 3))
    for row, expected in REFINED.items():
        assert np.allclose(found[row], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("half", [1, 2])
def test_formulas_pixel_by_pixel(half: int) -> None:
    image, valid = noisy((14, 17), 2), holes((14, 17))
    size, looks = (2 * half + 1, 2 * half + 1), 2.0
    padded = around(image, half, valid)
    found = {
        "boxcar": speckle.boxcar(*padded, size),
        "median": speckle.median(*padded, size),
        "lee": speckle.lee(*padded, size, looks),
        "gamma": speckle.gamma_map(*padded, size, looks),
    }
    for number, values in enumerate(windows(image, valid, half)):
        i, j = divmod(number, image.shape[1])
        if not valid[i, j]:
            assert all(each[i, j] == 0 for each in found.values())
            continue
        centre, mean = float(image[i, j]), values.mean()
        variance = values.var(ddof=1) if len(values) > 1 else 0.0
        ci, cu = np.sqrt(variance) / mean, 1 / np.sqrt(looks)
        weight = 0.0 if ci < cu else 1 - cu**2 / ci**2
        gamma = mean if ci <= cu else centre
        if cu < ci < np.sqrt(2) * cu:
            alpha = (1 + cu**2) / (ci**2 - cu**2)
            b = alpha - looks - 1
            gamma = (b * mean + np.sqrt((mean * b) ** 2 + 4 * alpha * looks * mean * centre)) / (2 * alpha)
        assert found["boxcar"][i, j] == pytest.approx(mean, rel=1e-5)
        assert found["median"][i, j] == np.sort(values)[len(values) // 2].astype(np.float32)
        assert found["lee"][i, j] == pytest.approx(centre * weight + mean * (1 - weight), rel=1e-4)
        assert found["gamma"][i, j] == pytest.approx(gamma, rel=1e-4)


@pytest.mark.parametrize("name", FILTERS)
def test_uniform_areas_stay(name: str) -> None:
    margin, change = FILTERS[name]
    found = change(*around(np.full((9, 11), 7.25, np.float32), margin))
    assert np.allclose(found, 7.25, rtol=1e-6)


@pytest.mark.parametrize("name", FILTERS)
def test_what_is_invalid_counts_for_nothing(name: str) -> None:
    margin, change = FILTERS[name]
    image, valid = noisy((20, 24)), holes((20, 24))
    pixels, known = around(image, margin, valid)
    found = change(pixels, known)
    pixels[~known] = 0
    assert (found[~valid] == 0).all()
    low, high = (float(each) for each in (image[valid].min(), image[valid].max()))
    assert low * 0.999 <= found[valid].min() <= found[valid].max() <= high * 1.001


@pytest.mark.parametrize("name", [*FILTERS, "lee_sigma"])
def test_speckle_falls_and_the_mean_and_the_edge_stay(name: str) -> None:
    image = noisy((60, 120), 4)
    if name == "lee_sigma":
        change = LeeSigma("intensity", 4)
        found = change(
            *around(image, change.margin), (change.margin, change.margin + 60, change.margin, change.margin + 120)
        )
    else:
        margin, filtered = FILTERS[name]
        found = filtered(*around(image, margin))
    left, right = found[8:-8, 8:50], found[8:-8, 70:-8]
    assert left.std() / left.mean() < 0.36
    # The median of gamma-distributed numbers of four looks is 0.918 times their mean.
    share = 0.918 if name == "median" else 1.0
    assert left.mean() == pytest.approx(5.0 * share, rel=0.08)
    assert right.mean() == pytest.approx(20.0 * share, rel=0.08)


def test_median_of_a_larger_window_is_that_of_sorting() -> None:
    image = noisy((25, 25))
    image[5:15, 5:15] = 3.0  # many equal numbers
    found = speckle.median(*around(image, 8), (17, 17))
    expected = [np.sort(each)[len(each) // 2] for each in windows(image, np.ones(image.shape, bool), 8)]
    assert np.array_equal(found.ravel(), np.array(expected, np.float32))


def test_number_of_looks() -> None:
    rng = np.random.default_rng(0)
    valid = np.ones((300, 300), bool)
    for looks in (1, 4):
        intensity = rng.gamma(looks, 1 / looks, (300, 300)).astype(np.float32)
        assert speckle.number_of_looks(intensity, valid) == pytest.approx(looks, rel=0.03)
    assert speckle.number_of_looks(intensity, ~valid) == 1.0
    assert speckle.number_of_looks(np.ones((3, 3), np.float32), valid[:3, :3]) == np.inf


@pytest.mark.parametrize("unit", ["intensity", "amplitude"])
def test_ranges_keep_the_mean_of_speckle(unit: str) -> None:
    """Within each range the mean of speckle is 1 and its spread the one that the table states: where it comes from."""
    rng = np.random.default_rng(1)
    for looks in (1, 2, 3, 4):
        values = rng.gamma(looks, 1 / looks, 400_000)
        if unit == "amplitude":
            # The table's amplitudes of several looks are means of amplitudes.
            values = np.sqrt(rng.gamma(1.0, 1.0, (looks, 400_000))).mean(axis=0)
            values /= values.mean()
        for sigma, (low, high, spread) in zip(SIGMAS, RANGES[unit][looks - 1], strict=True):
            inside = values[(values >= low) & (values <= high)]
            assert inside.mean() == pytest.approx(1.0, abs=0.015)
            assert inside.std() / inside.mean() == pytest.approx(spread, rel=0.03 if unit == "intensity" else 0.1)
            assert len(inside) / len(values) == pytest.approx(sigma, abs=0.02)


def sigma_by_hand(image: np.ndarray, valid: np.ndarray, change: LeeSigma) -> np.ndarray:
    """Return Lee Sigma of a whole image as one tile, pixel by pixel in plain Python."""
    low, high, spread = RANGES[change.unit][change.looks - 1][SIGMAS.index(change.sigma)]
    noise = (AMPLITUDE_SPREAD if change.unit == "amplitude" else 1.0) / np.sqrt(change.looks)
    half, reach = change.window // 2, change.target // 2
    ordered = np.sort(image[valid])
    bright = valid & (image > ordered[int(0.98 * len(ordered)) - 1])
    stays = np.zeros_like(bright)
    for i, j in np.argwhere(bright):
        part = np.s_[max(i - reach, 0) : i + reach + 1, max(j - reach, 0) : j + reach + 1]
        if bright[part].sum() > 5:
            stays[part] |= bright[part]

    def best(values: np.ndarray, centre: float, eta: float) -> float:
        if not len(values):
            return centre
        mean, variance = values.mean(), values.var(ddof=1) if len(values) > 1 else 0.0
        b = 0.0 if variance <= 0 else max((variance - mean**2 * eta**2) / (1 + eta**2), 0.0) / variance
        return float((1 - b) * mean + b * centre)

    out = np.zeros(image.shape)
    rows, cols = image.shape
    for i, j in np.argwhere(valid):
        centre = float(image[i, j])
        part = np.s_[max(i - half, 0) : i + half + 1, max(j - half, 0) : j + half + 1]
        values = image[part][valid[part]].astype(float)
        if stays[i, j]:
            out[i, j] = centre
        elif i < half or j < half or i + half >= rows or j + half >= cols:
            out[i, j] = best(values, centre, noise)
        else:
            near = np.s_[i - reach : i + reach + 1, j - reach : j + reach + 1]
            guess = best(image[near][valid[near]].astype(float), centre, noise)
            out[i, j] = best(values[(values >= guess * low) & (values <= guess * high)], centre, spread)
    return out


@pytest.mark.parametrize("change", [
    LeeSigma("intensity"),
    LeeSigma("intensity", 3, 0.7, 9, 5),
    LeeSigma("amplitude", 2, 0.5, 5, 3),
    LeeSigma("intensity", 4, 0.8, 5, 5),
])  # fmt: skip
def test_lee_sigma_by_hand(change: LeeSigma) -> None:
    image, valid = noisy((30, 34), change.looks, 3), holes((30, 34))
    image[20:23, 24:27] = 500.0  # a point target
    valid[18:26, 22:30] = True
    margin = change.margin
    found = change(*around(image, margin, valid), (margin, margin + 30, margin, margin + 34))
    assert np.allclose(found, sigma_by_hand(image, valid, change), rtol=1e-4)
    assert (found[20:23, 24:27] == 500.0).all()


def test_lee_sigma_of_nothing() -> None:
    change = LeeSigma("intensity")
    found = change(np.zeros((12, 12), np.float32), np.zeros((12, 12), bool), (3, 9, 3, 9))
    assert found.shape == (6, 6) and not found.any()
