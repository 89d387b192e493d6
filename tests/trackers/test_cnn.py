"""The tracker cnn: its parameters, what it says without PyTorch, and what it finds where intensities do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sensetrack.displacement import Flag
from sensetrack.errors import InputError, MissingExtraError, ParameterError
from sensetrack.nets import extra
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.stream import track
from sensetrack.trackers.cnn import Cnn
from sensetrack.trackers.pcc import Pcc

SIZE = 160


def speckled(texture, shift, looks, seed):
    rng = np.random.default_rng(seed)
    ground = np.exp(0.5 * texture((SIZE, SIZE), dx=shift[1], dy=shift[0], std=1.0, mean=0.0, shortest=5, waves=200))
    return (ground * rng.gamma(looks, 1 / looks, ground.shape)) ** 0.5


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def test_without_pytorch_there_is_one_clear_error(texture, monkeypatch):
    monkeypatch.setattr(extra, "has_torch", lambda: False)
    tracker = Cnn()
    with pytest.raises(
        MissingExtraError, match=r'the tracker cnn needs the extra "deep": pip install "sensetrack\[deep\]"'
    ):
        tracker.track(texture((96, 96)), texture((96, 96)), device="cpu")


def test_parameters_of_one_mode_are_refused_in_the_other():
    with pytest.raises(ParameterError, match="epochs, checkpoints need mode = per-tile"):
        Cnn(epochs=3, checkpoints="kept")
    with pytest.raises(ParameterError, match="weights are for mode = shared"):
        Cnn(mode="per-tile", weights="w.npz")
    with pytest.raises(ParameterError, match="candidate_step = 4 must divide search = 10"):
        Cnn(mode="per-tile", candidate_step=4)
    with pytest.raises(ParameterError, match="augmentations"):
        Cnn(mode="per-tile", augmentations=("paint",))


def test_parity_moves_the_centres():
    assert Cnn(window=33, step=16).centre_offset == 0.5 or Cnn(window=33, step=16).centre_offset == -0.5
    assert Cnn(window=32, step=16).centre_offset == 0.0


def test_weights_that_are_not_there_are_named(texture, torch):
    with pytest.raises(InputError, match=r"nowhere\.npz: cannot read weights"):
        Cnn(weights="nowhere.npz").track(texture((96, 96)), texture((96, 96)), device="cpu")


def test_fresh_speckle_is_seen_through(texture, torch):
    pair = [speckled(texture, shift, 1, seed) for seed, shift in enumerate([(0, 0), (3.0, -2.0)])]
    settings = {"window": 32, "step": 16, "search": 8}
    right = {}
    for tracker in (Cnn(**settings), Pcc(**settings)):
        field = tracker.track(*pair)
        right[type(tracker)] = (np.hypot(field.dx + 2, field.dy - 3) < 1)[2:-2, 2:-2].mean()
    assert right[Cnn] > 0.9
    assert right[Cnn] >= right[Pcc]


def test_probability_is_quality_and_mean_is_that_of_the_candidates(texture, torch):
    field = Cnn(search=5).track(texture((128, 128)), texture((128, 128), dx=2))
    assert np.all(field.quality[field.measured] > 0.9)
    inner = slice(3, -3), slice(3, -3)
    assert np.max(field.extra["probability_mean"][inner]) <= 1 / 121 + 1e-6
    assert np.min(field.extra["probability_std"][inner]) > 0


def test_beyond_the_search_is_not_measured(texture, torch):
    pair = texture((160, 160)), texture((160, 160), dx=9.0)
    field = Cnn(window=48, search=4).track(*pair)
    assert field.measured.mean() < 0.1
    bounded = Cnn(window=48, search=9).track(*pair)
    inner = bounded.flags[3:-3, 3:-3]
    assert np.all(inner & Flag.SEARCH_EDGE)


def test_the_published_mode_over_blocks_keeps_tiles_by_their_place(tmp_path, torch):
    ground = gaussian_filter(np.random.default_rng(0).normal(100, 50, (70, 90)), 1.2)
    pair = ImagePair(Image.from_array(ground[10:42, 10:74]), Image.from_array(ground[9:41, 11:75]))
    settings = {"window": 32, "step": 32, "search": 1, "epochs": 2, "batch": 16}
    tracker = Cnn(mode="per-tile", checkpoints=str(tmp_path), min_valid=0.9, **settings)
    whole = track(pair, tracker, block=4096).field
    assert whole.shape == (1, 2)
    assert np.isin(whole.dx, [-1, 0, 1]).all()
    assert whole.quality.min() >= 1 / 9
    names = [f"tile_r000016_c{col:06d}.npz" for col in (16, 48)]
    before = {path.name: path.stat().st_mtime_ns for path in sorted(tmp_path.iterdir())}
    assert list(before) == names
    parts = track(pair, tracker, block=32).field
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before, "nothing was done again"
    np.testing.assert_array_equal(parts.quality, whole.quality)
