"""Twins of sums, medians, pyramids and splines: the same numbers, to the last digits."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')

from sensetrack.flow import lattice, lk_sums, pyramid, spline  # noqa: E402
from sensetrack.flow.tensors import median, sums  # noqa: E402
from sensetrack.flow.tensors import pyramid as pyramid_on  # noqa: E402
from sensetrack.flow.tensors import spline as spline_on  # noqa: E402

Smooth = Callable[..., np.ndarray]


@pytest.mark.parametrize("radius", [0, 1, 4, 5, 28, 70])
def test_sums_over_windows(smooth: Smooth, radius: int) -> None:
    channels = np.stack([smooth(seed=k, scale=1) for k in range(3)])
    found = sums.window_sums(torch.tensor(channels), radius).numpy()
    assert found == pytest.approx(lk_sums.window_sums(channels, radius), abs=2e-4 * (2 * radius + 1))


@pytest.mark.parametrize("radii", [(0,), (5,), (4, 6, 11, 17, 28, 45), (9, 2, 9)])
def test_sums_over_windows_of_several_sizes(smooth: Smooth, radii: tuple[int, ...]) -> None:
    channels = torch.tensor(np.stack([smooth((40, 61), seed=k, scale=1) for k in range(2)]))
    for radius, found in zip(radii, sums.sums_of_windows(channels, radii), strict=True):
        assert found.numpy() == pytest.approx(sums.window_sums(channels, radius).numpy(), abs=1e-3)


@pytest.mark.parametrize("side", [1, 2, 5, 8, 23])
def test_sums_of_cells(smooth: Smooth, side: int) -> None:
    channels = np.stack([smooth((40, 33), seed=k, scale=1) for k in range(2)]).astype(np.float64)
    found = sums.box_sums(torch.tensor(channels), side).numpy()
    assert found == pytest.approx(lattice.window_sums(channels, side), abs=1e-10)


def test_sums_inside_small_arrays(smooth: Smooth) -> None:
    tiles = np.stack([smooth((12, 14), seed=k, scale=1) for k in range(5)])
    windows = np.lib.stride_tricks.sliding_window_view(tiles, (7, 7), axis=(1, 2))
    assert sums.inner_sums(torch.tensor(tiles), 7).numpy() == pytest.approx(windows.sum(axis=(3, 4)), abs=1e-4)


def test_a_large_value_leaves_nothing_behind() -> None:
    values = np.zeros((3, 400), np.float32)
    values[:, 5], values[:, 200:] = 1e8, 1
    assert (sums.window_sums(torch.tensor(values), 3)[1, 210:390] == 21).all()


def test_cut_cells_hold_what_is_left() -> None:
    found = sums.cell_sums(torch.ones(10, 7), 4).numpy()
    assert found.tolist() == [[16, 12], [16, 12], [8, 6]]


@pytest.mark.parametrize(
    ("network", "lists", "length", "order", "first"),
    [
        (median.COLUMN, 5, 1, tuple(range(5)), 0),
        (median.PAIR, 2, 5, median.PAIR_ORDER, 0),
        (median.FOUR, 2, 10, median.FOUR_ORDER, 7),
    ],
)
def test_the_networks_sort_all_zeros_and_ones(
    network: Any, lists: int, length: int, order: tuple[int, ...], first: int
) -> None:
    """By the zero-one principle, then all numbers too; each list comes sorted."""
    for counts in itertools.product(range(length + 1), repeat=lists):
        places = [value for count in counts for value in [0] * (length - count) + [1] * count]
        expected = sorted(places)[first : first + len(order)]
        for low, high in network:
            places[low], places[high] = sorted((places[low], places[high]))
        assert [places[k] for k in order] == expected


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (41, 7), (100, 90)])
def test_medians(shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(median, "STRIP", 1500)
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    assert (median.median(torch.tensor(values)).numpy() == cv2.medianBlur(values, 5)).all()


def test_levels_of_a_pyramid(smooth: Smooth) -> None:
    image = smooth(scale=1)
    assert pyramid_on.halve(torch.tensor(image)).numpy() == pytest.approx(pyramid.halve(image), abs=1e-6)
    weight = np.abs(smooth(seed=5)).clip(0, 1)
    expected = pyramid.halve_weighted(image, weight, 0.5)
    for array, found in zip(
        expected, pyramid_on.halve_weighted(torch.tensor(image), torch.tensor(weight), 0.5), strict=True
    ):
        assert found.numpy() == pytest.approx(array, abs=1e-5)
    assert pyramid_on.double(torch.tensor(image)).numpy() == pytest.approx(pyramid.double(image), abs=2e-6)


def test_splines_there_and_beyond_the_border(
    smooth: Smooth, flow: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spline_on, "STRIP", 5000)
    image = smooth(scale=1)
    expected = spline.coefficients(image)
    found = spline_on.coefficients(torch.tensor(image))
    assert found.numpy() == pytest.approx(expected, abs=1e-5)
    width = image.shape[1]
    lines, places, shares = np.empty_like(image), np.empty(width, np.uint32), np.empty((2, width), np.float32)
    for row in range(len(image)):
        spline.warp_row(expected, row, 0, flow[0][row], flow[1][row], places, shares, lines[row])
    moved = spline_on.warp(found, *map(torch.tensor, flow))
    assert moved.numpy() == pytest.approx(lines, abs=1e-4)


def test_bilinear_values(smooth: Smooth, flow: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spline_on, "STRIP", 5000)
    values, other = smooth(scale=1), smooth(scale=1, seed=4)
    height, width = values.shape
    rows, cols = np.indices(values.shape)
    y, x = (rows + flow[1]).clip(0, height - 1), (cols + flow[0]).clip(0, width - 1)
    found = spline_on.bilinear((torch.tensor(values), torch.tensor(other)), *map(torch.tensor, flow))
    for array, mine in zip((values, other), found, strict=True):
        expected = [spline.bilinear(array, *place) for place in zip(y.ravel(), x.ravel(), strict=True)]
        assert mine.numpy().ravel() == pytest.approx(np.array(expected), abs=1e-4)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e30])
def test_no_flow_leads_out_of_memory(smooth: Smooth, wrong: Any) -> None:
    image = torch.tensor(smooth())
    there = torch.full(image.shape, wrong)
    spline_on.warp(spline_on.coefficients(image), there, there)
    spline_on.bilinear((image,), there, there)
