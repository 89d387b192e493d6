"""Writing scenes: formats, types, numbers for missing, scales, complex bands, tags, and what cannot be written."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import h5netcdf
import numpy as np
import pytest
import rasterio
from products.scenes import band_of, grid_of, scene_of
from products.sentinel1 import write_sentinel1

from sensetrack.engine import Engine, Serial, Threads
from sensetrack.errors import GraphError, OutputError, UnusableImageError
from sensetrack.graph.output import target_of, write_scene
from sensetrack.graph.reading import read_scene
from sensetrack.graph.scene import SceneBand
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image

A = np.arange(30.0 * 40).reshape(30, 40) + 1
A[3, 5] = np.nan


@pytest.mark.parametrize(
    ("name", "kind", "path", "form"),
    [
        ("o.tif", "GeoTIFF", "o.tif", "GeoTIFF"),
        ("o", "geotiff-bigtiff", "o.tif", "GeoTIFF"),
        ("o.1", "GeoTIFF", "o.1.tif", "GeoTIFF"),
        ("o.TIFF", "BEAM-DIMAP", "o.TIFF", "GeoTIFF"),
        ("o.nc", "BEAM-DIMAP", "o.nc", "NetCDF4-CF"),
        ("o", "NetCDF4-BEAM", "o.nc", "NetCDF4-CF"),
    ],
)
def test_formats(name: str, kind: str, path: str, form: str) -> None:
    assert target_of(Path(name), kind) == (Path(path), form)


@pytest.mark.parametrize(("name", "kind"), [("o.dim", "BEAM-DIMAP"), ("o", "BEAM-DIMAP"), ("o.tif", "ENVI")])
def test_formats_of_snap_alone(name: str, kind: str) -> None:
    with pytest.raises(GraphError, match=f"formatName = '{kind}' is written by SNAP only.*GeoTIFF"):
        target_of(Path(name), kind)


def integers(kind: str, nodata: float = np.nan, **about: float) -> SceneBand:
    return band_of(f"{kind}_{nodata:g}", A % 100, dtype=kind, nodata=nodata, **about)


@pytest.mark.parametrize(
    ("bands", "dtype", "nodata"),
    [
        ([integers("uint16", 0.0), integers("uint16", 0.0)], "uint16", 0.0),
        ([integers("uint8", 0.0), integers("uint16", 0.0)], "uint16", 0.0),
        ([integers("uint16", 0.0), integers("int16", 0.0)], "int32", 0.0),
        ([integers("uint8"), integers("uint8")], "uint8", None),
        ([integers("uint16", 0.0), integers("uint16", 255.0)], "float32", np.nan),
        ([integers("uint16", 0.0), integers("uint8")], "float32", np.nan),
        ([integers("uint32", 0.0), integers("int32", 0.0)], "float32", 0.0),
        ([integers("uint8", -9999.0)], "float32", -9999.0),
        ([band_of("f", A, nodata=-9999.0)], "float32", -9999.0),
        ([band_of("f", A, nodata=-9999.0), band_of("g", A)], "float32", np.nan),
        ([band_of("f", A), integers("uint8", 0.0)], "float32", np.nan),
    ],
)
def test_one_type_for_all_bands(tmp_path: Path, bands: list[SceneBand], dtype: str, nodata: float | None) -> None:
    bands = [band.replace(name=f"b{number}") for number, band in enumerate(bands)]
    written = write_scene(scene_of(*bands), tmp_path / "new" / "folder" / "o")
    assert written.path == tmp_path / "new" / "folder" / "o.tif" and written.share == 1 - 1 / A.size
    with rasterio.open(written.path) as ds:
        assert ds.dtypes == (dtype,) * len(bands) and ds.descriptions == tuple(band.name for band in bands)
        assert ds.nodata is nodata is None or ds.nodata == nodata or (np.isnan(ds.nodata) and np.isnan(nodata))
        assert (ds.crs, ds.transform) == (grid_of(A.shape).crs, grid_of(A.shape).transform)
        assert ds.profile["tiled"] and ds.profile["compress"] == "deflate" and ds.scales == (1.0,) * len(bands)
        for number, band in enumerate(bands, start=1):
            pixels, valid = band.image.read()
            expected = np.where(valid, pixels, 0 if nodata is None else nodata)
            np.testing.assert_array_equal(ds.read(number), expected.astype(dtype))


def test_whole_numbers_are_rounded_and_clipped(tmp_path: Path) -> None:
    values = np.array([[1.4, 1.6, 300.0, -5.0]])
    write_scene(scene_of(band_of("a", values, dtype="uint8")), tmp_path / "o.tif")
    with rasterio.open(tmp_path / "o.tif") as ds:
        np.testing.assert_array_equal(ds.read(1), [[1, 2, 255, 0]])


def test_missing_pixels_that_no_number_stands_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_scene(scene_of(band_of("a", np.nan_to_num(A) % 7, dtype="uint8")), tmp_path / "full.tif")
    assert not caplog.records
    write_scene(scene_of(band_of("a", A % 7, dtype="uint8")), tmp_path / "holes.tif")
    assert "holes.tif: pixels without a value are 0" in caplog.text


def test_scale_and_offset(tmp_path: Path) -> None:
    bands = (
        band_of("B2", A, dtype="uint16", nodata=0.0, scale=1e-4, offset=-0.1),
        band_of("SCL", A, dtype="uint16", nodata=0.0),
    )
    scene = scene_of(*bands)
    write_scene(scene, tmp_path / "o.tif")
    write_scene(scene, tmp_path / "o.nc", "NetCDF4-CF")
    with rasterio.open(tmp_path / "o.tif") as ds:
        assert ds.scales == (1e-4, 1.0) and ds.offsets == (-0.1, 0.0)
    found = read_scene(tmp_path / "o.tif")
    assert [(band.name, band.scale, band.dtype) for band in found.bands] == [
        ("B2", 1e-4, "uint16"),
        ("SCL", 1.0, "uint16"),
    ]
    with h5netcdf.File(tmp_path / "o.nc") as file:
        variable = file.variables["B2"]
        assert (
            variable.dtype == np.uint16 and variable.attrs["scale_factor"] == 1e-4 and variable.attrs["_FillValue"] == 0
        )
        np.testing.assert_array_equal(variable[...], np.nan_to_num(A).astype(np.uint16))


def test_netcdf(tmp_path: Path) -> None:
    bands = band_of("f", A, nodata=-9999.0), band_of("a/b", np.nan_to_num(A) % 7, dtype="uint8", is_class=True)
    write_scene(scene_of(*bands), tmp_path / "o", "NetCDF4-CF")
    with h5netcdf.File(tmp_path / "o.nc") as file:
        assert file.attrs["Conventions"] == "CF-1.8" and file.attrs["graph_product"] == "scene"
        np.testing.assert_array_equal(file.variables["f"][...], A.astype(np.float32))
        np.testing.assert_array_equal(file.variables["a_b"][...], np.nan_to_num(A) % 7)
        assert "_FillValue" not in file.variables["a_b"].attrs
    image = Image.open(f"netcdf:{tmp_path / 'o.nc'}:f")
    assert image.grid.difference(grid_of(A.shape)) is None


def test_complex_bands_become_two(tmp_path: Path) -> None:
    slc = (np.nan_to_num(A) + 2j * np.nan_to_num(A)).astype(np.complex64)
    image = Image.from_array(slc, grid_of(A.shape), valid=~np.isnan(A))
    band = dataclasses.replace(band_of("IW1_VV", A), image=image, unit="complex")
    write_scene(scene_of(band), tmp_path / "o.tif")
    with rasterio.open(tmp_path / "o.tif") as ds:
        assert ds.descriptions == ("i_IW1_VV", "q_IW1_VV") and ds.dtypes == ("float32",) * 2
        np.testing.assert_array_equal(ds.read(1), A)
        np.testing.assert_array_equal(ds.read(2), 2 * A)


def test_radar_scenes_have_tags_in_place_of_a_georeference(tmp_path: Path) -> None:
    scene = read_scene(write_sentinel1(tmp_path / "in", "GRD").path)
    from products.scenes import apply

    part = apply("Subset", scene, region="40,20,60,50")
    write_scene(part, tmp_path / "o.tif")
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(tmp_path / "o.tif") as ds:
        assert ds.crs is None and ds.transform.is_identity and ds.dtypes == ("uint16",) * 2
        tags = ds.tags()
    assert tags["mission"].startswith("Sentinel-1") and tags["radar_origin"] == "20.0 40.0"
    radar = part.bands[0].radar
    assert radar is not None and tags["radar_first_line"] == radar.first_line.isoformat()
    assert tags["graph_operators"] == "Subset" and "band" not in tags and "quantity" not in tags


def test_any_engine_gives_the_same_bytes(tmp_path: Path) -> None:
    values = np.arange(1500.0 * 1300).reshape(1500, 1300)
    values[40:90] = np.nan
    engines: dict[str, Engine] = {"serial": Serial(), "threads": Threads(3)}
    seen: list[tuple[int, int]] = []
    for name, engine in engines.items():
        write_scene(
            scene_of(a=values, b=-values), tmp_path / f"{name}.tif", engine=engine, progress=lambda *n: seen.append(n)
        )
    assert (tmp_path / "serial.tif").read_bytes() == (tmp_path / "threads.tif").read_bytes()
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)] * 2


def test_many_bands_go_in_small_blocks(tmp_path: Path) -> None:
    largest = []

    class Watched(Image):
        def read(self, block=None):  # type: ignore[no-untyped-def]
            largest.append(block.height * block.width)
            return np.ones(block.shape, np.float32), np.ones(block.shape, np.bool_)

    grid = grid_of((600, 700))
    bands = [SceneBand(name=f"b{n}", image=Watched(grid=grid)) for n in range(70)]
    write_scene(scene_of(*bands), tmp_path / "o.tif")
    assert max(largest) * 70 <= 2**24


def test_what_cannot_be_written(tmp_path: Path, write_raster: object) -> None:
    scene, path = scene_of(a=A), tmp_path / "o.tif"
    with pytest.raises(
        GraphError, match=r"bands a and b cannot share a file: size .* Resample, or choose some with BandSelect"
    ):
        write_scene(scene_of(a=A, b=A[:5]), path)
    with pytest.raises(GraphError, match="scene has no bands"):
        write_scene(dataclasses.replace(scene, bands=()), path)
    with pytest.raises(UnusableImageError, match="scene has no valid pixel"):
        write_scene(scene_of(a=np.full((4, 5), np.nan)), path)
    with pytest.raises(GraphError, match="two bands are called 'a_b'"):
        write_scene(scene_of(band_of("a/b", A), band_of("a_b", A)), tmp_path / "o.nc", "NetCDF4-CF")
    assert not path.exists() and not list(tmp_path.iterdir())
    write_scene(scene, path)
    with pytest.raises(OutputError, match="exists already"):
        write_scene(scene, path)
    write_scene(scene_of(band_of("a", A, Grid(A.shape))), path, overwrite=True)
    own = read_scene(path)
    for inputs in ([], [path]):
        with pytest.raises(OutputError, match="is also an input"):
            write_scene(own if not inputs else scene, path, inputs=inputs, overwrite=True)
