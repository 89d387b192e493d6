"""Which bands of a file are read: what users call them, and what a file calls them."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from typing import TYPE_CHECKING

from sensetrack.errors import InputError, did_you_mean
from sensetrack.raster import _gdal

if TYPE_CHECKING:
    from sensetrack.raster.image import Image

_COLOURS = ("red", "green", "blue")
_NUMBERED = re.compile(r"(band)?[ _-]?\d+", re.IGNORECASE)
"""Descriptions that say no more than where a band stands in its file."""


def select_bands(name: str, info: _gdal.RasterInfo, band: int | str | None) -> tuple[int, ...]:
    """Turn what the user said of bands into GDAL band numbers; see `Image.open`.

    Raises
    ------
    InputError
        There is no such band.
    """
    everything = _without_alpha(info)
    if band is None:
        colours = tuple(n for n in everything if info.colours[n - 1] in _COLOURS)
        return colours if len(colours) == 3 else (1,)
    if isinstance(band, str) and band.isdigit():
        band = int(band)
    if isinstance(band, int):
        if not 1 <= band <= info.count:
            raise InputError(f"{name}: band {band} is not there; it has bands 1 to {info.count}")
        return (band,)
    if band == "mean":
        return everything
    for names in (info.band_names, info.colours):
        if band in names:
            return (names.index(band) + 1,)
    known = {*info.band_names, *info.colours} - {"", "undefined"}
    raise InputError(f"{name}: no band '{band}'{did_you_mean(band, known)} (or a number from 1 to {info.count})")


def names_of_bands(image: Image) -> dict[int, str]:
    """Return the bands of an image's file, all but alpha, by number.

    A name is the band's description or else its colour, and ``""`` where neither tells it from the others or the
    description only repeats its number. An array has one band without a name, a band of a product its own.
    """
    if image.source is not None:
        return {1: image.band_names[0] if image.band_names else ""}
    if image.path is None:
        return {1: ""}
    info = _gdal.describe(image.path)
    names = {}
    for number in _without_alpha(info):
        colour = info.colours[number - 1]
        name = info.band_names[number - 1] or (colour if colour in _COLOURS else "")
        names[number] = "" if _NUMBERED.fullmatch(name) else name
    counts = Counter(names.values())
    return {number: name if counts[name] == 1 else "" for number, name in names.items()}


def number_of_band(image: Image, band: int | str) -> int:
    """Return the number of a band of an image's file, from its number, its name or its colour.

    Raises
    ------
    InputError
        There is no such band.
    """
    if image.source is not None:
        if band in (1, "1", *image.band_names):
            return 1
        raise InputError(
            f"{image.name}: no band {band} beside {image.band_names[0]}, the one that was opened; choose another with "
            "--band, or write several to one file with 'sensetrack convert'"
        )
    if image.path is None:
        if band in (1, "1"):
            return 1
        raise InputError(f"{image.name}: no band {band}; an array has one")
    return select_bands(image.name, _gdal.describe(image.path), band)[0]


def with_bands(image: Image, bands: tuple[int, ...], weights: tuple[float, ...] | None = None) -> Image:
    """Return an image that reads other bands of its file.

    Parameters
    ----------
    image : Image
        Of which nothing changes the pixels yet.
    bands : tuple of int
        Their numbers.
    weights : tuple of float, optional
        With which they are summed; default: those of the mean.

    Raises
    ------
    InputError
        Some of the bands are complex and some are not.
    """
    if image.path is None or image.source is not None:
        return image
    info = _gdal.describe(image.path)
    dtypes = [info.dtypes[band - 1] for band in bands]
    if len({"complex" in dtype for dtype in dtypes}) > 1:
        raise InputError(f"{image.name}: some of the bands {', '.join(map(str, bands))} are complex and some are not")
    own, new = (info.nodata[chosen[0] - 1] for chosen in (image.bands, bands))
    return dataclasses.replace(
        image,
        bands=bands,
        weights=weights,
        dtype=dtypes[0],
        nodata=new if image.nodata == own else image.nodata,
        is_palette=info.colours[bands[0] - 1] == "palette",
    )


def _without_alpha(info: _gdal.RasterInfo) -> tuple[int, ...]:
    return tuple(number for number in range(1, info.count + 1) if info.colours[number - 1] != "alpha")
