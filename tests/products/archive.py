"""Packs a product as people deliver it: zip and tar, with leading folders and the clutter of other systems."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path


def zipped(product: Path, *, lead: str = "", mac: bool = False, entries: bool = True) -> Path:
    """Zip a product beside itself and return the archive.

    Parameters
    ----------
    lead : str
        Folder in the archive above the product, such as ``safe/``.
    mac : bool
        Add what a Mac adds: ``__MACOSX/._...`` doubles and ``.DS_Store``.
    entries : bool
        Whether folders have entries of their own.
    """
    target = product.parent / f"{product.stem if product.suffix == '.SAFE' else product.name}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        if lead and entries:
            archive.writestr(lead, b"")
        parts = [product, *sorted(product.rglob("*"))] if product.is_dir() else [product]
        for part in parts:
            name = lead + part.relative_to(product.parent).as_posix()
            if part.is_dir():
                if entries:
                    archive.writestr(f"{name}/", b"")
                continue
            archive.write(part, name)
            if mac:
                where, _, last = name.rpartition("/")
                archive.writestr(f"__MACOSX/{where}/._{last}", b"\0\5\26\7 resource fork")
        if mac:
            archive.writestr(f"{lead}{product.name}/.DS_Store", b"\0\0\0\1Bud1")
    return target


def tarred(product: Path, *, flat: bool = True, compressed: bool = False) -> Path:
    """Pack a folder as ``.tar`` or ``.tar.gz`` beside itself; ``flat`` leaves the folder's own name out."""
    target = product.parent / f"{product.name}.tar{'.gz' if compressed else ''}"
    with tarfile.open(target, "w:gz" if compressed else "w") as archive:
        for part in sorted(product.rglob("*")):
            if part.is_file():
                archive.add(part, part.relative_to(product if flat else product.parent).as_posix())
    return target
