"""Images: every pixel type and mask that users bring, and one clear line for what cannot be used."""

from __future__ import annotations

import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp, Resampling

from sensetrack.errors import CorruptFileError, GridError, InputError, NotARasterError, SensetrackError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.resample import Method
from sensetrack.raster.tiles import Block

Write = Callable[..., Path]
Texture = Callable[..., np.ndarray]
MakeGrid = Callable[..., Grid]

RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# Pixel types


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
)
def test_every_real_type_becomes_float32(write_raster: Write, dtype: str) -> None:
    array = np.arange(30, dtype=dtype).reshape(5, 6)
    image = Image.open(write_raster(array))
    pixels, valid = image.read()
    assert image.dtype == dtype
    assert pixels.dtype == np.float32
    assert valid.all()
    np.testing.assert_array_equal(pixels, array)


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "complex_int16"])
def test_every_complex_type_becomes_complex64(write_raster: Write, dtype: str) -> None:
    array = (np.arange(30).reshape(5, 6) * (1 - 2j)).astype(np.complex64)
    image = Image.open(write_raster(array, dtype=dtype))
    pixels, valid = image.read()
    assert image.is_complex
    assert pixels.dtype == np.complex64
    assert valid.all()
    np.testing.assert_array_equal(pixels, array)


# What is valid


def test_nodata_nan_and_infinity_are_invalid_and_zero(write_raster: Write) -> None:
    array = np.ones((4, 5), np.float32)
    array[0, 0], array[1, 1], array[2, 2], array[3, 3] = -9999, np.nan, np.inf, -np.inf
    pixels, valid = Image.open(write_raster(array, nodata=-9999)).read()
    expected = np.ones((4, 5), np.bool_)
    expected[[0, 1, 2, 3], [0, 1, 2, 3]] = False
    np.testing.assert_array_equal(valid, expected)
    np.testing.assert_array_equal(pixels, expected.astype(np.float32))


def test_a_given_nodata_replaces_the_files_own(write_raster: Write) -> None:
    path = write_raster(np.array([[0, 1, 2]], np.uint8), nodata=0)
    np.testing.assert_array_equal(Image.open(path).read()[1], [[False, True, True]])
    np.testing.assert_array_equal(Image.open(path, nodata=2).read()[1], [[True, True, False]])


@pytest.mark.parametrize("nodata", [float("nan"), -9999.0, 0.5, 1e40])
def test_a_nodata_that_integers_cannot_hold_marks_nothing(write_raster: Write, nodata: float) -> None:
    assert Image.open(write_raster(np.arange(4, dtype=np.uint8).reshape(2, 2)), nodata=nodata).read()[1].all()


def test_nodata_of_float32_is_found_although_it_is_written_in_decimal(write_raster: Write) -> None:
    lowest = np.finfo(np.float32).min
    path = write_raster(np.array([[lowest, 0.1, 1]], np.float32), nodata=float(lowest))
    np.testing.assert_array_equal(Image.open(path).read()[1], [[False, True, True]])
    np.testing.assert_array_equal(Image.open(path, nodata=0.1).read()[1], [[True, False, True]])


def test_complex_nodata_is_invalid(write_raster: Write) -> None:
    array = np.array([[0, 1 + 1j, complex(np.nan, 1)]], np.complex64)
    np.testing.assert_array_equal(Image.open(write_raster(array, nodata=0)).read()[1], [[False, True, False]])


def test_transparent_pixels_are_invalid(write_raster: Write) -> None:
    bands = np.full((4, 3, 4), 90, np.uint8)
    bands[3] = 255
    bands[3, 1, 1:3] = 0
    path = write_raster(bands, colours=(*RGB, ColorInterp.alpha))
    image = Image.open(path)
    assert image.bands == (1, 2, 3)
    np.testing.assert_array_equal(image.read()[1], bands[3] > 0)
    np.testing.assert_array_equal(Image.open(path, band=2).read()[1], bands[3] > 0)
    np.testing.assert_array_equal(Image.open(path, band="mean").read()[1], bands[3] > 0)
    pixels, valid = Image.open(path, band="alpha").read()
    np.testing.assert_array_equal(pixels, bands[3])
    assert valid.all()


