"""Rates, ratios, starts and memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensetrack.benchmark.measure import Contender
from sensetrack.benchmark.pairs import KnownPair
from sensetrack.benchmark.peers import peers
from sensetrack.benchmark.probe import growth, start_of
from sensetrack.benchmark.speed import Speed, Timing, run_speed
from sensetrack.benchmark.speed_page import speed_rows, speed_table, typical_errors
from sensetrack.benchmark.work import threads
from sensetrack.device import cores
from sensetrack.errors import DeviceError, ParameterError, SensetrackError


def test_ratios_are_of_rounds_side_by_side() -> None:
    slow, fast = Timing("cpu", 2, 100, [4.0, 8.0, 4.4]), Timing("cpu", 2, 50, [1.0, 2.0, 1.0])
    assert slow.rate == pytest.approx(100 / 4.4)
    assert fast.ratio(slow) == pytest.approx(4 * 0.5), "a round in which all are slow does not count more"
    assert slow.ratio(fast) == pytest.approx(0.5)
    assert math.isnan(slow.ratio(None)) and math.isnan(Timing("cpu", 1).rate)


def test_the_table_puts_rates_beside_the_yardsticks() -> None:
    ours = Speed("ours", [Timing("cpu", 1, 1000, [1.0]), Timing("cpu", 2, 1000, [0.5])])
    ilk = Speed("skimage-ilk", [Timing("cpu", 1, 1000, [4.0]), Timing("cpu", 2, 1000, [4.0])])
    heads, rows = speed_table([ours, ilk, Speed("broken", reason="why")])
    assert heads[-2:] == ["over skimage-ilk", "over opencv-dis"]
    assert rows == [
        ["`ours`", "1.0 k", "2.0 k", "2", "8", "–"],
        ["`skimage-ilk`", "250", "250", "1", "1", "–"],
        ["`broken`", "–", "–", "–", "–", "–"],
    ]
    table = speed_rows([ours, ilk, Speed("broken", reason="why")], 32, 1)
    assert [row["over_skimage-ilk"] for row in table[:4]] == [4.0, 8.0, 1.0, 1.0]
    assert (table[4]["tracker"], table[4]["reason"]) == ("broken", "why")


def test_contenders_run_in_turn_with_one_thread_and_with_all(sayer: Callable[..., Contender]) -> None:
    trackers = [sayer("one"), sayer("broken", fails=True), *peers(["opencv-dis"])]
    done: list[tuple[int, int]] = []
    speeds = run_speed(trackers, size=96, rounds=3, starts=False, progress=lambda *state: done.append(state))
    assert done[-1] == (len(done), len(done))
    one, broken, dis = speeds
    assert [item.threads for item in dis.timings] == sorted({1, cores()})
    assert all(len(item.seconds) == 3 for speed in (one, dis) for item in speed.timings)
    assert (one.timings[0].estimates, dis.timings[0].estimates) == (24 * 24, 96 * 96)
    assert (broken.timings, broken.reason) == ([], "RuntimeError: it broke in two lines")


def test_threads_are_set_back() -> None:
    import cv2

    before = cv2.getNumThreads(), cores()
    with threads(1):
        assert (cv2.getNumThreads(), cores()) == (1, 1)
    assert (cv2.getNumThreads(), cores()) == before


def test_a_process_of_its_own_tells_start_and_memory(shifted: KnownPair) -> None:
    start = start_of(peers(["opencv-dis"])[0], shifted)
    assert start.first > 0 and start.second > 0
    assert math.isnan(start.memory) or 0 <= start.memory < 1e5
    with pytest.raises(SensetrackError, match="no tracker 'unheard-of'"):
        start_of(Contender("unheard-of", None), shifted)


def test_growth_is_the_peak() -> None:
    def work() -> None:
        for size in (1, 30, 2):
            np.ones((size, 2**20), np.uint8)

    grown = growth(work)
    assert math.isnan(grown) or 25 * 2**20 < grown < 45 * 2**20


def test_errors_come_from_the_other_table(tmp_path: Path) -> None:
    file = tmp_path / "accuracy.csv"
    file.write_text("tracker,mean_all\na,0.1\na,0.4\nb,\n")
    found = typical_errors(file)
    assert found["a"] == pytest.approx(0.2)
    assert math.isnan(found["b"])


def test_bad_input_is_named() -> None:
    with pytest.raises(ParameterError, match="rounds = 0: at least 1"):
        run_speed([], rounds=0)
    with pytest.raises(DeviceError, match="device 'gpu' is unknown"):
        run_speed([], device="gpu")
    with pytest.raises(ParameterError, match="size = 10: at least 64"):
        run_speed([], size=10)
