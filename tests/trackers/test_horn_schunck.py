"""The tracker horn-schunck: known motion and honest errors, settings refused, seams, holes, outliers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensetrack.displacement import Field, Flag
from sensetrack.engine import Threads
from sensetrack.errors import ParameterError
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.stream import track
from sensetrack.trackers.horn_schunck import HornSchunck

Texture = Callable[..., np.ndarray]

SHAPE = (224, 256)
INNER = (slice(20, -20), slice(20, -20))


def bumps(amplitude: float, shape: tuple[int, int] = SHAPE) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.mgrid[: shape[0], : shape[1]].astype(np.float64)

    def bump(row: float, col: float) -> np.ndarray:
        return np.exp(-((rows - row * shape[0]) ** 2 + (cols - col * shape[1]) ** 2) / (2 * (0.2 * shape[0]) ** 2))

    return amplitude * (bump(0.4, 0.4) - 0.5 * bump(0.7, 0.7)), amplitude * (
        0.6 * bump(0.6, 0.3) - 0.4 * bump(0.3, 0.7)
    )


def noisy_pair(
    texture: Texture,
    dx: float | np.ndarray,
    dy: float | np.ndarray,
    noise: float = 2.0,
    shape: tuple[int, int] = SHAPE,
    longest: float = 40.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Images of deviation 20 whose reference at x shows what the secondary shows at x + (dx, dy)."""
    rng = np.random.default_rng(4)
    first = texture(shape, dx=-np.asarray(dx), dy=-np.asarray(dy), waves=80, longest=longest)
    second = texture(shape, waves=80, longest=longest)
    return first + rng.normal(0, noise, shape), second + rng.normal(0, noise, shape)


def miss(field: Field, dx: float | np.ndarray, dy: float | np.ndarray) -> np.ndarray:
    return np.hypot(field.dx - dx, field.dy - dy)


@pytest.mark.parametrize(("amplitude", "noise"), [(0.0, 2.0), (0.0, 6.3), (3.0, 2.0), (3.0, 6.3), (10.0, 2.0)])
def test_displacements_are_found_and_their_errors_are_honest(texture: Texture, amplitude: float, noise: float) -> None:
    bent = bumps(amplitude)
    dx, dy = bent[0] + 0.37, bent[1] - 0.62
    field = HornSchunck().track(*noisy_pair(texture, dx, dy, noise))
    inner = field.measured[INNER]
    assert inner.mean() > 0.97
    assert miss(field, dx, dy)[INNER][inner].mean() < 0.006 * noise + 0.002 * amplitude
    covered = [
        np.abs(found - true)[INNER][inner] < sigma[INNER][inner]
        for found, true, sigma in ((field.dx, dx, field.sigma_dx), (field.dy, dy, field.sigma_dy))
    ]
    assert 0.55 < np.mean(covered) < 0.85


def test_a_rotation(texture: Texture) -> None:
    rows, cols = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float64)
    dx, dy = -0.02 * (rows - 111.5), 0.02 * (cols - 127.5)
    field = HornSchunck().track(*noisy_pair(texture, dx, dy))
    assert miss(field, dx, dy)[INNER].mean() < 0.02
    assert np.nanpercentile(miss(field, dx, dy), 99) < 0.12


def test_large_displacements_need_levels_and_brightness(texture: Texture) -> None:
    shape = (320, 352)
    pair = noisy_pair(texture, 26.0, -14.0, shape=shape, longest=250.0)
    field = HornSchunck(levels=6, brightness=256).track(*pair)
    middle = (slice(60, -60), slice(60, -60))
    assert miss(field, 26.0, -14.0)[middle].mean() < 0.05
    assert miss(HornSchunck(levels=2).track(*pair), 26.0, -14.0)[middle].mean() > 5.0


def test_a_hole_is_flagged_and_changes_nothing_around_it(texture: Texture) -> None:
    dx, dy = bumps(3.0)
    pair = noisy_pair(texture, dx, dy)
    valid = np.ones(SHAPE, np.bool_)
    valid[80:130, 100:160] = False
    wild = [np.where(valid, image, 4e4) for image in pair]
    field = HornSchunck().track(*wild, valid, valid)
    assert np.all(field.flags[~valid] & np.uint8(Flag.NODATA))
    assert np.isnan(field.dx[~valid]).all()
    assert miss(field, dx, dy)[field.measured].max() < 0.4
    assert miss(field, dx, dy)[field.measured].mean() < 0.03


