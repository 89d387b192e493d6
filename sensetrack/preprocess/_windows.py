"""Sides of windows that must be odd."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError(f"a window has a middle pixel: use {size - 1} or {size + 1}")
    return size


OddWindow = Annotated[int, AfterValidator(_odd)]
"""Side of a window in pixels; even ones are refused."""
