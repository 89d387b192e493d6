"""The optional dependency of everything in this room; the only module of it that loads without PyTorch."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator

from sensetrack.device import cores
from sensetrack.errors import MissingExtraError


def has_torch() -> bool:
    """Return whether PyTorch is installed, without loading it."""
    return importlib.util.find_spec("torch") is not None


def need_torch(what: str) -> None:
    """Check that PyTorch is installed.

    Parameters
    ----------
    what : str
        What needs it, as the subject of the message.

    Raises
    ------
    MissingExtraError
        It is not; the message names the extra.
    """
    if not has_torch():
        raise MissingExtraError("deep", what)


@contextlib.contextmanager
def share_of_cores() -> Iterator[None]:
    """Let PyTorch use this task's share of the cores within the context, so that blocks at once do not fight.

    ``OMP_NUM_THREADS`` limits it further: where other programs keep cores busy, threads that wait for each other are
    many times slower than one.
    """
    import torch

    before, limit = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS", "")
    torch.set_num_threads(min(cores(), int(limit)) if limit.isdigit() and int(limit) else cores())
    try:
        yield
    finally:
        torch.set_num_threads(before)
