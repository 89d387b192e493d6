"""Normalised cross-correlation of chips that grow where a smaller one fails.

Each chip of the reference is compared with the secondary at every whole lag of its search range by the correlation
coefficient of their pixels, means and variances taken exactly under the chip, so that gain and offset of either image
do not matter (Ahn & Howat 2011; Gardner et al. 2018; Lei, Gardner & Agram 2021, whose autoRIFT this follows). Where
pixels are invalid, sums run over those that are valid in both chips (Padfield 2012). The best lag is then moved
between the pixels by least-squares matching, which interpolates the image instead of the correlation surface
(Gruen 1985) and so prefers no fraction of a pixel.

A match counts only when it is better than chance (`false_alarm`): Fisher's transform of its correlation is compared
with that of unrelated chips of the same texture, the highest of all lags searched; and when enough of the points
around it agree (`coherence`, the normalised displacement coherence of autoRIFT). Where it does not count, lies on the
edge of the search range or cannot be fitted, the next larger chip is tried, up to `chip_max`; the layer `chip` holds
the size that was used.

Quality is the geometric mean of the correlation coefficient and of how far the peak stands out (1 minus the next
maximum over the highest). `correlation` is the coefficient at the final lag, and `snr` the highest correlation over the
root mean square of those three lags away or more. The covariance is that of the least-squares fit: from the misfit
left in the chip, block by block where it hangs together, or as independent noise would have it, whichever is larger.

Where a displacement or velocity is known roughly, `--prior FILE` centres each search on it; a sparse first pass
(`sparse`) narrows wide searches by what every few points found in the full range.

Complex images are matched as they are: by the real part of the correlation where their phase means something, as the
direction of the filter `orientation` does, and by its magnitude where a constant phase differs, as between
single-look complex images (`phase`).

When not to use it: where light and shadow change much (filter with `orientation` first, or take `pcc`), or for a
displacement at every pixel; chips average over what is in them.
"""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from sensetrack.correlation.masks import BRIDGE_ROUNDS
from sensetrack.correlation.ncc_match import ChipMatcher, ChipSettings
from sensetrack.correlation.ncc_refine import RING
from sensetrack.correlation.ncc_search import LEAST_REACH, Belief, Outcome, Pass, grow, narrow
from sensetrack.correlation.ncc_source import ChipSource, prepare_reference, prepare_secondary
from sensetrack.correlation.spline import TAIL
from sensetrack.displacement import Field
from sensetrack.errors import InputError
from sensetrack.neighbours import agreeing, window_sum
from sensetrack.params import param
from sensetrack.trackers._base import Tracker
from sensetrack.trackers._ncc_field import is_direction, to_field
from sensetrack.trackers._prior import Prior
from sensetrack.types import DoubleArray, FloatArray, Mask, PixelArray

WINDOW = 5
"""Side of the window of points among which a match must find company."""

FARTHEST_PRIOR = 1000
"""Pixels; longer prior displacements count as unknown."""


