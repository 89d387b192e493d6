"""Errors, shares, intervals and reasons of trackers whose errors are known."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sensetrack.benchmark.measure import Contender, contenders, inside, judge, measure, median_error
from sensetrack.benchmark.pairs import KnownPair
from sensetrack.benchmark.setting import machine, setting
from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.trackers import registry

Sayers = Callable[..., Contender]


def test_a_known_error_is_found(sayer: Sayers, shifted: KnownPair) -> None:
    run = measure(sayer(dx=0.37 + 0.3, dy=-0.62 - 0.4, sigma=0.35), shifted)
    assert run.reason == ""
    assert run.accuracy is not None
    numbers = (run.accuracy.mean, run.accuracy.median, run.accuracy.p90, run.accuracy.rmse)
    assert numbers == pytest.approx((0.5,) * 4, abs=1e-6)
    assert (run.accuracy.bias_x, run.accuracy.bias_y) == pytest.approx((0.3, -0.4), abs=1e-6)
    assert (run.accuracy.within_68, run.accuracy.within_95) == (0.5, 1.0)
    assert (run.tracker, run.field, run.condition, run.texture) == ("sayer", "shift", "noise-20db", "radar")
    assert (run.rows, run.cols, run.spacing, run.estimates) == (128, 128, 4, 32 * 32)
    assert run.speed == pytest.approx(1024 / run.seconds)


def test_only_the_interior_is_scored_and_flags_are_no_measurements(sayer: Sayers, shifted: KnownPair) -> None:
    assert shifted.border == 16
    run = measure(sayer(dropped=4), shifted)
    assert run.accuracy is not None
    assert run.accuracy.total == 24 * 24
    assert run.share == run.accuracy.share == 0.75
    assert run.median_all == pytest.approx(0, abs=1e-6)


def test_pixels_without_a_value_count_as_wrong_in_the_median_of_all() -> None:
    dx = np.full((10, 10), 0.5, np.float32)
    dx[:3] = np.nan
    field = Field.from_layers(
        dict.fromkeys(("dx", "dy", "quality", "sigma_dx", "sigma_dy", "rho"), dx)
        | {"flags": np.full(dx.shape, int(Flag.LOW_QUALITY), np.uint8)}
    )
    truth, known = (np.zeros(dx.shape), np.full(dx.shape, 0.1)), np.ones(dx.shape, np.bool_)
    assert median_error(field, truth, known) == pytest.approx(np.hypot(0.4, 0.5), abs=1e-6)
    known[6:] = False
    assert median_error(field, truth, known) == np.inf


def test_truth_is_taken_at_the_centres_of_output_pixels() -> None:
    row, col = np.array([3.9, 4.0, 4.0, 4.0]), np.array([10.0, 10.0, 15.0, 15.1])
    np.testing.assert_array_equal(inside(row, col, (100, 20), 4), [False, True, True, False])


def test_a_failure_is_a_row_with_its_reason(sayer: Sayers, shifted: KnownPair) -> None:
    run = measure(sayer(fails=True), shifted)
    assert run.reason == "RuntimeError: it broke in two lines"
    assert run.accuracy is None
    assert run.share == 0
    assert math.isnan(run.speed)
    assert (run.field, run.texture) == ("shift", "radar")


def test_a_search_range_left_alone_follows_the_displacement(sayer: Sayers, shifted: KnownPair) -> None:
    searched = [json.loads(measure(item, shifted).parameters)["search"] for item in (sayer(), sayer(search=9))]
    assert searched == [math.ceil(0.62) + 4, 9]
    far = measure(sayer(), replace(shifted, reach=30.0))
    assert far.reason == "Sayer: search = 34: input should be less than or equal to 20"


def test_the_first_run_is_not_timed() -> None:
    calls: list[int] = []
    contender = Contender("counted", None)
    for _ in range(2):
        contender.timed(lambda: calls.append(1))
    assert len(calls) == 3


def test_every_registered_tracker_takes_part_by_default() -> None:
    assert [item.name for item in contenders()] == registry.names()
    (chosen,) = contenders(["pcc:window=32"])
    assert chosen.tracker is not None
    assert chosen.tracker.model_dump()["window"] == 32
    with pytest.raises(ParameterError, match="no tracker 'pc'"):
        contenders(["pc"])


def test_presets_take_part_one_by_one_where_that_is_asked_for() -> None:
    names = [item.name for item in contenders(presets_of=("dis", "pcc"))]
    assert [name for name in names if name.startswith("dis")] == [
        f"dis:preset={preset}" for preset in ("ultrafast", "fast", "medium", "full")
    ]
    assert "pcc" in names, "it has no presets"
    assert [item.name for item in contenders(["dis"], presets_of=("dis",))] == ["dis"]


def test_errors_of_all_pixels_stand_beside_those_of_what_is_kept(sayer: Sayers, shifted: KnownPair) -> None:
    run, judged = judge(sayer(dropped=4, dx=0.67), shifted)
    assert (run.share, run.valued) == (0.75, 1.0)
    assert run.mean_all == pytest.approx(0.3, abs=1e-6)
    assert judged is not None
    assert judged.lengths.size == 24 * 24
    assert judge(sayer(fails=True), shifted)[1] is None


def test_one_that_cannot_be_loaded_keeps_its_place(shifted: KnownPair, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> type:
        raise ParameterError(f"'{name}' cannot be loaded")

    monkeypatch.setattr(registry, "get", refuse)
    first = contenders()[0]
    assert first.tracker is None
    assert measure(first, shifted).reason == f"'{first.name}' cannot be loaded"


def test_what_the_figures_depend_on_is_recorded() -> None:
    assert machine().keys() == {"version", "platform", "cpu", "cores"}
    known = setting()
    assert known.keys() == machine().keys() | {"date", "peers"}
    assert "scikit-image " in str(known["peers"])
