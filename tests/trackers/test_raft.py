"""raft: weights that are known, no motion without motion, flow that is the same in every block, and clear errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensetrack.errors import InputError, MissingExtraError
from sensetrack.nets.weight_files import shipped
from sensetrack.trackers.raft import BEYOND, SHIPPED, Raft

Texture = Callable[..., np.ndarray]

SHAPE = (96, 112)


@pytest.fixture
def torch() -> object:
    return pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')


def test_shipped_weights_are_small_and_known(torch: object) -> None:
    from sensetrack.nets.weight_files import load_weights

    path = shipped(SHIPPED)
    record = json.loads(path.with_suffix(".json").read_text())
    assert path.stat().st_size == record["bytes"] < 4e6
    assert {"command", "seed", "device", "hours", "steps", "held_out", "licence", "sha256"} <= set(record)
    assert record["held_out"]["rmse_px"] < record["held_out"]["still_px"]
    load_weights(path, "raft")


@pytest.mark.parametrize("finish", [0, 1])
def test_equal_images_give_no_motion(torch: object, texture: Texture, finish: int) -> None:
    image = texture(SHAPE)
    field = Raft(finish=finish, iterations=3).track(image, image)
    assert field.measured.mean() > 0.9
    assert np.abs(field.dx[field.measured]).max() < 1e-3
    assert np.abs(field.dy[field.measured]).max() < 1e-3


@pytest.mark.parametrize(("finish", "bound"), [(2, 0.02), (0, 0.5)])
def test_mirrored_images_give_mirrored_motion(torch: object, texture: Texture, finish: int, bound: float) -> None:
    pair = texture(SHAPE), texture(SHAPE, dx=1.3, dy=-0.6)
    tracker = Raft(finish=finish)
    plain = tracker.track(*pair)
    mirrored = tracker.track(*(image[:, ::-1] for image in pair))
    inside = (slice(24, -24), slice(24, -24))
    assert np.median(np.abs(plain.dx + mirrored.dx[:, ::-1])[inside]) < bound
    assert np.median(np.abs(plain.dy - mirrored.dy[:, ::-1])[inside]) < bound


def test_there_and_back_are_one_question(torch: object, texture: Texture) -> None:
    """The flow of exchanged images is the flow back, and nearly the negative of that there."""
    from sensetrack.nets.raft_flow import find_flows

    images = tuple((texture(SHAPE, dx=dx) - 100) / 20 for dx in (0.0, 2.0))
    weights = np.ones(SHAPE, np.float32), np.ones(SHAPE, np.float32)
    zone = slice(0, SHAPE[0]), slice(0, SHAPE[1])
    there, back = find_flows(images, weights, zone, shipped(SHIPPED), "cpu", iterations=2)
    again = find_flows(images[::-1], weights, zone, shipped(SHIPPED), "cpu", iterations=2)
    for one, other in zip((*there, *back), (*again[1], *again[0]), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    assert np.abs(there[0] + back[0]).mean() < np.abs(there[0] - back[0]).mean()


def test_tiles_share_every_pixel() -> None:
    pytest.importorskip("torch")
    from sensetrack.nets.raft_flow import Tiling

    tiling = Tiling()
    total = np.zeros(1000)
    for first in tiling.firsts(300, 700, origin=37):
        assert first > 300 - tiling.beyond
        assert first + tiling.tile < 700 + tiling.beyond
        total[first : first + tiling.tile] += tiling.share()
    np.testing.assert_allclose(total[300:700], 1, atol=1e-6)
    assert tiling.beyond == BEYOND


def test_a_part_of_the_image_finds_the_same_flow(torch: object, texture: Texture) -> None:
    from sensetrack.nets.raft_flow import Tiling, find_flows

    tiling, shape = Tiling(64, 32, 8), (144, 160)
    images = [(texture(shape, dx=dx) - 100) / 20 for dx in (0.0, 1.0)]
    weights = [np.ones(shape, np.float32)] * 2
    whole = slice(0, shape[0]), slice(0, shape[1])
    options = {"iterations": 1, "tiling": tiling}
    there, _ = find_flows(tuple(images), tuple(weights), whole, shipped(SHIPPED), "cpu", **options)
    part = slice(8, 144), slice(20, 160)
    cut = (tuple(layer[part] for layer in layers) for layers in (images, weights))
    zone = slice(60, 80), slice(60, 80)
    found, _ = find_flows(*cut, zone, shipped(SHIPPED), "cpu", origin=(8, 20), **options)
    for one, other in zip(there, found, strict=True):
        np.testing.assert_allclose(one[part][zone], other[zone], atol=1e-4)


def test_weights_that_do_not_fit(torch: object, texture: Texture, tmp_path: Path) -> None:
    image = texture(SHAPE)
    with pytest.raises(InputError, match=r"nowhere\.pt: cannot read the weights"):
        Raft(weights="nowhere.pt").track(image, image)
    with pytest.raises(InputError, match="weights of 'deep-lk' do not fit 'raft'"):
        Raft(weights=str(shipped("deep_lk.pt"))).track(image, image)


def test_without_pytorch(monkeypatch: pytest.MonkeyPatch, texture: Texture) -> None:
    monkeypatch.setattr("sensetrack.nets.extra.has_torch", lambda: False)
    image = texture(SHAPE)
    with pytest.raises(MissingExtraError, match=r'the tracker raft needs the extra "deep"'):
        Raft().track(image, image)
