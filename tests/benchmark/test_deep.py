"""The comparison of learned trackers: what is scored, and how it is summed up."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sensetrack.benchmark.deep import DeepRun, _at, deep_page, deep_table, run_deep, shared_table
from sensetrack.benchmark.large import large_page, make_large, run_large
from sensetrack.benchmark.measure import Contender, contenders
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


def test_all_are_compared_on_the_pixels_of_one() -> None:
    """Off by 0.3 px everywhere, beside a classical tracker."""
    found = [Contender("knowing", Knowing()), *contenders(["adaptive-lk"])]
    runs = run_deep(found, SETTINGS, 1)
    assert [run.tracker for run in runs[:2]] == ["knowing", "adaptive-lk"]
    knowing, base = runs[0], runs[1]
    assert base.shared == base.base == base.mean
    assert knowing.shared == pytest.approx(0.3, abs=1e-3)
    assert knowing.base == pytest.approx(base.mean, rel=0.1)
    _, rows = shared_table(runs)
    assert rows[1] == ["`adaptive-lk`", *["1.00"] * 4]
    assert float(rows[0][1]) == pytest.approx(knowing.shared / knowing.base, abs=0.006)
    assert "as a multiple of its own there" in deep_page(runs, SETTINGS)


def test_values_between_pixels() -> None:
    plane = np.add.outer(10.0 * np.arange(4), np.arange(5))
    np.testing.assert_allclose(_at(plane, np.array([0.5, 2.0]), np.array([1.5, 4.0])), [[6.5, 9.0], [21.5, 24.0]])


def test_table_and_page(runs: list[DeepRun]) -> None:
    heads, rows = deep_table(runs)
    assert heads[1:5] == ["0.01-1 px", "1-5 px", "5-15 px", "15-50 px"]
    assert rows[0][:6] == ["`knowing`", *["0.300 / 0.300"] * 4, "100 %"]
    assert rows[1][1] == "– / –"
    page = deep_page(runs, SETTINGS)
    assert "as a multiple" not in page, "adaptive-lk takes no part"
    assert "2 samples of 96 x 96 pixels per range" in page
    assert "- `absent`: it is not there" in page
    assert math.isnan(next(run for run in runs if run.reason).mean)


def test_a_large_pair_is_tracked_from_file_to_file() -> None:
    done: list[tuple[int, int]] = []
    found = [*contenders(["dis", "ncc:step=16"]), Contender("absent", None, "it is not there")]
    runs = run_large(found, 400, progress=lambda *state: done.append(state))
    assert done == [(1, 3), (2, 3), (3, 3)]
    assert [(run.spacing, run.estimates) for run in runs[:2]] == [(1, 400 * 400), (16, 25 * 25)]
    for run in runs[:2]:
        assert run.median < 0.1
        assert run.speed > 0
    page = large_page(runs)
    assert "on 400 x 400 pixels" in page
    assert "| `absent` | – | – | – | – |" in page
    assert "- `absent`: it is not there" in page


def test_the_ground_of_the_large_pair_goes_on_beyond_its_period(tmp_path: Path) -> None:
    files = make_large(tmp_path, 1100)
    first, second = (rasterio.open(path).read(1) for path in files)
    assert first.shape == second.shape == (1100, 1100)
    repeated = np.corrcoef(first[:60, :60].ravel(), first[1024:1084, 1024:1084].ravel())[0, 1]
    assert 0.95 < repeated < 1.0, "the same ground with other noise"
