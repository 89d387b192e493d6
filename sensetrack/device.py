"""Where computation runs: the accelerator that was asked for, and this task's share of the CPU cores."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from sensetrack.errors import DeviceError, MissingExtraError

_cores: ContextVar[int | None] = ContextVar("sensetrack_cores", default=None)


def resolve(device: str, supported: Collection[str] = ("cpu",)) -> str:
    """Turn ``auto``, ``cpu`` or ``cuda[:n]`` into a device that is really there.

    Parameters
    ----------
    device : str
        What the user asked for.
    supported : collection of str
        Device kinds that the algorithm has code for, such as ``{"cpu", "cuda"}``.

    Returns
    -------
    str
        ``"cpu"`` or ``"cuda:n"``.

    Raises
    ------
    DeviceError
        The name is unknown, the algorithm has no code for it, or the machine has no such device. There is
        no silent fallback: only ``auto`` chooses.
    MissingExtraError
        CUDA is asked for and PyTorch is not installed.
    """
    kind, _, index = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (index and not index.isdigit()) or (index and kind != "cuda"):
        raise DeviceError(f"device '{device}' is unknown; use auto, cpu, cuda or cuda:0")
    if kind == "cpu" or (kind == "auto" and "cuda" not in supported):
        return "cpu"
    if kind == "auto" and "torch" not in sys.modules and not _has_driver():
        return "cpu"  # without PyTorch, which takes seconds to load
    if kind == "cuda" and "cuda" not in supported:
        there = ", ".join(sorted(supported))
        raise DeviceError(f"device '{device}': this algorithm runs on {there} only; use that or auto")
    try:
        import torch
    except ImportError:
        if kind == "auto":
            return "cpu"
        raise MissingExtraError("deep", f"device '{device}'") from None
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "auto":
        return "cuda:0" if count else "cpu"
    number = int(index or 0)
    if number >= count:
        raise DeviceError(f"device '{device}': {count} CUDA devices are visible; use cpu or auto")
    return f"cuda:{number}"


@lru_cache(maxsize=1)
def _has_driver() -> bool:
    """Return whether there is a driver through which PyTorch could see an accelerator."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return Path("/dev/kfd").exists()  # AMD's
    return True


def cores() -> int:
    """Return how many CPU cores the current task may use: its engine's share, else every core we may run on."""
    share = _cores.get()
    return share if share is not None else available_cores()


def available_cores() -> int:
    """Return the number of CPU cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def core_share(count: int) -> Iterator[None]:
    """Limit what `cores` returns within the context, so that parallel tasks do not fight for cores."""
    token = _cores.set(max(1, count))
    try:
        yield
    finally:
        _cores.reset(token)
