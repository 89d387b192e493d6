"""Phase correlation: accuracy, peak locking, large displacements, masks, flags, covariance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from sensetrack.displacement import Flag
from sensetrack.errors import ParameterError
from sensetrack.trackers.pcc import Pcc

Texture = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def rough() -> np.ndarray:
    """Rough scenery at twice the resolution of the images, power spectrum k^-2.2."""
    size = 640
    rng = np.random.default_rng(7)
    f = np.fft.fftfreq(size)
    k = np.hypot(f[:, None], f)
    k[0, 0] = 1
    return np.fft.ifft2(np.fft.fft2(rng.standard_normal((size, size))) * k**-1.1).real


def scene(rough: np.ndarray, dx: float, dy: float, noise: float, seed: int) -> np.ndarray:
    """Sample the scenery every second pixel through a sensor's blur, moved by (dx, dy), with noise."""
    rows, cols = np.mgrid[40:600:2, 40:600:2].astype(np.float64)
    blurred = gaussian_filter(rough, 1.2)
    image = map_coordinates(blurred, [rows - 2 * dy, cols - 2 * dx], order=5)
    return image + np.random.default_rng(seed).normal(0, noise * blurred.std(), image.shape)


@pytest.mark.parametrize("normalization", ["damped", "phase", "none"])
@pytest.mark.parametrize("step", np.arange(0, 1.01, 0.1).round(1))
def test_no_peak_locking(rough: np.ndarray, step: float, normalization: str) -> None:
    dx, dy = step, 1 - step / 2
    tracker = Pcc(step=12, normalization=normalization)
    field = tracker.track(scene(rough, 0, 0, 0.03, 1), scene(rough, dx, dy, 0.03, 2))
    assert field.measured.mean() > 0.9
    assert abs(np.median(field.dx[field.measured]) - dx) < 0.02
    assert abs(np.median(field.dy[field.measured]) - dy) < 0.02


def test_single_pass_has_no_pull_either(rough: np.ndarray) -> None:
    field = Pcc(passes=1).track(scene(rough, 0, 0, 0.02, 1), scene(rough, 0.5, -0.3, 0.02, 2))
    assert abs(np.median(field.dx[field.measured]) - 0.5) < 0.02
    assert abs(np.median(field.dy[field.measured]) + 0.3) < 0.02


@pytest.mark.parametrize("window", [32, 48, 64, 63])
def test_sub_pixel_error_without_noise(texture: Texture, window: int) -> None:
    field = Pcc(window=window, search=10).track(texture((200, 200)), texture((200, 200), dx=0.37, dy=-0.62))
    middle = field.measured[3:-3, 3:-3]
    assert middle.mean() > 0.95
    assert np.abs(field.dx[3:-3, 3:-3][middle] - 0.37).max() < 0.02
    assert np.abs(field.dy[3:-3, 3:-3][middle] + 0.62).max() < 0.02


@pytest.mark.parametrize("shift", [(30.3, 0.0), (-22.6, 29.5), (38.0, -38.0)])
def test_displacements_beyond_half_a_window(texture: Texture, shift: tuple[float, float]) -> None:
    dx, dy = shift
    shape = (320, 320)
    tracker = Pcc(window=32, search=44, step=16)
    assert tracker.widest_window >= 3 * 44
    first, second = (texture(shape, dx=x, dy=y, longest=80.0, shortest=5.0) for x, y in ((0, 0), shift))
    field = tracker.track(first, second)
    middle = (slice(6, -6), slice(6, -6))
    good = field.measured[middle]
    assert good.mean() > 0.9
    assert np.abs(field.dx[middle][good] - dx).max() < 0.05
    assert np.abs(field.dy[middle][good] - dy).max() < 0.05


def test_motion_beyond_the_search_range_is_never_a_measurement_of_its_edge(texture: Texture) -> None:
    first, second = texture((256, 256)), texture((256, 256), dx=19.0)
    field = Pcc(search=8, window=64).track(first, second)
    at_edge = np.isclose(np.abs(field.dx), 8, atol=1.0) & field.measured
    assert at_edge.mean() < 0.02


