"""RAFT: sizes of the paper, look-ups and upsampling that are exact, tiles that keep their truth, and that it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensetrack.errors import InputError
from sensetrack.nets.raft_tiles import Tile, read_tile, tile_blocks, tiles_in, write_tile

torch = pytest.importorskip("torch", reason='PyTorch is not there: pip install "sensetrack[deep]"')

from sensetrack.nets.raft import (  # noqa: E402
    Raft,
    RaftShape,
    correlations_of,
    enlarged,
    look_up,
    matching_loss,
    sequence_loss,
)
from sensetrack.nets.raft_input import sobel  # noqa: E402
from sensetrack.nets.raft_samples import batch_of, batches, part_of, turned  # noqa: E402
from sensetrack.nets.raft_training import evaluate, make_step, train_raft  # noqa: E402
from sensetrack.nets.settings import RaftTraining  # noqa: E402
from sensetrack.nets.weight_files import load_weights  # noqa: E402
from sensetrack.trackers.raft import evened  # noqa: E402


def make_tile(rows: int = 64, cols: int = 64, dx: float = 1.0, dy: float = -0.5) -> Tile:
    """A texture that moves as a whole."""
    y, x = np.mgrid[:rows, :cols].astype(np.float32)
    first, second = (np.sin(0.5 * (x - a)) * np.cos(0.4 * (y - b)) + 0.1 * x for a, b in ((0, 0), (dx, dy)))
    flat = np.ones((rows, cols), np.float32)
    inside = np.ones((rows, cols), np.bool_)
    return Tile(first.astype(np.float32), second.astype(np.float32), dx * flat, dy * flat, inside)


@pytest.mark.parametrize(("small", "millions"), [(False, 5.26), (True, 0.99)])
def test_sizes_are_those_of_the_paper(small: bool, millions: float) -> None:
    net = Raft(RaftShape(small=small, channels=3))
    assert sum(part.numel() for part in net.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)
    image = torch.rand(1, 3, 64, 72)
    assert [tuple(flow.shape) for flow in net(image, image, 2)] == [(1, 2, 64, 72)] * 2


def test_look_up_finds_what_the_flow_points_to() -> None:
    torch.manual_seed(0)
    first, second = torch.randn(1, 16, 8, 8), torch.randn(1, 16, 8, 8)
    volumes = correlations_of(first, second)
    assert [tuple(volume.shape[2:]) for volume in volumes] == [(8, 8), (4, 4), (2, 2), (1, 1)]
    flow = torch.zeros(1, 2, 8, 8)
    flow[:, 0], flow[:, 1] = 2, -1
    planes = look_up(volumes, flow, 1)
    # Rows of the neighbourhood first: the middle of 3 x 3 is plane 4, that to its right plane 5, that below it plane 7.
    for plane, row, col in ((4, 4, 5), (5, 4, 6), (7, 5, 5)):
        expected = (first[0, :, 5, 3] * second[0, :, row, col]).sum() / 4
        assert float(planes[0, plane, 5, 3]) == pytest.approx(float(expected), abs=1e-4)
    assert float(planes[0, 3, 0, 7]) == 0  # beyond the border


@pytest.mark.parametrize("with_mask", [True, False])
def test_enlarged_flows_keep_their_length(with_mask: bool) -> None:
    flow = torch.full((1, 2, 5, 6), 0.5)
    mask = torch.randn(1, 9 * 64, 5, 6) if with_mask else None
    wide = enlarged(flow, mask)
    assert wide.shape == (1, 2, 40, 48)
    torch.testing.assert_close(wide[..., 8:-8, 8:-8], torch.full((1, 2, 24, 32), 4.0))


def test_loss_weighs_late_flows_more() -> None:
    truth, inside = torch.zeros(1, 2, 8, 8), torch.ones(1, 1, 8, 8)
    wrong = torch.ones(1, 2, 8, 8)
    assert float(sequence_loss([wrong, truth], truth, inside)) == pytest.approx(0.8)
    assert float(sequence_loss([truth, wrong], truth, inside)) == pytest.approx(1.0)


def test_sobel_of_a_slope_and_of_a_mask() -> None:
    _, x = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    mask = torch.ones(1, 1, 20, 20)
    mask[..., :5] = 0
    found = sobel((3 * x)[None, None] + 100, mask)
    torch.testing.assert_close(found[0, 0, 2:-2, 7:-2], torch.full((16, 11), 2**0.5), atol=0.05, rtol=0)
    assert not found[0, 1, 2:-2, 7:-2].abs().max() > 1e-4
    assert not found[..., :6].any()


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
@pytest.mark.parametrize("mirror", [False, True])
def test_turned_tiles_keep_their_truth(quarters: int, mirror: bool) -> None:
    """What the reference shows at a pixel the secondary shows where the flow points to."""
    rng = np.random.default_rng(0)
    first = rng.random((24, 30), np.float32)
    second = np.roll(first, (2, -3), (0, 1))
    flat, inside = np.ones(first.shape, np.float32), np.ones(first.shape, np.bool_)
    tile = turned(Tile(first, second, -3 * flat, 2 * flat, inside), quarters, mirror)
    dx, dy = int(tile.dx[0, 0]), int(tile.dy[0, 0])
    np.testing.assert_array_equal(np.roll(tile.reference, (dy, dx), (0, 1)), tile.secondary)


@pytest.mark.parametrize("shift", [(0, 0), (3, -2), (-4, 1)])
def test_parts_beside_each_other_keep_their_truth(shift: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    first = rng.random((48, 48), np.float32)
    second = np.roll(first, (2, -3), (0, 1))
    flat, inside = np.ones(first.shape, np.float32), np.ones(first.shape, np.bool_)
    part = part_of(Tile(first, second, -3 * flat, 2 * flat, inside), 32, (6, 7), shift)
    assert part.reference.shape == part.secondary.shape == part.dx.shape == (32, 32)
    dx, dy = int(part.dx[0, 0]), int(part.dy[0, 0])
    assert (dx, dy) == (-3 - shift[1], 2 - shift[0])
    middle = part.reference[8:24, 8:24]
    np.testing.assert_array_equal(part.secondary[8 + dy : 24 + dy, 8 + dx : 24 + dx], middle)


def test_matching_loss_is_least_where_correlations_are_right() -> None:
    truth, inside = torch.zeros(1, 2, 64, 64), torch.ones(1, 1, 64, 64)
    truth[:, 0], truth[:, 1] = 16, -8
    right = torch.full((8, 8, 8, 8), -20.0)
    for row in range(1, 8):
        for col in range(6):
            right[row, col, row - 1, col + 2] = 20
    volume = right.reshape(64, 1, 8, 8)
    assert float(matching_loss(volume, truth, inside)) == pytest.approx(0, abs=1e-4)
    assert float(matching_loss(torch.zeros_like(volume), truth, inside)) == pytest.approx(float(np.log(64)), rel=1e-4)
    assert float(matching_loss(volume, 0 * truth, inside)) > 20
    assert float(matching_loss(volume, truth, 0 * inside)) == 0


def test_both_ways_are_what_two_calls_find() -> None:
    torch.manual_seed(1)
    net = Raft(RaftShape(small=True)).eval()
    pair = torch.randn(2, 1, 2, 64, 64)
    with torch.inference_mode():
        there, back = net.both_ways(pair[0], pair[1], 2)
        torch.testing.assert_close(there, net(pair[0], pair[1], 2)[-1])
        torch.testing.assert_close(back, net(pair[1], pair[0], 2)[-1])


def test_batches_follow_their_number_and_refuse_what_does_not_fit(tmp_path: Path) -> None:
    write_tile(make_tile(128, 128), tmp_path / "a.npz")
    settings = RaftTraining(crop=64, shift=8, batch=2, masked=0.5)
    make = batches(tiles_in(tmp_path), settings, evened)
    torch.testing.assert_close(make(3).truth, make(3).truth)
    assert not torch.equal(make(3).truth, make(4).truth)
    lengths = torch.linalg.vector_norm(make(3).truth, dim=1)
    assert make(3).reference.shape == (2, 2, 64, 64)
    assert float(lengths.max()) < 8 * 2**0.5 + 1.2
    with pytest.raises(InputError, match="use a crop that is a multiple of 8, from 64 to 112"):
        batches(tiles_in(tmp_path), settings.model_copy(update={"crop": 120}), evened)


def test_made_up_pairs_are_mixed_in(tmp_path: Path) -> None:
    pytest.importorskip("cutde")
    write_tile(make_tile(), tmp_path / "a.npz")
    settings = RaftTraining(batch=1, made_up=1, scenes=1, faults=1, farthest=1)
    batch = batches(tiles_in(tmp_path), settings, evened)(0)
    assert batch.truth.shape == (1, 2, 64, 64)
    assert 0 < float(torch.linalg.vector_norm(batch.truth, dim=1).max()) < 1.01


def test_tiles_cover_a_pair(tmp_path: Path) -> None:
    found = [(block.row, block.col) for block in tile_blocks((100, 150), 64, 32)]
    assert found == [(top, left) for top in (0, 32, 36) for left in (0, 32, 64, 86)]
    assert {block.shape for block in tile_blocks((100, 150), 64, 32)} == {(64, 64)}
    tile = make_tile()
    write_tile(tile, tmp_path / "a.npz")
    again = read_tile(tiles_in(tmp_path)[0])
    np.testing.assert_array_equal(again.dx, tile.dx)
    assert again.inside.dtype == np.bool_


def test_bad_tiles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tiles"):
        tiles_in(tmp_path)
    np.savez(tmp_path / "b.npz", reference=np.zeros(3))
    with pytest.raises(InputError, match=r"b\.npz: not a tile"):
        read_tile(tmp_path / "b.npz")
    with pytest.raises(InputError, match="smaller than a tile of 128"):
        list(tile_blocks((100, 200), 128, 64))


def test_training_learns_and_scores_held_out_tiles(tmp_path: Path) -> None:
    write_tile(make_tile(), tmp_path / "a_0_0.npz")
    paths = tiles_in(tmp_path)
    settings = RaftTraining(small=True, steps=24, batch=1, iterations=4, rate=1e-3, precision="float32", log_every=6)
    lines: list[str] = []
    train_raft(settings, paths, paths, tmp_path / "r.ckpt", tmp_path / "r.pt", "the command", evened, lines.append)
    first, last = (float(line.partition("loss ")[2].partition(",")[0]) for line in (lines[0], lines[3]))
    assert last < 0.95 * first
    assert "still_px 1.118" in lines[-1]
    assert any(line.startswith("a: rmse_px") for line in lines)
    held = load_weights(tmp_path / "r.pt", "raft")
    net = Raft(RaftShape(**held.shape))
    net.load_state_dict(held.state)
    assert evaluate(net, paths, evened, 4)["rmse_px"] < 3
    loss, error = make_step(2)(net, batch_of([make_tile()], evened))
    assert loss.requires_grad
    assert float(error.detach()) > 0


def test_one_tile_is_learned_by_heart() -> None:
    """The loss of the flow falls to a small part of its first value on the same tile."""
    torch.manual_seed(0)
    net, batch = Raft(RaftShape(small=True)), batch_of([make_tile(dx=5.0, dy=-3.0)], evened)
    optimiser, step = torch.optim.AdamW(net.parameters(), 1e-3), make_step(3, matching=0.1)
    for _ in range(60):
        loss, error = step(net, batch)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    assert float(error.detach()) < 0.6
