"""What every tracker is: checked parameters, and one function from two arrays to a displacement field."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sensetrack import device as devices
from sensetrack.displacement import Field, Flag
from sensetrack.errors import InputError, ParameterError
from sensetrack.params import Params
from sensetrack.raster.grid import Grid
from sensetrack.trackers._prior import Prior
from sensetrack.types import Mask, PixelArray


class Tracker(Params, ABC):
    """A displacement tracker; its fields are its parameters.

    A subclass states its geometry (`spacing`, `margin`, `centre_offset`) and implements `_track`. It never sees
    a file, a CRS, a cluster or a progress bar.
    """

    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    """Device kinds it has code for."""

    extra_layers: ClassVar[tuple[str, ...]] = ()
    """Layers it adds to the seven of every field."""

    needs_extra: ClassVar[str | None] = None
    """Optional dependency, as ``pyproject.toml`` names it, without which it measures nothing; None needs none."""

    takes_prior: ClassVar[bool] = False
    """Whether it can be told beforehand what displacement to expect."""

    @property
    @abstractmethod
    def spacing(self) -> int:
        """Input pixels per output pixel."""

    @property
    @abstractmethod
    def margin(self) -> int:
        """Input pixels around an area that influence its result: half a window plus the search."""

    @property
    def centre_offset(self) -> float:
        """Shift of each window centre from the centre of its ``spacing`` x ``spacing`` cell, in input pixels."""
        return 0.0

    @property
    def alignment(self) -> int:
        """Input pixels, a power of two up to 512, to whose multiples blocks and their margins are rounded.

        For trackers that work on a coarser lattice, which must lie alike in every block: pyramids, sparse passes.
        """
        return 1

    @property
    def smallest_image(self) -> int:
        """Least number of rows and of columns that make sense."""
        return self.spacing

    @property
    def prior_border(self) -> int:
        """Output pixels around an area for which a prior is of use."""
        return 0

    def margin_with(self, prior: Prior) -> int:
        """Input pixels around an area that influence its result, when a prior says where to look."""
        return self.margin

    def check_prior(self) -> None:
        """Check that the tracker takes a prior.

        Raises
        ------
        ParameterError
            It does not.
        """
        if not self.takes_prior:
            name = type(self).__name__
            raise ParameterError(
                f"{name} takes no prior displacement; leave it out, or use a tracker that searches around one, such "
                "as ncc"
            )

    def output_grid(self, grid: Grid) -> Grid:
        """Return the output grid for an input grid.

        Raises
        ------
        ParameterError
            The image is smaller than the tracker's window.
        """
        if min(grid.shape) < self.smallest_image:
            raise ParameterError(
                f"the image of {grid.height} x {grid.width} pixels is smaller than the {self.smallest_image} pixels "
                f"that these parameters need; use a smaller window"
            )
        return grid.coarsen(self.spacing, self.centre_offset)

    def track(
        self,
        reference: NDArray[np.generic],
        secondary: NDArray[np.generic],
        reference_valid: Mask | None = None,
        secondary_valid: Mask | None = None,
        *,
        pad: int = 0,
        device: str = "auto",
        prior: Prior | None = None,
    ) -> Field:
        """Measure the displacement of a pair of arrays.

        Parameters
        ----------
        reference, secondary : ndarray
            ``(row, col)`` of one shape; any real dtype, or complex where the tracker supports it.
        reference_valid, secondary_valid : ndarray of bool, optional
            Valid pixels; NaN and infinite ones are never valid.
        pad : int
            Pixels on every side that serve as context only; the field covers the rest.
        device : str
            ``auto``, ``cpu`` or ``cuda[:n]``; resolved here, on the worker.
        prior : Prior, optional
            Displacement to search around; for trackers that take one. Then ``pad`` should be at least `margin_with`.

        Returns
        -------
        Field
            Shape ``(rows - 2 * pad) // spacing`` by ``(columns - 2 * pad) // spacing``.

        Raises
        ------
        InputError
            The arrays are not two-dimensional or differ in shape.
        DeviceError
            The device is not there.
        ParameterError
            A prior is given and the tracker takes none.
        """
        if prior is not None:
            self.check_prior()
        if reference.ndim != 2 or reference.shape != secondary.shape:
            raise InputError(
                f"a tracker needs two (row, col) arrays of one shape, got {reference.shape} and {secondary.shape}"
            )
        where = devices.resolve(device, self.devices)
        first, first_valid = _clean(reference, reference_valid)
        second, second_valid = _clean(secondary, secondary_valid)
        rows, cols = ((size - 2 * pad) // self.spacing for size in first.shape)
        if rows < 1 or cols < 1:
            raise InputError(
                f"arrays of {first.shape} with {pad} pixels of context leave less than one step of {self.spacing}"
            )
        if not (first_valid.any() and second_valid.any()):
            return Field.empty((rows, cols), Flag.NODATA, self.extra_layers)
        if prior is not None:
            return self._track_near(first, second, first_valid, second_valid, pad, where, prior)
        return self._track(first, second, first_valid, second_valid, pad, where)

    @abstractmethod
    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        """Measure; inputs are float32 or complex64 with 0 where invalid, ``device`` is ``cpu`` or ``cuda:n``."""

    def _track_near(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
        prior: Prior,
    ) -> Field:
        """Measure around a prior; trackers that take one have their own."""
        return self._track(reference, secondary, reference_valid, secondary_valid, pad, device)


def _clean(image: NDArray[np.generic], valid: Mask | None) -> tuple[PixelArray, Mask]:
    """Return float32 or complex64 pixels, 0 where invalid."""
    pixels: PixelArray = image.astype(np.complex64 if np.iscomplexobj(image) else np.float32)
    mask = np.isfinite(pixels)
    if valid is not None:
        if valid.shape != image.shape:
            raise InputError(f"a valid mask of shape {valid.shape} does not fit an image of {image.shape}")
        mask &= valid
    pixels[~mask] = 0
    return pixels, mask
