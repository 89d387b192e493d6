"""geoflownet: known weights, no motion where there is none, mirrors, long shifts, variants and clear errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from sensetrack.errors import InputError, MissingExtraError, ParameterError
from sensetrack.nets.weight_files import Weights, save_weights, shipped
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.stream import track
from sensetrack.trackers.geoflownet import SHIPPED, GeoFlowNet

Texture = Callable[..., np.ndarray]

SHAPE = (128, 256)


@pytest.fixture
def torch() -> object:
    return pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')


@pytest.mark.parametrize("variant", ["A", "B"])
def test_shipped_weights_are_small_and_known(torch: object, variant: str) -> None:
    from sensetrack.nets.weight_files import load_weights

    path = shipped(SHIPPED[variant])
    record = json.loads(path.with_suffix(".json").read_text())
    assert path.stat().st_size == record["bytes"] < 20e6
    assert {"command", "seed", "device", "hours", "validation_epe_px", "licence", "sha256"} <= set(record)
    assert load_weights(path, "geoflownet").shape == {"variant": variant, "width": 0.25}


@pytest.mark.parametrize(("variant", "polish"), [("A", False), ("A", True), ("B", False)])
def test_no_motion_is_zero(torch: object, texture: Texture, variant: Literal["A", "B"], polish: bool) -> None:
    image = texture(SHAPE)
    field = GeoFlowNet(variant=variant, polish=polish).track(image, image)
    assert np.median(np.hypot(field.dx, field.dy)[field.measured]) < 0.01
    assert field.measured.mean() > 0.9


def test_mirrored_images_give_mirrored_motion(torch: object, texture: Texture) -> None:
    """By construction with flips, wherever tiles lie alike; without, the net has learned it nearly."""
    pair = texture(SHAPE), texture(SHAPE, dx=1.3, dy=-0.6)
    for ensemble, most in (("flips", 1e-3), ("none", 0.5)):
        tracker = GeoFlowNet(ensemble=ensemble, polish=False, forward_backward=0)
        plain = tracker.track(*pair)
        for axis, signs in ((1, (-1, 1)), (0, (1, -1))):
            mirrored = tracker.track(*(np.flip(image, axis) for image in pair))
            assert np.nanmedian(np.abs(plain.dx - signs[0] * np.flip(mirrored.dx, axis))) < most
            assert np.nanmedian(np.abs(plain.dy - signs[1] * np.flip(mirrored.dy, axis))) < most


@pytest.mark.parametrize("variant", ["A", "B"])
def test_the_net_itself_has_learned_to_follow(torch: object, texture: Texture, variant: Literal["A", "B"]) -> None:
    """Without any shift taken out and without least squares."""
    pair = texture(SHAPE), texture(SHAPE, dx=3.0, dy=-2.0)
    field = GeoFlowNet(variant=variant, search=0, polish=False, forward_backward=0).track(*pair)
    inner = (slice(24, -24), slice(24, -24))
    assert np.median(np.hypot(field.dx - 3, field.dy + 2)[inner]) < 1.0


def test_long_shifts_are_found(torch: object, texture: Texture) -> None:
    pair = texture(SHAPE), texture(SHAPE, dx=-45.3, dy=20.6)
    field = GeoFlowNet().track(*pair)
    inner = (slice(30, -50), slice(60, -30))
    assert np.nanmedian(field.dx[inner]) == pytest.approx(-45.3, abs=0.03)
    assert np.nanmedian(field.dy[inner]) == pytest.approx(20.6, abs=0.03)
    assert field.measured[inner].mean() > 0.9


def test_other_weights_bring_their_own_variant(torch: object, texture: Texture, tmp_path: Path) -> None:
    from sensetrack.nets.geoflow import GeoFlowNet as Net

    net = Net("B", 0.05)
    save_weights(tmp_path / "b.pt", "geoflownet", Weights({"variant": "B", "width": 0.05}, net.state_dict()), {})
    pair = texture((64, 64)), texture((64, 64), dx=0.8)
    field = GeoFlowNet(weights=str(tmp_path / "b.pt"), tile=64, stride=64).track(*pair)
    assert np.nanmedian(field.dx) == pytest.approx(0.8, abs=0.05)


def test_weights_that_do_not_fit(torch: object, texture: Texture, tmp_path: Path) -> None:
    from sensetrack.nets.geoflow import GeoFlowNet as Net

    image = texture((64, 64))
    with pytest.raises(InputError, match=r"nowhere\.pt: cannot read the weights"):
        GeoFlowNet(weights="nowhere.pt").track(image, image)
    with pytest.raises(InputError, match="weights of 'deep-lk' do not fit 'geoflownet'; choose weights of"):
        GeoFlowNet(weights=str(shipped("deep_lk.pt"))).track(image, image)
    state = Net("B", 0.05).state_dict()
    save_weights(tmp_path / "a.pt", "geoflownet", Weights({"variant": "A", "width": 0.05}, state), {})
    with pytest.raises(InputError, match=r"a\.pt: its weights do not fit the net that it describes"):
        GeoFlowNet(weights=str(tmp_path / "a.pt")).track(image, image)


def test_gaps_between_tiles_are_refused() -> None:
    with pytest.raises(ParameterError, match="stride = 256 leaves gaps between tiles of 128; use up to 128"):
        GeoFlowNet(tile=128, stride=256)


def test_blocks_give_what_the_whole_gives(torch: object, texture: Texture) -> None:
    """The net's own field, tile by tile, is the same in blocks of any size."""
    pair = ImagePair(*(Image.from_array(texture((192, 256), dx=dx)) for dx in (0.0, 1.2)))
    tracker = GeoFlowNet(tile=64, stride=32, search=16, polish=False, forward_backward=0)
    whole, parts = (track(pair, tracker, block=block).field for block in (512, 96))
    both = whole.measured & parts.measured
    assert both.mean() > 0.5
    np.testing.assert_allclose(parts.dx[both], whole.dx[both], atol=1e-3)


def test_without_pytorch(monkeypatch: pytest.MonkeyPatch, texture: Texture) -> None:
    monkeypatch.setattr("sensetrack.nets.extra.has_torch", lambda: False)
    image = texture((64, 64))
    with pytest.raises(MissingExtraError, match=r'the tracker geoflownet needs the extra "deep"'):
        GeoFlowNet().track(image, image)
