"""Pairs show what their truth says, in sign, size and noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from sensetrack.benchmark.conditions import CONDITIONS, LIGHTS, Condition
from sensetrack.benchmark.pairs import KnownPair, PairMaker, centres
from sensetrack.benchmark.plan import Plan
from sensetrack.benchmark.textures import TEXTURES
from sensetrack.benchmark.truths import FIELDS
from sensetrack.errors import ParameterError
from sensetrack.trackers.pcc import Pcc

SIZE = 160
CLEAN = replace(CONDITIONS["noise-20db"], name="clean", noise=0.0)
PIXELS = np.arange(SIZE, dtype=np.float64)


@pytest.fixture(scope="module")
def maker() -> PairMaker:
    return PairMaker(SIZE, seed=3)


def misfit(pair: KnownPair, sign: float) -> float:
    """Difference of the reference and the secondary looked up at ``x + sign u(x)``, relative to the texture."""
    row, col = PIXELS[:, None], PIXELS[None, :]
    dy, dx = pair.truth(row, col)
    there = map_coordinates(pair.secondary, np.stack(np.broadcast_arrays(row + sign * dy, col + sign * dx)), order=5)
    inner = np.s_[pair.border : -pair.border, pair.border : -pair.border]
    return float(np.std((there - pair.reference)[inner]) / pair.reference[inner].std())


@pytest.mark.parametrize("texture", ["gravel", "radar", "terrain"])
@pytest.mark.parametrize("field", ["shift", "bumps-3", "fault-3.2"])
def test_content_of_the_reference_is_found_displaced_in_the_secondary(
    maker: PairMaker, texture: str, field: str
) -> None:
    pair = maker.make(texture, FIELDS[field], CLEAN)
    assert misfit(pair, 1.0) < 0.06
    assert misfit(pair, -1.0) > 4 * misfit(pair, 1.0)


def test_a_tracker_finds_the_truth(maker: PairMaker) -> None:
    pair = maker.make("gravel", FIELDS["fault-3.2"], CONDITIONS["noise-20db"])
    tracker = Pcc(window=32, search=8)
    field = tracker.track(pair.reference, pair.secondary)
    dy, dx = pair.truth(*centres(tracker, SIZE))
    inner = np.s_[2:-2, 2:-2]
    assert np.median(np.hypot(field.dx - dx, field.dy - dy)[inner]) < 0.1
    assert np.ptp(dy[inner]) > 2


def test_noise_is_as_strong_as_said_and_independent(maker: PairMaker) -> None:
    clean = maker.make("gravel", FIELDS["shift"], CLEAN)
    for name, share in (("noise-20db", 0.1), ("noise-10db", 0.3162)):
        noisy = maker.make("gravel", FIELDS["shift"], CONDITIONS[name])
        first, second = noisy.reference - clean.reference, noisy.secondary - clean.secondary
        for noise, image in ((first, clean.reference), (second, clean.secondary)):
            assert noise.std() / image.std() == pytest.approx(share, rel=0.02)
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02


def test_speckle_has_ten_looks(maker: PairMaker) -> None:
    clean = maker.make("radar", FIELDS["shift"], CLEAN)
    noisy = maker.make("radar", FIELDS["shift"], replace(CONDITIONS["speckle"], noise=0.0))
    intensity = (noisy.reference / clean.reference) ** 2
    assert intensity.mean() == pytest.approx(1, abs=0.01)
    assert intensity.var() == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize(
    "condition", [CONDITIONS["light"], LIGHTS["suns-75"], LIGHTS["patches"], LIGHTS["ramp"]], ids=lambda item: item.name
)
def test_light_changes_the_secondary_only(maker: PairMaker, condition: Condition) -> None:
    plain = maker.make("terrain", FIELDS["shift"], CLEAN)
    changed = maker.make("terrain", FIELDS["shift"], replace(condition, noise=0.0))
    np.testing.assert_array_equal(plain.reference, changed.reference)
    assert np.corrcoef(plain.secondary.ravel(), changed.secondary.ravel())[0, 1] < 0.97


@pytest.mark.parametrize("name", TEXTURES)
def test_ground_is_positive_and_has_the_size_asked_for(name: str) -> None:
    ground = TEXTURES[name](96, 1)
    assert ground.size == 96
    radiance = ground.radiance()
    assert radiance.dtype == np.float32
    assert radiance.min() > 0
    assert radiance.std() > 0.05 * radiance.mean()


def test_pairs_do_not_depend_on_what_else_is_made_but_on_the_seed(maker: PairMaker) -> None:
    alone = PairMaker(SIZE, seed=3).make("radar", FIELDS["bumps-3"], CONDITIONS["speckle"])
    maker.make("gravel", FIELDS["shift"], CONDITIONS["light"])
    after = maker.make("radar", FIELDS["bumps-3"], CONDITIONS["speckle"])
    np.testing.assert_array_equal(alone.reference, after.reference)
    np.testing.assert_array_equal(alone.secondary, after.secondary)
    other = PairMaker(SIZE, seed=4).make("radar", FIELDS["bumps-3"], CONDITIONS["speckle"])
    assert np.corrcoef(alone.secondary.ravel(), other.secondary.ravel())[0, 1] < 0.5


def test_reach_is_the_largest_component(maker: PairMaker) -> None:
    assert maker.make("radar", FIELDS["shift"], CLEAN).reach == 0.62


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ParameterError, match="size = 32: at least 64"):
        PairMaker(32)
    with pytest.raises(ParameterError, match="no field 'bumbs-3'; did you mean 'bumps-3'"):
        Plan(fields=("bumbs-3",))
    with pytest.raises(ParameterError, match="no texture 'granite'"):
        Plan(textures=("granite",))
    with pytest.raises(ParameterError, match="needs at least 270 pixels"):
        Plan(size=256)
    with pytest.raises(ParameterError, match="no condition 'fog'"):
        Plan(conditions=("fog",)).pairs()
    with pytest.raises(ParameterError, match="these conditions need gravel, radar, grass"):
        Plan(conditions=("speckle",), textures=("moon",)).pairs()


def test_a_plan_makes_the_pairs_of_one_texture_in_a_row() -> None:
    pairs = Plan().pairs()
    assert len(pairs) == len(set(pairs)) == 10 * 11
    textures = [texture for texture, _, _ in pairs]
    assert [name for number, name in enumerate(textures) if number == 0 or textures[number - 1] != name] == list(
        TEXTURES
    )
