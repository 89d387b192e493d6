"""How much of the texture of an image stands above its noise."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sensetrack.preprocess._stripes import rings_of
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, Mask, PixelArray

_TILE = 64
"""Side of the windows whose spectra are averaged, about that of a tracker's."""

_LOWEST = 2
"""Periods per window below which the spectrum is that of slopes."""

_FAINTEST = 1e-4
"""Share of the variance that noise has at least: no two images of the same ground agree better."""


def texture_score(blocks: Iterable[tuple[Block, PixelArray, Mask]], dtype: str) -> float:
    """Return the share of the spectrum, weighted by squared frequency, in which structure stands above noise.

    With the mean power ``P`` of each scale and the noise ``N``, the lowest of them, structure agrees between two images
    by the coherence ``1 - N / P``, whose square is averaged. Squared frequency is the weight of each scale in the
    Cramer-Rao bound of a shift.

    Parameters
    ----------
    blocks : iterable
        Blocks of the image: where they lie, their pixels, and where they are valid.
    dtype : str
        Pixel type of the file: steps of whole numbers are noise.

    Returns
    -------
    float
        0 to 1; 0 where there is no window without holes, or no contrast.
    """
    rings = rings_of(_TILE)
    power = np.zeros(rings.shape)
    side = np.hanning(_TILE + 2)[1:-1]
    taper = np.outer(side, side)
    count = 0
    for _, pixels, valid in blocks:
        tiles = _whole_tiles(pixels, valid)
        if tiles.size:
            tapered = (tiles - tiles.mean(axis=(1, 2), keepdims=True)) * taper
            power += (np.abs(np.fft.rfft2(tapered)) ** 2).sum(axis=0)
            count += len(tiles)
    if not count:
        return 0.0
    power /= count * (taper**2).sum()
    radius = np.arange(_LOWEST, _TILE // 2 + 1)
    number = np.bincount(rings.ravel())[radius]
    level = np.bincount(rings.ravel(), power.ravel())[radius] / number
    step = 0.0 if dtype.startswith(("float", "complex")) else 1 / 12
    tiny = float(np.finfo(np.float64).tiny)
    noise = max(level.min(), step, _FAINTEST * float((level * number).sum() / number.sum()), tiny)
    weight = number * radius**2
    coherence = np.maximum(1 - noise / np.maximum(level, tiny), 0)
    return float((weight * coherence**2).sum() / weight.sum())


def _whole_tiles(pixels: PixelArray, valid: Mask) -> DoubleArray:
    """Return the windows of a block in which all pixels are valid."""
    rows, cols = (size // _TILE for size in pixels.shape)

    def tiles(array: PixelArray | Mask) -> PixelArray | Mask:
        cut = array[: rows * _TILE, : cols * _TILE].reshape(rows, _TILE, cols, _TILE)
        return cut.swapaxes(1, 2).reshape(-1, _TILE, _TILE)

    whole = tiles(valid).all(axis=(1, 2))
    return np.asarray(tiles(pixels)[whole], np.float64)
