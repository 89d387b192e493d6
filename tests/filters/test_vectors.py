"""Filters that judge a vector's length or direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensetrack.displacement import Field
from sensetrack.errors import ParameterError
from sensetrack.filters.direction import Direction
from sensetrack.filters.magnitude import Magnitude


def with_centre(make_field: Callable[..., Field], around: tuple[float, float], centre: tuple[float, float]) -> Field:
    dx, dy = np.full((2, 5, 5), around[0])
    dy[:] = around[1]
    dx[2, 2], dy[2, 2] = centre
    return make_field(dx, dy)


@pytest.mark.parametrize(("length", "kept"), [(8.5, True), (8.51, False), (1.5, True), (1.49, False)])
def test_length_against_the_median(make_field: Callable[..., Field], length: float, kept: bool) -> None:
    field = with_centre(make_field, (0.0, 4.0), (length, 0.0))
    assert Magnitude(factor=2, tolerance=0.5).keep(field)[2, 2] == kept


def test_pixel_is_not_its_own_neighbour(make_field: Callable[..., Field]) -> None:
    pair = make_field(np.array([[10.0, 4.0]]))
    assert not Magnitude(min_neighbours=1).keep(pair)[0, 0]
    assert Magnitude(min_neighbours=2).keep(pair)[0, 0]
    turned = make_field(np.array([[-5.0, 5.0]]))
    assert not Direction(min_neighbours=1).keep(turned)[0, 0]
    assert Direction(min_neighbours=2).keep(turned)[0, 0]
    assert not Direction(min_neighbours=2, isolated="remove").keep(turned)[0, 0]


@pytest.mark.parametrize(("length", "kept"), [(2.0, True), (6.0, True), (1.99, False), (6.01, False)])
def test_absolute_limits_are_inclusive(make_field: Callable[..., Field], length: float, kept: bool) -> None:
    field = with_centre(make_field, (0.0, 4.0), (0.0, length))
    assert Magnitude(factor=None, minimum=2, maximum=6).keep(field)[2, 2] == kept


def test_absolute_limits_hold_for_lone_pixels(make_field: Callable[..., Field]) -> None:
    dx = np.full((7, 7), np.nan)
    dx[3, 3] = 50.0
    assert Magnitude().keep(make_field(dx))[3, 3]
    assert not Magnitude(maximum=20).keep(make_field(dx))[3, 3]


def test_without_factor_there_is_no_margin() -> None:
    assert Magnitude(window=9).margin == 4
    assert Magnitude(window=9, factor=None).margin == 0


def test_limits_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"minimum = 9.0 px is above maximum = 3.0 px"):
        Magnitude(minimum=9, maximum=3)


def test_long_and_short_outliers_are_found(make_field: Callable[..., Field]) -> None:
    rng = np.random.default_rng(2)
    ratio = rng.choice([1.0, 3.0, 0.2], size=(60, 60), p=[0.9, 0.05, 0.05])
    flow = np.linspace(3, 9, 60) * ratio
    keep = Magnitude().keep(make_field(flow, -flow + 0.1 * rng.normal(size=ratio.shape)))
    assert (~keep)[ratio != 1].mean() >= 0.98
    assert keep[ratio == 1].mean() >= 0.98


def test_fault_keeps_its_lengths_and_directions(fault: Any) -> None:
    assert Magnitude().keep(fault.field)[fault.right].mean() >= 0.98
    assert Direction().keep(fault.field)[fault.right].mean() >= 0.98


@pytest.mark.parametrize("heading", [0, 77, 180, 359])
@pytest.mark.parametrize(("turn", "kept"), [(0, True), (44.9, True), (-44.9, True), (45.1, False), (180, False)])
def test_angle_to_the_mean_direction(make_field: Callable[..., Field], heading: float, turn: float, kept: bool) -> None:
    def vector(degrees: float, length: float) -> tuple[float, float]:
        return length * np.cos(np.deg2rad(degrees)), length * np.sin(np.deg2rad(degrees))

    field = with_centre(make_field, vector(heading, 5.0), vector(heading + turn, 1.0))
    assert Direction(max_angle=45).keep(field)[2, 2] == kept


def test_direction_of_ground_at_rest_means_nothing(make_field: Callable[..., Field]) -> None:
    slow = with_centre(make_field, (5.0, 0.0), (-0.4, 0.0))
    assert Direction(min_length=0.5).keep(slow)[2, 2]
    assert not Direction(min_length=0.3).keep(slow)[2, 2]
    rest = with_centre(make_field, (0.4, 0.0), (-5.0, 0.0))
    assert Direction(min_length=0.5).keep(rest).all()


def test_neighbours_of_all_directions_give_none(make_field: Callable[..., Field]) -> None:
    angle = np.random.default_rng(3).uniform(0, 2 * np.pi, (30, 30))
    field = make_field(5 * np.cos(angle), 5 * np.sin(angle))
    assert Direction(min_coherence=0.8).keep(field).all()
    assert not Direction(min_coherence=0).keep(field).all()


def test_turned_vectors_in_a_flow_are_found(make_field: Callable[..., Field]) -> None:
    rng = np.random.default_rng(4)
    wrong = rng.random((60, 60)) < 0.1
    dx = np.where(wrong, -4.0, 4.0) + 0.1 * rng.normal(size=wrong.shape)
    keep = Direction().keep(make_field(dx, 0.1 * rng.normal(size=wrong.shape)))
    assert (~keep)[wrong].mean() >= 0.95
    assert keep[~wrong].mean() >= 0.98
