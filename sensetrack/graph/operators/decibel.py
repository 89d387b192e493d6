"""Turns linear bands into decibel, and back."""

from __future__ import annotations

from sensetrack.graph.operators._base import Names, Operator
from sensetrack.params import param


class LinearToFromdB(Operator):
    """Turns linear bands into decibel, and bands in decibel back."""

    alias = "LinearToFromdB"
    suffix = "_dB"

    sourceBands: Names = param((), "Bands to turn; none: all.")
