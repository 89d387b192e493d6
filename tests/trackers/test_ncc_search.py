"""Chip matching: masks, sparse first pass, priors, blocks and engines, settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensetrack.device import core_share
from sensetrack.displacement import Flag
from sensetrack.engine import Serial, Threads
from sensetrack.errors import InputError, ParameterError
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.stream import track
from sensetrack.trackers import Prior
from sensetrack.trackers.ncc import Ncc

Texture = Callable[..., np.ndarray]

ALONE: dict[str, Any] = {"coherence": 0.0, "false_alarm": 1.0}
"""Every match counts."""


# Masks


def test_masked_pixels_have_no_say(texture: Texture) -> None:
    """Whatever stands in invalid pixels, the result is the same to the bit."""
    first, second = texture((200, 200)), texture((200, 200), dx=0.8)
    valid = np.random.default_rng(3).random((200, 200)) > 0.15
    valid[90:130, 60:90] = False
    fields = []
    for junk in (0.0, 1e6, np.nan):
        pair = (np.where(valid, image, junk) for image in (first, second))
        fields.append(Ncc(search=5).track(*pair, valid, valid))
    for other in fields[1:]:
        for name, layer in fields[0].layers().items():
            np.testing.assert_array_equal(layer, other.layers()[name], err_msg=name)
    assert np.nanmedian(fields[0].dx) == pytest.approx(0.8, abs=0.02)
    assert fields[0].measured.mean() > 0.85


def test_a_still_mask_edge_does_not_pull_the_peak_to_zero(texture: Texture) -> None:
    """Swath edges and cloud masks stand still while the ground moves."""
    valid = np.ones((256, 256), np.bool_)
    valid[:, :100] = False
    valid[40:80] = False
    pair = [texture((256, 256), dx=dx, dy=1.0 * (dx > 0)) for dx in (0.0, 3.0)]
    field = Ncc(search=8).track(*pair, valid, valid)
    good = field.measured
    assert good.mean() > 0.4
    assert np.abs(field.dx - 3.0)[good].max() < 0.15


def test_least_valid_share_is_honoured(texture: Texture) -> None:
    valid = np.ones((128, 128), np.bool_)
    valid[:, :66] = False
    image = texture((128, 128))
    strict, loose = (Ncc(search=5, min_valid=share).track(image, image, valid, valid) for share in (0.9, 0.3))
    assert (strict.flags[2:-2, 8] == Flag.NODATA).all()
    assert loose.measured[2:-2, 8].all()


def test_a_hole_is_not_measured_by_a_larger_chip_around_it(texture: Texture) -> None:
    valid = np.ones((200, 200), np.bool_)
    valid[92:108, 92:108] = False
    image = texture((200, 200))
    field = Ncc(search=5).track(image, image, valid, valid)
    assert field.flags[12, 12] == Flag.NODATA


# Sparse pass, priors, blocks


@pytest.mark.parametrize("sparse", [2, 4, 8])
def test_a_sparse_first_pass_changes_nothing_but_time(texture: Texture, sparse: int) -> None:
    shape = (360, 400)
    columns = np.arange(400) / 400
    bend = np.broadcast_to(9 + 3 * np.sin(2 * np.pi * columns), shape)
    first, second = texture(shape, waves=100), texture(shape, waves=100, dx=bend, dy=-6.4)
    dense, quick = (Ncc(search=20, sparse=every).track(first, second) for every in (1, sparse))
    both = dense.measured & quick.measured
    assert both.sum() > 0.97 * dense.measured.sum()
    same = dense.extra["chip"] == quick.extra["chip"]
    assert same[both].mean() > 0.97
    np.testing.assert_allclose(dense.dx[both & same], quick.dx[both & same], atol=1e-4)
    np.testing.assert_allclose(dense.dy[both & same], quick.dy[both & same], atol=1e-4)


@pytest.mark.parametrize("settings", [{"sparse": 4}, {"sparse": 2, "step": 12}, {"step": 5}, {"forward_backward": 0.5}])
def test_blocks_do_not_show(texture: Texture, settings: dict[str, Any]) -> None:
    size = (330, 350)
    rng = np.random.default_rng(0)
    pair = ImagePair(*(Image.from_array(texture(size, dx=dx, dy=-1.4) + rng.normal(0, 6, size)) for dx in (0.0, 7.2)))
    tracker = Ncc(search=12, **settings)
    whole = track(pair, tracker, block=4096).field
    serial, threads = (track(pair, tracker, engine=engine, block=96).field for engine in (Serial(), Threads(2)))
    for name, layer in serial.layers().items():
        np.testing.assert_array_equal(layer, threads.layers()[name], err_msg=name)
    np.testing.assert_array_equal(whole.flags, serial.flags)
    np.testing.assert_allclose(whole.dx, serial.dx, atol=1e-4)


def test_the_number_of_threads_does_not_show(texture: Texture) -> None:
    pair = texture((300, 300)), texture((300, 300), dx=1.7)
    fields = []
    for cores in (1, 3):
        with core_share(cores):
            fields.append(Ncc(search=6).track(*pair))
    for name, layer in fields[0].layers().items():
        np.testing.assert_array_equal(layer, fields[1].layers()[name], err_msg=name)


def test_search_around_a_prior_widens_with_its_sigma(texture: Texture) -> None:
    shape = (240, 240)
    first, second = texture(shape), texture(shape, dx=30.0)
    known = np.full((30, 30), 22.0, np.float32)
    none = np.zeros_like(known)
    tracker = Ncc(search=4, prior_search=4, prior_growth=0.0, prior_sigma=2.0)
    sure, unsure = (tracker.track(first, second, prior=Prior(known, none, none + sigma, 0)) for sigma in (0.0, 4.0))
    assert sure.measured.mean() < 0.02
    assert unsure.measured[3:-3, 3:22].mean() > 0.95
    assert np.abs(unsure.dx - 30)[unsure.measured].max() < 0.05


def test_a_prior_of_another_shape_is_refused(texture: Texture) -> None:
    image, wrong = texture((240, 240)), np.zeros((20, 30), np.float32)
    with pytest.raises(InputError, match=r"does not fit an output of \(30, 30\) points"):
        Ncc().track(image, image, prior=Prior(wrong, wrong, wrong, 0))


# Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chip_min": 16, "chip_max": 48}, "chip_max = 48 is not reached by doubling chip_min = 16; use one of 16, 32"),
        ({"chip_min": 32, "chip_max": 16}, "chip_max = 16 is not reached"),
        ({"chip_min": 15}, "chip_min = 15"),
        ({"sparse": 3}, "sparse = 3 is not a power of two"),
        ({"sparse": 8, "step": 128}, "sparse = 8 with step = 128 puts 1024 pixels .* use sparse = 4 or less"),
        ({"sparse": 4, "search": 8}, "saves nothing with search = 8"),
        ({"coherence": 0, "coherence_tolerance": 2.0}, "coherence_tolerance = 2 means nothing with coherence = 0"),
        ({"search": 2}, "search = 2"),
        ({"subpixel": "fourier"}, "subpixel = 'fourier'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Ncc(**settings)


@pytest.mark.parametrize(("step", "size"), [(8, 16), (7, 16), (16, 8), (9, 20)])
def test_centres_are_where_the_grid_says(texture: Texture, step: int, size: int) -> None:
    columns = np.arange(260, dtype=np.float64)
    moved = np.broadcast_to(columns * 0.01 / 1.01, (260, 260))
    tracker = Ncc(chip_min=size, chip_max=size, step=step, search=6, **ALONE)
    field = tracker.track(texture((260, 260), waves=60), texture((260, 260), dx=moved, waves=60))
    centres = np.arange(field.shape[1]) * step + step / 2 + tracker.centre_offset - 0.5
    inside = (slice(6, -6), slice(6, -6))
    errors = (field.dx - 0.01 * centres)[inside]
    assert np.median(errors) == pytest.approx(0, abs=0.003)
