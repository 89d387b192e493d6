"""Filters the speckle of radar images."""

from __future__ import annotations

from typing import Literal

from sensetrack.graph.operators._base import Names, Operator
from sensetrack.params import param


class SpeckleFilter(Operator):
    """Filters the speckle of radar images: Boxcar, Median, Frost, Gamma Map, Lee, Refined Lee, Lee Sigma."""

    alias = "Speckle-Filter"
    suffix = "_Spk"

    sourceBands: Names = param((), "Bands to filter; none: all.")
    filter: Literal[
        "None", "Boxcar", "Mean", "Median", "Frost", "Gamma Map", "Lee", "Refined Lee", "Lee Sigma", "IDAN", "MuLoG"
    ] = param("Lee Sigma", "The filter; 'Mean' is another name of 'Boxcar'. IDAN and MuLoG run in SNAP only.")
    filterSizeX: int = param(3, "Width of the window of all but Refined Lee and Lee Sigma.", unit="px", gt=1, le=100)
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
