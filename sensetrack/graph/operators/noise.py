"""Takes the thermal noise, and the noise at the borders, out of Sentinel-1 products."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sensetrack.errors import GraphError, InputError, ParameterError
from sensetrack.graph.operators._base import Context, Names, Operator, Sources
from sensetrack.graph.operators._radar import (
    STATE,
    changed,
    in_file_geometry,
    ipf_version,
    linear_only,
    power_of,
    sentinel1_of,
    stem_of,
)
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.graph.source import Derived, derived
from sensetrack.params import param
from sensetrack.radar.noise import SMALLEST, without_noise
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.sensors.sentinel1 import Sentinel1Product
from sensetrack.sensors.sentinel1._luts import Noise, Vectors
from sensetrack.types import DoubleArray, Mask, PixelArray

_CLEAN_BORDERS = 2.9
"""From this version of the processor on, borders hold no noise."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class NoisePower:
    """The thermal noise of an image, in the unit of its pixels.

    Attributes
    ----------
    noise : Noise
    vectors : Vectors or None
        What pixels were calibrated with.
    """

    noise: Noise
    vectors: Vectors | None = None

    def at(self, rows: DoubleArray, cols: DoubleArray) -> DoubleArray:
        """Return the noise power at lines and samples of the file, ``(row, col)``."""
        power = self.noise.at(rows, cols)
        return power if self.vectors is None else power / np.square(self.vectors.at(rows, cols))

    def __call__(
        self, pixels: PixelArray, valid: Mask, rows: DoubleArray, cols: DoubleArray
    ) -> tuple[PixelArray, Mask]:
        """Return the noise itself where pixels are valid, float32."""
        return self.at(rows, cols).astype(np.float32), valid


@dataclass(frozen=True, eq=False)
class Denoised:
    """Power without, or again with, its noise; see `without_noise`.

    Attributes
    ----------
    noise : NoisePower
    is_power : bool
        Whether pixels are power.
    adds : bool
        Add the noise.
    clips : bool
    """

    noise: NoisePower
    is_power: bool
    adds: bool
    clips: bool

    def __call__(
        self, pixels: PixelArray, valid: Mask, rows: DoubleArray, cols: DoubleArray
    ) -> tuple[PixelArray, Mask]:
        """Return the power, float32."""
        power, noise = power_of(pixels, is_power=self.is_power), self.noise.at(rows, cols)
        found = power + noise if self.adds else without_noise(power, noise, clips=self.clips)
        return found.astype(np.float32), valid


