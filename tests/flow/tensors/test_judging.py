"""Twins of what comes before and after the flow: sources, comparison, change, errors, the field itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')

from sensetrack.flow import assess, changed, compare, lk_errors, sample  # noqa: E402
from sensetrack.flow.lk_prepare import Views  # noqa: E402
from sensetrack.flow.tensors import assess as assess_on  # noqa: E402
from sensetrack.flow.tensors import changed as changed_on  # noqa: E402
from sensetrack.flow.tensors import compare as compare_on  # noqa: E402
from sensetrack.flow.tensors import sample as sample_on  # noqa: E402
from sensetrack.flow.tensors import source as source_on  # noqa: E402
from sensetrack.flow.weights import fade  # noqa: E402
from sensetrack.trackers import _source as source  # noqa: E402

FlowArrays = tuple[np.ndarray, np.ndarray]
ToTensors = Callable[[Any], Any]
RADII = (5, 12, 28)
CALIBRATION = assess.Calibration(noise=0.6, roughness=0.02, floor=0.002, way_back=0.16, noise_still=0.4)


@pytest.fixture(scope="module")
def compared(pyramid: list[Views], flow: FlowArrays) -> tuple[np.ndarray, np.ndarray]:
    """Sums and misses of the finest level, on which a corner has changed."""
    view = pyramid[0]
    secondary = view.secondary.copy()
    secondary[90:, :60] = np.random.default_rng(0).standard_normal((38, 60))
    return compare.compare(view.reference, secondary, view[2], view[3], flow, (-flow[0], -flow[1] + 0.2))


def test_sources(texture: Callable[..., np.ndarray]) -> None:
    image = texture((150, 100))
    valid = np.random.default_rng(1).random(image.shape) > 0.05
    valid[40:60, 20:60] = False
    image[~valid] = 0
    for mask in (valid, np.ones_like(valid), np.zeros_like(valid)):
        expected = source.prepare(image * mask, mask, 64, 5)
        found = source_on.prepare(torch.tensor(image * mask), torch.tensor(mask), 64, 5)
        assert (found.known.numpy() == expected.known).all()
        assert found.weight.numpy() == pytest.approx(expected.weight, abs=1e-6)
        assert found.texture.numpy() == pytest.approx(expected.texture, rel=1e-4)
        if mask.any():
            level = expected.image[expected.valid].mean()
            scale = 2.0 ** -np.frexp(np.abs(expected.image[expected.valid] - level).max())[1]
            even = np.where(expected.valid, (expected.image - level) * scale, 0)
            assert found.image.numpy() == pytest.approx(even, abs=1e-6)


def test_sources_at_half_the_size(texture: Callable[..., np.ndarray]) -> None:
    image, valid = texture((31, 40)), np.random.default_rng(1).random((31, 40)) > 0.4
    image[~valid] = 0
    expected, known = source.halved(image, valid)
    found, mine = source_on.halved(torch.tensor(image), torch.tensor(valid), source.HALF)
    assert (mine.numpy() == known).all()
    assert found.numpy() == pytest.approx(np.where(known, expected, 0), abs=1e-3)
    assert 0.1 < known.mean() < 0.9


def test_weights_beside_holes_and_edges() -> None:
    for valid in (np.random.default_rng(2).random((40, 50)) > 0.01, np.ones((3, 9), np.bool_)):
        assert source_on.fade(torch.tensor(valid)).numpy() == pytest.approx(fade(valid), abs=1e-7)


@pytest.mark.parametrize("has_back", [True, False])
def test_comparison(pyramid: list[Views], flow: FlowArrays, on_tensors: ToTensors, has_back: bool) -> None:
    view, back = pyramid[0], (-flow[0], -flow[1] + 0.2) if has_back else None
    expected, misses = compare.compare(view.reference, view.secondary, view[2], view[3], flow, back)
    images = [torch.tensor(image) for image in view[:4]]
    there = None if back is None else on_tensors(back)
    found, missed = compare_on.compare(*images[:2], (images[2], images[3]), on_tensors(flow), there)
    assert missed.numpy() == pytest.approx(misses, abs=1e-4, nan_ok=True)
    for name, array, tensor in zip(compare.SUMS, expected, found, strict=True):
        assert tensor.numpy() == pytest.approx(array, abs=2e-4), name


def test_change(compared: tuple[np.ndarray, np.ndarray]) -> None:
    expected = changed.changed(compared[0])
    found = changed_on.changed(torch.tensor(compared[0]))
    assert (found[0].numpy() == expected[0]).all()
    assert expected[0].mean() > 0.01
    assert found[1].numpy() == pytest.approx(expected[1], abs=1e-9)
    kept = changed.spread(expected[0], (128, 190))
    assert (changed_on.spread(torch.tensor(expected[0]), (128, 190)).numpy() == kept).all()
    assert (changed_on.beside(torch.tensor(expected[0])).numpy() == changed.beside(expected[0])).all()


@pytest.mark.parametrize("border", [0, 4])
def test_change_as_the_secondary_shows_it(flow: FlowArrays, on_tensors: ToTensors, border: int) -> None:
    kept = np.ones((128 + 2 * border, 192 + 2 * border), np.float32)
    kept[:20, :30], kept[60:90, 80:120], kept[-9:] = 0, 0, 0
    expected = changed.moved(kept, flow, border)
    assert (changed_on.moved(torch.tensor(kept), on_tensors(flow), border).numpy() == expected).all()
    assert 0.1 < (expected == 0).mean() < 0.4
    assert (expected != kept).any()


def test_no_noise_is_known_where_nothing_is() -> None:
    sums = np.zeros((len(compare.SUMS), 20, 9))
    assert not changed_on.changed(torch.tensor(sums))[0].any()


def test_errors_and_fields(compared: tuple[np.ndarray, np.ndarray], flow: FlowArrays, on_tensors: ToTensors) -> None:
    sums, miss = compared
    number = np.random.default_rng(4).integers(0, 3, flow[0].shape).astype(np.uint8)
    change = changed.changed(sums)
    expected = lk_errors.judge(sums, change, number, RADII, CALIBRATION)
    found = assess_on.judge(torch.tensor(sums), on_tensors(change), torch.tensor(number), RADII, CALIBRATION)
    for field, tensor in zip(dataclasses.fields(expected), found, strict=True):
        assert tensor.numpy() == pytest.approx(getattr(expected, field.name), rel=1e-6, abs=1e-9), field.name
    textures = np.full((2, *sums.shape[1:]), 0.1)
    textures[0, :6, :7] = textures[1, 20:24, 20:24] = 0
    limits = sample.Limits(0.5, 1e-6, 0.6, 3.0, 0.05, 3.0)
    for step, pad, shape, scale in (
        (1, 0, (128, 192), 1), (3, 4, (40, 61), 1), (4, 8, (28, 44), 1), (1, 8, (224, 352), 2), (5, 0, (51, 76), 2),
    ):  # fmt: skip
        theirs = sample.sample(flow, miss, expected, tuple(textures), limits, step, pad, shape, scale).layers()
        on = on_tensors(flow), torch.tensor(miss), found, on_tensors(tuple(textures))
        mine = sample_on.sample(*on, limits, step, pad, shape, scale)
        assert mine["flags"].unique().numel() >= 5
        for name, array in theirs.items():
            assert mine[name].numpy() == pytest.approx(array, rel=1e-4, abs=1e-5, nan_ok=True), (name, step, scale)
