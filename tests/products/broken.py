"""Products that must be refused: cut, empty, hostile."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np

LAUGHS = "".join(f'<!ENTITY lol{n} "{f"&lol{n - 1};" * 10}">' for n in range(1, 10))


def truncate(path: Path, share: float = 0.5) -> Path:
    """Cut a file to a share of its length."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def tiny_hdf5(path: Path, name: str = "Product Filename", value: str = "CSKS4_SCS_B_HI_16_HH_RA_FF.h5") -> Path:
    """Write an HDF5 file with one attribute at its root and nothing else; 912 bytes as it is called."""
    with h5py.File(path, "w") as file:
        file.attrs[name] = np.bytes_(value)
    return path


def climbing_zip(path: Path, name: str = "../outside.xml") -> Path:
    """Write a zip with an entry that would land outside its folder."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("product/manifest.safe", "<a/>")
        archive.writestr(name, "<a/>")
    return path


def climbing_tar(path: Path, name: str = "../outside_MTL.txt", link: str = "") -> Path:
    """Write a tar with such an entry; with ``link`` it is a symbolic link to there."""
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(name)
        if link:
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
        else:
            info.size = 4
            archive.addfile(info, io.BytesIO(b"END\n"))
    return path


def bomb_zip(path: Path, name: str = "product/manifest.safe", size: int = 200_000_000) -> Path:
    """Write a zip whose entry swells a thousandfold."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive, archive.open(name, "w") as entry:
        block = bytes(1_000_000)
        for _ in range(size // len(block)):
            entry.write(block)
    return path


def billion_laughs(path: Path, root: str = "product") -> Path:
    """Write an XML file whose entities unfold to a gigabyte."""
    path.write_text(
        f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY lol0 "lol">{LAUGHS}]><{root}><a>&lol9;</a></{root}>'
    )
    return path


def outside_entity(path: Path, target: Path, root: str = "product") -> Path:
    """Write an XML file with an entity that reads another file."""
    path.write_text(
        f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY peek SYSTEM "{target.as_uri()}">]>'
        f"<{root}><a>&peek;</a></{root}>"
    )
    return path
