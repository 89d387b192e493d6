"""What every dense flow needs around it: equal brightness, the way back, errors, quality and flags."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sensetrack.displacement import Field
from sensetrack.params import param
from sensetrack.trackers._base import Tracker
from sensetrack.trackers._source import Source, prepare
from sensetrack.types import FloatArray, Mask, PixelArray

if TYPE_CHECKING:
    from sensetrack.flow.assess import Calibration

FLAT = 1e-6
"""Relative difference of neighbouring pixels below which a window has no texture but rounding errors."""

SIGNIFICANCE = 3.0
"""Standard deviations of chance above which images agree."""

LARGEST_REST = 0.5
"""Pixels that the residual may still ask for before a pixel counts as not converged."""


class Flows(NamedTuple):
    """The flow there and back, each dx and dy at every pixel, float32, and what is known of its errors beforehand.

    Attributes
    ----------
    there : tuple of ndarray
    back : tuple of ndarray or None
    variance : tuple of ndarray or None
        Of dx and dy, px^2, beside what the images say along the flow.
    """

    there: tuple[FloatArray, FloatArray]
    back: tuple[FloatArray, FloatArray] | None
    variance: tuple[FloatArray, FloatArray] | None = None


class DenseTracker(Tracker):
    """A tracker that finds a displacement at every pixel; a subclass implements `_flow` only.

    It evens out brightness, follows the images there and back, and turns what is left into quality, covariance and
    flags. A subclass that finds both ways at once implements `_flows` instead.
    """

    step: int = param(1, "Distance between output pixels; each holds the flow at its centre.", unit="px", ge=1, le=1024)
    brightness: int = param(
        64,
        "Side of the window over which brightness and contrast are evened out.",
        unit="px",
        ge=16,
        le=512,
        multiple_of=8,
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

    @property
    def calibration(self) -> Calibration:
        """How its errors follow from what can be seen; measured."""
        from sensetrack.flow.assess import Calibration

        return Calibration()

    @property
    def ignores_weights(self) -> bool:
        """Whether holes are its base's affair: the flow around them is then found twice.

        The second time, what is invalid in either image is left out of both, on the same ground.
        """
        return False

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
        raise TypeError(f"{type(self).__name__} has neither _flow nor _flows")

    def _flow_within(self, pad: int, *images: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return `_flow`; a tracker may leave out what is far into the ``pad`` pixels of context on every side."""
        return self._flow(*images)

    @property
    def alignment(self) -> int:
        """Input pixels, a power of two of at least 4 (the lattice of errors), to which pyramids want blocks aligned."""
        return 4

    @property
    def spacing(self) -> int:
        """Input pixels per output pixel."""
        return self.step

    @property
    def margin(self) -> int:
        """What the flow depends on, the window of brightness around that, and those in which it is judged."""
        return self.reach + self.brightness // 2 + max(self.error_window, 24) + 12

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
        from sensetrack.flow.assess import assess
        from sensetrack.flow.compare import compare
        from sensetrack.flow.sample import Limits, sample

        shape = (reference.shape[0] - 2 * pad) // self.step, (reference.shape[1] - 2 * pad) // self.step
        first = self._prepare(reference, reference_valid)
        second = self._prepare(secondary, secondary_valid)
        first, second, flows = self._flows(first, second, pad, device)
        sums, miss = compare(first.image, second.image, first.weight, second.weight, flows.there, flows.back)
        miss[: reference.shape[0], : reference.shape[1]][~reference_valid] = np.nan
        found = assess(sums, self._side, self.calibration)
        if flows.variance is not None:
            found = found.with_more(*flows.variance)
        limits = Limits(self.min_valid, FLAT, self.forward_backward, SIGNIFICANCE, LARGEST_REST)
        return sample(flows.there, miss, found, (first.texture, second.texture), limits, self.step, pad, shape)

    def _flows(self, first: Source, second: Source, pad: int, device: str) -> tuple[Source, Source, Flows]:
        """Return the sources, as they are to be compared, and the flow there and back between them."""
        from sensetrack.flow.holes import has_holes

        there = self._flow_within(pad, first.image, second.image, first.weight, second.weight)
        if self.ignores_weights and (pad == 0 or has_holes(first.weight) or has_holes(second.weight)):
            first, second = _share(first, second, there)
            there = self._flow_within(pad, first.image, second.image, first.weight, second.weight)
        back = None
        if self.forward_backward:
            back = self._flow_within(pad, second.image, first.image, second.weight, first.weight)
        return first, second, Flows(there, back)

    @property
    def _side(self) -> int:
        """Side of the window of errors in cells."""
        from sensetrack.flow.lattice import CELL

        return max(1, round(self.error_window / CELL))

    def _prepare(self, pixels: PixelArray, known: Mask) -> Source:
        """Return the source with its brightness and contrast evened out."""
        from sensetrack.flow.brightness import even_out

        source = prepare(pixels, known, self.alignment, self._side)
        return source._replace(
            image=even_out(source.image, source.valid, source.weight, source.moments, self.brightness)
        )


def _share(first: Source, second: Source, flow: tuple[FloatArray, FloatArray]) -> tuple[Source, Source]:
    """Fade two images towards what is invalid in either, where the flow says that it is."""
    from sensetrack.flow.holes import share_weights

    in_second, in_first = share_weights(first.weight, second.weight, flow)
    return first._replace(image=first.image * in_second), second._replace(image=second.image * in_first)
