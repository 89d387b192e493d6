"""Filters the speckle of radar images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sensetrack.errors import GraphError
from sensetrack.graph.operators._base import Context, Names, Operator, Sources
from sensetrack.graph.operators._radar import as_intensity, linear_only, selected
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.graph.source import Derived, cached, derived
from sensetrack.params import param
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block, tiles_under
from sensetrack.types import FloatArray, Mask, PixelArray

FILTERS = ("Boxcar", "Median", "Frost", "Gamma Map", "Lee")
"""Those that share filterSizeX and filterSizeY."""


@dataclass(frozen=True, eq=False)
class Windowed(Derived):
    """An image filtered by a window of a given size.

    Attributes
    ----------
    image : Image
        Amplitude or intensity.
    name : str
        One of `FILTERS`, or ``"Refined Lee"``.
    size : tuple of int
        Rows and columns of the window, both odd.
    looks : float
        Number of looks, for Lee and Gamma Map; 0: that of each tile of `TILE` pixels.
    damping : float
        Of Frost.
    is_amplitude : bool
        Where the number of looks is taken from tiles: whether pixels are amplitudes.
    """

    image: Image
    name: str
    size: tuple[int, int]
    looks: float = 1.0
    damping: float = 2.0
    is_amplitude: bool = False

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return the filtered pixels of a window."""
        if self.looks > 0:
            return self._filtered(block, self.looks)
        return by_tiles(block, self.image.grid.shape, lambda tile: self._filtered(tile, self._looks(tile)))

    def _looks(self, tile: Block) -> float:
        from sensetrack.radar.speckle import number_of_looks

        pixels, valid = self.image.read(tile)
        return number_of_looks(_real(np.square(pixels) if self.is_amplitude else pixels), valid)

    def _filtered(self, block: Block, looks: float) -> tuple[FloatArray, Mask]:
        from sensetrack.radar import speckle
        from sensetrack.radar.refined_lee import refined_lee

        rows, cols = (side // 2 for side in self.size)
        area = Block(block.row - rows, block.col - cols, block.height + 2 * rows, block.width + 2 * cols)
        found, valid = self.image.read(area)
        pixels = _real(found)
        inner = valid[rows : rows + block.height, cols : cols + block.width]
        if self.name == "Refined Lee":
            return refined_lee(pixels, valid), inner
        if self.name == "Boxcar":
            return speckle.boxcar(pixels, valid, self.size), inner
        if self.name == "Median":
            return speckle.median(pixels, valid, self.size), inner
        if self.name == "Frost":
            return speckle.frost(pixels, valid, self.size, self.damping), inner
        if self.name == "Gamma Map":
            return speckle.gamma_map(pixels, valid, self.size, looks), inner
        return speckle.lee(pixels, valid, self.size, looks), inner


@dataclass(frozen=True, eq=False)
class Sigma(Derived):
    """An image filtered by Lee Sigma, tile by tile; see `sensetrack.radar.lee_sigma.LeeSigma`.

    Attributes
    ----------
    image : Image
    unit : {"intensity", "amplitude"}
    looks : int
    sigma : float
    window, target : int
    """

    image: Image
    unit: Literal["intensity", "amplitude"]
    looks: int
    sigma: float
    window: int
    target: int

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return the filtered pixels of a window."""
        return by_tiles(block, self.image.grid.shape, self._tile)

    def _tile(self, tile: Block) -> tuple[FloatArray, Mask]:
        from sensetrack.radar.lee_sigma import LeeSigma

        change = LeeSigma(self.unit, self.looks, self.sigma, self.window, self.target)
        area = tile.expand(change.margin)
        pixels, valid = self.image.read(area)
        rows, cols = self.image.grid.shape
        image = (-area.row, rows - area.row, -area.col, cols - area.col)
        return change(_real(pixels), valid, image), valid[tile.within(area)]


class SpeckleFilter(Operator):
    """Filters the speckle of radar images: Boxcar, Median, Frost, Gamma Map, Lee, Refined Lee, Lee Sigma.

    Windows shrink at the border of the image and at nodata, which is left out of everything and stays. Complex bands
    are filtered as intensity. What depends on more than a window, Lee Sigma's point targets and `estimateENL`, is
    worked out in tiles of 512 x 512 pixels from the first pixel of the image on, so that it does not depend on how the
    image is read; SNAP's tiles may be others.
    """

    alias = "Speckle-Filter"
    suffix = "_Spk"

    sourceBands: Names = param((), "Bands to filter; none: all. Others are left out.")
    filter: Literal[
        "None", "Boxcar", "Mean", "Median", "Frost", "Gamma Map", "Lee", "Refined Lee", "Lee Sigma", "IDAN", "MuLoG"
    ] = param("Lee Sigma", "The filter; 'Mean' is another name of 'Boxcar'. IDAN and MuLoG run in SNAP only.")
    filterSizeX: int = param(
        3,
        "Width of the window of all but Refined Lee and Lee Sigma; an even one counts as the odd one above.",
        unit="px",
        gt=1,
        le=100,
    )
    filterSizeY: int = param(3, "Height of that window.", unit="px", gt=1, le=100)
    dampingFactor: int = param(2, "How fast Frost's weights fall off.", ge=0, le=100)
    estimateENL: bool = param(False, "Take the number of looks from the pixels of each tile, not from enl.")
    enl: float = param(1.0, "Number of looks for Lee and Gamma Map.", gt=0)
    numLooksStr: Literal["1", "2", "3", "4"] = param("1", "Number of looks for Lee Sigma.")
    windowSize: Literal["5x5", "7x7", "9x9", "11x11", "13x13", "15x15", "17x17"] = param(
        "7x7", "Window of Lee Sigma.", unit="px"
    )
    targetWindowSizeStr: Literal["3x3", "5x5"] = param(
        "3x3", "Window in which Lee Sigma looks for point targets.", unit="px"
    )
    sigmaStr: Literal["0.5", "0.6", "0.7", "0.8", "0.9"] = param("0.9", "Share of the speckle that Lee Sigma averages.")
    anSize: int = param(50, "Size of IDAN's adaptive neighbourhood.", unit="px", gt=1, le=200)

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the filtered bands.

        Raises
        ------
        GraphError
            The filter is one of SNAP alone, or a band is in decibel, no radar image, or of bursts that are not put
            together.
        """
        scene = sources.one
        if self.filter in ("IDAN", "MuLoG"):
            raise GraphError(
                f"filter = '{self.filter}': runs in SNAP only; use --engine gpt, or one of {', '.join(FILTERS)}, "
                "Refined Lee and Lee Sigma"
            )
        bands = selected(scene, self.sourceBands)
        linear_only(bands, self.alias)
        for band in bands:
            if band.lines is not None:
                raise GraphError(
                    f"{self.alias}: the bursts of {scene.name} are not put together; the node belongs after "
                    "TOPSAR-Deburst"
                )
        return scene.after(self.alias, map(self._filtered, bands), suffix=self.suffix)

    def _filtered(self, band: SceneBand) -> SceneBand:
        band = as_intensity(band)
        if self.filter == "None":
            return band
        image = derived(band.image, self._source(band))
        # What is made tile by tile is kept, so that blocks that share a tile share the work.
        by_tile = self.filter == "Lee Sigma" or self._looks == 0.0
        return band.replace(image=cached(image) if by_tile else image, dtype="float32")

    @property
    def _looks(self) -> float:
        return 0.0 if self.estimateENL and self.filter in ("Lee", "Gamma Map") else self.enl

    def _source(self, band: SceneBand) -> Derived:
        is_amplitude = band.unit == "amplitude"
        if self.filter == "Lee Sigma":
            window, target = (int(text.partition("x")[0]) for text in (self.windowSize, self.targetWindowSizeStr))
            unit: Literal["intensity", "amplitude"] = "amplitude" if is_amplitude else "intensity"
            return Sigma(band.image, unit, int(self.numLooksStr), float(self.sigmaStr), window, target)
        name = "Boxcar" if self.filter == "Mean" else self.filter
        size = self.filterSizeY // 2 * 2 + 1, self.filterSizeX // 2 * 2 + 1
        if name == "Refined Lee":
            size = (7, 7)
        return Windowed(band.image, name, size, self._looks, self.dampingFactor, is_amplitude)


def by_tiles(
    block: Block, shape: tuple[int, int], compute: Callable[[Block], tuple[FloatArray, Mask]]
) -> tuple[FloatArray, Mask]:
    """Return a window put together from whole tiles of `TILE` pixels.

    Parameters
    ----------
    block : Block
    shape : tuple of int
        Of the image.
    compute : callable
        Returns pixels and where they are valid of a tile.
    """

    pixels, valid = np.zeros(block.shape, np.float32), np.zeros(block.shape, np.bool_)
    for tile in tiles_under(block, shape):
        found, known = compute(tile)
        part = block.intersection(tile)
        to, source = part.within(block), part.within(tile)
        pixels[to], valid[to] = found[source], known[source]
    return pixels, valid


def _real(pixels: PixelArray) -> FloatArray:
    return np.ascontiguousarray(pixels.real, np.float32)
