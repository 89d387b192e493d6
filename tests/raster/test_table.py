"""Tables of points: one row per pixel with a value, valid metadata, and chunks that add up."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest
import shapely

from sensetrack.errors import OutputError
from sensetrack.raster import table
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import create, save
from sensetrack.raster.tiles import plan_blocks

Layered = Callable[..., tuple]
Columns = dict[str, np.ndarray]
TABLES = [".csv", ".parquet", ".gpkg"]


def read_table(path: Path) -> Columns:
    """Read a table as another program would; missing numbers are NaN."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        names = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        return {name: np.array([float(row[name]) if row[name] else np.nan for row in rows]) for name in names}
    if path.suffix == ".parquet":
        frame = pq.read_table(path).drop_columns("geometry")
        return {name: frame[name].to_numpy() for name in frame.column_names}
    info, _, _, values = pyogrio.raw.read(path)
    return dict(zip(info["fields"], values, strict=True))


@pytest.mark.parametrize("suffix", TABLES)
def test_a_row_is_the_centre_of_a_pixel_with_a_value(
    tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str
) -> None:
    content, arrays = layered(placement=(16.0, 1.5, 0.5))
    save(tmp_path / f"a{suffix}", any_grid, content, arrays)
    columns = read_table(tmp_path / f"a{suffix}")
    assert list(columns) == ["row", "col", "x", "y", "east", "north", "size", "flags"]
    rows, cols = np.nonzero(np.isfinite(arrays["east"]))
    assert rows.size == 30 * 40 - 15
    # The centre of output pixel 0 is 8 input pixels from its corner, which lies 1.5 pixels into the image; as the
    # first input pixel has its centre at 0, not at 0.5, half a pixel is taken off.
    np.testing.assert_array_equal(columns["row"], rows * 16 + 8 + 1.5 - 0.5)
    np.testing.assert_array_equal(columns["col"], cols * 16 + 8 + 0.5 - 0.5)
    x, y = any_grid.xy(rows, cols)
    np.testing.assert_array_equal(columns["x"], x)
    np.testing.assert_array_equal(columns["y"], y)
    for name in ("east", "north", "flags"):
        np.testing.assert_array_equal(columns[name].astype(np.float32), arrays[name][rows, cols])
    size = np.hypot(arrays["east"], arrays["north"])[rows, cols]
    np.testing.assert_array_equal(columns["size"].astype(np.float32), size)


@pytest.mark.parametrize("suffix", TABLES)
def test_empty_pixels_get_rows_when_asked_with_their_flag(
    tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str
) -> None:
    content, arrays = layered()
    save(tmp_path / f"a{suffix}", any_grid, content, arrays, keep_empty=True)
    columns = read_table(tmp_path / f"a{suffix}")
    assert columns["flags"].size == 30 * 40
    empty = columns["flags"] == 2
    assert empty.sum() == 15
    assert np.isnan(np.asarray(columns["east"], np.float64)[empty]).all()


