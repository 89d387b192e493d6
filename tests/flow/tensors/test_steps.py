"""Twins of the steps: what each makes of the same pyramid, level and flow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')

from sensetrack.flow import lk_level, lk_prepare, lk_propagate, lk_search, lk_select, lk_smooth, lk_step  # noqa: E402
from sensetrack.flow.lk_sums import window_sums  # noqa: E402
from sensetrack.flow.tensors import level, propagate, search, select, smooth, step, sums, views  # noqa: E402
from sensetrack.flow.weights import fade  # noqa: E402

FlowArrays = tuple[np.ndarray, np.ndarray]
ToTensors = Callable[[Any], Any]
RADII = (5, 12, 28)
STRENGTH = 0.05


@pytest.fixture
def levels(pyramid: list[lk_prepare.Views], flow: FlowArrays, on_tensors: ToTensors) -> tuple[Any, Any]:
    """The finest level, as arrays and as tensors."""
    mine = lk_level.prepare(pyramid[0], flow)
    return mine, level.prepare(views.Views(*on_tensors(pyramid[0])), on_tensors(flow))


def energy_of(mine: lk_level.Level, radius: int) -> np.ndarray:
    """What there is in windows."""
    return window_sums((mine.weight * mine.reference**2)[None], radius)[0]


def ridge_of(mine: lk_level.Level, radius: int) -> np.ndarray:
    """What `STRENGTH` makes of it."""
    tensor = mine.tensor_sums(radius)
    return np.asarray(STRENGTH * energy_of(mine, radius) + lk_level.LEAST_RIDGE * (tensor[0] + tensor[2]), np.float32)


def noise_of(mine: lk_level.Level, flow: FlowArrays) -> tuple[np.ndarray, np.ndarray]:
    """Pulls, and the variance of the noise."""
    pull, energy = lk_step.pulls(mine, flow, True), np.zeros_like(flow[0])
    lk_step.solve(mine, pull, 5, 0.0, flow, energy)
    return pull, lk_smooth.noise_map(energy, mine.counts(5), 8)


def test_pyramids_without_slow_changes(pyramid: list[lk_prepare.Views], texture: Callable[..., np.ndarray]) -> None:
    shape = pyramid[0].reference.shape
    images = [texture(shape, dx=dx, mean=3) / np.float32(100) for dx in (0, 2)]
    valid = np.ones(shape, np.bool_)
    valid[30:70, 50:61] = False
    weights = fade(valid), fade(np.ones_like(valid))
    expected = lk_prepare.views(*images, *weights, 3, 12)
    found = views.views(tuple(map(torch.tensor, images)), tuple(map(torch.tensor, weights)), 3, 12)
    kept, also = np.ones((2, *shape), np.float32)
    kept[40:80, 100:130] = also[40:80, 110:140] = 0
    expected += lk_prepare.without(expected, kept, also, 12)
    found += views.without(found, torch.tensor(kept), torch.tensor(also), 12)
    for theirs, mine in zip(expected, found, strict=True):
        for name, array, tensor in zip(theirs._fields, theirs, mine, strict=True):
            assert tensor.numpy() == pytest.approx(array, abs=2e-5), name


def test_a_level_made_ready(levels: tuple[Any, Any]) -> None:
    mine, theirs = levels
    for name in ("reference", "spline", "slope_x", "slope_y", "weight"):
        assert getattr(theirs, name).numpy() == pytest.approx(getattr(mine, name), abs=2e-5), name
    assert theirs.tensor.numpy() == pytest.approx(mine.tensor, abs=2e-5)
    theirs.sum_tensors((7, 12, 7))
    for radius in (7, 12, 3):
        assert theirs.tensor_sums(radius).numpy() == pytest.approx(mine.tensor_sums(radius), rel=1e-4, abs=1e-4)
        assert theirs.weight_sums(radius).numpy() == pytest.approx(mine.counts(radius), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("whole", [True, False])
def test_pulls_and_steps(levels: tuple[Any, Any], flow: FlowArrays, on_tensors: ToTensors, whole: bool) -> None:
    mine, theirs = levels
    pull = lk_step.pulls(mine, flow, whole)
    assert step.pulls(theirs, on_tensors(flow), whole).numpy() == pytest.approx(pull, abs=2e-5)
    ridge, energy = ridge_of(mine, 10), energy_of(mine, 10)
    expected = lk_step.solve(mine, pull, 10, STRENGTH, flow, energy)
    found, left = step.solve(theirs, torch.tensor(pull), 10, torch.tensor(ridge), on_tensors(flow))
    assert left.numpy() == pytest.approx(energy, rel=1e-3, abs=1e-4)
    counts = mine.weight > 0  # elsewhere sums that run along columns have rounding errors only
    for array, tensor in zip(expected, found, strict=True):
        assert tensor.numpy()[counts] == pytest.approx(array[counts], abs=1e-3)


def test_the_search(texture: Callable[..., np.ndarray]) -> None:
    reference, secondary = (texture((64, 96), dx=dx, dy=dy, mean=0) for dx, dy in ((0, 0), (5, -3)))
    reference[:, :20] = 0
    for reach in (0, 7):
        expected = lk_search.search(reference, secondary, reach)
        found = search.search(torch.tensor(reference), torch.tensor(secondary), reach)
        for arrays, flow in zip(expected, found, strict=True):
            for array, tensor in zip(arrays, flow, strict=True):
                assert (tensor.numpy() != array).mean() < 2e-3
    assert [np.median(part[:, 40:]) for way in expected for part in way] == [5, -3, -5, 3]


def test_a_search_wider_than_the_image() -> None:
    reference = np.random.default_rng(0).standard_normal((8, 12)).astype(np.float32)
    expected = lk_search.search(reference, reference, 11)
    found = search.search(torch.tensor(reference), torch.tensor(reference), 11)
    for arrays, flow in zip(expected, found, strict=True):
        assert all((tensor.numpy() == array).all() for array, tensor in zip(arrays, flow, strict=True))


def test_means_that_confidence_weighs(levels: tuple[Any, Any], flow: FlowArrays, on_tensors: ToTensors) -> None:
    tensor, ridge = levels[0].tensor_sums(5), ridge_of(levels[0], 5)
    expected = lk_smooth.confident_mean(flow, levels[0], 5, STRENGTH, energy_of(levels[0], 5))
    found = smooth.confident_mean(on_tensors(flow), torch.tensor(tensor), torch.tensor(ridge), 10)
    for array, mine in zip(expected, found, strict=True):
        assert mine.numpy() == pytest.approx(array, abs=1e-4)


def test_means_over_windows_and_what_edges_are_given(
    levels: tuple[Any, Any], flow: FlowArrays, on_tensors: ToTensors
) -> None:
    weight = levels[0].weight
    number = np.random.default_rng(3).integers(1, 3, weight.shape).astype(np.uint8)
    number[:50], number[60:70] = 2, 0
    for radii, share in ((RADII, 0.1), (RADII, 0.0), ((4, 5, 6), 0.3)):
        expected = lk_smooth.window_mean(flow, weight, number, radii, share)
        found = smooth.window_mean(on_tensors(flow), levels[1], torch.tensor(number), radii, share)
        for array, mine in zip(expected, found, strict=True):
            assert mine.numpy() == pytest.approx(array, abs=1e-4)
    expected = lk_smooth.window_mean(flow, weight, number, RADII, 0.3)
    found = smooth.window_mean(on_tensors(flow), levels[1], torch.tensor(number), RADII, 0.3)
    expected += lk_smooth.settle((flow[0].copy(), flow[1].copy()), weight)
    found += smooth.settle(on_tensors(flow), torch.tensor(weight))
    for array, mine in zip(expected, found, strict=True):
        assert mine.numpy() == pytest.approx(array, abs=1e-4)
    assert (expected[2] != flow[0]).any()
    same = on_tensors(flow)
    assert smooth.settle(same, torch.ones(weight.shape)) is same


def test_maps_of_noise(levels: tuple[Any, Any], flow: FlowArrays) -> None:
    pull, _ = noise_of(levels[0], flow)
    energy, count = np.abs(pull[2]), levels[0].weight.copy()
    count[:40, :60] = 0
    expected = lk_smooth.noise_map(energy, count, 8)
    assert smooth.noise_map(torch.tensor(energy), torch.tensor(count), 8).numpy() == pytest.approx(expected, rel=1e-4)


def test_choosing_windows(levels: tuple[Any, Any], flow: FlowArrays, on_tensors: ToTensors) -> None:
    pull, noise = noise_of(levels[0], flow)
    expected, numbers = lk_select.select(levels[0], pull, flow, RADII, noise, 12.0)
    over = sums.sums_of_windows(torch.tensor(pull[:2]), RADII)
    found, mine = select.select(levels[1], over, on_tensors(flow), RADII, torch.tensor(noise), 12.0)
    same = mine.numpy() == numbers
    assert same.mean() > 0.999
    assert len(np.unique(numbers)) == 3
    for array, tensor in zip(expected, found, strict=True):
        assert tensor.numpy()[same] == pytest.approx(array[same], abs=1e-3)


@pytest.mark.parametrize("batch", [1, 1 << 23])
def test_displacements_of_others(
    levels: tuple[Any, Any], flow: FlowArrays, on_tensors: ToTensors, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(propagate, "BATCH", batch)
    _, noise = noise_of(levels[0], flow)
    expected = lk_propagate.propagate(levels[0], flow, noise, (6, 3), 4, 0.88)
    found = propagate.propagate(levels[1], on_tensors(flow), torch.tensor(noise), (6, 3), 4, 0.88)
    counts = levels[0].weight > 0
    for array, before, tensor in zip(expected, flow, found, strict=True):
        assert (np.abs(tensor.numpy() - array)[counts] > 1e-5).mean() < 1e-3
        assert (array != before).mean() > 0.01


def test_displacements_are_tried_where_the_flow_breaks(levels: tuple[Any, Any], on_tensors: ToTensors) -> None:
    noise, (rows, cols) = np.ones_like(levels[0].weight), np.indices(levels[0].weight.shape, np.float32)
    steep = 0.5 * cols - 20, 0.25 * (64 - rows)
    bent = np.where(cols < 80, steep[0], 20), steep[1]
    counts = levels[0].weight > 0
    for flow, changes in ((steep, False), (bent, True)):
        expected = lk_propagate.propagate(levels[0], flow, noise, (300, 3), 4, 0.88)
        found = propagate.propagate(levels[1], on_tensors(flow), torch.tensor(noise), (300, 3), 4, 0.88)
        for array, tensor in zip(expected, found, strict=True):
            assert (np.abs(tensor.numpy() - array)[counts] > 1e-5).mean() < 1e-3
        moved = (found[0].numpy() != flow[0]) | (found[1].numpy() != flow[1])
        assert moved.any() == changes
        assert not moved[:, 96:].any()
