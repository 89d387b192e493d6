"""The adaptive tracker: known displacements, stated errors, steps, changed ground, holes, light, long shifts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.trackers.adaptive_lk import PRESETS, AdaptiveLk

Texture = Callable[..., np.ndarray]
Bump = Callable[..., np.ndarray]
Moved = Callable[..., tuple[np.ndarray, np.ndarray]]

SHAPE = (256, 272)
INSIDE = np.s_[32:-32, 32:-32]


def errors(field: Field, dx: Any, dy: Any) -> np.ndarray:
    """Lengths of the error inside."""
    return np.hypot(field.dx - dx, field.dy - dy)[INSIDE]


@pytest.mark.parametrize("preset", list(PRESETS))
def test_a_constant_shift_of_parts_of_a_pixel(moved: Moved, preset: str) -> None:
    field = AdaptiveLk(preset=preset).track(*moved(0.37, -0.62, 2.0, SHAPE))
    assert field.measured[INSIDE].all()
    assert errors(field, 0.37, -0.62).mean() < 0.03


@pytest.mark.parametrize(("preset", "bound"), [("fast", 0.2), ("balanced", 0.1), ("full", 0.06)])
def test_a_bump_of_ten_pixels(bump: Bump, moved: Moved, preset: str, bound: float) -> None:
    dx, dy = bump(SHAPE, 10, 45), bump(SHAPE, -6, 50)
    field = AdaptiveLk(preset=preset).track(*moved(dx, dy, 2.0))
    assert field.measured[INSIDE].mean() > 0.98
    assert np.nanmean(errors(field, dx, dy)) < bound


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize("noise", [2.0, 6.3])  # 20 dB and 10 dB
def test_stated_errors_hold(bump: Bump, moved: Moved, preset: str, noise: float) -> None:
    dx, dy = bump(SHAPE, 3, 50), bump(SHAPE, -2, 50)
    field = AdaptiveLk(preset=preset).track(*moved(dx, dy, noise))
    wrong = np.stack([field.dx - dx, field.dy - dy])[:, 32:-32, 32:-32]
    sigma = np.stack([field.sigma_dx, field.sigma_dy])[:, 32:-32, 32:-32]
    assert 0.55 < (np.abs(wrong) <= sigma).mean() < 0.88
    assert (np.abs(wrong) <= 1.96 * sigma).mean() > 0.86


@pytest.mark.parametrize(("dx", "dy"), [(60.0, -20.0), (-31.0, 31.0)])
def test_long_shifts_are_found(texture: Texture, dx: float, dy: float) -> None:
    shape = (384, 384)
    pair = [texture(shape, dx=x, dy=y) for x, y in ((0, 0), (dx, dy))]
    field = AdaptiveLk(search=64).track(*pair)
    inner = np.s_[88:-88, 88:-88]
    assert field.measured[inner].all()
    wrong = np.hypot(field.dx - dx, field.dy - dy)[inner]
    assert wrong.mean() < 0.03
    assert wrong.max() < 0.4


def test_what_lies_beyond_the_search_is_flagged(texture: Texture) -> None:
    field = AdaptiveLk(search=8).track(texture(SHAPE), texture(SHAPE, dx=10.0))
    assert (field.flags[INSIDE] != 0).mean() > 0.99


def test_a_step_is_found_where_it_is(moved: Moved) -> None:
    """At 20 dB: on its pixel within 2 px, and over within 4 px."""
    step = np.where(np.arange(SHAPE[1]) < 136, -1.5, 1.5) * np.ones(SHAPE)
    field = AdaptiveLk(preset="full", forward_backward=0).track(*moved(step, 0.0, 2.0))
    profile = np.median(field.dx[40:-40], axis=0)
    cross = np.interp(0, profile[126:146], np.arange(126, 146))
    assert abs(cross - 135.5) < 2
    assert np.abs(profile[40:132] + 1.5).max() < 0.3
    assert np.abs(profile[140:-40] - 1.5).max() < 0.3


@pytest.mark.parametrize("preset", list(PRESETS))
def test_changed_ground_is_flagged_and_harms_nothing_else(
    bump: Bump, moved: Moved, texture: Texture, preset: str
) -> None:
    shape = (384, 384)
    dx = bump(shape, 2, 80)
    first, second = moved(dx, 0.5, 2.0, shape)
    field = np.random.default_rng(2).standard_normal(shape)
    cloud = gaussian_filter(field, 30, mode="wrap")
    cloud = cloud > np.quantile(cloud, 0.8)
    new = texture(shape, seed=9, waves=80)
    tracker = AdaptiveLk(preset=preset)
    clean, found = tracker.track(first, second), tracker.track(first, np.where(cloud, new, second).astype(np.float32))
    inner = np.s_[32:-32, 32:-32]
    good, bad = ~cloud[inner], cloud[inner]
    kept = found.measured[inner]
    assert kept[good].mean() > 0.93
    assert kept[bad].mean() < 0.05
    wrong = [np.hypot(each.dx - dx, each.dy - 0.5)[inner][kept].mean() for each in (clean, found)]
    assert wrong[1] < 2.5 * wrong[0]


def test_the_edge_of_a_hole_holds_nothing_back(texture: Texture) -> None:
    """The hole stays where it is in both images, while the ground moves."""
    pair = [texture(SHAPE, dx=dx, dy=-0.8 * dx) for dx in (0.0, 3.0)]
    for image in pair:
        image[90:150, 100:160] = np.nan
    field = AdaptiveLk().track(*pair)
    assert (field.flags[94:146, 104:156] & Flag.NODATA).all()
    ring = np.zeros(SHAPE, np.bool_)
    ring[76:164, 86:174] = True
    ring &= field.measured
    assert ring.sum() > 1500
    assert np.hypot(field.dx - 3, field.dy + 2.4)[ring].max() < 0.2


def test_contrast_and_brightness_may_change_slowly(moved: Moved) -> None:
    first, second = moved(1.3, -0.4, 1.0, SHAPE)
    slope = np.linspace(0.5, 1.6, SHAPE[1])
    field = AdaptiveLk().track(first, (second * slope + 200 * slope**2).astype(np.float32))
    assert field.measured[INSIDE].mean() > 0.99
    assert errors(field, 1.3, -0.4).mean() < 0.04


def test_more_windows_are_quieter_where_motion_is_even(moved: Moved) -> None:
    pair = moved(0.0, 0.0, 6.3, SHAPE)
    noise = [
        np.sqrt((AdaptiveLk(smallest=5, largest=n, windows=2).track(*pair).dx[INSIDE] ** 2).mean()) for n in (7, 28)
    ]
    assert noise[1] < 0.6 * noise[0]


def test_presets_set_what_is_not_set() -> None:
    assert AdaptiveLk(preset="full").radii == (4, 6, 11, 17, 28, 45)
    assert AdaptiveLk(preset="full", largest=20, windows=3).radii == (4, 9, 20)
    assert AdaptiveLk(preset="fast", fine_steps=1).settings.fine_steps == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"smallest": 30, "largest": 20}, "smallest = 30 is larger than largest = 20; use smallest = 20 or less"),
        ({"smallest": 4, "largest": 6, "windows": 5}, "windows = 5 do not fit between smallest = 4 and largest = 6"),
        ({"highpass": 5, "smallest": 8}, "highpass = 5 takes out what windows of smallest = 8 see"),
        ({"search": 0}, "search = 0: input should be greater than or equal to 4"),
        ({"levels": 1}, "levels = 1: input should be greater than or equal to 2"),
        ({"preset": "best"}, "preset = 'best'"),
        ({"bound": 0}, "bound = 0"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=f"AdaptiveLk: {message}"):
        AdaptiveLk(**settings)
