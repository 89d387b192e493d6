"""Brings the bands of a scene to one size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator

from sensetrack.errors import GraphError
from sensetrack.graph.operators._base import Context, Operator, Sources
from sensetrack.graph.pixels import Window, as_read, may_have_gaps, strips
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.graph.source import Derived, cached, derived
from sensetrack.params import Params, param
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.methods import Method
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, Mask, PixelArray

Up = Literal["Nearest", "Bilinear", "Bicubic"]
Down = Literal["First", "Min", "Max", "Mean", "Median"]
FlagDown = Literal["First", "FlagAnd", "FlagOr", "FlagMedianAnd", "FlagMedianOr"]


class BandResampling(Params):
    """How one band is resampled."""

    bandName: str = param(..., "Name of the band.", min_length=1)
    upsampling: Up | None = param(None, "How finer pixels are made; none: as for the others.")
    downsampling: Down | FlagDown | None = param(None, "How coarser pixels are made; none: as for the others.")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Resample(Operator):
    """The bands of a scene on one grid."""

    alias: ClassVar[str] = "Resample"
    suffix: ClassVar[str] = "_resampled"

    referenceBand: str | None = param(None, "Band whose size all get.")
    targetWidth: int | None = param(None, "Columns that all get.", unit="px", gt=0)
    targetHeight: int | None = param(None, "Rows that all get.", unit="px", gt=0)
    targetResolution: int | None = param(None, "Pixel size that all get, in units of the map.", gt=0)
    upsampling: Up = param("Nearest", "How finer pixels are made.")
    downsampling: Down = param("First", "How coarser pixels are made.")
    flagDownsampling: FlagDown = param("First", "How coarser pixels of flags are made.")
    resamplingPreset: str | None = param(None, "Name of a set of methods, which SNAP keeps in its own folder.")
    bandResamplings: Annotated[tuple[BandResampling, ...], BeforeValidator(_listed)] = param(
        (), "Methods of single bands."
    )
    resampleOnPyramidLevels: bool = param(True, "How SNAP shows the result; pixels are the same.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Bring all bands to one size, in the numbers that they are stored in.

        What gets coarser takes the pixels under each new one (`downsampling`), what gets finer interpolates between
        their centres (`upsampling`); classes and flags go up by nearest and down by `flagDownsampling`.
        """
        scene = sources.one
        if self.resamplingPreset is not None:
            raise GraphError(
                f"resamplingPreset = '{self.resamplingPreset}': presets lie in SNAP's own folder; write bandResamplings"
            )
        target = self._target(scene)
        special = {each.bandName: each for each in self.bandResamplings}
        for name in special:
            scene.select([name], "bandResamplings")
        bands = tuple(self._resampled(band, target, special.get(band.name)) for band in scene.bands)
        return scene.after(self.alias, bands, suffix=self.suffix)

    def _target(self, scene: Scene) -> Grid:
        sized = self.targetWidth is not None or self.targetHeight is not None
        given = [
            name
            for name, there in (
                ("referenceBand", self.referenceBand is not None),
                ("targetWidth and targetHeight", sized),
                ("targetResolution", self.targetResolution is not None),
            )
            if there
        ]
        if len(given) != 1:
            what = " and ".join(given) or "none"
            raise GraphError(
                "give one of referenceBand, targetWidth with targetHeight, and targetResolution, and one only; there "
                f"is {what}"
            )
        if self.referenceBand is not None:
            return scene.select([self.referenceBand], "referenceBand")[0].grid
        finest = min((band.grid for band in scene.bands), key=lambda grid: math.prod(grid.pixel_size))
        if self.targetResolution is not None:
            if finest.crs is None:
                raise GraphError("targetResolution: the scene is not on a map; give targetWidth and targetHeight")
            size = float(self.targetResolution)
            across, down = (
                length / size for length in (finest.width * finest.pixel_size[0], finest.height * finest.pixel_size[1])
            )
            shape = max(1, math.ceil(down - 1e-6)), max(1, math.ceil(across - 1e-6))
            factors = size / finest.pixel_size[0], size / finest.pixel_size[1]
        else:
            if self.targetWidth is None or self.targetHeight is None:
                missing = "targetWidth" if self.targetWidth is None else "targetHeight"
                raise GraphError(f"{missing} is missing: targetWidth and targetHeight belong together")
            shape = self.targetHeight, self.targetWidth
            factors = finest.width / shape[1], finest.height / shape[0]
        return Grid(shape, finest.transform @ finest.transform.scale(*factors), finest.crs)

    def _resampled(self, band: SceneBand, target: Grid, special: BandResampling | None) -> SceneBand:
        grid = band.grid
        if grid.difference(target) is None:
            return band
        if band.radar is not None or band.lines is not None:
            raise GraphError(
                f"band {band.name} is in the geometry of a radar, where Multilook makes pixels coarser; Resample is "
                "for maps"
            )
        if grid.crs != target.crs or not all(_is_upright(each) for each in (grid, target)):
            raise GraphError(f"band {band.name} does not lie along the pixels of the others; use Reproject")
        rows, cols = _edges(target, grid)
        ratio = (rows[1] - rows[0], cols[1] - cols[0])
        band = may_have_gaps(band) if _reaches_beyond(rows, cols, target, grid) else band
        if max(ratio) > 1 + 1e-6:
            how = special.downsampling if special is not None else None
            how = how or (self.flagDownsampling if band.is_class else self.downsampling)
            if band.is_class and how in ("Min", "Max", "Mean", "Median"):
                how = self.flagDownsampling
            source = Aggregated(cached(band.image), rows, cols, how)
            return band.replace(image=derived(band.image, source, grid=target))
        up = (special.upsampling if special is not None else None) or self.upsampling
        method = "nearest" if band.is_class else _METHODS[up]
        finer = as_read(band.image).on_grid(target, method)
        return band.replace(image=derived(band.image, Window(finer), grid=target))


