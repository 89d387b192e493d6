"""A lazy image: a file or an array, its grid, its valid pixels and what is known of its acquisition."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self, cast

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling

from sensetrack.errors import GridError, InputError
from sensetrack.raster import _gdal
from sensetrack.raster.bands import select_bands
from sensetrack.raster.dates import acquisition_time
from sensetrack.raster.door import product_at
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.methods import Method, check_method
from sensetrack.raster.process import Process
from sensetrack.raster.source import Source
from sensetrack.raster.tiles import Block, whole
from sensetrack.types import DoubleArray, Mask, PathLike, PixelArray


@dataclass(frozen=True)
class Warp:
    """Resampling while reading.

    Attributes
    ----------
    source : Grid
        Grid of the file's own pixels.
    resampling : {"spline", "nearest", "bilinear", "cubic", "lanczos", "average"}
    """

    source: Grid
    resampling: Method


@dataclass(frozen=True, eq=False)
class Image:
    """One band of an image, read on demand, window by window.

    An image that came from a file holds no pixels and no open handle, so it pickles as its path and is cheap to
    send to a worker. Build one with `Image.open` or `Image.from_array`.

    Attributes
    ----------
    grid : Grid
        Where its pixels lie.
    path : str or None
        File, URL or GDAL virtual path; None for an array.
    bands : tuple of int
        GDAL band numbers that are read; several are averaged (the grey value of a colour picture).
    weights : tuple of float or None
        Weights with which the bands are summed, in place of the mean.
    band_names : tuple of str
        Names of all bands of the file.
    dtype : str
        Pixel type in the file.
    nodata : float or None
        Value that means missing, beside NaN, infinity, alpha and dataset masks.
    acquired : datetime or None
        Acquisition time (UTC), from the metadata or the file name.
    metadata : mapping
        Dataset tags.
    driver : str
        GDAL's name of the file format.
    is_palette : bool
        Whether pixels are indices into a colour table, which are read as its grey values.
    warp : Warp or None
        From which grid, and how, pixels are resampled onto `grid` while they are read.
    processes : tuple of Process
        What changes the pixels, one after the other, after any resampling.
    source : Source or None
        What reads the pixels where they are not simply the file's: a calibrated and masked band of a product.
    """

    grid: Grid
    path: str | None = None
    bands: tuple[int, ...] = (1,)
    weights: tuple[float, ...] | None = None
    band_names: tuple[str, ...] = ()
    dtype: str = "float32"
    nodata: float | None = None
    acquired: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    driver: str = ""
    is_palette: bool = False
    warp: Warp | None = None
    processes: tuple[Process, ...] = ()
    source: Source | None = None
    _pixels: PixelArray | None = field(default=None, repr=False)
    _valid: Mask | None = field(default=None, repr=False)

    @classmethod
    def open(cls, path: PathLike, *, band: int | str | None = None, nodata: float | None = None) -> Self:
        """Open the metadata of anything that GDAL reads, or of one band of a sensor's product.

        Parameters
        ----------
        path : path-like
            File, ``https://`` or ``s3://`` URL, or GDAL path such as ``/vsizip/...``; or a product, as
            `sensetrack.open` recognises it: folder, archive, HDF5 or metadata file.
        band : int, str or None
            Number from 1, name (the band description, or ``red``), or ``"mean"`` of all bands. None takes the
            mean of the colour bands of a picture, the band of a product that is best to track, and the first band of
            anything else. Bands of products have the names that their sensor's documentation uses.
        nodata : float, optional
            Value that means missing, in place of the file's own.

        Raises
        ------
        NotARasterError
            GDAL does not open it.
        InputError
            There is no such file or band.
        """
        name = os.fspath(path)
        product = product_at(name)
        if product is not None:
            return cast(Self, product.image(band, nodata=nodata))
        info = _gdal.describe(name)
        bands = select_bands(name, info, band)
        return cls(
            grid=info.grid,
            path=name,
            bands=bands,
            band_names=info.band_names,
            dtype=info.dtypes[bands[0] - 1],
            nodata=info.nodata[bands[0] - 1] if nodata is None else nodata,
            acquired=acquisition_time(info.tags, Path(_gdal.public_name(name)).name),
            metadata=info.tags,
            driver=info.driver,
            is_palette=info.colours[bands[0] - 1] == "palette",
        )

    @classmethod
    def from_array(
        cls,
        pixels: NDArray[np.generic],
        grid: Grid | None = None,
        *,
        valid: Mask | None = None,
        nodata: float | None = None,
        acquired: datetime | None = None,
    ) -> Self:
        """Wrap an array of shape ``(row, col)`` and any real or complex dtype.

        Raises
        ------
        InputError
            The array is not two-dimensional, or ``grid`` or ``valid`` have another shape.
        """
        if pixels.ndim != 2:
            raise InputError(f"an image is an array of (row, col); got {pixels.ndim} dimensions {pixels.shape}")
        grid = grid or Grid((pixels.shape[0], pixels.shape[1]))
        if grid.shape != pixels.shape or (valid is not None and valid.shape != pixels.shape):
            shape = None if valid is None else valid.shape
            raise InputError(f"pixels of shape {pixels.shape} with grid {grid.shape} and valid {shape}")
        data, mask = _gdal.to_pixels(pixels, valid, nodata)
        return cls(grid=grid, dtype=str(pixels.dtype), nodata=nodata, acquired=acquired, _pixels=data, _valid=mask)

    @property
    def name(self) -> str:
        """Short name for messages and provenance."""
        return Path(_gdal.public_name(self.path)).name if self.path else f"array {self.grid.shape}"

    @property
    def place(self) -> str:
        """Where it comes from, for provenance: an absolute path, a URL without its query, or `name`."""
        if self.path is None:
            return self.name
        return str(Path(self.path).resolve()) if Path(self.path).exists() else _gdal.public_name(self.path)

    @property
    def is_complex(self) -> bool:
        """Whether pixels are read as complex64."""
        for process in reversed(self.processes):
            if process.is_complex is not None:
                return process.is_complex
        return "complex" in self.dtype

    def processed(self, process: Process) -> Self:
        """Return the same image with its pixels changed as they are read, after what changes them already."""
        return dataclasses.replace(self, processes=(*self.processes, process))

    def read(self, block: Block | None = None) -> tuple[PixelArray, Mask]:
        """Read a window and which of its pixels are valid.

        Parameters
        ----------
        block : Block, optional
            Window in pixels of `grid`; what lies outside the image is invalid. Default: the whole image.

        Returns
        -------
        pixels : ndarray
            float32 or complex64 ``(row, col)``; 0 where invalid, so that sums need no NaN handling.
        valid : ndarray of bool

        Raises
        ------
        CorruptFileError
            The file's pixels cannot be read.
        """
        block = block or whole(self.grid.shape)
        area = block.expand(sum(process.margin for process in self.processes))
        inner = area.clip(self.grid.shape)
        pixels: PixelArray = np.zeros(area.shape, self._pixel_type)
        valid = np.zeros(area.shape, np.bool_)
        if inner is not None:
            target = inner.within(area)
            pixels[target], valid[target] = self._read_inside(inner)
        for process in self.processes:
            pixels, valid = process(pixels, valid, area)
            smaller = area.expand(-process.margin)
            part = smaller.within(area)
            pixels, valid, area = pixels[part], valid[part], smaller
            outside = self._outside(area)
            pixels[outside], valid[outside] = 0, False
        return pixels, valid

    def _outside(self, area: Block) -> Mask:
        """Return which pixels of a window lie beyond the image."""
        inner = area.clip(self.grid.shape)
        outside = np.ones(area.shape, np.bool_)
        if inner is not None:
            outside[inner.within(area)] = False
        return outside

    def read_overview(self, size: int) -> tuple[PixelArray, Mask]:
        """Read the whole image with its longer side decimated to at most ``size`` pixels, for display.

        Its own pixels, without what `processes` would make of them.
        """
        step = max(1, -(-max(self.grid.shape) // size))
        rows, cols = (-(-length // step) for length in self.grid.shape)
        if self.warp is not None:
            scale = Affine.scale(self.grid.width / cols, self.grid.height / rows)
            coarse = Grid((rows, cols), self.grid.transform @ scale, self.grid.crs)
            return self._resample_coarse(coarse)
        if self.path is None:
            pixels, valid = self._read_own(whole(self.grid.shape))
            return pixels[::step, ::step], valid[::step, ::step]
        return self.read_file(whole(self.grid.shape), (rows, cols))

    def on_grid(self, grid: Grid, resampling: Method | Resampling = "spline") -> Self:
        """Return the same image resampled onto another grid, lazily, as it is read.

        Invalid pixels take no part, so nodata never bleeds; integers are not rounded; an image that is resampled
        already is resampled once, from its own pixels. See `sensetrack.raster.resample.resample_window`.

        Parameters
        ----------
        grid : Grid
            In any CRS that the image's own can be transformed to.
        resampling : {"spline", "nearest", "bilinear", "cubic", "lanczos", "average"} or rasterio.enums.Resampling
            ``spline`` is the only one that displaces no content by a measurable part of a pixel.

        Raises
        ------
        ParameterError
            The method is another one.
        GridError
            One of the two grids has a CRS and the other has none.
        InputError
            Its pixels are changed after reading, which belongs after the resampling.
        """
        if self.processes:
            raise InputError(f"{self.name} is filtered as it is read; resample it first and filter it then")
        source = self.grid if self.warp is None else self.warp.source
        if (source.crs is None) != (grid.crs is None):
            raise GridError(
                f"{self.name} cannot be resampled from CRS {crs_name(source.crs)} to CRS {crs_name(grid.crs)}; "
                "assign the missing one with 'gdal_edit -a_srs EPSG:...'"
            )
        return dataclasses.replace(self, grid=grid, warp=Warp(source, check_method(resampling)))

    @property
    def _pixel_type(self) -> type[np.inexact]:
        return np.complex64 if "complex" in self.dtype else np.float32

    def _read_inside(self, block: Block) -> tuple[PixelArray, Mask]:
        """Read a window inside the image."""
        if self.warp is None:
            return self._read_own(block)
        from sensetrack.raster.resample import resample_window

        source, method = self.warp.source, self.warp.resampling
        return resample_window(self._read_own, source, self.grid, block, method, self._pixel_type, self._positions)

    def _positions(self, target: Grid, source: Grid, block: Block) -> tuple[DoubleArray, DoubleArray]:
        """Return where the pixels of a block of ``target`` are taken from in ``source``."""
        from sensetrack.raster.resample import source_positions

        return source_positions(target, source, block)

    def _read_own(self, block: Block) -> tuple[PixelArray, Mask]:
        """Read a window of the pixels as they are stored, before any resampling."""
        if self._pixels is not None and self._valid is not None:
            return self._pixels[block.slices], self._valid[block.slices]
        return self.read_file(block)

    def read_file(self, block: Block, out_shape: tuple[int, int] | None = None) -> tuple[PixelArray, Mask]:
        """Read a window of the file's own pixels, neither resampled nor processed, and decimated to ``out_shape``."""
        if self.source is not None:
            return self.source.read(block, block.shape if out_shape is None else out_shape)
        assert self.path is not None
        return _gdal.read(
            self.path,
            self.bands,
            block,
            self.nodata,
            weights=self.weights,
            expand_palette=self.is_palette,
            out_shape=out_shape,
        )

    def _resample_coarse(self, target: Grid) -> tuple[PixelArray, Mask]:
        """Resample onto a much coarser grid from decimated pixels."""
        from sensetrack.raster.resample import pixel_ratio, resample_window

        assert self.warp is not None
        source = self.warp.source
        step = max(1, min(int(min(pixel_ratio(target, source))), *source.shape))

        def read(block: Block) -> tuple[PixelArray, Mask]:
            full = block.scale(step)
            if self.path is not None:
                return self.read_file(full, block.shape)
            pixels, valid = self._read_own(full)
            return pixels[::step, ::step], valid[::step, ::step]

        whole_target = whole(target.shape)
        return resample_window(read, source.coarsen(step), target, whole_target, "bilinear", self._pixel_type)
