"""`sensetrack train raft-tiles` and `train raft`: from a pair of files to tiles to weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from sensetrack.nets.raft_tiles import read_tile, tiles_in
from sensetrack.raster.grid import Grid

Run = Callable[..., Result]
SHAPE = (96, 128)


@pytest.fixture
def pair(
    write_raster: Callable[..., Path], texture: Callable[..., np.ndarray], utm_grid: Callable[..., Grid]
) -> list[Path]:
    """Two dates of ground that moves by 1.5 px to the right, with a hole."""
    first, second = (texture(SHAPE, dx=dx, waves=80) for dx in (0.0, 1.5))
    first[:20, :20] = -1
    grid = utm_grid(SHAPE)
    return [write_raster(image, f"{name}.tif", grid=grid, nodata=-1) for name, image in (("a", first), ("b", second))]


def test_tiles_hold_labels_of_horn_schunck(
    run: Run, pair: list[Path], write_raster: Callable[..., Path], utm_grid: Callable[..., Grid], tmp_path: Path
) -> None:
    ice = np.zeros(SHAPE, np.uint8)
    ice[:, :100] = 1
    mask = write_raster(ice, "ice.tif", grid=utm_grid(SHAPE))
    out = tmp_path / "tiles"
    text = run("train", "raft-tiles", *pair, "-o", out, "--outlines", mask, "--side", 64, "--stride", 32).stdout
    paths = tiles_in(out)
    assert f"{len(paths)} tiles of 64 x 64 pixels" in text
    assert [path.name for path in paths][:2] == ["a_b_00000_00000.npz", "a_b_00000_00032.npz"]
    corner, last = read_tile(paths[0]), read_tile(out / "a_b_00032_00064.npz")
    assert not corner.inside[:20, :20].any()
    assert not corner.reference[:20, :20].any()
    assert not last.inside[:, 36:].any()
    assert np.median(corner.dx[corner.inside]) == pytest.approx(1.5, abs=0.15)
    assert (
        run("train", "raft-tiles", *pair, "-o", out, "--side", 256, status=1).stderr.count("smaller than a tile") == 1
    )


def test_raft_trains_on_tiles(run: Run, pair: list[Path], tmp_path: Path) -> None:
    pytest.importorskip("torch")
    tiles = tmp_path / "tiles"
    run("train", "raft-tiles", *pair, "-o", tiles, "--side", 64, "--stride", 64)
    files = ("--tiles", tiles, "--held-out", tiles, "--checkpoint", tmp_path / "r.ckpt", "-o", tmp_path / "r.pt")
    text = run("train", "raft", *files, "--small", "--steps", 1, "--batch", 1, "--iterations", 2).stdout
    assert "held-out tiles: rmse_px" in text
    assert "1 steps, 1 samples" in text
    assert (tmp_path / "r.json").exists()
    wrong = ("--tiles", tmp_path, "--checkpoint", tmp_path / "r.ckpt")
    assert "no tiles" in run("train", "raft", *wrong, status=1).stderr
    bad = ("--tiles", tiles, "--checkpoint", tmp_path / "q.ckpt", "-o", tmp_path / "weights.bin")
    assert "weights are written as .pt" in run("train", "raft", *bad, status=1).stderr
