"""Acquisition times from tags and file names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from sensetrack.errors import ParameterError

ACQUIRED_TAG = "ACQUISITION_DATETIME"
"""Tag that our own files carry; ISO 8601, UTC."""

_STAMP = re.compile(r"(?<!\d)((?:19|20)\d{2})[-_]?(\d{2})[-_]?(\d{2})(?:[Tt_]?(\d{2})[:]?(\d{2})[:]?(\d{2}))?(?!\d)")


def acquisition_time(tags: Mapping[str, str], name: str) -> datetime | None:
    """Return the acquisition time from our tag, else from the first date in the file name, else None.

    Processing dates such as ``TIFFTAG_DATETIME`` are not used: they say when the file was written.
    """
    stamp = tags.get(ACQUIRED_TAG)
    if stamp:
        return parse_time(stamp)
    for match in _STAMP.finditer(name):
        year, month, day, *clock = (int(group) if group else 0 for group in match.groups())
        try:
            return datetime(year, month, day, clock[0], clock[1], clock[2], tzinfo=UTC)
        except ValueError:
            continue
    return None


def parse_time(text: str) -> datetime:
    """Parse an ISO 8601 date or time, or ``YYYYMMDD``; without a zone it is UTC.

    Raises
    ------
    ParameterError
        It is neither.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ParameterError(f"'{text}' is not a date; write 2020-01-31 or 2020-01-31T10:45:00Z") from None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def days_between(first: datetime, second: datetime) -> float:
    """Return the time base from the first to the second date in days of 86 400 s.

    Raises
    ------
    ParameterError
        The dates are equal or reversed.
    """
    days = (second - first).total_seconds() / 86400.0
    if days <= 0:
        raise ParameterError(
            f"the secondary's date {second.date()} must be after the reference's {first.date()}; "
            "swap the images or the dates"
        )
    return days
