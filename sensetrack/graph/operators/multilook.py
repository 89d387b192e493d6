"""Averages radar images over pixels of some looks."""

from __future__ import annotations

from sensetrack.graph.operators._base import Names, Operator
from sensetrack.params import param


class Multilook(Operator):
    """Averages the pixels of radar images over blocks of some looks."""

    alias = "Multilook"
    suffix = "_ML"

    sourceBands: Names = param((), "Bands to average; none: all.")
    nRgLooks: int = param(1, "Looks in range.", ge=1)
    nAzLooks: int = param(1, "Looks in azimuth, unless grSquarePixel is true.", ge=1)
    outputIntensity: bool = param(False, "Give the intensity of complex images; else their complex mean.")
    grSquarePixel: bool = param(True, "Work out nAzLooks so that pixels are about square on the ground.")
