"""What every registered filter must do, whatever it judges by; a new one is tested before it has a test of its own."""

from __future__ import annotations

import ast
import inspect
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_origin

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sensetrack.displacement import EMPTY, LAYERS, Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.filters import Filter, apply_all, registry
from sensetrack.params import describe
from sensetrack.raster.tiles import plan_blocks

NAMES = registry.names()
Sample = Callable[[int], Field]


@pytest.fixture(scope="session", params=NAMES)
def judge(request: pytest.FixtureRequest) -> Filter:
    """Each registered filter with its defaults."""
    return registry.get(request.param)()


@pytest.fixture(scope="session")
def sample(make_field: Callable[..., Field]) -> Sample:
    """Make a field with gradients, noise, outliers, holes, flags of every kind, and gaps in its quality layers."""

    def make(seed: int, shape: tuple[int, int] = (37, 46)) -> Field:
        rng = np.random.default_rng(seed)
        dx = np.add.outer(np.linspace(-3, 3, shape[0]), np.linspace(0, 4, shape[1])) + 0.1 * rng.normal(size=shape)
        dy = 2.0 + 0.1 * rng.normal(size=shape)
        spoilt = rng.random(shape) < 0.1
        dx[spoilt] += rng.uniform(-9, 9, spoilt.sum())
        dy[spoilt] += rng.uniform(-9, 9, spoilt.sum())
        dx[0, 0], dy[5, 5] = np.inf, -np.inf
        flags = rng.choice([0, 0, 0, 0, 0, 0, *(int(flag) for flag in Flag)], size=shape).astype(np.uint8)
        quality, sigma = rng.uniform(0, 1, shape), rng.uniform(0, 1, shape)
        quality[rng.random(shape) < 0.05] = np.nan
        sigma[rng.random(shape) < 0.05] = np.nan
        sigma[rng.random(shape) < 0.05] = np.inf
        rho = np.where(rng.random(shape) < 0.05, np.nan, rng.uniform(-1, 1, shape))
        field = make_field(dx, dy, quality=quality, sigma=sigma, rho=rho, flags=flags, extra={"nrms": quality})
        assert tuple(field.layers()) == (*LAYERS, "nrms")
        assert set(np.unique(flags)) == {0, *(int(flag) for flag in Flag)}
        return field.blank((flags & np.uint8(EMPTY)) != 0)

    return make


def assert_same(first: Field, second: Field) -> None:
    for name, layer in first.layers().items():
        np.testing.assert_array_equal(layer, second.layers()[name], err_msg=name)


def test_there_are_the_filters_of_the_manual() -> None:
    assert {"quality", "sigma", "magnitude", "direction", "median-test", "ndc", "mad"} <= set(NAMES)


def test_judges_only(judge: Filter, sample: Sample) -> None:
    field = sample(0)
    before = {name: layer.copy() for name, layer in field.layers().items()}
    after = judge.apply(field)
    for name, layer in before.items():
        np.testing.assert_array_equal(field.layers()[name], layer, err_msg=f"{name} of the input")
        if name != "flags":
            np.testing.assert_array_equal(after.layers()[name], layer, err_msg=name)
    raised = after.flags & ~field.flags
    assert set(np.unique(raised)) <= {0, judge.flag.value}
    assert ((after.flags & field.flags) == field.flags).all()
    assert field.usable[raised != 0].all()
    assert not judge.flag & EMPTY


def test_finds_something_and_keeps_something(judge: Filter, sample: Sample) -> None:
    field = sample(0)
    keep = judge.keep(field)
    assert keep.dtype == np.bool_
    assert keep.shape == field.shape
    assert 0 < keep[field.usable].mean() < 1


def test_margin_is_all_that_it_sees(judge: Filter, sample: Sample) -> None:
    field = sample(1)
    expected = judge.apply(field)
    for block in plan_blocks(field.shape, 8):
        area = block.expand(judge.margin).clip(field.shape)
        assert area is not None
        found = judge.apply(field.crop(*area.slices)).crop(*block.within(area))
        assert_same(found, expected.crop(*block.slices))


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)], ids=str)
def test_flips_with_the_field(judge: Filter, sample: Sample, axes: tuple[int, ...]) -> None:
    field = sample(2)

    def flip(array: np.ndarray) -> np.ndarray:
        return np.flip(array, axes)

    layers = {name: flip(layer) for name, layer in field.layers().items()}
    expected = flip(judge.apply(field).flags)
    np.testing.assert_array_equal(judge.apply(Field.from_layers(layers)).flags, expected)
    # As a flipped image has it: the components across the flip change their sign, and with one of them rho.
    for axis in axes:
        component = ("dy", "dx")[axis]
        layers[component], layers["rho"] = -layers[component], -layers["rho"]
    np.testing.assert_array_equal(judge.apply(Field.from_layers(layers)).flags, expected)


