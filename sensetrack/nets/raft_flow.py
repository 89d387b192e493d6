"""Finds the flow of a pair of arrays of any size with RAFT, tile by tile, both ways at once.

Tiles have the side that RAFT was trained on and overlap; of each the central part counts, and neighbours fade into each
other. They lie on a lattice that the whole image has in common, so that blocks of it find the same flow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from sensetrack.errors import InputError
from sensetrack.nets.grids import move
from sensetrack.nets.raft import Raft, RaftShape
from sensetrack.nets.raft_input import sobel
from sensetrack.nets.weight_files import load_weights
from sensetrack.types import FloatArray

AT_ONCE = {"cpu": 2, "cuda": 32}
"""Tiles that pass through the net at a time: what bounds its memory."""

Flow = tuple[FloatArray, FloatArray]
"""dx and dy."""

Zone = tuple[slice, slice]
"""Rows and columns of an array."""


@dataclass(frozen=True)
class Tiling:
    """How an image is cut.

    Attributes
    ----------
    tile, stride : int
        Side of the tiles and of their central parts, in pixels.
    faded : int
        Pixels on both sides of a central part's border over which neighbours fade into each other.
    """

    tile: int = 256
    stride: int = 160
    faded: int = 16

    @property
    def beyond(self) -> int:
        """Pixels beyond a zone, at most, that belong to the tiles which speak there."""
        return self.stride + self.faded + (self.tile - self.stride) // 2

    def firsts(self, start: int, stop: int, origin: int) -> list[int]:
        """Return where tiles that speak from ``start`` to ``stop`` begin; ``origin`` is the array's in the image."""
        low = (start + origin - self.faded) // self.stride
        high = (stop - 1 + origin + self.faded) // self.stride
        rim = (self.tile - self.stride) // 2
        return [number * self.stride - rim - origin for number in range(low, high + 1)]

    def share(self) -> FloatArray:
        """Return what a tile counts along one axis; those of neighbours add up to 1."""
        away = np.abs(np.arange(self.tile) - 0.5 * (self.tile - 1))
        return np.asarray(np.clip(0.5 + (0.5 * self.stride - away) / (2 * self.faded), 0, 1), np.float32)


def find_flows(
    images: tuple[FloatArray, FloatArray],
    weights: tuple[FloatArray, FloatArray],
    zone: Zone,
    file: Path,
    device: str,
    *,
    origin: tuple[int, int] = (0, 0),
    iterations: int = 12,
    tiling: Tiling | None = None,
) -> tuple[Flow, Flow]:
    """Return the flow there and the flow back within a zone, 0 outside of it and where there is nothing to see.

    Both are asked of the net, and half the difference is taken: equal images give zero, and the flow back is that there
    turned round.

    Parameters
    ----------
    images : tuple of ndarray of float32
        Reference and secondary, ``(row, col)``, evened out.
    weights : tuple of ndarray of float32
        0 where the images are invalid, else up to 1.
    zone : tuple of slice
        Where the flow is wanted.
    file : Path
        Weights of the net.
    device : str
        ``cpu`` or ``cuda:n``.
    origin : tuple of int
        Row and column of the arrays' first pixel in the whole image.
    iterations : int
        Of the net.
    tiling : Tiling, optional

    Returns
    -------
    tuple
        dx and dy there, dx and dy back, float32 of the shape of the images.

    Raises
    ------
    InputError
        The weights cannot be used.
    """
    net = _net(file, file.stat().st_mtime_ns if file.exists() else 0, device)
    tiling = tiling or Tiling()
    layers = np.stack([*images, *weights])
    total = np.zeros((5, *images[0].shape), np.float32)
    share = np.multiply.outer(tiling.share(), tiling.share())
    rows, cols = (tiling.firsts(part.start, part.stop, first) for part, first in zip(zone, origin, strict=True))
    rim = (tiling.tile - tiling.stride) // 2
    # A tile whose central part shows nothing has nothing to say: beyond the border of the image, say.
    places = [(row, col) for row in rows for col in cols if _both_seen(layers, row + rim, col + rim, tiling.stride)]
    batch = AT_ONCE[device.partition(":")[0]]
    for first in range(0, len(places), batch):
        part = places[first : first + batch]
        cut = np.stack([_cut(layers, place, tiling.tile) for place in part])
        found = _answers(net, torch.from_numpy(cut).to(device), iterations).cpu().numpy()
        for (row, col), flow in zip(part, found, strict=True):
            top, left = max(row, 0), max(col, 0)
            here = total[:, top : row + tiling.tile, left : col + tiling.tile]
            inner = slice(top - row, top - row + here.shape[1]), slice(left - col, left - col + here.shape[2])
            here += np.concatenate([flow * share, share[None]])[:, *inner]
    np.divide(total[:4], total[4], out=total[:4], where=total[4] > 0)
    return (total[0], total[1]), (total[2], total[3])


def _both_seen(layers: FloatArray, row: int, col: int, side: int) -> bool:
    """Return whether a square shows anything of both images."""
    part = layers[2:, max(row, 0) : max(row + side, 0), max(col, 0) : max(col + side, 0)]
    return bool(part.size) and bool((part > 0).any(axis=(1, 2)).all())


def _cut(layers: FloatArray, place: tuple[int, int], side: int) -> FloatArray:
    """Return a tile of all layers, 0 beyond them."""
    row, col = place
    part = layers[:, max(row, 0) : row + side, max(col, 0) : col + side]
    out = np.zeros((len(layers), side, side), np.float32)
    top, left = max(-row, 0), max(-col, 0)
    out[:, top : top + part.shape[1], left : left + part.shape[2]] = part
    return out


def _answers(net: Raft, tiles: Tensor, iterations: int) -> Tensor:
    """Return dx and dy there and back of tiles, ``(sample, 4, row, col)``."""
    seen = (tiles[:, 2:] > 0).float()
    first, second = (sobel(tiles[:, k : k + 1], seen[:, k : k + 1]) for k in range(2))
    with torch.inference_mode():
        there, back = net.both_ways(first, second, iterations)
        return torch.cat([_turned_round(there, back), _turned_round(back, there)], dim=1)


def _turned_round(there: Tensor, back: Tensor) -> Tensor:
    """Return half the difference of a flow and the flow back, taken where the former ends."""
    end = 0.5 * (there - back)
    # Beyond the border nothing is known of the way back.
    known = move(torch.ones_like(back[:, :1]), end)
    return torch.where(known > 0.999, 0.5 * (there - move(back, end)), end)


@lru_cache(maxsize=4)
def _net(file: Path, changed: int, device: str) -> Raft:
    """Return the net with its weights; ``changed`` tells versions of a file apart."""
    held = load_weights(file, "raft")
    try:
        net = Raft(RaftShape(**held.shape))
        net.load_state_dict(held.state)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{file}: its weights do not fit the net that it describes ({reason})") from error
    net.to(device).eval()
    return net
