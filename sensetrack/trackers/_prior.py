"""What is known of a displacement before it is measured, as bare arrays."""

from __future__ import annotations

from dataclasses import dataclass

from sensetrack.errors import InputError
from sensetrack.types import FloatArray


@dataclass(frozen=True, eq=False)
class Prior:
    """A displacement that is expected at every output pixel, and how sure it is.

    Attributes
    ----------
    dx, dy : ndarray of float32
        Displacement in input pixels, positive right and down, at the output pixels and at ``border`` more on every
        side; NaN where nothing is known.
    sigma : ndarray of float32
        One standard deviation of either component in input pixels; 0 where it is not stated.
    border : int
        Output pixels around the area that is measured.

    Raises
    ------
    InputError
        The arrays differ in shape.
    """

    dx: FloatArray
    dy: FloatArray
    sigma: FloatArray
    border: int

    def __post_init__(self) -> None:
        if not (self.dx.ndim == 2 and self.dx.shape == self.dy.shape == self.sigma.shape):
            raise InputError(
                f"the arrays of a prior must share one (row, col) shape, got {self.dx.shape}, {self.dy.shape} and "
                f"{self.sigma.shape}"
            )
