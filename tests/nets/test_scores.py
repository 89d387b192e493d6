"""Correlation of features at every lag, and its top between the lags, against direct sums and known motion."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sensetrack.nets.placement import placed  # noqa: E402
from sensetrack.nets.scores import NEAR, climb, correlate, scores, two_ways  # noqa: E402


def waves(shape, dy=0.0, dx=0.0, bands=3, seed=0):
    """Features that are sums of plane waves, moved exactly."""
    rng = np.random.default_rng(seed)
    row, col = np.arange(shape[0])[:, None] - dy, np.arange(shape[1])[None, :] - dx
    out = np.zeros((bands, *shape))
    for band in range(bands):
        for _ in range(25):
            angle, k = rng.uniform(0, 2 * np.pi), 2 * np.pi / rng.uniform(5, 20)
            out[band] += np.cos(k * (np.sin(angle) * row + np.cos(angle) * col) + rng.uniform(0, 2 * np.pi))
    return torch.as_tensor(out[None])


def test_correlate_is_the_sum_of_products():
    chance = torch.Generator().manual_seed(0)
    tile = torch.randn(2, 3, 6, 6, generator=chance, dtype=torch.float64)
    area = torch.randn(2, 3, 10, 10, generator=chance, dtype=torch.float64)
    found = correlate(tile, area)
    assert found.shape == (2, 5, 5)
    for i in range(5):
        for j in range(5):
            direct = (tile * area[:, :, i : i + 6, j : j + 6]).sum((1, 2, 3))
            torch.testing.assert_close(found[:, i, j], direct)


def test_scores_compare_only_what_is_valid_in_both():
    chance = torch.Generator().manual_seed(1)
    tile = torch.randn(1, 2, 8, 8, generator=chance, dtype=torch.float64)
    area = torch.randn(1, 2, 12, 12, generator=chance, dtype=torch.float64)
    first, second = torch.ones(1, 8, 8, dtype=torch.float64), torch.ones(1, 12, 12, dtype=torch.float64)
    first[:, :3], second[:, :, 9:] = 0, 0
    found, share = scores(tile * first[:, None], area * second[:, None], first, second)
    i, j = 1, 3
    part = slice(i, i + 8), slice(j, j + 8)
    both = first[0] * second[0][part]
    own, other = tile[0], area[0][(slice(None), *part)]
    direct = (own * other * both).sum() / ((own**2 * both).sum() * (other**2 * both).sum()).sqrt()
    torch.testing.assert_close(found[0, i, j], direct)
    torch.testing.assert_close(share[0, i, j], both.mean())


def test_a_tile_without_features_has_no_score():
    empty = torch.zeros(1, 2, 8, 8)
    found, _ = scores(empty, torch.randn(1, 2, 12, 12), torch.ones(1, 8, 8), torch.ones(1, 12, 12))
    assert found.abs().max() < 1e-3


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, -0.45), (-0.5, 0.2)])
def test_the_top_is_where_the_content_went(shift):
    size = (40 + 2 * NEAR,) * 2
    found = placed(waves(size), waves(size, *shift))
    assert found.converged.all()
    assert float(found.dy) == pytest.approx(shift[0], abs=0.01)
    assert float(found.dx) == pytest.approx(shift[1], abs=0.01)


def test_nothing_moves_exactly_nothing_and_is_known_exactly():
    chance = torch.Generator().manual_seed(2)
    image = torch.randn(1, 2, 30, 30, generator=chance, dtype=torch.float64)
    found = placed(image, image)
    assert abs(float(found.dy)) < 1e-9 and abs(float(found.dx)) < 1e-9
    assert float(found.var_dy) < 1e-12


def test_the_way_back_turns_the_surface_round():
    first, second = waves((26, 26)), waves((26, 26), 0.4, 0.8)
    torch.testing.assert_close(two_ways(first, second), two_ways(second, first).flip(-1, -2))


def test_stated_variance_follows_the_noise():
    size = (48 + 2 * NEAR,) * 2
    clean, chance = waves(size, bands=8), torch.Generator().manual_seed(3)
    errors, stated = [], []
    for _ in range(60):
        noisy = [clean + 1.5 * torch.randn(clean.shape, generator=chance, dtype=torch.float64) for _ in range(2)]
        found = placed(*noisy)
        errors.append([float(found.dy), float(found.dx)])
        stated.append([float(found.var_dy), float(found.var_dx)])
    ratio = np.mean(np.square(errors)) / np.mean(stated)
    assert 0.3 < ratio < 3


def test_a_surface_without_a_hill_does_not_converge():
    slope = torch.linspace(0, 1, 2 * NEAR + 1)[None, :, None].expand(1, -1, 2 * NEAR + 1)
    assert not climb(slope).converged.any()
