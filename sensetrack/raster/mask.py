"""Areas: masks and outlines that say of each pixel centre whether it lies inside, read window by window."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Self

import numpy as np

from sensetrack.errors import GridError, InputError, NotARasterError
from sensetrack.raster import vector
from sensetrack.raster.crs import extent_text
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.image import Image
from sensetrack.types import Mask, PathLike


@dataclass(frozen=True, eq=False)
class AreaMask:
    """An area from a raster or vector file, or from an array.

    It holds no geometry and no open handle, so it pickles as its path; outlines are read, reprojected and kept
    once per process. Build one with `AreaMask.open` or `AreaMask.from_array`.

    Attributes
    ----------
    name : str
        For messages.
    inverse : bool
        Whether inside and outside are swapped: everything that the file does not mark, also beyond its extent.
    image : Image or None
        The mask image, where it is one.
    threshold : float
        Pixel values (absolute, where negative or complex) above it are inside.
    outline : Outline or None
        The vector layer, where it is one.
    more : AreaMask or None
        Another area whose pixels are inside, too.
    """

    name: str
    inverse: bool = False
    image: Image | None = None
    threshold: float = 0.0
    outline: vector.Outline | None = None
    more: AreaMask | None = None

    @classmethod
    def open(cls, path: PathLike, *, inverse: bool = False) -> Self:
        """Open a raster or vector file as an area.

        Parameters
        ----------
        path : path-like
            A raster, in which valid pixels other than 0 are inside (in a JPEG, whose compression blurs edges,
            those above 127); or polygons in anything that OGR reads (``.shp``, ``.gpkg``, ``.geojson``, ``.kml``), in
            any CRS. A layer of a file that has several is named as ``FILE|layername=NAME``.
        inverse : bool
            Swap inside and outside, such as to get stable ground from the outlines of glaciers.

        Raises
        ------
        InputError
            There is no such file, it is neither a raster nor a vector file, or it holds no polygons.
        """
        name = os.fspath(path)
        file, _, layer = name.partition("|layername=")
        if not layer:
            try:
                return cls._of_raster(file, inverse)
            except NotARasterError as error:
                if not vector.can_open(file):
                    raise InputError(f"{file}: neither a raster nor a vector file that can be read") from error
        return cls(vector.short_name(file), inverse, outline=vector.open_outline(file, layer or None))

    @classmethod
    def _of_raster(cls, path: str, inverse: bool) -> Self:
        image = Image.open(path)
        if image.driver == "GTiff":
            # A colour table of classes: 0 is no class, whatever its colour. In pictures the colour counts.
            image = dataclasses.replace(image, is_palette=False)
        return cls(image.name, inverse, image, threshold=127.0 if image.driver == "JPEG" else 0.0)

    @classmethod
    def from_array(cls, mask: Mask, grid: Grid | None = None, *, inverse: bool = False) -> Self:
        """Wrap an array of bool ``(row, col)`` that lies on ``grid``, or on a pair without georeference.

        Raises
        ------
        InputError
            The array does not have the grid's shape.
        """
        return cls("the mask array", inverse, Image.from_array(np.asarray(mask, np.uint8), grid))

    @property
    def path(self) -> str | None:
        """The file, or None for an array."""
        if self.outline is not None:
            return self.outline.path
        return None if self.image is None else self.image.path

    def joined(self, other: AreaMask) -> Self:
        """Return the area of this one and of another."""
        return dataclasses.replace(self, more=other if self.more is None else self.more.joined(other))

    def fit(self, grid: Grid) -> Self:
        """Check that the mask can be used with a pair's grid, and return it placed there.

        A mask image without georeference belongs to an image of the same size, pixel by pixel.

        Parameters
        ----------
        grid : Grid
            The whole grid of the pair.

        Raises
        ------
        GridError
            The mask has no georeference and another size, one of the two has no CRS, or they do not overlap.
        """
        if self.more is not None:
            return dataclasses.replace(dataclasses.replace(self, more=None).fit(grid), more=self.more.fit(grid))
        if self.outline is not None:
            return dataclasses.replace(self, outline=self.outline.fit(grid))
        assert self.image is not None
        own = self.image.grid
        if not own.is_georeferenced:
            if own.shape != grid.shape:
                raise GridError(
                    f"{self.name} has no georeference and {own.width} x {own.height} pixels, the images have "
                    f"{grid.width} x {grid.height}; use a mask of their size or with a georeference"
                )
            return dataclasses.replace(self, image=dataclasses.replace(self.image, grid=grid))
        self._check_crs(grid)
        if not grid.overlaps(own):
            raise GridError(
                f"{self.name} does not overlap the images: it covers {extent_text(own.bounds)} in "
                f"{crs_name(own.crs)}, they cover {extent_text(grid.bounds)} in {crs_name(grid.crs)}"
            )
        return self

    def read(self, grid: Grid) -> Mask:
        """Return which pixel centres lie inside.

        Parameters
        ----------
        grid : Grid
            The pair's grid, a window of it (`Grid.crop`) or a coarser one (`Grid.coarsen`).

        Returns
        -------
        ndarray of bool
            ``(row, col)``.

        Raises
        ------
        GridError
            One of the two has a CRS and the other has none.
        InputError, CorruptFileError
            The file cannot be read.
        """
        if self.outline is not None:
            inside = self.outline.read(grid)
        else:
            assert self.image is not None
            self._check_crs(grid)
            pixels, valid = self.image.on_grid(grid, "nearest").read()
            inside = valid & (np.abs(pixels) > self.threshold)
        if self.inverse:
            inside = ~inside
        return inside if self.more is None else inside | self.more.read(grid)

    def _check_crs(self, grid: Grid) -> None:
        assert self.image is not None
        own = self.image.grid
        if (own.crs is None) != (grid.crs is None):
            raise GridError(
                f"{self.name} has CRS {crs_name(own.crs)} and the images have CRS {crs_name(grid.crs)}; "
                "assign the missing one with 'gdal_edit -a_srs EPSG:...'"
            )
