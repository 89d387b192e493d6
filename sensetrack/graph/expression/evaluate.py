"""Works out expressions on blocks of pixels, in double precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sensetrack.graph.expression.functions import FUNCTIONS, whole
from sensetrack.graph.expression.tree import Call, Chain, Choice, Name, Number, Tree, Unary
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, Mask

CONSTANTS = {"PI": math.pi, "E": math.e, "NaN": math.nan, "true": 1.0, "false": 0.0}
"""Names of numbers."""

PLACES = ("X", "Y", "LAT", "LON", "TIME")
"""Names of what differs from pixel to pixel beside the bands."""


class Value(NamedTuple):
    """Numbers and where they are known; arrays of the block, or of no dimension where all pixels are alike."""

    data: DoubleArray
    valid: Mask


@dataclass(frozen=True)
class Surroundings:
    """What an expression is worked out in.

    Attributes
    ----------
    block : Block
        The window of the image.
    names : mapping of str to callable
        What returns the values of bands, variables and places.
    seed : int
        Of the random functions.
    """

    block: Block
    names: Mapping[str, Callable[[], Value]]
    seed: int = 0


def evaluate(tree: Tree, around: Surroundings) -> Value:
    """Return the values of an expression in a block.

    A result is known where everything is that it is made of: a pixel without a value in a band has none in the result,
    unless the band stands in the branch of a choice that is not taken, behind a ``false &&`` or a ``true ||``, or in
    ``nan()``. Comparisons give 1 and 0; any number but 0 is true, and NaN is neither true nor false. ``/`` never cuts
    to whole numbers, ``%`` has the sign of its left side, and bits are those of the numbers cut to whole ones.

    Parameters
    ----------
    tree : Tree
    around : Surroundings

    Returns
    -------
    Value
        Of the shape of the block; where a computation has no result, NaN or infinite.
    """
    with np.errstate(all="ignore"):
        found = _Evaluation(around).of(tree)
    shape = around.block.shape
    return Value(np.broadcast_to(found.data, shape), np.broadcast_to(found.valid, shape))


_TRUE = np.array(True)

_BETWEEN: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "%": np.fmod,
}
_BITS: dict[str, Callable[[Any, Any], Any]] = {"|": np.bitwise_or, "^": np.bitwise_xor, "&": np.bitwise_and}


class _Evaluation:
    """Works out one block; every name once."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.known: dict[str, Value] = {}

    def of(self, tree: Tree) -> Value:
        if isinstance(tree, Number):
            return _constant(tree.value)
        if isinstance(tree, Name):
            if tree.text not in self.known:
                self.known[tree.text] = self.around.names[tree.text]()
            return self.known[tree.text]
        if isinstance(tree, Unary):
            return self.unary(tree)
        if isinstance(tree, Chain):
            value = self.of(tree.first)
            for sign, operand in tree.rest:
                value = _joined(sign, value, self.of(operand))
            return value
        if isinstance(tree, Choice):
            return _chosen(self.of(tree.condition), self.of(tree.then), self.of(tree.otherwise))
        return self.call(tree)

    def unary(self, tree: Unary) -> Value:
        data, valid = self.of(tree.operand)
        if tree.operator == "-":
            return Value(-data, valid)
        if tree.operator == "!":
            return Value(_numbers(data == 0), valid)
        if tree.operator == "~":
            number, fits = whole(data)
            return Value(np.where(fits, np.bitwise_not(number), np.nan), valid)
        return Value(data, valid)

    def call(self, tree: Call) -> Value:
        if tree.name.startswith("random_"):
            return Value(self.random(tree), _TRUE)
        values = [self.of(argument) for argument in tree.arguments]
        if tree.name == "nan":
            (data, valid) = values[0]
            return Value(_numbers(np.isnan(data) | ~valid), _TRUE)
        apply = FUNCTIONS[tree.name].apply
        assert apply is not None
        valid = _TRUE
        for value in values:
            valid = valid & value.valid
        return Value(_numbers(apply(*(value.data for value in values))), valid)

    def random(self, tree: Call) -> DoubleArray:
        """Return numbers that depend on the pixel, the call and the seed alone, not on the block."""
        block = self.around.block
        rows = np.arange(block.row, block.row + block.height, dtype=np.uint64)[:, None]
        cols = np.arange(block.col, block.col + block.width, dtype=np.uint64)[None, :]
        key = np.array(self.around.seed * 1_000_003 + tree.number, np.uint64)
        start = _mixed(_mixed(_mixed(key) ^ rows) ^ cols)
        first = _share(_mixed(start))
        if tree.name == "random_uniform":
            return first
        # Box and Muller (1958); 1 - u is never 0.
        return np.asarray(np.sqrt(-2 * np.log(1 - first)) * np.cos(2 * np.pi * _share(_mixed(start + np.uint64(1)))))


def _constant(value: float) -> Value:
    return Value(np.array(value, np.float64), _TRUE)


def _numbers(data: Any) -> DoubleArray:
    return np.asarray(data, np.float64)


def _joined(sign: str, first: Value, second: Value) -> Value:
    if sign in ("&&", "||"):
        (holds, is_known), (also, is_known_too) = _truth(first), _truth(second)
        if sign == "&&":
            return Value(_numbers(holds & also), is_known & (is_known_too | ~holds))
        return Value(_numbers(holds | also), is_known & (is_known_too | holds))
    valid = first.valid & second.valid
    if sign in _BITS:
        (left, fits), (right, also) = whole(first.data), whole(second.data)
        return Value(np.where(fits & also, _BITS[sign](left, right), np.nan), valid)
    return Value(_numbers(_BETWEEN[sign](first.data, second.data)), valid)


def _chosen(condition: Value, then: Value, otherwise: Value) -> Value:
    holds = condition.data != 0
    picked = np.where(holds, then.data, otherwise.data)
    valid = condition.valid & np.where(holds, then.valid, otherwise.valid)
    # What depends on NaN is NaN, as everywhere: a comparison with it does not hold, and no more is unknown.
    return Value(np.where(np.isnan(condition.data), np.nan, picked), valid)


def _truth(value: Value) -> tuple[Mask, Mask]:
    """Return where a value is true, and where it is either true or false."""
    return value.data != 0, value.valid & ~np.isnan(value.data)


def _mixed(bits: Any) -> Any:
    """Scatter bits so that neighbours have nothing in common: the finaliser of SplitMix64 (Steele et al., 2014)."""
    bits = np.asarray(bits, np.uint64) + np.array(0x9E3779B97F4A7C15, np.uint64)
    bits = (bits ^ (bits >> np.uint64(30))) * np.array(0xBF58476D1CE4E5B9, np.uint64)
    bits = (bits ^ (bits >> np.uint64(27))) * np.array(0x94D049BB133111EB, np.uint64)
    return bits ^ (bits >> np.uint64(31))


def _share(bits: Any) -> DoubleArray:
    """Return numbers from 0 up to, but not including, 1."""
    return np.asarray((bits >> np.uint64(11)).astype(np.float64) * 2.0**-53)
