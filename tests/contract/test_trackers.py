"""One suite for every registered tracker: a new one is tested before it has a test of its own."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import yaml

from sensetrack.displacement import Field, Flag
from sensetrack.engine import Serial, Threads
from sensetrack.errors import DeviceError, InputError, ParameterError, UnusableImageError
from sensetrack.pair import ImagePair
from sensetrack.params import describe
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.stream import track
from sensetrack.trackers import Tracker, registry

SHAPE = (240, 272)

Texture = Callable[..., np.ndarray]


@pytest.fixture(params=registry.names())
def tracker(request: pytest.FixtureRequest, default_tracker: Callable[[str], Tracker]) -> Tracker:
    """Every registered tracker with its defaults."""
    return default_tracker(request.param)


def inside(field: Field, pixels: int, spacing: int) -> tuple[slice, slice]:
    """Index of what lies at least ``pixels`` input pixels from the border."""
    edge = -(-pixels // spacing)
    return slice(edge, field.shape[0] - edge), slice(edge, field.shape[1] - edge)


def test_no_motion_is_zero_and_measured(tracker: Tracker, texture: Texture) -> None:
    image = texture(SHAPE)
    field = tracker.track(image, image)
    assert (field.flags == 0).mean() > 0.95
    np.testing.assert_allclose(field.dx[field.measured], 0, atol=2e-3)
    np.testing.assert_allclose(field.dy[field.measured], 0, atol=2e-3)


def test_noise_alone_moves_nothing_on_average(tracker: Tracker, texture: Texture) -> None:
    image = texture(SHAPE)
    rng = np.random.default_rng(1)
    noisy = [image + rng.normal(0, 2, SHAPE) for _ in range(2)]
    field = tracker.track(*noisy)
    for component in (field.dx, field.dy):
        assert abs(np.mean(component[field.measured])) < 0.01


@pytest.mark.parametrize("shift", [(2.0, 0.0), (0.0, 2.0), (-1.4, 3.3)])
def test_sign_and_axes(tracker: Tracker, texture: Texture, shift: tuple[float, float]) -> None:
    dx, dy = shift
    field = tracker.track(texture(SHAPE), texture(SHAPE, dx=dx, dy=dy))
    middle = inside(field, 40, tracker.spacing)
    assert np.nanmedian(field.dx[middle]) == pytest.approx(dx, abs=0.02)
    assert np.nanmedian(field.dy[middle]) == pytest.approx(dy, abs=0.02)


def test_layers_are_of_the_agreed_types_and_ranges(tracker: Tracker, texture: Texture) -> None:
    rng = np.random.default_rng(2)
    field = tracker.track(texture(SHAPE), texture(SHAPE, dx=1.0) + rng.normal(0, 4, SHAPE))
    assert field.shape == (SHAPE[0] // tracker.spacing, SHAPE[1] // tracker.spacing)
    assert tuple(field.extra) == tracker.extra_layers
    for name, layer in field.layers().items():
        assert layer.dtype == (np.uint8 if name == "flags" else np.float32), name
    usable = field.measured
    assert np.all((field.quality[usable] >= 0) & (field.quality[usable] <= 1))
    assert np.all(np.abs(field.rho[usable]) <= 1)
    assert np.all(field.sigma_dx[usable] > 0)
    assert np.all(field.sigma_dy[usable] > 0)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float64"])
def test_any_pixel_type(tracker: Tracker, texture: Texture, dtype: str) -> None:
    pair = [texture(SHAPE, dx=dx).round().clip(0, 255).astype(dtype) for dx in (0.0, 1.25)]
    field = tracker.track(*pair)
    assert np.nanmedian(field.dx[inside(field, 40, tracker.spacing)]) == pytest.approx(1.25, abs=0.03)


def test_nodata_hole_is_flagged_and_does_not_leak(tracker: Tracker, texture: Texture) -> None:
    valid = np.ones(SHAPE, np.bool_)
    valid[60:180, 80:200] = False
    pair = [np.where(valid, texture(SHAPE, dx=dx), np.nan) for dx in (0.0, 1.5)]
    field = tracker.track(*pair)
    row, col = 120 // tracker.spacing, 140 // tracker.spacing
    assert field.flags[row, col] & Flag.NODATA
    assert np.isnan(field.dx[row, col])
    error = np.hypot(field.dx - 1.5, field.dy)[field.measured]
    assert np.median(error) < 0.05
    assert error.max() < 1.0


def test_flat_areas_are_flat_never_a_corner_of_the_search(tracker: Tracker) -> None:
    field = tracker.track(np.full(SHAPE, 37.0), np.full(SHAPE, 41.0))
    assert np.all(field.flags & np.uint8(Flag.FLAT | Flag.NODATA))
    assert np.all(field.flags[inside(field, 48, tracker.spacing)] == Flag.FLAT)
    assert np.isnan(field.dx).all()
    assert np.isnan(field.dy).all()


def test_flat_patch_in_texture(tracker: Tracker, texture: Texture) -> None:
    pair = [texture(SHAPE, dx=dx) for dx in (0.0, 1.0)]
    for image in pair:
        image[60:200, 60:220] = 12.0
    field = tracker.track(*pair)
    assert field.flags[130 // tracker.spacing, 140 // tracker.spacing] & Flag.FLAT
    assert np.nanmedian(field.dx[field.measured]) == pytest.approx(1.0, abs=0.1)


def test_gain_and_offset_change_nothing(tracker: Tracker, texture: Texture) -> None:
    first, second = texture(SHAPE), texture(SHAPE, dx=0.7)
    plain = tracker.track(first, second)
    scaled = tracker.track(first, 300 + 0.25 * second)
    both = plain.measured & scaled.measured
    assert both.mean() > 0.9
    assert np.median(np.abs(plain.dx - scaled.dx)[both]) < 0.01


def test_blocks_have_no_seams_and_engines_agree(tracker: Tracker, texture: Texture) -> None:
    size = (256, 300)
    pair = ImagePair(*(Image.from_array(texture(size, dx=dx, dy=-0.4)) for dx in (0.0, 2.2)))
    whole = track(pair, tracker, block=4096).field
    parts = track(pair, tracker, engine=Serial(), block=128).field
    threads = track(pair, tracker, engine=Threads(2), block=128).field
    for name, layer in parts.layers().items():
        np.testing.assert_array_equal(layer, threads.layers()[name], err_msg=name)
    both = whole.measured & parts.measured
    assert both.sum() > 0.999 * max(whole.measured.sum(), parts.measured.sum())
    difference = np.where(both, np.hypot(whole.dx - parts.dx, whole.dy - parts.dy), 0)
    # At the rim of the image windows see half of what they need, and a flow found from far away may settle elsewhere.
    assert difference[inside(whole, 12, tracker.spacing)].max() < 0.02
    assert difference.max() < 0.1


def test_output_centres_are_window_centres(tracker: Tracker, texture: Texture) -> None:
    """A displacement that grows along the columns is right at the centres that the output grid claims."""
    slope = 0.01
    columns = np.arange(SHAPE[1], dtype=np.float64)
    # The secondary's pixel x shows the reference's x0 = x / (1 + slope), so that d(x0) = slope * x0.
    moved = np.broadcast_to(columns * slope / (1 + slope), SHAPE)
    field = tracker.track(texture(SHAPE, waves=60), texture(SHAPE, dx=moved, waves=60))
    grid = tracker.output_grid(Grid(SHAPE))
    x, _ = grid.xy(*np.mgrid[: grid.height, : grid.width])
    middle = inside(field, 40, tracker.spacing)
    truth = slope * (x - 0.5)
    assert np.nanmedian((field.dx - truth)[middle]) == pytest.approx(0, abs=0.01)


def test_parameters_are_described_and_survive_files(tracker: Tracker) -> None:
    for name in type(tracker).model_fields:
        assert len(describe(type(tracker), name)) > 20, name
    assert type(tracker)(**yaml.safe_load(tracker.to_yaml())) == tracker
    assert type(tracker)(**json.loads(tracker.to_json())) == tracker


def test_unknown_parameters_are_refused(tracker: Tracker) -> None:
    with pytest.raises(ParameterError, match="has no parameter 'windw'"):
        type(tracker)(windw=3)


def test_summary_is_one_line(tracker: Tracker) -> None:
    assert 10 < len(registry.summary(registry.name_of(type(tracker)))) < 100


def test_bad_arrays_are_refused(tracker: Tracker) -> None:
    with pytest.raises(InputError, match=r"two \(row, col\) arrays of one shape"):
        tracker.track(np.zeros((9, 9)), np.zeros((9, 8)))
    with pytest.raises(InputError, match="valid mask of shape"):
        tracker.track(np.ones(SHAPE), np.ones(SHAPE), np.ones((3, 3), np.bool_))


def test_all_nodata_and_small_images_say_so(tracker: Tracker) -> None:
    empty = Image.from_array(np.full(SHAPE, np.nan))
    with pytest.raises(UnusableImageError, match="100 % nodata"):
        track(ImagePair(empty, empty), tracker)
    tiny = Image.from_array(np.ones((4, 4)))
    if tracker.smallest_image > 4:
        with pytest.raises(ParameterError, match="4 x 4 pixels is smaller than the"):
            track(ImagePair(tiny, tiny), tracker)


def test_a_device_without_code_is_refused(tracker: Tracker, texture: Texture) -> None:
    if "cuda" not in tracker.devices:
        with pytest.raises(DeviceError, match="runs on cpu only"):
            tracker.track(texture((96, 96)), texture((96, 96)), device="cuda")
