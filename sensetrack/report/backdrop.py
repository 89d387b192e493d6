"""A grey picture of an image, on the extent of a map."""

from __future__ import annotations

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from sensetrack.errors import GridError
from sensetrack.pair import bring_onto
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.image import Image
from sensetrack.types import FloatArray, Mask

OVERSAMPLING = 3
"""An overview is read this much finer than it is drawn, and averaged: files without overviews are sampled, and
sampled speckle looks like noise."""

DARKEST = 70
"""Grey value of the darkest pixels, 0..255: black ground would swallow dark colours over it."""


def backdrop(image: Image, grid: Grid, size: int) -> NDArray[np.uint8]:
    """Return a grey picture of an image on the extent of ``grid``.

    Parameters
    ----------
    image : Image
        In any CRS; the magnitude of complex pixels is drawn.
    grid : Grid
        Its extent and orientation count, not its pixel size.
    size : int
        Longer side of the picture in pixels.

    Returns
    -------
    ndarray of uint8, shape (row, col, 2)
        Grey value, stretched between the 2nd and 98th percentiles and lightened so that colours stay clear over it,
        and opacity (0 where the image has no pixels).

    Raises
    ------
    GridError
        The image cannot be placed on the grid: only one of the two has a CRS, or they do not overlap.
    """
    frame = fine_grid(grid, size)
    if (image.grid.crs is None) != (grid.crs is None):
        raise GridError(
            f"{image.name} cannot be drawn behind the map: its CRS is {crs_name(image.grid.crs)}, "
            f"the map's {crs_name(grid.crs)}; name the image that was tracked"
        )
    if image.grid.crs != grid.crs:
        pixels, valid = bring_onto(image, frame).read()
        grey, good = _real(pixels), valid
    else:
        if not image.grid.overlaps(grid):
            raise GridError(f"{image.name} does not overlap the map; name the image that was tracked")
        grey, good = _placed(image, frame)
    return stretch(grey, good)


def fine_grid(grid: Grid, size: int) -> Grid:
    """Return a grid of the same extent whose longer side has ``size`` pixels."""
    factor = size / max(grid.shape)
    rows, cols = (max(1, round(length * factor)) for length in grid.shape)
    scale = Affine.scale(grid.width / cols, grid.height / rows)
    return Grid((rows, cols), grid.transform @ scale, grid.crs)


def stretch(pixels: FloatArray, valid: Mask, tails: float = 2.0) -> NDArray[np.uint8]:
    """Return grey value and opacity as uint8 ``(row, col, 2)``; ``tails`` is the percentage cut at either end."""
    picture = np.zeros((*pixels.shape, 2), np.uint8)
    if valid.any():
        low, high = np.percentile(pixels[valid], [tails, 100 - tails])
        grey = (pixels - low) / max(high - low, np.finfo(np.float32).tiny)
        picture[..., 0] = np.where(valid, DARKEST + (255 - DARKEST) * np.clip(grey, 0, 1), 0)
    picture[..., 1] = np.where(valid, 255, 0)
    return picture


def _real(pixels: NDArray[np.inexact]) -> FloatArray:
    return np.abs(pixels).astype(np.float32) if np.iscomplexobj(pixels) else pixels.astype(np.float32)


def _placed(image: Image, frame: Grid) -> tuple[FloatArray, Mask]:
    """Average an overview of the image and sample it at the pixels of ``frame``, which has the same CRS."""
    import cv2

    zoom = max(image.grid.shape[i] * image.grid.pixel_size[1 - i] / _extent(frame)[i] for i in (0, 1))
    wanted = int(np.clip(OVERSAMPLING * max(frame.shape) * max(zoom, 1.0), 16, 4096))
    pixels, valid = image.read_overview(wanted)
    scale = Affine.scale(image.grid.width / pixels.shape[1], image.grid.height / pixels.shape[0])
    to_overview = ~(image.grid.transform @ scale) @ frame.transform
    layers = np.dstack([_real(pixels) * valid, valid]).astype(np.float32)
    reach = int(np.clip(round(abs(to_overview.determinant) ** 0.5), 1, 15))
    if reach > 1:
        layers = np.asarray(cv2.blur(layers, (reach, reach)), np.float32)
    half = Affine.translation(-0.5, -0.5) @ to_overview @ Affine.translation(0.5, 0.5)
    matrix = np.array([[half.a, half.b, half.c], [half.d, half.e, half.f]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    placed = cv2.warpAffine(
        layers, matrix, (frame.width, frame.height), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0)
    )
    grey, weight = placed[..., 0], placed[..., 1]
    good = weight > 0.5
    return np.where(good, grey / np.maximum(weight, 1e-6), 0).astype(np.float32), good


def _extent(grid: Grid) -> tuple[float, float]:
    """Height and width of a grid in map units."""
    width, height = grid.pixel_size
    return grid.height * height, grid.width * width
