"""Packs layers and pictures into text that a page can hold: quantised, deflated, base64."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import InputError
from sensetrack.types import FlagArray, FloatArray

MISSING = 65535
"""Quantised value of NaN."""


def pack(values: FloatArray) -> dict[str, Any]:
    """Quantise a layer to uint16 between its extremes.

    Parameters
    ----------
    values : ndarray of float32

    Returns
    -------
    dict
        ``data`` (base64 of the deflated little-endian uint16 values, row by row, `MISSING` for NaN), ``scale`` and
        ``offset``: a value is ``offset + scale * stored``, wrong by at most half of ``scale``.
    """
    finite = np.isfinite(values)
    exact = values.astype(np.float64)
    low, high = (float(exact[finite].min()), float(exact[finite].max())) if finite.any() else (0.0, 0.0)
    scale = (high - low) / (MISSING - 1) or 1.0
    stored = np.where(finite, np.rint((np.where(finite, exact, low) - low) / scale), MISSING)
    return {"data": deflate(stored.astype("<u2")), "scale": scale, "offset": low}


def unpack(packed: dict[str, Any], shape: tuple[int, int]) -> FloatArray:
    """Return the layer that `pack` stored; what the page's script does too."""
    stored = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"])), "<u2").reshape(shape)
    values = packed["offset"] + packed["scale"] * stored.astype(np.float64)
    return np.where(stored == MISSING, np.nan, values).astype(np.float32)


def pack_flags(flags: FlagArray) -> str:
    """Return flags as base64 of their deflated bytes, row by row."""
    return deflate(flags.astype(np.uint8))


def deflate(values: NDArray[Any]) -> str:
    """Return the base64 of the deflated bytes of an array."""
    return base64.b64encode(zlib.compress(np.ascontiguousarray(values).tobytes(), 9)).decode("ascii")


def picture_uri(picture: NDArray[np.uint8], quality: int = 72) -> str:
    """Return a grey picture with opacity, shape (row, col, 2), as a WebP data URI.

    Raises
    ------
    InputError
        OpenCV was built without WebP.
    """
    import cv2

    grey = picture[..., 0]
    done, data = cv2.imencode(
        ".webp", np.dstack([grey, grey, grey, picture[..., 1]]), [cv2.IMWRITE_WEBP_QUALITY, quality]
    )
    if not done:
        raise InputError("OpenCV cannot write WebP pictures; install opencv-python-headless from PyPI")
    return "data:image/webp;base64," + base64.b64encode(data.tobytes()).decode("ascii")


def palette(name: str) -> str:
    """Return the 256 colours of a matplotlib colour map as base64 of their RGB bytes."""
    import matplotlib

    table = matplotlib.colormaps[name](np.linspace(0.0, 1.0, 256))[:, :3]
    return base64.b64encode(np.rint(255 * table).astype(np.uint8).tobytes()).decode("ascii")


def to_json(value: object) -> str:
    """Return JSON that may stand inside a script element of a page: NaN is null, and no markup can begin in it."""
    text = json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
