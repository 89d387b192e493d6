"""What the twins are compared on: random arrays and a pair of textures, as arrays and as tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from sensetrack.flow.lk_prepare import Views, views
from sensetrack.flow.weights import fade

Texture = Callable[..., np.ndarray]
SHAPE = (128, 192)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Let PyTorch use one thread: its threads wait in loops, which takes the cores from other processes."""
    import torch

    count = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(count)


@pytest.fixture(scope="session")
def smooth() -> Callable[..., np.ndarray]:
    """Make smooth random float32 numbers of deviation 1: ``smooth(shape, seed, scale)``."""
    from scipy.ndimage import gaussian_filter

    def make(shape: tuple[int, int] = SHAPE, seed: int = 0, scale: float = 8.0) -> np.ndarray:
        field = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), scale, mode="wrap")
        return (field / field.std()).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def pyramid(texture: Texture) -> list[Views]:
    """Three levels of a pair whose content moves by (1.7, -0.6), with a hole in each image."""
    images = [texture(SHAPE, dx=dx, dy=dy, mean=0) / np.float32(100) for dx, dy in ((0, 0), (1.7, -0.6))]
    valid = [np.ones(SHAPE, np.bool_) for _ in images]
    valid[0][20:44, 60:90] = valid[1][80:100, 120:150] = False
    for image, mask in zip(images, valid, strict=True):
        image[~mask] = 0
    return views(*images, *(fade(mask) for mask in valid), 3, 12)


@pytest.fixture(scope="session")
def flow(smooth: Callable[..., np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A flow about the truth that bends, jumps, and leaves the image."""
    dx, dy = 1.7 + 0.4 * smooth(seed=1), -0.6 + 0.4 * smooth(seed=2)
    dx[:, 100:] += 2
    dx[:4, :4], dy[-6:, 30:50] = -9, 12
    return dx, dy


def tensors(value: Any) -> Any:
    """Turn arrays, and tuples of them, into tensors with memory of their own."""
    import torch

    if isinstance(value, np.ndarray):
        return torch.tensor(value)
    if hasattr(value, "_fields"):
        return type(value)(*(tensors(each) for each in value))
    return type(value)(tensors(each) for each in value)


@pytest.fixture(scope="session")
def on_tensors() -> Callable[[Any], Any]:
    """Turn arrays, and tuples and lists of them, into tensors."""
    return tensors
