"""The numbers behind the figures: shares of flags, robust limits, stable ground, errors against a truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from sensetrack.displacement import Flag
from sensetrack.report.sheet import Sheet
from sensetrack.report.words import FLAG_WORDS, LayerStyle, class_titles, shown_class
from sensetrack.types import DoubleArray, FloatArray, Mask

NMAD = 1.4826
"""Median absolute deviation to the standard deviation of a Gaussian."""

FEWEST = 50
"""Least number of pixels for `reliability`."""

CURVE_GROUPS = 64
"""Predicted errors are grouped into this many quantiles for the curve that they imply."""


@dataclass(frozen=True)
class FlagShare:
    """How many pixels of a file carry one flag.

    Attributes
    ----------
    name, title, meaning : str
    count : int
        Pixels that carry the flag, alone or with others.
    share : float
        The same as a fraction of all pixels, 0..1.
    shown : int
        Pixels drawn in the flag's colour; these add up to all pixels over ``measured`` and all flags.
    """

    name: str
    title: str
    meaning: str
    count: int
    share: float
    shown: int


def flag_table(flag_bytes: NDArray[np.int64]) -> list[FlagShare]:
    """Return the shares of measured pixels and of each flag.

    Parameters
    ----------
    flag_bytes : ndarray of int64, shape (256,)
        How often each value of the flag byte occurs.

    Returns
    -------
    list of FlagShare
        ``measured`` first, then every flag in the order of its bits, also those that do not occur.
    """
    total = max(int(flag_bytes.sum()), 1)
    values = np.arange(256)
    shown = np.bincount(shown_class(), weights=flag_bytes, minlength=len(Flag) + 1).astype(int)
    titles = class_titles()
    measured = int(flag_bytes[0])
    rows = [FlagShare("measured", titles[0], "A measurement without any flag.", measured, measured / total, shown[0])]
    for number, flag in enumerate(Flag, start=1):
        count = int(flag_bytes[(values & int(flag)) != 0].sum())
        rows.append(
            FlagShare(flag.label, titles[number], FLAG_WORDS[flag].meaning, count, count / total, int(shown[number]))
        )
    return rows


@dataclass(frozen=True)
class Limits:
    """Range of a colour scale, and whether values lie beyond its ends.

    Attributes
    ----------
    low, high : float
    below, above : bool
        Whether the colour bar's ends are to be marked.
    """

    low: float
    high: float
    below: bool = False
    above: bool = False


def robust_limits(values: FloatArray, style: LayerStyle, percentile: float = 98.0) -> Limits:
    """Return the colour limits of a layer, by percentiles, so that a few wild values do not hide the rest.

    Parameters
    ----------
    values : ndarray of float32
        Those that are drawn; NaN is left out.
    style : LayerStyle
        Magnitudes and errors start at 0, signed layers are symmetric about 0, shares are 0..1.
    percentile : float
        Of the absolute values (of both tails for layers of kind ``other``).
    """
    finite = values[np.isfinite(values)].astype(np.float64)
    if style.kind == "share":
        return Limits(0.0, 1.0, bool((finite < 0).any()), bool((finite > 1).any()))
    if finite.size == 0:
        return Limits(-1.0 if style.kind == "signed" else 0.0, 1.0)
    if style.kind == "other":
        low, high = (float(v) for v in np.percentile(finite, [100 - percentile, percentile]))
        if high <= low:
            low, high = low - 0.5, high + 0.5
        return Limits(low, high, bool((finite < low).any()), bool((finite > high).any()))
    high = round_up(float(np.percentile(np.abs(finite), percentile))) or 1.0
    low = -high if style.kind == "signed" else 0.0
    return Limits(low, high, bool((finite < low).any()), bool((finite > high).any()))


def round_up(value: float, digits: int = 2) -> float:
    """Round a positive number up to ``digits`` significant digits; 0 and what is not finite give 0."""
    if not np.isfinite(value) or value <= 0:
        return 0.0
    unit = 10.0 ** (np.floor(np.log10(value)) - digits + 1)
    steps = np.ceil(value / unit - 1e-9)
    return float(f"{steps * unit:.{digits}g}")


def round_number(value: float) -> float:
    """Return the largest of 1, 2 or 5 times a power of ten that is not above ``value`` (for bars and keys)."""
    if not np.isfinite(value) or value <= 0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(value) + 1e-12)
    digit = max((d for d in (1.0, 2.0, 5.0) if d * power <= value * (1 + 1e-9)), default=1.0)
    return float(f"{digit * power:.1g}")


@dataclass(frozen=True, eq=False)
class Spread:
    """One component over ground that does not move: what is left is error.

    Attributes
    ----------
    name : str
    count : int
    median, nmad : float
        Shift of the pair, and robust standard deviation, in the component's unit; NaN when there is no value.
    predicted : float
        Median of the predicted standard deviations; NaN where the file has none.
    edges, density : ndarray of float64
        Histogram as a probability density.
    curve : ndarray of float64
        Density at the centres of the bins that the predicted standard deviations imply about the median: the
        mean over all pixels of a Gaussian with that pixel's own sigma. Empty where the file has none.
    """

    name: str
    count: int
    median: float
    nmad: float
    predicted: float
    edges: DoubleArray
    density: DoubleArray
    curve: DoubleArray

    @property
    def centres(self) -> DoubleArray:
        """Centres of the bins."""
        centres: DoubleArray = 0.5 * (self.edges[1:] + self.edges[:-1])
        return centres


def stable_spread(sheet: Sheet, stable: Mask | None, bins: int = 61) -> list[Spread]:
    """Describe both components over stable ground.

    Parameters
    ----------
    sheet : Sheet
    stable : ndarray of bool or None
        Ground that does not move, on ``sheet.grid``; None takes all usable pixels.
    bins : int

    Returns
    -------
    list of Spread
        Along x and y. Only usable pixels that are not ``filled`` count.
    """
    where = sheet.usable if stable is None else sheet.usable & stable
    if sheet.flags is not None:
        where = where & (sheet.flags == 0)
    errors = sheet.errors or (None, None)
    return [
        spread_of(name, sheet.layers[name][where], None if error is None else sheet.layers[error][where], bins)
        for name, error in zip(sheet.components, errors, strict=True)
    ]


def spread_of(name: str, values: FloatArray, sigma: FloatArray | None, bins: int = 61) -> Spread:
    """Describe values that should all be the same; see `Spread`."""
    x = values[np.isfinite(values)].astype(np.float64)
    if x.size == 0:
        empty = np.zeros(0)
        return Spread(name, 0, np.nan, np.nan, np.nan, np.array([-1.0, 1.0]), np.zeros(1), empty)
    median = float(np.median(x))
    nmad = float(NMAD * np.median(np.abs(x - median)))
    s = np.zeros(0) if sigma is None else sigma[np.isfinite(values) & np.isfinite(sigma) & (sigma > 0)]
    predicted = float(np.median(s)) if s.size else float("nan")
    width = 5.0 * max(nmad, predicted if s.size else 0.0, float(np.percentile(np.abs(x - median), 68)), 1e-9)
    edges = median + np.linspace(-width, width, bins + 1)
    counts, _ = np.histogram(x, edges)
    density = counts / (x.size * np.diff(edges))
    curve = _implied(0.5 * (edges[1:] + edges[:-1]) - median, s.astype(np.float64)) if s.size else np.zeros(0)
    return Spread(name, int(x.size), median, nmad, predicted, edges, density, curve)


def _implied(offsets: DoubleArray, sigma: DoubleArray) -> DoubleArray:
    """Mean of centred Gaussians with standard deviations ``sigma``, grouped by quantile."""
    groups = np.quantile(sigma, (np.arange(CURVE_GROUPS) + 0.5) / CURVE_GROUPS)
    scaled = offsets[:, None] / groups
    density: DoubleArray = np.mean(np.exp(-0.5 * scaled**2) / (groups * np.sqrt(2 * np.pi)), axis=1)
    return density


@dataclass(frozen=True)
class Truth:
    """Error of one component against a known truth, over usable pixels.

    Attributes
    ----------
    name : str
    count : int
    bias : float
        Median of measured minus true.
    nmad, rmse, p95 : float
        Robust standard deviation, root mean square, and 95th percentile of the absolute value.
    within : float
        Share of errors within one predicted sigma of the median error (0.683 when the sigmas are right, and errors
        Gaussian); NaN without sigmas.
    """

    name: str
    count: int
    bias: float
    nmad: float
    rmse: float
    p95: float
    within: float


def truth_on(truth: Sheet, sheet: Sheet) -> tuple[FloatArray, FloatArray]:
    """Return the true ``dx, dy`` at the pixel centres of ``sheet``, bilinear; NaN outside of the truth."""
    rows, cols = sheet.pixels_of_file()
    x, y = sheet.file_grid.xy(rows[:, None], cols[None, :])
    at = np.stack(truth.file_grid.rowcol(x, y))
    inside = (at > -0.5).all(axis=0) & (at[0] < truth.file_shape[0] - 0.5) & (at[1] < truth.file_shape[1] - 0.5)
    held = (at - truth.first) / truth.step
    dx, dy = (
        np.where(inside, map_coordinates(truth.layers[name], held, order=1, mode="nearest"), np.nan)
        for name in ("dx", "dy")
    )
    return dx.astype(np.float32), dy.astype(np.float32)


def against_truth(sheet: Sheet, true: tuple[FloatArray, FloatArray]) -> list[Truth]:
    """Compare both components of a displacement with the truth on the same pixels; see `Truth`."""
    errors = sheet.errors or (None, None)
    rows = []
    for name, right, sigma_name in zip(sheet.components, true, errors, strict=True):
        where = sheet.usable & np.isfinite(right)
        error = (sheet.layers[name] - right)[where].astype(np.float64)
        if error.size == 0:
            rows.append(Truth(name, 0, *(float("nan"),) * 5))
            continue
        bias = float(np.median(error))
        within = float("nan")
        if sigma_name is not None:
            sigma = sheet.layers[sigma_name][where]
            known = np.isfinite(sigma)
            within = float(np.mean(np.abs(error[known] - bias) <= sigma[known])) if known.any() else within
        rows.append(
            Truth(
                name,
                int(error.size),
                bias,
                float(NMAD * np.median(np.abs(error - bias))),
                float(np.sqrt(np.mean(error**2))),
                float(np.percentile(np.abs(error), 95)),
                within,
            )
        )
    return rows


@dataclass(frozen=True, eq=False)
class Reliability:
    """Whether predicted errors are as large as actual ones, for groups of pixels with like predictions.

    Attributes
    ----------
    name : str
        Component.
    predicted, actual : ndarray of float64
        Median predicted standard deviation of each group, and that times the robust spread (NMAD) of its errors,
        about the median error of all pixels, over their own predictions. On the diagonal the prediction is right.
    """

    name: str
    predicted: DoubleArray
    actual: DoubleArray


def reliability(sheet: Sheet, true: tuple[FloatArray, FloatArray], groups: int = 8) -> list[Reliability]:
    """Compare predicted with actual errors, in groups of equal size.

    Components with fewer than `FEWEST` predicted errors are left out.

    Parameters
    ----------
    sheet : Sheet
        Of a displacement.
    true : tuple of ndarray
        As from `truth_on`.
    groups : int
    """
    found = []
    for name, right, sigma_name in zip(sheet.components, true, sheet.errors or (), strict=False):
        everywhere = sheet.layers[sigma_name].astype(np.float64)
        where = sheet.usable & np.isfinite(right) & (everywhere > 0)
        if np.count_nonzero(where) < FEWEST:
            continue
        error = (sheet.layers[name] - right)[where].astype(np.float64)
        sigma = everywhere[where]
        scaled = np.abs(error - np.median(error)) / sigma
        parts = np.array_split(np.argsort(sigma, kind="stable"), groups)
        predicted = np.array([np.median(sigma[part]) for part in parts])
        found.append(Reliability(name, predicted, predicted * [NMAD * np.median(scaled[part]) for part in parts]))
    return found
