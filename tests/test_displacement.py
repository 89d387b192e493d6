"""Fields, flags and displacement files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import h5netcdf
import numpy as np
import pytest
import rasterio
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sensetrack.displacement import EMPTY, LAYERS, Displacement, Field, Flag
from sensetrack.errors import InputError
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block

SHAPE = (12, 15)
PROVENANCE = Provenance(
    tracker="pcc",
    parameters='{"window": 64}',
    reference="/data/2020-01-01 (ä).tif",
    secondary="/data/2020-01-13.tif",
    reference_date=datetime(2020, 1, 1, 10, 45, tzinfo=UTC),
    secondary_date=datetime(2020, 1, 13, 10, 45, tzinfo=UTC),
    days=12.0,
    history=("filter outliers: 5 %", 'fill "gaps"'),
    version="0.1.0",
)


def make_field(shape: tuple[int, int] = SHAPE, extra: tuple[str, ...] = ("nrms",)) -> Field:
    """Random values, every flag somewhere, and NaN under the flags that mean empty."""
    rng = np.random.default_rng(0)
    layers = {name: rng.uniform(-1, 1, shape).astype(np.float32) for name in (*LAYERS, *extra)}
    layers["flags"] = rng.choice([0, *Flag, Flag.OUTLIER | Flag.FILLED], shape).astype(np.uint8)
    empty = (layers["flags"] & int(EMPTY)) > 0
    return Field.from_layers(layers).blank(empty)


@pytest.fixture
def displacement(utm_grid: Callable[..., Grid]) -> Displacement:
    return Displacement(utm_grid(SHAPE, 160.0), make_field(), 16, PROVENANCE, (1.5, 3.5))


def assert_same(first: Displacement, second: Displacement) -> None:
    assert first.grid == second.grid
    assert (first.spacing, first.origin, first.provenance) == (second.spacing, second.origin, second.provenance)
    assert list(first.field.layers()) == list(second.field.layers())
    for name, layer in first.field.layers().items():
        np.testing.assert_array_equal(layer, second.field.layers()[name])
        assert layer.dtype == second.field.layers()[name].dtype


# Fields


def test_usable_and_measured_follow_the_flags() -> None:
    flags = np.array([[0, Flag.FILLED, Flag.OUTLIER, Flag.OUTLIER | Flag.FILLED, Flag.NODATA, 0]], np.uint8)
    layers = {name: np.zeros(flags.shape, np.float32) for name in LAYERS}
    layers["dx"][0, 5] = np.nan
    field = Field.from_layers(layers | {"flags": flags})
    assert field.usable.tolist() == [[True, True, False, False, False, False]]
    assert field.measured.tolist() == [[True, False, False, False, False, False]]


def test_empty_flags_blank_values_and_others_keep_them() -> None:
    layers = {name: np.ones((2, 3), np.float32) for name in (*LAYERS, "nrms")}
    field = Field.from_layers(layers | {"flags": np.zeros((2, 3), np.uint8)})
    where = np.array([[True, False, False], [False, False, True]])
    masked, outlier = field.with_flag(where, Flag.MASKED), field.with_flag(where, Flag.OUTLIER)
    for name in (*LAYERS[:-1], "nrms"):
        np.testing.assert_array_equal(np.isnan(masked.layers()[name]), where)
        np.testing.assert_array_equal(outlier.layers()[name], 1)
    np.testing.assert_array_equal(masked.flags, where * np.uint8(Flag.MASKED))
    assert field.flags.sum() == 0


def test_empty_field_gives_its_reason() -> None:
    field = Field.empty((2, 3), Flag.FLAT, ("nrms",))
    assert field.flag_counts() == {"measured": 0, **{flag.label: 6 * (flag is Flag.FLAT) for flag in Flag}}
    assert list(field.extra) == ["nrms"] and np.isnan(field.extra["nrms"]).all()


def test_length_is_in_pixels() -> None:
    layers = {name: np.zeros((1, 1), np.float32) for name in LAYERS}
    field = Field.from_layers(layers | {"dx": np.full((1, 1), 3.0), "dy": np.full((1, 1), -4.0)})
    assert field.length == 5.0


def test_missing_flags_mean_nodata() -> None:
    layers = {name: np.zeros((1, 2), np.float32) for name in LAYERS}
    layers["flags"][0, 1] = np.nan
    assert Field.from_layers(layers).flags.tolist() == [[0, Flag.NODATA]]


def test_fields_that_do_not_fit_are_refused(utm_grid: Callable[..., Grid]) -> None:
    layers = make_field().layers()
    with pytest.raises(InputError, match="has no layer dy, rho"):
        Field.from_layers({name: layers[name] for name in layers if name not in ("dy", "rho")})
    with pytest.raises(InputError, match=r"must share one \(row, col\) shape"):
        Field.from_layers({**layers, "rho": np.zeros((1, 1))})
    with pytest.raises(InputError, match=r"shape \(12, 15\) does not fit a grid of \(5, 5\)"):
        Displacement(utm_grid((5, 5)), make_field())


def test_crop_moves_the_grid_and_the_origin(displacement: Displacement) -> None:
    part = displacement.crop(Block(2, 3, 4, 5))
    np.testing.assert_array_equal(part.field.dx, displacement.field.dx[2:6, 3:8])
    assert part.grid.xy(0, 0) == displacement.grid.xy(2, 3)
    assert part.origin == (1.5 + 2 * 16, 3.5 + 3 * 16)


# Files


@pytest.mark.parametrize("suffix", [".tif", ".tiff", ".nc", ".NC"])
def test_reads_back_exactly_what_was_saved(tmp_path: Path, displacement: Displacement, suffix: str) -> None:
    displacement.save(tmp_path / f"d{suffix}")
    assert_same(Displacement.open(tmp_path / f"d{suffix}"), displacement)


@pytest.mark.parametrize("suffix", [".tif", ".nc"])
def test_a_bare_field_without_georeference_keeps_its_defaults(tmp_path: Path, suffix: str) -> None:
    bare = Displacement(Grid(SHAPE), make_field(extra=()))
    bare.save(tmp_path / f"d{suffix}")
    assert_same(Displacement.open(tmp_path / f"d{suffix}"), bare)


def test_bands_come_in_the_order_of_the_file_format(tmp_path: Path, displacement: Displacement) -> None:
    displacement.save(tmp_path / "d.tif")
    with rasterio.open(tmp_path / "d.tif") as ds:
        assert ds.descriptions == ("dx", "dy", "quality", "sigma_dx", "sigma_dy", "rho", "flags", "nrms")
        tags = ds.tags()
    assert tags["tracker"] == "pcc" and tags["parameters"] == '{"window": 64}' and tags["days"] == "12.0"
    assert (tags["spacing"], tags["input_pixel_width"], tags["input_pixel_height"]) == ("16", "10.0", "10.0")
    assert tags["reference_date"] == "2020-01-01T10:45:00+00:00" and tags["version"] == "0.1.0"


def test_netcdf_flags_explain_themselves(tmp_path: Path, displacement: Displacement) -> None:
    displacement.save(tmp_path / "d.nc")
    with xr.open_dataset(tmp_path / "d.nc") as ds:
        assert ds.flags.dtype == np.uint8 and "_FillValue" not in ds.flags.encoding
        meanings = dict(zip(ds.flags.attrs["flag_meanings"].split(), ds.flags.attrs["flag_masks"], strict=True))
        assert meanings == {flag.label: int(flag) for flag in Flag}
        outliers = (ds.flags & meanings["outlier"]) > 0
        np.testing.assert_array_equal(outliers.values, (displacement.field.flags & Flag.OUTLIER) > 0)
        for name in ("dx", "dy", "quality", "sigma_dx", "sigma_dy", "rho", "nrms"):
            assert (
                ds[name].attrs["units"] == "1"
                and ds[name].attrs["long_name"]
                and np.isnan(ds[name].encoding["_FillValue"])
            )
        assert float(ds.x[0]) == 500_000.0 + 80.0 and float(ds.y[0]) == 5_000_000.0 - 80.0


def test_points_have_the_columns_of_the_file_format(tmp_path: Path, displacement: Displacement) -> None:
    displacement.save(tmp_path / "d.csv")
    lines = (tmp_path / "d.csv").read_text().splitlines()
    assert lines[0] == "row,col,x,y,dx,dy,length,quality,sigma_dx,sigma_dy,flags,nrms"
    valued = np.isfinite(displacement.field.dx)
    assert len(lines) == 1 + valued.sum()
    row, col = np.argwhere(valued)[0]
    first = [float(text) for text in lines[1].split(",")]
    assert first[:2] == [row * 16 + 8 + 1.0, col * 16 + 8 + 3.0]
    assert first[4] == pytest.approx(float(displacement.field.dx[row, col]), rel=1e-6)
    assert first[10] == displacement.field.flags[row, col]
    displacement.save(tmp_path / "all.csv", keep_empty=True)
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 1 + valued.size


@pytest.mark.parametrize("suffix", [".tif", ".nc"])
def test_what_is_not_a_displacement_file_is_refused_by_name(
    tmp_path: Path, write_raster: Callable[..., Path], suffix: str
) -> None:
    path = tmp_path / f"other{suffix}"
    if suffix == ".tif":
        write_raster(np.zeros((2, 5, 6), np.float32), path.name, names=["dx", "dy"])
    else:
        xr.Dataset({name: (("y", "x"), np.zeros((5, 6))) for name in ("dx", "dy")}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(
        InputError, match=rf"other\{suffix}: not a displacement file: it has no layer quality, sigma_dx"
    ):
        Displacement.open(path)


def test_missing_and_damaged_tags_are_named(tmp_path: Path, displacement: Displacement) -> None:
    displacement.save(tmp_path / "d.nc")
    with h5netcdf.File(tmp_path / "d.nc", "a") as file:
        file.attrs["days"] = "twelve"
    with pytest.raises(InputError, match=r"d\.nc: its tags are damaged .*twelve"):
        Displacement.open(tmp_path / "d.nc")
    with h5netcdf.File(tmp_path / "d.nc", "a") as file:
        del file.attrs["spacing"]
    with pytest.raises(InputError, match="no tag 'spacing'"):
        Displacement.open(tmp_path / "d.nc")


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20)


@given(
    provenance=st.builds(
        Provenance,
        tracker=TEXT,
        reference=TEXT,
        reference_date=st.none() | st.datetimes(timezones=st.just(UTC), min_value=datetime(1900, 1, 1)),
        days=st.none() | st.floats(1e-3, 1e5),
        history=st.lists(TEXT, max_size=3).map(tuple),
    )
)
def test_provenance_survives_its_tags(provenance: Provenance) -> None:
    assert Provenance.from_tags(provenance.to_tags()) == provenance


@given(flags=hnp.arrays(np.uint8, (3, 4)))
def test_each_flag_is_counted_wherever_it_is_raised(flags: np.ndarray) -> None:
    layers = {name: np.zeros(flags.shape, np.float32) for name in LAYERS}
    counts = Field.from_layers(layers | {"flags": flags}).flag_counts()
    assert counts["measured"] == sum(value == 0 for value in flags.ravel().tolist())
    for flag in Flag:
        assert counts[flag.label] == sum(bool(value & flag) for value in flags.ravel().tolist())
