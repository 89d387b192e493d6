"""TV-L1: known displacements, errors, weights, passes, squares, holes, and what the library would accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.trackers.tvl1 import Tvl1

Texture = Callable[..., np.ndarray]
Bump = Callable[..., np.ndarray]
Moved = Callable[..., tuple[np.ndarray, np.ndarray]]

SHAPE = (144, 160)
INSIDE = np.s_[24:-24, 24:-24]

SMALL = (104, 108)
"""So small that one square, and a quarter of the time, is enough."""


def errors(field: Field, dx: Any, dy: Any) -> np.ndarray:
    """Lengths of the error inside, all of which must be measured."""
    assert field.measured[INSIDE].all()
    return np.hypot(field.dx - dx, field.dy - dy)[INSIDE]


def test_a_constant_shift_of_parts_of_a_pixel(texture: Texture) -> None:
    missed = errors(Tvl1(forward_backward=0).track(texture(SHAPE), texture(SHAPE, dx=0.37, dy=-0.62)), 0.37, -0.62)
    assert missed.max() < 0.026
    assert missed.mean() < 0.007


def test_a_bump_of_six_pixels_and_its_second_pass(bump: Bump, moved: Moved) -> None:
    """The attachment of the last pass does not follow; the guess of the first does."""
    dx, dy = bump(SHAPE, 6, 30), bump(SHAPE, -4, 30)
    pair = moved(dx, dy)
    fields = [Tvl1(passes=passes, forward_backward=0).track(*pair) for passes in (1, 2)]
    once, twice = (np.hypot(field.dx - dx, field.dy - dy)[INSIDE] for field in fields)
    assert twice.max() < 0.105
    assert twice.mean() < 0.02
    assert twice.mean() < 0.05 * once.mean()


@pytest.mark.parametrize("noise", [2.0, 6.3])  # 20 dB and 10 dB
def test_stated_errors_hold(bump: Bump, moved: Moved, noise: float) -> None:
    dx, dy = bump(SHAPE, 3, 40), bump(SHAPE, -2, 40)
    field = Tvl1().track(*moved(dx, dy, noise))
    within = [
        (np.abs(value - truth) <= sigma)[INSIDE].mean()
        for value, truth, sigma in ((field.dx, dx, field.sigma_dx), (field.dy, dy, field.sigma_dy))
    ]
    assert 0.5 < np.mean(within) < 0.86


def test_much_attachment_is_noisy_and_little_is_smooth(moved: Moved) -> None:
    still = np.zeros(SMALL)
    noisy = moved(still, still, 6.0)
    rms = [
        np.sqrt((Tvl1(forward_backward=0, attachment=weight).track(*noisy).dx[INSIDE] ** 2).mean())
        for weight in (2.0, 20.0)
    ]
    assert rms[0] < 0.45 * rms[1]


def test_a_loose_hold_is_noisy_and_a_tight_one_smooth(moved: Moved) -> None:
    still = np.zeros(SMALL)
    noisy = moved(still, still, 6.0)
    rms = [
        np.sqrt((Tvl1(forward_backward=0, tightness=weight).track(*noisy).dx[INSIDE] ** 2).mean())
        for weight in (0.05, 0.3)
    ]
    assert rms[0] < 0.8 * rms[1]


def test_the_attachment_of_the_first_pass_is_what_follows(texture: Texture) -> None:
    pair = [texture(SMALL, dx=dx, dy=-0.5 * dx) for dx in (0.0, 5.0)]
    missed = [
        np.hypot(field.dx - 5, field.dy + 2.5)[INSIDE].mean()
        for weight in (2.0, 40.0)
        for field in [Tvl1(first_attachment=weight, forward_backward=0).track(*pair)]
    ]
    assert missed[1] < 0.02 * missed[0]


def test_longer_vectors_than_were_searched_are_no_guess(texture: Texture) -> None:
    pair = [texture(SMALL, dx=dx, dy=-0.5 * dx) for dx in (0.0, 5.0)]
    missed = [
        np.hypot(field.dx - 5, field.dy + 2.5)[INSIDE].mean()
        for search in (3, 8)
        for field in [Tvl1(search=search, forward_backward=0).track(*pair)]
    ]
    assert missed[1] < 0.02 * missed[0]


@pytest.mark.parametrize(
    "settings",
    [
        {"num_warp": 2},
        {"num_iter": 6},
        {"tol": 1e-3},
        {"prefilter": True},
        {"smoothing": 4.0},
        {"passes": 3},
    ],
)
def test_settings_matter(texture: Texture, settings: dict[str, Any]) -> None:
    pair = [texture(SMALL, dx=dx, dy=-dx) for dx in (0.0, 2.3)]
    plain, other = (Tvl1(forward_backward=0, **knobs).track(*pair) for knobs in ({}, settings))
    change = np.abs(plain.dx - other.dx)[INSIDE]
    assert change.max() > 0.003


def test_the_edge_of_a_hole_holds_nothing_back(texture: Texture) -> None:
    """The hole stays where it is in both images, while the ground moves."""
    pair = [texture(SHAPE, dx=dx, dy=-0.8 * dx) for dx in (0.0, 3.0)]
    for image in pair:
        image[50:100, 60:110] = np.nan
    field = Tvl1().track(*pair)
    assert (field.flags[54:96, 64:106] & Flag.NODATA).all()
    ring = np.zeros(SHAPE, np.bool_)
    ring[40:110, 50:120] = True
    ring &= field.measured
    assert ring.sum() > 1000
    missed = np.hypot(field.dx - 3, field.dy + 2.4)[ring]
    assert np.percentile(missed, 95) < 0.22
    assert missed.max() < 0.34


def test_brightness_is_no_matter(texture: Texture) -> None:
    """The library's weights would mean something else for every range of brightness."""
    pair = texture(SMALL), texture(SMALL, dx=1.3, dy=-0.4)
    plain = Tvl1(forward_backward=0).track(*pair)
    scaled = Tvl1(forward_backward=0).track(*(np.float32(1e4) * image for image in pair))
    assert np.abs(plain.dx - scaled.dx)[INSIDE].max() < 1e-5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"attachment": 0}, "attachment = 0: input should be greater than 0"),
        ({"attachment": 101}, "attachment = 101: input should be less than or equal to 100"),
        ({"first_attachment": 0}, "first_attachment = 0: input should be greater than 0"),
        ({"first_attachment": 101}, "first_attachment = 101: input should be less than or equal to 100"),
        ({"tightness": 0}, "tightness = 0: input should be greater than 0"),
        ({"tightness": 1.5}, "tightness = 1.5: input should be less than or equal to 1"),
        ({"num_warp": 0}, "num_warp = 0: input should be greater than or equal to 1"),
        ({"num_warp": 51}, "num_warp = 51: input should be less than or equal to 50"),
        ({"num_iter": 0}, "num_iter = 0: input should be greater than or equal to 1"),
        ({"num_iter": 501}, "num_iter = 501: input should be less than or equal to 500"),
        ({"tol": -1e-4}, "tol = -0.0001: input should be greater than or equal to 0"),
        ({"tol": 0.01}, "tol = 0.01: input should be less than or equal to 0.001"),
        ({"passes": 0}, "passes = 0: input should be greater than or equal to 1"),
        ({"passes": 6}, "passes = 6: input should be less than or equal to 5"),
        ({"smoothing": 0.5}, "smoothing = 0.5: input should be greater than or equal to 1"),
        ({"smoothing": 17}, "smoothing = 17: input should be less than or equal to 16"),
        ({"search": 0}, "search = 0: input should be greater than or equal to 1"),
        ({"search": 257}, "search = 257: input should be less than or equal to 256"),
        ({"brightness": 60}, "brightness = 60: input should be a multiple of 8"),
        (
            {"first_attachment": 1.5},
            "first_attachment = 1.5 with tightness = 0.1, num_warp = 3 and num_iter = 10 hardly moves the flow at all; "
            "use first_attachment = 1.7 or more",
        ),
        ({"attachment": 1.5, "passes": 1}, "attachment = 1.5 with tightness = 0.1, .* use attachment = 1.7 or more"),
        ({"num_warp": 1, "num_iter": 1}, "first_attachment = 40 .* num_warp = 1 and num_iter = 1 hardly moves"),
    ],
)
def test_what_the_library_would_accept_and_get_wrong(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=f"Tvl1: .*{message}"):
        Tvl1(**settings)


def test_what_messages_advise_is_accepted() -> None:
    assert Tvl1(first_attachment=1.7).passes == 2
    assert Tvl1(attachment=1.7, passes=1).attachment == 1.7
    assert Tvl1(attachment=1.5).attachment == 1.5
    assert Tvl1(attachment=1.5, passes=1, num_iter=12).num_iter == 12
