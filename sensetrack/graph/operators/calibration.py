"""Turns the numbers of radar products into backscatter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sensetrack.errors import GraphError
from sensetrack.graph.operators._base import Context, Names, Operator, Sources
from sensetrack.graph.operators._radar import (
    QUANTITIES,
    STATE,
    changed,
    in_file_geometry,
    linear_only,
    power_of,
    stem_of,
)
from sensetrack.graph.operators.decibel import ToDecibel, as_linear
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.params import param
from sensetrack.sensors.cosmo_skymed import CosmoProduct
from sensetrack.sensors.sentinel1 import Sentinel1Product
from sensetrack.sensors.sentinel1._luts import Vectors
from sensetrack.types import DoubleArray, Mask, PixelArray


@dataclass(frozen=True, eq=False)
class Scaled:
    """Power times a factor and over the square of a table; or complex numbers by the roots of both.

    Attributes
    ----------
    vectors : Vectors or None
    factor : float
    is_power : bool
        Whether pixels are power.
    is_complex : bool
        Whether complex pixels stay so.
    """

    vectors: Vectors | None
    factor: float = 1.0
    is_power: bool = False
    is_complex: bool = False

    def __call__(
        self, pixels: PixelArray, valid: Mask, rows: DoubleArray, cols: DoubleArray
    ) -> tuple[PixelArray, Mask]:
        """Return power as float32, or complex64."""
        table = np.float64(1.0) if self.vectors is None else self.vectors.at(rows, cols)
        if self.is_complex:
            return (pixels * (np.sqrt(self.factor) / table)).astype(np.complex64), valid
        power = power_of(pixels, is_power=self.is_power)
        return (power * (self.factor / np.square(table))).astype(np.float32), valid


class Calibration(Operator):
    """Turns the numbers of Sentinel-1 and COSMO-SkyMed into sigma, beta or gamma nought.

    Of Sentinel-1 the power is divided by the square of a table of the product, interpolated linearly along samples and
    along lines. Of COSMO-SkyMed it is multiplied with a factor of the product, which gives sigma or beta nought.
    Bands in decibel are turned back first.
    """

    alias = "Calibration"
    suffix = "_Cal"

    sourceBands: Names = param((), "Bands to calibrate; none: all. Others are left out.")
    auxFile: Literal["Latest Auxiliary File", "Product Auxiliary File", "External Auxiliary File"] = param(
        "Latest Auxiliary File", "Where ENVISAT's calibration comes from; no effect on other missions."
    )
    externalAuxFile: str = param("", "That file, where it is an external one.")
    outputImageInComplex: bool = param(False, "Keep complex images complex, by the first quantity that is asked for.")
    outputImageScaleInDb: bool = param(False, "Give decibel.")
    createGammaBand: bool = param(False, "Give gamma nought as a virtual band; in SNAP only.")
    createBetaBand: bool = param(False, "Give beta nought as a virtual band; in SNAP only.")
    selectedPolarisations: Names = param((), "Polarisations to process; none: all. Others are left out.")
    outputSigmaBand: bool = param(True, "Give sigma nought; it is given where nothing else is asked for, too.")
    outputGammaBand: bool = param(False, "Give gamma nought; of Sentinel-1.")
    outputBetaBand: bool = param(False, "Give beta nought.")
    outputDNBand: bool = param(False, "Give the power of the numbers before they were scaled to fit; of Sentinel-1.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the calibrated bands.

        Raises
        ------
        GraphError
            The scene is of another sensor, calibrated already, in decibel, debursted or on a map; or a quantity is
            asked for that it cannot be.
        InputError
            A calibration file or an attribute is not there.
        """
        scene = sources.one
        if not isinstance(scene.product, Sentinel1Product | CosmoProduct):
            what = "of no sensor" if scene.product is None else f"of {scene.product.sensor}"
            raise GraphError(f"{self.alias} is for Sentinel-1 and COSMO-SkyMed; {scene.name} is {what}")
        if self.createGammaBand or self.createBetaBand:
            raise GraphError(
                f"{self.alias}: createGammaBand and createBetaBand make virtual bands, in SNAP only; use "
                "outputGammaBand and outputBetaBand"
            )
        if self.outputImageInComplex and self.outputImageScaleInDb:
            raise GraphError(
                f"{self.alias}: outputImageInComplex = true and outputImageScaleInDb = true contradict each other"
            )
        selected = scene.select(self.sourceBands)
        polarised = scene.of_polarisations(self.selectedPolarisations)
        bands = [as_linear(band) for band in selected if band in polarised]
        linear_only(bands, self.alias)
        if isinstance(scene.product, Sentinel1Product):
            in_file_geometry(scene, bands, self.alias)
        found: list[SceneBand] = []
        for band in bands:
            if band.image.metadata.get(STATE, "raw") != "raw":
                raise GraphError(
                    f"{self.alias}: band {band.name} of {scene.name} is calibrated already; take the node out"
                )
            found += self._calibrated(scene.product, band)
        return scene.after(self.alias, found, suffix=self.suffix)

    @property
    def _prefixes(self) -> tuple[str, ...]:
        asked = (self.outputSigmaBand, self.outputBetaBand, self.outputGammaBand, self.outputDNBand)
        return tuple(prefix for prefix, wanted in zip(QUANTITIES, asked, strict=True) if wanted) or ("Sigma0_",)

    def _calibrated(self, product: Sentinel1Product | CosmoProduct, band: SceneBand) -> list[SceneBand]:
        is_complex = self.outputImageInComplex and band.unit == "complex"
        found: list[SceneBand] = []
        for prefix in self._prefixes[:1] if is_complex else self._prefixes:
            quantity = QUANTITIES[prefix]
            vectors, factor = _constants(product, band, quantity)
            change = Scaled(vectors, factor, band.unit == "intensity", is_complex)
            name = band.name if is_complex else f"{prefix}{stem_of(band)}"
            made = changed(band, change, name, "complex" if is_complex else "intensity", quantity=quantity)
            if self.outputImageScaleInDb:
                made = changed(made, ToDecibel(), f"{name}_dB", "intensity_db")
            found.append(made)
        return found


def _constants(
    product: Sentinel1Product | CosmoProduct, band: SceneBand, quantity: str
) -> tuple[Vectors | None, float]:
    """Return what the power is divided by, squared, and multiplied with."""
    if isinstance(product, Sentinel1Product):
        return product.calibration(band.channel, quantity), 1.0
    if quantity not in ("sigma0", "beta0"):
        raise GraphError(
            f"Calibration: {product.name} can become sigma or beta nought; leave out outputGammaBand and outputDNBand"
        )
    return None, product.backscatter_factor(band.channel, is_sigma=quantity == "sigma0")
