"""Phase cross-correlation of windows on a grid.

Each window of the reference is correlated in the frequency domain with the window of the secondary at the same
place; the correlation peak gives the displacement. A second pass cuts the secondary's window where the first pass
found the content, so that nothing is lost over the edges and displacements beyond half a window work.

The cross-power spectrum is whitened (Kuglin & Hines 1975), which makes the peak narrow and insensitive to
illumination, but damped: frequencies weaker than the mean keep their weight, because pure phase correlation gives
every noisy frequency the same say as the good ones. The peak is then climbed on the continuous surface, which an
upsampled matrix DFT (Guizar-Sicairos, Thurman & Fienup 2008) only samples, so no fraction of a pixel is preferred.

A match counts only when its peak is higher than chance would make it: the height is compared with that of spectra
of random phase, the highest of all lags searched (``false_alarm``). Quality is the sharpness of the peak: the
geometric mean of its height (the share of the spectrum that is in phase there, 1 for identical windows) and of how far
it stands out (1 minus the next peak's height over its own). Good matches of real scenes have 0.4 to 0.9, chance ones
about 8 over the window size. ``nrms`` is the root mean square difference of both windows at the peak, normalised and
free of gain: ``sqrt(1 - r^2)`` with their correlation coefficient r (Guizar-Sicairos et al. 2008, eq. 1). The
covariance is that of the peak's position: from the phases that do not fit, as independent noise would have it, or from
the misfit left in the window, which hangs together where light or surface changed, whichever is larger.

When not to use it: for a displacement at every pixel, or where it changes by more than about a pixel across a
window (shear margins, fault traces): windows average over what is in them.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
import scipy.fft
from pydantic import model_validator
from scipy.special import ndtri

from sensetrack.correlation.masks import REACH, Source, prepare
from sensetrack.correlation.match import Matches, MatchSettings, Positions, match
from sensetrack.displacement import Field, Flag
from sensetrack.params import param
from sensetrack.trackers._base import Tracker
from sensetrack.types import Mask, PixelArray

FLAT = 1e-6
"""Relative standard deviation below which a window has no texture but rounding errors."""

MIN_SIGMA = 1e-3
"""Least error that is reported, in pixels: float32 images cannot say more."""

RESIDUAL_SEARCH = 4
"""Least search range of a re-centred pass, in pixels; what is left there is a fraction of a pixel."""


class Pcc(Tracker):
    """Phase cross-correlation of windows on a grid."""

    extra_layers: ClassVar[tuple[str, ...]] = ("nrms",)

    window: int = param(64, "Side of the correlation windows.", unit="px", ge=8, le=1024)
    step: int = param(16, "Distance between window centres.", unit="px", ge=1, le=1024)
    search: int = param(20, "Largest displacement searched for along rows and columns.", unit="px", ge=1, le=500)
    passes: int = param(
        2, "How often a window is matched; from the second time on the secondary's is re-centred.", ge=1, le=5
    )
    first_window: int | None = param(
        None,
        "Side of the windows in the first pass; default: at least three times the search range.",
        unit="px",
        ge=8,
        le=1024,
    )
    upsampling: int = param(
        100, "The peak is located to one part in this many of a pixel; 1 stops at whole pixels.", ge=1, le=10_000
    )
    normalization: Literal["damped", "phase", "none"] = param(
        "damped", "Whitening of the spectrum: damped, full (phase correlation), or none (cross-correlation)."
    )
    damping: float = param(
        2.0, "Damping of the whitening, in mean magnitudes: larger suits noisy images, smaller changing light.", gt=0
    )
    taper: float = param(0.5, "Share of each window axis that is tapered; 0 is none, 1 is a Hann window.", ge=0, le=1)
    min_valid: float = param(
        0.5, "Least share of both windows that is valid, as the taper and the distance to holes weight it.", gt=0, le=1
    )
    false_alarm: float = param(
        0.01,
        "Chance that two unrelated windows pass as a match; peaks no higher than that are low_quality.",
        gt=0,
        le=1,
    )
    forward_backward: float = param(
        1.0,
        "Flag matches whose way back misses the start by more than this; 0 skips the check, in half the time.",
        unit="px",
        ge=0,
    )

    errors: Literal["full", "noise"] = param(
        "full",
        "Stated errors: full, or those of independent noise only, a fifth faster and too small in changing light.",
    )

    @model_validator(mode="after")
    def _check_plan(self) -> Self:
        widest = self.widest_window
        if self.search > widest // 2 - 1:
            which = "window" if self.passes == 1 or self.first_window is None else "first_window"
            raise ValueError(
                f"search = {self.search} does not fit a first window of {widest}: it reaches {widest // 2 - 1}; "
                f"raise {which} to {2 * self.search + 2} or lower search"
            )
        if self.passes == 1 and self.first_window is not None:
            raise ValueError(f"first_window = {self.first_window} needs passes = 2 or more")
        return self

    @property
    def widest_window(self) -> int:
        """Side of the windows of the first pass; large enough that displaced content still fills most of it."""
        if self.passes == 1:
            return self.window
        return max(self.window, self.first_window or scipy.fft.next_fast_len(3 * self.search))

    @property
    def spacing(self) -> int:
        """Input pixels per output pixel."""
        return self.step

    @property
    def margin(self) -> int:
        """Half the widest window and the search, twice when every match is also tried backwards."""
        reach = self.search + (self.passes - 1) * self._residual_search + 1
        return (self.widest_window + 1) // 2 + reach * (2 if self.forward_backward else 1) + REACH

    @property
    def centre_offset(self) -> float:
        """Half a pixel when window and step differ in parity."""
        return (self.step - self.window) // 2 - (self.step - self.window) / 2

    @property
    def smallest_image(self) -> int:
        """A window, or a step."""
        return max(self.window, self.step)

    @property
    def _residual_search(self) -> int:
        return min(max(RESIDUAL_SEARCH, self.window // 8), self.window // 2 - 1)

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        if np.iscomplexobj(reference) != np.iscomplexobj(secondary):
            reference, secondary = reference.astype(np.complex64), secondary.astype(np.complex64)
        images = prepare(reference, reference_valid), prepare(secondary, secondary_valid)
        shape = ((reference.shape[0] - 2 * pad) // self.step, (reference.shape[1] - 2 * pad) // self.step)
        first = pad + (self.step - self.window) // 2
        rows, cols = np.meshgrid(*(first + self.step * np.arange(n) for n in shape), indexing="ij")
        found, suspect = self._passes(images, rows.ravel(), cols.ravel(), is_final=True)

        quality = np.sqrt(found.height * found.distinctness)
        lags = (2 * self.search + 1) ** 2
        low = found.significance < -ndtri(self.false_alarm / lags)
        if self.forward_backward:
            low |= self._way_back(images, rows.ravel(), cols.ravel(), found) > self.forward_backward
        lost = ~found.converged | ~np.isfinite(found.variance_dx + found.variance_dy)
        flags = np.zeros(rows.size, np.uint8)
        for where, flag in ((low, Flag.LOW_QUALITY), (suspect, Flag.SEARCH_EDGE), (lost, Flag.NOT_CONVERGED)):
            flags[where] |= np.uint8(flag)
        flags[found.spread < FLAT] = Flag.FLAT
        flags[found.share < self.min_valid] = Flag.NODATA
        return _to_field(found, quality, flags, shape)

    def _passes(
        self, images: tuple[Source, Source], rows: Positions, cols: Positions, *, is_final: bool
    ) -> tuple[Matches, Mask]:
        """Match the windows at ``rows, cols`` pass by pass; return total displacements and which hit an edge."""
        widest = self.widest_window
        sizes = [self.window] if self.passes == 1 else [widest] + [self.window] * (self.passes - 1)
        shift_rows, shift_cols = np.zeros_like(rows), np.zeros_like(cols)
        lag = np.zeros(rows.size), np.zeros(rows.size)
        suspect = np.zeros(rows.size, np.bool_)
        found: Matches | None = None
        for number, size in enumerate(sizes):
            settings = MatchSettings(
                window=size,
                search=self.search if number == 0 else self._residual_search,
                taper=self.taper,
                damping={"damped": self.damping, "phase": 0.0, "none": -1.0}[self.normalization],
                tolerance=None if self.upsampling == 1 else 1 / self.upsampling,
                is_aligned=number > 0,
                is_final=is_final and number == len(sizes) - 1,
                has_local_errors=self.errors == "full",
            )
            grow = (size - self.window) // 2
            at = rows - grow, cols - grow
            found = match(*images, at, (at[0] + shift_rows, at[1] + shift_cols), lag, settings)
            found.dy[:] += shift_rows
            found.dx[:] += shift_cols
            suspect |= found.on_edge
            textured = found.spread >= FLAT
            shift_rows = np.where(textured, np.rint(found.dy), 0).astype(np.int64)
            shift_cols = np.where(textured, np.rint(found.dx), 0).astype(np.int64)
            lag = np.where(textured, found.dy - shift_rows, 0.0), np.where(textured, found.dx - shift_cols, 0.0)
        assert found is not None
        return found, suspect

    def _way_back(self, images: tuple[Source, Source], rows: Positions, cols: Positions, found: Matches) -> np.ndarray:
        """Track the content found back to the reference, from scratch; return by how many pixels it misses."""
        dy, dx = np.rint(found.dy).astype(np.int64), np.rint(found.dx).astype(np.int64)
        back, _ = self._passes(images[::-1], rows + dy, cols + dx, is_final=False)
        return np.hypot(found.dy + back.dy, found.dx + back.dx)


def _to_field(found: Matches, quality: np.ndarray, flags: np.ndarray, shape: tuple[int, int]) -> Field:
    def layer(values: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(values.reshape(shape), dtype=np.float32)

    sigma_dy = np.maximum(np.sqrt(found.variance_dy), MIN_SIGMA)
    sigma_dx = np.maximum(np.sqrt(found.variance_dx), MIN_SIGMA)
    with np.errstate(invalid="ignore"):
        rho = np.clip(np.nan_to_num(found.covariance / (sigma_dx * sigma_dy)), -1, 1)
    field = Field(
        dx=layer(found.dx),
        dy=layer(found.dy),
        quality=layer(quality),
        sigma_dx=layer(sigma_dx),
        sigma_dy=layer(sigma_dy),
        rho=layer(rho),
        flags=flags.reshape(shape),
        extra={"nrms": layer(found.nrms)},
    )
    empty = (field.flags & np.uint8(Flag.NODATA | Flag.FLAT)) != 0
    return field.blank(empty)
