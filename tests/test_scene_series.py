"""Series of made-up scenes: the ground moves as the history says."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from sensetrack.errors import ParameterError
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.mask import AreaMask
from sensetrack.scene import write_series
from sensetrack.stream import track
from sensetrack.trackers.pcc import Pcc

SHAPE = (192, 224)


def test_ground_moves_as_the_history_says(tmp_path: Path) -> None:
    paths = write_series(tmp_path, days=(0, 40, 80), per_year=8.0, shape=SHAPE, name="a_")
    assert [path.name for path in paths.images] == ["a_20200131.tif", "a_20200311.tif", "a_20200420.tif"]
    assert Image.open(paths.images[1]).acquired.date().isoformat() == "2020-03-11"
    with paths.history.open() as file:
        shares = [float(row["share"]) for row in csv.DictReader(file)]
    assert shares[0] == 0
    assert np.all(np.diff(shares) > 0.5)
    truth = LayerFile.open(paths.truth).read()
    tracker = Pcc(window=32, step=8, search=8)
    field = track(ImagePair.open(paths.images[0], paths.images[2]), tracker).field
    right = {name: shares[2] * truth[name][4::8, 4::8][: field.shape[0], : field.shape[1]] for name in ("dx", "dy")}
    grid = tracker.output_grid(Image.open(paths.images[0]).grid)
    moving = np.hypot(right["dx"], right["dy"]) > 0.3
    stable = AreaMask.open(paths.stable).read(grid)
    good = field.measured & (field.quality > 0.3)
    for name, layer in (("dx", field.dx), ("dy", field.dy)):
        off = np.median(layer[stable & good])
        assert abs(off) < 0.5
        assert np.median(np.abs(layer - off - right[name])[moving & good]) < 0.25, name
    assert np.hypot(right["dx"], right["dy"])[moving].max() > 1.5


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    one, two = (write_series(tmp_path / name, days=(0, 10), shape=(128, 128), kind="landslide") for name in "ab")
    for first, second in zip(one.images, two.images, strict=True):
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "glacer"}, "did you mean 'glacier'"),
        ({"days": (0, 0)}, "each a day after the one before"),
        ({"days": (0, 365), "per_year": 5.0}, "the ground would move 5.0 times"),
        ({"shape": (64, 64)}, "at least 128"),
    ],
)
def test_bad_settings(tmp_path: Path, values, message) -> None:
    with pytest.raises(ParameterError, match=message):
        write_series(tmp_path, **values)
