"""Training: what it is fed is true, it learns, and the same seed gives the same bytes, also after an interruption."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sensetrack.errors import InputError  # noqa: E402
from sensetrack.nets import train_run  # noqa: E402
from sensetrack.nets.embedding import begin, embed, even_out, load  # noqa: E402
from sensetrack.nets.samples import FARTHEST, GROUND, SIDE, Maker  # noqa: E402
from sensetrack.nets.train_embedding import SEARCH, calibrate, cut, train  # noqa: E402
from sensetrack.nets.train_run import Plan, train_file  # noqa: E402


def test_the_same_seed_makes_the_same_pairs():
    one, other, third = (Maker(seed).make(3) for seed in (1, 1, 2))
    for first, second in zip(one, other, strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(one.first, third.first)
    assert one.first.shape == (3, SIDE, SIDE) and torch.isfinite(one.first).all()
    assert one.motion[:, :, 0].abs().max() <= FARTHEST


def test_tiles_are_cut_where_the_content_is():
    """With an image of its own coordinates as features, tiles show the truth."""
    maker = Maker(3)
    pairs = maker.make(6)
    row, col = torch.meshgrid(*(torch.arange(SIDE, dtype=torch.float32),) * 2, indexing="ij")
    features = torch.stack([row, col]).expand(12, 2, -1, -1)
    tiles = cut(pairs, features, 24, maker)
    middle = tiles.area[:, :, SEARCH : SEARCH + 24, SEARCH : SEARCH + 24]
    assert torch.equal(middle, tiles.tile)
    moved = (tiles.second - tiles.first)[:, :, 0, 0]
    assert torch.equal(moved, tiles.truth.round().clamp(-SEARCH, SEARCH))


def test_parts_of_images_are_shown_moved():
    rng = np.random.default_rng(0)
    image = torch.as_tensor(rng.normal(size=(GROUND, GROUND + 9)).astype(np.float32))
    pairs = Maker(0, images=[image], real_share=1.0).make(2)
    assert torch.isfinite(pairs.first).all()


def test_training_lowers_the_loss():
    weights = begin(0)
    reached = list(train(weights, Maker(1), 16, every=8))
    assert reached[-1].step == 16
    assert reached[1].loss < reached[0].loss


def test_the_shipped_weights_find_what_is_hard_and_know_when():
    weights = load(None).weights
    calibration, found = calibrate(weights, Maker(77), batches=8)
    assert found["found"] > 0.85
    assert found["likelihood"] < 1.2
    assert calibration.sharpness > 5
    features = embed(weights, even_out(torch.randn(1, 50, 50), torch.ones(1, 50, 50, dtype=torch.bool)))
    assert torch.isfinite(features).all()


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(train_run, "KEEP_EVERY", 2)
    monkeypatch.setattr(train_run, "CALIBRATED", 1)
    plan = Plan(4, seed=3, command="again")
    whole = train_file(tmp_path / "whole.npz", plan)

    def stop(reached):
        if reached.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_file(tmp_path / "parts.npz", plan, stop)
    assert not (tmp_path / "parts.npz").exists()
    steps = []
    parts = train_file(tmp_path / "parts.npz", plan, lambda reached: steps.append(reached.step))
    assert steps == [4]
    assert parts["sha256"] == whole["sha256"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts.json", "parts.npz", "whole.json", "whole.npz"]
    assert json.loads((tmp_path / "parts.json").read_text())["command"] == "again"


def test_images_that_cannot_be_learned_from_are_refused(tmp_path):
    with pytest.raises(InputError, match="9 x 9 pixels cannot be trained on"):
        train_file(tmp_path / "w.npz", Plan(1, images=[np.zeros((9, 9), np.float32)]))
    (tmp_path / "w.npz.state").write_bytes(b"broken")
    with pytest.raises(InputError, match="cannot read the state of a run"):
        train_file(tmp_path / "w.npz", Plan(1))
