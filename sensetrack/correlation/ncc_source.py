"""Images made ready for matching chips: planes, where they are valid, and what interpolation needs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensetrack.correlation.masks import bridge
from sensetrack.correlation.spline import fill, prefilter_columns, prefilter_rows
from sensetrack.device import cores
from sensetrack.engine import Serial, Threads
from sensetrack.types import FloatArray, Mask, PixelArray

STRIP = 128
"""Rows or columns that one thread prefilters at a time."""


class ChipSource(NamedTuple):
    """An image made ready for matching chips; `prepare_chips` builds it.

    Attributes
    ----------
    planes : ndarray of float32
        ``(plane, row, col)``: the pixels, or their real and imaginary parts; 0 where invalid.
    valid : ndarray of bool
        ``(row, col)``.
    holes : ndarray of int32
        ``(row + 1, col + 1)``: how many invalid pixels lie above and to the left (a summed-area table).
    smooth : ndarray of float32
        ``planes`` with something like their surroundings where they are invalid.
    slopes_valid : ndarray of bool
        Valid pixels whose four neighbours lie inside and are valid, or single invalid ones that could be bridged.
    coefficients : ndarray of float32
        Of the cubic B-spline through ``smooth``.
    between_valid : ndarray of bool
        Whether a place between a pixel and those right of and below it has four pixels valid or bridged, and lies not
        on the border.
    """

    planes: FloatArray
    valid: Mask
    holes: NDArray[np.int32]
    smooth: FloatArray
    slopes_valid: Mask
    coefficients: FloatArray
    between_valid: Mask


def prepare_chips(image: PixelArray, valid: Mask) -> ChipSource:
    """Make an image ready for matching chips.

    Parameters
    ----------
    image : ndarray
        float32 or complex64 ``(row, col)``, 0 where invalid.
    valid : ndarray of bool

    Returns
    -------
    ChipSource
    """
    planes = _planes(image)
    holes = np.zeros((valid.shape[0] + 1, valid.shape[1] + 1), np.int32)
    smooth, bridged = planes, valid
    if not valid.all():
        holes[1:, 1:] = (~valid).cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32)
        pixels, bridged = bridge(image, valid)
        smooth = _planes(pixels).copy()
        for plane in smooth:
            fill(plane, bridged.copy())
    slopes = valid.copy()
    slopes[1:] &= bridged[:-1]
    slopes[:-1] &= bridged[1:]
    slopes[:, 1:] &= bridged[:, :-1]
    slopes[:, :-1] &= bridged[:, 1:]
    between = bridged.copy()
    between[:-1] &= bridged[1:]
    between[:, :-1] &= between[:, 1:]
    # A spline takes one more pixel before a place and two after it.
    for axis in (slopes, slopes.T):
        axis[0], axis[-1] = False, False
    for axis in (between, between.T):
        axis[0], axis[-2:] = False, False
    return ChipSource(planes, valid, holes, smooth, slopes, _coefficients(smooth), between)


def _planes(image: PixelArray) -> FloatArray:
    """Return ``(plane, row, col)`` of float32."""
    if np.iscomplexobj(image):
        return np.stack([image.real, image.imag]).astype(np.float32, copy=False)
    return np.ascontiguousarray(image, np.float32)[None]


def _coefficients(planes: FloatArray) -> FloatArray:
    out = planes.copy()
    for plane in out:

        def along_rows(start: int, image: FloatArray = plane) -> None:
            prefilter_rows(image, start, min(start + STRIP, image.shape[0]))

        def along_columns(start: int, image: FloatArray = plane) -> None:
            prefilter_columns(image, start, min(start + STRIP, image.shape[1]))

        in_threads(along_rows, range(0, plane.shape[0], STRIP))
        in_threads(along_columns, range(0, plane.shape[1], STRIP))
    return out


def in_threads(work: Callable[[int], None], starts: range) -> None:
    """Call ``work`` with every start, in as many threads as `sensetrack.device.cores` allows."""
    engine = Threads(cores()) if cores() > 1 and len(starts) > 1 else Serial()
    deque(engine.map(work, starts), maxlen=0)
