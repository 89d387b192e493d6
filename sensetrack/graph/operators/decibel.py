"""Turns linear bands into decibel, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from sensetrack.graph.operators._base import Context, Names, Operator, Sources
from sensetrack.graph.operators._radar import changed, power_of, selected
from sensetrack.graph.scene import Scene, SceneBand, Unit
from sensetrack.params import param
from sensetrack.radar.decibel import from_decibel, to_decibel
from sensetrack.types import DoubleArray, Mask, PixelArray


@dataclass(frozen=True)
class ToDecibel:
    """10 log10 of pixels, of their power where they are complex."""

    def __call__(
        self, pixels: PixelArray, valid: Mask, rows: DoubleArray, cols: DoubleArray
    ) -> tuple[PixelArray, Mask]:
        """Return decibel, float32."""
        return to_decibel(power_of(pixels) if np.iscomplexobj(pixels) else pixels), valid


@dataclass(frozen=True)
class FromDecibel:
    """The linear quantity of pixels in decibel."""

    def __call__(
        self, pixels: PixelArray, valid: Mask, rows: DoubleArray, cols: DoubleArray
    ) -> tuple[PixelArray, Mask]:
        """Return linear numbers, float32."""
        return from_decibel(pixels), valid


class LinearToFromdB(Operator):
    """Turns linear bands into decibel, and bands in decibel back.

    Which way is told by the unit of each band. Complex bands become the decibel of their intensity; any other band is
    taken as it is, so that the factor is 10 for amplitudes too. See `to_decibel` for what is not above 0.
    """

    alias = "LinearToFromdB"
    suffix = "_dB"

    sourceBands: Names = param((), "Bands to turn; none: all.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the chosen bands, turned."""
        scene = sources.one
        return scene.after(self.alias, map(_turned, selected(scene, self.sourceBands)), suffix=self.suffix)


def as_linear(band: SceneBand) -> SceneBand:
    """Return a band in decibel as the linear one; any other as it is."""
    if not band.unit.endswith("_db"):
        return band
    return changed(band, FromDecibel(), band.name.removesuffix("_dB"), cast(Unit, band.unit.removesuffix("_db")))


def _turned(band: SceneBand) -> SceneBand:
    if band.unit.endswith("_db"):
        return as_linear(band)
    name = f"Intensity_{band.name}" if band.unit == "complex" else band.name
    return changed(band, ToDecibel(), f"{name}_dB", "amplitude_db" if band.unit == "amplitude" else "intensity_db")
