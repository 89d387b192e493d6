"""The hostile and the cut: that they are what they claim."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import h5py
import pytest
from lxml import etree

from products import broken
from products.cosmo import write_cosmo


def test_a_cut_file_does_not_open(tmp_path: Path) -> None:
    path = broken.truncate(write_cosmo(tmp_path).path)
    with pytest.raises(OSError, match="truncated"):
        h5py.File(path)


def test_the_tiny_file_has_one_attribute_and_912_bytes(tmp_path: Path) -> None:
    path = broken.tiny_hdf5(tmp_path / "a.h5")
    assert path.stat().st_size == 912
    with h5py.File(path) as file:
        assert (len(file), len(file.attrs)) == (0, 1)


def test_archives_climb_and_swell(tmp_path: Path) -> None:
    with zipfile.ZipFile(broken.climbing_zip(tmp_path / "a.zip")) as archive:
        assert "../outside.xml" in archive.namelist()
    with tarfile.open(broken.climbing_tar(tmp_path / "a.tar", link="/etc/hosts")) as archive:
        assert archive.getmembers()[0].issym()
    path = broken.bomb_zip(tmp_path / "b.zip", size=20_000_000)
    with zipfile.ZipFile(path) as archive:
        entry = archive.infolist()[0]
    assert entry.file_size / entry.compress_size > 900


def test_entities_are_refused_by_libxml(tmp_path: Path) -> None:
    path = broken.billion_laughs(tmp_path / "a.xml")
    with pytest.raises(etree.XMLSyntaxError):
        etree.parse(path, etree.XMLParser(resolve_entities=True, huge_tree=False))
    secret = tmp_path / "secret.txt"
    secret.write_text("42")
    seen = etree.parse(broken.outside_entity(tmp_path / "b.xml", secret), etree.XMLParser(resolve_entities=True))
    assert seen.findtext("a") == "42"
