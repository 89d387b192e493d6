"""The published method: alterations, the classifier, finished tiles that are kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

torch = pytest.importorskip("torch")

from sensetrack.errors import OutputError  # noqa: E402
from sensetrack.nets import tile_classes  # noqa: E402
from sensetrack.nets.augment import ANGLES, KERNELS, SCALES, altered, stretched  # noqa: E402
from sensetrack.nets.tile_classes import Plan, classify  # noqa: E402
from sensetrack.nets.tile_net import Training, fit, new_net  # noqa: E402
from sensetrack.nets.tiles import Grid, rim_of  # noqa: E402

ALL = (*KERNELS, "scale", "rotate")
PLAN = Plan(1, ALL, 25, 16, 1e-3, 0, 0.5, None)


def pair(shift=(1, -2), size=48, seed=0):
    rng = np.random.default_rng(seed)
    ground = gaussian_filter(rng.normal(100, 50, (size + 20, size + 20)), 1.2).astype(np.float32)
    dy, dx = shift
    first = ground[10 : 10 + size, 10 : 10 + size]
    return first, ground[10 - dy : 10 - dy + size, 10 - dx : 10 - dx + size]


def everywhere(images):
    return tuple(np.ones(image.shape, np.bool_) for image in images)


def test_alterations_are_those_of_image_editors():
    rim = rim_of(16)
    flat = torch.full((1, 16 + 2 * rim, 16 + 2 * rim), 100.0)
    found = altered(flat, 16, ALL)
    assert found.shape == (1, 1 + len(KERNELS) + len(SCALES) + len(ANGLES), 16, 16)
    by_name = dict(zip(["plain", *KERNELS], found[0], strict=False))
    assert (by_name["contour"] == 255).all() and (by_name["edges"] == 0).all() and (by_name["emboss"] == 128).all()
    for name in ("detail", "sharpen", "smooth", "blur"):
        torch.testing.assert_close(by_name[name], by_name["plain"])
    torch.testing.assert_close(found[0, 1 + len(KERNELS) :], torch.full((8, 16, 16), 100.0))
    point = torch.zeros(1, 16 + 2 * rim, 16 + 2 * rim)
    point[0, rim + 8, rim + 8] = 160
    found = dict(zip(["plain", *KERNELS], altered(point, 16, ALL)[0], strict=False))
    assert found["smooth"][8, 8] == pytest.approx(5 * 160 / 13) and found["smooth"][7, 8] == pytest.approx(160 / 13)
    assert found["blur"][8, 8] == 0 and found["blur"][6, 7] == 10 and found["blur"][7, 7] == 0
    assert found["detail"][8, 8] == 255 and found["sharpen"][8, 7] == 0
    assert found["emboss"][9, 9] == 0 and found["emboss"][8, 8] == 255


def test_tiles_turn_and_grow_about_their_centre():
    rim = rim_of(17)
    line = torch.arange(17 + 2 * rim, dtype=torch.float32) - (16 / 2 + rim)
    ramp = (100 + 5 * line[:, None] + 0 * line[None, :])[None]
    found = altered(ramp, 17, ("scale", "rotate"))[0]
    for tile in found:
        assert float(tile[8, 8]) == pytest.approx(100, abs=1e-3)
    assert float(found[1][9, 8] - found[1][8, 8]) == pytest.approx(5 * 19 / 17, rel=1e-4)
    turned = found[3 + ANGLES.index(-10)]
    assert float(turned[8, 9] - turned[8, 8]) == pytest.approx(5 * np.sin(np.radians(10)), rel=0.01)


def test_stretched_fills_the_bytes_and_ignores_holes():
    pixels = torch.linspace(-3e4, 7e4, 1000).view(20, 50)
    valid = torch.ones(20, 50, dtype=torch.bool)
    valid[0] = False
    found = stretched(pixels, valid)
    assert float(found.min()) == 0 and float(found.max()) == 255
    assert (found[0] == 127.5).all()
    assert (stretched(pixels, torch.zeros_like(valid)) == 127.5).all()


@pytest.mark.parametrize("side", [16, 24, 50, 100])
def test_the_network_takes_tiles_of_every_side(side):
    chance = torch.Generator().manual_seed(0)
    tiles = 255 * torch.rand(3, 4, side, side, generator=chance)
    trained = fit(tiles, Training(1, 8, 1e-3), chance)
    assert trained.net["d2"].shape[0] == 3
    assert 0 <= trained.accuracy <= 1
    assert set(trained.net) == set(new_net(side, 3, chance))


def test_finds_the_candidate_and_says_how_probable():
    images = pair((1, -1))
    grid = Grid((1, 1), 8, 32, 32, 1)
    found = classify(images, everywhere(images), grid, PLAN, "cpu")
    assert (found.dx[0], found.dy[0]) == (-1, 1)
    assert found.probability[0] > 0.5
    assert found.mean[0] == pytest.approx(1 / 9)
    assert found.on_edge[0]
    assert found.sigma_dx[0] >= 12**-0.5 - 1e-6


def test_a_finished_tile_is_not_done_again(tmp_path, monkeypatch):
    images = pair((1, 1))
    plan = Plan(1, ("smooth",), 2, 16, 1e-3, 0, 0.5, str(tmp_path / "kept"))
    grid = Grid((1, 2), 10, 16, 16, 1)
    first = classify(images, everywhere(images), grid, plan, "cpu", (100, 200))
    names = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert names == ["tile_r000118_c000218.npz", "tile_r000118_c000234.npz"]
    with np.load(tmp_path / "kept" / names[0]) as kept:
        assert kept["probabilities"].shape == (3, 3) and kept["probabilities"].sum() == pytest.approx(1, abs=1e-5)
        assert list(kept["lags"]) == [-1, 0, 1] and list(kept["centre"]) == [118, 218]

    def refuse(*_):
        raise AssertionError("trained again")

    with monkeypatch.context() as patched:
        patched.setattr(tile_classes, "fit", refuse)
        again = classify(images, everywhere(images), grid, plan, "cpu", (100, 200))
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, other)
        changed = images[0] + 1, images[1]
        with pytest.raises(AssertionError, match="trained again"):
            classify(changed, everywhere(images), grid, plan, "cpu", (100, 200))
    (tmp_path / "kept" / names[0]).write_bytes(b"cut off")
    again = classify(images, everywhere(images), grid, plan, "cpu", (100, 200))
    np.testing.assert_array_equal(again.probability, first.probability)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    images = pair()
    plan = Plan(1, (), 1, 16, 1e-3, 0, 0.5, str(tmp_path / "file"))
    with pytest.raises(OutputError, match="cannot keep a finished tile"):
        classify(images, everywhere(images), Grid((1, 1), 16, 16, 16, 1), plan, "cpu")


def test_holes_take_candidates_out():
    images = pair((0, 0))
    valid = everywhere(images)
    valid[1][:, 27:] = False
    plan = Plan(1, ("smooth",), 1, 16, 1e-3, 0, 0.7, None)
    found = classify(images, valid, Grid((1, 2), 16, 16, 16, 1), plan, "cpu")
    assert found.share[1] == 0 and np.isnan(found.dx[1])
    assert 0.6 < found.share[0] < 0.8
    assert np.isnan(found.mean[1])
