"""Values as SNAP writes them."""

from __future__ import annotations

from collections.abc import Sequence


def as_text(value: object) -> str:
    """Return a value as graphs and the command line of ``gpt`` spell it.

    Parameters
    ----------
    value : object
        Text, a number, a boolean (``true``, ``false``), a path, or a sequence of them (``a,b,c``).
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return ",".join(as_text(item) for item in value)
    return str(value)
