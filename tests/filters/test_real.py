"""The filters on a real field: Perito Moreno glacier from two Sentinel-2 pictures a month apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensetrack.displacement import Field
from sensetrack.filters import Filter, apply_all
from sensetrack.filters.mad import Mad
from sensetrack.filters.median_test import MedianTest
from sensetrack.filters.ndc import Ndc
from sensetrack.pair import ImagePair
from sensetrack.raster.mask import AreaMask
from sensetrack.stream import track
from sensetrack.trackers import registry


@pytest.fixture(scope="module")
def glacier(shared_data: Path) -> Field:
    """Displacements inside the glacier's outline, as measured."""
    folder = shared_data / "pairs" / "giv-perito-moreno"
    pair = ImagePair.open(folder / "20200101.jpg", folder / "20200131.jpg", days=30)
    tracker = registry.get("pcc")(window=48, step=16)
    return track(pair, tracker, mask=AreaMask.open(folder / "mask.jpg")).field


def test_speed_is_that_of_an_independent_measurement(glacier: Field) -> None:
    # Checked with normalised cross-correlation: 0.228, 0.305 and 0.337 px per day at the 50, 90 and 95 % quantiles.
    field = apply_all(glacier, [Ndc(), MedianTest()], passes=2)
    assert 0.9 < field.usable.sum() / glacier.usable.sum() < 1
    speed = field.length[field.usable] / 30
    assert np.quantile(speed, [0.5, 0.9, 0.95]) == pytest.approx([0.228, 0.305, 0.337], abs=0.02)
    assert speed.max() < 0.5


@pytest.mark.parametrize("judge", [MedianTest(), Mad(), Ndc()], ids=lambda judge: type(judge).__name__)
def test_outliers_put_into_it_are_found(glacier: Field, judge: Filter) -> None:
    rng = np.random.default_rng(0)
    clean = apply_all(glacier, [Ndc(), MedianTest()], passes=3)
    wrong = clean.usable & (rng.random(clean.shape) < 0.05)
    angle, length = rng.uniform(0, 2 * np.pi, clean.shape), rng.uniform(2, 20, clean.shape)
    spoilt = clean.layers() | {
        "dx": np.where(wrong, clean.dx + length * np.cos(angle), clean.dx),
        "dy": np.where(wrong, clean.dy + length * np.sin(angle), clean.dy),
    }
    keep = judge.keep(Field.from_layers(spoilt))
    assert (~keep)[wrong].mean() >= 0.95
    assert (~keep)[clean.usable & ~wrong].mean() <= 0.02
