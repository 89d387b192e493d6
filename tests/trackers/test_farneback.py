"""Farneback: known displacements, errors, windows, levels, holes, and what the library would accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.trackers.farneback import Farneback

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
    field = Farneback().track(texture(SHAPE), texture(SHAPE, dx=0.37, dy=-0.62))
    assert errors(field, 0.37, -0.62).max() < 0.003
    assert errors(field, 0.37, -0.62).mean() < 0.0012


def test_a_bump_of_eight_pixels_and_its_second_pass(bump: Bump, moved: Moved) -> None:
    """The window flattens what is curved; a second pass gives most of it back."""
    dx, dy = bump(SHAPE, 8, 40), bump(SHAPE, -5, 45)
    pair = moved(dx, dy)
    once, twice = (errors(Farneback(passes=passes, forward_backward=0).track(*pair), dx, dy) for passes in (1, 2))
    assert twice.mean() < 0.025
    assert twice.max() < 0.13
    assert twice.mean() < 0.25 * once.mean()


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("noise", [2.0, 6.3])  # 20 dB and 10 dB
def test_stated_errors_hold(bump: Bump, moved: Moved, noise: float, passes: int) -> None:
    dx, dy = bump(SHAPE, 3, 50), bump(SHAPE, -2, 50)
    field = Farneback(passes=passes).track(*moved(dx, dy, noise))
    within = [
        (np.abs(value - truth) <= sigma)[INSIDE].mean()
        for value, truth, sigma in ((field.dx, dx, field.sigma_dx), (field.dy, dy, field.sigma_dy))
    ]
    assert 0.5 < np.mean(within) < 0.86


def test_five_levels_reach_twenty_pixels_and_three_do_not(texture: Texture) -> None:
    shape = (320, 320)
    pair = [texture(shape, dx=dx, dy=0.3 * dx, longest=150.0) for dx in (0.0, 24.0)]
    five, three, finer = (
        np.abs(Farneback(passes=1, forward_backward=0, **settings).track(*pair).dx - 24)[80:-80, 80:-80].mean()
        for settings in ({}, {"levels": 3}, {"pyr_scale": 0.7})
    )
    assert five < 0.003
    assert three > 10
    assert finer > 10


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_levels_count_the_image_and_are_never_left_out(
    texture: Texture, monkeypatch: pytest.MonkeyPatch, levels: int
) -> None:
    """The library leaves the image itself out of its count, and levels of less than 32 px without a word."""
    library, given = cv2.calcOpticalFlowFarneback, []

    def watched(*arguments: Any) -> np.ndarray:
        given.append((min(arguments[0].shape), arguments[3], arguments[4]))
        return np.asarray(library(*arguments))

    monkeypatch.setattr(cv2, "calcOpticalFlowFarneback", watched)
    Farneback(levels=levels, passes=1, forward_backward=0).track(texture((64, 64)), texture((64, 64)))
    side, scale, below = given[0]
    assert below == levels - 1
    assert side * scale**below >= 32


def test_wide_windows_are_quiet_and_narrow_ones_sharp(moved: Moved) -> None:
    still = np.zeros(SHAPE)
    noisy = moved(still, still, 6.0)
    step = np.where(np.arange(SHAPE[1]) < SHAPE[1] // 2, 0.0, 2.0) * np.ones(SHAPE)
    faulted = moved(step, still)
    near = slice(SHAPE[1] // 2 - 20, SHAPE[1] // 2 + 20)

    def judge(**settings: Any) -> tuple[float, float]:
        tracker = Farneback(forward_backward=0, **settings)
        rms = float(np.sqrt((tracker.track(*noisy).dx[INSIDE] ** 2).mean()))
        return rms, float(np.abs(tracker.track(*faulted).dx - step)[40:-40, near].mean())

    narrow, wide, equal = judge(winsize=21), judge(winsize=61), judge(winsize=21, gaussian=False)
    assert wide[0] < 0.5 * narrow[0]
    assert narrow[1] < 0.6 * wide[1]
    assert equal[0] < 0.8 * narrow[0]
    assert narrow[1] < 0.7 * equal[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"iterations": 1},
        {"poly_n": 2},
        {"poly_sigma": 2.0},
        {"smoothing": 2.0},
        {"passes": 3},
        {"brightness": 32},
    ],
)
def test_settings_matter(bump: Bump, moved: Moved, settings: dict[str, Any]) -> None:
    pair = moved(bump(SHAPE, 8, 40), bump(SHAPE, -5, 45), 2.0)
    plain, other = (Farneback(forward_backward=0, **knobs).track(*pair) for knobs in ({}, settings))
    change = np.abs(plain.dx - other.dx)[INSIDE]
    assert change.max() > 0.005


def test_the_edge_of_a_hole_holds_nothing_back(texture: Texture) -> None:
    """The hole stays where it is in both images, while the ground moves."""
    pair = [texture(SHAPE, dx=dx, dy=-0.8 * dx) for dx in (0.0, 3.0)]
    for image in pair:
        image[80:140, 90:150] = np.nan
    for passes in (1, 2):
        field = Farneback(passes=passes).track(*pair)
        assert (field.flags[84:136, 94:146] & Flag.NODATA).all()
        ring = np.zeros(SHAPE, np.bool_)
        ring[70:150, 80:160] = True
        ring &= field.measured
        assert ring.sum() > 1000
        assert np.hypot(field.dx - 3, field.dy + 2.4)[ring].max() < 0.13


@pytest.mark.parametrize("gain", [1e-4, 1e4])
def test_brightness_is_no_matter(texture: Texture, gain: float) -> None:
    """Alone, the library finds nothing in images in 0..1."""
    pair = texture(SHAPE), texture(SHAPE, dx=1.3, dy=-0.4)
    plain = Farneback(forward_backward=0).track(*pair)
    scaled = Farneback(forward_backward=0).track(*(np.float32(gain) * image for image in pair))
    assert np.abs(plain.dx - scaled.dx)[INSIDE].max() < 1e-5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pyr_scale": 0.2}, "pyr_scale = 0.2: input should be greater than or equal to 0.25"),
        ({"pyr_scale": 1.0}, "pyr_scale = 1.0: input should be less than or equal to 0.9"),
        ({"levels": 0}, "levels = 0: input should be greater than or equal to 1"),
        ({"levels": 9}, "levels = 9: input should be less than or equal to 8"),
        ({"levels": 5, "pyr_scale": 0.25}, "levels = 5 with pyr_scale = 0.25 makes the coarsest level 256 times"),
        ({"winsize": 3}, "winsize = 3: input should be greater than or equal to 5"),
        ({"winsize": 257}, "winsize = 257: input should be less than or equal to 255"),
        ({"winsize": 40}, "winsize = 40 is even, for which the library takes 41; use an odd one"),
        ({"winsize": 7}, "winsize = 7 leaves a Gaussian window with hardly more than one pixel; use 9 or more"),
        ({"iterations": 0}, "iterations = 0: input should be greater than or equal to 1"),
        ({"iterations": 101}, "iterations = 101: input should be less than or equal to 100"),
        ({"poly_n": 1}, "poly_n = 1: input should be greater than or equal to 2"),
        ({"poly_n": 16}, "poly_n = 16: input should be less than or equal to 15"),
        ({"poly_sigma": 0.4}, "poly_sigma = 0.4: input should be greater than or equal to 0.5"),
        ({"poly_sigma": 6}, "poly_sigma = 6: input should be less than or equal to 5"),
        ({"passes": 0}, "passes = 0: input should be greater than or equal to 1"),
        ({"passes": 6}, "passes = 6: input should be less than or equal to 5"),
        ({"smoothing": 0.5}, "smoothing = 0.5: input should be greater than or equal to 1"),
        ({"smoothing": 65}, "smoothing = 65: input should be less than or equal to 64"),
        ({"step": 0}, "step = 0: input should be greater than or equal to 1"),
        ({"brightness": 8}, "brightness = 8: input should be greater than or equal to 16"),
        ({"brightness": 60}, "brightness = 60: input should be a multiple of 8"),
        ({"min_valid": 0}, "min_valid = 0: input should be greater than 0"),
        ({"min_valid": 1.5}, "min_valid = 1.5: input should be less than or equal to 1"),
        ({"forward_backward": -1}, "forward_backward = -1: input should be greater than or equal to 0"),
    ],
)
def test_what_the_library_would_accept_and_get_wrong(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=f"Farneback: .*{message}"):
        Farneback(**settings)


def test_what_messages_advise_is_accepted() -> None:
    assert Farneback(winsize=7, gaussian=False).winsize == 7
    assert Farneback(winsize=9).gaussian
    assert Farneback(levels=4, pyr_scale=0.25).alignment == 64