def test_transposes_with_the_field(judge: Filter, sample: Sample) -> None:
    field = sample(3)
    swapped = {"dx": "dy", "dy": "dx", "sigma_dx": "sigma_dy", "sigma_dy": "sigma_dx"}
    layers = {name: field.layers()[swapped.get(name, name)].T for name in field.layers()}
    np.testing.assert_array_equal(judge.apply(Field.from_layers(layers)).flags, judge.apply(field).flags.T)


def test_does_not_see_what_is_not_usable(judge: Filter, sample: Sample) -> None:
    field = sample(4)
    hidden = field.blank(~field.usable)
    assert_same(judge.apply(field).crop(slice(None), slice(None)).blank(~field.usable), judge.apply(hidden))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (3, 3)], ids=str)
def test_small_and_empty_fields(judge: Filter, make_field: Callable[..., Field], shape: tuple[int, int]) -> None:
    empty = Field.empty(shape, Flag.NODATA)
    assert_same(judge.apply(empty), empty)
    assert judge.keep(make_field(np.ones(shape))).shape == shape


def test_good_constant_field_is_kept_whole(judge: Filter, make_field: Callable[..., Field]) -> None:
    for value in (0.0, 3.25):
        field = make_field(np.full((20, 20), value), -value, quality=0.95)
        assert judge.keep(field).all()


@pytest.mark.parametrize("slip", ["strike", "one side"])
def test_fault_is_not_removed(judge: Filter, make_field: Callable[..., Field], slip: str) -> None:
    rng = np.random.default_rng(6)
    row, col = np.mgrid[:80, :80]
    distance = col - 40 + 0.4 * (row - 40) + 3 * np.sin(row / 12)
    step = np.where(distance > 0, 3.0, -3.0 if slip == "strike" else 0.0)
    field = make_field(0.3 * step + 0.1 * rng.normal(size=step.shape), step + 0.1 * rng.normal(size=step.shape))
    near = np.abs(distance) < 3
    assert judge.keep(field)[near].mean() >= 0.95


def test_repeating_it_takes_no_flag_back_and_ends(judge: Filter, sample: Sample) -> None:
    # Filters that look at one pixel are idempotent. Those that look at neighbours are not, and should not be: what
    # they flagged is no evidence any longer. They must come to rest, though.
    field = sample(5)
    counts = [np.count_nonzero(field.flags)]
    for _ in range(40):
        after = judge.apply(field)
        assert ((after.flags & field.flags) == field.flags).all()
        counts.append(np.count_nonzero(after.flags))
        field = after
        if counts[-1] == counts[-2]:
            break
    assert counts[-1] == counts[-2]
    if judge.margin == 0:
        assert len(counts) <= 3


@pytest.mark.parametrize("name", NAMES)
def test_says_what_it_does(name: str) -> None:
    cls = registry.get(name)
    summary = registry.summary(name)
    assert 20 < len(summary) < 120
    assert "Not for:" in (inspect.getdoc(cls) or "")
    source = Path(sys.modules[cls.__module__].__file__ or "").read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_described_with_units(name: str) -> None:
    cls = registry.get(name)
    for parameter, info in cls.model_fields.items():
        assert info.description and len(info.description) > 10, parameter
        extra = info.json_schema_extra
        has_unit = isinstance(extra, dict) and "unit" in extra
        is_word = get_origin(info.annotation) is Literal or info.annotation is bool
        assert has_unit or is_word, f"{name}.{parameter} has no unit"
        assert info.description in describe(cls, parameter)


def test_travels_as_yaml_json_and_pickle(judge: Filter, tmp_path: Path) -> None:
    cls = type(judge)
    for text, suffix in ((judge.to_yaml(), "yaml"), (judge.to_json(), "json")):
        path = tmp_path / f"filter.{suffix}"
        path.write_text(text, encoding="utf-8")
        assert cls.from_file(path) == judge
    assert set(yaml.safe_load(judge.to_yaml())) == set(cls.model_fields)
    assert pickle.loads(pickle.dumps(judge)) == judge


def test_unknown_parameter_is_refused(judge: Filter) -> None:
    with pytest.raises(ParameterError, match="no parameter 'treshold'"):
        type(judge)(treshold=1)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 5),
    order=st.permutations(NAMES),
    count=st.integers(0, len(NAMES)),
    passes=st.integers(1, 3),
)
def test_filters_commute(sample: Sample, seed: int, order: list[str], count: int, passes: int) -> None:
    field = sample(seed)
    chosen = [registry.get(name)() for name in order[:count]]
    forward, backward = apply_all(field, chosen, passes), apply_all(field, chosen[::-1], passes)
    assert_same(forward, backward)
    assert ((forward.flags & field.flags) == field.flags).all()
    if passes == 1:
        alone = np.bitwise_or.reduce([each.apply(field).flags for each in chosen] or [field.flags])
        np.testing.assert_array_equal(forward.flags, alone)
        kept = np.logical_and.reduce([field.usable, *(each.keep(field) for each in chosen)])
        np.testing.assert_array_equal(forward.usable, kept)
