"""What trackers on scikit-image's flows share: squares of one size, and passes."""

from __future__ import annotations

import math
from abc import abstractmethod

from sensetrack.params import param
from sensetrack.trackers._dense import DenseTracker
from sensetrack.types import FloatArray

SQUARE = 256
"""Distance between the squares that the library is given, `sensetrack.flow.overlap.SIDE`."""

COARSEST = 16
"""Half of what the side of a square is a multiple of, so that all levels of its pyramid are exact halves."""


class PassesTracker(DenseTracker):
    """A dense tracker that runs a library's flow in squares of one size, twice or more; a subclass implements `_find`.

    The library builds its pyramid until a side has 32 pixels or less, whatever it is given. In squares of one size at
    fixed places the pyramid is the same for a whole image and for any block of it, and so is the flow.
    """

    passes: int = param(
        2,
        "How often the flow is found; from the second time on, the secondary is moved back by what is known first.",
        ge=1,
        le=5,
    )
    smoothing: float = param(
        8.0, "Standard deviation of the Gaussian that smooths the flow between passes.", unit="px", ge=1, le=16
    )
    search: int = param(
        32,
        "Largest displacement expected; squares overlap by that much, and longer vectors are no guess.",
        unit="px",
        ge=1,
        le=256,
    )

    @property
    def influence(self) -> int:
        """Pixels around that matter for the flow of a pixel, the displacement not counted."""
        return math.ceil(4 * self.smoothing)

    @abstractmethod
    def _find(self, reference: FloatArray, secondary: FloatArray, is_last: bool) -> tuple[FloatArray, FloatArray]:
        """Return the library's dx and dy at every pixel, float32; ``is_last`` is false for passes that guess."""

    @property
    def context(self) -> int:
        """Pixels around a square that the library is given as well."""
        return -(-(self.influence + self.search) // COARSEST) * COARSEST

    @property
    def alignment(self) -> int:
        """Squares lie on multiples of their side."""
        return SQUARE

    @property
    def reach(self) -> int:
        """Half a square and its context: squares at the border of a block lie half outside."""
        return SQUARE // 2 + self.context

    @property
    def margin(self) -> int:
        """Squares at the border of a block, and the window of brightness around them."""
        return self.reach + self.brightness // 2 + 16

    def _flow_within(self, pad: int, *images: FloatArray) -> tuple[FloatArray, FloatArray]:
        from sensetrack.flow.overlap import in_squares

        around = 2 * self.error_window + self.search + 16
        return in_squares(self._flow, images, self.context, max(0, pad - around))

    def _flow(
        self, reference: FloatArray, secondary: FloatArray, reference_weight: FloatArray, secondary_weight: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        from sensetrack.flow.passes import in_passes

        images = reference, secondary, reference_weight, secondary_weight
        return in_passes(self._find, *images, passes=self.passes, smoothing=self.smoothing, longest=self.search)
