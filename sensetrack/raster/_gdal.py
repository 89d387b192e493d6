"""The only place that opens rasters: one description call and one windowed, masked read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from sensetrack.errors import CorruptFileError, InputError, NotARasterError
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.types import Mask, PixelArray

GDAL_CACHE_BYTES = 64 * 2**20
"""GDAL's own default is 5 % of the machine's memory, which would count against ours."""


@dataclass(frozen=True)
class RasterInfo:
    """What a raster says of itself without its pixels."""

    grid: Grid
    count: int
    dtypes: tuple[str, ...]
    band_names: tuple[str, ...]
    colours: tuple[str, ...]
    nodata: float | None
    tags: Mapping[str, str]
    driver: str


@dataclass(frozen=True)
class Warp:
    """Resampling onto another grid while reading."""

    grid: Grid
    resampling: Resampling


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
    is_local = "://" not in path and not path.startswith("/vsi") and ":" not in path[2:]
    if is_local and not Path(path).exists():
        raise InputError(f"{path}: no such file")
    with warnings.catch_warnings(), rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_BYTES):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            dataset = rasterio.open(path)
        except RasterioError as error:
            raise NotARasterError(f"{path}: not a raster that can be read ({_last_line(error)})") from error
        with dataset:
            yield dataset


def describe(path: str) -> RasterInfo:
    """Read a raster's metadata.

    Raises
    ------
    NotARasterError, InputError
        As `opened`; or the file holds subdatasets only (their names are listed).
    """
    with opened(path) as ds:
        if ds.count == 0:
            names = ", ".join(ds.subdatasets[:4])
            raise InputError(f"{path}: a container without bands of its own; name one of its parts: {names}")
        return RasterInfo(
            grid=Grid(ds.shape, ds.transform, ds.crs),
            count=ds.count,
            dtypes=tuple(ds.dtypes),
            band_names=tuple(text or "" for text in ds.descriptions),
            colours=tuple(colour.name for colour in ds.colorinterp),
            nodata=ds.nodata,
            tags=ds.tags(),
            driver=ds.driver,
        )


def read(
    path: str,
    bands: tuple[int, ...],
    block: Block,
    nodata: float | None,
    warp: Warp | None = None,
    out_shape: tuple[int, int] | None = None,
) -> tuple[PixelArray, Mask]:
    """Read one window: the mean of ``bands`` and where all of them are valid.

    Parameters
    ----------
    path : str
    bands : tuple of int
        GDAL band numbers.
    block : Block
        Window inside the raster (or inside ``warp.grid``).
    nodata : float or None
        Missing value, beside what GDAL's masks say.
    warp : Warp, optional
        Resample onto this grid first.
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
            if warp is not None:
                with WarpedVRT(ds, **_vrt_options(ds, warp, nodata)) as vrt:
                    return _read_bands(vrt, bands, window, nodata, out_shape)
            return _read_bands(ds, bands, window, nodata, out_shape)
        except (RasterioIOError, RasterioError) as error:
            raise CorruptFileError(f"{path}: its pixels cannot be read ({_last_line(error)})") from error


def to_pixels(raw: NDArray[np.generic], valid: Mask | None, nodata: float | None) -> tuple[PixelArray, Mask]:
    """Convert any real or complex array to float32 or complex64 with a valid mask; invalid pixels become 0."""
    mask = np.ones(raw.shape, np.bool_) if valid is None else valid.astype(np.bool_)
    pixels: PixelArray = raw.astype(np.complex64 if np.iscomplexobj(raw) else np.float32)
    mask = mask & np.isfinite(pixels)
    if nodata is not None and not np.isnan(nodata):
        mask &= raw != nodata
    pixels[~mask] = 0
    return pixels, mask


def _read_bands(
    ds: rasterio.DatasetReader,
    bands: tuple[int, ...],
    window: Window,
    nodata: float | None,
    out_shape: tuple[int, int] | None,
) -> tuple[PixelArray, Mask]:
    total: PixelArray | None = None
    valid: Mask | None = None
    for band in bands:
        raw = ds.read(band, window=window, out_shape=out_shape)
        mask = None
        if MaskFlags.all_valid not in ds.mask_flag_enums[band - 1]:
            mask = ds.read_masks(band, window=window, out_shape=out_shape) > 0
        pixels, good = to_pixels(raw, mask, nodata)
        total = pixels if total is None else total + pixels
        valid = good if valid is None else valid & good
    assert total is not None and valid is not None
    if len(bands) > 1:
        total = (total / len(bands)).astype(total.dtype)
        total[~valid] = 0
    return total, valid


def _vrt_options(ds: rasterio.DatasetReader, warp: Warp, nodata: float | None) -> dict[str, object]:
    options: dict[str, object] = {
        "crs": warp.grid.crs or ds.crs,
        "transform": warp.grid.transform,
        "height": warp.grid.height,
        "width": warp.grid.width,
        "resampling": warp.resampling,
        "tolerance": 0.01,
    }
    missing = ds.nodata if nodata is None else nodata
    if missing is not None:
        options |= {"src_nodata": missing, "nodata": missing}
    else:
        options["add_alpha"] = MaskFlags.alpha not in ds.mask_flag_enums[0]
    return options


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
