"""Rectangles of pixels, as graphs write them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator

from sensetrack.raster.tiles import Block


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        numbers = [int(part) for part in value.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or min(numbers[2:]) < 0:
        raise ValueError("expected x,y,width,height in whole pixels, such as 0,0,1000,1000")
    x, y, width, height = numbers
    # SNAP's desktop writes a size of 0 for no region.
    return Block(y, x, height, width) if width and height else None


Region = Annotated[Block | None, BeforeValidator(_parsed)]
"""A rectangle, written ``x,y,width,height`` in a graph; one of size 0 is none."""
