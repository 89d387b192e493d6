"""Adaptive Lucas-Kanade in PyTorch: the same field as on the CPU, on PyTorch's own CPU device and on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sensetrack.displacement import Field, Flag
from sensetrack.errors import InputError
from sensetrack.trackers.adaptive_lk import PRESETS, AdaptiveLk

torch = pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')

Texture = Callable[..., np.ndarray]
Bump = Callable[..., np.ndarray]
Moved = Callable[..., tuple[np.ndarray, np.ndarray]]
Pair = tuple[np.ndarray, np.ndarray]

SHAPE = (200, 232)


def bump_pair(bump: Bump, moved: Moved, texture: Texture) -> Pair:
    return moved(bump(SHAPE, 5, 40), bump(SHAPE, -3, 45), 2.0)


def fault_pair(bump: Bump, moved: Moved, texture: Texture) -> Pair:
    return moved(np.where(np.arange(SHAPE[1]) < 116, -1.5, 1.5) * np.ones(SHAPE), 0.3, 2.0)


def holed_pair(bump: Bump, moved: Moved, texture: Texture) -> Pair:
    first, second = moved(bump(SHAPE, 3, 50), 0.4, 2.0)
    first[60:100, 90:130] = second[60:100, 90:130] = np.nan
    first[np.random.default_rng(1).random(SHAPE) < 0.01] = np.inf
    second[-20:] = np.nan
    return first, second


def changed_pair(bump: Bump, moved: Moved, texture: Texture) -> Pair:
    first, second = moved(bump(SHAPE, 2, 60), 0.5, 2.0)
    cloud = gaussian_filter(np.random.default_rng(2).standard_normal(SHAPE), 20, mode="wrap")
    return first, np.where(cloud > np.quantile(cloud, 0.8), texture(SHAPE, seed=9, waves=80), second)


def constant_pair(bump: Bump, moved: Moved, texture: Texture) -> Pair:
    return np.full(SHAPE, 7.0, np.float32), np.full(SHAPE, 7.0, np.float32)


def half_flat_pair(bump: Bump, moved: Moved, texture: Texture) -> Pair:
    first, second = moved(1.3, -0.4, 2.0, SHAPE)
    first[:, :90] = second[:, :90] = 100
    return first, second


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread: its threads wait in loops, which takes the cores from other processes."""
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(count)


@pytest.fixture
def on_torch(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Field]:
    """Track in PyTorch on the CPU, which has no name among the devices that a user may ask for."""

    def run(tracker: AdaptiveLk, pair: Any, **arguments: Any) -> Field:
        with monkeypatch.context() as patch:
            patch.setattr("sensetrack.device.resolve", lambda *_: "cpu:0")
            return tracker.track(*pair, **arguments)

    return run


def assert_alike(found: Field, expected: Field, flow: float = 1e-4, sigma: float = 0.02) -> None:
    """Check that fields agree: flags at 99.5 % of the pixels, of those measured the flow at 95 %, covariances at 80 %.

    Where next to nothing is valid the last digits decide, and one such pixel takes part in all windows around it.
    """
    assert found.shape == expected.shape
    assert (found.flags == expected.flags).mean() > 0.995
    both = found.measured & expected.measured
    if not both.any():
        return
    apart = np.hypot(found.dx - expected.dx, found.dy - expected.dy)[both]
    assert np.median(apart) < flow
    assert np.quantile(apart, 0.95) < 20 * flow
    for name in ("sigma_dx", "sigma_dy"):
        ratio = getattr(found, name)[both] / getattr(expected, name)[both]
        assert np.quantile(np.abs(ratio - 1), 0.8) < sigma
    assert np.quantile(np.abs(found.quality - expected.quality)[both], 0.95) < 0.01
    assert np.quantile(np.abs(found.rho - expected.rho)[both], 0.8) < sigma


@pytest.mark.parametrize("preset", list(PRESETS))
@pytest.mark.parametrize(
    "make", [bump_pair, fault_pair, holed_pair, changed_pair, constant_pair, half_flat_pair], ids=lambda f: f.__name__
)
def test_the_field_is_that_of_the_cpu(
    bump: Bump, moved: Moved, texture: Texture, on_torch: Callable[..., Field], make: Callable[..., Pair], preset: str
) -> None:
    pair, tracker = make(bump, moved, texture), AdaptiveLk(preset=preset)
    expected, found = tracker.track(*pair, device="cpu"), on_torch(tracker, pair)
    if make in (holed_pair, changed_pair):  # the CPU's own field moves as far when the images change in the last digit
        assert_alike(found, expected, flow=5e-4, sigma=0.03)
    else:
        assert_alike(found, expected)
    if make is constant_pair:
        assert (found.flags == Flag.FLAT).mean() > 0.9
        assert not found.measured.any()
    elif make is not changed_pair:
        assert found.measured.mean() > 0.4


@pytest.mark.parametrize(
    ("settings", "pad"),
    [
        ({"step": 3, "forward_backward": 0}, 0),
        ({"step": 4, "levels": 2, "search": 9}, 64),
        ({"step": 3, "preset": "fast", "levels": 4}, 128),
        ({"preset": "full", "halve": True, "passes": 1}, 0),
        ({"preset": "full", "fine_steps": 0, "passes": 1}, 0),
        ({"levels": 4, "preset": "full", "windows": 2}, 128),
        ({"windows": 1, "fine_steps": 0, "reach": 0, "passes": 0}, 100),
        ({"search": 4, "highpass": 30, "min_valid": 0.9}, 7),
    ],
)
def test_parameters_and_context_mean_the_same(
    bump: Bump, moved: Moved, on_torch: Callable[..., Field], settings: dict[str, Any], pad: int
) -> None:
    shape = 300, 340
    pair, tracker = moved(bump(shape, 5, 60), bump(shape, -3, 65), 2.0), AdaptiveLk(**settings)
    assert_alike(on_torch(tracker, pair, pad=pad), tracker.track(*pair, device="cpu", pad=pad))


def test_amplitudes_are_followed_and_bare_phases_refused(moved: Moved, on_torch: Callable[..., Field]) -> None:
    first, second = moved(0.4, 1.2, 1.0, SHAPE)
    phase = np.exp(1j * np.random.default_rng(3).uniform(0, 6, SHAPE))
    pair = (first + 200) * phase, (second + 200) * phase
    tracker = AdaptiveLk(preset="fast")
    assert_alike(on_torch(tracker, pair), tracker.track(*pair, device="cpu"))
    with pytest.raises(InputError, match="is in their phase"):
        on_torch(tracker, (phase, phase))


def test_inputs_are_left_alone(moved: Moved, on_torch: Callable[..., Field]) -> None:
    pair = moved(0.4, 1.2, 1.0, SHAPE)
    before = [image.copy() for image in pair]
    on_torch(AdaptiveLk(preset="fast"), pair)
    assert all((image == copy).all() for image, copy in zip(pair, before, strict=True))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU, which PyTorch does not see here")
@pytest.mark.parametrize("preset", list(PRESETS))
def test_the_field_of_a_gpu_is_that_of_the_cpu(bump: Bump, moved: Moved, texture: Texture, preset: str) -> None:
    for make in (bump_pair, fault_pair, holed_pair):
        pair, tracker = make(bump, moved, texture), AdaptiveLk(preset=preset)
        assert_alike(tracker.track(*pair, device="cuda"), tracker.track(*pair, device="cpu"))
