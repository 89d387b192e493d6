"""Known displacements and noise: what is put in is what was meant."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sensetrack.calibrate._injection import Offset, move, smoothed
from sensetrack.calibrate._misfit import Noise, dense_flow, misfit_of, sample_quintic, without_noise

SHAPE = (160, 192)
ALL = np.ones(SHAPE, np.bool_)
INNER = (slice(20, -20), slice(20, -20))


def constant(dy, dx):
    return np.stack([np.full(SHAPE, dy), np.full(SHAPE, dx)])


def test_content_is_moved_to_where_it_should_be(texture):
    moved, valid = move(texture(SHAPE), ALL, constant(-0.62, 1.37))
    np.testing.assert_allclose(moved[INNER], texture(SHAPE, dx=1.37, dy=-0.62)[INNER], atol=0.1)
    assert valid[INNER].all()
    assert not valid[:, 0].any()


def test_a_bump_moves_content_by_its_height_at_the_content(texture):
    flow = Offset(0.3, -0.2, 1.5, 0.7, 24.0).on(np.zeros((2, *SHAPE)))
    moved, _ = move(texture(SHAPE), ALL, flow)
    row, col = np.indices(SHAPE, np.float64)
    back, _ = sample_quintic(moved, ALL, row + flow[0], col + flow[1])
    np.testing.assert_allclose(back[INNER], texture(SHAPE)[INNER], atol=0.2)
    assert np.hypot(flow[0] + 0.2, flow[1] - 0.3).max() == pytest.approx(1.5, abs=0.001)


def test_invalid_pixels_take_no_part(texture):
    image, valid = texture(SHAPE), ALL.copy()
    image[60:80, 60:90], valid[60:80, 60:90] = 1e6, False
    moved, good = move(image, valid, constant(0.5, 0.5))
    assert not good[62:80, 62:90].any()
    assert good[100:140, 100:140].all()
    assert np.abs(moved).max() < 1e3


def test_offsets_are_spread_over_the_pixel_and_follow_the_seed():
    offsets = [Offset.of(number, 0, 384) for number in range(64)]
    for values in ([each.dx for each in offsets], [each.dy for each in offsets]):
        assert np.histogram(values, 8, (-1, 1))[0].min() >= 6
    assert sum(each.bump > 0 for each in offsets) == 21
    assert Offset.of(3, 0, 384) == offsets[3]
    assert Offset.of(3, 1, 384) != offsets[3]


def test_motion_that_would_fold_content_is_smoothed_further():
    flow = constant(0.0, 0.0)
    flow[1, :, 96:] = 60.0
    assert np.abs(np.diff(smoothed(flow, 4.0)[1], axis=1)).max() <= 0.5
    np.testing.assert_allclose(smoothed(constant(1.0, 2.0), 4.0), constant(1.0, 2.0))


def test_noise_has_the_strength_and_the_spectrum_of_the_misfit():
    rng = np.random.default_rng(0)
    strength = np.where(np.arange(SHAPE[1]) < 96, 1.0, 4.0)
    misfit = (gaussian_filter(rng.normal(size=SHAPE), 1.0) * strength).astype(np.float32)
    known = ALL.copy()
    known[:20] = False
    noise = Noise.of(misfit, known).draw(np.random.default_rng(1))
    for part in (slice(10, 70), slice(120, 180)):
        assert noise[30:, part].std() == pytest.approx(misfit[30:, part].std(), rel=0.15)
        assert noise[:15, part].std() == pytest.approx(misfit[30:, part].std(), rel=0.35)
    alike = [float(np.corrcoef(each[:, 1:90].ravel(), each[:, :89].ravel())[0, 1]) for each in (misfit, noise)]
    assert alike[1] == pytest.approx(alike[0], abs=0.05)
    assert abs(np.corrcoef(misfit.ravel(), noise.ravel())[0, 1]) < 0.05


def test_noise_of_complex_images_is_complex():
    rng = np.random.default_rng(0)
    misfit = (rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE)).astype(np.complex64)
    noise = Noise.of(misfit, ALL).draw(rng)
    assert noise.dtype == np.complex64
    assert Noise.of(misfit, ALL).draw(rng, 0.25).real.std() == pytest.approx(0.5, rel=0.1)
    assert noise.real.std() == pytest.approx(1.0, rel=0.1)
    assert noise.imag.std() == pytest.approx(1.0, rel=0.1)


def test_nothing_known_gives_no_noise():
    assert not Noise.of(np.ones(SHAPE, np.float32), ~ALL).draw(np.random.default_rng(0)).any()


def test_misfit_is_noise_and_neither_gain_nor_offset(texture):
    rng = np.random.default_rng(0)
    first, second = texture(SHAPE), 1.4 * texture(SHAPE, dx=2.0, dy=1.0) + 300
    noise = rng.normal(0, 2.0, SHAPE).astype(np.float32)
    misfit, known = misfit_of((first + noise, second, ALL, ALL), *constant(1.0, 2.0))
    assert misfit[known][500:].std() == pytest.approx(2.0, rel=0.1)
    assert not known[-1].any()


def test_what_is_left_without_noise_has_the_spectrum_of_the_texture(texture):
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, 10.0, SHAPE).astype(np.float32) for _ in range(2)]
    clean = without_noise(texture(SHAPE) + noise[0], ALL, noise[1])

    def steps(image):
        return np.diff(image, axis=1)[INNER].std()

    assert steps(clean) == pytest.approx(steps(texture(SHAPE)), rel=0.15)
    assert clean[INNER].std() == pytest.approx(texture(SHAPE)[INNER].std(), rel=0.05)


def test_flow_between_measurements(make_field):
    dx = np.tile(np.arange(4.0), (3, 1))
    dx[1, 1] = np.nan
    flow = dense_flow(make_field(dx, 0.5), (24, 32), 8, 3.5)
    assert flow.shape == (2, 24, 32)
    np.testing.assert_allclose(flow[1, 0, [0, 4, 12, 31]], [0, 0.0625, 1.0625, 3])
    np.testing.assert_allclose(flow[0], 0.5)
