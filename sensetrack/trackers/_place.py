"""Where in the whole image a tracker's arrays lie; for those that name by place what they keep."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_origin: ContextVar[tuple[int, int]] = ContextVar("sensetrack_origin", default=(0, 0))


def origin() -> tuple[int, int]:
    """Return row and column, in the whole image, of the first pixel of the arrays that are tracked; may be negative."""
    return _origin.get()


@contextlib.contextmanager
def lying_at(row: int, col: int) -> Iterator[None]:
    """Say where the arrays lie that are tracked within the context."""
    token = _origin.set((row, col))
    try:
        yield
    finally:
        _origin.reset(token)
