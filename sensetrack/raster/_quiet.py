"""Silences warnings of other libraries that say nothing to our users, also while threads run."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()


@contextmanager
def quietly(category: type[Warning]) -> Iterator[None]:
    """Ignore warnings of one category within the context.

    Filters of warnings belong to the whole process: threads that changed them at the same time would undo each
    other's changes, so the context is for one thread at a time and must stay short.
    """
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", category)
        yield
