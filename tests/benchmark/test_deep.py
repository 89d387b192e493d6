"""The comparison of learned trackers: what is scored, and how it is summed up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensetrack.benchmark.deep import DeepRun, _at, deep_page, deep_table, run_deep
from sensetrack.benchmark.measure import Contender
from sensetrack.displacement import Field
from sensetrack.nets.faultdeform.stream import Stream, StreamSettings
from sensetrack.trackers import Tracker
from sensetrack.types import Mask, PixelArray

SETTINGS = StreamSettings(size=96, scenes=2, faults=1, smooth=1.0)


class Knowing(Tracker):
    """Knows the samples of the test split, and is off by a constant."""

    @property
    def spacing(self) -> int:
        """Every other pixel, so that centres lie between pixels."""
        return 2

    @property
    def margin(self) -> int:
        """None."""
        return 0

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        stream = Stream(SETTINGS, "test")
        sample = next(item for item in map(stream, range(8)) if np.array_equal(item.reference, reference))
        dx, dy = (part.reshape(48, 2, 48, 2).mean(axis=(1, 3)) for part in (sample.dx, sample.dy))
        sigma, zero = np.full(dx.shape, 0.4, np.float32), np.zeros(dx.shape, np.float32)
        return Field(dx + np.float32(0.3), dy, zero, sigma, sigma, zero, np.zeros(dx.shape, np.uint8))


@pytest.fixture(scope="module")
def runs() -> list[DeepRun]:
    done: list[tuple[int, int]] = []
    found = [Contender("knowing", Knowing()), Contender("absent", None, "it is not there")]
    made = run_deep(found, SETTINGS, 2, lambda *state: done.append(state))
    assert done == [(number, 16) for number in range(1, 17)]
    return made


def test_errors_are_those_against_the_truth(runs: list[DeepRun]) -> None:
    known = [run for run in runs if run.tracker == "knowing"]
    assert [run.interval for run in known] == [0, 1, 2, 3] * 2
    for run in known:
        assert run.mean == pytest.approx(0.3, abs=1e-3)
        assert run.median == pytest.approx(0.3, abs=1e-3)
        assert run.share == 1.0
        assert run.within_68 == 1.0
        assert run.speed > 0
    assert [run.reason for run in runs if run.tracker == "absent"] == ["it is not there"] * 8


def test_values_between_pixels() -> None:
    plane = np.add.outer(10.0 * np.arange(4), np.arange(5))
    np.testing.assert_allclose(_at(plane, np.array([0.5, 2.0]), np.array([1.5, 4.0])), [[6.5, 9.0], [21.5, 24.0]])


def test_table_and_page(runs: list[DeepRun]) -> None:
    heads, rows = deep_table(runs)
    assert heads[1:5] == ["0.01-1 px", "1-5 px", "5-15 px", "15-50 px"]
    assert rows[0][:6] == ["`knowing`", *["0.300 / 0.300"] * 4, "100 %"]
    assert rows[1][1] == "– / –"
    page = deep_page(runs, SETTINGS)
    assert "2 samples of 96 x 96 pixels per range" in page
    assert "- `absent`: it is not there" in page
    assert math.isnan(next(run for run in runs if run.reason).mean)
