"""HDF5 files of products: opened, also inside archives, with their attributes as typed values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sensetrack.errors import CorruptFileError, InputError, SensetrackError
from sensetrack.raster.tiles import Block
from sensetrack.sensors._container import Container
from sensetrack.sensors._member import open_member
from sensetrack.types import DoubleArray

if TYPE_CHECKING:
    import h5py

SIGNATURE = b"\x89HDF\r\n\x1a\n"


@contextmanager
def opened(container: Container, name: str) -> Iterator[h5py.File]:
    """Open an HDF5 file of a container for reading.

    Raises
    ------
    CorruptFileError
        It is cut off or damaged, also where that shows while it is read.
    """
    import h5py

    source = open_member(container, name)
    try:
        with h5py.File(source, "r") as file:
            yield file
    except SensetrackError:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200]
        raise CorruptFileError(f"{container.path}: {name} cannot be read, is it cut off? ({reason})") from error
    finally:
        if not isinstance(source, str):
            source.close()


def is_hdf5(container: Container, name: str) -> bool:
    """Whether a file begins as HDF5 does."""
    return container.head(name, len(SIGNATURE)) == SIGNATURE


@dataclass(frozen=True, eq=False)
class Attributes:
    """The attributes of one group or dataset, without numpy's or HDF5's types.

    Attributes
    ----------
    values : mapping of str to object
        Text (blanks at its ends taken off), numbers, lists of text, or arrays of numbers.
    place : str
        File and group, for messages.
    """

    values: Mapping[str, Any]
    place: str

    @classmethod
    def of(cls, item: h5py.Group | h5py.Dataset, path: str) -> Attributes:
        """Read the attributes of a group or dataset of the file at ``path``."""
        return cls({name: _plain(item.attrs[name]) for name in item.attrs}, f"{path}: {item.name}")

    def __contains__(self, name: object) -> bool:
        return name in self.values

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text.

        Raises
        ------
        InputError
            It is not there (and there is no ``default``).
        """
        value = self.values.get(name, default)
        if value is None:
            raise InputError(f"{self.place} lacks the attribute '{name}'")
        return value if isinstance(value, str) else f"{value}"

    def number(self, name: str) -> float:
        """Return a number.

        Raises
        ------
        InputError
            It is not there, or is no finite number.
        """
        value = self.values.get(name)
        if value is None:
            raise InputError(f"{self.place} lacks the attribute '{name}'")
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise InputError(f"{self.place}: the attribute '{name}' = {_short(value)} is no number")
        return number

    def optional_number(self, name: str) -> float | None:
        """Return a number, or None where it is not there."""
        return self.number(name) if name in self.values else None

    def numbers(self, name: str, shape: tuple[int, ...] | None = None) -> DoubleArray:
        """Return an array of numbers.

        Parameters
        ----------
        name : str
        shape : tuple of int, optional
            What it must have; -1 stands for any length.

        Raises
        ------
        InputError
            It is not there, holds something else, or has another shape.
        """
        value = self.values.get(name)
        if value is None:
            raise InputError(f"{self.place} lacks the attribute '{name}'")
        try:
            found = np.atleast_1d(np.asarray(value, np.float64))
        except (TypeError, ValueError):
            raise InputError(f"{self.place}: the attribute '{name}' = {_short(value)} are no numbers") from None
        fits = shape is None or (
            found.ndim == len(shape)
            and all(wanted in (-1, length) for wanted, length in zip(shape, found.shape, strict=True))
        )
        if not fits or not np.isfinite(found).all():
            raise InputError(f"{self.place}: the attribute '{name}' of shape {found.shape} is not {shape} numbers")
        return found


def _plain(value: Any) -> Any:
    """Return an attribute without its HDF5 types: fixed-length ASCII and variable-length text become one."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip("\0 \t\r\n")
    if isinstance(value, str):
        return value.strip("\0 \t\r\n")
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "SUO":
            texts = [_plain(each) for each in value.ravel().tolist()]
            return texts[0] if len(texts) == 1 else texts
        return value.item() if value.size == 1 else value
    return value.item() if isinstance(value, np.generic) and value.dtype.kind in "biuf" else value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def steps(start: int, length: int, count: int) -> tuple[slice, np.ndarray]:
    """Return what to read of an axis and which of that to keep, to have ``count`` of ``length`` pixels."""
    step = max(1, length // count)
    kept = ((np.arange(count) + 0.5) * length / count / step).astype(np.intp)
    last = -(-length // step) - 1
    return slice(start, start + length, step), np.minimum(kept, last)


def read_window(
    dataset: h5py.Dataset, block: Block, shape: tuple[int, int], band: int | None = None, last: int | None = None
) -> np.ndarray:
    """Read a window of an image, decimated to ``shape`` by leaving pixels out.

    Parameters
    ----------
    dataset : h5py.Dataset
        ``(row, col)``, ``(row, band, col)`` or ``(row, col, part)``.
    block : Block
        Inside of it.
    band : int, optional
        Of the middle axis.
    last : int, optional
        Length of a last axis, which is read whole.
    """
    rows, row_of = steps(block.row, block.height, shape[0])
    cols, col_of = steps(block.col, block.width, shape[1])
    if band is not None:
        found = dataset[rows, band, cols]
    elif last is not None:
        found = dataset[rows, cols, :last]
    else:
        found = dataset[rows, cols]
    return np.asarray(found[np.ix_(row_of, col_of)])
