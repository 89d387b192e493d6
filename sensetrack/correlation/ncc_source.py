"""Images made ready for matching chips: planes, where they are valid, and what the fit between pixels needs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensetrack.correlation.masks import bridge
from sensetrack.correlation.spline import fill, prefilter_columns
from sensetrack.device import cores
from sensetrack.engine import Serial, Threads
from sensetrack.types import FloatArray, Mask, PixelArray

STRIP = 256
"""Columns that one thread prefilters at a time."""


class ChipSource(NamedTuple):
    """An image made ready for matching chips; `prepare_reference` and `prepare_secondary` build it.

    Attributes
    ----------
    planes : ndarray of float32
        ``(plane, row, col)``: the pixels, or their real and imaginary parts; 0 where invalid.
    valid : ndarray of bool
        ``(row, col)``.
    holes : ndarray of int32
        ``(row + 1, col + 1)``: how many invalid pixels lie above and to the left (a summed-area table).
    values : ndarray of float32
        ``(plane, row, col)``. Of the reference: the pixels, with something like their surroundings where they are
        invalid. Of the secondary: the coefficients of the cubic B-spline through those.
    sound : ndarray of bool
        ``(row, col)``. Of the reference: valid pixels inside whose four neighbours are valid, or single invalid ones
        that could be bridged. Of the secondary: whether that is so of the four pixels around a place between a pixel
        and those right of and below it, which does not lie on the border.
    """

    planes: FloatArray
    valid: Mask
    holes: NDArray[np.int32]
    values: FloatArray
    sound: Mask


def prepare_reference(image: PixelArray, valid: Mask) -> ChipSource:
    """Make the image ready from which chips are cut.

    Parameters
    ----------
    image : ndarray
        float32 or complex64 ``(row, col)``, 0 where invalid.
    valid : ndarray of bool

    Returns
    -------
    ChipSource
    """
    holes, smooth, bridged = _filled(image, valid)
    sound = valid.copy()
    sound[1:] &= bridged[:-1]
    sound[:-1] &= bridged[1:]
    sound[:, 1:] &= bridged[:, :-1]
    sound[:, :-1] &= bridged[:, 1:]
    for axis in (sound, sound.T):
        axis[0], axis[-1] = False, False
    return ChipSource(_planes(image), valid, holes, smooth, sound)


def prepare_secondary(image: PixelArray, valid: Mask) -> ChipSource:
    """Make the image ready in which chips are searched for.

    Parameters
    ----------
    image, valid
        As for `prepare_reference`.

    Returns
    -------
    ChipSource
    """
    holes, smooth, bridged = _filled(image, valid)
    sound = bridged.copy()
    sound[:-1] &= bridged[1:]
    sound[:, :-1] &= sound[:, 1:]
    # A spline takes one more pixel before a place and two after it.
    for axis in (sound, sound.T):
        axis[0], axis[-2:] = False, False
    coefficients = np.stack([_prefilter(plane) for plane in smooth])
    return ChipSource(_planes(image), valid, holes, coefficients, sound)


def _planes(image: PixelArray) -> FloatArray:
    """Return ``(plane, row, col)`` of float32."""
    if np.iscomplexobj(image):
        return np.stack([image.real, image.imag]).astype(np.float32, copy=False)
    return np.ascontiguousarray(image, np.float32)[None]


def _filled(image: PixelArray, valid: Mask) -> tuple[NDArray[np.int32], FloatArray, Mask]:
    """Return the table of holes, the planes without holes, and where they are valid or bridged."""
    holes = np.zeros((valid.shape[0] + 1, valid.shape[1] + 1), np.int32)
    if valid.all():
        return holes, _planes(image), valid
    holes[1:, 1:] = (~valid).cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32)
    pixels, bridged = bridge(image, valid)
    smooth = _planes(pixels).copy()
    for plane in smooth:
        fill(plane, bridged.copy())
    return holes, smooth, bridged


def _prefilter(plane: FloatArray) -> FloatArray:
    """Return the spline coefficients of a plane: along its columns, then, turned over, along its rows."""
    for _ in range(2):
        turned = np.ascontiguousarray(plane.T)

        def along_columns(start: int, image: FloatArray = turned) -> None:
            prefilter_columns(image, start, min(start + STRIP, image.shape[1]))

        in_threads(along_columns, range(0, turned.shape[1], STRIP))
        plane = turned
    return plane


def in_threads(work: Callable[[int], None], starts: range) -> None:
    """Call ``work`` with every start, in as many threads as `sensetrack.device.cores` allows."""
    engine = Threads(cores()) if cores() > 1 and len(starts) > 2 else Serial()
    deque(engine.map(work, starts), maxlen=0)
