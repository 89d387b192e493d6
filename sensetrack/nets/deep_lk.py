"""Finds the flow of a pair of arrays with the net of `deep-lk`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from sensetrack.errors import InputError
from sensetrack.nets.pyramid import PyramidNet, PyramidShape
from sensetrack.nets.weight_files import load_weights
from sensetrack.types import FloatArray


def find_flow(
    images: tuple[FloatArray, FloatArray],
    weights: tuple[FloatArray, FloatArray],
    file: Path,
    device: str,
    last_passes: int = 1,
) -> tuple[FloatArray, FloatArray]:
    """Return dx and dy at every pixel of the reference, float32.

    Parameters
    ----------
    images : tuple of ndarray of float32
        Reference and secondary, ``(row, col)``, sides multiples of the net's coarsest scale.
    weights : tuple of ndarray of float32
        0 where the images are invalid, else up to 1.
    file : Path
        Weights of the net.
    device : str
        ``cpu`` or ``cuda:n``.
    last_passes : int
        How often the finest scale is gone through.

    Raises
    ------
    InputError
        The weights cannot be used.
    """
    net = _net(file, file.stat().st_mtime_ns if file.exists() else 0, device)
    first, second, here, there = (torch.from_numpy(part)[None, None].to(device) for part in (*images, *weights))
    scales = net.shape.scales + (1,) * (last_passes - 1)
    with torch.inference_mode():
        flow = net(first, second, ((here > 0.5).float(), (there > 0.5).float()), scales, both_ways=True)[-1]
    dx, dy = np.ascontiguousarray(flow[0].cpu().numpy())
    return dx, dy


@lru_cache(maxsize=4)
def _net(file: Path, changed: int, device: str) -> PyramidNet:
    """Return the net with its weights; ``changed`` tells versions of a file apart."""
    held = load_weights(file, "deep-lk")
    try:
        net = PyramidNet(PyramidShape.from_dict(held.shape))
        net.load_state_dict(held.state)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{file}: its weights do not fit the net that it describes ({reason})") from error
    net.to(device).to(memory_format=torch.channels_last)
    net.eval()
    return net
