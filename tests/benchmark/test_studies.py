"""Reliability, peak locking and step response of errors that are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.benchmark.looks import looks_of
from sensetrack.benchmark.measure import Contender, judge
from sensetrack.benchmark.pairs import KnownPair
from sensetrack.benchmark.peak_locking import Phases, locking, run_phases
from sensetrack.benchmark.reliability import Samples
from sensetrack.benchmark.step_response import Steps, response, rise, run_steps

Sayers = Callable[..., Contender]


def gaussian(factor: float) -> Samples:
    """Errors ``factor`` times as large as stated, whose size spans two orders of magnitude."""
    rng = np.random.default_rng(1)
    sigmas = 10 ** rng.uniform(-2, 0, 200_000)
    samples = Samples("made")
    samples.add_arrays(factor * sigmas * rng.normal(size=sigmas.size), sigmas)
    return samples


def test_calibrated_gaussian_errors_are_reliable_in_every_decile() -> None:
    every, *deciles = gaussian(1.0).deciles()
    assert (every.number, every.count) == (0, 200_000)
    assert [decile.number for decile in deciles] == list(range(1, 11))
    assert [decile.count for decile in deciles] == [20_000] * 10
    for decile in (every, *deciles):
        assert decile.within_68 == pytest.approx(0.6827, abs=0.012)
        assert decile.within_95 == pytest.approx(0.95, abs=0.006)
        assert decile.normalised == pytest.approx(1, abs=0.02)
        assert decile.observed == pytest.approx(decile.stated, rel=0.03)
    assert deciles[0].stated == pytest.approx(10**-1.9, rel=0.05)
    assert deciles[-1].stated == pytest.approx(10**-0.1, rel=0.05)


def test_errors_twice_as_large_as_stated_show() -> None:
    for decile in gaussian(2.0).deciles():
        assert decile.normalised == pytest.approx(2, abs=0.04)
        assert decile.within_68 == pytest.approx(0.3829, abs=0.012)
        assert decile.within_95 == pytest.approx(0.6729, abs=0.012)


def test_only_measured_pixels_with_a_stated_error_count(sayer: Sayers, shifted: KnownPair) -> None:
    samples = Samples("sayer")
    _, judged = judge(sayer(dropped=4, sigma=0.2, dx=0.57, dy=-0.62), shifted)
    assert judged is not None
    samples.add(judged)
    every = samples.deciles()[0]
    assert every.count == 2 * 432
    assert every.stated == pytest.approx(0.2)
    assert every.observed == pytest.approx(0.2 / np.sqrt(2), rel=1e-4)
    silent = Samples("silent")
    silent.add_arrays(np.ones(100), np.full(100, np.nan))
    assert silent.deciles() == []


def test_bias_follows_the_shift(sayer: Sayers) -> None:
    plan = Phases((0.0, 0.25, 0.5), ("radar", "dunes"), 64)
    trackers = [sayer("half", dx=0.25, dy=0.25), sayer("broken", fails=True)]
    found = list(run_phases(trackers, plan, 0))
    assert len(found) == plan.count(2) == 12
    phases = [phase for phase in found if phase is not None]
    assert [(phase.tracker, phase.shift) for phase in phases] == [("half", 0.0), ("half", 0.25), ("half", 0.5)]
    assert [phase.bias for phase in phases] == pytest.approx([0.25, 0, -0.25], abs=1e-6)
    assert [phase.rmse for phase in phases] == pytest.approx([0.25, 0, 0.25], abs=1e-6)
    assert locking(phases, "half") == pytest.approx((0.25, 0.25 * math.sqrt(2 / 3)), abs=1e-6)
    assert all(math.isnan(value) for value in locking(phases, "broken"))


def scattered(profile: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    across, along = np.random.default_rng(2).uniform((-60, 0), (60, 400), (100_000, 2)).T
    return across, along, profile(across)


def test_a_ramp_has_its_width_and_its_place() -> None:
    for width, place in ((10.0, 0.0), (4.0, 3.0), (20.0, -5.0)):
        step = response("ramp", *scattered(lambda at, w=width, p=place: np.clip(0.5 + (at - p) / w, 0, 1)))
        assert step.width == pytest.approx(0.8 * width, abs=0.6)
        assert step.located == pytest.approx(abs(place), abs=0.25)
        assert step.profile[0] == 0 and step.profile[-1] == 1


def test_a_sharp_step_is_no_wider_than_a_pixel() -> None:
    step = response("sharp", *scattered(lambda at: (at > 0).astype(np.float64)))
    assert step.width < 1.7
    assert step.located < 0.1


def test_values_far_apart_are_averaged_over_more_than_a_pixel() -> None:
    across, along, part = scattered(lambda at: (at > 0).astype(np.float64))
    step = response("sparse", across[:400], along[:400], part[:400])
    assert np.unique(np.diff(step.distance)).tolist() == [4.0]
    assert np.isfinite(step.profile).all()
    assert step.width < 6.5
    assert step.located < 2


def test_what_does_not_rise_has_no_width() -> None:
    distance = np.arange(-10.0, 11.0)
    assert math.isnan(rise(distance, np.zeros(21)))
    assert math.isnan(rise(distance, np.where(distance < 0, 0.0, 0.8)))
    assert rise(distance, np.where(distance == 3, np.nan, np.clip(distance / 10 + 0.5, 0, 1))) == pytest.approx(8.0)


def test_a_constant_answer_finds_no_fault(sayer: Sayers) -> None:
    found = list(run_steps([sayer(dx=0.0, dy=0.0), sayer("broken", fails=True)], Steps(("radar",), 128), 0))
    assert len(found) == 2
    step, nothing = found
    assert nothing is None
    assert step is not None and math.isnan(step.width)
    assert np.nanmax(np.abs(step.profile - 0.5)) < 1e-6


def test_looks_do_not_depend_on_who_else_takes_part() -> None:
    every = looks_of(["dis", "pcc:window=32", "pcc:window=64", "skimage-ilk", "unheard-of"])
    assert len({(look.colour, look.marker) for look in every.values()}) == 5
    assert looks_of(["skimage-ilk", "pcc:window=64"])["pcc:window=64"] == every["pcc:window=64"]
    assert looks_of(["dis"])["dis"] == every["dis"]
    assert every["skimage-ilk"].is_peer and not every["unheard-of"].is_peer
