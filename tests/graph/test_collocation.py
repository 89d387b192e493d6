"""Collocate and CreateStack: names, grids, extents, whole pixels, and scenes that do not meet."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from products.scenes import apply, band_of, grid_of, scene_of, values_of

from sensetrack.errors import GraphError
from sensetrack.graph.operators._base import Context
from sensetrack.graph.scene import Scene
from sensetrack.raster.grid import Grid

A = np.arange(30.0 * 40).reshape(30, 40)
A[3, 5] = np.nan
PLANE = np.add.outer(2.0 * np.arange(30), 3.0 * np.arange(40))


def placed(
    values: np.ndarray, row: float = 0.0, col: float = 0.0, name: str = "two", day: int = 9, **about: object
) -> Scene:
    """A scene whose first pixel is pixel ``row, col`` of the grid of `A`."""
    grid = grid_of(values.shape, x=500_000 + 10 * col, y=5_000_000 - 10 * row)
    return scene_of(band_of("B4", values, grid, **about), name=name, start=datetime(2024, 2, day, tzinfo=UTC))


def shifted(values: np.ndarray, row: int, col: int, shape: tuple[int, int]) -> np.ndarray:
    """A window that reaches beyond an array, NaN there."""
    padded = np.pad(values, 100, constant_values=np.nan)
    return padded[100 + row : 100 + row + shape[0], 100 + col : 100 + col + shape[1]]


def test_collocate_names_and_places() -> None:
    first, second, third = placed(A), placed(A, 4, -7), placed(2 * A, -3.2, 2.4, dtype="uint8")
    found = apply("Collocate", first, second, third)
    assert [band.name for band in found.bands] == ["B4_M", "B4_S0", "B4_S1"]
    assert {band.grid for band in found.bands} == {first.grid} and found.name == "two_collocated"
    np.testing.assert_array_equal(values_of(found, "B4_M"), A)
    np.testing.assert_array_equal(values_of(found, "B4_S0"), shifted(A, -4, 7, A.shape))
    np.testing.assert_array_equal(values_of(found, "B4_S1"), shifted(2 * A, 3, -2, A.shape))
    assert [band.dtype for band in found.bands] == ["float32"] * 3


def test_collocate_other_names() -> None:
    scenes = placed(A), placed(A, 1, 1, name="other")
    plain = {"renameReferenceComponents": "false", "renameSecondaryComponents": "false"}
    assert [band.name for band in apply("Collocate", *scenes, **plain).bands] == ["B4", "B4_2"]
    own = {
        "masterComponentPattern": "m_${ORIGINAL_NAME}",
        "slaveComponentPattern": "${SECONDARY_NUMBER_ID}_${ORIGINAL_NAME}",
    }
    assert [band.name for band in apply("Collocate", *scenes, **own).bands] == ["m_B4", "0_B4"]
    with pytest.raises(GraphError, match="must contain"):
        apply("Collocate", *scenes, slaveComponentPattern="x")
    found = apply("Collocate", *scenes, masterProductName="other", targetProductName="both")
    assert found.grid == scenes[1].grid and found.name == "both"
    np.testing.assert_array_equal(values_of(found, "B4_S0"), shifted(A, 1, 1, A.shape))
    slots = ("secondary", "reference")
    assert apply("Collocate", *scenes, slots=slots).grid == scenes[1].grid
    with pytest.raises(GraphError, match="no source is called so; did you mean 'other'"):
        apply("Collocate", *scenes, masterProductName="othe")


@pytest.mark.parametrize("how", ["BILINEAR_INTERPOLATION", "CUBIC_CONVOLUTION"])
def test_collocate_between_pixels(how: str) -> None:
    scene = placed(PLANE, 0.3, -0.6, dtype="uint16", nodata=0.0, scale=0.5, offset=-7.0)
    found = apply("Collocate", placed(A), scene, resamplingType=how)
    band = found.band("B4_S0")
    assert (band.dtype, band.scale, band.offset) == ("float32", 1.0, 0.0)
    rows, cols = np.mgrid[2:28, 2:37]
    truth = (2 * (rows - 0.3) + 3 * (cols + 0.6)) * 0.5 - 7
    np.testing.assert_allclose(values_of(found, "B4_S0")[2:28, 2:37], truth, atol=1e-4)


def test_collocate_a_file(tmp_path: Path, write_raster: object) -> None:
    write_raster(A.astype(np.float32), "more.tif", grid=grid_of(A.shape), names=["red"])  # type: ignore[operator]
    found = apply("Collocate", placed(A), context=Context(folder=tmp_path), sourceProductPaths="more.tif")
    np.testing.assert_array_equal(values_of(found, "red_S0"), A)


def test_collocate_needs_maps_that_meet() -> None:
    lines = scene_of(band_of("a", A, Grid(A.shape)), name="lines")
    for scenes in ((placed(A), lines), (lines, placed(A))):
        with pytest.raises(GraphError, match="lines is not on a map"):
            apply("Collocate", *scenes)
    with pytest.raises(GraphError, match="far does not overlap two"):
        apply("Collocate", placed(A), placed(A, 100, 0, name="far"))


@pytest.mark.parametrize(
    ("extent", "area"),
    [("Master", (0, 0, 30, 40)), ("Minimum", (4, 0, 21, 33)), ("Maximum", (-5, -7, 39, 47))],
)
@pytest.mark.parametrize("how", ["NONE", "NEAREST_NEIGHBOUR"])
def test_stack(extent: str, area: tuple[int, int, int, int], how: str) -> None:
    scenes = placed(A, day=9), placed(2 * A, 4, -7, day=21), placed(3 * A, -5, 0, day=28)
    found = apply("CreateStack", *scenes, extent=extent, resamplingType=how)
    names = ["B4_mst_09Feb2024", "B4_slv1_21Feb2024", "B4_slv2_28Feb2024"]
    assert [band.name for band in found.bands] == names and found.name == "two_Stack"
    row, col, height, width = area
    target = grid_of(A.shape).crop(row, col, (height, width))
    for name, values, (down, right) in zip(names, (A, 2 * A, 3 * A), ((0, 0), (4, -7), (-5, 0)), strict=True):
        assert found.band(name).grid.difference(target) is None
        np.testing.assert_array_equal(values_of(found, name), shifted(values, row - down, col - right, (height, width)))


def test_stack_moves_by_whole_pixels() -> None:
    """Integers stay as they are stored; a part of a pixel is left."""
    scene = placed(A, 2.3, 3.4, dtype="uint8", scale=0.1)
    found = apply("CreateStack", placed(A), scene)
    np.testing.assert_array_equal(values_of(found, "B4_slv1_09Feb2024"), shifted(A, -2, -3, A.shape))
    assert found.bands[1].scale == 0.1 and found.bands[1].dtype == "float32" and found.bands[0].dtype == "float32"
    inside = apply("CreateStack", placed(A[5:10, 5:10], 5, 5), placed(A, dtype="uint8"))
    assert inside.bands[1].dtype == "uint8"
    np.testing.assert_array_equal(values_of(inside, inside.bands[1].name), A[5:10, 5:10])


def test_stack_of_chosen_bands_and_dates() -> None:
    two = scene_of(a=A, b=-A, name="x")
    found = apply("CreateStack", dataclasses.replace(two, start=None), two, masterBands="a", slaveBandNames="b")
    assert [band.name for band in found.bands] == ["a_mst", "b_slv1_06May2024"]


@pytest.mark.parametrize(
    ("scenes", "parameters", "message"),
    [
        ((placed(A),), {}, "two sources or more"),
        ((placed(A), placed(A, 0, 60, name="far")), {}, "far does not overlap two"),
        ((placed(A), placed(A, 0, 60)), {"resamplingType": "NEAREST_NEIGHBOUR"}, "does not overlap"),
        ((placed(A), placed(A, 20), placed(A, -20)), {"extent": "Minimum"}, "the scenes share no area"),
        ((placed(A), scene_of(band_of("a", A, size=20.0))), {}, "differ in the size of pixels"),
        ((placed(A), scene_of(band_of("a", A, Grid(A.shape)), name="l")), {}, "do not lie on one map"),
        ((placed(A), placed(A)), {"sourceBands": "B5"}, "sourceBands = 'B5': two has no such band"),
        ((placed(A), scene_of(a=A, b=A[:5])), {}, "the bands of scene lie on different grids"),
    ],
)
def test_stacks_that_cannot_be(scenes: tuple[Scene, ...], parameters: dict[str, str], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        apply("CreateStack", *scenes, **parameters)
