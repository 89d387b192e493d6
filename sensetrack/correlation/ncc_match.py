"""Matches chips of two images: those of a lattice tile by tile, others one by one, in threads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensetrack.correlation import ncc_group, ncc_peak
from sensetrack.correlation.ncc_group import FIELDS, How, match_groups
from sensetrack.correlation.ncc_plan import TILE, is_spectral, split_tile
from sensetrack.correlation.ncc_source import ChipSource, in_threads
from sensetrack.correlation.ncc_spectral import match_spectral
from sensetrack.correlation.ncc_surface import product_table
from sensetrack.types import DoubleArray, Mask

METHODS = {
    "none": ncc_peak.NONE,
    "quadratic": ncc_peak.QUADRATIC,
    "gaussian": ncc_peak.GAUSSIAN,
    "spline": ncc_peak.SPLINE,
    "least-squares": ncc_group.LEAST_SQUARES,
}
"""Ways to find the peak between whole lags, by name."""


ALONE = 128
"""Chips that one thread matches at a time where they share nothing."""


_NONE_GIVEN = np.empty((0, 1, 1, 1, 1, 1), np.float32)


@dataclass(frozen=True)
class ChipSettings:
    """How chips are matched.

    Attributes
    ----------
    size : int
        Side of the chips in pixels.
    method : str
        One of `METHODS`.
    least : float
        Least share of a chip's pixels that is valid in both images.
    is_free : bool
        Whether complex images differ by a constant phase, so that the magnitude of their correlation counts.
    has_errors : bool
        Whether the covariance is wanted; without it, and unless ``method`` is least-squares, matching is faster.
    """

    size: int
    method: str
    least: float
    is_free: bool = False
    has_errors: bool = True


@dataclass(frozen=True, eq=False)
class ChipMatches:
    """What matching found for each chip, all float64 and NaN where not matched; ``(row, col)`` on a lattice.

    Attributes
    ----------
    dy, dx : ndarray
        Lag of the chip's content, pixels.
    correlation : ndarray
        Correlation coefficient at that lag, -1..1.
    variance_dy, variance_dx, covariance : ndarray
        Of the lag, px^2; infinite where the fit says nothing.
    snr : ndarray
        Highest correlation of the search range over the root mean square of those 3 lags away or more.
    second : ndarray
        Next local maximum of the search range, at least 0.
    significance : ndarray
        Highest correlation in standard deviations above chance.
    share : ndarray
        Share of the chip's pixels that is valid in both images.
    status : ndarray
        One of the numbers of `sensetrack.correlation.ncc_group`.
    """

    dy: DoubleArray
    dx: DoubleArray
    correlation: DoubleArray
    variance_dy: DoubleArray
    variance_dx: DoubleArray
    covariance: DoubleArray
    snr: DoubleArray
    second: DoubleArray
    significance: DoubleArray
    share: DoubleArray
    status: DoubleArray


class ChipMatcher:
    """Matches chips of two images by normalised cross-correlation.

    Parameters
    ----------
    first, second : ChipSource
        Reference and secondary, both real or both complex.

    Notes
    -----
    Work is shared between as many threads as `sensetrack.device.cores` allows; the result does not depend on their
    number.
    """

    def __init__(self, first: ChipSource, second: ChipSource) -> None:
        self._images = first, second

    def lattice(
        self,
        origin: tuple[int, int],
        step: int,
        ranges: NDArray[np.int64],
        wanted: Mask,
        settings: ChipSettings,
    ) -> ChipMatches:
        """Match the chips of a lattice, which share their work.

        Parameters
        ----------
        origin : tuple of int
            Row and column of the upper left pixel of the lattice's first chip; chips may reach beyond the image.
        step : int
            Distance of the chips in pixels.
        ranges : ndarray of int64
            ``(3, row, col)``: row and column lag around which each chip is searched for, and how far.
        wanted : ndarray of bool
            ``(row, col)``: which chips to match.
        settings : ChipSettings

        Returns
        -------
        ChipMatches
        """
        rows, cols = wanted.shape
        out = _empty((rows, cols))
        how, wider = self._prepare(settings, ranges)
        apart = np.zeros_like(wanted)
        for reach in np.unique(wider[2][wanted]):
            if is_spectral(settings.size, step, int(reach), 2 * len(self._images[0].planes), len(how.plain)):
                chosen = wanted & (wider[2] == reach)
                row, col = np.nonzero(chosen)
                places = np.stack([origin[0] + step * row, origin[1] + step * col])
                out[chosen] = self._spectral(places, wider[:, chosen], settings.size, how)
                apart |= chosen
        wanted = wanted & ~apart
        tiles = [
            (row, min(row + TILE, rows), col, min(col + TILE, cols))
            for row in range(0, rows, TILE)
            for col in range(0, cols, TILE)
            if wanted[row : row + TILE, col : col + TILE].any()
        ]

        again = np.zeros_like(wanted)

        def run(number: int) -> None:
            holes = [image.holes for image in self._images]
            counts = len(how.plain), len(how.masked)
            groups = split_tile(*holes, origin, step, settings.size, tiles[number], wider, wanted, *counts)
            corners = np.stack([origin[0] + step * groups[:, 0], origin[1] + step * groups[:, 2]], axis=1)
            place = corners, step, settings.size, groups, wider, wanted
            match_groups(*self._images, *place, _NONE_GIVEN, how, again, out)

        in_threads(run, range(len(tiles)))
        if again.any():
            row, col = np.nonzero(again)
            places = np.stack([origin[0] + step * row, origin[1] + step * col])
            out[again] = self._spectral(places, wider[:, again], settings.size, how)
        return ChipMatches(*np.moveaxis(out, -1, 0))

    def places(
        self, rows: NDArray[np.int64], cols: NDArray[np.int64], ranges: NDArray[np.int64], settings: ChipSettings
    ) -> ChipMatches:
        """Match chips that lie anywhere.

        Parameters
        ----------
        rows, cols : ndarray of int64
            ``(n,)``: upper left pixels.
        ranges : ndarray of int64
            ``(3, n)``, as for `lattice`.
        settings : ChipSettings

        Returns
        -------
        ChipMatches
            All ``(n,)``.
        """
        out = _empty((rows.size,))
        how, wider = self._prepare(settings, ranges)
        at = np.stack([rows, cols]).astype(np.int64)
        for reach in np.unique(wider[2]):
            chosen = wider[2] == reach
            out[chosen] = self._spectral(at[:, chosen], wider[:, chosen], settings.size, how)
        return ChipMatches(*np.moveaxis(out, -1, 0))

    def _spectral(self, at: NDArray[np.int64], ranges: NDArray[np.int64], size: int, how: How) -> DoubleArray:
        """Match chips that lie anywhere by FFT."""
        out = _empty((at.shape[1],))

        def run(start: int) -> None:
            part = slice(start, start + ALONE)
            match_spectral(*self._images, at[:, part], ranges[:, part], size, how, out[part])

        in_threads(run, range(0, len(out), ALONE))
        return out

    def _prepare(self, settings: ChipSettings, ranges: NDArray[np.int64]) -> tuple[How, NDArray[np.int64]]:
        """Return what the kernels want to know, and the ranges widened by what is spare."""
        is_complex = len(self._images[0].planes) == 2
        plain, masked = (product_table(is_complex, settings.is_free, with_holes) for with_holes in (False, True))
        spare = ncc_peak.SPARE if settings.method == "spline" else 0
        wider = np.ascontiguousarray(ranges, np.int64).copy()
        wider[2] += spare
        return How(plain, masked, METHODS[settings.method], spare, settings.least, settings.has_errors), wider


def _empty(shape: tuple[int, ...]) -> DoubleArray:
    out = np.full((*shape, len(FIELDS)), np.nan)
    out[..., FIELDS.index("status")] = ncc_group.UNUSED
    return out
