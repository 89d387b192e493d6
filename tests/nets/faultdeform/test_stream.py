"""Samples: their truth is true, they repeat, and no split sees what another one has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensetrack.errors import InputError, ParameterError
from sensetrack.nets.faultdeform.folder import draw_ground, scenes_of
from sensetrack.nets.faultdeform.ground import make_ground
from sensetrack.nets.faultdeform.motion import STEEPEST, smooth_motion
from sensetrack.nets.faultdeform.spline import coefficients, resample
from sensetrack.nets.faultdeform.stream import RANGES, SPLITS, Stream, StreamSettings
from sensetrack.trackers import registry

SMOOTH = StreamSettings(size=128, scenes=3, faults=2, smooth=1.0, radar=0.0)

Texture = Callable[..., np.ndarray]


def test_spline_is_better_than_a_hundredth_of_a_pixel(texture: Texture) -> None:
    shape = (96, 96)
    row, col = (axis.astype(np.float64) for axis in np.mgrid[: shape[0], : shape[1]])
    moved = resample(coefficients(texture(shape)), row - 0.37, col - 0.61)
    truth = texture(shape, dy=0.37, dx=0.61)
    inside = (slice(12, -12), slice(12, -12))
    slope = np.hypot(*np.gradient(truth))[inside]
    assert np.sqrt(np.mean((moved - truth)[inside] ** 2)) < 0.01 * np.sqrt(np.mean(slope**2))


def test_truth_is_what_a_tracker_finds() -> None:
    """The truth's sign, axes and place: the second image moved back by it is the first."""
    stream = Stream(SMOOTH)
    for number in (2, 6, 10, 14):
        sample = stream(number)
        rows, cols = sample.reference.shape
        row, col = (axis.astype(np.float64) for axis in np.mgrid[:rows, :cols])
        back = resample(coefficients(sample.secondary), row + sample.dy, col + sample.dx)
        still = sample.secondary
        keep = sample.inside
        moved, unmoved = (np.corrcoef(sample.reference[keep], image[keep])[0, 1] for image in (back, still))
        assert moved > 0.4
        assert moved > unmoved + 0.1


def test_truth_is_unbiased() -> None:
    """An independent tracker finds the truth without bias."""
    stream = Stream(SMOOTH.with_changes(size=192))
    tracker = registry.get("farneback")()
    misses = []
    for number in range(0, 16, 4):
        sample = stream(number)
        field = tracker.track(sample.reference, sample.secondary)
        misses += [np.nanmedian(field.dx - sample.dx), np.nanmedian(field.dy - sample.dy)]
    assert abs(np.median(misses)) < 0.03


def test_samples_follow_from_their_number() -> None:
    first, second = Stream(SMOOTH), Stream(SMOOTH)
    second(4)
    for name in ("reference", "secondary", "dx", "dy"):
        np.testing.assert_array_equal(getattr(first(7), name), getattr(second(7), name))
    other = Stream(SMOOTH.with_changes(seed=1))(7)
    assert np.abs(other.reference - first(7).reference).max() > 0.1


def test_splits_share_no_scene() -> None:
    images = [Stream(SMOOTH, split)(0).reference for split in SPLITS]
    assert abs(np.corrcoef(images[0].ravel(), images[1].ravel())[0, 1]) < 0.5
    assert abs(np.corrcoef(images[0].ravel(), images[2].ravel())[0, 1]) < 0.5


def test_ranges_take_turns() -> None:
    stream = Stream(SMOOTH)
    for number in range(8):
        sample = stream(number)
        low, high = RANGES[number % 4]
        assert low * 0.99 <= np.hypot(sample.dx, sample.dy).max() <= high * 1.6
        assert sample.interval == number % 4
        assert sample.fault == -1


def test_faults_break_and_fill_the_range() -> None:
    pytest.importorskip("cutde.halfspace")
    stream = Stream(SMOOTH.with_changes(smooth=0.0))
    broken = 0
    for number in range(12):
        sample = stream(number)
        low, high = RANGES[sample.interval]
        longest = np.hypot(sample.dx, sample.dy).max()
        assert low * 0.999 <= longest <= high * 1.001
        step = max(np.abs(np.diff(part, axis=axis)).max() for part in (sample.dx, sample.dy) for axis in (0, 1))
        broken += step > 0.2 * longest
        assert sample.fault in (0, 1)
    assert 2 <= broken <= 10


def test_smooth_motion_never_folds() -> None:
    for seed in range(40):
        dx, dy = smooth_motion(96, 40.0, np.random.default_rng(seed))
        steep = max(np.abs(part).max() for component in (dx, dy) for part in np.gradient(component))
        assert steep <= STEEPEST * 1.001
        assert np.hypot(dx, dy).max() > 1


@pytest.mark.parametrize("radar", [0.0, 1.0])
def test_ground_is_alike_on_both_dates_and_not_equal(radar: float) -> None:
    alike = []
    for seed in range(6):
        ground = make_ground(np.random.default_rng(seed), 256, radar)
        assert ground.is_radar == bool(radar)
        assert ground.first.shape == (256, 256)
        alike.append(np.corrcoef(ground.first.ravel(), ground.second.ravel())[0, 1])
    assert 0.5 < np.mean(alike) < 0.999


@pytest.fixture
def acquisitions(tmp_path: Path, texture: Texture, write_raster: Callable[..., Path]) -> Path:
    """Eight scenes with two dates each."""
    for scene in range(8):
        image = texture((300, 310), seed=scene)
        for date in ("2020", "2021"):
            noise = np.random.default_rng(int(date)).normal(0, 2, image.shape)
            write_raster((image + noise).astype(np.float32), f"scenes/{scene}/{date}.tif")
    return tmp_path / "scenes"


def test_real_acquisitions_become_samples(acquisitions: Path) -> None:
    settings = SMOOTH.with_changes(images=str(acquisitions))
    found = set()
    for split in SPLITS:
        stream = Stream(settings, split)
        assert stream.folder is not None
        found |= {scene[0].parent.name for scene in stream.folder}
        sample = stream(0)
        assert sample.reference.std() == pytest.approx(1, abs=0.5)
    assert len(found) == 8
    assert [len(Stream(settings, split).folder or ()) for split in SPLITS] == [6, 1, 1]


def test_bad_folders_are_refused(acquisitions: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        scenes_of(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no scene with two images"):
        scenes_of(tmp_path / "empty")
    scene = scenes_of(acquisitions)[0]
    with pytest.raises(InputError, match="correlation of 1 in"):
        draw_ground(scene, np.random.default_rng(0), 128, 1.0)
    with pytest.raises(InputError, match="leave none for validation"):
        Stream(SMOOTH.with_changes(images=str(acquisitions / "0")), "validation")
    with pytest.raises(ParameterError, match="size = 3"):
        StreamSettings(size=3)
