"""Sigma nought and gamma nought of the slope that is seen, in place of a flat one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from sensetrack.graph.geocoding import Geocoder
from sensetrack.graph.geometry_bands import Angle, angles
from sensetrack.graph.source import Derived
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import Mask, PixelArray


@dataclass(frozen=True, eq=False)
class Normalised(Derived):
    """Backscatter per area of the slope: ``sigma0 * sin(angle) / sin(angle on the ellipsoid)``.

    Source: Kellndorfer et al. (1998), *Toward consistent regional-to-global-scale vegetation characterization using
    orbital SAR systems*, IEEE Transactions on Geoscience and Remote Sensing 36 (5), 1396. Not where slopes are steep:
    towards layover and shadow it leaves several decibel, which Terrain-Flattening does not.

    Attributes
    ----------
    image : Image
        Sigma nought on the map, linear.
    geocoder : Geocoder
    angle : {"local", "projected", "ellipsoid"}
    quantity : {"Sigma0", "Gamma0"}
        Gamma nought is the same, divided by the cosine of the angle.
    """

    image: Image
    geocoder: Geocoder
    angle: Angle
    quantity: Literal["Sigma0", "Gamma0"]

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return pixels and where they are valid: not in shadow, that is, where the angle is below 90 degrees."""
        pixels, valid = self.image.read(block)
        all_angles = np.radians(angles(self.geocoder, block))
        chosen = all_angles[get_args(Angle).index(self.angle)]
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = np.sin(chosen) / np.sin(all_angles[get_args(Angle).index("ellipsoid")])
            if self.quantity == "Gamma0":
                factor = factor / np.cos(chosen)
            valid = valid & (chosen < np.pi / 2) & np.isfinite(factor)
        return np.where(valid, pixels * np.where(valid, factor, 1), 0).astype(np.float32), valid
