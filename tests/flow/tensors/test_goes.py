"""The twin of what finds the flow again without what has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')

from sensetrack.flow import lk, lk_goes  # noqa: E402
from sensetrack.flow.lk_prepare import Views, views  # noqa: E402
from sensetrack.flow.tensors import goes  # noqa: E402
from sensetrack.flow.tensors import lk as lk_on  # noqa: E402
from sensetrack.flow.tensors.views import Views as ViewsOn  # noqa: E402

SETTINGS = lk.Settings(search=8, radii=(4, 7, 11, 16), whole_distances=(8,), fine_distances=())
PAD = 72
SHAPE = (256, 288)


def a_pyramid(texture: Callable[..., np.ndarray], is_new: np.ndarray) -> list[Views]:
    """Three levels of a pair whose content moves by (1.7, -0.6), with noise, in part replaced by brighter content."""
    rng = np.random.default_rng(0)
    images = [texture(SHAPE, dx=dx, dy=dy, mean=0) / np.float32(100) for dx, dy in ((0, 0), (1.7, -0.6))]
    images[1] = np.where(is_new, 2 * texture(SHAPE, seed=9, waves=80, mean=0) / np.float32(100), images[1])
    noisy = [image + np.float32(0.01) * rng.standard_normal(SHAPE, dtype=np.float32) for image in images]
    whole = np.ones(SHAPE, np.float32)
    return views(*noisy, whole, whole, 3, SETTINGS.highpass)


@pytest.mark.parametrize(("pad", "has_back", "new", "turns"), [(PAD, True, 40, 2), (0, False, 90, 2), (0, False, 0, 1)])
def test_goes(
    texture: Callable[..., np.ndarray],
    on_tensors: Callable[[Any], Any],
    monkeypatch: pytest.MonkeyPatch,
    pad: int,
    has_back: bool,
    new: int,
    turns: int,
) -> None:
    is_new = np.zeros(SHAPE, np.bool_)
    is_new[100 : 100 + new, 120 : 120 + new] = True
    pyramid = a_pyramid(texture, is_new)
    on = [ViewsOn(*on_tensors(view)) for view in pyramid]
    start, start_on = lk.begin(pyramid, SETTINGS), lk_on.begin(on, SETTINGS)
    back = lk.way_back(pyramid, SETTINGS, start, pad) if has_back else None
    back_on = lk_on.way_back(on, SETTINGS, start_on, pad) if has_back else None
    weights = pyramid[0].reference_weight, pyramid[0].secondary_weight
    expected = lk_goes.in_goes(pyramid, weights, back, SETTINGS, start, pad)
    calls = []
    monkeypatch.setattr(goes, "adaptive_lk", lambda *given: calls.append(given) or lk_on.adaptive_lk(*given))
    found = goes.in_goes(on, on_tensors(weights), back_on, SETTINGS, start_on, pad)
    assert len(calls) >= turns
    assert (found.change[0].numpy() != expected.change[0]).mean() < 0.002
    assert (expected.change[0].mean() > 0.005) == (turns > 1)
    away = lk.cropped(pad, 0)
    still = ~is_new[away : SHAPE[0] - away, away : SHAPE[1] - away]
    for array, tensor in zip(expected.found.flow, found.found.flow, strict=True):
        # Beside what is left out the flow rests on little, and the last digits decide.
        assert np.quantile(np.abs(tensor.numpy() - array)[still], 0.95) < 1e-3
    assert (np.isnan(found.miss.numpy()) == np.isnan(expected.miss)).mean() > 0.999
