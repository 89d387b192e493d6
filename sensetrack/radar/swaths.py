"""Where subswaths that overlap in range are parted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def seams(valid: Sequence[tuple[int, int]]) -> list[int]:
    """Return the first column of each subswath but the first: the middle of the columns valid in both neighbours.

    Parameters
    ----------
    valid : sequence of tuple of int
        First valid column and the one behind the last, of each subswath from near to far, on one axis.
    """
    return [(inner[1] + outer[0]) // 2 for inner, outer in pairwise(valid)]