class ThermalNoiseRemoval(Operator):
    """Subtracts the thermal noise that a Sentinel-1 product states from its power, or adds it again.

    What comes out is intensity. From IPF 2.90 on the noise is what the range vectors say, times the factors along
    azimuth of the block; each burst of TOPS images has a range vector of its own, and in other images they are
    interpolated between lines. Before, it is interpolated between the vectors alone. After Calibration the noise is
    divided by the square of the table that was used.
    """

    alias = "ThermalNoiseRemoval"
    suffix = "_NR"
    since: ClassVar[Mapping[str, int]] = {"clipNegativeValues": 10}

    selectedPolarisations: Names = param((), "Polarisations to process; none: all. Others are left out.")
    removeThermalNoise: bool = param(True, "Subtract the noise.")
    outputNoise: bool = param(False, "Give the noise itself as bands as well.")
    reIntroduceThermalNoise: bool = param(False, "Add the noise to a product that it was taken from.")
    clipNegativeValues: bool = param(True, f"Raise power that comes out below 0 to {SMALLEST:g}.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the intensities of all bands without their noise.

        Raises
        ------
        GraphError
            It is no product of Sentinel-1, its bursts are put together already or it is on a map, its noise was taken
            out already, or there is no noise file.
        """
        scene = sources.one
        product = sentinel1_of(scene, self.alias)
        bands = scene.of_polarisations(self.selectedPolarisations)
        in_file_geometry(scene, bands, self.alias)
        linear_only(bands, self.alias)
        if self.removeThermalNoise and self.reIntroduceThermalNoise:
            raise GraphError(
                f"{self.alias}: removeThermalNoise = true and reIntroduceThermalNoise = true contradict each other; "
                "set one of them to false"
            )
        found: list[SceneBand] = []
        for band in bands:
            self._check_state(scene, product, band)
            noise = noise_of(product, band)
            stem = stem_of(band)
            if self.removeThermalNoise or self.reIntroduceThermalNoise:
                change = Denoised(
                    noise, band.unit == "intensity", self.reIntroduceThermalNoise, self.clipNegativeValues
                )
                name = band.name if band.unit == "intensity" else f"Intensity_{stem}"
                found.append(changed(band, change, name, "intensity"))
            else:
                found.append(band)
            if self.outputNoise:
                found.append(changed(band, noise, f"Noise_{stem}", "intensity"))
        return scene.after(self.alias, found, suffix=self.suffix)

    def _check_state(self, scene: Scene, product: Sentinel1Product, band: SceneBand) -> None:
        """See to it that noise is taken out once, and added only where it was."""
        times = scene.done.count(self.alias)
        is_denoised = product.annotation(band.channel).is_denoised or times > 0
        if self.removeThermalNoise and is_denoised:
            reason = "by a node before this one" if times else "when the product was made"
            raise GraphError(
                f"{self.alias}: the noise of {scene.name} was taken out already, {reason}; take the node out"
            )
        if self.reIntroduceThermalNoise and not is_denoised:
            raise GraphError(
                f"{self.alias}: reIntroduceThermalNoise = true: the noise of {scene.name} was never taken out"
            )


def noise_of(product: Sentinel1Product, band: SceneBand) -> NoisePower:
    """Return the noise of a band in the unit of its power.

    Raises
    ------
    GraphError
        Its noise file is not there.
    """
    try:
        noise = product.noise(band.channel)
    except ParameterError:
        raise GraphError(
            f"{product.path}: the noise file of band {band.channel} is not there; take the node that needs it out"
        ) from None
    quantity = band.image.metadata.get(STATE, "raw")
    vectors = None if quantity == "raw" else product.calibration(band.channel, quantity)
    return NoisePower(noise, vectors)


@dataclass(frozen=True, eq=False)
class WithoutBorder(Derived):
    """Leaves out what, near the border of an image, is noise in its co-polarised image.

    Attributes
    ----------
    image, guide : Image
        The co-polarised image is the guide.
    noise : NoisePower
        Of the guide.
    threshold : float
        Amplitude.
    limit : int
        How far the border reaches.
    origin : tuple of int
        Line and sample of the file at the first pixel.
    shape : tuple of int
        Of the file.
    """

    image: Image
    guide: Image
    noise: NoisePower | None
    threshold: float
    limit: int
    origin: tuple[int, int]
    shape: tuple[int, int]

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return pixels of a window, 0 where they are left out."""
        pixels, valid = self.image.read(block)
        rows, cols = (
            np.arange(size) + first + origin
            for size, first, origin in zip(block.shape, (block.row, block.col), self.origin, strict=True)
        )
        row_is, col_is = (
            (place < self.limit) | (place >= size - self.limit)
            for place, size in zip((rows, cols), self.shape, strict=True)
        )
        border = row_is[:, None] | col_is[None, :]
        if border.any():
            power = power_of(self.guide.read(block)[0])
            if self.noise is not None:
                power = power - self.noise.at(rows.astype(np.float64), cols.astype(np.float64))
            valid = valid & ~(border & (power < self.threshold**2))
        return np.where(valid, pixels, pixels.dtype.type(0)), valid


class RemoveGrdBorderNoise(Operator):
    """Leaves out the noise at the borders of Sentinel-1 GRD products that were made before IPF 2.90.

    Samples within `borderLimit` of the first and last lines and columns of the product become nodata in all
    polarisations where the amplitude of the co-polarised image, less its thermal noise, is below `trimThreshold`.
    Borders of later products are clean: they come out as they are.
    """

    alias = "Remove-GRD-Border-Noise"
    suffix = "_bnr"

    selectedPolarisations: Names = param((), "Polarisations to process; none: all. Others are left out.")
    borderLimit: int = param(500, "How far the border reaches into the image.", unit="px", ge=1, le=10000)
    trimThreshold: float = param(0.5, "Amplitude, less the noise, below which a border pixel holds noise alone.", ge=0)

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return the bands without the noise at their borders.

        Raises
        ------
        GraphError
            It is no GRD product of Sentinel-1, other nodes changed its numbers, or it has no co-polarised image.
        """
        scene = sources.one
        product = sentinel1_of(scene, self.alias)
        if product.product_type != "GRD":
            raise GraphError(f"{self.alias} is for GRD products; {scene.name} is {product.product_type}")
        bands = scene.of_polarisations(self.selectedPolarisations)
        version = ipf_version(product)
        if version is not None and version >= _CLEAN_BORDERS:
            log.info("%s: %s was made by IPF %.2f, its borders are clean", self.alias, scene.name, version)
            return scene.after(self.alias, bands, suffix=self.suffix)
        in_file_geometry(scene, bands, self.alias)
        guide = next((band for band in scene.bands if band.polarisation in ("VV", "HH")), None)
        if guide is None:
            raise GraphError(f"{self.alias}: {scene.name} has no band in VV or HH that tells where the border is")
        for band in (*bands, guide):
            if band.unit != "amplitude" or band.radar is None or band.radar.looks != (1, 1):
                raise GraphError(
                    f"{self.alias}: band {band.name} of {scene.name} is changed already; the node belongs before "
                    "Calibration, ThermalNoiseRemoval and Multilook"
                )
        try:
            noise = noise_of(product, guide)
        except (GraphError, InputError):
            noise = None
            log.warning("%s: %s has no noise file; its noise is taken for 0", self.alias, scene.name)
        cleaned = (self._cleaned(product, band, guide, noise) for band in bands)
        return scene.after(self.alias, cleaned, suffix=self.suffix)

    def _cleaned(
        self, product: Sentinel1Product, band: SceneBand, guide: SceneBand, noise: NoisePower | None
    ) -> SceneBand:
        assert band.radar is not None
        row, col = band.radar.origin
        source = WithoutBorder(
            band.image,
            guide.image,
            noise,
            self.trimThreshold,
            self.borderLimit,
            (int(row), int(col)),
            product.annotation(band.channel).shape,
        )
        return band.replace(image=derived(band.image, source, dtype=band.image.dtype))
