"""Runs a program in a process group of its own, listens to all it says, and leaves nothing of it behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GRACE = 5.0
"""Seconds between the polite request to end and the end."""

TICK = 0.05
"""Seconds between two looks at a running program."""

Hear = Callable[[str, bytes], None]
"""Called with ``"stdout"`` or ``"stderr"`` and a piece of it, in another thread, one call at a time."""


@dataclass(frozen=True)
class Ended:
    """How a program ended.

    Attributes
    ----------
    code : int
        Exit status; negative: the signal that ended it.
    reason : str
        ``"timeout"`` or ``"stall"`` where we ended it, else empty.
    seconds : float
        How long it ran.
    """

    code: int
    reason: str
    seconds: float

    @property
    def was_killed(self) -> bool:
        """Whether somebody else killed it: the system, mostly for its memory."""
        return not self.reason and self.code in (-9, 137)


def run(
    arguments: Sequence[str],
    hear: Hear,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float | None = None,
    stall: float | None = None,
    tick: Callable[[], None] | None = None,
) -> Ended:
    """Run a program without a shell and without input until it ends, or until it takes too long.

    Whatever ends the wait, also an interrupt, a request to end this process, or an error in ``tick``, the whole
    process group is ended before this returns.

    Parameters
    ----------
    arguments : sequence of str
        The program and what it is given.
    hear : callable
        Gets what it says.
    folder : Path, optional
        Where it runs.
    environment : mapping, optional
        In place of our own.
    timeout, stall : float, optional
        Seconds it may run, and seconds it may be silent.
    tick : callable, optional
        Called in this thread every now and then.

    Raises
    ------
    OSError
        It cannot be started.
    Exception
        Whatever ``hear`` raises.
    """
    said_last = [time.monotonic()]
    failed = list[Exception]()
    lock = threading.Lock()

    def pump(name: str, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError), stream:
            while chunk := os.read(stream.fileno(), 1 << 16):
                with lock:
                    said_last[0] = time.monotonic()
                    try:
                        hear(name, chunk)
                    except Exception as error:
                        # It is read on all the same: a full pipe would keep the program from ending.
                        failed.append(error)

    began = time.monotonic()
    with _ended_with_us():
        process = subprocess.Popen(
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=None if environment is None else dict(environment),
            start_new_session=sys.platform != "win32",
        )
        reason, readers = "", list[threading.Thread]()
        try:
            for name, stream in (("stdout", process.stdout), ("stderr", process.stderr)):
                assert stream is not None
                readers.append(threading.Thread(target=pump, args=(name, stream), daemon=True))
                readers[-1].start()
            while process.poll() is None and not reason and not failed:
                now = time.monotonic()
                if timeout is not None and now - began > timeout:
                    reason = "timeout"
                elif stall is not None and now - said_last[0] > stall:
                    reason = "stall"
                if tick is not None:
                    tick()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(TICK)
        finally:
            _end(process)
            for reader in readers:
                reader.join(GRACE)
    if failed:
        raise failed[0]
    if tick is not None and not reason:
        tick()
    return Ended(process.returncode, reason, time.monotonic() - began)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and all that it started: asked first where it still runs, then without asking."""
    try:
        if process.poll() is None:
            _signal(process, hard=False)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
    finally:
        _signal(process, hard=True)
        process.wait()


def _signal(process: subprocess.Popen[bytes], *, hard: bool) -> None:
    if sys.platform == "win32":
        command = ["taskkill", "/T", *(["/F"] if hard else []), "/PID", str(process.pid)]
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if hard:
            process.kill()
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL if hard else signal.SIGTERM)


@contextlib.contextmanager
def _ended_with_us() -> Iterator[None]:
    """Turn a request to end this process into an exception meanwhile.

    Else the program, which no longer belongs to our process group, would go on alone. Handlers that somebody set are
    left as they are, and threads other than the first have no say in this.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    numbers = [signal.SIGTERM] if sys.platform == "win32" else [signal.SIGTERM, signal.SIGHUP]
    ours = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
