"""A network that gives every pixel a few features by which the same ground is recognised in another image.

Plain convolutions at full resolution: features of an image moved by whole pixels are the features moved, so the
displacement of a tile is found by correlating features at every lag, as intensities are elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from sensetrack.errors import InputError
from sensetrack.types import PathLike

DILATIONS = (1, 1, 2, 2, 1, 1)
"""Spacing of the taps of each layer of 3 x 3."""

REACH = sum(DILATIONS)
"""Pixels around a pixel that its features depend on, beside the window of `even_out`."""

WIDTH = 16
FEATURES = 12

LIGHT = 12
"""Half the side of the window over which brightness is evened out; contrast looks as far again."""

CLIP = 3.0
"""Local standard deviations beyond which brightness is squashed."""

LEAST_CONTRAST = 1e-6
"""Standard deviation, relative to the level, below which a window holds nothing but rounding errors."""

SHIPPED = Path(__file__).parent / "weights" / "cnn.npz"
"""The weights that come with the package."""

Weights = dict[str, torch.Tensor]


class Calibration(NamedTuple):
    """How scores become probabilities and stated errors; fitted after the network.

    Attributes
    ----------
    sharpness : float
        Factor of the score of a tile of 32 px before the softmax: one over its temperature.
    growth : float
        Power of the tile's side, relative to 32 px, with which it grows.
    nothing : float
        Score that "none of the candidates" has.
    error : float
        Factor of stated standard deviations.
    """

    sharpness: float = 60.0
    growth: float = 1.0
    nothing: float = 0.3
    error: float = 1.0


def begin(seed: int) -> Weights:
    """Return weights to start training from."""
    chance = torch.Generator().manual_seed(seed)
    sizes = [1, *[WIDTH] * (len(DILATIONS) - 1), FEATURES]
    weights: Weights = {}
    for number in range(len(DILATIONS)):
        fan = 9 * sizes[number]
        shape = (sizes[number + 1], sizes[number], 3, 3)
        weights[f"w{number}"] = torch.randn(shape, generator=chance) * (1.6 / fan) ** 0.5
        weights[f"b{number}"] = torch.zeros(shape[0])
    return weights


def even_out(pixels: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return images of zero local mean and unit local deviation, squashed; 0 where invalid.

    Parameters
    ----------
    pixels : Tensor
        ``(n, row, col)``, 0 where invalid; computed in float64, since levels may dwarf contrasts.
    valid : Tensor
        bool, of the same shape.

    Returns
    -------
    Tensor
        float32 ``(n, row, col)``.
    """
    known = valid.double()
    values = pixels.double()
    share = _box(known).clamp_min(1e-9)
    mean = _box(values) / share
    square = _box((values - mean) ** 2 * known) / share
    level = _box(values.abs()) / share
    spread = square.sqrt()
    flat = spread <= LEAST_CONTRAST * level
    even = torch.where(valid & ~flat, (values - mean) / torch.where(flat, 1.0, spread), 0.0).float()
    return CLIP * torch.tanh(even / CLIP)


def _box(values: torch.Tensor) -> torch.Tensor:
    """Return means over the window of `LIGHT`; beyond the image there are zeros."""
    side = 2 * LIGHT + 1
    across = functional.avg_pool2d(values[:, None], (1, side), stride=1, padding=(0, LIGHT))
    return functional.avg_pool2d(across, (side, 1), stride=1, padding=(LIGHT, 0))[:, 0]


def embed(weights: Weights, even: torch.Tensor) -> torch.Tensor:
    """Return the features of every pixel.

    Parameters
    ----------
    weights : dict of str to Tensor
    even : Tensor
        float32 ``(n, row, col)``, as `even_out` returns.

    Returns
    -------
    Tensor
        float32 ``(n, feature, row, col)``.
    """
    values = even[:, None]
    last = len(DILATIONS) - 1
    for number, dilation in enumerate(DILATIONS):
        found = functional.conv2d(
            values, weights[f"w{number}"], weights[f"b{number}"], padding=dilation, dilation=dilation
        )
        if number == last:
            return found
        found = functional.silu(found)
        values = found if number == 0 else values + found
    return values


class Model(NamedTuple):
    """A trained network.

    Attributes
    ----------
    weights : dict of str to Tensor
    calibration : Calibration
    digest : str
        SHA-256 of the file.
    """

    weights: Weights
    calibration: Calibration
    digest: str


def save(path: PathLike, weights: Weights, calibration: Calibration) -> str:
    """Write weights as a NumPy archive; return the SHA-256 of the file.

    The same weights give the same bytes.
    """
    arrays = {name: array.detach().cpu().numpy().astype(np.float32) for name, array in sorted(weights.items())}
    arrays["calibration"] = np.array(calibration, np.float64)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def load(path: PathLike | None, device: str = "cpu") -> Model:
    """Read weights; None are those that come with the package.

    Raises
    ------
    InputError
        There is no such file, or it holds no weights of this network.
    """
    place = SHIPPED if path is None else Path(path)
    try:
        content = place.read_bytes()
        with np.load(place, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        reason = (getattr(error, "strerror", None) or str(error)).partition("\n")[0]
        raise InputError(f"{place}: cannot read weights ({reason}); 'sensetrack train cnn' writes them") from error
    _check(place, arrays)
    calibration = Calibration(*(float(value) for value in arrays.pop("calibration")))
    weights = {name: torch.as_tensor(array, device=device) for name, array in arrays.items()}
    return Model(weights, calibration, hashlib.sha256(content).hexdigest())


def _check(place: Path, arrays: Mapping[str, np.ndarray]) -> None:
    wanted = {name: tuple(array.shape) for name, array in begin(0).items()}
    wanted["calibration"] = (len(Calibration._fields),)
    found = {name: array.shape for name, array in arrays.items()}
    if found != wanted or any(not np.isfinite(array).all() for array in arrays.values()):
        raise InputError(f"{place}: these are no weights of the tracker cnn; 'sensetrack train cnn' writes them")


def note_of(path: PathLike) -> Path:
    """Return the path of the JSON beside a file of weights."""
    return Path(path).with_suffix(".json")


def write_note(path: PathLike, note: Mapping[str, object]) -> None:
    """Write the JSON beside a file of weights: how they were trained and what they score."""
    note_of(path).write_text(json.dumps(dict(note), indent=2) + "\n", encoding="utf-8")
