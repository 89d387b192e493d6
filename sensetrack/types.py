"""Array and path types that all rooms share.

Arrays are ``(row, col)``; multi-band images are ``(band, row, col)``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float32]
"""Image or field samples, float32."""

DoubleArray: TypeAlias = NDArray[np.float64]
"""Coordinates and sums that need the precision, float64."""

ComplexArray: TypeAlias = NDArray[np.complex64]
"""Single-look complex samples, complex64."""

PixelArray: TypeAlias = NDArray[np.inexact]
"""What an image yields: float32, or complex64 where the file is complex."""

Mask: TypeAlias = NDArray[np.bool_]
"""Boolean mask; True means what its name says (``valid``, ``stable``, ``keep``)."""

FlagArray: TypeAlias = NDArray[np.uint8]
"""Bit mask of `sensetrack.displacement.Flag`."""

PathLike: TypeAlias = str | os.PathLike[str]
"""A local path, a URL or a GDAL virtual path."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the blocks done and the blocks in all, in the calling thread."""
