"""Averages radar images over pixels of some looks."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sensetrack.errors import GraphError
from sensetrack.graph.operators._base import Context, Names, Operator, Sources
from sensetrack.graph.operators._radar import selected
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.graph.source import Derived, derived
from sensetrack.params import param
from sensetrack.radar.looks import square_looks
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import Mask, PixelArray

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Looks(Derived):
    """Means over blocks of an image; see `sensetrack.radar.multilook.multilook`.

    Attributes
    ----------
    image : Image
    azimuth, in_range : int
    form : {"mean", "amplitude", "decibel", "intensity"}
    """

    image: Image
    azimuth: int
    in_range: int
    form: Literal["mean", "amplitude", "decibel", "intensity"]

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return the means of a window."""
        from sensetrack.radar.multilook import multilook

        area = Block(
            block.row * self.azimuth,
            block.col * self.in_range,
            block.height * self.azimuth,
            block.width * self.in_range,
        )
        pixels, valid = self.image.read(area)
        return multilook(np.ascontiguousarray(pixels), valid, self.azimuth, self.in_range, self.form)


class Multilook(Operator):
    """Averages the pixels of radar images over blocks of some looks.

    Intensities and complex pixels are averaged as they are, amplitudes as intensity, decibel as the linear quantity.
    Nodata is left out of the means. With `grSquarePixel`, which is the default, nAzLooks is worked out and what is
    given does not count, as in SNAP.
    """

    alias = "Multilook"
    suffix = "_ML"

    sourceBands: Names = param((), "Bands to average; none: all. Others are left out.")
    nRgLooks: int = param(1, "Looks in range.", ge=1)
    nAzLooks: int = param(1, "Looks in azimuth, unless grSquarePixel is true.", ge=1)
    outputIntensity: bool = param(False, "Give the intensity of complex images; else their complex mean.")
    grSquarePixel: bool = param(True, "Work out nAzLooks so that pixels are about square on the ground.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the averaged bands.

        Raises
        ------
        GraphError
            Bursts are not put together, a band is on a map, or an image is smaller than one block.
        """
        scene = sources.one
        bands = selected(scene, self.sourceBands)
        for band in bands:
            if band.lines is not None:
                raise GraphError(
                    f"{self.alias}: the bursts of {scene.name} are not put together; the node belongs after "
                    "TOPSAR-Deburst"
                )
            if band.radar is None:
                raise GraphError(
                    f"{self.alias}: band {band.name} of {scene.name} is not in the geometry of a radar; the node "
                    "belongs before what projects it"
                )
        return scene.after(self.alias, map(self._averaged, bands), suffix=self.suffix)

    def _averaged(self, band: SceneBand) -> SceneBand:
        assert band.radar is not None
        azimuth = self.nAzLooks
        if self.grSquarePixel:
            azimuth = square_looks(band.radar, self.nRgLooks)
            if azimuth != self.nAzLooks:
                log.info(
                    "%s: grSquarePixel = true: %d looks in azimuth for square pixels, not nAzLooks = %d",
                    self.alias,
                    azimuth,
                    self.nAzLooks,
                )
        radar = band.radar.multilook(azimuth, self.nRgLooks)
        if min(radar.shape) < 1:
            rows, cols = band.grid.shape
            raise GraphError(f"{self.alias}: {azimuth} x {self.nRgLooks} looks do not fit {rows} x {cols} pixels")
        as_power = band.unit == "complex" and self.outputIntensity
        source = Looks(band.image, azimuth, self.nRgLooks, _form(band, as_power))
        dtype = "complex64" if band.unit == "complex" and not as_power else "float32"
        image = derived(band.image, source, grid=Grid(radar.shape), dtype=dtype)
        found = band.replace(image=image, radar=radar, dtype="float32")
        return found.replace(name=f"Intensity_{band.name}", unit="intensity") if as_power else found


def _form(band: SceneBand, as_power: bool) -> Literal["mean", "amplitude", "decibel", "intensity"]:
    if as_power:
        return "intensity"
    if band.unit.endswith("_db"):
        return "decibel"
    return "amplitude" if band.unit == "amplitude" else "mean"
