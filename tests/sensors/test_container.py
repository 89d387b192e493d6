"""One view of folders, archives and files, safe whatever is in them."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from products.archive import tarred, zipped
from products.broken import bomb_zip, climbing_tar, climbing_zip, tiny_hdf5, truncate

from sensetrack.errors import CorruptFileError, InputError
from sensetrack.raster.image import Image
from sensetrack.sensors import Container
from sensetrack.sensors._container import _is_unsafe


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "PRODUCT.SAFE"
    (place / "a" / "b").mkdir(parents=True)
    (place / "meta.xml").write_text("<a/>")
    (place / "a" / "b" / "image_B01.tif").write_bytes(b"12345")
    (place / "a" / "empty_B02.tif").write_bytes(b"")
    return place


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz"])
def test_the_same_files_however_delivered(folder: Path, kind: str) -> None:
    path, lead = folder, ""
    if kind == "zip":
        path, lead = zipped(folder, lead="safe/", mac=True), "safe/PRODUCT.SAFE/"
    elif kind != "folder":
        path = tarred(folder, compressed=kind == "tar.gz")
    found = Container.open(path)
    assert found.names == tuple(f"{lead}{name}" for name in ("meta.xml", "a/empty_B02.tif", "a/b/image_B01.tif"))
    assert found.kind == kind.partition(".")[0] and found.name == path.name
    assert found.read(f"{lead}a/b/image_B01.tif") == b"12345"
    assert found.head(f"{lead}a/b/image_B01.tif", 2) == b"12"
    assert f"{lead}meta.xml" in found
    assert found.find(r"[^/]*_B0\d\.TIF") == [f"{lead}a/empty_B02.tif", f"{lead}a/b/image_B01.tif"]
    assert found.find("image_B01.tif", f"{lead}a/b") and not found.find("image_B01.tif", f"{lead}b")
    assert found.filled(r"[^/]*_B0\d\.tif") == [f"{lead}a/b/image_B01.tif"]
    assert found.find("B01.tif") == [], "a pattern begins where a name does"


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tar.gz"])
def test_gdal_reads_what_is_inside(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "name (1) with blanks"
    place.mkdir()
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    with rasterio.open(
        place / "i.tif", "w", driver="GTiff", height=3, width=4, count=1, dtype="uint8", crs="EPSG:32633",
        transform=rasterio.Affine(10, 0, 0, 0, -10, 0),
    ) as ds:  # fmt: skip
        ds.write(pixels, 1)
    path = place if kind == "folder" else zipped(place) if kind == "zip" else tarred(place, compressed="gz" in kind)
    found = Container.open(path)
    assert np.array_equal(Image.open(found.gdal_path(found.names[0])).read()[0], pixels)


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_names_in_a_tar_may_begin_with_a_dot(tmp_path: Path, suffix: str) -> None:
    place = tmp_path / "p"
    place.mkdir()
    with rasterio.open(
        place / "i.tif", "w", driver="GTiff", height=3, width=4, count=1, dtype="uint8",
        transform=rasterio.Affine(10, 0, 0, 0, -10, 0),
    ) as ds:  # fmt: skip
        ds.write(np.full((1, 3, 4), 7, np.uint8))
    (place / "m.xml").write_text("<a/>")
    path = tmp_path / f"p{suffix}"
    with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as archive:
        archive.add(place, ".")
    found = Container.open(path)
    assert found.names == ("i.tif", "m.xml") and found.read("m.xml") == b"<a/>" and found.head("i.tif", 2) == b"II"
    assert (Image.open(found.gdal_path("i.tif")).read()[0] == 7).all()


def test_a_metadata_file_stands_for_its_folder(folder: Path) -> None:
    found = Container.open(folder / "meta.xml")
    assert (found.kind, found.root, found.entry) == ("folder", str(folder), "meta.xml")
    (folder / "manifest.safe").write_text("<a/>")
    assert Container.open(folder / "manifest.safe").entry is None


def test_an_hdf5_file_stands_alone(tmp_path: Path) -> None:
    path = tiny_hdf5(tmp_path / "x.h5")
    (tmp_path / "y.h5").write_text("")
    found = Container.open(path)
    assert (found.kind, found.names, found.gdal_path("x.h5")) == ("file", ("x.h5",), str(path))
    assert found.read("x.h5").startswith(b"\x89HDF")


@pytest.mark.parametrize("name", ["../outside.xml", "/etc/x.xml", "a/../../x.xml", "..\\x.xml", "C:\\x.xml", "\\x.xml"])
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    for path in (climbing_zip(tmp_path / "a.zip", name), climbing_tar(tmp_path / "a.tar", name)):
        with pytest.raises(InputError, match="unsafe name"):
            Container.open(path)


def test_links_in_a_tar_are_no_files(tmp_path: Path) -> None:
    path = climbing_tar(tmp_path / "a.tar", "x_MTL.txt", link="/etc/passwd")
    assert Container.open(path).names == ()


def test_bombs_are_refused(tmp_path: Path) -> None:
    path = bomb_zip(tmp_path / "a.zip", size=300_000_000)
    with pytest.raises(InputError, match="unpack to more than 200 times"):
        Container.open(path)
    small = bomb_zip(tmp_path / "b.zip", size=200_000_000)
    with pytest.raises(InputError, match="too long for metadata"):
        Container.open(small).read("product/manifest.safe")
    with gzip.open(tmp_path / "c.tar.gz", "wb") as stream, tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("big.tif")
        info.size = 300_000_000
        archive.addfile(info, io.BytesIO(bytes(info.size)))
        archive.addfile(tarfile.TarInfo("more.tif"))
    with pytest.raises(InputError, match="unpack to more than"):
        Container.open(tmp_path / "c.tar.gz")


def test_a_header_that_lies_about_its_length_reads_no_more(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m.xml", b"x" * 5000)
    found = Container.open(path)
    found.sizes["m.xml"] = 10
    assert len(found.read("m.xml", limit=100)) <= 100


@pytest.mark.parametrize("make", [zipped, tarred, lambda place: tarred(place, compressed=True)])
def test_cut_archives_are_one_error(folder: Path, make: object) -> None:
    (folder / "big.bin").write_bytes(np.random.default_rng(0).bytes(200_000))
    path = truncate(make(folder), 0.4)  # type: ignore[operator]
    with pytest.raises(CorruptFileError, match="cut off"):
        Container.open(path)


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m.xml", "<a/>")
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(mark) + offset] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptFileError, match="encrypted"):
        Container.open(path)


def test_damaged_content_is_one_error(folder: Path) -> None:
    path = zipped(folder, entries=False)
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x03\x04") : data.index(b"PK\x03\x04") + 4] = b"PK\x09\x09"
    path.write_bytes(bytes(data))
    found = Container.open(path)
    with pytest.raises(CorruptFileError, match="cannot be read"):
        for name in found.names:
            found.read(name)


def test_what_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder"):
        Container.open(folder / "nothing")
    found = Container.open(folder)
    with pytest.raises(InputError, match=r"no file x\.xml"):
        found.read("x.xml")
    (folder / "meta.xml").unlink()
    with pytest.raises(CorruptFileError, match=r"meta\.xml cannot be read"):
        found.read("meta.xml")


def test_a_folder_of_everything_is_no_product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensetrack.sensors._container.MOST_FILES", 3)
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("")
    with pytest.raises(InputError, match="more than 3 files"):
        Container.open(tmp_path)
    with pytest.raises(InputError, match="more than 3 files"):
        Container.open(zipped(tmp_path))


def test_what_lies_too_deep_is_not_looked_for(tmp_path: Path) -> None:
    place = tmp_path / "p" / "/".join("abcdefghij")
    place.mkdir(parents=True)
    (place / "deep.xml").write_text("")
    assert Container.open(tmp_path / "p").names == ()


@given(st.lists(st.sampled_from(["a", "b.xml", "..", ".", "...", "C:", "x:y"]), min_size=1, max_size=5))
def test_no_safe_name_climbs(parts: list[str]) -> None:
    name = "/".join(parts)
    if not _is_unsafe(name):
        assert Path("/folder/of/all", name).resolve().is_relative_to("/folder/of/all")
