"""Calibration of a pair: wrong errors are put right, by either method, and what cannot be told is refused."""

from __future__ import annotations

import numpy as np
import pytest

from sensetrack.calibrate import calibrate_errors
from sensetrack.calibrate._places import choose_blocks
from sensetrack.calibrate._shifts import ShiftTask
from sensetrack.engine import Serial, Threads
from sensetrack.errors import InputError, ParameterError, UnusableImageError
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.raster.mask import AreaMask
from sensetrack.stream import TrackTask, track
from sensetrack.trackers.adaptive_lk import AdaptiveLk

HOLD = 0.6826894921370859


def test_errors_of_a_third_are_put_right_by_shifts(noisy_pair, boastful, spread):
    pair = noisy_pair(400)
    field = track(pair, boastful).field
    scale = calibrate_errors(pair, boastful, engine=Threads(2))
    assert min(spread(field)) > 2
    np.testing.assert_allclose(spread(scale.apply(field)), 1, atol=0.1)
    assert scale.before.within_68 < 0.45
    assert scale.after.within_68 == pytest.approx(HOLD, abs=0.05)
    assert scale.after.within_95 == pytest.approx(0.95, abs=0.04)
    assert scale.independent > 500
    assert (scale.method, scale.reference) == ("shifts", pair.reference.name)


@pytest.mark.parametrize("given", ["mask", "auto"])
def test_errors_of_a_third_are_put_right_by_stable_ground(noisy_pair, boastful, spread, given):
    pair = noisy_pair(768)
    inside = np.zeros(pair.grid.shape, np.bool_)
    inside[:, :600] = True
    mask = AreaMask.from_array(inside, pair.grid) if given == "mask" else None
    scale = calibrate_errors(pair, boastful, "stable", stable=mask)
    np.testing.assert_allclose(spread(scale.apply(track(pair, boastful).field)), 1, atol=0.1)
    assert scale.method == "stable"
    whole = calibrate_errors(pair, boastful, "stable").points
    assert scale.points < 0.85 * whole if given == "mask" else scale.points == whole


def test_the_flagship_holds_after_calibration(noisy_pair, spread):
    tracker = AdaptiveLk()
    scale = calibrate_errors(noisy_pair(256, noise=10.0), tracker)
    fields = [track(noisy_pair(256, noise=10.0, seed=seed), tracker).field for seed in range(6)]
    assert np.mean([spread(scale.apply(field), 2) for field in fields]) == pytest.approx(1, abs=0.15)
    assert scale.after.within_68 == pytest.approx(HOLD, abs=0.08)


def test_motion_beside_stable_ground_does_not_count(texture, boastful):
    side, rng = 400, np.random.default_rng(0)
    there = np.where(np.arange(side)[None, :] < 240, 0.0, 3.0) + np.zeros((side, 1))
    images = [texture((side, side)), texture((side, side), dx=there)]
    pair = ImagePair(*(Image.from_array(each + rng.normal(0, 6, each.shape)) for each in images))
    inside = np.broadcast_to(np.arange(side) < 220, (side, side))
    scale = calibrate_errors(pair, boastful, "stable", stable=AreaMask.from_array(inside.copy(), pair.grid))
    assert 2 < scale.typical_dx < 4


def test_no_stable_ground_is_refused(noisy_pair, boastful):
    pair = noisy_pair(384)
    nowhere = AreaMask.from_array(np.zeros(pair.grid.shape, np.bool_), pair.grid)
    with pytest.raises(UnusableImageError, match="no valid pixel in common inside"):
        calibrate_errors(pair, boastful, "stable", stable=nowhere)
    little = np.zeros(pair.grid.shape, np.bool_)
    little[100:150, 100:150] = True
    with pytest.raises(InputError, match=r"\d+ displacements were measured on the stable ground, at least 30"):
        calibrate_errors(pair, boastful, "stable", stable=AreaMask.from_array(little, pair.grid))
    some = np.zeros(pair.grid.shape, np.bool_)
    some[100:220, 100:220] = True
    with pytest.raises(InputError, match="independent errors are known, 100 are needed"):
        calibrate_errors(pair, boastful, "stable", stable=AreaMask.from_array(some, pair.grid))


def test_identical_images_are_refused(texture, honest):
    image = Image.from_array(texture((384, 384)))
    with pytest.raises(InputError, match="calibrate: "):
        calibrate_errors(ImagePair(image, image), honest, "stable")


def test_a_tiny_image_is_refused(noisy_pair, honest):
    with pytest.raises(InputError, match="independent errors are known"):
        calibrate_errors(noisy_pair(64), honest)


@pytest.mark.parametrize(("method", "shown"), [("shifts", "0 independent"), ("stable", "0 displacements")])
def test_everything_flagged_is_refused(noisy_pair, silent, method, shown):
    with pytest.raises(InputError, match=f"calibrate: {shown}"):
        calibrate_errors(noisy_pair(256), silent, method)


def test_no_valid_pixel_is_refused(texture, honest):
    empty = Image.from_array(texture((256, 256)), valid=np.zeros((256, 256), np.bool_))
    with pytest.raises(UnusableImageError, match="no valid pixel in common"):
        calibrate_errors(ImagePair(empty, empty), honest)


def test_settings_that_do_not_go_together(noisy_pair, honest):
    pair = noisy_pair(128)
    mask = AreaMask.from_array(np.ones(pair.grid.shape, np.bool_), pair.grid)
    with pytest.raises(ParameterError, match="uses no stable ground"):
        calibrate_errors(pair, honest, stable=mask)
    with pytest.raises(ParameterError, match="use shifts or stable"):
        calibrate_errors(pair, honest, "guess")


def test_engines_give_the_same_errors(image_pair, honest, dask_engine):
    task = TrackTask(image_pair, honest.with_changes(step=8))
    items = list(enumerate(choose_blocks(task, 4)))
    assert len(items) == 4
    found = [list(engine.map(ShiftTask(task, 1), items[:2])) for engine in (Serial(), Threads(2), dask_engine)]
    for other in found[1:]:
        for runs, same in zip(found[0], other, strict=True):
            for one, two in zip(runs, same, strict=True):
                np.testing.assert_array_equal(one.error, two.error)
                np.testing.assert_array_equal(one.sigma, two.sigma)
                assert one.independent == two.independent


def test_seeds_repeat_and_differ(noisy_pair, honest):
    task = TrackTask(noisy_pair(208), honest)
    item = (0, choose_blocks(task, 1)[0])
    first, again, other = (ShiftTask(task, 1, seed)(item)[0] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.error, again.error)
    assert first.error.shape != other.error.shape or (first.error != other.error).all()


def test_blocks_lie_where_there_is_something_to_see(noisy_pair, honest):
    pair = noisy_pair(1600)
    valid = np.zeros(pair.grid.shape, np.bool_)
    valid[:, 700:1500] = True
    image = Image.from_array(pair.reference.read()[0], valid=valid)
    blocks = choose_blocks(TrackTask(ImagePair(image, pair.secondary), honest), 4)
    assert len(blocks) == 4
    assert all(valid[block.scale(16).slices].mean() > 0.5 for block in blocks)
    rows = [block.row for block in blocks]
    assert max(rows) - min(rows) > 60
