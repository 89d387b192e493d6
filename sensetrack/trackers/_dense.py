"""What every dense flow needs around it: equal brightness, the way back, errors, quality and flags."""

from __future__ import annotations

from abc import abstractmethod
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sensetrack.displacement import Field, Flag
from sensetrack.errors import InputError
from sensetrack.params import param
from sensetrack.trackers._base import Tracker
from sensetrack.types import FloatArray, Mask, PixelArray

Scalar = TypeVar("Scalar", bound=np.generic)

FLAT = 1e-6
"""Relative difference of neighbouring pixels below which a window has no texture but rounding errors."""

MIN_SIGMA = 1e-3
"""Least error that is reported, in pixels: float32 images cannot say more."""

LARGEST_REST = 0.5
"""Pixels that the residual may still ask for before a pixel counts as not converged."""


class DenseTracker(Tracker):
    """A tracker that finds a displacement at every pixel; a subclass implements `_flow` only.

    It evens out brightness, follows the images there and back, and turns what is left into quality, covariance and
    flags.
    """

    step: int = param(1, "Distance between output pixels; each holds the flow at its centre.", unit="px", ge=1, le=1024)
    brightness: int = param(
        65, "Side of the window over which brightness and contrast are evened out; odd.", unit="px", ge=9, le=511
    )
    min_valid: float = param(0.5, "Least share of the window around a pixel that is valid in both images.", gt=0, le=1)
    forward_backward: float = param(
        1.0,
        "Flag pixels whose way back misses the start by more than this; 0 skips the check, in half the time.",
        unit="px",
        ge=0,
    )

    @property
    @abstractmethod
    def reach(self) -> int:
        """Input pixels over which the flow depends on its surroundings: keeps seams below 0.02 px."""

    @property
    @abstractmethod
    def error_window(self) -> int:
        """Side of the window, odd, over which errors of the flow hang together."""

    @abstractmethod
    def _flow(
        self,
        reference: FloatArray,
        secondary: FloatArray,
        reference_weight: FloatArray,
        secondary_weight: FloatArray,
    ) -> tuple[FloatArray, FloatArray]:
        """Return dx and dy at every pixel of the reference, float32.

        All arrays are float32 of one shape, whose sides are multiples of `alignment`. Images have zero local mean and
        unit local deviation, and fade to 0 towards invalid pixels; weights are 0 on these and rise to 1.
        """

    @property
    def spacing(self) -> int:
        """Input pixels per output pixel."""
        return self.step

    @property
    def margin(self) -> int:
        """What the flow depends on, and the window of brightness around that."""
        return self.reach + self.brightness // 2 + self.error_window // 2 + 8

    @property
    def smallest_image(self) -> int:
        """The window of errors, or a step."""
        return max(self.step, self.error_window)

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        from sensetrack.flow.assess import assess, texture_level

        shape = reference.shape
        images = [_amplitude(image) for image in (reference, secondary)]
        valid = [self._extend(mask) for mask in (reference_valid, secondary_valid)]
        images = [self._extend(image) for image in images]
        texture = [
            texture_level(image, mask, self.error_window) >= FLAT for image, mask in zip(images, valid, strict=True)
        ]
        (first, first_weight), (second, second_weight) = (
            self._prepare(image, mask) for image, mask in zip(images, valid, strict=True)
        )
        there = self._flow(first, second, first_weight, second_weight)
        back = self._flow(second, first, second_weight, first_weight) if self.forward_backward else None
        found = assess(first, second, first_weight, second_weight, there, back, self.error_window)

        flags = np.zeros(first.shape, np.uint8)
        flags[found.rest > LARGEST_REST] |= np.uint8(Flag.NOT_CONVERGED)
        flags[found.correlation < 0.1] |= np.uint8(Flag.LOW_QUALITY)
        if self.forward_backward:
            flags[found.way_back > self.forward_backward] |= np.uint8(Flag.LOW_QUALITY)
        flags[~(texture[0] & texture[1])] = Flag.FLAT
        flags[found.share < self.min_valid] = Flag.NODATA
        flags[~valid[0]] = Flag.NODATA
        sigma_dx = np.maximum(np.sqrt(np.maximum(found.variance_dx, 0)), MIN_SIGMA)
        sigma_dy = np.maximum(np.sqrt(np.maximum(found.variance_dy, 0)), MIN_SIGMA)
        field = Field(
            dx=there[0],
            dy=there[1],
            quality=np.clip(found.correlation, 0, 1) / (1 + found.way_back),
            sigma_dx=sigma_dx,
            sigma_dy=sigma_dy,
            rho=np.clip(found.covariance / (sigma_dx * sigma_dy), -1, 1),
            flags=flags,
        )
        field = field.blank((flags & np.uint8(Flag.NODATA | Flag.FLAT)) != 0)
        rows, cols = ((size - 2 * pad) // self.step for size in shape)
        at = pad + self.step // 2
        inner = slice(at, at + (rows - 1) * self.step + 1, self.step)
        across = slice(at, at + (cols - 1) * self.step + 1, self.step)
        return field.crop(inner, across)

    def _prepare(self, image: FloatArray, valid: Mask) -> tuple[FloatArray, FloatArray]:
        """Return the image evened out and faded, and its weights."""
        from sensetrack.flow.brightness import even_out
        from sensetrack.flow.weights import fade

        weight = fade(valid)
        return even_out(image, valid, self.brightness | 1) * weight, weight

    def _extend(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """Append invalid pixels until both sides are multiples of `alignment`."""
        rows, cols = (size + -size % self.alignment for size in array.shape)
        out = np.zeros((rows, cols), array.dtype)
        out[: array.shape[0], : array.shape[1]] = array
        return out


def _amplitude(image: PixelArray) -> FloatArray:
    """Return the amplitude of complex pixels, others as they are."""
    if not np.iscomplexobj(image):
        return image.astype(np.float32, copy=False)
    amplitude: FloatArray = np.abs(image).astype(np.float32)
    inside = amplitude[amplitude > 0]
    if inside.size and inside.max() - inside.min() < 1e-3 * inside.max() and np.ptp(np.angle(image[amplitude > 0])) > 0:
        raise InputError(
            "all that these complex images hold is in their phase (their amplitude is constant, as in an image of "
            "orientations), which a dense flow does not see; use pcc or ncc"
        )
    return amplitude