def test_alpha_counts_also_beside_a_nodata_value(write_raster: Write) -> None:
    bands = np.array([[[0, 1, 2, 3]], [[255, 255, 0, 255]]], np.uint8)
    path = write_raster(bands, nodata=0, colours=(ColorInterp.gray, ColorInterp.alpha))
    np.testing.assert_array_equal(Image.open(path).read()[1], [[False, True, False, True]])


@pytest.mark.parametrize("internal", [True, False])
def test_a_dataset_mask_is_respected_with_and_without_nodata(write_raster: Write, internal: bool) -> None:
    mask = np.array([[True, True, False, True]])
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        plain = write_raster(np.array([[0, 1, 2, 3]], np.uint8), "plain.tif", mask=mask)
        with_nodata = write_raster(np.array([[0, 1, 2, 3]], np.uint8), "nodata.tif", mask=mask, nodata=3)
    np.testing.assert_array_equal(Image.open(plain).read()[1], mask)
    np.testing.assert_array_equal(Image.open(with_nodata).read()[1], [[True, True, False, False]])


def test_a_mean_is_valid_where_all_its_bands_are(write_raster: Write) -> None:
    bands = np.array([[[1, 2, 9]], [[3, 9, 5]]], np.int16)
    pixels, valid = Image.open(write_raster(bands, nodata=9), band="mean").read()
    np.testing.assert_array_equal(valid, [[True, False, False]])
    np.testing.assert_array_equal(pixels, [[2, 0, 0]])


# Bands


def test_bands_by_number_name_colour_and_mean(write_raster: Write) -> None:
    bands = np.stack([np.full((2, 2), value, np.uint16) for value in (10, 20, 60)])
    path = write_raster(bands, names=("B2", "B3", "B8"))
    for band, value in ((None, 10), (2, 20), ("3", 60), ("B8", 60), ("mean", 30)):
        assert Image.open(path, band=band).read()[0][0, 0] == value
    colours = write_raster(bands.astype(np.uint8), "rgb.tif", colours=RGB)
    for band, value in ((None, 30), ("red", 10), ("blue", 60)):
        assert Image.open(colours, band=band).read()[0][0, 0] == value


@pytest.mark.parametrize(
    ("band", "says"),
    [
        (0, "band 0 is not there; it has bands 1 to 3"),
        (4, "band 4 is not there; it has bands 1 to 3"),
        ("B9", "no band 'B9'; known: B2, B3, B8"),
        ("nir", "(or a number from 1 to 3)"),
    ],
)
def test_a_band_that_is_not_there(write_raster: Write, band: int | str, says: str) -> None:
    path = write_raster(np.zeros((3, 2, 2), np.uint8), names=("B2", "B3", "B8"))
    with pytest.raises(InputError) as error:
        Image.open(path, band=band)
    assert says in message(error)
    assert str(path) in message(error)


# Pictures


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
def test_pictures_without_a_georeference(write_raster: Write, texture: Texture, suffix: str) -> None:
    grey = texture((40, 50), shortest=16).clip(0, 255).astype(np.uint8)
    path = write_raster(np.stack([grey, grey, grey]), f"20200131.{suffix}")
    image = Image.open(path)
    pixels, valid = image.read()
    assert image.grid == Grid((40, 50))
    assert image.acquired == datetime(2020, 1, 31, tzinfo=UTC)
    assert valid.all()
    np.testing.assert_allclose(pixels, grey, atol=6 if suffix == "jpg" else 0)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colour_tables_are_read_as_grey(write_raster: Write, suffix: str) -> None:
    index = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    path = write_raster(index, f"index.{suffix}", colour_table={0: (0, 0, 0, 255), 1: (90, 60, 30, 255), 2: (255,) * 4})
    image = Image.open(path)
    pixels, valid = image.read()
    assert valid.all()
    np.testing.assert_array_equal(pixels, np.array([0, 60, 255])[index])


# Where images come from


