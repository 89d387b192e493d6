"""Medians of 5 x 5 pixels, of all pixels at once: a network of minima and maxima over shifted views.

The five values of each column are sorted first, once for all the windows that share it. A network takes from the five
sorted columns of a window what cannot be its median. It was found by leaving out of a full one, one by one, what no
window needs: by the zero-one principle (Knuth, *The Art of Computer Programming* 3, 5.3.4) a network that is right for
all zeros and ones is right for all numbers, and of five sorted columns of these there are no more than 6^5.
"""

from __future__ import annotations

import torch
from torch.nn.functional import pad

SIDE = 5
"""Side of the window."""

COLUMN = ((0, 1), (3, 4), (2, 4), (2, 3), (1, 4), (0, 3), (0, 2), (1, 3), (1, 2))
"""Pairs of rows that are put in order, to sort five values."""

WINDOW = (
    (0, 1), (3, 4), (2, 4), (2, 3), (1, 4), (0, 3), (1, 3), (5, 6), (8, 9), (7, 9), (7, 8), (6, 9), (5, 8), (6, 8),
    (6, 7), (10, 11), (13, 14), (12, 14), (12, 13), (11, 14), (10, 13), (10, 12), (11, 13), (11, 12), (15, 16),
    (18, 19), (17, 18), (16, 19), (15, 18), (15, 17), (16, 18), (16, 17), (20, 21), (23, 24), (22, 24), (22, 23),
    (20, 23), (20, 22), (21, 22), (15, 8), (20, 9), (7, 16), (20, 8), (20, 12), (16, 4), (8, 13), (17, 21), (11, 8),
    (3, 17), (12, 9), (3, 16), (12, 8), (4, 17), (20, 16), (12, 4), (16, 8), (16, 12),
)  # fmt: skip
"""Pairs of places ``5 * row + column`` that are put in order, after the columns; the median is then at `MIDDLE`."""

MIDDLE = 12
"""Where the median comes out."""

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
    wide = pad(values[None, None], (reach, reach, reach, reach), mode="replicate")[0, 0]
    out = torch.empty_like(values)
    height = max(1, STRIP // cols)
    for top in range(0, rows, height):
        bottom = min(top + height, rows)
        out[top:bottom] = _of_strip(wide[top : bottom + 2 * reach])
    return out


def median_flow(flow: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the median of each component of a flow."""
    return median(flow[0]), median(flow[1])


def _of_strip(wide: torch.Tensor) -> torch.Tensor:
    """Return the medians of a strip that is two pixels larger on every side."""
    rows, cols = wide.shape[0] - SIDE + 1, wide.shape[1]
    lines = [wide[k : k + rows].reshape(-1) for k in range(SIDE)]
    _order(lines, COLUMN, range(SIDE))
    count = lines[0].numel() - SIDE + 1
    places = [line[k : k + count] for line in lines for k in range(SIDE)]
    del lines
    _order(places, WINDOW, [MIDDLE])
    return places[MIDDLE].as_strided((rows, cols - SIDE + 1), (cols, 1))


def _order(values: list[torch.Tensor], pairs: tuple[tuple[int, int], ...], wanted: range | list[int]) -> None:
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
