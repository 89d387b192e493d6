"""The windows that may serve as evidence of a shift, and what each is worth."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensetrack.coregister.shift import Kind, polynomial_terms
from sensetrack.displacement import EMPTY, Displacement, Field, Flag
from sensetrack.errors import InputError
from sensetrack.types import DoubleArray, Mask

LEAST_WINDOWS = {"shift": 8, "affine": 20, "polynomial": 40}
"""Windows that each kind needs at least."""

LEAST_SHARE = 0.05
"""Share of the windows with content that must have been measured: fewer may agree by chance."""

_FEWEST_CELLS, _MOST_CELLS = 4, 8


@dataclass(frozen=True, eq=False)
class Windows:
    """Displacements that may serve as evidence.

    Attributes
    ----------
    rows, cols : ndarray of float64
        Window centres in input pixels, ``(n,)``.
    centre, scale
        As in `ShiftModel`.
    design : ndarray of float64
        Terms of the model at each window, ``(n, term)``.
    values : ndarray of float64
        dx and dy, ``(n, 2)``.
    spread : ndarray of float64
        Expected standard deviation relative to the typical one, ``(n,)``.
    weight : ndarray of float64
        ``(n,)``.
    cell : ndarray of int
        Part of the image that each lies in, ``(n,)``.
    """

    rows: DoubleArray
    cols: DoubleArray
    centre: tuple[float, float]
    scale: float
    design: DoubleArray
    values: DoubleArray
    spread: DoubleArray
    weight: DoubleArray
    cell: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.weight)


def gather(displacement: Displacement, stable: Mask | None, kind: Kind) -> Windows:
    """Return the windows of a displacement that are measurements on stable ground.

    Parameters
    ----------
    displacement : Displacement
    stable : ndarray of bool or None
    kind : {"shift", "affine", "polynomial"}

    Raises
    ------
    InputError
        The mask does not fit or covers nothing; too few windows, or most on the edge of the search range; or they lie
        so that the model is not determined.
    """
    field = displacement.field
    chosen = _choose(field, stable, kind)
    rows, cols = (index[chosen] for index in window_centres(displacement))
    centre = (float(rows.min() + rows.max()) / 2, float(cols.min() + cols.max()) / 2)
    scale = max(float(np.ptp(rows)), float(np.ptp(cols)), 1.0) / 2
    spread, weight = _precision(field, chosen)
    windows = Windows(
        rows=rows,
        cols=cols,
        centre=centre,
        scale=scale,
        design=np.stack(polynomial_terms(kind, rows, cols, centre, scale), axis=-1),
        values=np.stack([field.dx[chosen], field.dy[chosen]], axis=-1).astype(np.float64),
        spread=spread,
        weight=weight,
        cell=_cells(rows, cols, _reach(displacement)),
    )
    _check_spread(windows, kind, stable is not None)
    return windows


def window_centres(displacement: Displacement) -> tuple[DoubleArray, DoubleArray]:
    """Return rows and columns of all window centres in input pixels, integer at pixel centres."""
    spacing, (row, col) = displacement.spacing, displacement.origin
    rows, cols = np.indices(displacement.field.shape, dtype=np.float64)
    return row + (rows + 0.5) * spacing - 0.5, col + (cols + 0.5) * spacing - 0.5


def _choose(field: Field, stable: Mask | None, kind: Kind) -> Mask:
    """Return which windows may serve, or say why too few do."""
    measured = field.measured
    if stable is None:
        chosen = measured
    else:
        if stable.shape != field.shape:
            raise InputError(f"a stable-ground mask of shape {stable.shape} does not fit a field of {field.shape}")
        if not stable.any():
            raise InputError(
                "the stable-ground mask covers none of the windows; check its CRS and extent and whether it is "
                "inverted, or leave it out to find stable ground automatically"
            )
        chosen = measured & stable
    inside = np.ones(field.shape, np.bool_) if stable is None else stable
    tried = int(np.count_nonzero(inside & ((field.flags & np.uint8(EMPTY)) == 0)))
    count = int(chosen.sum())
    least = max(LEAST_WINDOWS[kind], math.ceil(LEAST_SHARE * tried))
    at_edge = int(np.count_nonzero(inside & ((field.flags & np.uint8(Flag.SEARCH_EDGE)) != 0)))
    if at_edge > max(count, tried / 2):
        raise InputError(
            f"{at_edge} windows ended on the edge of the search range and {count} were measured: the shift is larger "
            "than what was searched; use a larger search"
        )
    if count < least:
        where = "" if stable is None else " on stable ground"
        flags = Counter({flag.label: int(np.count_nonzero(inside & ((field.flags & flag) != 0))) for flag in Flag})
        why = ", ".join(f"{number} {label}" for label, number in flags.most_common(3) if number)
        simpler = "" if kind == "shift" else " or kind='shift'"
        raise InputError(
            f"only {count} of {int(inside.sum())} windows{where} could be measured{f' ({why})' if why else ''}, and "
            f"kind '{kind}' needs {least}; use a larger search or window, a smaller step, more stable ground{simpler}"
        )
    return chosen


def _precision(field: Field, chosen: Mask) -> tuple[DoubleArray, DoubleArray]:
    """Return each window's expected spread relative to the typical one, and its weight."""
    variance = (field.sigma_dx[chosen].astype(np.float64) ** 2 + field.sigma_dy[chosen].astype(np.float64) ** 2) / 2
    known = np.isfinite(variance)
    typical = float(np.median(variance[known])) if known.any() else 0.0
    relative = np.ones(variance.shape)
    if typical > 0:
        relative = np.where(known, (variance + typical) / (2 * typical), 2.0)
    quality = field.quality[chosen].astype(np.float64)
    good = np.isfinite(quality)
    usual = float(np.median(quality[good])) if good.any() else 0.0
    trust = np.where(good, np.clip(quality / usual, 0.05, 1.0), 0.5) if usual > 0 else np.ones(quality.shape)
    return np.sqrt(relative), trust / relative


def _reach(displacement: Displacement) -> float:
    """Return over how many input pixels the errors of neighbouring vectors are alike: the tracker's window."""
    window = json.loads(displacement.provenance.parameters).get("window")
    return float(window) if isinstance(window, int | float) else 4.0 * displacement.spacing


def _cells(rows: DoubleArray, cols: DoubleArray, reach: float) -> NDArray[np.intp]:
    """Number the part of the image, of up to 8 x 8 parts much larger than ``reach``, that each window lies in."""
    parts = []
    for position in (rows, cols):
        span = max(float(np.ptp(position)), 1e-9)
        count = int(min(max(span / (3 * reach), _FEWEST_CELLS), _MOST_CELLS))
        parts.append(np.minimum((count * (position - position.min()) / span).astype(np.intp), count - 1))
    number: NDArray[np.intp] = parts[0] * _MOST_CELLS + parts[1]
    return number


def _check_spread(windows: Windows, kind: Kind, masked: bool) -> None:
    """Raise when the windows lie on a line or in a few spots, so that the terms cannot be told apart."""
    size = np.maximum(np.linalg.norm(windows.design, axis=0), 1e-9)
    singular = np.linalg.svd(windows.design / size, compute_uv=False)
    if singular[-1] < 1e-3 * singular[0]:
        what = "the windows on stable ground" if masked else "the measured windows"
        raise InputError(f"{what} lie on a line or a curve, where kind '{kind}' is not determined; use kind='shift'")
