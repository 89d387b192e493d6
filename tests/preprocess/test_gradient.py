"""The gradient against analytic slopes, other libraries' kernels, and slopes beside holes."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from skimage.filters import farid_h, farid_v

from sensetrack.errors import ParameterError
from sensetrack.preprocess.gradient import Gradient

KERNELS = ("sobel", "scharr", "farid", "gaussian")

Texture = Callable[..., np.ndarray]


def ramp(shape: tuple[int, int] = (60, 70)) -> np.ndarray:
    """Rises by 3 per column and falls by 2 per row."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    return (500 + 3 * cols - 2 * rows).astype(np.float32)


@pytest.mark.parametrize("kernel", KERNELS)
def test_the_slope_of_a_ramp_is_exact_up_to_the_border(kernel: str) -> None:
    result, valid = Gradient(kernel=kernel).apply(ramp())
    assert valid.all()
    np.testing.assert_allclose(result, 3 - 2j, atol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS)
def test_holes_do_not_change_the_slope_of_a_ramp(kernel: str) -> None:
    valid = np.random.default_rng(0).random((60, 70)) < 0.8
    valid[20:40, 30:33] = False
    result, good = Gradient(kernel=kernel).apply(np.where(valid, ramp(), 0), valid)
    assert not (good & ~valid).any()
    assert good.sum() > 0.95 * valid.sum()
    np.testing.assert_allclose(result[good], 3 - 2j, atol=1e-3)


@pytest.mark.parametrize("kernel", ["sobel", "scharr", "farid"])
def test_agrees_with_other_libraries(kernel: str, texture: Texture) -> None:
    image = texture((90, 100))
    result, _ = Gradient(kernel=kernel).apply(image)
    if kernel == "farid":
        # Theirs gives 0.9918 for a ramp of slope 1.
        expected = (farid_v(image) + 1j * farid_h(image)) / (2 * (0.276691 + 2 * 0.109604))
    else:
        scale = 1 / 8 if kernel == "sobel" else 1 / 32
        function = cv2.Sobel if kernel == "sobel" else cv2.Scharr
        x, y = (function(image, cv2.CV_32F, *order, scale=scale) for order in ((1, 0), (0, 1)))
        expected = x + 1j * y
    np.testing.assert_allclose(result[3:-3, 3:-3], expected[3:-3, 3:-3], rtol=1e-4, atol=2e-4)


def test_gaussian_derivative_of_a_wave() -> None:
    """A wave's slope is its wavenumber, lowered by the Gaussian's transfer function."""
    k = 2 * np.pi / 12
    image = np.broadcast_to(np.sin(k * np.arange(90)), (80, 90))
    for sigma in (1.0, 2.0):
        result, _ = Gradient(kernel="gaussian", sigma=sigma).apply(image)
        expected = k * np.exp(-0.5 * (k * sigma) ** 2) * np.cos(k * np.arange(90))
        np.testing.assert_allclose(result.real[40, 10:-10], expected[10:-10], atol=0.01)
        np.testing.assert_allclose(result.imag[40, 10:-10], 0, atol=1e-6)


def test_pixels_with_neighbours_on_one_line_only_become_invalid() -> None:
    valid = np.zeros((60, 70), np.bool_)
    valid[10, 10:50] = True
    valid[30:50, 10:50] = True
    valid[20, 60] = True
    _, good = Gradient().apply(ramp(), valid)
    assert not good[:25].any()
    np.testing.assert_array_equal(good[30:50, 10:50], True)


def test_each_output_is_part_of_the_components(texture: Texture) -> None:
    image = texture((50, 60))
    both, _ = Gradient().apply(image)
    for output, expected in (("x", both.real), ("y", both.imag), ("magnitude", np.abs(both))):
        result, _ = Gradient(output=output).apply(image)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, expected, rtol=1e-6)


def test_sigma_belongs_to_the_gaussian_kernel() -> None:
    with pytest.raises(ParameterError, match="sigma = 2 means nothing with kernel sobel; use kernel gaussian"):
        Gradient(sigma=2)
    assert Gradient(kernel="gaussian") == Gradient(kernel="gaussian", sigma=None)
    assert Gradient(kernel="gaussian", sigma=2).margin == 6
