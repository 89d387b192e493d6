"""HDF5 as the agencies write it: strings of fixed length in ASCII, attributes on the groups where they belong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np


def put(item: h5py.Group | h5py.Dataset, attributes: Mapping[str, Any]) -> None:
    """Write attributes; text becomes fixed-length ASCII, padded by the caller where the product pads it."""
    for name, value in attributes.items():
        item.attrs[name] = np.bytes_(value.encode("ascii")) if isinstance(value, str) else value


def drop(path: Path, names: Iterable[str]) -> None:
    """Take groups or datasets (``S01/QLK``) or attributes (``S01@PRF``, ``@Reference UTC``) out of a file.

    The whole file is written anew, so that nothing of them is left in it.
    """
    names = list(names)
    if not names:
        return
    with h5py.File(path, "r+") as file:
        for name in names:
            place, is_attribute, attribute = name.partition("@")
            if is_attribute:
                del file[place or "/"].attrs[attribute]
            else:
                del file[place]
    smaller = path.with_suffix(".small")
    with h5py.File(path) as old, h5py.File(smaller, "w") as new:
        for key in old:
            old.copy(key, new)
        for key, value in old.attrs.items():
            new.attrs[key] = value
    smaller.replace(path)


def utc(moment: datetime, digits: int = 9) -> str:
    """Return ``2014-10-01 06:12:15.123456000``."""
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond * 1000:09d}"[: 20 + digits]
