"""Values of expressions against plain numpy, where pixels have no value, and random trees against an oracle."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sensetrack.graph.expression import Surroundings, Value, evaluate, parse
from sensetrack.raster.tiles import Block

A = np.array([[1.0, -2.5, 3.0, 0.0], [7.0, 12.0, -9.0, 1e6]])
B = np.array([[2.0, 0.5, -3.0, 4.0], [0.0, 5.0, -9.0, 2.0]])
B_VALID = np.array([[True, True, False, True], [True, False, True, True]])


def value(text: str, block: Block | None = None, seed: int = 0) -> np.ndarray:
    """The values of an expression of ``a`` and ``b``, NaN where unknown."""
    block = block or Block(0, 0, *A.shape)
    names = {
        "a": lambda: Value(A, np.array(True)),
        "b": lambda: Value(np.where(B_VALID, B, 0.0), B_VALID),
        "n": lambda: Value(np.where(A > 0, A, np.nan), np.array(True)),
    }
    found = evaluate(parse(text), Surroundings(block, names, seed))
    assert found.data.shape == found.valid.shape == block.shape
    return np.where(found.valid, found.data, np.nan)


BOTH = np.where(B_VALID, B, np.nan)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("3 / 2", np.full(A.shape, 1.5)),
        ("-7 % 3 + 7 % -3", np.full(A.shape, 0.0)),
        ("a / 0 > 1", (A > 0) * 1.0),
        ("a * 2 - a", A),
        ("7 & 3 | 8", np.full(A.shape, 11.0)),
        ("6 ^ 3", np.full(A.shape, 5.0)),
        ("~5", np.full(A.shape, -6.0)),
        ("2.9 & 3", np.full(A.shape, 2.0)),
        ("-2.9 | 0", np.full(A.shape, -2.0)),
        ("!a", (A == 0) * 1.0),
        ("a == 7 || a < 0", ((A == 7) | (A < 0)) * 1.0),
        ("(a > 0) + (a > 5)", (A > 0) * 1.0 + (A > 5)),
        ("if a > 0 then a else -a", np.abs(A)),
        ("a != a", np.zeros(A.shape)),
        ("sqrt(n)", np.sqrt(np.where(A > 0, A, np.nan))),
        ("a + b", A + BOTH),
        ("min(a, b, 1) + max(2, a)", np.minimum(np.minimum(A, BOTH), 1) + np.maximum(2, A)),
    ],
)
def test_against_numpy(text: str, truth: np.ndarray) -> None:
    np.testing.assert_array_equal(value(text), truth)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("a > 0 ? b : a", np.where(A > 0, BOTH, A)),
        ("b > 1 ? 1 : 0", np.where(B_VALID, B > 1, np.nan)),
        ("a > 100 && b > 0", np.where(A > 100, BOTH > 0, 0.0)),
        ("a > 0 || b > 0", np.where(A > 0, 1.0, np.where(B_VALID, B > 0, np.nan))),
        ("b > 0 && a > 100", np.where(B_VALID, (B > 0) & (A > 100), np.nan)),
        ("nan(b)", ~B_VALID * 1.0),
        ("nan(b) ? -1 : b", np.where(B_VALID, B, -1.0)),
        ("nan(b + a) || b > 1", np.where(B_VALID, B > 1, 1.0)),
        ("n ? 1 : 2", np.where(A > 0, 1.0, np.nan)),
        ("n > 0 ? 1 : 2", np.where(A > 0, 1.0, 2.0)),
        ("inf(1 / a)", (A == 0) * 1.0),
        ("1 ? 1 : b", np.ones(A.shape)),
    ],
)
def test_pixels_without_a_value(text: str, truth: np.ndarray) -> None:
    """They count only where the result depends on them."""
    np.testing.assert_array_equal(value(text), truth)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("sin(0.3) + cos(0.3) + tan(0.3)", math.sin(0.3) + math.cos(0.3) + math.tan(0.3)),
        ("asin(0.3) + acos(0.3) + atan(0.3) + atan2(-1, -2)", math.pi / 2 + math.atan(0.3) + math.atan2(-1, -2)),
        ("sinh(1) + cosh(1) - exp(1) + tanh(0.5)", math.tanh(0.5)),
        ("sech(1) * cosh(1) + cosech(2) * sinh(2)", 2.0),
        ("deg(rad(30)) + rad(180)", 30 + math.pi),
        ("log(exp(2)) + log10(1000) + exp10(-2)", 5.01),
        ("sq(3) + pow(2, 0.5) + sqrt(16) + abs(-2)", 9 + math.sqrt(2) + 4 + 2),
        ("sign(-3) + sign(0) + sign(9)", 0.0),
        ("floor(-1.5) * 1000 + ceil(-1.5) * 100 + round(-1.5) * 10 + rint(-1.5)", -2000 - 100 - 10 - 2),
        ("round(2.5) + rint(2.5)", 5.0),
        ("ampl(3, -4) + phase(-1, 0)", 5 + math.pi),
        ("feq(1, 1 + 1e-7) + feq(1, 1.1, 0.2) + fneq(1, 1.1) + fneq(1, 1.1, 0.2)", 3.0),
        ("avg(1, 2, 6) + stddev(1, 2, 6) + coef_var(1, 2, 6)", 3 + math.sqrt(7) + math.sqrt(7) / 3),
        ("distance(1, 2, 4, 6)", 5.0),
        ("distance_deriv(1, 2, 4, 0, 0, 7)", math.hypot(1, 2 - 7)),
        ("distance_integ(1, 2, 4, 6)", math.hypot(3, 7)),
        ("inrange(1, 2, 1, 0, 1, 2) + inrange(1, 2, 1, 2.5, 1, 3)", 1.0),
        ("inrange_deriv(1, 5, 0, 3, 0, 5)", 1.0),
        ("inrange_integ(1, 5, 0, 5.5, 2, 6) + inrange(1, 5, 0, 5.5, 2, 6)", 1.0),
        ("bit_set(6, 0) * 100 + bit_set(6, 1) * 10 + bit_set(6, 2)", 11.0),
    ],
)
def test_functions(text: str, truth: float) -> None:
    np.testing.assert_allclose(value(text), truth, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("text", ["sqrt(-1)", "log(-1)", "0 / 0", "bit_set(1, -1)", "1e300 * 1e300 & 1", "~(0 / 0)"])
def test_no_result_is_nan(text: str) -> None:
    assert np.isnan(value(text)).all()


def test_random_numbers_belong_to_the_pixel() -> None:
    text = "random_uniform() + 10 * random_gaussian()"
    whole = value(text, Block(0, 0, 300, 200), seed=5)
    np.testing.assert_array_equal(value(text, Block(100, 37, 90, 101), seed=5), whole[100:190, 37:138])
    assert np.abs(value(text, Block(0, 0, 300, 200), seed=6) - whole).mean() > 1
    uniform = value("random_uniform()", Block(0, 0, 300, 200))
    assert 0 <= uniform.min() < uniform.max() < 1 and abs(uniform.mean() - 0.5) < 5 / math.sqrt(12 * uniform.size)
    normal = value("random_gaussian()", Block(0, 0, 300, 200))
    assert abs(normal.mean()) < 5 / math.sqrt(normal.size) and abs(normal.std() - 1) < 0.02
    pair = value("random_uniform() - random_uniform()", Block(0, 0, 300, 200))
    assert abs(pair.std() - math.sqrt(1 / 6)) < 0.01
    for shift in (uniform[1:] * uniform[:-1], uniform[:, 1:] * uniform[:, :-1]):
        assert abs(shift.mean() - 0.25) < 0.005


Pair = tuple[str, Callable[[np.ndarray, np.ndarray], Any]]
"""An expression of ``a`` and ``b`` and what works it out in numpy, from parts of its own."""

LEAVES: st.SearchStrategy[Pair] = st.one_of(
    st.sampled_from([("a", lambda a, b: a), ("b", lambda a, b: b)]),
    st.floats(0, 50).map(lambda x: (repr(x), lambda a, b: np.full(a.shape, x))),
)
SIGNS = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "<": lambda x, y: (x < y) * 1.0,
    ">=": lambda x, y: (x >= y) * 1.0,
    "==": lambda x, y: (x == y) * 1.0,
}
CALLS = {"abs": np.abs, "floor": np.floor, "sqrt": np.sqrt, "-": np.negative, "cos": np.cos}


def grown(parts: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def between(sign: str, x: Pair, y: Pair) -> Pair:
        return f"({x[0]} {sign} {y[0]})", lambda a, b: SIGNS[sign](x[1](a, b), y[1](a, b))

    def called(name: str, x: Pair) -> Pair:
        return f"{name}({x[0]})", lambda a, b: CALLS[name](x[1](a, b))

    def chosen(x: Pair, y: Pair, z: Pair) -> Pair:
        def choose(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            condition = x[1](a, b)
            picked = np.where(condition != 0, y[1](a, b), z[1](a, b))
            return np.where(np.isnan(condition), np.nan, picked)

        return f"({x[0]} ? {y[0]} : {z[0]})", choose

    return st.one_of(
        st.builds(between, st.sampled_from(sorted(SIGNS)), parts, parts),
        st.builds(called, st.sampled_from(sorted(CALLS)), parts),
        st.builds(chosen, parts, parts, parts),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(LEAVES, grown, max_leaves=12))
@example(("(a < ((a % 0.0) ? a : a))", lambda a, b: np.zeros_like(a)))
def test_random_trees(pair: Pair) -> None:
    text, oracle = pair
    rng = np.random.default_rng(len(text))
    a, b = rng.uniform(-20, 20, (2, 5, 7)).round(1)
    names = {"a": lambda: Value(a, np.array(True)), "b": lambda: Value(b, np.array(True))}
    found = evaluate(parse(text), Surroundings(Block(0, 0, 5, 7), names))
    with np.errstate(all="ignore"):
        truth = oracle(a, b)
    np.testing.assert_array_equal(np.where(found.valid, found.data, np.nan), truth)