@pytest.mark.parametrize("suffix", TABLES)
def test_many_small_chunks_hold_the_same_points(
    tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, arrays = layered(placement=(4.0, 0.0, 0.0))
    save(tmp_path / f"whole{suffix}", any_grid, content, arrays)
    monkeypatch.setattr(table, "ROWS", 250)
    with create(tmp_path / f"pieces{suffix}", any_grid, content) as writer:
        for block in plan_blocks(any_grid.shape, 11):
            writer.write(block, {name: array[block.slices] for name, array in arrays.items()})
    whole, pieces = read_table(tmp_path / f"whole{suffix}"), read_table(tmp_path / f"pieces{suffix}")
    first, second = (np.lexsort((columns["col"], columns["row"])) for columns in (whole, pieces))
    for name, values in whole.items():
        np.testing.assert_array_equal(values[first], pieces[name][second])


@pytest.mark.parametrize("suffix", TABLES)
def test_a_field_without_any_value_gives_an_empty_table(
    tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str
) -> None:
    content, arrays = layered()
    nothing = {**arrays, "east": np.full_like(arrays["east"], np.nan)}
    save(tmp_path / f"a{suffix}", any_grid, content, nothing)
    columns = read_table(tmp_path / f"a{suffix}")
    assert list(columns) == ["x", "y", "east", "north", "size", "flags"]
    assert columns["x"].size == 0


def test_missing_numbers_are_empty_in_csv_and_null_in_parquet(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered()
    arrays["north"][0, 0] = np.nan
    for suffix in (".csv", ".parquet"):
        save(tmp_path / f"a{suffix}", any_grid, content, arrays)
    line = (tmp_path / "a.csv").read_text().splitlines()[1].split(",")
    assert line[3:] == ["", "", "0"] and float(line[2]) == pytest.approx(arrays["east"][0, 0])
    assert pq.read_table(tmp_path / "a.parquet")["north"].null_count == 1


def test_geoparquet_metadata_is_valid(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered()
    save(tmp_path / "a.parquet", any_grid, content, arrays)
    frame = pq.read_table(tmp_path / "a.parquet")
    meta = json.loads(frame.schema.metadata[b"geo"])
    assert meta["version"] == "1.1.0" and meta["primary_column"] == "geometry"
    column = meta["columns"]["geometry"]
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Point"])
    # Null is "not known"; a missing entry would mean longitude and latitude.
    assert "crs" in column
    if any_grid.crs is None:
        assert column["crs"] is None
    else:
        assert pyproj.CRS.from_json_dict(column["crs"]) == pyproj.CRS.from_user_input(any_grid.crs)
    points = shapely.from_wkb(frame["geometry"].to_numpy(zero_copy_only=False))
    assert {point.geom_type for point in points} == {"Point"}
    np.testing.assert_array_equal(shapely.get_x(points), frame["x"].to_numpy())
    np.testing.assert_array_equal(shapely.get_y(points), frame["y"].to_numpy())
    np.testing.assert_array_equal(column["bbox"], shapely.total_bounds(points))


def test_geoparquet_types_are_those_of_the_layers(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered()
    save(tmp_path / "a.parquet", any_grid, content, arrays)
    schema = pq.read_schema(tmp_path / "a.parquet")
    kinds = {name: str(schema.field(name).type) for name in schema.names}
    assert kinds == {
        "x": "double",
        "y": "double",
        "east": "float",
        "north": "float",
        "size": "float",
        "flags": "uint8",
        "geometry": "binary",
    }


def test_geopackage_is_a_named_layer_of_points_with_a_crs(tmp_path: Path, any_grid: Grid, layered: Layered) -> None:
    content, arrays = layered()
    save(tmp_path / "a.gpkg", any_grid, content, arrays)
    assert pyogrio.list_layers(tmp_path / "a.gpkg").tolist() == [["motion", "Point"]]
    info = pyogrio.read_info(tmp_path / "a.gpkg")
    assert info["features"] == 30 * 40 - 15
    if any_grid.crs is None:
        assert "EPSG" not in str(info["crs"])
    else:
        assert pyproj.CRS(info["crs"]) == pyproj.CRS.from_user_input(any_grid.crs)
    _, _, geometry, values = pyogrio.raw.read(tmp_path / "a.gpkg")
    points = shapely.from_wkb(geometry)
    np.testing.assert_array_equal(shapely.get_x(points), values[0])


@pytest.mark.parametrize("suffix", TABLES)
def test_a_folder_that_cannot_be_written_to_is_an_output_error(
    tmp_path: Path, any_grid: Grid, layered: Layered, suffix: str
) -> None:
    content, arrays = layered()
    with pytest.raises(OutputError, match="does not exist"):
        save(tmp_path / "absent" / f"a{suffix}", any_grid, content, arrays)


def test_a_full_disk_is_an_output_error(
    tmp_path: Path, any_grid: Grid, layered: Layered, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise pyogrio.errors.DataSourceError("database or disk is full")

    content, arrays = layered()
    monkeypatch.setattr(pyogrio, "write_arrow", fail)
    with pytest.raises(OutputError, match=r"a\.gpkg: cannot be written \(database or disk is full\)"):
        save(tmp_path / "a.gpkg", any_grid, content, arrays)
    assert list(tmp_path.iterdir()) == []
