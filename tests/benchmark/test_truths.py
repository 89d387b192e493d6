"""The displacement fields are what their names say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensetrack.benchmark.truths import FIELDS, SHIFT
from sensetrack.errors import ParameterError

SIZE = 512


def components(name: str) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.arange(SIZE, dtype=np.float64)
    return FIELDS[name].at(pixels[:, None], pixels[None, :], SIZE)


def test_shift_is_constant() -> None:
    dy, dx = components("shift")
    assert dy.shape == dx.shape == (SIZE, SIZE)
    assert np.unique(dy) == SHIFT[0] == -0.62
    assert np.unique(dx) == SHIFT[1] == 0.37


@pytest.mark.parametrize("height", [0.5, 3, 10, 30])
def test_bumps_have_their_amplitude_and_do_not_fold(height: float) -> None:
    dy, dx = components(f"bumps-{height:g}")
    length = np.hypot(dy, dx)
    assert length.max() == pytest.approx(height, rel=0.03)
    assert length[[0, 0, -1, -1], [0, -1, 0, -1]].max() < 0.2 * height
    determinant = (1 + np.gradient(dx, axis=1)) * (1 + np.gradient(dy, axis=0)) - np.gradient(dx, axis=0) * np.gradient(
        dy, axis=1
    )
    assert determinant.min() > 0.3
    peaks = [
        length[row - 10 : row + 10, col - 10 : col + 10].max() for row, col in ((154, 148), (184, 374), (374, 246))
    ]
    np.testing.assert_allclose(peaks, height, rtol=0.05)


@pytest.mark.parametrize(
    ("name", "offset"), [("fault-0.7", 0.7), ("fault-10.3", 10.3), ("fault-31", 31), ("step-3.2", 3.2)]
)
def test_faults_have_their_offset_and_slip_along_the_trace(name: str, offset: float) -> None:
    far = np.array([-1e5, 1e5])
    dy, dx = FIELDS[name].at(np.zeros(2), far, SIZE)
    total = math.hypot(dy[1] - dy[0], dx[1] - dx[0])
    assert total == pytest.approx(offset, rel=1e-3)
    dy, dx = components(name)
    along = np.array([dy[0, 0], dx[0, 0]]) / math.hypot(dy[0, 0], dx[0, 0])
    across = dy * along[1] - dx * along[0]
    np.testing.assert_allclose(across, 0, atol=1e-12)
    # Along the slip nothing changes, so that content only slides.
    pixels = np.arange(0, 200.0)
    there = FIELDS[name].at(100 + along[0] * pixels, 100 + along[1] * pixels, SIZE)
    np.testing.assert_allclose(there[1], there[1][0], atol=1e-9)


def test_a_step_is_sharp_and_a_fault_is_not() -> None:
    lengths = {name: np.abs(np.diff(components(name)[0], axis=1)).max() for name in ("step-3.2", "fault-3.2")}
    assert lengths["step-3.2"] > 1.0
    assert lengths["fault-3.2"] < 0.1


def test_too_small_an_image_is_refused() -> None:
    with pytest.raises(ParameterError, match="size = 128: field 'bumps-30' needs at least 270 pixels"):
        FIELDS["bumps-30"].check(128)
    FIELDS["bumps-30"].check(270)
    FIELDS["fault-31"].check(64)
