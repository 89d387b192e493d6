"""Decimation keeps true pixels and exact counts, reads blocks only, and knows what it holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensetrack.displacement import Displacement, Field, Flag
from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.report import sheet as module
from sensetrack.report.sheet import Sheet


class Source:
    """Layers that tell their own row and column; it remembers what was read."""

    tags: Mapping[str, str] = {"product": "displacement"}

    def __init__(self, shape: tuple[int, int], names: Sequence[str] = ("dx", "dy", "flags")) -> None:
        self.grid = Grid(shape)
        self.names = names
        self.largest = 0

    def read(self, block: Block | None = None, names: Sequence[str] | None = None) -> Mapping[str, Any]:
        assert block is not None
        self.largest = max(self.largest, block.height * block.width)
        rows, cols = np.mgrid[block.row : block.row + block.height, block.col : block.col + block.width]
        layers = {"dx": cols, "dy": rows, "flags": ((rows + cols) % 5 == 0) * int(Flag.FLAT)}
        return {name: layers[name].astype(np.float32) for name in (names or self.names)}


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 90), cols=st.integers(1, 90), size=st.integers(1, 40), block=st.integers(1, 30))
def test_decimated_pixels_are_pixels_of_the_file(rows: int, cols: int, size: int, block: int) -> None:
    before, module.READ_BLOCK = module.READ_BLOCK, block
    try:
        source = Source((rows, cols))
        sheet = Sheet.read(source, size, "x")
    finally:
        module.READ_BLOCK = before
    assert max(sheet.grid.shape) <= size
    at_rows, at_cols = sheet.pixels_of_file()
    np.testing.assert_array_equal(sheet.layers["dx"], np.broadcast_to(at_cols, sheet.grid.shape))
    np.testing.assert_array_equal(sheet.layers["dy"], np.broadcast_to(at_rows[:, None], sheet.grid.shape))
    assert sheet.flag_bytes.sum() == rows * cols
    assert sheet.flag_bytes[Flag.FLAT] == ((np.add.outer(np.arange(rows), np.arange(cols)) % 5) == 0).sum()
    assert sheet.file_grid.difference(source.grid) is None


def test_large_sources_are_never_read_whole() -> None:
    source = Source((3000, 5000))
    sheet = Sheet.read(source, 100, "x")
    assert source.largest <= module.READ_BLOCK**2
    assert sheet.grid.shape == (60, 100)


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 60), cols=st.integers(1, 60), first=st.integers(2, 60), second=st.integers(1, 30))
def test_thinning_twice_still_names_the_pixels_of_the_file(rows: int, cols: int, first: int, second: int) -> None:
    sheet = Sheet.read(Source((rows, cols)), first, "x").thin(second)
    assert max(sheet.grid.shape) <= max(second, 1)
    at_rows, at_cols = sheet.pixels_of_file()
    np.testing.assert_array_equal(sheet.layers["dx"], np.broadcast_to(at_cols, sheet.grid.shape))
    np.testing.assert_array_equal(sheet.layers["dy"][:, 0], at_rows)


def test_files_and_memory_give_the_same_sheet(tongue: Any, tongue_files: Path) -> None:
    from_file = Sheet.open(tongue_files / "displacement.tif", 2000)
    in_memory = Sheet.of(tongue.displacement)
    for name, layer in in_memory.layers.items():
        np.testing.assert_array_equal(from_file.layers[name], layer)
    np.testing.assert_array_equal(from_file.flag_bytes, in_memory.flag_bytes)
    np.testing.assert_array_equal(from_file.usable, tongue.displacement.field.usable)
    assert from_file.provenance.tracker == "pcc"
    assert from_file.components == ("dx", "dy")
    assert not from_file.is_velocity


def test_velocity_files_have_map_components(tongue_files: Path) -> None:
    sheet = Sheet.open(tongue_files / "velocity.tif", 2000)
    assert sheet.is_velocity
    assert (sheet.components, sheet.errors, sheet.magnitude) == (("vx", "vy"), ("vx_error", "vy_error"), "v")
    assert sheet.style("v").label == "Speed [m/yr]"


def test_derived_layers_and_unknown_names(make_field: Callable[..., Field]) -> None:
    sheet = Sheet.of(Displacement(Grid((2, 2)), make_field(np.full((2, 2), 3.0), 4.0, sigma=1.0)), "a.tif")
    assert (sheet.layer("length") == 5).all()
    np.testing.assert_allclose(sheet.layer("sigma"), np.sqrt(2), rtol=1e-6)
    with pytest.raises(ParameterError, match=r"a\.tif has no layer 'qualty'; did you mean 'quality'"):
        sheet.layer("qualty")


def test_files_of_other_layers_are_named_in_the_error() -> None:
    source = Source((4, 4), names=("dx",))
    with pytest.raises(InputError, match=r"x\.tif: neither a displacement .* it has dx"):
        _ = Sheet.read(source, 10, "x.tif").components
