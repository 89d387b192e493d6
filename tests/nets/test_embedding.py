"""The features of pixels, and the files of weights."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sensetrack.errors import InputError  # noqa: E402
from sensetrack.nets.embedding import (  # noqa: E402
    SHIPPED,
    Calibration,
    begin,
    embed,
    even_out,
    load,
    note_of,
    save,
)


def image_of(seed=0, size=70):
    return torch.as_tensor(np.random.default_rng(seed).normal(100, 10, (1, size, size)))


def everywhere(image):
    return torch.ones_like(image, dtype=torch.bool)


@pytest.mark.parametrize(("gain", "offset"), [(0.01, 0.0), (3.0, 500.0), (1e7, 1e9)])
def test_gain_and_offset_are_evened_out(gain, offset):
    image = image_of()
    torch.testing.assert_close(
        even_out(image * gain + offset, everywhere(image)), even_out(image, everywhere(image)), atol=1e-5, rtol=0
    )


def test_what_is_invalid_does_not_count():
    image = image_of()
    valid = everywhere(image)
    valid[:, 20:30, 25:] = False
    found, whole = even_out(torch.where(valid, image, 0.0), valid), even_out(image, everywhere(image))
    assert (found[~valid] == 0).all()
    far = (slice(None), slice(54, None), slice(None))
    torch.testing.assert_close(found[far], whole[far])
    near = (slice(None), slice(15, 19), slice(30, None))
    assert (found[near] - whole[near]).abs().max() < 2
    level = torch.where(valid, 0.0 * image + 5.0, 0.0)
    assert (even_out(level, valid) == 0).all(), "a hole is no edge"


def test_constant_images_have_no_contrast():
    image = torch.full((1, 40, 40), 37.0)
    assert (even_out(image, everywhere(image)) == 0).all()


def test_features_move_with_the_image():
    weights, even = begin(0), even_out(image_of(), everywhere(image_of()))
    there = embed(weights, even.roll((3, -2), (1, 2)))
    here = embed(weights, even).roll((3, -2), (2, 3))
    inner = (..., slice(14, -14), slice(14, -14))
    torch.testing.assert_close(there[inner], here[inner], atol=1e-5, rtol=1e-4)


def test_the_same_weights_give_the_same_bytes(tmp_path):
    calibration = Calibration(20.0, 0.5, 0.25, 1.1)
    digests = [save(tmp_path / f"{n}.npz", begin(4), calibration) for n in range(2)]
    assert digests[0] == digests[1] == hashlib.sha256((tmp_path / "0.npz").read_bytes()).hexdigest()
    model = load(tmp_path / "0.npz")
    assert model.calibration == calibration and model.digest == digests[0]
    for name, array in begin(4).items():
        torch.testing.assert_close(model.weights[name], array)


def test_files_that_are_no_weights_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.npz: cannot read weights \(No such file"):
        load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(InputError, match=r"text\.npz: cannot read weights"):
        load(tmp_path / "text.npz")
    np.savez(tmp_path / "other.npz", w0=np.zeros(3))
    with pytest.raises(InputError, match="these are no weights of the tracker cnn"):
        load(tmp_path / "other.npz")
    poisoned = begin(0)
    poisoned["w1"][0, 0, 0, 0] = torch.nan
    save(tmp_path / "nan.npz", poisoned, Calibration())
    with pytest.raises(InputError, match="these are no weights"):
        load(tmp_path / "nan.npz")


def test_the_note_beside_the_weights_tells_of_them():
    note = json.loads(note_of(SHIPPED).read_text())
    assert note["sha256"] == load(None).digest
    assert {"command", "seed", "device", "hours", "scores"} <= set(note)
    assert SHIPPED.stat().st_size < 1_000_000
