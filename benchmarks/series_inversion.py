"""The inversion of 40 made-up scenes with seasons and acceleration, a tenth of the pairs bad: errors, coverage, time.

Usage: python benchmarks/series_inversion.py
"""

from __future__ import annotations

import time

import numpy as np

from sensetrack.timeseries import SeriesParams, invert

PIXELS = 1000
LONGEST = 60.0


def position(years: np.ndarray) -> np.ndarray:
    """Way in metres along x and y."""
    turn = 2 * np.pi
    x = 100 * years - 30 * np.cos(turn * years) / turn + 20 * years**2
    return np.stack([x, -40 * years + 10 * np.sin(turn * years) / turn])


def main() -> None:
    """Print a table."""
    rng = np.random.default_rng(1)
    days = np.r_[0, np.cumsum(rng.integers(8, 16, 39))].astype(float)
    pairs = [(i, j) for i in range(40) for j in range(i + 1, 40) if days[j] - days[i] <= LONGEST]
    at, years = position(days / 365.25), np.array([days[j] - days[i] for i, j in pairs]) / 365.25
    truth = np.array([at[:, j] - at[:, i] for i, j in pairs])[:, :, None]
    sigma = rng.uniform(0.3, 1.0, (len(pairs), 2, PIXELS))
    moved = truth + sigma * rng.standard_normal(sigma.shape)
    bad = rng.choice(len(pairs), len(pairs) // 10, replace=False)
    moved[bad] += rng.uniform(-20, 20, (len(bad), 2, PIXELS))
    covariance = np.concatenate([sigma**2, np.zeros((len(pairs), 1, PIXELS))], axis=1)
    neighbours = np.array([j == i + 1 for i, j in pairs])
    plain = (moved - truth) / years[:, None, None]
    print(f"{len(pairs)} pairs, {len(bad)} of them bad, {PIXELS} pixels; m/yr")
    print(f"{'plain pairs':<28}{rms(plain):8.1f}")
    print(f"{'plain pairs of neighbours':<28}{rms(plain[neighbours]):8.1f}")
    for name, params in (
        ("least squares", SeriesParams(robust=False, closure=False)),
        ("robust", SeriesParams(closure=False)),
        ("robust with closure", SeriesParams()),
        ("and smoothness 100", SeriesParams(smoothness=100.0)),
        ("and a window of 40 days", SeriesParams(window=40.0)),
    ):
        invert(moved[..., :2], covariance[..., :2], pairs, days, params)
        start = time.perf_counter()
        found = invert(moved, covariance, pairs, days, params)
        each = (time.perf_counter() - start) / PIXELS
        right = np.array([(at[:, j] - at[:, i]) / (days[j] - days[i]) * 365.25 for i, j in found.spans])[:, :, None]
        error = found.velocities[:, :2] - right
        inside = np.mean(np.abs(error) < np.sqrt(found.velocities[:, 2:4]))
        print(f"{name:<28}{rms(error):8.1f}   {100 * inside:.0f} % within one error, {1000 * each:.2f} ms per pixel")


def rms(values: np.ndarray) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(values**2)))


if __name__ == "__main__":
    main()
