"""Takes the thermal noise, and the noise at the borders, out of Sentinel-1 products."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sensetrack.graph.operators._base import Names, Operator
from sensetrack.params import param


class ThermalNoiseRemoval(Operator):
    """Subtracts the thermal noise that a Sentinel-1 product states from its power, or adds it again."""

    alias = "ThermalNoiseRemoval"
    suffix = "_NR"
    since: ClassVar[Mapping[str, int]] = {"clipNegativeValues": 10}

    selectedPolarisations: Names = param((), "Polarisations to process; none: all.")
    removeThermalNoise: bool = param(True, "Subtract the noise.")
    outputNoise: bool = param(False, "Give the noise itself as bands as well.")
    reIntroduceThermalNoise: bool = param(False, "Add the noise to a product that it was taken from.")
    clipNegativeValues: bool = param(True, "Raise power that comes out below 0 to 1e-5.")


class RemoveGrdBorderNoise(Operator):
    """Sets the noise at the borders of older Sentinel-1 GRD products to 0."""

    alias = "Remove-GRD-Border-Noise"
    suffix = "_bnr"

    selectedPolarisations: Names = param((), "Polarisations to process; none: all.")
    borderLimit: int = param(500, "How far the border reaches into the image.", unit="px", ge=1, le=10000)
    trimThreshold: float = param(0.5, "Amplitude, less the noise, below which a border pixel holds noise alone.", ge=0)
