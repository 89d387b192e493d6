"""Turns the numbers of radar products into backscatter."""

from __future__ import annotations

from typing import Literal

from sensetrack.graph.operators._base import Names, Operator
from sensetrack.params import param


class Calibration(Operator):
    """Turns the numbers of Sentinel-1 and COSMO-SkyMed into sigma, beta or gamma nought."""

    alias = "Calibration"
    suffix = "_Cal"

    sourceBands: Names = param((), "Bands to calibrate; none: all.")
    auxFile: Literal["Latest Auxiliary File", "Product Auxiliary File", "External Auxiliary File"] = param(
        "Latest Auxiliary File", "Where ENVISAT's calibration comes from; no effect on other missions."
    )
    externalAuxFile: str = param("", "That file, where it is an external one.")
    outputImageInComplex: bool = param(False, "Keep complex images complex.")
    outputImageScaleInDb: bool = param(False, "Give decibel.")
    createGammaBand: bool = param(False, "Give gamma nought as a virtual band.")
    createBetaBand: bool = param(False, "Give beta nought as a virtual band.")
    selectedPolarisations: Names = param((), "Polarisations to process; none: all.")
    outputSigmaBand: bool = param(True, "Give sigma nought.")
    outputGammaBand: bool = param(False, "Give gamma nought.")
    outputBetaBand: bool = param(False, "Give beta nought.")
    outputDNBand: bool = param(False, "Give the power in the product's own numbers.")
