"""deep-lk: weights that are known, breaks that stay sharp, good pixels that stay as they are, and clear errors."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.displacement import Field, Flag
from sensetrack.errors import InputError, MissingExtraError
from sensetrack.nets.weight_files import shipped
from sensetrack.trackers.adaptive_lk import AdaptiveLk
from sensetrack.trackers.deep_lk import SHIPPED, DeepLk, _joined

Texture = Callable[..., np.ndarray]
MakeField = Callable[..., Field]

SHAPE = (144, 160)


@pytest.fixture
def torch() -> object:
    return pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')


def test_shipped_weights_are_small_and_known(torch: object) -> None:
    from sensetrack.nets.weight_files import load_weights

    path = shipped(SHIPPED)
    record = json.loads(path.with_suffix(".json").read_text())
    assert path.stat().st_size == record["bytes"] < 4e6
    assert {"command", "seed", "device", "hours", "validation_epe_px", "licence", "sha256"} <= set(record)
    load_weights(path, "deep-lk")


def test_a_break_stays_sharp(torch: object, texture: Texture) -> None:
    """Five pixels to either side of a fault of 3 px the error is a small part of it."""
    across = np.where(np.arange(SHAPE[1]) < 80, -1.5, 1.5) * np.ones(SHAPE)
    pair = texture(SHAPE, waves=80), texture(SHAPE, waves=80, dy=across)
    field = DeepLk(mode="alone").track(*pair)
    middle = slice(30, -30)
    assert np.nanmedian(np.abs(field.dy - across)[middle, 20:60]) < 0.1
    assert np.nanmedian(np.abs(field.dy - across)[middle, 73:76]) < 0.4
    assert np.nanmedian(np.abs(field.dy - across)[middle, 84:87]) < 0.4


def test_mirrored_images_give_mirrored_motion(torch: object, texture: Texture) -> None:
    pair = texture(SHAPE), texture(SHAPE, dx=1.3, dy=-0.6)
    tracker = DeepLk(mode="alone", forward_backward=0)
    plain = tracker.track(*pair)
    mirrored = tracker.track(*(image[:, ::-1] for image in pair))
    inside = (slice(24, -24), slice(24, -24))
    assert np.median(np.abs(plain.dx + mirrored.dx[:, ::-1])[inside]) < 0.05
    assert np.median(np.abs(plain.dy - mirrored.dy[:, ::-1])[inside]) < 0.05


def test_good_pixels_stay_as_they_are(torch: object, texture: Texture) -> None:
    pair = texture(SHAPE), texture(SHAPE, dx=2.4, dy=1.1)
    tracker = DeepLk()
    field = tracker.track(*pair)
    classical = AdaptiveLk(search=64).track(*pair)
    good = classical.measured & (np.maximum(classical.sigma_dx, classical.sigma_dy) <= tracker.gate)
    assert good.mean() > 0.5
    assert (field.dx == classical.dx)[good].mean() > 0.98


def test_fields_are_joined_by_what_they_know(make_field: MakeField) -> None:
    shape = (1, 7)
    one = np.ones(shape)
    sigma = np.array([[0.05, 0.5, 0.5, 0.5, 0.05, 0.05, 0.3]])
    flags = np.array([[0, 0, 0, 0, Flag.LOW_QUALITY, Flag.NODATA, 0]], np.uint8)
    quality = np.array([[0.3, 0.9, 0.7, 0.7, 0.1, 0.0, 0.3]])
    dx = np.where(flags > 0, np.nan, one)
    classical = make_field(dx, dx, sigma=sigma, quality=quality, flags=flags)
    other = np.array([[0.02, 0.2, 0.2, 0.6, 0.2, 0.2, 0.2]])
    learned = make_field(np.full(shape, 1.5), one, sigma=other, quality=0.8)
    joined = _joined(classical, learned, 0.1)
    # Within the gate; fits better; neither; states a smaller error; has failed; has nothing; neither.
    np.testing.assert_array_equal(joined.dx, np.float32([[1, 1, 1.5, 1, 1.5, np.nan, 1.5]]))
    assert joined.flags.tolist() == [[0, 0, 0, 0, 0, int(Flag.NODATA), 0]]
    nowhere = make_field(one * np.nan, one * np.nan)
    np.testing.assert_array_equal(_joined(classical, nowhere, 0.1).flags, classical.flags)


def test_weights_that_are_not_there(torch: object, texture: Texture, tmp_path: object) -> None:
    image = texture(SHAPE)
    with pytest.raises(InputError, match=r"nowhere\.pt: cannot read the weights"):
        DeepLk(weights="nowhere.pt").track(image, image)


def test_without_pytorch(monkeypatch: pytest.MonkeyPatch, texture: Texture) -> None:
    monkeypatch.setattr("sensetrack.nets.extra.has_torch", lambda: False)
    image = texture(SHAPE)
    with pytest.raises(MissingExtraError, match=r'the tracker deep-lk needs the extra "deep"'):
        DeepLk().track(image, image)
