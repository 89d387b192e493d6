"""Two images on one grid and the time between them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from rasterio.enums import Resampling

from sensetrack.errors import GridError, ParameterError
from sensetrack.raster.crs import extent_text
from sensetrack.raster.dates import days_between
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.image import Image
from sensetrack.raster.methods import Method
from sensetrack.raster.tiles import Block
from sensetrack.types import Mask, PathLike, PixelArray


@dataclass(frozen=True, eq=False)
class ImagePair:
    """A reference and a secondary image on one grid.

    Parameters
    ----------
    reference, secondary : Image
        The earlier and the later image.
    days : float or None
        Time base in days of 86 400 s.

    Raises
    ------
    GridError
        The grids differ; the message says how, and what to do.
    ParameterError
        The time base is not positive.
    """

    reference: Image
    secondary: Image
    days: float | None = None

    def __post_init__(self) -> None:
        if self.days is not None and not (math.isfinite(self.days) and self.days > 0):
            raise ParameterError(
                f"days = {self.days:g}: the time base must be above 0; swap the images if it is negative"
            )
        difference = self.reference.grid.difference(self.secondary.grid)
        if difference:
            lacking = [image for image in (self.reference, self.secondary) if image.grid.crs is None]
            if len(lacking) == 1:
                raise GridError(
                    f"{self.reference.name} and {self.secondary.name} lie on different grids: {difference}; "
                    f"{lacking[0].name} has no CRS: assign one with 'gdal_edit -a_srs EPSG:...'"
                )
            raise GridError(
                f"{self.reference.name} and {self.secondary.name} lie on different grids: {difference}; "
                "pass --coregister (coregister=True) to resample the secondary, or run 'sensetrack coregister' first"
            )

    @classmethod
    def open(
        cls,
        reference: PathLike,
        secondary: PathLike,
        *,
        band: int | str | None = None,
        nodata: float | None = None,
        coregister: bool = False,
        days: float | None = None,
        dates: tuple[datetime, datetime] | None = None,
    ) -> Self:
        """Open two files as a pair.

        Parameters
        ----------
        reference, secondary : path-like
        band, nodata
            As in `Image.open`, for both.
        coregister : bool
            Resample the secondary onto the reference's grid while it is read, when they differ.
        days : float, optional
            Time base; default: from ``dates``, else from the images' own acquisition times.
        dates : tuple of datetime, optional
            Acquisition times of the reference and the secondary, in place of the images' own.

        Raises
        ------
        GridError
            The grids differ and ``coregister`` is off; or they cannot be brought together.
        ParameterError
            The dates are equal or reversed.
        InputError
            As `Image.open`.
        """
        first = Image.open(reference, band=band, nodata=nodata)
        second = Image.open(secondary, band=band, nodata=nodata)
        if coregister and first.grid.difference(second.grid):
            second = bring_onto(second, first.grid)
        if dates is not None:
            first, second = (replace(image, acquired=date) for image, date in zip((first, second), dates, strict=True))
        if days is None:
            if dates is not None:
                days = days_between(*dates)
            elif first.acquired and second.acquired and first.acquired != second.acquired:
                days = days_between(first.acquired, second.acquired)
        return cls(first, second, days)

    @property
    def grid(self) -> Grid:
        """The common grid."""
        return self.reference.grid

    def with_images(self, reference: Image, secondary: Image) -> Self:
        """Return a pair of other images with the same time base."""
        return replace(self, reference=reference, secondary=secondary)

    def read(self, block: Block) -> tuple[PixelArray, PixelArray, Mask, Mask]:
        """Read one window of both images: reference, secondary, and where each is valid."""
        reference, reference_valid = self.reference.read(block)
        secondary, secondary_valid = self.secondary.read(block)
        return reference, secondary, reference_valid, secondary_valid


def bring_onto(image: Image, grid: Grid, resampling: Method | Resampling = "spline") -> Image:
    """Resample an image onto a grid lazily, after checking that this makes sense.

    Raises
    ------
    GridError
        One of the two has no CRS, or they do not overlap.
    """
    if (image.grid.crs is None) != (grid.crs is None):
        which = image.name if image.grid.crs is None else "the target grid"
        raise GridError(f"{which} has no CRS, so it cannot be resampled; assign one with 'gdal_edit -a_srs EPSG:...'")
    if image.grid.crs is None and not (image.grid.is_georeferenced and grid.is_georeferenced):
        raise GridError(
            f"{image.name} has no georeference and {image.grid.width} x {image.grid.height} pixels against "
            f"{grid.width} x {grid.height}; crop both to the same size first"
        )
    if not grid.overlaps(image.grid):
        raise GridError(
            f"{image.name} does not overlap the target grid: it covers {extent_text(image.grid.bounds)} in "
            f"{crs_name(image.grid.crs)}, the grid {extent_text(grid.bounds)} in {crs_name(grid.crs)}"
        )
    return image.on_grid(grid, resampling)
