"""Ground of all kinds: what it looks like, and which images of the user's it takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from sensetrack.benchmark.accuracy import APART, QUICK, study_of
from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.pairs import PairMaker
from sensetrack.benchmark.textures import HELD_OUT, make_ground
from sensetrack.benchmark.truths import FIELDS
from sensetrack.errors import InputError, ParameterError


@pytest.fixture
def image(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(4).gamma(2.0, 0.1, (1, 120, 150)).astype(np.float32)
    pixels[:, 60, 1] = np.nan  # outside the middle
    path = tmp_path / "mine.tif"
    profile = {"driver": "GTiff", "height": 120, "width": 150, "count": 1, "dtype": "float32"}
    with rasterio.open(path, "w", transform=Affine(10, 0, 0, 0, -10, 0), **profile) as file:
        file.write(pixels)
    return path


@pytest.mark.parametrize("name", HELD_OUT)
def test_ground_that_is_held_out_has_texture(name: str) -> None:
    ground = make_ground(name, 96, 3)
    seen = ground.radiance()
    assert ground.size == 96
    assert np.isfinite(seen).all()
    assert seen.std() > 0.05 * seen.mean()


def test_dunes_of_another_seed_are_others() -> None:
    first, second, again = (make_ground("dunes", 96, seed).albedo for seed in (1, 2, 1))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1
    assert np.array_equal(first, again)


def test_an_image_shows_its_middle(image: Path) -> None:
    pair = PairMaker(64).make(str(image), replace(FIELDS["shift"], family="diagonal", amplitude=0.0), CLEAN)
    with rasterio.open(image) as file:
        middle = file.read(1)[28:92, 43:107]
    assert np.corrcoef(pair.secondary.ravel(), middle.ravel())[0, 1] > 0.8


CLEAN = replace(CONDITIONS["noise-20db"], noise=0.0)


def test_images_that_cannot_be_used_are_refused(image: Path) -> None:
    with pytest.raises(InputError, match="120 x 150 pixels are fewer than the 128 of a pair"):
        make_ground(str(image), 128, 0)
    with pytest.raises(InputError, match="middle 120 x 150 pixels are not all valid"):
        make_ground(str(image), 72, 0)
    with pytest.raises(ParameterError, match="no texture 'dune'; did you mean 'dunes'"):
        make_ground("dune", 96, 0)


def test_what_is_held_out_has_its_own_seed() -> None:
    study = study_of(replace(QUICK, seed=7))
    assert {kind: (plan.textures, plan.seed) for kind, plan in study.groups.items()} == {
        "made": (("gravel", "radar"), 7),
        "held-out": (("brick", "dunes", "radar"), 7 + APART),
    }
    assert study.count(2) == 2 * (2 * 3 + 3 * 3 + 21 * 2 + 2)


def test_groups_without_a_pair_are_left_out(image: Path) -> None:
    speckled = replace(QUICK, conditions=("speckle",), textures=("gravel", "camera"))
    assert set(study_of(speckled, chosen=True).groups) == {"made"}
    assert set(study_of(speckled, images=[str(image)], others=False).groups) == {"own"}
    with pytest.raises(ParameterError, match="these conditions need gravel, radar, grass"):
        study_of(replace(speckled, textures=("camera", "moon")), chosen=True)
