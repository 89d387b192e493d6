"""Medians of 5 x 5 pixels, of all pixels at once: networks of minima and maxima over shifted views.

The five values of each column are sorted once for all the windows that share it, then put together with those of the
next column, then with the next two. Of these twenty, which two windows beside each other share, the middle six can be
the median of 25; which of them is, the five values of the window's own column tell. The networks were found by leaving
out of full ones what no order of values needs. By the zero-one principle (Knuth, *The Art of Computer Programming* 3,
5.3.4) a network that sorts all zeros and ones sorts all numbers, and of sorted columns of these there are few.
"""

from __future__ import annotations

import torch
from torch.nn.functional import pad

SIDE = 5
"""Side of the window."""

COLUMN = ((0, 1), (3, 4), (2, 4), (2, 3), (1, 4), (0, 3), (0, 2), (1, 3), (1, 2))
"""Places that are put in order, the lesser value first, to sort five values."""

PAIR = (
    (0, 5), (1, 6), (2, 7), (3, 8), (4, 9), (5, 4), (5, 2), (6, 3), (7, 4), (5, 1), (6, 2), (7, 3), (8, 4),
)  # fmt: skip
"""The same, to put two sorted columns together; they are then in order at `PAIR_ORDER`."""

PAIR_ORDER = (0, 5, 1, 6, 2, 7, 3, 8, 4, 9)
"""Places of the ten values, growing."""

FOUR = (
    (0, 10), (1, 11), (2, 12), (3, 13), (4, 14), (5, 15), (6, 16), (7, 17), (8, 18), (9, 19), (10, 8), (11, 9),
    (10, 4), (11, 5), (12, 6), (13, 7), (14, 8), (15, 9), (12, 4), (13, 5), (14, 6), (15, 7), (13, 4), (14, 5), (15, 6),
)  # fmt: skip
"""The same for two sorted pairs of columns, of which only the middle six values come out, at `FOUR_ORDER`."""

FOUR_ORDER = (13, 4, 14, 5, 15, 6)
"""Places of the eighth to the thirteenth of twenty values, growing."""

STRIP = 1 << 24
"""Pixels, about, that are worked on at once: some twenty times as many values are held."""


def median(values: torch.Tensor) -> torch.Tensor:
    """Return the median over 5 x 5 elements around each.

    Parameters
    ----------
    values : Tensor
        ``(row, col)``; beyond its border the outermost elements go on.
    """
    rows, cols = values.shape
    reach = SIDE // 2
    wide = pad(values[None, None], (reach, reach + cols % 2, reach, reach), mode="replicate")[0, 0]
    out = torch.empty_like(values)
    height = max(1, STRIP // cols)
    for top in range(0, rows, height):
        _of_strip(wide[top : top + height + 2 * reach], out[top : top + height])
    return out


def median_flow(flow: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the median of each component of a flow."""
    return median(flow[0]), median(flow[1])


def _of_strip(wide: torch.Tensor, out: torch.Tensor) -> None:
    """Write the medians of a strip; ``wide`` is two pixels larger on every side, and of an even number of columns."""
    (rows, cols), half = out.shape, wide.shape[1] // 2
    # Even and odd columns apart, each as one line: the next of its kind is one further, the row below `half`.
    even, odd = (_columns(wide[:, k::2].reshape(-1), half, rows) for k in range(2))
    # Pixels 2 m and 2 m + 1 share the columns 2 m + 1 to 2 m + 4 of the wider strip.
    count = rows * half - 1
    pairs = [values[:count] for values in odd] + [values[1:] for values in even]
    _order(pairs, PAIR, PAIR_ORDER)
    count -= 1
    four = [pairs[k][:count] for k in PAIR_ORDER] + [pairs[k][1:] for k in PAIR_ORDER]
    del pairs
    _order(four, FOUR, FOUR_ORDER)
    middle = [four[k] for k in FOUR_ORDER]
    del four
    for k, own in enumerate(([values[:count] for values in even], [values[2:] for values in odd])):
        # The sixth of six and five sorted values: the least of all that six of them do not exceed.
        least = middle[5]
        for j, value in enumerate(own):
            least = torch.minimum(least, torch.maximum(middle[4 - j], value))
        out[:, k::2] = least.as_strided((rows, (cols + 1 - k) // 2), (half, 1))


def _columns(line: torch.Tensor, width: int, rows: int) -> list[torch.Tensor]:
    """Return the values of five rows from each one on, sorted."""
    values = [line[k * width : (k + rows) * width] for k in range(SIDE)]
    _order(values, COLUMN, range(SIDE))
    return values


def _order(values: list[torch.Tensor], pairs: tuple[tuple[int, int], ...], wanted: tuple[int, ...] | range) -> None:
    """Put pairs of values in order, of which no more is found than leads to what is wanted. In place."""
    needed, steps = set(wanted), []
    for low, high in reversed(pairs):
        steps.append((low, high, low in needed, high in needed))
        if low in needed or high in needed:
            needed |= {low, high}
    for low, high, takes_low, takes_high in reversed(steps):
        first, second = values[low], values[high]
        if takes_low:
            values[low] = torch.minimum(first, second)
        if takes_high:
            values[high] = torch.maximum(first, second)
