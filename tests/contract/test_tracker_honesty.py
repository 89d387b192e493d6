"""Every registered tracker takes any pixels, says what it cannot know, and does the same on every engine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.displacement import Field
from sensetrack.engine import Engine, Serial
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.stream import track
from sensetrack.trackers import Tracker, registry

SHAPE = (176, 200)

Texture = Callable[..., np.ndarray]


@pytest.fixture(params=registry.names())
def tracker(request: pytest.FixtureRequest, default_tracker: Callable[[str], Tracker]) -> Tracker:
    """Every registered tracker with its defaults."""
    return default_tracker(request.param)


def median_of(field: Field) -> tuple[float, float]:
    """Median dx and dy of what was measured."""
    return float(np.median(field.dx[field.measured])), float(np.median(field.dy[field.measured]))


@pytest.mark.parametrize("kind", ["int16", "complex64", "tiny", "huge"])
def test_pixels_of_any_kind(tracker: Tracker, texture: Texture, kind: str) -> None:
    shift = {"dx": 1.25, "dy": -0.5}
    if kind == "complex64":
        pair = [texture(SHAPE, is_complex=True, **move) for move in ({}, shift)]
    else:
        pair = [texture(SHAPE, mean=0.0, std=20.0, **move) for move in ({}, shift)]
        scale, offset = {"int16": (400.0, -3000.0), "tiny": (1e-8, 0.0), "huge": (1e7, 1e9)}[kind]
        pair = [image.astype(np.float64) * scale + offset for image in pair]
        pair = [image.round().clip(-32768, 32767).astype(np.int16) if kind == "int16" else image for image in pair]
    field = tracker.track(*pair)
    assert field.measured.mean() > 0.4
    assert median_of(field) == pytest.approx((1.25, -0.5), abs=0.03)


def test_stated_errors_are_of_the_right_size(tracker: Tracker, texture: Texture) -> None:
    rng = np.random.default_rng(7)
    pair = [texture(SHAPE, **move) + rng.normal(0, 4, SHAPE) for move in ({}, {"dx": 0.4, "dy": -0.7})]
    field = tracker.track(*pair)
    good = field.measured
    scaled = np.concatenate([((field.dx - 0.4) / field.sigma_dx)[good], ((field.dy + 0.7) / field.sigma_dy)[good]])
    assert good.mean() > 0.5
    assert 0.45 < np.mean(np.abs(scaled) < 1) < 0.92
    assert np.mean(np.abs(scaled) < 1.96) > 0.75


def test_more_noise_is_a_larger_stated_error(tracker: Tracker, texture: Texture) -> None:
    found = []
    for level in (1.0, 8.0):
        rng = np.random.default_rng(8)
        pair = [texture(SHAPE, dx=dx) + rng.normal(0, level, SHAPE) for dx in (0.0, 0.4)]
        field = tracker.track(*pair)
        found.append(np.median(field.sigma_dx[np.isfinite(field.sigma_dx)]))
    assert found[1] > 2 * found[0]


def test_images_of_different_places_are_not_measured(tracker: Tracker, texture: Texture) -> None:
    field = tracker.track(texture(SHAPE), texture(SHAPE, seed=5))
    assert field.measured.mean() < 0.25


def test_a_patch_that_changed_is_doubted(tracker: Tracker, texture: Texture) -> None:
    """A cloud, say: half of the image shows something else, and only the other half counts as measured."""
    first, second = texture(SHAPE), texture(SHAPE, dx=0.8)
    second[:, 100:] = texture(SHAPE, seed=9)[:, 100:]
    field = tracker.track(first, second)
    kept = field.measured
    side = field.shape[1] * 100 // SHAPE[1]
    edge = 36 // tracker.spacing
    inner = slice(edge, -edge)
    assert kept[inner, edge : side - edge].mean() > 0.8
    assert kept[inner, side + edge : -edge].mean() < 0.3


def test_dask_gives_the_same_bytes(tracker: Tracker, texture: Texture, dask_engine: Engine) -> None:
    pair = ImagePair(*(Image.from_array(texture((128, 160), dx=dx)) for dx in (0.0, 1.2)))
    here = track(pair, tracker, engine=Serial(), block=64).field
    there = track(pair, tracker, engine=dask_engine, block=64).field
    for name, layer in here.layers().items():
        np.testing.assert_array_equal(layer, there.layers()[name], err_msg=name)
