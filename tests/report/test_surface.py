"""The masked correlation is the textbook one, and its peak lies where the content went."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.report.surface import correlation_surface, find_peak


def plain(window: np.ndarray, wm: np.ndarray, area: np.ndarray, am: np.ndarray, least: float) -> np.ndarray:
    """The definition, one place after the other."""
    rows, cols = (a - w + 1 for a, w in zip(area.shape, window.shape, strict=True))
    out = np.full((rows, cols), np.nan)
    for row in range(rows):
        for col in range(cols):
            part = slice(row, row + window.shape[0]), slice(col, col + window.shape[1])
            both = wm & am[part]
            if both.sum() >= least * window.size:
                a, b = window[both].astype(float), area[part][both].astype(float)
                a, b = a - a.mean(), b - b.mean()
                out[row, col] = (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())
    return out


def test_it_is_the_correlation_over_common_pixels() -> None:
    rng = np.random.default_rng(5)
    area = rng.normal(1000, 20, (30, 33)).astype(np.float32)
    window = rng.normal(50, 2, (12, 10)).astype(np.float32)
    wm, am = rng.random(window.shape) > 0.2, rng.random(area.shape) > 0.2
    am[:, :8] = False
    found = correlation_surface(window, wm, area, am, 0.25)
    expected = plain(window, wm, area, am, 0.25)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(("dx", "dy"), [(0.0, 0.0), (3.3, -2.6), (-5.5, 4.1)])
def test_the_peak_is_the_motion(dx: float, dy: float, texture: Callable[..., np.ndarray]) -> None:
    reference, secondary = texture((96, 96)), 3 * texture((96, 96), dx=dx, dy=dy) + 40
    window, area = reference[32:64, 32:64], secondary[22:74, 22:74]
    surface = correlation_surface(window, np.ones_like(window, bool), area, np.ones_like(area, bool))
    peak = find_peak(surface, (0, 0), 8)
    assert (peak.dx, peak.dy) == (pytest.approx(dx, abs=0.12), pytest.approx(dy, abs=0.12))
    assert peak.value > 0.9
    assert peak.second < peak.value
    assert not peak.at_edge


def test_the_middle_may_lie_away_from_no_motion() -> None:
    surface = np.zeros((9, 9))
    surface[2, 6] = 0.7
    peak = find_peak(surface, (10, -20), 2)
    assert (peak.dx, peak.dy, peak.value) == (-18, 8, 0.7)


def test_a_peak_at_the_edge_is_told() -> None:
    surface = np.add.outer(np.arange(7.0), np.arange(7.0)) / 20
    assert find_peak(surface, (0, 0), 2).at_edge


def test_a_second_peak_is_a_maximum_of_its_own() -> None:
    x = np.arange(41)
    broad = np.exp(-((x - 10) ** 2) / 200.0)
    assert np.isnan(find_peak(np.outer(np.hanning(7), broad), (0, 0), 3).second)
    two = np.exp(-((x - 8) ** 2) / 8.0) + 0.8 * np.exp(-((x - 30) ** 2) / 8.0)
    assert find_peak(np.outer(np.hanning(7), two), (0, 0), 5).second == pytest.approx(0.8)


def test_constant_and_missing_pixels_give_no_value() -> None:
    ones, none = np.ones((8, 8), bool), np.zeros((8, 8), bool)
    flat, noise = np.full((8, 8), 5.0, np.float32), np.random.default_rng(0).random((16, 16), np.float32)
    everything = np.ones((16, 16), bool)
    for window, valid in ((flat, ones), (noise[:8, :8], none)):
        surface = correlation_surface(window, valid, noise, everything)
        assert np.isnan(surface).all()
        peak = find_peak(surface, (0, 0), 2)
        assert np.isnan(peak.dx)
        assert np.isnan(peak.value)
