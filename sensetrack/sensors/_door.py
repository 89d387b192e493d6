"""The one door: what a path holds, a product of a sensor or a plain raster."""

from __future__ import annotations

import os
from pathlib import Path

from sensetrack.errors import InputError, NotARasterError, ParameterError
from sensetrack.log import logger
from sensetrack.raster._gdal import public_name
from sensetrack.raster.door import may_be_product
from sensetrack.raster.image import Image
from sensetrack.raster.remote import is_url
from sensetrack.registry import Registry
from sensetrack.sensors._base import Product, Sensor
from sensetrack.sensors._container import Container
from sensetrack.sensors._hdf5 import is_hdf5, opened
from sensetrack.types import PathLike

_log = logger(__name__)

registry: Registry[Sensor] = Registry("sensetrack.sensors", Sensor, "sensor")  # type: ignore[type-abstract]


def find_product(path: PathLike) -> Product | None:
    """Open the metadata of the product at a path, or return None where no sensor recognises one.

    Parameters
    ----------
    path : path-like
        A folder, archive, HDF5 file or metadata file, or the URL of a zip or STAC Item; see
        `sensetrack.sensors.Container`.

    Raises
    ------
    InputError
        As `Container.open`; or a sensor recognises the product but cannot read its metadata.
    """
    container = Container.open(path, alone=True)
    for name in registry.names():
        try:
            sensor = registry.get(name)()
        except ParameterError as error:
            # One broken plug-in of another distribution must not close the door for all the others.
            _log.warning("%s", error)
            continue
        if sensor.recognises(container):
            return sensor.open(Container.open(path))
    if container.kind == "file":
        (name,) = container.sizes
        if is_hdf5(container, name):
            # Whatever GDAL would make of it, a file that is cut off is said to be so.
            with opened(container, name):
                pass
    return None


def product_at(path: PathLike) -> Product | None:
    """Return the product at a path, or None where it is a plain raster or nothing that a sensor recognises.

    Raises
    ------
    InputError
        As `find_product`.
    """
    return find_product(path) if may_be_product(os.fspath(path)) else None


def open_product(path: PathLike) -> Product:
    """Open the metadata of the product at a path.

    Raises
    ------
    InputError
        As `find_product`; or no sensor recognises it.
    """
    found = product_at(path)
    if found is None:
        if not is_url(os.fspath(path)) and not Path(path).exists():
            raise InputError(f"{path}: no such file or folder")
        known = ", ".join(registry.names())
        raise InputError(f"{public_name(path)}: no product of a sensor that is known ({known})")
    return found


def open_scene(path: PathLike) -> Product | Image:
    """Open whatever is at a path: a product of a sensor, or else a plain raster.

    Folders, archives (``.zip``, ``.tar``, ``.tar.gz``), HDF5 files and metadata files are shown to every registered
    sensor; the first one that recognises the content opens it. Anything else, and what no sensor knows, opens as
    `Image`, as GDAL reads it; a single ``.tif`` or ``.jp2`` of a product is a plain raster too, in stored numbers.
    Only metadata are read.

    Parameters
    ----------
    path : path-like
        Local path, URL or GDAL virtual path.

    Returns
    -------
    Product or Image
        ``product.image("B08")`` is an image as well.

    Raises
    ------
    InputError
        There is nothing at the path, or it can be read as neither.

    Examples
    --------
    >>> import sensetrack as st
    >>> scene = st.open("S2A_MSIL1C_20220125T151701.SAFE")   # doctest: +SKIP
    >>> scene.cloud_cover, [band.name for band in scene.bands]   # doctest: +SKIP
    >>> nir = scene.image("B08")   # doctest: +SKIP
    """
    name = os.fspath(path)
    product = product_at(name)
    if product is not None:
        return product
    try:
        return Image.open(name)
    except NotARasterError as error:
        if not may_be_product(name):
            raise
        known = ", ".join(registry.names())
        raise InputError(f"{public_name(name)}: neither a raster nor a product of a known sensor ({known})") from error
