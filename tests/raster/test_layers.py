"""Files of named layers: written under any suffix, read back exactly."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sensetrack.errors import CorruptFileError, GridError, InputError, NotARasterError, OutputError
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import SUFFIXES, LayerFile, create, save
from sensetrack.raster.tiles import Block, plan_blocks

Layered = Callable[..., tuple]


@pytest.mark.parametrize("suffix", [".tif", ".nc"])
def test_reads_back_exactly_what_was_written(tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str) -> None:
    content, arrays = layered()
    path = tmp_path / f"a{suffix}"
    save(path, any_grid, content, arrays)
    file = LayerFile.open(path)
    assert file.grid == any_grid
    assert file.names == ("east", "north", "flags")
    assert {name: file.tags[name] for name in content.tags} == content.tags
    read = file.read()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)


@pytest.mark.parametrize("suffix", [".tif", ".nc"])
def test_blocks_in_any_order_give_the_same_layers(
    tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str
) -> None:
    content, arrays = layered()
    whole, pieces = tmp_path / f"whole{suffix}", tmp_path / f"pieces{suffix}"
    save(whole, any_grid, content, arrays)
    with create(pieces, any_grid, content) as writer:
        for block in reversed(list(plan_blocks(any_grid.shape, 7))):
            writer.write(block, {name: array[block.slices] for name, array in arrays.items()} | {"more": arrays})
    first, second = LayerFile.open(whole).read(), LayerFile.open(pieces).read()
    for name in arrays:
        np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize("suffix", [".tif", ".nc", ".csv", ".parquet", ".gpkg"])
def test_same_layers_give_the_same_bytes(tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str) -> None:
    content, arrays = layered()
    for name in ("a", "b"):
        save(tmp_path / f"{name}{suffix}", any_grid, content, arrays)
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".tif", ".nc"])
def test_reads_a_window_of_some_layers(tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str) -> None:
    content, arrays = layered()
    save(tmp_path / f"a{suffix}", any_grid, content, arrays)
    file = LayerFile.open(tmp_path / f"a{suffix}")
    block = Block(2, 5, 9, 11)
    read = pickle.loads(pickle.dumps(file)).read(block, ["flags", "north"])
    assert list(read) == ["flags", "north"]
    np.testing.assert_array_equal(read["north"], arrays["north"][block.slices])
    np.testing.assert_array_equal(read["flags"], arrays["flags"][block.slices])
    with pytest.raises(GridError, match="reaches beyond its 30 x 40 pixels"):
        file.read(Block(25, 0, 10, 10))
    with pytest.raises(InputError, match=r"no layer vx; it has east, north, flags"):
        file.read(names=["vx"])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_error_while_writing_leaves_nothing_behind(
    tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str
) -> None:
    content, arrays = layered()
    path = tmp_path / f"a{suffix}"
    with pytest.raises(RuntimeError, match="stop"), create(path, any_grid, content) as writer:
        writer.write(Block(0, 0, 30, 40), arrays)
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_existing_file_is_kept_unless_told(tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str) -> None:
    content, arrays = layered()
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        save(path, any_grid, content, arrays)
    assert path.read_bytes() == b"precious"
    save(path, any_grid, content, arrays, overwrite=True)
    assert path.read_bytes() != b"precious"
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["a.png", "a"])
def test_unknown_suffix_names_those_that_work(tmp_path: Path, any_grid: Grid, layered: Layered, name: str) -> None:
    content, arrays = layered()
    with pytest.raises(OutputError, match=r"\.tif, \.tiff, \.nc, \.csv, \.parquet, \.gpkg"):
        save(tmp_path / name, any_grid, content, arrays)


def test_tables_are_not_read_back(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not read back; give the \.tif or \.tiff or \.nc file"):
        LayerFile.open(tmp_path / "a.csv")


@pytest.mark.parametrize("suffix", [".tif", ".nc"])
def test_bad_files_are_named(tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with pytest.raises(InputError, match=r"a\.(tif|nc): no such file"):
        LayerFile.open(path)
    path.write_bytes(b"neither")
    with pytest.raises(NotARasterError, match=r"a\.(tif|nc)"):
        LayerFile.open(path)
    content, arrays = layered()
    save(path, any_grid, content, arrays, overwrite=True)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size * 2 // 3)
    with pytest.raises((CorruptFileError, NotARasterError), match=r"a\.(tif|nc)"):
        LayerFile.open(path).read()


def test_unnamed_bands_get_numbers(tmp_path: Path, write_raster: Callable[..., Path]) -> None:
    file = LayerFile.open(write_raster(np.zeros((2, 5, 6), np.float32), names=["east"]))
    assert file.names == ("east", "band 2")


def test_geotiff_is_tiled_float32_with_nan_as_users_expect(
    tmp_path: Path, layered: Layered, utm_grid: Callable[..., Grid]
) -> None:
    content, arrays = layered((600, 530))
    grid = utm_grid((600, 530))
    save(tmp_path / "a.tif", grid, content, arrays)
    with rasterio.open(tmp_path / "a.tif") as ds:
        assert ds.profile["tiled"] and ds.block_shapes == [(512, 512)] * 3
        assert (ds.compression.name, ds.profile["interleave"]) == ("deflate", "band")
        assert ds.dtypes == ("float32",) * 3 and np.isnan(ds.nodata)
        assert ds.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "3"
        assert ds.descriptions == ("east", "north", "flags")
        assert ds.xy(0, 0) == tuple(float(value) for value in grid.xy(0, 0))
        masked = ds.read(1, masked=True)
        assert masked.mask.sum() == 15


def test_a_cut_file_says_why_it_cannot_be_read(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered()
    path = tmp_path / "a.tif"
    save(path, any_grid, content, arrays)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 10)
    with pytest.raises(CorruptFileError, match=r"a\.tif: its pixels cannot be read, is it cut off\? \(TIFF"):
        LayerFile.open(path).read()
