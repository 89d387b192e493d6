"""Which paths are products of a sensor rather than plain rasters; the door that `Image.open` goes through."""

from __future__ import annotations

import importlib
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol, cast

from sensetrack.raster.remote import RefusedError, RemoteFile, is_url, located, url_name

if TYPE_CHECKING:
    from sensetrack.raster.image import Image

_HEAD = 512
_MARKS = (b"PK\x03\x04", b"\x1f\x8b", b"\x89HDF\r\n\x1a\n", b"<?xml", b"\xef\xbb\xbf<?xml", b"<", b"{", b"[", b"GROUP")
"""How archives, HDF5 files and metadata begin; TIFF, JPEG 2000 and pictures are plain rasters, read without asking."""

_TAR = slice(257, 262), b"ustar"

_RASTERS = (".tif", ".tiff", ".jp2", ".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".vrt", ".img", ".nc")
"""URLs that end so are plain rasters, for which no request is spent to find out."""

_REMOTE_MARKS = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\x89HDF\r\n\x1a\n", b"<?xml", b"{", b"GROUP")


class HasImages(Protocol):
    """What the door needs of a product."""

    def image(self, band: int | str | None = None, *, nodata: float | None = None) -> Image:
        """Return one band as an image."""
        ...

    def images(self, *, nodata: float | None = None) -> list[Image]:
        """Return every band that lies on the grid of the default one."""
        ...


def may_be_product(path: str) -> bool:
    """Whether a path could be a product: a folder, an archive, an HDF5 file or a metadata file, by its first bytes.

    Raises
    ------
    InputError
        It is a URL whose server does not answer, or does not have it.
    """
    path = located(path)
    if is_url(path):
        return _may_be_remote(path)
    file = Path(path)
    try:
        if file.is_dir():
            return True
        if not file.is_file():
            return False
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
    except (OSError, ValueError):
        # What GDAL opens may be no path at all, such as a long text; what cannot be read, it will say itself.
        return False
    where, mark = _TAR
    return head[where] == mark or head.lstrip().startswith(_MARKS)


def _may_be_remote(url: str) -> bool:
    """Whether a URL could be a product; those that need an account are left to GDAL, which may have one."""
    if PurePosixPath(url_name(url)).suffix.lower() in _RASTERS:
        return False
    try:
        head = RemoteFile(url, fresh=True).read(_HEAD) or b""
    except RefusedError:
        return False
    where, mark = _TAR
    return head[where] == mark or head.lstrip().startswith(_REMOTE_MARKS)


def product_at(path: str) -> HasImages | None:
    """Return the product at a path, or None where no sensor recognises one."""
    if not may_be_product(path):
        return None
    # Sensors stand above this room; they are plug-ins, and so they are loaded by name.
    sensors = importlib.import_module("sensetrack.sensors")
    return cast(HasImages | None, sensors.find_product(path))
