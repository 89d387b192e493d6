"""What turns the power of COSMO-SkyMed pixels into backscatter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sensetrack.errors import InputError
from sensetrack.raster.tiles import Block
from sensetrack.sensors._container import Container
from sensetrack.sensors._hdf5 import Attributes, opened, read_window
from sensetrack.sensors.cosmo_skymed._layers import Layer
from sensetrack.types import Mask, PixelArray

Form = Literal["complex", "amplitude", "power"]


def backscatter_factor(about: Attributes, constants: tuple[float, ...], *, is_sigma: bool = True) -> float:
    """Return what the power ``I**2 + Q**2``, or ``DN**2``, is multiplied with to give sigma nought, linear.

    ``R ** (2 e)`` where the range spreading loss was compensated, ``sin(i)`` where the incidence angle was,
    ``1 / F ** 2``, and ``1 / K`` unless the calibration constant was compensated; R, e, i, F and K are the reference
    slant range, its exponent, the reference incidence angle, the rescaling factor and the calibration constant.

    Parameters
    ----------
    about : Attributes
        Of the image.
    constants : tuple of float
        Calibration constants of the subswaths that the image is made of.
    is_sigma : bool
        Leave the sine out if False, which gives beta nought.

    Raises
    ------
    InputError
        An attribute is not there or makes no sense; or subswaths of one mosaic have different constants.
    """
    rescaling = about.number("Rescaling Factor")
    if not 1e-12 < abs(rescaling) < 1e12:
        raise InputError(f"{about.place}: the attribute 'Rescaling Factor' is {rescaling:g}")
    factor = 1.0 / rescaling**2
    if about.text("Range Spreading Loss Compensation Geometry").upper() != "NONE":
        reference, exponent = about.number("Reference Slant Range"), about.number("Reference Slant Range Exponent")
        if not (1.0 <= reference <= 1e8 and 0.0 <= exponent <= 4.0):
            raise InputError(f"{about.place}: no slant range is {reference:g} m with the exponent {exponent:g}")
        factor *= reference ** (2 * exponent)
    if is_sigma and about.text("Incidence Angle Compensation Geometry").upper() != "NONE":
        factor *= math.sin(math.radians(about.number("Reference Incidence Angle")))
    if about.number("Calibration Constant Compensation Flag") == 0:
        factor /= _constant(about, constants)
    if not 1e-30 < factor < 1e25:
        raise InputError(f"{about.place}: its calibration attributes give the factor {factor:g}")
    return factor


def _constant(about: Attributes, constants: tuple[float, ...]) -> float:
    if not constants:
        raise InputError(f"{about.place} lacks the attribute 'Calibration Constant'")
    if max(constants) - min(constants) > 1e-6 * abs(max(constants)):
        raise InputError(
            f"{about.place}: its subswaths have different calibration constants, {min(constants):g} to "
            f"{max(constants):g}, and the mosaic does not say which pixel is whose; read it as amplitude"
        )
    if constants[0] == 0:
        raise InputError(f"{about.place}: the attribute 'Calibration Constant' is 0")
    return constants[0]


@dataclass(frozen=True)
class CosmoSource:
    """Reads one image in the geometry of the file.

    Attributes
    ----------
    container : Container
    file, dataset : str
    is_complex : bool
        Whether I and Q are on a last axis.
    form : {"complex", "amplitude", "power"}
        ``complex`` also leaves detected numbers as they are.
    factor : float
        Of the power.
    nodata : float
        Where a number, or both I and Q, are this, nothing was measured.
    """

    container: Container
    file: str
    dataset: str
    is_complex: bool
    form: Form
    factor: float
    nodata: float

    def read(self, block: Block, shape: tuple[int, int]) -> tuple[PixelArray, Mask]:
        """Return the pixels of a window and where they are valid, 0 where they are not."""
        with opened(self.container, self.file) as file:
            found = read_window(file[self.dataset], block, shape, last=2 if self.is_complex else None)
        numbers = found.astype(np.float64)
        is_valid = numbers != self.nodata
        valid: Mask = is_valid.any(-1) if self.is_complex else is_valid
        if self.form == "complex":
            pixels = (
                (numbers[..., 0] + 1j * numbers[..., 1]).astype(np.complex64)
                if self.is_complex
                else numbers.astype(np.float32)
            )
        else:
            power = (numbers**2).sum(-1) if self.is_complex else numbers**2
            pixels = (np.sqrt(power) if self.form == "amplitude" else power * self.factor).astype(np.float32)
        return np.where(valid, pixels, pixels.dtype.type(0)), valid


def source_of(
    container: Container, file: str, layer: Layer, quantity: str, nodata: float | None
) -> tuple[CosmoSource, str]:
    """Return how an image is read as a quantity, and the type of its pixels.

    Raises
    ------
    InputError
        As `backscatter_factor`.
    """
    if layer.dataset is None:
        raise InputError(f"{layer.attributes.place}: has no image")
    missing = layer.attributes.optional_number("Invalid Value") or 0.0
    form: Form = "complex"
    factor = 1.0
    if quantity == "amplitude":
        form = "amplitude"
    elif quantity in ("sigma0", "beta0"):
        form = "power"
        factor = backscatter_factor(layer.attributes, layer.constants, is_sigma=quantity == "sigma0")
    value = missing if nodata is None else nodata
    source = CosmoSource(container, file, layer.dataset, layer.is_complex, form, factor, value)
    if form != "complex":
        return source, "float32"
    return source, "complex64" if layer.is_complex else "uint16"
