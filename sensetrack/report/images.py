"""Finds the images that a file names, and draws one as its backdrop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import SensetrackError
from sensetrack.log import logger
from sensetrack.raster.image import Image
from sensetrack.report.backdrop import backdrop
from sensetrack.report.sheet import Sheet
from sensetrack.types import PathLike

_log = logger(__name__)


def find_image(name: str, path: PathLike) -> Path | None:
    """Return an image that a file names: where it was, or beside the file; None when it is in neither place.

    Parameters
    ----------
    name : str
        As the file names it.
    path : path-like
        The file.
    """
    places = [Path(name), Path(path).parent / Path(name).name] if name else []
    return next((place for place in places if place.exists()), None)


def picture_of(sheet: Sheet, path: PathLike, image: PathLike | None, size: int) -> NDArray[np.uint8] | None:
    """Return the backdrop of a sheet: of ``image``, else of the reference that the file names, else None.

    Parameters
    ----------
    sheet : Sheet
    path : path-like
        Its file.
    image : path-like or None
    size : int
        Longer side of the picture.

    Raises
    ------
    InputError, GridError
        ``image`` was named and cannot be used; a reference that cannot be used is left out.
    """
    if image is not None:
        return backdrop(Image.open(image), sheet.grid, size)
    found = find_image(sheet.provenance.reference, path)
    if found is None:
        return None
    try:
        return backdrop(Image.open(found), sheet.grid, size)
    except SensetrackError as error:
        _log.info("drawn without a backdrop: %s", error)
        return None
