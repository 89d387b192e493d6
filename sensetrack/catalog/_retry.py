"""When to ask again: exponential back-off with jitter, and what a server asks for itself."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sensetrack.errors import DownloadError

TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed."""


class TransientError(DownloadError):
    """Something that may go away by itself.

    Parameters
    ----------
    message : str
    asked : float, optional
        Seconds that the server asks to wait.
    """

    def __init__(self, message: str, asked: float | None = None) -> None:
        super().__init__(message)
        self.asked = asked


@dataclass(frozen=True)
class Retry:
    """How often and after which pauses something is asked for again.

    Attributes
    ----------
    attempts : int
        In a row, without a byte of progress.
    first, longest : float
        Seconds of the first pause, which doubles each time, and of the longest one.
    patience : float
        Longest time in seconds that a server may ask to wait; beyond it the message says when to come back.
    """

    attempts: int = 6
    first: float = 1.0
    longest: float = 60.0
    patience: float = 600.0

    def pause(self, failed: int, asked: float | None = None) -> float:
        """Return the seconds to wait after so many failures in a row.

        Parameters
        ----------
        failed : int
            From 1.
        asked : float, optional
            What the server asks for; it is never undercut.
        """
        step = min(self.longest, self.first * 2.0 ** (failed - 1))
        # Half of the pause is left to chance, so that many clients that failed together do not come back together.
        own = step * random.uniform(0.5, 1.0)
        return own if asked is None else max(asked, 0.0) + 0.1 * own


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds of a ``Retry-After`` header, which holds seconds or a date; None where it says neither.

    Parameters
    ----------
    value : str or None
    now : datetime, optional
        With a time zone; default: now.

    References
    ----------
    RFC 9110, section 10.2.3.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
