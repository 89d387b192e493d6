"""The functions of expressions, on arrays of float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from sensetrack.types import DoubleArray

CLOSE = 1e-6
"""Difference up to which ``feq`` takes two numbers for the same."""


@dataclass(frozen=True)
class Function:
    """A function of expressions.

    Attributes
    ----------
    apply : callable or None
        Takes and returns arrays; None where the evaluation itself sees to it.
    least : int
        How many arguments it takes at least.
    most : int or None
        At most; None: as many as one likes.
    multiple : int
        Their number must be a multiple of this.
    """

    apply: Callable[..., Any] | None
    least: int = 1
    most: int | None = 1
    multiple: int = 1

    def objection(self, count: int) -> str:
        """Return how many arguments are right where a number is wrong, else ``""``."""
        if count >= self.least and (self.most is None or count <= self.most) and count % self.multiple == 0:
            return ""
        if self.multiple > 1:
            return f"a multiple of {self.multiple} arguments, at least {self.least}"
        if self.least == self.most:
            return f"{self.least or 'no'} argument{'' if self.least == 1 else 's'}"
        return f"{self.least} arguments or more" if self.most is None else f"{self.least} to {self.most} arguments"


def whole(values: DoubleArray) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers cut to whole ones, int64, and where there is one."""
    fits = np.abs(values) < 2.0**63
    return np.where(fits, values, 0.0).astype(np.int64), fits


def _bit_set(values: DoubleArray, place: DoubleArray) -> DoubleArray:
    (number, known), (bit, is_bit) = whole(values), whole(place)
    inside = known & is_bit & (bit >= 0) & (bit < 63)
    return np.where(inside, (number >> np.where(inside, bit, 0)) & 1, np.nan)


def _groups(values: tuple[DoubleArray, ...], count: int) -> list[DoubleArray]:
    """Return the arguments as vectors: ``(element, ...)`` each."""
    stacked = np.stack(np.broadcast_arrays(*values))
    return np.split(stacked, count)


def _distance(change: Callable[[DoubleArray], DoubleArray]) -> Callable[..., DoubleArray]:
    def distance(*values: DoubleArray) -> DoubleArray:
        first, second = (change(each) for each in _groups(values, 2))
        return np.asarray(np.sqrt(((first - second) ** 2).sum(axis=0)))

    return distance


def _in_range(change: Callable[[DoubleArray], DoubleArray]) -> Callable[..., DoubleArray]:
    def in_range(*values: DoubleArray) -> DoubleArray:
        vector, low, high = (change(each) for each in _groups(values, 3))
        return np.asarray(((vector >= low) & (vector <= high)).all(axis=0))

    return in_range


def _same(values: DoubleArray) -> DoubleArray:
    return values


def _steps(values: DoubleArray) -> DoubleArray:
    return np.diff(values, axis=0)


def _sums(values: DoubleArray) -> DoubleArray:
    return np.cumsum(values, axis=0)


def _mean(*values: DoubleArray) -> DoubleArray:
    return np.asarray(sum(values) / len(values))


def _deviation(*values: DoubleArray) -> DoubleArray:
    mean = _mean(*values)
    return np.asarray(np.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1)))


def _close(first: DoubleArray, second: DoubleArray, limit: DoubleArray | float = CLOSE) -> DoubleArray:
    return np.asarray(np.abs(first - second) <= limit)


_OF_ONE: dict[str, Callable[..., Any]] = {
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "sech": lambda x: 1.0 / np.cosh(x),
    "cosech": lambda x: 1.0 / np.sinh(x),
    "deg": np.degrees,
    "rad": np.radians,
    "log": np.log,
    "log10": np.log10,
    "exp": np.exp,
    "exp10": lambda x: np.power(10.0, x),
    "sqrt": np.sqrt,
    "sq": np.square,
    "abs": np.abs,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": lambda x: np.floor(x + 0.5),
    "rint": np.rint,
    "inf": np.isinf,
}

FUNCTIONS: dict[str, Function] = {
    **{name: Function(apply) for name, apply in _OF_ONE.items()},
    "nan": Function(None),
    "atan2": Function(np.arctan2, 2, 2),
    "pow": Function(np.power, 2, 2),
    "ampl": Function(np.hypot, 2, 2),
    "phase": Function(lambda a, b: np.arctan2(b, a), 2, 2),
    "min": Function(lambda *values: reduce(np.minimum, values), 2, None),
    "max": Function(lambda *values: reduce(np.maximum, values), 2, None),
    "feq": Function(_close, 2, 3),
    "fneq": Function(lambda *values: np.logical_not(_close(*values)), 2, 3),
    "avg": Function(_mean, 1, None),
    "stddev": Function(_deviation, 2, None),
    "coef_var": Function(lambda *values: _deviation(*values) / _mean(*values), 2, None),
    "distance": Function(_distance(_same), 2, None, 2),
    "distance_deriv": Function(_distance(_steps), 4, None, 2),
    "distance_integ": Function(_distance(_sums), 2, None, 2),
    "inrange": Function(_in_range(_same), 3, None, 3),
    "inrange_deriv": Function(_in_range(_steps), 6, None, 3),
    "inrange_integ": Function(_in_range(_sums), 3, None, 3),
    "bit_set": Function(_bit_set, 2, 2),
    "random_uniform": Function(None, 0, 0),
    "random_gaussian": Function(None, 0, 0),
}
"""By name."""
