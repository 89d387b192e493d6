"""The table of `sensetrack pcc`: row and column shift, their length and the normalised RMS of every window."""

from __future__ import annotations

import csv

import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest

SHAPE = (200, 240)
WINDOW, STEP = 32, 16


@pytest.fixture
def images(tmp_path, write_raster, utm_grid, texture):
    """A pair that moves by a whole (3, -2) px, with noise and a hole."""
    rng = np.random.default_rng(0)
    pair = [texture(SHAPE, dx=dx, dy=dy) + rng.normal(0, 8, SHAPE) for dx, dy in ((0, 0), (-2, 3))]
    pair[0][80:140, 100:160] = -1
    names = ("20200101.tif", "20200111.tif")
    paths = [
        write_raster(image.astype(np.float32), name, grid=utm_grid(SHAPE), nodata=-1)
        for image, name in zip(pair, names, strict=True)
    ]
    return paths, pair


def read(path):
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}
    if path.suffix == ".parquet":
        table = pq.read_table(path).drop_columns("geometry")
        return {name: table[name].to_numpy() for name in table.column_names}
    info, _, points, values = pyogrio.raw.read(path)
    assert len(points) == len(values[0])
    return dict(zip(info["fields"], values, strict=True))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".gpkg"])
def test_one_row_per_window_with_shift_length_and_normalised_rms(run, images, tmp_path, suffix):
    paths, (first, second) = images
    out = tmp_path / f"windows{suffix}"
    run("pcc", *paths, "-o", out, "--window", WINDOW, "--step", STEP, "--search", 6, "--taper", 0)
    table = read(out)
    assert list(table) == [
        "row",
        "col",
        "x",
        "y",
        "dx",
        "dy",
        "length",
        "quality",
        "sigma_dx",
        "sigma_dy",
        "flags",
        "nrms",
    ]
    good = table["flags"] == 0
    assert 80 < good.sum() < 12 * 15
    np.testing.assert_allclose(table["dy"][good], 3, atol=0.15)
    np.testing.assert_allclose(table["dx"][good], -2, atol=0.15)
    np.testing.assert_allclose(table["length"], np.hypot(table["dx"], table["dy"]), rtol=1e-5)
    np.testing.assert_allclose(table["x"], 500_000 + 10 * (table["col"] + 0.5))
    np.testing.assert_allclose(table["y"], 5_000_000 - 10 * (table["row"] + 0.5))

    compared = 0
    for row, col, nrms in zip(table["row"][good], table["col"][good], table["nrms"][good], strict=True):
        top, left = round(row - (WINDOW - 1) / 2), round(col - (WINDOW - 1) / 2)
        inside = 4 <= top < SHAPE[0] - WINDOW - 4 and 4 <= left < SHAPE[1] - WINDOW - 4
        chip = first[top : top + WINDOW, left : left + WINDOW]
        if not inside or (chip == -1).any():
            continue
        moved = second[top + 3 : top + 3 + WINDOW, left - 2 : left - 2 + WINDOW]
        assert nrms == pytest.approx(np.sqrt(1 - np.corrcoef(chip.ravel(), moved.ravel())[0, 1] ** 2), abs=0.03)
        compared += 1
    assert compared > 40


def test_formats_hold_the_same_rows(run, images, tmp_path):
    tables = []
    for suffix in (".csv", ".parquet", ".gpkg"):
        out = tmp_path / f"windows{suffix}"
        run("pcc", *images[0], "-o", out, "--window", WINDOW, "--step", STEP, "--search", 6, "-q")
        tables.append(read(out))
    for other in tables[1:]:
        assert list(other) == list(tables[0])
        for name, column in tables[0].items():
            np.testing.assert_allclose(other[name], column, rtol=1e-5, atol=1e-6, err_msg=name)
