"""Image filters are compared with none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sensetrack.benchmark.filters import NONE, Chain, chains, factor, run_filters
from sensetrack.benchmark.measure import Contender, Run, contenders, measure
from sensetrack.benchmark.pages import filter_table, filters_page
from sensetrack.benchmark.pairs import KnownPair
from sensetrack.benchmark.picture import draw_filters
from sensetrack.benchmark.plan import Plan
from sensetrack.errors import ParameterError
from sensetrack.preprocess import ImageFilter, State, registry
from sensetrack.types import Mask, PixelArray

PLAN = Plan(128, 0, ("shift",), ("patches", "ramp"), ("gravel",), ())


class Inverse(ImageFilter):
    """Makes a negative of an image, which hurts nobody, or breaks."""

    breaks: bool = False

    @property
    def margin(self) -> int:
        """None."""
        return 0

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        if self.breaks:
            raise RuntimeError("it broke")
        return -pixels, valid


@pytest.fixture(scope="module")
def runs(sayer: Callable[..., Contender]) -> list[Run]:
    trackers = [*contenders(["pcc:window=32"]), sayer(dx=0.67)]
    chosen = [
        Chain(NONE),
        Chain("inverse", (Inverse(),)),
        Chain("broken", (Inverse(breaks=True),)),
        Chain("no", reason="why"),
    ]
    return run_filters(trackers, chosen, PLAN)


def test_every_filter_has_a_run_with_every_tracker_on_every_pair(runs: list[Run]) -> None:
    assert len(runs) == 2 * 4 * 2
    assert len({(run.tracker, run.filter, run.condition) for run in runs}) == 16


def test_a_filter_that_fails_is_a_row_with_its_reason(runs: list[Run]) -> None:
    assert {run.reason for run in runs if run.filter == "broken"} == {"RuntimeError: it broke"}
    assert {run.reason for run in runs if run.filter == "no"} == {"why"}
    assert {run.reason for run in runs if run.filter in (NONE, "inverse")} == {""}


def test_the_factor_is_without_over_with(runs: list[Run]) -> None:
    assert factor(runs, "pcc:window=32", "inverse") == pytest.approx(1, abs=0.02)
    assert factor(runs, "sayer", "inverse", "ramp") == pytest.approx(1)
    assert math.isnan(factor(runs, "sayer", "broken"))


def test_the_factor_is_above_one_where_a_filter_helps(sayer: Callable[..., Contender], shifted: KnownPair) -> None:
    errors = {(NONE, "a"): 0.4, (NONE, "b"): 0.1, ("helps", "a"): 0.1, ("helps", "b"): 0.1}
    found = [
        replace(measure(sayer(dx=0.37 + error), shifted), filter=name, texture=texture)
        for (name, texture), error in errors.items()
    ]
    assert factor(found, "sayer", "helps") == pytest.approx(2.0, rel=1e-5)
    assert factor(found[::-1], "sayer", NONE) == pytest.approx(1.0)


def test_table_page_and_picture(runs: list[Run], tmp_path: Path) -> None:
    heads, rows = filter_table(runs, "sayer", PLAN.conditions)
    assert heads == ["filter", "patches", "ramp", "factor"]
    assert rows[0] == ["`none`", "0.300 (100 %)", "0.300 (100 %)", "1"]
    assert rows[1] == ["`inverse`", "0.300 (100 %) ×1", "0.300 (100 %) ×1", "1.00"]
    assert rows[2][1:] == ["– (0 %)", "– (0 %)", "–"]
    page = filters_page(runs, PLAN)
    assert "## pcc:window=32" in page
    assert "- `sayer` behind `broken`, 2 pairs: RuntimeError: it broke" in page
    assert "- patches: patches of other gain and offset" in page
    assert "nan" not in page
    draw_filters(runs, PLAN, tmp_path / "filters.png")
    assert (tmp_path / "filters.png").stat().st_size > 10_000


def test_every_registered_filter_takes_part_by_default() -> None:
    found = chains()
    assert [chain.name for chain in found] == [NONE, *registry.names()]
    (_, chain) = chains(["highpass:sigma=2+highpass:shape=box"])
    assert [type(item).__name__ for item in chain.filters] == ["Highpass", "Highpass"]
    with pytest.raises(ParameterError, match="no image filter 'hipass'"):
        chains(["hipass"])


def test_invalid_pixels_of_a_filter_stay_invalid(sayer: Callable[..., Contender]) -> None:
    class Holes(Inverse):
        def _apply(
            self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]
        ) -> tuple[PixelArray, Mask]:
            return pixels, np.zeros_like(valid)

    (_, run) = run_filters(
        [sayer()], [Chain(NONE), Chain("holes", (Holes(),))], Plan(128, 0, ("shift",), ("ramp",), ("gravel",))
    )
    assert run.share == 0
    assert run.reason == ""
