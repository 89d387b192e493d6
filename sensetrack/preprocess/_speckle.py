"""What filters of speckle share: how strong speckle is, and whether an image can have it."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from sensetrack.errors import InputError
from sensetrack.preprocess._survey import sample_values
from sensetrack.raster.image import Image
from sensetrack.types import DoubleArray

Quantity = Literal["intensity", "amplitude"]

LOOKS_HELP = "Equivalent number of looks of the image: about 4.4 for Sentinel-1 IW GRD, 1 for a single look."
QUANTITY_HELP = "What pixels are: intensity (power, such as sigma0), or amplitude (its root, such as GRD counts)."

_NEGATIVE = 0.02
"""Share of negative pixels above which they are neither intensity nor amplitude: noise removal leaves a few."""


def speckle_variation(looks: float, quantity: Quantity) -> float:
    """Return variance over squared mean of fully developed speckle.

    ``1 / L`` for intensity of ``L`` looks, which is gamma distributed; ``L (Gamma(L) / Gamma(L + 1/2))^2 - 1`` for its
    square root (Oliver & Quegan 2004, Understanding SAR Images): 0.273 for one look.
    """
    if quantity == "intensity":
        return 1 / looks
    return looks * math.exp(2 * (math.lgamma(looks) - math.lgamma(looks + 0.5))) - 1


def refuse_negative(image: Image, what: str) -> None:
    """Raise where an image cannot have speckle, such as one in decibel or one without its local mean.

    Raises
    ------
    InputError
        More than a few of its pixels are negative.
    """
    values = sample_values(image)
    share = float(np.mean(values < 0)) if values.size else 0.0
    if share > _NEGATIVE:
        raise InputError(
            f"{image.name}: {100 * share:.0f} % of its pixels are negative, so it is neither intensity nor amplitude; "
            f"put {what} before what makes it so (decibel, high-pass, z-score)"
        )


def window_sum(values: DoubleArray, size: int) -> DoubleArray:
    """Return the sum over ``size`` x ``size`` pixels, odd, in double precision; 0 beyond the array."""
    import cv2

    total = cv2.boxFilter(values, cv2.CV_64F, (size, size), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total, np.float64)