def test_content_that_leaves_the_frame_is_not_measured(texture: Texture) -> None:
    first, second = texture((256, 256)), texture((256, 256), dx=17.0)
    field = Pcc().track(first, second)
    good = field.measured
    assert np.abs(field.dx[good] - 17).max() < 0.1
    assert good[:, 5:-5].mean() > 0.8


def test_masked_pixels_have_no_say(texture: Texture) -> None:
    """Whatever stands in invalid pixels, the result is the same to the bit."""
    first, second = texture((200, 200)), texture((200, 200), dx=0.8)
    valid = np.random.default_rng(3).random((200, 200)) > 0.15
    valid[90:130, 60:90] = False
    fields = []
    for junk in (0.0, 1e6, np.nan):
        pair = (np.where(valid, image, junk) for image in (first, second))
        fields.append(Pcc().track(*pair, valid, valid))
    for other in fields[1:]:
        np.testing.assert_array_equal(fields[0].dx, other.dx)
        np.testing.assert_array_equal(fields[0].sigma_dx, other.sigma_dx)
    assert np.nanmedian(fields[0].dx) == pytest.approx(0.8, abs=0.04)


def test_a_still_mask_edge_does_not_pull_the_peak_to_zero(texture: Texture) -> None:
    """Swath edges and cloud masks stand still while the ground moves."""
    valid = np.ones((256, 256), np.bool_)
    valid[:, :100] = False
    valid[40:80] = False
    pair = [texture((256, 256), dx=dx, dy=1.0 * (dx > 0)) for dx in (0.0, 3.0)]
    field = Pcc(step=8).track(*pair, valid, valid)
    good = field.measured
    assert np.median(np.abs(field.dx - 3.0)[good]) < 0.03
    assert np.mean(np.abs(field.dx)[good] < 1.0) < 0.02


def test_least_valid_share_is_honoured(texture: Texture) -> None:
    valid = np.ones((128, 128), np.bool_)
    valid[:, :64] = False
    image = texture((128, 128))
    strict = Pcc(window=32, step=8, min_valid=0.9, search=8).track(image, image, valid, valid)
    loose = Pcc(window=32, step=8, min_valid=0.3, search=8).track(image, image, valid, valid)
    assert (strict.flags & Flag.NODATA).astype(bool).sum() > (loose.flags & Flag.NODATA).astype(bool).sum()
    assert not strict.measured[:, 8].any()
    assert loose.measured[2:-2, 8].all()


