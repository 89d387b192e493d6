"""Where images come from: files, archives, URLs; and one clear line for what cannot be used."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest
from rasterio.enums import ColorInterp

from sensetrack.errors import CorruptFileError, InputError, NotARasterError, SensetrackError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block

Write = Callable[..., Path]
Texture = Callable[..., np.ndarray]
MakeGrid = Callable[..., Grid]

RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


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


def test_a_bare_archive_is_answered_with_the_way_into_it(tmp_path: Path) -> None:
    path = tmp_path / "pair.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")
    with pytest.raises(NotARasterError, match=r"name a file in it: /vsizip/.*pair\.zip/NAME"):
        Image.open(path)
