"""How much of the texture of each band of an image is more than noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sensetrack.preprocess._survey import sample_blocks
from sensetrack.raster.image import Image
from sensetrack.types import DoubleArray, Mask, PixelArray

_LENGTH = 128
"""Pixels of the pieces of rows and columns whose spectra are averaged."""

_LOWEST = 3
"""Periods per piece below which the spectrum is that of slopes."""

_CHUNK = 64
"""Pieces that are transformed together, so that hundreds of bands fit into memory."""


def texture_scores(images: Sequence[Image]) -> DoubleArray:
    """Return how well the other bands confirm the structure of each band, up to which fineness, 0 to 1.

    Noise differs from band to band and the ground does not: of each frequency along rows and columns, the squared
    coherence of two bands is the product of the shares of structure in both. It is averaged over the other bands, and
    over the spectrum with the weight of squared frequency, which each scale has in the Cramer-Rao bound of a shift. So
    noise counts against a band, and so does blur, as interpolation from coarser pixels leaves it.

    Two bands confirm each other equally. There the lowest power of any frequency is taken for noise, and its share
    taken off.

    Parameters
    ----------
    images : sequence of Image
        The bands, on one grid.

    Returns
    -------
    ndarray
        One score per band; 0 for bands without contrast, and for all where no piece of a row or column is whole.
    """
    cross: NDArray[np.complex128] = np.zeros((_LENGTH // 2 + 1, len(images), len(images)), np.complex128)
    taper = np.hanning(_LENGTH + 2)[1:-1]
    for blocks in zip(*(sample_blocks(image) for image in images), strict=True):
        valid = np.logical_and.reduce([mask for _, _, mask in blocks])
        bands = np.stack([pixels for _, pixels, _ in blocks])
        for pieces in (_whole_pieces(bands, valid), _whole_pieces(bands.swapaxes(1, 2), valid.T)):
            for start in range(0, pieces.shape[1], _CHUNK):
                part = pieces[:, start : start + _CHUNK].astype(np.float64)
                waves = np.fft.rfft((part - part.mean(axis=2, keepdims=True)) * taper, axis=2).transpose(2, 0, 1)
                cross += waves @ waves.conj().swapaxes(1, 2)
    frequency = np.arange(_LOWEST, _LENGTH // 2)
    weight = frequency**2 / (frequency**2).sum()
    cross = cross[frequency]
    power: DoubleArray = np.maximum(np.einsum("kii->ki", cross).real, np.finfo(np.float64).tiny)
    root = np.sqrt(power)
    coherence = (np.abs(cross) / (root[:, :, None] * root[:, None, :])) ** 2
    scores: DoubleArray = np.einsum("k,kij->i", weight, coherence) - np.einsum("k,kii->i", weight, coherence)
    if len(images) == 2:
        share = (1 - power.min(axis=0) / power) ** 2
        scores = np.einsum("k,ki,k->i", weight, share, coherence[:, 0, 1])
    return scores / max(1, len(images) - 1)


def _whole_pieces(bands: PixelArray, valid: Mask) -> PixelArray:
    """Return the pieces of rows in which all pixels are valid: ``(band, piece, pixel)``."""
    size = valid.shape[1] // _LENGTH * _LENGTH
    whole = valid[:, :size].reshape(-1, _LENGTH).all(axis=1)
    pieces: PixelArray = bands[:, :, :size].reshape(len(bands), -1, _LENGTH)[:, whole]
    return pieces