@pytest.mark.parametrize("robust", ["charbonnier", "lorentzian"])
def test_changed_places_count_less(texture: Texture, robust: str) -> None:
    first, second = noisy_pair(texture, 1.4, 0.6)
    rng = np.random.default_rng(6)
    for row, col in zip(rng.integers(0, 216, 60), rng.integers(0, 248, 60), strict=True):
        second[row : row + 5, col : col + 5] = 100 + 60 * rng.normal()
    plain, steady = (
        miss(HornSchunck(robust=name).track(first, second), 1.4, 0.6)[INNER].mean() for name in ("none", robust)
    )
    assert steady < 0.5 * plain


def test_labels_as_they_were_made_for_networks(texture: Texture) -> None:
    """Plain Horn & Schunck and a 9 x 9 median: rougher than the default, yet it follows."""
    dx, dy = bumps(2.0)
    labels = HornSchunck(guide=0, smoothness=6.0, median=9).track(*noisy_pair(texture, dx, dy))
    assert miss(labels, dx, dy)[INNER].mean() < 0.06


def test_every_step_holds_the_flow_at_its_centre(texture: Texture) -> None:
    dx, dy = bumps(3.0)
    pair = noisy_pair(texture, dx, dy)
    every, fifth = (HornSchunck(step=step).track(*pair) for step in (1, 5))
    np.testing.assert_allclose(fifth.dx, every.dx[2::5, 2::5][: fifth.shape[0], : fifth.shape[1]], atol=1e-6)


def test_blocks_of_a_bent_field_have_no_seams_and_threads_agree(texture: Texture) -> None:
    shape = (384, 416)
    pair = ImagePair(*(Image.from_array(image) for image in noisy_pair(texture, *bumps(10.0, shape), shape=shape)))
    tracker = HornSchunck()
    whole = track(pair, tracker, block=4096).field
    parts = track(pair, tracker, block=192).field
    threads = track(pair, tracker, block=192, engine=Threads(2)).field
    for name, layer in parts.layers().items():
        np.testing.assert_array_equal(layer, threads.layers()[name], err_msg=name)
    both = whole.measured & parts.measured
    assert both.mean() > 0.95
    assert np.hypot(whole.dx - parts.dx, whole.dy - parts.dy)[both].max() < 0.02


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"smoothness": 0.0}, "smoothness = 0.0.*greater than 0"),
        ({"relaxation": 2.0}, "relaxation = 2.0.*less than 2"),
        ({"relaxation": 0.0}, "relaxation = 0.0.*greater than or equal to 1"),
        ({"median": 4}, "median = 4: a window has an odd side of 3 or more; use 3 or 5, or 0 for none"),
        ({"median": 1}, "median = 1: .* use 3, or 0"),
        ({"guide": 12}, "guide = 12: .* use 11 or 13, or 0"),
        ({"levels": 6}, "levels = 6: .*use at most 5 levels, or brightness = 256 or more"),
        ({"brightness": 64}, "levels = 5: .* over 64 px .*use at most 4 levels, or brightness = 128 or more"),
        ({"smoothness": 80.5}, "iterations = 30 carry a value over 60 px, .*use 41 or more iterations"),
        ({"robust": "huber"}, "robust = 'huber'"),
        ({"outlier": 0.0}, "outlier = 0.0.*greater than 0"),
        ({"tolerance": -1.0}, "tolerance = -1.0"),
        ({"warps": 0}, "warps = 0"),
    ],
)
def test_senseless_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        HornSchunck(**settings)


def test_what_a_pyramid_needs_is_stated() -> None:
    assert HornSchunck().alignment == 32
    assert HornSchunck(levels=1, brightness=16).alignment == 4
    assert HornSchunck(smoothness=60.0).reach > HornSchunck().reach > HornSchunck(smoothness=4.0).reach
    assert HornSchunck(smoothness=60.0).error_window > HornSchunck().error_window
    assert HornSchunck(guide=0).error_window % 2 == 1