class Ncc(Tracker):
    """Normalised cross-correlation of chips that grow where a smaller one fails."""

    extra_layers: ClassVar[tuple[str, ...]] = ("correlation", "snr", "chip")
    takes_prior: ClassVar[bool] = True

    chip_min: int = param(16, "Side of the chips that are tried first.", unit="px", ge=8, le=512, multiple_of=2)
    chip_max: int = param(
        64, "Side of the largest chips, reached by doubling chip_min.", unit="px", ge=8, le=512, multiple_of=2
    )
    step: int = param(8, "Distance between chip centres.", unit="px", ge=1, le=1024)
    search: int = param(20, "Largest displacement searched for along rows and columns.", unit="px", ge=3, le=500)
    sparse: int = param(
        1,
        "Every how many points a first pass searches the whole range, to narrow that of the others (a power of two); "
        "1 leaves it out, 4 or 8 save time from search = 32 upward.",
        ge=1,
        le=64,
    )
    subpixel: Literal["least-squares", "spline", "quadratic", "gaussian", "none"] = param(
        "least-squares",
        "Place between the pixels: by least-squares matching, or the top of a spline, paraboloid or Gaussian through "
        "the correlations.",
    )
    prior_search: int = param(6, "Search range around a prior displacement.", unit="px", ge=3, le=500)
    prior_sigma: float = param(
        3.0, "Standard deviations, as the prior states them, by which the search around it widens.", ge=0, le=10
    )
    prior_growth: float = param(
        0.1, "Share of the prior displacement's length by which the search around it widens.", ge=0, le=2
    )
    min_valid: float = param(0.5, "Least share of a chip's pixels that is valid in both images.", gt=0, le=1)
    false_alarm: float = param(
        0.01, "Chance that unrelated chips pass as a match; weaker matches are low_quality.", gt=0, le=1
    )
    min_correlation: float = param(0.0, "Least correlation coefficient of a match.", ge=-1, le=1)
    min_snr: float = param(0.0, "Least ratio of a peak to the correlations around it; 0 asks for none.", ge=0)
    coherence: float = param(
        0.32, "Least share of the matches among 5 x 5 points that must agree, itself included; 0 skips it.", ge=0, le=1
    )
    coherence_tolerance: float | None = param(
        None,
        "Largest difference in dx and in dy that still agrees; default: a fifth of the search range, at least 1.",
        unit="px",
        gt=0,
    )
    forward_backward: float = param(
        0.0, "Flag matches whose way back misses the start by more than this; 0 skips the check.", unit="px", ge=0
    )
    phase: Literal["auto", "compared", "free"] = param(
        "auto",
        "Phase of complex images: compared (directions), free (single-look complex), or auto: compared where no pixel "
        "is longer than 1 and some are about as long.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.chip_max not in self.chips:
            raise ValueError(
                f"chip_max = {self.chip_max} is not reached by doubling chip_min = {self.chip_min}; use one of "
                + ", ".join(str(self.chip_min << k) for k in range(5) if self.chip_min << k <= 512)
            )
        if self.sparse & (self.sparse - 1):
            raise ValueError(f"sparse = {self.sparse} is not a power of two; use 1, 2, 4, 8 or 16")
        if self.alignment > 512:
            raise ValueError(
                f"sparse = {self.sparse} with step = {self.step} puts {self.alignment} pixels between the points of "
                f"the first pass, more than 512; use sparse = {max(1, self.sparse * 512 // self.alignment)} or less"
            )
        if self.sparse > 1 and self.search <= 2 * LEAST_REACH:
            raise ValueError(
                f"sparse = {self.sparse} narrows searches to {LEAST_REACH} px and more, so it saves nothing with "
                f"search = {self.search}; use sparse = 1"
            )
        if self.coherence_tolerance is not None and self.coherence == 0:
            raise ValueError(
                f"coherence_tolerance = {self.coherence_tolerance:g} means nothing with coherence = 0; leave it out"
            )
        return self

    @property
    def chips(self) -> tuple[int, ...]:
        """Sides of the chips, in the order in which they are tried."""
        sizes = [self.chip_min]
        while 2 * sizes[-1] <= self.chip_max:
            sizes.append(2 * sizes[-1])
        return tuple(sizes)

    @property
    def spacing(self) -> int:
        """Input pixels per output pixel."""
        return self.step

    @property
    def halo(self) -> int:
        """Output pixels around an area whose matches influence its result."""
        passes = len(self.chips) + (self.sparse > 1)
        company = (WINDOW // 2) * passes if self.coherence else 0
        if self.sparse == 1:
            return company
        # A point is narrowed by the nodes around its nearest, and those by the ones around them.
        nodes = math.ceil((company + self.sparse / 2) / self.sparse) + 2
        return nodes * self.sparse

    @property
    def prior_border(self) -> int:
        """Output pixels around an area for which a prior is of use."""
        return self.halo

    @property
    def margin(self) -> int:
        """Half the largest chip and the search, twice when matches are tried backwards, and the points around."""
        return self._margin(self.search)

    def _margin(self, search: int) -> int:
        around = self.halo * self.step + (self.chip_max + 1) // 2 + 1
        return around + search * (2 if self.forward_backward else 1) + RING + BRIDGE_ROUNDS + TAIL

    def margin_with(self, prior: Prior) -> int:
        """Input pixels around an area that influence its result, when each search is centred on a prior."""
        known = _known(prior)
        if not known.any():
            return self.margin
        farthest = np.maximum(np.abs(prior.dx), np.abs(prior.dy))[known] + self._prior_reach(prior)[known]
        return self._margin(max(self.search, math.ceil(float(farthest.max())) + 1))

    @property
    def centre_offset(self) -> float:
        """Half a pixel when chips and step differ in parity."""
        return (self.step - self.chip_min) // 2 - (self.step - self.chip_min) / 2

    @property
    def alignment(self) -> int:
        """Distance of the points of the first pass, as far as it is a power of two."""
        return (self.step & -self.step) * self.sparse if self.sparse > 1 else 1

    @property
    def smallest_image(self) -> int:
        """A first chip, or a step."""
        return max(self.chip_min, self.step)

    def _prior_reach(self, prior: Prior) -> FloatArray:
        """Search range around every value of a prior, before it is rounded up."""
        length = np.hypot(prior.dx, prior.dy)
        return np.asarray(self.prior_search + self.prior_sigma * prior.sigma + self.prior_growth * length, np.float32)

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        return self._measure(reference, secondary, reference_valid, secondary_valid, pad, None)

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
        return self._measure(reference, secondary, reference_valid, secondary_valid, pad, prior)

    def _measure(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        prior: Prior | None,
    ) -> Field:
        if np.iscomplexobj(reference) != np.iscomplexobj(secondary):
            reference, secondary = reference.astype(np.complex64), secondary.astype(np.complex64)
        is_free = np.iscomplexobj(reference) and (
            self.phase == "free" or (self.phase == "auto" and not (is_direction(reference) and is_direction(secondary)))
        )
        sources = prepare_reference(reference, reference_valid), prepare_secondary(secondary, secondary_valid)
        shape = ((reference.shape[0] - 2 * pad) // self.step, (reference.shape[1] - 2 * pad) // self.step)
        outcome = self._search(ChipMatcher(*sources), shape, pad, prior, is_free)
        inner = (slice(self.halo, self.halo + shape[0]), slice(self.halo, self.halo + shape[1]))
        missed = self._missed(sources, outcome, pad, is_free, inner) if self.forward_backward else None
        return to_field(outcome, inner, missed, self.extra_layers)

    def _search(
        self, matcher: ChipMatcher, shape: tuple[int, int], pad: int, prior: Prior | None, is_free: bool
    ) -> Outcome:
        """Match the points of the output and those of the halo around it."""
        lattice = shape[0] + 2 * self.halo, shape[1] + 2 * self.halo
        ranges = np.zeros((3, *lattice), np.int64)
        ranges[2] = self.search
        if prior is not None:
            self._centre(ranges, prior)
        first = pad - self.halo * self.step

        def origin(size: int) -> tuple[int, int]:
            return (first + (self.step - size) // 2,) * 2

        settings = ChipSettings(self.chip_min, self.subpixel, self.min_valid, is_free)
        belief = Belief(self.false_alarm / len(self.chips), self.min_correlation, self.min_snr)
        tolerance = self.coherence_tolerance or max(1.0, self.search / 5)
        everywhere = np.ones(lattice, np.bool_)
        passes = [Pass(size, ranges, everywhere) for size in self.chips]
        if self.sparse > 1:
            coarse = ChipSettings(self.chips[:2][-1], "none", self.min_valid, is_free, has_errors=False)
            narrower, narrowed = narrow(
                matcher, origin(coarse.size), self.step, self.sparse, ranges, belief, coarse, max(2.0, tolerance)
            )
            passes = [Pass(self.chip_min, narrower, everywhere), Pass(self.chip_min, ranges, narrowed), *passes[1:]]

        def agrees(dx: DoubleArray, dy: DoubleArray, tried: Mask) -> Mask:
            if self.coherence == 0:
                return np.ones(dx.shape, np.bool_)
            count = agreeing(dx.astype(np.float32), dy.astype(np.float32), WINDOW, tolerance)
            enough: Mask = count >= self.coherence * window_sum(tried.astype(np.int64), WINDOW) - 1e-9
            return enough & (count > 0)

        return grow(matcher, origin, self.step, passes, belief, settings, agrees)

    def _centre(self, ranges: NDArray[np.int64], prior: Prior) -> None:
        """Centre the search of every point on its prior displacement, where there is one. In place."""
        known = _known(prior)
        with np.errstate(invalid="ignore"):
            values = np.stack([prior.dy, prior.dx, np.ceil(self._prior_reach(prior))])
        values = np.where(known, np.rint(values), np.nan)
        grow_by = self.halo - prior.border
        if grow_by > 0:
            values = np.pad(values, ((0, 0), (grow_by, grow_by), (grow_by, grow_by)), constant_values=np.nan)
        elif grow_by < 0:
            values = values[:, -grow_by:grow_by, -grow_by:grow_by]
        if values.shape != ranges.shape:
            raise InputError(
                f"a prior of {prior.dx.shape} points with a border of {prior.border} does not fit an output of "
                f"{tuple(n - 2 * self.halo for n in ranges.shape[1:])} points"
            )
        use = np.isfinite(values[0])
        ranges[:, use] = values[:, use].astype(np.int64)

    def _missed(
        self,
        sources: tuple[ChipSource, ChipSource],
        outcome: Outcome,
        pad: int,
        is_free: bool,
        inner: tuple[slice, slice],
    ) -> Mask:
        """Search the content found in the reference, in a range as large; return where it is not back at its start."""
        found, missed = outcome.found, np.zeros(outcome.size.shape, np.bool_)
        matcher = ChipMatcher(*sources[::-1])
        core = np.zeros(missed.shape, np.bool_)
        core[inner] = True
        for size in self.chips:
            rows, cols = np.nonzero(core & (outcome.size == size) & np.isfinite(found.dx))
            dy, dx = (np.rint(values[rows, cols]).astype(np.int64) for values in (found.dy, found.dx))
            first = pad - self.halo * self.step + (self.step - size) // 2
            reach = outcome.reach[rows, cols]
            settings = ChipSettings(size, "quadratic", self.min_valid, is_free, has_errors=False)
            back = matcher.places(
                first + rows * self.step + dy, first + cols * self.step + dx, np.stack([-dy, -dx, reach]), settings
            )
            gap = np.hypot(found.dy[rows, cols] + back.dy, found.dx[rows, cols] + back.dx)
            missed[rows, cols] = ~(gap <= self.forward_backward)
        return missed


def _known(prior: Prior) -> Mask:
    """Where a prior says something that can be searched."""
    with np.errstate(invalid="ignore"):
        known: Mask = np.isfinite(prior.sigma) & (np.maximum(np.abs(prior.dx), np.abs(prior.dy)) <= FARTHEST_PRIOR)
    return known
