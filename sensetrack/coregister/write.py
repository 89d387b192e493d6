"""Writes lazy images to GeoTIFF, block by block on any engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sensetrack
from sensetrack.engine import Engine, Serial
from sensetrack.errors import GridError, InputError, OutputError, UnusableImageError
from sensetrack.raster.dates import ACQUIRED_TAG
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block, plan_blocks
from sensetrack.raster.write import TiledWriter, refuse_same_file
from sensetrack.types import PathLike, Progress

BLOCK = 1024
"""Side of a block in output pixels: two tiles of the file."""

_OF_THE_OLD_FILE = ("AREA_OR_POINT", "TIFFTAG_", "STATISTICS_", "OVR_", "LAYOUT", "INTERLEAVE", "COMPRESSION")


@dataclass(frozen=True)
class Numbers:
    """How integers are written.

    Attributes
    ----------
    dtype : str
        Such as ``uint16``.
    nodata : float
        What missing pixels hold.
    scaling : tuple of tuple of float
        Scale and offset of each band, which make the quantity of the numbers.
    """

    dtype: str
    nodata: float
    scaling: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class _Read:
    """Reads a block of several images, NaN where invalid; pickles as their paths."""

    images: tuple[Image, ...]

    def __call__(self, block: Block) -> list[NDArray[np.inexact]]:
        layers = []
        for image in self.images:
            pixels, valid = image.read(block)
            pixels[~valid] = np.nan
            layers.append(pixels)
        return layers


def write_images(
    images: Sequence[Image],
    output: PathLike,
    *,
    names: Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
    numbers: Numbers | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> float:
    """Write images that share a grid as the bands of one tiled GeoTIFF.

    Pixels are float32, or complex64 where an image is complex, with NaN where invalid; the tags of the first image are
    kept, its acquisition time also where it came from the file name.

    Parameters
    ----------
    images : sequence of Image
    output : path-like
        ``.tif``; it appears only when it is complete.
    names : sequence of str, optional
        Band descriptions; default: those of the files.
    tags : mapping, optional
        More dataset tags.
    numbers : Numbers, optional
        Write integers in place of float32; for images that hold nothing else.
    engine : Engine, optional
        Default: `Serial`.
    progress : callable, optional
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    float
        Share of valid pixels, of all bands.

    Raises
    ------
    OutputError
        The suffix is another one; the output is an input, exists already or cannot be written.
    UnusableImageError
        No pixel is valid; nothing is written then.
    GridError, InputError
        The images lie on different grids; some are complex and some are not.
    """
    first = images[0]
    if Path(output).suffix.lower() not in (".tif", ".tiff"):
        raise OutputError(f"{output}: images are written as GeoTIFF; use a name that ends in .tif")
    refuse_same_file(output, [image.path for image in images])
    for image in images[1:]:
        difference = first.grid.difference(image.grid)
        if difference:
            raise GridError(f"{first.name} and {image.name} cannot share a file: {difference}")
        if image.is_complex != first.is_complex:
            raise InputError(f"{first.name}: its bands are complex in part; choose one band")
    layers = _unique(names or [band_name(image) for image in images])
    blocks = list(plan_blocks(first.grid.shape, BLOCK))
    valid = 0
    with TiledWriter(
        output,
        first.grid,
        layers,
        image_tags(first) | dict(tags or {}),
        overwrite=overwrite,
        **_pixel_type(first, numbers),
    ) as writer:
        results = (engine or Serial()).map(_Read(tuple(images)), blocks)
        for done, (block, arrays) in enumerate(zip(blocks, results, strict=True), start=1):
            valid += sum(int(np.isfinite(array).sum()) for array in arrays)
            if numbers is not None:
                arrays = [np.nan_to_num(array, nan=numbers.nodata) for array in arrays]
            writer.write(block, dict(zip(layers, arrays, strict=True)))
            if progress is not None:
                progress(done, len(blocks))
        if not valid:
            raise UnusableImageError(
                f"{first.name} has no valid pixel on the output grid; check its nodata value and the area"
            )
    return valid / (first.grid.height * first.grid.width * len(images))


def _pixel_type(first: Image, numbers: Numbers | None) -> dict[str, Any]:
    if numbers is None:
        return {"dtype": "complex64" if first.is_complex else "float32"}
    return {"dtype": numbers.dtype, "nodata": numbers.nodata, "scaling": numbers.scaling}


def image_tags(image: Image) -> dict[str, str]:
    """Return the tags to keep of an image's file: all but those that describe the file itself."""
    kept = {key: text for key, text in image.metadata.items() if not key.startswith(_OF_THE_OLD_FILE)}
    if image.acquired is not None:
        kept[ACQUIRED_TAG] = image.acquired.isoformat()
    return kept | {"source": image.place, "sensetrack_version": sensetrack.__version__}


def band_name(image: Image) -> str:
    """Return the description of an image's band, or ``band_N``."""
    names = [image.band_names[band - 1] for band in image.bands if band <= len(image.band_names)]
    if len(image.bands) == 1:
        return (names[0] if names else "") or f"band_{image.bands[0]}"
    return "mean"


def _unique(names: Sequence[str]) -> list[str]:
    """Return the names with a number behind those that come twice."""
    unique: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in unique:
            number += 1
            candidate = f"{name}_{number}"
        unique.append(candidate)
    return unique
