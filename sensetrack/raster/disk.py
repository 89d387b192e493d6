"""A file below the HDF5 library that survives a full disk.

HDF5 compresses and writes behind the caller's back, and when a write fails while it closes a file, it loses the
error or crashes the process. So the first failed write is remembered here for the caller to raise, and what HDF5
writes after it goes to memory: little, since the caller stops at once.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self


class DiskFile:
    """A new binary file with the methods that ``h5py`` asks of a file object; use it as a context manager.

    Parameters
    ----------
    path : pathlib.Path
        Created, or emptied.

    Attributes
    ----------
    error : OSError or None
        The first write that failed; the context raises it on the way out unless another error is on its way.
    """

    def __init__(self, path: Path) -> None:
        self.error: OSError | None = None
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)
        self._position = 0
        self._end = 0
        self._lost: list[tuple[int, bytes]] = []

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position and return it."""
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence]
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def write(self, data: memoryview | bytes) -> int:
        """Write at the position; never fails, see `error`."""
        view = memoryview(data).cast("B")
        start = self._position
        if self.error is None:
            try:
                done = 0
                while done < len(view):
                    done += os.pwrite(self._descriptor, view[done:], start + done)
            except OSError as error:
                self.error = error
        if self.error is not None:
            self._lost.append((start, bytes(view)))
        self._position = start + len(view)
        self._end = max(self._end, self._position)
        return len(view)

    def readinto(self, buffer: memoryview) -> int:
        """Fill a buffer from the position, with zeros where nothing was written."""
        view = memoryview(buffer).cast("B")
        start, stop = self._position, self._position + len(view)
        content = os.pread(self._descriptor, len(view), start)
        view[:] = content + bytes(len(view) - len(content))
        for offset, data in self._lost:
            first, last = max(offset, start), min(offset + len(data), stop)
            if first < last:
                view[first - start : last - start] = data[first - offset : last - offset]
        self._position = stop
        return len(view)

    def read(self, size: int) -> bytes:
        """Read from the position."""
        content = bytearray(max(0, min(size, self._end - self._position)))
        self.readinto(memoryview(content))
        return bytes(content)

    def truncate(self, size: int) -> int:
        """Set the length of the file."""
        self._end = size
        if self.error is None:
            try:
                os.ftruncate(self._descriptor, size)
            except OSError as error:
                self.error = error
        return size

    def flush(self) -> None:
        """Nothing is held back."""

    def check(self) -> None:
        """Raise the first write that failed, if one has.

        Raises
        ------
        OSError
            Such as "No space left on device".
        """
        if self.error is not None:
            raise self.error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
        if kind is None:
            self.check()
