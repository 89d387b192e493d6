"""DIS: known displacements, errors, presets, scales, holes, and what the library would accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.trackers.dis import PRESETS, Dis

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
    missed = errors(Dis().track(texture(SHAPE), texture(SHAPE, dx=0.37, dy=-0.62)), 0.37, -0.62)
    assert missed.max() < 0.03
    assert missed.mean() < 0.018


def test_a_bump_of_eight_pixels(bump: Bump, moved: Moved) -> None:
    dx, dy = bump(SHAPE, 8, 40), bump(SHAPE, -5, 45)
    missed = errors(Dis(forward_backward=0).track(*moved(dx, dy)), dx, dy)
    assert missed.max() < 0.36
    assert missed.mean() < 0.065


@pytest.mark.parametrize("noise", [2.0, 6.3])  # 20 dB and 10 dB
def test_stated_errors_hold(bump: Bump, moved: Moved, noise: float) -> None:
    dx, dy = bump(SHAPE, 3, 50), bump(SHAPE, -2, 50)
    field = Dis().track(*moved(dx, dy, noise))
    within = [
        (np.abs(value - truth) <= sigma)[INSIDE].mean()
        for value, truth, sigma in ((field.dx, dx, field.sigma_dx), (field.dy, dy, field.sigma_dy))
    ]
    assert 0.5 < np.mean(within) < 0.86


def test_finer_presets_are_more_accurate(bump: Bump, moved: Moved) -> None:
    dx, dy = bump(SHAPE, 2, 50) + 0.37, bump(SHAPE, -1.5, 50) - 0.62
    pair = moved(dx, dy)
    missed = {name: errors(Dis(preset=name, forward_backward=0).track(*pair), dx, dy).mean() for name in PRESETS}
    assert missed["full"] < 0.4 * missed["medium"]
    assert missed["medium"] < 0.7 * min(missed["fast"], missed["ultrafast"])


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
def test_presets_are_those_of_the_library(preset: str) -> None:
    library = cv2.DISOpticalFlow.create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset.upper()}"))
    for name, value in PRESETS[preset].items():
        getter = "get" + "".join(part.capitalize() for part in name.split("_"))
        assert getattr(library, getter)() == value, name


def test_what_is_set_goes_before_the_preset(bump: Bump, moved: Moved) -> None:
    pair = moved(bump(SHAPE, 3, 50), bump(SHAPE, -2, 50), 2.0)
    spelt_out = Dis(preset="full", forward_backward=0, **PRESETS["fast"]).track(*pair)
    np.testing.assert_array_equal(Dis(preset="fast", forward_backward=0).track(*pair).dx, spelt_out.dx)


@pytest.mark.parametrize(
    "settings",
    [
        {"finest_scale": 1},
        {"coarsest_scale": 1},
        {"patch_size": 10},
        {"patch_stride": 2},
        {"gradient_descent_iterations": 3},
        {"variational_refinement_iterations": 0},
        {"variational_refinement_alpha": 20.0},
        {"variational_refinement_delta": 50.0},
        {"variational_refinement_gamma": 50.0},
        {"use_mean_normalization": False},
        {"use_spatial_propagation": False},
        {"brightness": 32},
    ],
)
def test_settings_matter(bump: Bump, moved: Moved, settings: dict[str, Any]) -> None:
    pair = moved(bump(SHAPE, 8, 40), bump(SHAPE, -5, 45), 2.0)
    plain, other = (Dis(forward_backward=0, **knobs).track(*pair) for knobs in ({}, settings))
    change = np.abs(plain.dx - other.dx)[INSIDE]
    assert change.max() > 0.01


def test_more_smoothness_is_quieter_and_less_sharp(moved: Moved) -> None:
    still = np.zeros(SHAPE)
    noisy = moved(still, still, 6.0)
    step = np.where(np.arange(SHAPE[1]) < SHAPE[1] // 2, 0.0, 2.0) * np.ones(SHAPE)
    faulted = moved(step, still)
    near = slice(SHAPE[1] // 2 - 20, SHAPE[1] // 2 + 20)
    trackers = [Dis(variational_refinement_alpha=alpha, forward_backward=0) for alpha in (10.0, 300.0)]
    rms = [np.sqrt((tracker.track(*noisy).dx[INSIDE] ** 2).mean()) for tracker in trackers]
    miss = [np.abs(tracker.track(*faulted).dx - step)[40:-40, near].mean() for tracker in trackers]
    assert rms[1] < 0.55 * rms[0]
    assert miss[0] < 0.7 * miss[1]


def test_coarser_scales_reach_further(texture: Texture) -> None:
    pair = [texture(SHAPE, dx=dx, dy=-0.4 * dx, longest=150.0) for dx in (0.0, 20.0)]
    near, far = (
        np.abs(Dis(coarsest_scale=scale, forward_backward=0).track(*pair).dx - 20)[60:-60, 60:-60].mean()
        for scale in (1, 4)
    )
    assert far < 1e-3
    assert near > 10


@pytest.mark.parametrize("propagates", [False, True])
def test_the_search_starts_where_it_is_told(
    texture: Texture, monkeypatch: pytest.MonkeyPatch, propagates: bool
) -> None:
    """The library quietly starts at a finer scale where patches fit less than about three times into the image."""
    tracker = Dis(coarsest_scale=6, finest_scale=2, use_spatial_propagation=propagates, forward_backward=0)
    given = []
    method = Dis._method

    class Watched:
        def __init__(self, *arguments: Any) -> None:
            self.scale, self.method = arguments[1], method(*arguments)

        def calc(self, first: np.ndarray, second: np.ndarray, flow: np.ndarray) -> np.ndarray:
            given.append((self.scale, first.shape))
            return np.asarray(self.method.calc(first, second, flow))

    monkeypatch.setattr(Dis, "_method", lambda *arguments: Watched(*arguments))
    tracker.track(texture((96, 128)), texture((96, 128)))
    assert {scale for scale, _ in given} == ({6, 2} if propagates else {6})
    for scale, shape in given:
        assert min(shape) // 8 >= 2**scale
        assert int(np.log2(max(shape) / (4 * 8)) + 0.5) >= scale


def test_the_edge_of_a_hole_holds_nothing_back(texture: Texture) -> None:
    """The hole stays where it is in both images, while the ground moves."""
    pair = [texture(SHAPE, dx=dx, dy=-0.8 * dx) for dx in (0.0, 3.0)]
    for image in pair:
        image[80:140, 90:150] = np.nan
    field = Dis().track(*pair)
    assert (field.flags[84:136, 94:146] & Flag.NODATA).all()
    ring = np.zeros(SHAPE, np.bool_)
    ring[70:150, 80:160] = True
    ring &= field.measured
    assert ring.sum() > 1000
    missed = np.hypot(field.dx - 3, field.dy + 2.4)[ring]
    assert np.percentile(missed, 95) < 0.36
    assert missed.max() < 0.65


@pytest.mark.parametrize("gain", [1e-4, 1e4])
def test_brightness_is_no_matter(texture: Texture, gain: float) -> None:
    """The library takes 8 bit only; nothing is lost of images in 0..1."""
    pair = texture(SHAPE), texture(SHAPE, dx=1.3, dy=-0.4)
    plain = Dis(forward_backward=0).track(*pair)
    scaled = Dis(forward_backward=0).track(*(np.float32(gain) * image for image in pair))
    assert np.abs(plain.dx - scaled.dx)[INSIDE].max() < 1e-5


WITHOUT_IMAGES = {"variational_refinement_delta": 0, "variational_refinement_gamma": 0}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"preset": "best"}, "preset = 'best': input should be 'ultrafast', 'fast', 'medium' or 'full'"),
        ({"finest_scale": -1}, "finest_scale = -1: input should be greater than or equal to 0"),
        ({"finest_scale": 5}, "finest_scale = 5: input should be less than or equal to 4"),
        ({"coarsest_scale": -1}, "coarsest_scale = -1: input should be greater than or equal to 0"),
        ({"coarsest_scale": 8}, "coarsest_scale = 8: input should be less than or equal to 7"),
        ({"coarsest_scale": 1, "finest_scale": 2}, "coarsest_scale = 1 is finer than the finest scale, 2; raise it"),
        ({"coarsest_scale": 1, "preset": "fast"}, "coarsest_scale = 1 is finer than the finest scale, 2; raise it"),
        ({"patch_size": 3}, "patch_size = 3: input should be greater than or equal to 4"),
        ({"patch_size": 65}, "patch_size = 65: input should be less than or equal to 64"),
        (
            {"patch_size": 64},
            "coarsest_scale = 5 with patch_size = 64 makes patches span 2048 px .* use coarsest_scale = 4 or less",
        ),
        ({"patch_stride": 0}, "patch_stride = 0: input should be greater than or equal to 1"),
        ({"patch_stride": 64}, "patch_stride = 64: input should be less than or equal to 32"),
        ({"patch_stride": 3}, "patch_stride = 3 lays patches differently in every block"),
        ({"patch_stride": 16}, "patch_stride = 16 leaves gaps between patches of 8"),
        ({"gradient_descent_iterations": 1}, "gradient_descent_iterations = 1: input should be greater than or equal"),
        ({"gradient_descent_iterations": 1001}, "gradient_descent_iterations = 1001: input should be less than"),
        ({"variational_refinement_iterations": -1}, "variational_refinement_iterations = -1: input should be greater"),
        ({"variational_refinement_iterations": 1001}, "variational_refinement_iterations = 1001: input should be less"),
        ({"variational_refinement_alpha": 0}, "variational_refinement_alpha = 0: input should be greater than 0"),
        ({"variational_refinement_alpha": 1e6}, "variational_refinement_alpha = 1000000.0: input should be less than"),
        ({"variational_refinement_delta": -1}, "variational_refinement_delta = -1: input should be greater than or"),
        ({"variational_refinement_delta": 1e6}, "variational_refinement_delta = 1000000.0: input should be less than"),
        ({"variational_refinement_gamma": -1}, "variational_refinement_gamma = -1: input should be greater than or"),
        ({"variational_refinement_gamma": 1e6}, "variational_refinement_gamma = 1000000.0: input should be less than"),
        (WITHOUT_IMAGES, "variational_refinement_delta = variational_refinement_gamma = 0 leaves the refinement"),
        ({"brightness": 60}, "brightness = 60: input should be a multiple of 8"),
    ],
)
def test_what_the_library_would_accept_and_get_wrong(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=f"Dis: .*{message}"):
        Dis(**settings)


def test_what_messages_advise_is_accepted() -> None:
    assert Dis(variational_refinement_iterations=0, **WITHOUT_IMAGES).alignment == 128
    assert Dis(preset="ultrafast", **WITHOUT_IMAGES).alignment == 128
    assert Dis(patch_size=64, coarsest_scale=4).error_window == 72
    assert Dis(patch_size=16, patch_stride=16, coarsest_scale=5).alignment == 512
