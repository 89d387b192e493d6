"""The only place that opens rasters: one description call and one windowed, masked read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from sensetrack.errors import CorruptFileError, InputError, NotARasterError
from sensetrack.raster._quiet import quietly
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.types import Mask, PathLike, PixelArray

GDAL_CACHE_BYTES = 64 * 2**20
"""GDAL's own default is 5 % of the machine's memory, which would count against ours."""

_LOCAL = {
    "GDAL_CACHEMAX": GDAL_CACHE_BYTES,
    # GDAL's short cut for whole PNG pictures makes up the pixels that a cut-off file lacks.
    "GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO",
    # Else a file of offsets is written beside every compressed archive that is read.
    "CPL_VSIL_GZIP_WRITE_PROPERTIES": "NO",
}
_REMOTE = _LOCAL | {
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",
    "GDAL_HTTP_MAX_RETRY": "4",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_HTTP_CONNECTTIMEOUT": "30",
}
"""For URLs: probe for side files instead of listing the folder, and try again when a server is busy."""


@dataclass(frozen=True)
class RasterInfo:
    """What a raster says of itself without its pixels; one entry per band where a tuple."""

    grid: Grid
    count: int
    dtypes: tuple[str, ...]
    band_names: tuple[str, ...]
    colours: tuple[str, ...]
    nodata: tuple[float | None, ...]
    tags: Mapping[str, str]
    driver: str


@contextmanager
def opened(path: str) -> Iterator[rasterio.DatasetReader]:
    """Open a raster for reading, with our errors and a bounded GDAL cache.

    Raises
    ------
    InputError
        There is no such local file.
    NotARasterError
        GDAL does not open it.
    """
    name = public_name(path)
    is_remote = "://" in path or path.startswith("/vsi")
    if not is_remote and ":" not in path[2:] and not Path(path).exists():
        raise InputError(f"{path}: no such file")
    with rasterio.Env(**(_REMOTE if is_remote else _LOCAL)):
        try:
            dataset = _open_quietly(path)
        except RasterioError as error:
            why = reason_of(error, path)
            hint = ""
            if not is_remote and name.lower().endswith(".zip"):
                hint = f"; name a file in it: /vsizip/{name}/NAME"
            elif is_remote and name.lower().endswith((".zip", ".tar", ".tar.gz", ".tgz", ".h5", ".he5", ".safe")):
                hint = "; products are read from the https URL of a zip or a STAC Item; others are downloaded first"
            elif not is_remote and Path(path).is_dir():
                hint = "; no sensor recognises a product in this folder either"
            raise NotARasterError(f"{name}: not a raster that can be read ({why}){hint}") from error
        with dataset:
            yield dataset


def _open_quietly(path: str) -> rasterio.DatasetReader:
    """Open without the warning that a picture has no georeference."""
    with quietly(NotGeoreferencedWarning):
        return rasterio.open(path)


def describe(path: str) -> RasterInfo:
    """Read a raster's metadata.

    Raises
    ------
    NotARasterError, InputError
        As `opened`; or the file holds subdatasets only (their names are listed).
    """
    with opened(path) as ds:
        if ds.count == 0:
            parts = ", ".join(ds.subdatasets[:4]) + (", ..." if len(ds.subdatasets) > 4 else "")
            what = f"name one of its parts: {parts}" if parts else "it has no parts either"
            raise InputError(f"{public_name(path)}: a container without bands of its own; {what}")
        return RasterInfo(
            grid=Grid(ds.shape, ds.transform, ds.crs),
            count=ds.count,
            dtypes=tuple(ds.dtypes),
            band_names=tuple(text or "" for text in ds.descriptions),
            colours=tuple(colour.name for colour in ds.colorinterp),
            nodata=tuple(ds.nodatavals),
            tags=ds.tags(),
            driver=ds.driver,
        )


def read(
    path: str,
    bands: tuple[int, ...],
    block: Block,
    nodata: float | None,
    *,
    weights: tuple[float, ...] | None = None,
    expand_palette: bool = True,
    out_shape: tuple[int, int] | None = None,
) -> tuple[PixelArray, Mask]:
    """Read one window: the mean of ``bands``, or their weighted sum, and where all of them are valid.

    Parameters
    ----------
    path : str
    bands : tuple of int
        GDAL band numbers.
    block : Block
        Window inside the raster.
    nodata : float or None
        Missing value, in place of the file's own and beside its masks and alpha band.
    weights : tuple of float, optional
        One per band; default: those of the mean.
    expand_palette : bool
        Turn indices into a colour table into grey values; else they are read as numbers.
    out_shape : tuple of int, optional
        Decimate to this shape.

    Raises
    ------
    CorruptFileError
        The pixels cannot be read.
    """
    window = Window(block.col, block.row, block.width, block.height)
    with opened(path) as ds:
        try:
            return _read_bands(ds, bands, window, nodata, weights, expand_palette, out_shape)
        except RasterioError as error:
            why = reason_of(error, path)
            raise CorruptFileError(f"{public_name(path)}: its pixels cannot be read, is it cut off? ({why})") from error


def public_name(path: PathLike) -> str:
    """Return a path as shown to people and stored in files: without a URL's query, which may hold a signature."""
    text = str(path)
    # In paths of GDAL's a URL may stand in braces, with the name of a file behind it.
    return re.sub(r"\?[^}]*", "", text, count=1) if "://" in text else text