SERVER = """
import functools, http.server, pathlib, sys

class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        file = pathlib.Path(self.translate_path(self.path))
        first, dash, last = self.headers.get("Range", "").removeprefix("bytes=").partition("-")
        if not dash or not file.is_file():
            return super().do_GET()
        content = file.read_bytes()
        part = content[int(first) : int(last) + 1]
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, *args):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=sys.argv[1]))
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Serve the test's folder on the loopback interface, with byte ranges; yields its address.

    In a process of its own: GDAL may wait for the answer while it keeps Python's global lock.
    """
    with subprocess.Popen([sys.executable, "-c", SERVER, str(tmp_path)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.terminate()


def test_urls_are_read_like_files(write_raster: Write, utm_grid: MakeGrid, texture: Texture, served: str) -> None:
    array = texture((300, 200))
    write_raster(array, "20200131.tif", grid=utm_grid((300, 200)), tiled=True, blockxsize=128, blockysize=128)
    for address in (f"{served}/20200131.tif", f"/vsicurl/{served}/20200131.tif"):
        image = Image.open(address)
        pixels, _ = image.read(Block(100, 50, 60, 70))
        np.testing.assert_array_equal(pixels, array[100:160, 50:120])
        assert image.name == "20200131.tif"


def test_signatures_of_urls_are_shown_to_nobody(write_raster: Write, served: str) -> None:
    write_raster(np.ones((4, 4), np.uint8), "20200131.tif")
    image = Image.open(f"{served}/20200131.tif?signature=secret")
    assert image.name == "20200131.tif"
    assert image.place == f"{served}/20200131.tif"
    assert image.read()[1].all()
    with pytest.raises(NotARasterError) as error:
        Image.open(f"{served}/absent.tif?signature=secret")
    assert "secret" not in message(error)
    assert "absent.tif" in message(error)


def test_members_of_an_archive_are_read(write_raster: Write, tmp_path: Path) -> None:
    array = np.arange(12, dtype=np.uint16).reshape(3, 4)
    path = write_raster(array)
    with zipfile.ZipFile(tmp_path / "scene.zip", "w") as archive:
        archive.write(path, "measurement/b1.tif")
    for name in (f"/vsizip/{tmp_path}/scene.zip/measurement/b1.tif", f"zip://{tmp_path}/scene.zip!measurement/b1.tif"):
        np.testing.assert_array_equal(Image.open(name).read()[0], array)


def test_an_image_pickles_as_its_path(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    image = Image.open(write_raster(texture((200, 200)), grid=utm_grid((200, 200))))
    warped = image.on_grid(utm_grid((100, 100), x=500_203.0))
    for original in (image, warped):
        packed = pickle.dumps(original)
        assert len(packed) < 4000
        copy = pickle.loads(packed)
        assert copy.grid == original.grid
        np.testing.assert_array_equal(copy.read()[0], original.read()[0])


def test_arrays_are_images_too(utm_grid: MakeGrid) -> None:
    array = np.array([[1, 2, -1], [np.nan, 4, 5]])
    image = Image.from_array(array, utm_grid((2, 3)), nodata=-1)
    pixels, valid = image.read()
    np.testing.assert_array_equal(valid, [[True, True, False], [False, True, True]])
    np.testing.assert_array_equal(pixels, [[1, 2, 0], [0, 4, 5]])
    assert array[0, 2] == -1
    with pytest.raises(InputError, match="got 3 dimensions"):
        Image.from_array(np.zeros((1, 2, 3)))
    with pytest.raises(InputError, match=r"pixels of shape \(2, 3\) with grid \(3, 3\)"):
        Image.from_array(array, utm_grid((3, 3)))


# Windows


def test_what_lies_outside_is_invalid(write_raster: Write, texture: Texture) -> None:
    array = texture((30, 40))
    image = Image.open(write_raster(array))
    pixels, valid = image.read(Block(-5, 30, 20, 20))
    np.testing.assert_array_equal(pixels[5:, :10], array[:15, 30:])
    assert valid[5:, :10].all()
    assert valid.sum() == 150
    assert not pixels[:5].any()
    assert not image.read(Block(100, 100, 5, 5))[1].any()


def test_threads_read_the_same_as_one(write_raster: Write, texture: Texture) -> None:
    array = texture((256, 256))
    image = Image.open(write_raster(array))  # no georeference: opening it warns, unless it is kept quiet
    blocks = [Block(row, col, 40, 40) for row in range(-10, 250, 30) for col in range(-10, 250, 30)] * 4
    with ThreadPoolExecutor(8) as pool:
        for block, (pixels, valid) in zip(blocks, pool.map(image.read, blocks), strict=True):
            inner = block.clip((256, 256))
            assert inner is not None
            np.testing.assert_array_equal(pixels[inner.within(block)], array[inner.slices])
            assert valid.sum() == inner.height * inner.width


def test_an_overview_shows_the_whole_image(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    array = texture((400, 300), shortest=80, longest=200)
    image = Image.open(write_raster(array, grid=utm_grid((400, 300))))
    for shown in (image, Image.from_array(array), image.on_grid(utm_grid((400, 300), x=500_001.0))):
        pixels, valid = shown.read_overview(100)
        assert pixels.shape == valid.shape == (100, 75)
        assert valid.mean() > 0.98
        assert np.corrcoef(pixels[valid], array[1::4, 1::4][valid])[0, 1] > 0.99


# Resampling while reading


@pytest.mark.parametrize("method", ["spline", Resampling.bilinear, Resampling.cubic, Resampling.lanczos], ids=str)
@pytest.mark.parametrize("kind", ["nodata", "nan", "mask", "alpha", "other nodata", "infinite"])
def test_nodata_never_bleeds(write_raster: Write, utm_grid: MakeGrid, method: Method, kind: str) -> None:
    grid = utm_grid((80, 90))
    valid = np.ones(grid.shape, np.bool_)
    valid[20:40, 30:50] = False
    valid[:, 70:] = np.random.default_rng(0).random((80, 20)) > 0.3
    options: dict[str, object] = {}
    array = np.full(grid.shape, 200, np.uint8 if kind in ("nodata", "mask", "alpha", "other nodata") else np.float32)
    if kind in ("nan", "infinite"):
        array[~valid] = np.nan if kind == "nan" else np.inf
    else:
        array[~valid] = 0
    if kind == "nodata":
        options["nodata"] = 0
    elif kind == "mask":
        options["mask"] = valid
    elif kind == "alpha":
        array = np.stack([array, np.where(valid, 255, 0).astype(np.uint8)])
        options["colours"] = (ColorInterp.gray, ColorInterp.alpha)
    elif kind == "other nodata":
        options["nodata"] = 7
    path = write_raster(array, grid=grid, **options)
    image = Image.open(path, nodata=0 if kind == "other nodata" else None)
    for target in (utm_grid((90, 100), x=499_993.0, y=5_000_004.0), utm_grid((30, 30), size=33.0)):
        pixels, good = image.on_grid(target, method).read()
        assert good.mean() > (0.5 if method == "spline" else 0.6)
        assert (pixels[good] == 200).all()
        assert not pixels[~good].any()


@pytest.mark.parametrize("is_complex", [False, True])
def test_resampling_while_reading_is_exact_to_sub_pixels(
    write_raster: Write, utm_grid: MakeGrid, texture: Texture, is_complex: bool
) -> None:
    wave = {"shortest": 12.0, "is_complex": is_complex}
    path = write_raster(texture((200, 200), **wave), grid=utm_grid((200, 200)))
    target = utm_grid((120, 120), x=500_000.0 + 10 * 30.37, y=5_000_000.0 - 10 * 30.81)
    image = Image.open(path).on_grid(target)
    pixels, valid = image.read(Block(10, 20, 80, 90))
    truth = texture((120, 120), dx=-30.37, dy=-30.81, **wave)[10:90, 20:110]
    assert valid.all()
    assert np.abs(pixels - truth).max() < (0.04 if is_complex else 0.02)


def test_integers_are_not_rounded_when_resampled(write_raster: Write, utm_grid: MakeGrid) -> None:
    path = write_raster(np.tile(np.arange(70, dtype=np.uint8), (50, 1)), grid=utm_grid((50, 70)))
    for method in ("spline", Resampling.cubic, Resampling.bilinear):
        pixels, valid = Image.open(path).on_grid(utm_grid((40, 40), x=500_152.5), method).read()
        assert valid.all()
        np.testing.assert_allclose(pixels, np.tile(np.arange(40) + 15.25, (40, 1)), atol=1e-4)


def test_resampling_twice_starts_from_the_pixels(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    image = Image.open(write_raster(texture((80, 80)), grid=utm_grid((80, 80))))
    target = utm_grid((50, 50), x=500_103.0)
    once = image.on_grid(target).read()[0]
    twice = image.on_grid(utm_grid((20, 20), size=100.0)).on_grid(target).read()[0]
    np.testing.assert_array_equal(once, twice)


def test_a_resampled_array_is_like_a_resampled_file(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    array, grid, target = texture((80, 80)), utm_grid((80, 80)), utm_grid((50, 50), x=500_103.0)
    from_file = Image.open(write_raster(array, grid=grid)).on_grid(target).read()[0]
    np.testing.assert_array_equal(Image.from_array(array, grid).on_grid(target).read()[0], from_file)


def test_resampling_needs_a_crs_on_both_sides(write_raster: Write, utm_grid: MakeGrid) -> None:
    image = Image.open(write_raster(np.ones((5, 5), np.uint8)))
    with pytest.raises(GridError) as error:
        image.on_grid(utm_grid((5, 5)))
    assert "from CRS none to CRS EPSG:32633" in message(error)
    assert "gdal_edit -a_srs" in message(error)


# Bad input


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        Image.open(tmp_path / "absent.tif")
    assert message(error) == f"{tmp_path / 'absent.tif'}: no such file"


@pytest.mark.parametrize("content", [b"", b"hello", b"II*\x00\x08\x00\x00\x00"])
def test_not_a_raster(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.tif"
    path.write_bytes(content)
    with pytest.raises(NotARasterError) as error:
        Image.open(path)
    assert message(error).startswith(f"{path}: not a raster that can be read (")
    assert message(error).count(str(path)) == 1


@pytest.mark.parametrize("suffix", ["tif", "png", "jpg"])
def test_a_truncated_file(write_raster: Write, suffix: str) -> None:
    array = np.random.default_rng(0).integers(0, 255, (600, 600), np.uint8)
    path = write_raster(array, f"image.{suffix}", **({"compress": "deflate"} if suffix == "tif" else {}))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    image = Image.open(path)
    with pytest.raises(CorruptFileError) as error:
        image.read()
    assert message(error).startswith(f"{path}: its pixels cannot be read, is it cut off? (")
    assert "See previous" not in message(error)


def test_a_container_names_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "scene.h5"
    with h5py.File(path, "w") as file:
        file["one"], file["two"] = np.zeros((5, 5)), np.ones((5, 5))
    with pytest.raises(InputError) as error:
        Image.open(path)
    assert "a container without bands of its own; name one of its parts: HDF5:" in message(error)
    assert "//one" in message(error)
    part = str(message(error)).partition("parts: ")[2].split(", ")[1]
    assert Image.open(part).read()[0].max() == 1


def test_real_products_open(shared_data: Path) -> None:
    slc = next((shared_data / "sentinel1" / "sarsen").glob("S1A_IW_SLC*/measurement/*.tiff"))
    image = Image.open(slc)
    assert image.is_complex
    assert image.acquired == datetime(2022, 1, 4, 17, 5, 58, tzinfo=UTC)
    assert not image.grid.is_georeferenced
    glacier = Image.open(shared_data / "pairs" / "giv-perito-moreno" / "20200131.jpg")
    assert glacier.bands == (1, 2, 3)
    assert glacier.grid.shape == (1231, 1731)
    blanks = Image.open(shared_data / "pairs" / "dic-challenge-sample14" / "images" / "Sample14 Reference.tif")
    assert blanks.read()[1].all()
