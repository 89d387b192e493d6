"""Cuts a part out of all bands of a scene."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sensetrack.errors import GraphError
from sensetrack.graph.pixels import Inside, may_have_gaps, pixel_type, window
from sensetrack.graph.region import PixelMask, in_pixels, window_of
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.graph.source import derived
from sensetrack.radar.grid import RadarGrid
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block, whole

_ALIGNED = 1e-3


@dataclass(frozen=True, kw_only=True)
class Cut:
    """What to keep of the area of a scene.

    Attributes
    ----------
    pixels : Block or None
        Rows and columns; what reaches beyond the scene is left out.
    names : tuple of str
        What `pixels`, `box` and `inside` are called in messages.
    reference : SceneBand or None
        In whose pixels `pixels` counts where bands differ in size.
    box : shapely geometry or None
        Region of the earth whose bounding box in pixels is kept; it goes before `pixels`.
    inside : shapely geometry or None
        Region outside of which nothing is valid; its bounding box is kept where there is no other.
    steps : tuple of int
        Every so many rows and columns are kept.
    full_width : bool
        Whether all columns are kept.
    """

    pixels: Block | None = None
    names: tuple[str, str, str] = ("region", "geoRegion", "polygonRegion")
    reference: SceneBand | None = None
    box: Any = None
    inside: Any = None
    steps: tuple[int, int] = (1, 1)
    full_width: bool = False

    def of(self, scene: Scene, bands: Sequence[SceneBand]) -> tuple[SceneBand, ...]:
        """Return some bands of a scene, cut.

        Raises
        ------
        GraphError
            The part lies beside the scene; or it is given in pixels, and bands differ in size.
        """
        if self.reference is not None and self.box is None and self.inside is None:
            chosen = self._window(self.reference)
            return tuple(self._cut(band, _same(self.reference.grid, chosen, band)) for band in bands)
        if self.pixels is not None and self.box is None and len({band.grid.shape for band in bands}) > 1:
            raise GraphError(
                f"{self.names[0]}: the bands of {scene.name} differ in size; choose one size with Resample before, or "
                "name the band in whose pixels it counts as referenceBand"
            )
        return tuple(self._cut(band, self._window(band)) for band in bands)

    def _window(self, band: SceneBand) -> Block:
        shape = band.grid.shape
        if self.box is not None:
            found: Block | None = window_of(in_pixels(self.box, band, self.names[1]), shape)
        elif self.pixels is not None:
            found = self.pixels.clip(shape)
        elif self.inside is not None:
            found = window_of(in_pixels(self.inside, band, self.names[2]), shape)
        else:
            found = whole(shape)
        if found is None:
            p = self.pixels or whole(shape)
            raise GraphError(
                f"{self.names[0]} = '{p.col},{p.row},{p.width},{p.height}' lies beside band {band.name}, which has "
                f"{shape[1]} columns and {shape[0]} rows"
            )
        return Block(found.row, 0, found.height, shape[1]) if self.full_width else found

    def _cut(self, band: SceneBand, part: Block) -> SceneBand:
        if band.lines is not None and (part != whole(band.grid.shape) or self.steps != (1, 1)):
            raise GraphError(
                f"band {band.name} is of bursts that are not put together, and no part can be cut out of it; put "
                "TOPSAR-Deburst before, or cut bursts with TOPSAR-Split"
            )
        image = band.image
        if self.inside is not None:
            mask = PixelMask(in_pixels(self.inside, band, self.names[2]))
            image = derived(image, Inside(image, mask), dtype=pixel_type(image))
            band = may_have_gaps(band)
        down, right = self.steps
        shape = -(-part.height // down), -(-part.width // right)
        if part != whole(band.grid.shape) or self.steps != (1, 1):
            image = window(image, part.row, part.col, shape, self.steps)
        radar = None if band.radar is None else _thinned(band.radar.crop(part.row, part.col, shape), self.steps)
        return band.replace(image=image, radar=radar)


def _thinned(radar: RadarGrid, steps: tuple[int, int]) -> RadarGrid:
    """Return the grid of every so many lines and samples."""
    down, right = steps
    if steps == (1, 1):
        return radar
    return dataclasses.replace(
        radar,
        line_interval=radar.line_interval * down,
        azimuth_spacing=radar.azimuth_spacing * down,
        range_spacing=radar.range_spacing * right,
        looks=(radar.looks[0] * down, radar.looks[1] * right),
    )


def _same(grid: Grid, part: Block, band: SceneBand) -> Block:
    """Return the pixels of a band that a window of another grid touches on the map."""
    own = band.grid
    if own.difference(grid) is None:
        return part
    if own.crs != grid.crs or own.crs is None:
        raise GraphError(f"band {band.name} and the referenceBand do not lie on one map; choose one size with Resample")
    xmin, ymin, xmax, ymax = grid.crop(part.row, part.col, part.shape).bounds
    rows, cols = own.rowcol([xmin, xmax, xmin, xmax], [ymin, ymin, ymax, ymax])
    top, left = (math.floor(float(each.min()) + 0.5 + _ALIGNED) for each in (rows, cols))
    bottom, right = (math.ceil(float(each.max()) + 0.5 - _ALIGNED) for each in (rows, cols))
    found = Block(top, left, bottom - top, right - left).clip(own.shape)
    if found is None:
        raise GraphError(f"band {band.name} does not reach into the part that is cut")
    return found