_METHODS: dict[str, Method] = {"Nearest": "nearest", "Bilinear": "bilinear", "Bicubic": "cubic"}


@dataclass(frozen=True, eq=False)
class Aggregated(Derived):
    """Coarse pixels of the fine ones under them, of which only valid ones count.

    ``First`` takes the upper left one, ``Mean`` weighs pixels with the area that they share with the coarse one, the
    others take all pixels that they touch. Bits of flags are set where they are set in all (``FlagAnd``), in any
    (``FlagOr``), in more than half (``FlagMedianAnd``), or in at least half (``FlagMedianOr``).

    Attributes
    ----------
    image : Image
    rows, cols : tuple of float
        Edges of the first coarse pixel along rows and columns of the image, 0 at the edge of its first pixel.
    how : str
    """

    image: Image
    rows: tuple[float, float]
    cols: tuple[float, float]
    how: str

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return coarse pixels of a window."""
        per_row = math.ceil(self.cols[1] - self.cols[0]) * block.width * math.ceil(self.rows[1] - self.rows[0])
        parts = [self._strip(part) for part in strips(block, per_row)]
        pixels, valid = (np.concatenate(each) for each in zip(*parts, strict=True))
        return pixels, valid

    def _strip(self, block: Block) -> tuple[PixelArray, Mask]:
        from sensetrack.graph import _aggregate

        top, bottom = _spans(self.rows, block.row, block.height)
        left, right = _spans(self.cols, block.col, block.width)
        row, col = math.floor(top[0] + 1e-6), math.floor(left[0] + 1e-6)
        area = Block(row, col, math.ceil(bottom[-1]) - row + 1, math.ceil(right[-1]) - col + 1)
        out, good = np.zeros(block.shape, np.float32), np.zeros(block.shape, np.bool_)
        inside = area.clip(self.image.grid.shape)
        if inside is None:
            return out, good
        pixels, valid = (np.ascontiguousarray(each) for each in self.image.read(inside))
        how = _HOW.index(self.how)
        _aggregate.aggregate_into(out, good, pixels, valid, top, bottom, left, right, (inside.row, inside.col), how)
        return out, good


_HOW = ("First", "Min", "Max", "Mean", "Median", "FlagAnd", "FlagOr", "FlagMedianAnd", "FlagMedianOr")
"""In the order of the numbers of `sensetrack.graph._aggregate`."""


def _spans(first: tuple[float, float], start: int, count: int) -> tuple[DoubleArray, DoubleArray]:
    """Return both edges of some coarse pixels."""
    size = first[1] - first[0]
    low = first[0] + np.arange(start, start + count, dtype=np.float64) * size
    return np.asarray(low, np.float64), np.asarray(low + size, np.float64)


def _edges(target: Grid, grid: Grid) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the edges of the first pixel of a grid in rows and columns of another one."""
    t = ~grid.transform @ target.transform
    return (t.f, t.f + t.e), (t.c, t.c + t.a)


def _is_upright(grid: Grid) -> bool:
    return grid.transform.b == 0 and grid.transform.d == 0


def _reaches_beyond(rows: tuple[float, float], cols: tuple[float, float], target: Grid, grid: Grid) -> bool:
    """Whether pixels of a grid lie beside another one."""
    pairs = ((rows, target.height, grid.height), (cols, target.width, grid.width))
    return any(
        first[0] < -1e-3 or first[0] + count * (first[1] - first[0]) > length + 1e-3 for first, count, length in pairs
    )