def to_pixels(raw: NDArray[np.generic], valid: Mask | None, nodata: float | None) -> tuple[PixelArray, Mask]:
    """Convert any real or complex array to float32 or complex64 with a valid mask; invalid pixels become 0."""
    mask = np.ones(raw.shape, np.bool_) if valid is None else valid.astype(np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):
        pixels: PixelArray = raw.astype(np.complex64 if np.iscomplexobj(raw) else np.float32)
        if nodata is not None and not np.isnan(nodata):
            mask = mask & (raw != nodata)
    mask = mask & np.isfinite(pixels)
    pixels[~mask] = 0
    return pixels, mask


def _read_bands(
    ds: rasterio.DatasetReader,
    bands: tuple[int, ...],
    window: Window,
    nodata: float | None,
    weights: tuple[float, ...] | None,
    expand_palette: bool,
    out_shape: tuple[int, int] | None,
) -> tuple[PixelArray, Mask]:
    total: PixelArray | None = None
    valid: Mask | None = None
    for number, band in enumerate(bands):
        raw = ds.read(band, window=window, out_shape=out_shape)
        mask = _mask_of(ds, band, window, out_shape)
        if expand_palette and ds.colorinterp[band - 1] == ColorInterp.palette:
            raw, opaque = _to_grey(ds, band, raw, nodata)
            mask = opaque if mask is None else mask & opaque
            pixels, good = to_pixels(raw, mask, None)
        else:
            pixels, good = to_pixels(raw, mask, nodata)
        if weights is not None:
            pixels = pixels * np.float32(weights[number])
        total = pixels if total is None else total + pixels
        valid = good if valid is None else valid & good
    assert total is not None and valid is not None
    if len(bands) > 1:
        if weights is None:
            total = (total / len(bands)).astype(total.dtype)
        total[~valid] = 0
    return total, valid


def _mask_of(ds: rasterio.DatasetReader, band: int, window: Window, out_shape: tuple[int, int] | None) -> Mask | None:
    """Read the dataset mask or alpha band; nodata values are compared by the caller, who may have another one."""
    flags = ds.mask_flag_enums[band - 1]
    if MaskFlags.per_dataset in flags or MaskFlags.alpha in flags:
        mask: Mask = ds.read_masks(band, window=window, out_shape=out_shape) > 0
        return mask
    if ColorInterp.alpha in ds.colorinterp and ds.colorinterp[band - 1] != ColorInterp.alpha:
        alpha: Mask = ds.read(ds.colorinterp.index(ColorInterp.alpha) + 1, window=window, out_shape=out_shape) > 0
        return alpha
    return None


def _to_grey(
    ds: rasterio.DatasetReader, band: int, raw: NDArray[np.generic], nodata: float | None
) -> tuple[NDArray[np.float32], Mask]:
    """Turn indices into a colour table into the mean of red, green and blue, and where they are opaque."""
    size = 256 if raw.dtype == np.uint8 else 65536  # GDAL has no colour tables for other types
    grey, opaque = np.zeros(size, np.float32), np.zeros(size, np.bool_)
    for index, (red, green, blue, alpha) in ds.colormap(band).items():
        grey[index], opaque[index] = (red + green + blue) / 3, alpha > 0 and index != nodata
    return grey[raw], opaque[raw]


def reason_of(error: BaseException, path: str = "") -> str:
    """Return GDAL's own first cause as one line, without the path that a message starts with anyway."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__ or error
    text = " ".join(str(error).split()) or type(error).__name__
    for name in (f"'{path}' ", f"{path}: "):
        text = text.removeprefix(name)
    return text.replace(path, public_name(path)).rstrip(".") if path else text.rstrip(".")
