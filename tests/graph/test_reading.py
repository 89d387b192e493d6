"""Read: bands of every sensor by the names that graphs use, plain rasters, formats, parts, and what cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from products.landsat import write_landsat
from products.prisma import write_prisma
from products.scenes import apply, grid_of, values_of
from products.sentinel1 import write_sentinel1
from products.sentinel2 import write_sentinel2
from rasterio.enums import ColorInterp

from sensetrack.errors import GraphError, InputError
from sensetrack.graph.operators._base import Context
from sensetrack.graph.pixels import quantity
from sensetrack.graph.reading import read_scene
from sensetrack.graph.scene import Scene, SceneBand


def meant(band: SceneBand) -> np.ndarray:
    pixels, valid = quantity(band).read()
    return np.where(valid, pixels, np.nan)


@pytest.mark.parametrize("level", ["1C", "2A"])
def test_sentinel2(tmp_path: Path, level: str) -> None:
    truth = write_sentinel2(tmp_path, level, offset_step=7, rows=72)
    scene = read_scene(truth.path, "SENTINEL-2-MSI-MultiRes-UTM33N")
    names = "B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12" if level == "1C" else "B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B11 B12"
    layers = (
        {"quality_scene_classification": "SCL", "quality_aot": "AOT", "quality_wvp": "WVP"} if level == "2A" else {}
    )
    assert [band.name for band in scene.bands] == [*names.split(), *layers]
    for band in scene.bands:
        own = layers.get(band.name) or (f"B0{band.name[1:]}" if len(band.name) == 2 else band.name)
        size = int(band.grid.pixel_size[0])
        numbers = truth.dn[own, size].astype(float)
        np.testing.assert_array_equal(values_of(scene, band.name), np.where(numbers == 0, np.nan, numbers))
        assert band.nodata == 0 and band.dtype == str(truth.dn[own, size].dtype)
        if band.name.startswith("B"):
            np.testing.assert_allclose(meant(band), truth.reflectance[own, size], atol=1e-6)
            assert band.unit == "reflectance" and band.wavelength and not band.is_class
        else:
            assert (band.scale, band.offset) == (1.0, 0.0) or not band.is_class
    assert [band.name for band in scene.bands if band.is_class] == list(layers)[:1]


def test_landsat(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path, "L1TP")
    scene = read_scene(truth.path)
    assert [band.name for band in scene.bands] == [name for name in truth.dn if not name.startswith("QA")]
    for band in scene.bands:
        numbers = truth.dn[band.name].astype(float)
        np.testing.assert_array_equal(values_of(scene, band.name), np.where(numbers == 0, np.nan, numbers))
    np.testing.assert_allclose(meant(scene.band("B4")), truth.values["B4"], atol=1e-6)
    np.testing.assert_allclose(meant(scene.band("B10")), truth.radiances["B10"], atol=1e-4)
    level2 = read_scene(write_landsat(tmp_path / "2", "L2SP").path)
    assert "ST_B10" in [band.name for band in level2.bands]


def test_prisma(tmp_path: Path) -> None:
    truth = write_prisma(tmp_path, "2D")
    scene = read_scene(truth.path, "PRISMA HDF-EOS")
    names = [band.name for band in scene.bands]
    assert names[0] == "PAN" and all(name.startswith(("PAN", "VNIR_", "SWIR_")) for name in names)
    cube = truth.values["vnir"][:, 9, :]
    np.testing.assert_allclose(meant(scene.band("VNIR_10")), cube, atol=1e-5)
    assert scene.band("VNIR_10").dtype == "uint16" and scene.grid.crs is not None
    on_map = read_scene(write_prisma(tmp_path, "1").path)
    assert on_map.grid.crs is not None and {band.dtype for band in on_map.bands} == {"float32"}
    assert on_map.band("SWIR_30").scale == 1.0 and np.nanmax(meant(on_map.band("SWIR_30"))) > 1


def test_radar(tmp_path: Path) -> None:
    scene = read_scene(write_sentinel1(tmp_path, "GRD").path, "SENTINEL-1")
    assert [band.name for band in scene.bands] == ["Amplitude_VH", "Amplitude_VV"] and scene.is_radar


def test_plain_rasters(write_raster: Callable[..., Path]) -> None:
    values = np.arange(3 * 20 * 30).reshape(3, 20, 30) % 200
    path = write_raster(values.astype(np.int16), grid=grid_of((20, 30)), names=["red", "", "red"], nodata=7)
    scene = read_scene(path, "GeoTIFF")
    assert [band.name for band in scene.bands] == ["red", "band_2", "red_2"] and scene.name == "image"
    for band, truth in zip(scene.bands, values, strict=True):
        np.testing.assert_array_equal(values_of(scene, band.name), np.where(truth == 7, np.nan, truth))
        assert (band.dtype, band.nodata) == ("int16", 7.0)
    plain = write_raster(values[0].astype(np.uint8), "p.tif", grid=grid_of((20, 30)))
    assert read_scene(plain).bands[0].dtype == "uint8" and np.isnan(read_scene(plain).bands[0].nodata)
    masked = write_raster(values[0].astype(np.uint8), "m.tif", grid=grid_of((20, 30)), mask=values[0] > 9)
    band = read_scene(masked).bands[0]
    assert band.dtype == "float32" and np.isnan(band.nodata)
    colours = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
    rgba = write_raster(np.full((4, 5, 6), 9, np.uint8), "c.tif", grid=grid_of((5, 6)), colours=colours)
    assert [band.name for band in read_scene(rgba).bands] == ["red", "green", "blue"]
    slc = write_raster((values[0] + 1j).astype(np.complex64), "slc.tif")
    assert read_scene(slc).bands[0].unit == "complex" and read_scene(slc).bands[0].name == "band_1"
    double = write_raster(values[0] / 3, "d.tif", nodata=-1.0)
    assert read_scene(double).bands[0].dtype == "float32"


def test_scale_and_offset_of_a_raster(tmp_path: Path) -> None:
    import rasterio

    path = tmp_path / "s.tif"
    grid = grid_of((4, 5))
    about = {"driver": "GTiff", "width": 5, "height": 4, "count": 2, "dtype": "int16", "crs": grid.crs}
    with rasterio.open(path, "w", transform=grid.transform, **about) as ds:
        ds.write(np.full((2, 4, 5), 30, np.int16))
        ds.scales, ds.offsets = (0.5, 1.0), (2.0, 0.0)
    first, second = read_scene(path).bands
    assert (meant(first) == 17).all() and (meant(second) == 30).all() and first.dtype == "int16"


def read(file: Path, context: Context | None = None, **parameters: str) -> Scene:
    return apply("Read", context=context, file=str(file), **parameters)


def test_parts_and_bands(write_raster: Callable[..., Path], tmp_path: Path) -> None:
    values = np.arange(2.0 * 20 * 30).reshape(2, 20, 30)
    path = write_raster(values.astype(np.float32), grid=grid_of((20, 30)), names=["a", "b"])
    part = {"pixelRegion": "3,4,10,8", "bandNames": "b"}
    whole = read(path, **part)
    assert [band.name for band in whole.bands] == ["a", "b"] and whole.grid.shape == (20, 30)
    cut = read(path, useAdvancedOptions="true", **part)
    assert [band.name for band in cut.bands] == ["b"] and cut.name == "image"
    np.testing.assert_array_equal(values_of(cut), values[1, 4:12, 3:13])
    with pytest.raises(GraphError, match="pixelRegion = '90,0,5,5' lies beside band a"):
        read(path, useAdvancedOptions="true", pixelRegion="90,0,5,5")
    with pytest.raises(GraphError, match="geometryRegion does not overlap"):
        read(path, useAdvancedOptions="true", geometryRegion="POINT(0 0)")
    relative = read(Path(path.name), Context(folder=tmp_path))
    assert relative.grid == grid_of((20, 30))


def test_files_that_cannot_be_read(tmp_path: Path, write_raster: Callable[..., Path]) -> None:
    with pytest.raises(GraphError, match=r"file '.*none.tif' does not exist"):
        read(tmp_path / "none.tif")
    path = write_raster(np.ones((4, 5), np.float32))
    with pytest.raises(GraphError, match="formatName = 'SENTINEL-1' asks for sentinel1, and it is a raster"):
        read(path, formatName="SENTINEL-1")
    with pytest.raises(
        GraphError, match="formatName = 'SENTINEL1': no reader for this format; did you mean 'SENTINEL-1'"
    ):
        read(path, formatName="SENTINEL1")
    product = write_landsat(tmp_path / "l").path
    with pytest.raises(GraphError, match="asks for sentinel2, and it is a product of landsat"):
        read(product, formatName="SENTINEL-2-MSI")
    dimap = tmp_path / "x.dim"
    dimap.write_text("<Dimap_Document/>")
    with pytest.raises(GraphError, match="BEAM-DIMAP is read by SNAP only"):
        read(dimap)
    text = tmp_path / "x.tif"
    text.write_text("no raster")
    with pytest.raises(InputError, match=r"x.tif: not a raster"):
        read(text)