@pytest.mark.parametrize("window", [32, 64])
def test_predicted_errors_are_those_that_occur(rough: np.ndarray, window: int) -> None:
    z, predicted, actual = [], [], []
    for seed, dx in enumerate((0.2, 0.45, 1.7)):
        tracker = Pcc(window=window, step=window // 2, search=10)
        field = tracker.track(scene(rough, 0, 0, 0.15, 2 * seed), scene(rough, dx, -dx, 0.15, 2 * seed + 1))
        good = field.measured
        z += [((field.dx - dx) / field.sigma_dx)[good], ((field.dy + dx) / field.sigma_dy)[good]]
        predicted.append(field.sigma_dx[good])
        actual.append((field.dx - dx)[good])
    scores = np.abs(np.concatenate(z))
    assert 0.58 < np.mean(scores < 1) < 0.76
    assert 0.86 < np.mean(scores < 1.96) < 0.985
    ratio = np.median(np.concatenate(predicted)) / (1.4826 * np.median(np.abs(np.concatenate(actual))))
    assert 0.75 < ratio < 1.3


def test_predicted_errors_hold_where_the_light_changes(rough: np.ndarray) -> None:
    """Brightness that changes in patches is a misfit that hangs together; errors may be cautious, never bold."""
    z, predicted, actual = [], [], []
    for seed in range(3):
        first, second = scene(rough, 0, 0, 0.03, 2 * seed), scene(rough, 0.3, -0.3, 0.03, 2 * seed + 1)
        patches = gaussian_filter(np.random.default_rng(seed).normal(size=first.shape), 4)
        second = second * (1 + 0.5 * patches / patches.std())
        field = Pcc(window=32, step=16, search=10).track(first, second)
        good = field.measured
        z += [((field.dx - 0.3) / field.sigma_dx)[good], ((field.dy + 0.3) / field.sigma_dy)[good]]
        predicted.append(field.sigma_dx[good])
        actual.append((field.dx - 0.3)[good])
    scores = np.abs(np.concatenate(z))
    assert np.mean(scores < 1) > 0.65
    assert np.mean(scores < 1.96) > 0.93
    ratio = np.median(np.concatenate(predicted)) / (1.4826 * np.median(np.abs(np.concatenate(actual))))
    assert 1.0 < ratio < 2.5


def test_noise_errors_are_those_of_full_ones_or_smaller(rough: np.ndarray) -> None:
    first, second = scene(rough, 0, 0, 0.1, 1), scene(rough, 0.4, 0.2, 0.1, 2)
    full, noise = (Pcc(forward_backward=0, errors=errors).track(first, second) for errors in ("full", "noise"))
    for name in ("dx", "dy", "quality"):
        np.testing.assert_array_equal(getattr(full, name), getattr(noise, name))
    np.testing.assert_array_equal(full.extra["nrms"], noise.extra["nrms"])
    good = full.measured
    assert np.all((full.sigma_dx**2 + full.sigma_dy**2)[good] >= 0.999 * (noise.sigma_dx**2 + noise.sigma_dy**2)[good])
    assert np.mean(full.sigma_dx[good] > 1.01 * noise.sigma_dx[good]) > 0.1


def test_covariance_knows_the_aperture_problem(texture: Texture) -> None:
    """Stripes along the columns say little about motion along the stripes."""
    rng = np.random.default_rng(0)
    stripes = texture((1, 192), waves=40).repeat(192, axis=0) + rng.normal(0, 2, (192, 192))
    other = texture((1, 192), waves=40, dx=0.5).repeat(192, axis=0) + rng.normal(0, 2, (192, 192))
    field = Pcc(forward_backward=0).track(stripes, other)
    assert np.nanmedian(field.sigma_dy / field.sigma_dx) > 5


def test_errors_along_a_diagonal_are_correlated(texture: Texture) -> None:
    rows, cols = np.mgrid[:192, :192]
    rng = np.random.default_rng(0)
    line = texture((1, 800), waves=60)[0]
    pair = [
        line[rows + cols + 100 - lag] + 0.3 * texture((192, 192), dx=lag, seed=4) + rng.normal(0, 4, (192, 192))
        for lag in (0, 0)
    ]
    field = Pcc(forward_backward=0).track(*pair)
    assert np.nanmedian(field.rho) < -0.3


def test_quality_falls_with_noise(texture: Texture) -> None:
    rng = np.random.default_rng(5)
    first, second = texture((192, 192)), texture((192, 192), dx=0.5)
    medians, differences = [], []
    for noise in (0.0, 5.0, 20.0, 60.0):
        field = Pcc(forward_backward=0).track(
            first + rng.normal(0, noise, first.shape), second + rng.normal(0, noise, first.shape)
        )
        medians.append(np.nanmedian(field.quality))
        differences.append(np.nanmedian(field.extra["nrms"]))
    assert medians == sorted(medians, reverse=True)
    assert differences == sorted(differences)
    assert differences[0] < 0.15
    assert differences[-1] > 0.9


def test_decorrelated_area_is_flagged(texture: Texture) -> None:
    first, second = texture((320, 320)), texture((320, 320), dx=1.0)
    patch = (slice(100, 260), slice(100, 260))
    second[patch] = texture((320, 320), seed=99)[patch]
    field = Pcc().track(first, second)
    lost = field.measured[10:13, 10:13]
    assert lost.mean() < 0.3
    assert np.mean(np.abs(field.dx - 1)[field.measured] < 0.3) > 0.9


def test_forward_backward_finds_chance_matches() -> None:
    first, second = np.random.default_rng(1).normal(size=(2, 400, 400))
    shares = []
    for limit in (0.0, 1.0):
        field = Pcc(window=32, search=20, forward_backward=limit, false_alarm=1.0).track(first, second)
        shares.append(field.measured.mean())
    assert shares[0] > 0.03
    assert shares[1] < 0.6 * shares[0]


@pytest.mark.parametrize("smooth", [0.0, 2.0])
def test_unrelated_images_pass_no_more_often_than_promised(smooth: float) -> None:
    rng = np.random.default_rng(11)
    pair = [gaussian_filter(rng.normal(size=(520, 520)), smooth) for _ in range(2)]
    field = Pcc(window=32, step=16, search=12, forward_backward=0, false_alarm=0.05).track(*pair)
    assert field.measured.mean() < 0.07
    assert (field.flags[field.flags > 0] & Flag.LOW_QUALITY).astype(bool).mean() > 0.8


def test_complex_images_and_a_constant_phase_between_them(texture: Texture) -> None:
    first = texture((160, 160), is_complex=True)
    second = texture((160, 160), dx=0.6, dy=-1.3, is_complex=True) * np.exp(1j * 2.1).astype(np.complex64)
    field = Pcc(search=8).track(first, second)
    assert field.measured[2:-2, 2:-2].mean() > 0.9
    assert np.nanmedian(field.dx) == pytest.approx(0.6, abs=0.02)
    assert np.nanmedian(field.dy) == pytest.approx(-1.3, abs=0.02)


def test_whole_pixels_when_upsampling_is_one(texture: Texture) -> None:
    field = Pcc(upsampling=1).track(texture((160, 160)), texture((160, 160), dx=1.8))
    assert set(np.unique(field.dx[field.measured])) == {2.0}


def test_upsampling_sets_the_precision(texture: Texture) -> None:
    pair = texture((160, 160)), texture((160, 160), dx=0.437)
    errors = [
        np.nanmedian(np.abs(Pcc(upsampling=factor, forward_backward=0).track(*pair).dx - 0.437))
        for factor in (1, 10, 1000)
    ]
    assert errors[0] > 0.3
    assert errors[1] < 0.05
    assert errors[2] < 0.005


def test_margin_covers_all_that_matters(texture: Texture) -> None:
    """Pixels beyond the margin change nothing, to the bit."""
    tracker = Pcc(window=32, step=8, search=10)
    first, second = texture((256, 256)), texture((256, 256), dx=2.0)
    pad = tracker.margin
    plain = tracker.track(first, second, pad=pad + 8)
    junk = [image.copy() for image in (first, second)]
    for image in junk:
        frame = np.ones(image.shape, np.bool_)
        frame[8:-8, 8:-8] = False
        image[frame] = np.random.default_rng(1).normal(0, 500, frame.sum())
    changed = tracker.track(*junk, pad=pad + 8)
    np.testing.assert_array_equal(plain.dx, changed.dx)
    np.testing.assert_array_equal(plain.flags, changed.flags)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"search": 40, "passes": 1},
            "search = 40 does not fit a first window of 64: it reaches 31; raise window to 82",
        ),
        ({"search": 40, "first_window": 70}, "raise first_window to 82"),
        ({"passes": 1, "first_window": 128}, "needs passes = 2 or more"),
        ({"window": 4}, "window = 4: .*greater than or equal to 8"),
        ({"taper": 1.5}, "taper = 1.5: .*less than or equal to 1"),
        ({"normalization": "full"}, "normalization = 'full': .*'damped', 'phase' or 'none'"),
        ({"stpe": 8}, "no parameter 'stpe'; did you mean 'step'"),
    ],
)
def test_settings_that_cannot_work(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Pcc(**settings)
