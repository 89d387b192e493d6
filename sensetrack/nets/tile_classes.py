"""Displacements of tiles by one network for each, as published: candidates are classes, the tile is classified.

Source: Łucka 2025, Remote Sensing Applications: Society and Environment, 101476.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sensetrack.errors import OutputError
from sensetrack.log import logger
from sensetrack.nets.augment import altered, stretched
from sensetrack.nets.tile_net import Training, fit, logits
from sensetrack.nets.tiles import Grid, Measured, rim_of
from sensetrack.types import FloatArray, Mask

log = logger(__name__)


@dataclass(frozen=True)
class Plan:
    """How every tile is classified.

    Attributes
    ----------
    candidate_step : int
        Between candidates, px.
    augmentations : tuple of str
        As `sensetrack.nets.augment.altered` takes them.
    epochs, batch : int
    rate : float
        Learning rate of Adam.
    seed : int
    valid : float
        Least share of valid pixels of a tile; a candidate with less is none.
    checkpoints : str or None
        Folder of finished tiles.
    """

    candidate_step: int
    augmentations: tuple[str, ...]
    epochs: int
    batch: int
    rate: float
    seed: int
    valid: float
    checkpoints: str | None


class Chances(NamedTuple):
    """Probabilities of the candidates of one tile.

    Attributes
    ----------
    values : ndarray of float32
        ``(rows, cols)`` of displacements, smallest first; NaN where there is no candidate.
    accuracy : float
        Of the network on candidates altered in ways that it had not seen.
    """

    values: FloatArray
    accuracy: float


class Window(NamedTuple):
    """What one tile is measured from.

    Attributes
    ----------
    tile, area : ndarray of float32
        ``(t, t)`` of the first image, and of the second the search area with the rim that alterations look at.
    tile_valid, area_valid : ndarray of bool
    """

    tile: FloatArray
    area: FloatArray
    tile_valid: Mask
    area_valid: Mask


def classify(
    images: tuple[FloatArray, FloatArray],
    valid: tuple[Mask, Mask],
    grid: Grid,
    plan: Plan,
    device: str,
    origin: tuple[int, int] = (0, 0),
) -> Measured:
    """Find every tile of the first image in the second.

    Parameters
    ----------
    images, valid, grid
        As for `sensetrack.nets.tile_embedding.measure`.
    plan : Plan
    device : str
    origin : tuple of int
        Row and column of the arrays' first pixel in the whole image; names the checkpoints.

    Raises
    ------
    OutputError
        A checkpoint cannot be written.
    """
    lags = np.arange(-grid.search, grid.search + 1, plan.candidate_step)
    corners = grid.corners()
    rows = []
    for number, corner in enumerate(corners, start=1):
        window = _window(images, valid, corner, grid)
        share = _shares(window, lags, grid)
        found = None
        if share.max() >= plan.valid and _has_texture(window):
            place = int(corner[0] + origin[0]), int(corner[1] + origin[1])
            found = _kept(window, share, lags, plan, grid, device, place)
            log.info("tile %d of %d: accuracy %.2f on altered candidates", number, len(corners), found.accuracy)
        rows.append(_of_chances(found, lags, float(share.max()), plan.candidate_step))
    return Measured(*(np.array(column) for column in zip(*rows, strict=True)))


def _window(
    images: tuple[FloatArray, FloatArray], valid: tuple[Mask, Mask], corner: NDArray[np.int64], grid: Grid
) -> Window:
    rim = grid.search + rim_of(grid.tile)
    parts = [
        _cut(array, corner - more, grid.tile + 2 * more)
        for more, pair in ((0, (images[0], valid[0])), (rim, (images[1], valid[1])))
        for array in pair
    ]
    return Window(parts[0], parts[2], parts[1], parts[3])


def _cut(array: np.ndarray, corner: NDArray[np.int64], side: int) -> np.ndarray:
    """Return a square of an array, 0 where it reaches beyond."""
    out = np.zeros((side, side), array.dtype)
    row, col = (int(value) for value in corner)
    inside = array[max(row, 0) : max(row + side, 0), max(col, 0) : max(col + side, 0)]
    top, left = max(-row, 0), max(-col, 0)
    out[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return out


def _shares(window: Window, lags: NDArray[np.int64], grid: Grid) -> FloatArray:
    """Return the share of pixels that are valid in tile and candidate, ``(lags, lags)``."""
    start = rim_of(grid.tile) + grid.search
    out = np.empty((len(lags), len(lags)), np.float32)
    for i, dy in enumerate(lags):
        for j, dx in enumerate(lags):
            row, col = start + dy, start + dx
            part = window.area_valid[row : row + grid.tile, col : col + grid.tile]
            out[i, j] = (part & window.tile_valid).mean()
    return out


def _has_texture(window: Window) -> bool:
    return bool(np.ptp(window.tile[window.tile_valid]) > 0 and np.ptp(window.area[window.area_valid]) > 0)


def _kept(
    window: Window,
    share: FloatArray,
    lags: NDArray[np.int64],
    plan: Plan,
    grid: Grid,
    device: str,
    place: tuple[int, int],
) -> Chances:
    """Return what the checkpoint of a tile says, or else train, and write it."""
    if plan.checkpoints is None:
        return _train(window, share, lags, plan, grid, device)
    row, col = place
    path = Path(plan.checkpoints) / f"tile_r{row + grid.tile // 2:06d}_c{col + grid.tile // 2:06d}.npz"
    key = _key(window, plan, grid)
    try:
        with np.load(path, allow_pickle=False) as archive:
            if str(archive["key"]) == key:
                return Chances(archive["probabilities"], float(archive["accuracy"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # not there, or not whole: the tile is done again
    found = _train(window, share, lags, plan, grid, device)
    part = path.with_name(path.name + ".partial")
    centre = (row + grid.tile / 2, col + grid.tile / 2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.savez_compressed(
                file, probabilities=found.values, lags=lags, centre=centre, accuracy=found.accuracy, key=key
            )
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot keep a finished tile ({error.strerror or error})") from error
    return found


def _key(window: Window, plan: Plan, grid: Grid) -> str:
    """Return what says that a checkpoint is of these pixels and parameters."""
    settings = asdict(plan) | {"checkpoints": None, "tile": grid.tile, "search": grid.search}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for array in window:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _train(window: Window, share: FloatArray, lags: NDArray[np.int64], plan: Plan, grid: Grid, device: str) -> Chances:
    """Train a network on the candidates of a tile, and return what it makes of the tile."""
    chance = torch.Generator(device).manual_seed(plan.seed)
    tile, area = (
        stretched(torch.as_tensor(pixels, device=device), torch.as_tensor(valid, device=device))
        for pixels, valid in ((window.tile, window.tile_valid), (window.area, window.area_valid))
    )
    rim = rim_of(grid.tile)
    side = grid.tile + 2 * rim
    here = np.argwhere(share >= plan.valid)
    starts = [(int(lags[i]) + grid.search, int(lags[j]) + grid.search) for i, j in here]
    wide = torch.stack([area[row : row + side, col : col + side] for row, col in starts])
    trained = fit(altered(wide, grid.tile, plan.augmentations), Training(plan.epochs, plan.batch, plan.rate), chance)
    with torch.no_grad():
        found = logits(trained.net, tile[None])[0].softmax(0).cpu().numpy()
    values = np.full(share.shape, np.nan, np.float32)
    values[here[:, 0], here[:, 1]] = found
    return Chances(values, trained.accuracy)


def _of_chances(found: Chances | None, lags: NDArray[np.int64], share: float, step: int) -> tuple[float | bool, ...]:
    """Return one tile's numbers, in the order of `Measured`.

    The covariance is the second moment of the probabilities about the best candidate, and that of rounding to
    candidates.
    """
    if found is None:
        return (np.nan,) * 8 + (share, False, True)
    known = np.nan_to_num(found.values.astype(np.float64))
    row, col = np.unravel_index(int(known.argmax()), known.shape)
    down, across = (lags - lags[row])[:, None], (lags - lags[col])[None, :]
    rounding = step**2 / 12
    var_dy, var_dx = (known * down**2).sum() + rounding, (known * across**2).sum() + rounding
    rho = (known * down * across).sum() / np.sqrt(var_dy * var_dx)
    inside = known[np.isfinite(found.values)]
    on_edge = max(abs(int(lags[row])), abs(int(lags[col]))) == int(lags[-1])
    return (
        float(lags[col]),
        float(lags[row]),
        float(known[row, col]),
        float(np.sqrt(var_dx)),
        float(np.sqrt(var_dy)),
        float(rho),
        float(inside.mean()),
        float(inside.std()),
        share,
        on_edge,
        True,
    )
