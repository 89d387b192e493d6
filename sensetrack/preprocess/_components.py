"""The first principal component of the bands of an image that may be larger than memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sensetrack.preprocess._survey import sample_blocks
from sensetrack.raster.image import Image
from sensetrack.types import DoubleArray


def principal_weights(images: Sequence[Image]) -> DoubleArray:
    """Return the weights of bands in the first component of their correlation, for a sample of the image.

    Parameters
    ----------
    images : sequence of Image
        The bands, real, on one grid.

    Returns
    -------
    ndarray
        Of the bands in their own units; absolute values add up to 1, and the sum is not negative. Bands without
        contrast get 0; if none has any, all get the same.
    """
    size = len(images)
    count, total, squares = 0, np.zeros(size), np.zeros((size, size))
    origin: DoubleArray | None = None  # near the mean, so that squares keep their digits
    for blocks in zip(*(sample_blocks(image) for image in images), strict=True):
        valid = np.logical_and.reduce([mask for _, _, mask in blocks])
        values = np.stack([pixels[valid] for _, pixels, _ in blocks]).astype(np.float64)
        if not values.size:
            continue
        origin = values.mean(axis=1) if origin is None else origin
        values -= origin[:, None]
        count += values.shape[1]
        total += values.sum(axis=1)
        squares += values @ values.T
    covariance = squares / max(count, 1) - np.outer(total, total) / max(count, 1) ** 2
    spread = np.sqrt(np.maximum(np.diag(covariance), 0))
    useful = spread > 1e-9 * np.maximum(spread.max(), np.finfo(np.float32).tiny)
    if not useful.any():
        return np.full(size, 1 / size)
    scale = np.where(useful, spread, 1.0)
    correlation = np.where(np.outer(useful, useful), covariance / np.outer(scale, scale), 0)
    weights: DoubleArray = np.linalg.eigh(correlation)[1][:, -1] / scale * useful
    weights /= np.abs(weights).sum()
    return weights if weights.sum() >= 0 else -weights
