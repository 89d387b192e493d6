"""What the operators of radar share: pixels changed one by one by their place in the file, names, and refusals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensetrack.errors import GraphError
from sensetrack.graph.scene import Scene, SceneBand, Unit
from sensetrack.graph.source import Derived, derived
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.sensors._source import Calibration as PixelFunction
from sensetrack.sensors.sentinel1 import Sentinel1Product
from sensetrack.types import DoubleArray, Mask, PixelArray

QUANTITIES = {"Sigma0_": "sigma0", "Beta0_": "beta0", "Gamma0_": "gamma0", "DN_": "dn"}
"""What the names of calibrated bands begin with."""

LINEAR = ("complex", "amplitude", "intensity")
"""Units of which the power is known."""

STATE = "quantity"
"""Tag of an image that says what its numbers were calibrated to; ``raw`` where they were not."""


@dataclass(frozen=True, eq=False)
class PerPixel(Derived):
    """Changes the pixels of an image one by one, by where they lie in the product's own file.

    Attributes
    ----------
    image : Image
    function : PixelFunction
    origin : tuple of float
        Line and sample of the file at the first pixel.
    step : tuple of int
        Lines and samples of the file per pixel.
    """

    image: Image
    function: PixelFunction
    origin: tuple[float, float] = (0.0, 0.0)
    step: tuple[int, int] = (1, 1)

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return the changed pixels of a window."""
        pixels, valid = self.image.read(block)
        rows, cols = (
            origin + step * (np.arange(size, dtype=np.float64) + first)
            for origin, step, size, first in zip(
                self.origin, self.step, block.shape, (block.row, block.col), strict=True
            )
        )
        pixels, valid = self.function(pixels, valid, rows, cols)
        return np.where(valid, pixels, pixels.dtype.type(0)), valid


def changed(
    band: SceneBand, function: PixelFunction, name: str, unit: Unit, *, quantity: str | None = None
) -> SceneBand:
    """Return a band whose pixels are changed one by one.

    Parameters
    ----------
    band : SceneBand
    function : PixelFunction
    name, unit : str
        Of the new band.
    quantity : str, optional
        What its numbers are calibrated to now.
    """
    origin, step = (0.0, 0.0), (1, 1)
    if band.lines is not None:
        origin = (float(band.lines[0]), 0.0)
    elif band.radar is not None:
        origin, step = band.radar.origin, band.radar.looks
    tags = {} if quantity is None else {STATE: quantity}
    dtype = "complex64" if unit == "complex" else "float32"
    image = derived(band.image, PerPixel(band.image, function, origin, step), dtype=dtype, metadata=tags)
    return band.replace(name=name, image=image, unit=unit, dtype="float32")


@dataclass(frozen=True)
class Power:
    """``|number|^2``."""

    def __call__(
        self, pixels: PixelArray, valid: Mask, rows: DoubleArray, cols: DoubleArray
    ) -> tuple[PixelArray, Mask]:
        """Return the power, float32."""
        return power_of(pixels).astype(np.float32), valid


def power_of(pixels: PixelArray, *, is_power: bool = False) -> DoubleArray:
    """Return the power of complex numbers or amplitudes; with ``is_power`` what is given, in double precision."""
    if is_power:
        return np.asarray(pixels.real, np.float64)
    power = np.square(pixels.real.astype(np.float64))
    if np.iscomplexobj(pixels):
        power += np.square(pixels.imag.astype(np.float64))
    return power


def as_intensity(band: SceneBand) -> SceneBand:
    """Return the intensity of a complex band; any other band as it is."""
    return changed(band, Power(), f"Intensity_{band.name}", "intensity") if band.unit == "complex" else band


def selected(scene: Scene, names: Sequence[str]) -> list[SceneBand]:
    """Return the bands of some names, all where no name is given, as `Scene.select`.

    Where a name is that of the virtual intensity of a complex band or an amplitude, that intensity is returned.
    """
    real, found = {band.name for band in scene.bands}, []
    for band in scene.select(names):
        asked = [name for name in band.names if name in names and (name == band.name or name not in real)]
        virtual = [name for name in asked if name.startswith("Intensity_") and name != band.name]
        if not names or len(asked) > len(virtual):
            found.append(band)
        found += [changed(band, Power(), name, "intensity") for name in virtual]
    return found


def stem_of(band: SceneBand) -> str:
    """Return the name without what it says of the quantity: ``IW1_VV`` of ``Intensity_IW1_VV``."""
    for prefix in ("Amplitude_", "Intensity_", *QUANTITIES):
        if band.name.startswith(prefix):
            return band.name.removeprefix(prefix)
    return band.name


def sentinel1_of(scene: Scene, operator: str) -> Sentinel1Product:
    """Return the Sentinel-1 product of a scene.

    Raises
    ------
    GraphError
        It is of another sensor, or of none.
    """
    if not isinstance(scene.product, Sentinel1Product):
        what = "several products or a plain raster" if scene.product is None else f"a product of {scene.product.sensor}"
        raise GraphError(f"{operator} is for Sentinel-1 only; {scene.name} is {what}; take the node out")
    return scene.product


def in_file_geometry(scene: Scene, bands: Sequence[SceneBand], operator: str) -> None:
    """See to it that the pixels of bands still lie in the lines and samples of the product's own file.

    Raises
    ------
    GraphError
        Bursts are put together already, or the bands are on a map.
    """
    product = sentinel1_of(scene, operator)
    for band in bands:
        has_bursts = not band.channel or bool(product.annotation(band.channel).bursts)
        if band.lines is None and has_bursts and band.radar is not None:
            raise GraphError(
                f"{operator}: the bursts of {scene.name} are put together already; the node belongs before "
                "TOPSAR-Deburst"
            )
        if band.lines is None and band.radar is None:
            raise GraphError(
                f"{operator}: band {band.name} of {scene.name} is on a map; the node belongs before what projects it"
            )


def linear_only(bands: Sequence[SceneBand], operator: str) -> None:
    """See to it that bands are complex, amplitude or intensity.

    Raises
    ------
    GraphError
        One is in decibel, or something else.
    """
    for band in bands:
        if band.unit not in LINEAR:
            unit = "in decibel" if band.unit.endswith("_db") else f"in the unit '{band.unit}'"
            raise GraphError(
                f"{operator}: band {band.name} is {unit}; it takes complex, amplitude and intensity bands, before "
                "LinearToFromdB"
            )


def ipf_version(product: Sentinel1Product) -> float | None:
    """Return the version of the processor, such as 3.4; None where the product does not say."""
    match = re.fullmatch(r"IPF 0*(\d+\.\d+)", product.baseline or "")
    return float(match[1]) if match else None
