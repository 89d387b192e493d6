"""Tiles of GeoFlowNet: where answers land, what shift is taken out, mirrors, and how least squares follow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')

from sensetrack.nets.geoflow import GeoFlowNet  # noqa: E402
from sensetrack.nets.geoflow_tiles import Tiling, ask, find_flows  # noqa: E402
from sensetrack.nets.grids import coefficients, move, move_smoothly  # noqa: E402
from sensetrack.nets.lucas_kanade import improve  # noqa: E402

Texture = Callable[..., np.ndarray]


class Reading(GeoFlowNet):
    """Answers with the brightness that it is shown: of the first image as dx, of the second as dy."""

    def __init__(self) -> None:
        super().__init__("B", 0.05)

    def forward(self, reference: object, secondary: object, masks: object) -> list[object]:
        """Return both images as a flow."""
        return [torch.cat([reference, secondary], dim=1)]


class Lopsided(GeoFlowNet):
    """Answers with a flow that is not that of mirrored images."""

    def __init__(self) -> None:
        super().__init__("B", 0.05)

    def forward(self, reference: object, secondary: object, masks: object) -> list[object]:
        """Return 1 to the right, and up by the column."""
        across = torch.arange(reference.shape[3], dtype=torch.float32).expand_as(reference)
        return [torch.cat([torch.ones_like(reference), -across], dim=1)]


class Leaning(GeoFlowNet):
    """Answers with the same small flow whatever it sees."""

    def __init__(self) -> None:
        super().__init__("B", 0.05)

    def forward(self, reference: object, secondary: object, masks: object) -> list[object]:
        """Return 0.4 to the right and down."""
        return [torch.full_like(reference, 0.4).expand(-1, 2, -1, -1)]


def pair_of(*images: np.ndarray) -> tuple[object, ...]:
    return tuple(torch.from_numpy(np.ascontiguousarray(image, np.float32))[None, None] for image in images)


@pytest.mark.parametrize(("tile", "stride"), [(64, 64), (64, 32), (128, 32)])
def test_answers_land_where_they_belong(texture: Texture, tile: int, stride: int) -> None:
    first, second = pair_of(*(texture((128, 192), seed=seed, mean=0, std=1, waves=40) for seed in (0, 1)))
    ones = torch.ones_like(first)
    found = ask(Reading(), (first, second), (ones, ones), Tiling(tile, stride, 0, False)).flow
    torch.testing.assert_close(found[:, :1], first, atol=1e-5, rtol=0)
    torch.testing.assert_close(found[:, 1:], second, atol=1e-5, rtol=0)


def test_context_is_seen_and_not_answered(texture: Texture) -> None:
    first, second = pair_of(*(texture((192, 192), seed=seed, mean=0, std=1, waves=40) for seed in (0, 1)))
    ones = torch.ones_like(first)
    tiling = Tiling(128, 64, 0, False)
    whole = ask(Reading(), (first, second), (ones, ones), tiling).flow
    middle = ask(Reading(), (first, second), (ones, ones), tiling, 64).flow
    inner = (..., slice(64, 128), slice(64, 128))
    torch.testing.assert_close(middle[inner], whole[inner], atol=1e-5, rtol=0)
    assert not middle[..., :32, :].any()


def test_the_shift_of_a_tile_is_taken_out(texture: Texture) -> None:
    """The net, which reads brightness, is shown the second image moved back."""
    first, second = texture((192, 256), mean=0, std=1), texture((192, 256), dx=23, dy=-11, mean=0, std=1)
    pair = pair_of(first, second)
    ones = torch.ones_like(pair[0])
    found = ask(Reading(), pair, (ones, ones), Tiling(128, 64, 40, False)).flow[0].numpy()
    inner = (slice(64, -64), slice(64, -64))
    np.testing.assert_allclose(found[0][inner] - 23, first[inner], atol=1e-4)
    np.testing.assert_allclose(found[1][inner] + 11, first[inner], atol=1e-3)


def test_images_that_share_nothing_have_no_shift(texture: Texture) -> None:
    pair = pair_of(*(texture((128, 128), seed=seed, mean=0, std=1) for seed in (0, 1)))
    ones = torch.ones_like(pair[0])
    found = ask(Reading(), pair, (ones, ones), Tiling(128, 128, 40, False)).flow
    torch.testing.assert_close(found[:, :1], pair[0], atol=1e-5, rtol=0)


def test_mirrored_tiles_average_what_mirrors_turn_round() -> None:
    image = torch.zeros(1, 1, 64, 64)
    answer = ask(Lopsided(), (image, image), (torch.ones_like(image),) * 2, Tiling(64, 64, 0, True))
    torch.testing.assert_close(answer.flow[:, :2], torch.zeros(1, 2, 64, 64), atol=1e-6, rtol=0)
    # Answers of 1 and -1, two each: the variance of the mean of four is (4 / 3) / 4.
    torch.testing.assert_close(answer.variance[:, :1], torch.full((1, 1, 64, 64), 1 / 3), atol=1e-5, rtol=0)


def test_both_ways_leave_nothing_where_nothing_moves() -> None:
    """What the net says alike on both ways is an error of its own, and cancels."""
    image = np.random.default_rng(0).normal(size=(128, 128)).astype(np.float32)
    one = np.ones_like(image)
    tiling = Tiling(64, 64, 0, False)
    plain, both = (
        find_flows((image, image), (one, one), Leaning(), tiling, both_ways=ways, back=False, improved=False)[0]
        for ways in (False, True)
    )
    np.testing.assert_allclose(plain, 0.4, atol=1e-6)
    np.testing.assert_allclose(both[:, 1:-1, 1:-1], 0, atol=1e-6)


def test_least_squares_find_what_is_missing(texture: Texture) -> None:
    pair = pair_of(texture((128, 160), mean=0, std=1), texture((128, 160), dx=2.3, dy=-1.2, mean=0, std=1))
    ones = torch.ones_like(pair[0])
    start = torch.zeros(1, 2, 128, 160)
    found = improve(pair, (ones, ones), start)[0, :, 24:-24, 24:-24].numpy()
    np.testing.assert_allclose(np.median(found, axis=(1, 2)), [2.3, -1.2], atol=0.01)
    assert np.abs(found[0] - 2.3).max() < 0.1


def test_least_squares_keep_what_fits_better(texture: Texture) -> None:
    """A flow that is right stays right, also where it breaks, and where one image shows something else."""
    break_at = np.where(np.arange(160) < 80, -3.0, 3.0) * np.ones((128, 160))
    second = texture((128, 160), dy=break_at, mean=0, std=1, waves=80)
    pair = pair_of(texture((128, 160), mean=0, std=1, waves=80), second)
    ones = torch.ones_like(pair[0])
    truth = torch.from_numpy(np.stack([0 * break_at, break_at]).astype(np.float32))[None]
    found = improve(pair, (ones, ones), truth)
    away = torch.cat([found[..., 20:60], found[..., 100:140]], dim=3)
    right = torch.cat([truth[..., 20:60], truth[..., 100:140]], dim=3)
    assert (away - right).abs().max() < 0.1
    other = pair_of(texture((128, 160), seed=7, mean=0, std=1))[0]
    before, after = (
        ((pair[0] - move(other, flow)) ** 2).mean() for flow in (truth, improve((pair[0], other), (ones, ones), truth))
    )
    assert after < before


def test_splines_move_exactly(texture: Texture) -> None:
    first, second = pair_of(texture((96, 96), mean=0, std=1), texture((96, 96), dx=0.4, dy=-1.7, mean=0, std=1))
    flow = torch.tensor([0.4, -1.7])[None, :, None, None].expand(1, 2, 96, 96)
    inner = (..., slice(12, -12), slice(12, -12))
    errors = [
        (moved - first)[inner].abs().max() for moved in (move_smoothly(coefficients(second), flow), move(second, flow))
    ]
    assert errors[0] < 0.1
    assert errors[0] < 0.2 * errors[1]
