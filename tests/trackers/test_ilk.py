"""Iterative Lucas-Kanade: known displacements, errors, windows, squares, holes, and what the library would accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import skimage.registration

from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.stream import track
from sensetrack.trackers.ilk import Ilk, _pattern

Texture = Callable[..., np.ndarray]
Bump = Callable[..., np.ndarray]
Moved = Callable[..., tuple[np.ndarray, np.ndarray]]

SHAPE = (224, 240)
INSIDE = np.s_[40:-40, 40:-40]


def errors(field: Field, dx: Any, dy: Any) -> np.ndarray:
    """Lengths of the error inside, all of which must be measured."""
    assert field.measured[INSIDE].all()
    return np.hypot(field.dx - dx, field.dy - dy)[INSIDE]


def test_a_constant_shift_of_parts_of_a_pixel(texture: Texture) -> None:
    field = Ilk().track(texture(SHAPE), texture(SHAPE, dx=0.37, dy=-0.62))
    assert errors(field, 0.37, -0.62).max() < 0.03
    assert errors(field, 0.37, -0.62).mean() < 0.01


def test_a_bump_of_ten_pixels_and_its_second_pass(bump: Bump, moved: Moved) -> None:
    """The window flattens what is curved; a second pass gives most of it back."""
    shape = (288, 288)
    dx, dy = bump(shape, 10, 40), bump(shape, -6, 45)
    pair = moved(dx, dy)
    once, twice = (errors(Ilk(passes=passes, forward_backward=0).track(*pair), dx, dy) for passes in (1, 2))
    assert twice.mean() < 0.05
    assert twice.mean() < 0.4 * once.mean()


@pytest.mark.parametrize("noise", [2.0, 6.3])  # 20 dB and 10 dB
def test_stated_errors_hold(bump: Bump, moved: Moved, noise: float) -> None:
    shape = (288, 288)
    dx, dy = bump(shape, 3, 50), bump(shape, -2, 50)
    field = Ilk().track(*moved(dx, dy, noise))
    within = [
        (np.abs(value - truth) <= sigma)[INSIDE].mean()
        for value, truth, sigma in ((field.dx, dx, field.sigma_dx), (field.dy, dy, field.sigma_dy))
    ]
    assert 0.5 < np.mean(within) < 0.86


def test_fine_texture_without_anything_coarse_is_followed(texture: Texture) -> None:
    """What the coarse levels show is not in the images; alone, the library takes 9 px for 40."""
    shape = (352, 352)
    pair = [texture(shape, dx=dx, dy=dy) for dx, dy in ((0, 0), (9.0, -5.0))]
    field = Ilk(forward_backward=0).track(*pair)
    assert errors(field, 9, -5).max() < 0.1


def test_wide_windows_are_quiet_and_narrow_ones_sharp(moved: Moved) -> None:
    still = np.zeros(SHAPE)
    noisy = moved(still, still, 6.0)
    rms = [np.sqrt((Ilk(radius=radius).track(*noisy).dx[INSIDE] ** 2).mean()) for radius in (5, 15)]
    assert rms[1] < 0.5 * rms[0]
    step = np.where(np.arange(SHAPE[1]) < SHAPE[1] // 2, 0.0, 2.0) * np.ones(SHAPE)
    pair = moved(step, still)
    near = slice(SHAPE[1] // 2 - 20, SHAPE[1] // 2 + 20)
    miss = [np.abs(Ilk(radius=radius).track(*pair).dx - step)[40:-40, near].mean() for radius in (5, 15)]
    assert miss[0] < 0.6 * miss[1]


def test_blocks_and_the_whole_image_have_the_same_numbers(bump: Bump, moved: Moved) -> None:
    shape = (200, 520)
    dx, dy = bump(shape, 10, 40), bump(shape, -6, 45)
    pair = ImagePair(*(Image.from_array(image) for image in moved(dx, dy, 2.0)))
    tracker = Ilk(num_warp=2, forward_backward=0)
    whole, parts = (track(pair, tracker, block=size).field for size in (4096, 256))
    np.testing.assert_array_equal(whole.dx, parts.dx)
    np.testing.assert_array_equal(whole.dy, parts.dy)
    assert whole.measured.mean() > 0.9


def test_squares_meet_without_seams(bump: Bump, moved: Moved) -> None:
    """Cut 128 px off and every square lies elsewhere; what they find is the same."""
    shape = (384, 512)
    dx, dy = bump(shape, 10, 50), bump(shape, -6, 50)
    first, second = moved(dx, dy, 2.0)
    tracker = Ilk(forward_backward=0)
    whole, part = tracker.track(first, second), tracker.track(first[128:, 128:], second[128:, 128:])
    inner = np.s_[64:-64, 64:-64]
    for name in ("dx", "dy"):
        difference = getattr(whole, name)[128:, 128:] - getattr(part, name)
        assert np.abs(difference[inner]).max() < 0.02


def test_the_edge_of_a_hole_holds_nothing_back(texture: Texture) -> None:
    """The hole stays where it is in both images, while the ground moves."""
    pair = [texture(SHAPE, dx=dx, dy=-0.8 * dx) for dx in (0.0, 3.0)]
    for image in pair:
        image[80:140, 90:150] = np.nan
    field = Ilk().track(*pair)
    assert (field.flags[84:136, 94:146] & Flag.NODATA).all()
    ring = np.zeros(SHAPE, np.bool_)
    ring[70:150, 80:160] = True
    ring &= field.measured
    assert ring.sum() > 1000
    assert np.hypot(field.dx - 3, field.dy + 2.4)[ring].max() < 0.1


def test_what_the_library_makes_not_a_number_of_is_flagged(texture: Texture, monkeypatch: pytest.MonkeyPatch) -> None:
    library = skimage.registration.optical_flow_ilk

    def broken(*images: np.ndarray, **settings: Any) -> np.ndarray:
        flow = library(*images, **settings)
        flow[:, 100:110, 100:110] = [[[np.nan]], [[np.inf]]]
        return np.asarray(flow)

    monkeypatch.setattr(skimage.registration, "optical_flow_ilk", broken)
    field = Ilk().track(texture(SHAPE), texture(SHAPE, dx=0.5))
    assert (field.flags[101:109, 101:109] != 0).all()
    assert field.measured.mean() > 0.8
    for name in ("dx", "dy", "sigma_dx", "sigma_dy", "quality"):
        assert np.isfinite(getattr(field, name)[field.measured]).all(), name
    assert np.abs(field.dx - 0.5)[field.measured].max() < 0.1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"radius": 0}, "radius = 0: input should be greater than or equal to 2"),
        ({"radius": 1}, "radius = 1: input should be greater than or equal to 2"),
        ({"radius": -3}, "radius = -3"),
        ({"radius": 400}, "radius = 400: input should be less than or equal to 64"),
        ({"radius": 7.5}, "radius = 7.5"),
        ({"num_warp": 0}, "num_warp = 0: input should be greater than or equal to 1"),
        ({"num_warp": -1}, "num_warp = -1"),
        ({"passes": 0}, "passes = 0: input should be greater than or equal to 1"),
        ({"smoothing": 0}, "smoothing = 0: input should be greater than or equal to 1"),
        ({"search": 0}, "search = 0: input should be greater than or equal to 1"),
        ({"search": 900}, "search = 900: input should be less than or equal to 256"),
    ],
)
def test_what_the_library_would_accept_and_get_wrong(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=f"Ilk: {message}"):
        Ilk(**settings)


def test_a_window_larger_than_the_image(texture: Texture) -> None:
    small = Image.from_array(texture((40, 90)))
    with pytest.raises(ParameterError, match="40 x 90 pixels is smaller than the 41 pixels"):
        track(ImagePair(small, small), Ilk(radius=20))
    assert track(ImagePair(small, small), Ilk(radius=19)).field.measured.any()


def test_the_pattern_is_always_the_same_and_as_strong_in_every_octave() -> None:
    pattern = _pattern((256, 256))
    np.testing.assert_array_equal(pattern, _pattern((256, 256)))
    assert pattern.std() == pytest.approx(0.1, rel=1e-3)
    power = np.abs(np.fft.fft2(pattern)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    octaves = [power[(frequency >= 2.0**-k) & (frequency < 2.0 ** (1 - k))].sum() for k in (2, 3, 4, 5)]
    assert max(octaves) < 1.5 * min(octaves)
