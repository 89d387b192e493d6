"""Orientation: what light does not change, what holes and noise do, and what it is worth to a tracker."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from sensetrack.benchmark.conditions import LIGHTS
from sensetrack.benchmark.pairs import PairMaker
from sensetrack.benchmark.truths import FIELDS
from sensetrack.pair import ImagePair
from sensetrack.preprocess import preprocess_pair
from sensetrack.preprocess.orientation import Orientation
from sensetrack.raster.image import Image
from sensetrack.stream import track
from sensetrack.trackers.pcc import Pcc

METHODS = ("naof", "gradient")

Texture = Callable[..., np.ndarray]


def test_gradient_gives_unit_vectors_along_the_slope(texture: Texture) -> None:
    image = texture((80, 90))
    result, valid = Orientation(method="gradient", floor=0).apply(image)
    assert valid.all()
    np.testing.assert_allclose(np.abs(result), 1, atol=1e-5)
    slope = ndimage.sobel(image, axis=1) + 1j * ndimage.sobel(image, axis=0)
    np.testing.assert_allclose(result[2:-2, 2:-2], (slope / np.abs(slope))[2:-2, 2:-2], atol=1e-4)


def test_naof_is_the_mean_of_two_unit_vectors_of_second_differences(texture: Texture) -> None:
    image = texture((80, 90), shortest=3.0).astype(np.float64)
    result, valid = Orientation(floor=0).apply(image)
    across = ndimage.correlate1d(image, [-1, 2, -1], axis=1)
    down = ndimage.correlate1d(image, [-1, 2, -1], axis=0)
    falling = ndimage.correlate(image, np.diag([-1, 2, -1]))
    rising = ndimage.correlate(image, np.diag([-1, 2, -1])[:, ::-1])
    first, second = np.arctan2(across, down), np.arctan2(falling, rising)
    inner = slice(1, -1), slice(1, -1)
    np.testing.assert_array_equal(valid, np.pad(np.ones((78, 88), np.bool_), 1))
    # Up to the sign of all of it; the paper adds real and imaginary part.
    expected = np.cos(first) + np.sin(first) + np.cos(second) + np.sin(second)
    np.testing.assert_allclose(-2 * (result.real + result.imag)[inner], expected[inner], atol=2e-3)


@pytest.mark.parametrize("method", METHODS)
def test_gain_and_offset_do_not_matter(method: str, texture: Texture) -> None:
    image = texture((120, 130), shortest=3.0)
    each = Orientation(method=method)
    np.testing.assert_allclose(each.apply(0.003 * image + 0.2)[0], each.apply(image)[0], atol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_no_vector_is_longer_than_one_and_weak_ones_are_shorter(method: str, texture: Texture) -> None:
    image = texture((150, 300), shortest=3.0)
    image[:, 150:] *= 0.001
    length = np.abs(Orientation(method=method).apply(image)[0])
    assert length.max() <= 1 + 1e-6
    assert np.median(length[:, :145]) > 0.6
    assert np.median(length[5:-5, 160:-5]) < 0.02
    assert np.median(np.abs(Orientation(method=method, floor=0).apply(image)[0])[5:-5, 160:-5]) > 0.5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("sigma", [0.0, 1.5])
def test_an_exact_plane_with_holes_has_one_orientation_or_none(method: str, sigma: float) -> None:
    rows, cols = np.mgrid[:70, :80]
    valid = np.random.default_rng(0).random((70, 80)) < 0.85
    result, good = Orientation(method=method, sigma=sigma).apply(400 + 3 * cols - 4 * rows, valid)
    assert good.sum() > (0.9 if method == "gradient" else 0.6) * valid.sum()
    expected = (3 - 4j) / 5 if method == "gradient" else 0
    np.testing.assert_allclose(result[good], expected, atol=2e-2)


def test_rounding_on_a_smooth_surface_is_no_orientation() -> None:
    rows, cols = np.mgrid[:70, :80]
    result, _ = Orientation().apply((3000.3 + 0.1 * cols - 0.07 * rows).astype(np.float32))
    assert np.abs(result).max() < 0.2


def test_pixels_whose_neighbours_do_not_tell_become_invalid() -> None:
    valid = np.ones((30, 30), np.bool_)
    valid[10, 10] = False
    _, good = Orientation().apply(np.random.default_rng(0).normal(size=(30, 30)), valid)
    missing = np.argwhere(~good[1:-1, 1:-1]) + 1
    np.testing.assert_array_equal(missing, [[10, 10]])
    valid[10] = False
    _, good = Orientation().apply(np.random.default_rng(0).normal(size=(30, 30)), valid)
    assert not good[9:12].any()
    assert good[8, 1:-1].all()


@pytest.mark.parametrize(("light", "least"), [("suns-45", 1.6), ("suns-75", 2.5)])
def test_beats_no_filter_where_the_sun_has_moved(light: str, least: float) -> None:
    """Strong shading and cast shadows: the median error falls by a factor, whatever the tracker measured without."""
    pair = PairMaker(256).make("terrain", FIELDS["shift"], LIGHTS[light])
    tracker = Pcc(window=48, step=16)
    errors = []
    for images in (
        (pair.reference, pair.secondary),
        [Orientation().apply(i)[0] for i in (pair.reference, pair.secondary)],
    ):
        field = tracker.track(*images)
        true_dy, true_dx = pair.truth(*np.mgrid[8:256:16, 8:256:16].astype(np.float64))
        errors.append(np.nanmedian(np.hypot(field.dx - true_dx, field.dy - true_dy)[2:-2, 2:-2]))
    assert errors[0] / errors[1] > least


def test_a_pair_is_tracked_block_by_block_as_in_one_piece(texture: Texture) -> None:
    pair = ImagePair(
        *preprocess_pair(*(Image.from_array(texture((200, 230), dx=dx)) for dx in (0, 1.3)), [Orientation()])
    )
    tracker = Pcc(window=48, step=16)
    whole, parts = track(pair, tracker, block=1024).field, track(pair, tracker, block=80).field
    assert np.nanmedian(whole.dx) == pytest.approx(1.3, abs=0.02)
    for name, layer in whole.layers().items():
        np.testing.assert_allclose(layer, parts.layers()[name], atol=1e-4, err_msg=name)
