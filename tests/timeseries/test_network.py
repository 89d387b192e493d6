"""Which scenes are paired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensetrack.errors import InputError, ParameterError
from sensetrack.timeseries import Epoch, NetworkParams, select_pairs

START = datetime(2020, 1, 1, tzinfo=UTC)


def epochs(*days, **more):
    return [Epoch(f"scene{n}", START + timedelta(days=day), **more) for n, day in enumerate(days)]


def days_of(scenes, pairs):
    return [(scenes[j].date - scenes[i].date).days for i, j in pairs]


def test_all_within_limits():
    scenes = epochs(30, 0, 10, 75)
    pairs = select_pairs(scenes, NetworkParams(min_days=10, max_days=60))
    assert pairs == [(1, 2), (1, 0), (2, 0), (0, 3)]
    assert days_of(scenes, pairs) == [10, 30, 20, 45]


def test_consecutive_and_neighbours():
    scenes = epochs(0, 10, 20, 30)
    assert select_pairs(scenes, NetworkParams(rules=("consecutive",))) == [(0, 1), (1, 2), (2, 3)]
    two = select_pairs(scenes, NetworkParams(rules=("consecutive",), neighbours=2))
    assert two == [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]


def test_neighbours_are_those_that_fit():
    scenes = [*epochs(0, 10, track="A"), *epochs(5, 15, track="B")]
    assert select_pairs(scenes, NetworkParams(rules=("consecutive",))) == [(0, 1), (2, 3)]


def test_season_and_month():
    scenes = epochs(0, 20, 370, 550)
    assert select_pairs(scenes, NetworkParams(rules=("season",), season_days=10)) == [(0, 2)]
    assert select_pairs(scenes, NetworkParams(rules=("month",))) == [(0, 1)]
    assert select_pairs(scenes, NetworkParams(months=(1,))) == [(0, 1), (0, 2), (1, 2)]


def test_two_rules_give_both():
    scenes = epochs(0, 20, 370)
    found = select_pairs(scenes, NetworkParams(rules=("consecutive", "season"), season_days=10))
    assert found == [(0, 1), (0, 2), (1, 2)]


def test_radar_constraints():
    scenes = [
        Epoch("a", START, track="50A", baseline=0.0),
        Epoch("b", START + timedelta(12), track="50A", baseline=90.0),
        Epoch("c", START + timedelta(24), track="50A", baseline=300.0),
        Epoch("d", START + timedelta(30), track="123D", baseline=0.0),
        Epoch("e", START + timedelta(36), track="50A"),
    ]
    assert (0, 3) not in select_pairs(scenes)
    found = select_pairs(scenes, NetworkParams(max_baseline=150))
    assert found == [(0, 1), (0, 4), (1, 4), (2, 4)]
    assert (0, 3) in select_pairs(scenes, NetworkParams(same_track=False))


def test_same_sensor():
    scenes = [*epochs(0, 20, sensor="landsat"), *epochs(10, sensor="sentinel2")]
    assert select_pairs(scenes, NetworkParams(same_sensor=True)) == [(0, 1)]


def test_explicit_list_by_name_and_date():
    scenes = epochs(0, 10, 20)
    pairs = (("scene2", "scene0"), ("2020-01-01", "2020-01-11"))
    assert select_pairs(scenes, NetworkParams(pairs=pairs)) == [(0, 1), (0, 2)]
    with pytest.raises(ParameterError, match="'scene9' names no scene; use the name of one, such as scene0"):
        select_pairs(scenes, NetworkParams(pairs=(("scene0", "scene9"),)))


def test_scenes_of_one_pass_are_no_pair():
    scenes = [Epoch("a", START), Epoch("b", START + timedelta(seconds=25)), Epoch("c", START + timedelta(days=6))]
    assert select_pairs(scenes) == [(0, 2), (1, 2)]


def test_bad_input():
    with pytest.raises(InputError, match=r"no two of 2 scenes make a pair .* max_days = 5"):
        select_pairs(epochs(0, 10), NetworkParams(max_days=5))
    with pytest.raises(ParameterError, match="max_days = 5 is below min_days = 10"):
        select_pairs(epochs(0, 10), NetworkParams(min_days=10, max_days=5))
    with pytest.raises(ParameterError, match="13 is no month"):
        NetworkParams(months=(13,))


@given(st.lists(st.integers(0, 400), min_size=2, max_size=12), st.integers(0, 50), st.integers(51, 200))
def test_every_pair_is_forward_and_within_limits(days, low, high):
    scenes = epochs(*days)
    try:
        pairs = select_pairs(scenes, NetworkParams(min_days=low, max_days=high))
    except InputError:
        pairs = []
    wanted = [(a, b) for a in range(len(days)) for b in range(len(days)) if max(low, 1) <= days[b] - days[a] <= high]
    assert sorted(pairs) == sorted(wanted)
