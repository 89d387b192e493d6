"""The residual shift of a pair as a model: a constant, an affine or a second-order polynomial."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np

from sensetrack.errors import GridError, InputError, ParameterError, did_you_mean
from sensetrack.raster.grid import Grid
from sensetrack.raster.write import atomic
from sensetrack.types import DoubleArray, PathLike

Kind = Literal["shift", "affine", "polynomial"]
"""A constant (1 term per component), an affine (3) or a second-order polynomial (6)."""

KINDS: tuple[Kind, ...] = get_args(Kind)

TERMS: Mapping[str, tuple[str, ...]] = {
    "shift": ("1",),
    "affine": ("1", "u", "v"),
    "polynomial": ("1", "u", "v", "u^2", "u v", "v^2"),
}
"""Terms of each kind, in the order of the coefficients."""


@dataclass(frozen=True)
class ShiftModel:
    """How far the content of the secondary lies from where the reference has it, everywhere in the image.

    Content at ``(row, col)`` of the reference is found at ``(row + dy, col + dx)`` of the secondary, with ::

        u = (col - centre[1]) / scale,  v = (row - centre[0]) / scale
        dx = dx[0] + dx[1] u + dx[2] v + dx[3] u^2 + dx[4] u v + dx[5] v^2,  dy likewise

    cut after the first term (``shift``) or the third (``affine``). Rows and columns count input pixels and are
    integer at pixel centres.

    Attributes
    ----------
    kind : {"shift", "affine", "polynomial"}
    dx, dy : tuple of float
        Coefficients in input pixels.
    centre : tuple of float
        Row and column where ``u = v = 0``.
    scale : float
        Input pixels per unit of ``u`` and ``v``.
    covariance_dx, covariance_dy : tuple of tuple of float
        Covariance of the coefficients, px squared; empty when the model was given and not fitted.
    count : int
        Windows that agree with the model (within 3 robust standard deviations).
    candidates : int
        Windows that could have agreed: measured, and on stable ground where that was given.
    rms_dx, rms_dy : float
        Root mean square of the residuals of those that agree, px.
    shape : tuple of int or None
        Rows and columns of the images that were measured.
    """

    kind: Kind
    dx: tuple[float, ...]
    dy: tuple[float, ...]
    centre: tuple[float, float] = (0.0, 0.0)
    scale: float = 1.0
    covariance_dx: tuple[tuple[float, ...], ...] = ()
    covariance_dy: tuple[tuple[float, ...], ...] = ()
    count: int = 0
    candidates: int = 0
    rms_dx: float = math.nan
    rms_dy: float = math.nan
    shape: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        check_kind(self.kind)
        expected = len(TERMS[self.kind])
        if len(self.dx) != expected or len(self.dy) != expected:
            raise InputError(
                f"a model of kind '{self.kind}' has {expected} coefficients per component, "
                f"got {len(self.dx)} for dx and {len(self.dy)} for dy"
            )
        if not (all(map(math.isfinite, (*self.dx, *self.dy, *self.centre))) and 0 < self.scale < math.inf):
            raise InputError("the coefficients of a shift model must be finite and its scale positive")

    @classmethod
    def constant(cls, dx: float, dy: float) -> Self:
        """Return the model of a shift that is known already, in input pixels right and down."""
        return cls("shift", (float(dx),), (float(dy),))

    def predict(self, rows: object, cols: object) -> tuple[DoubleArray, DoubleArray]:
        """Return the shift at fractional pixel positions.

        Parameters
        ----------
        rows, cols : scalar or ndarray
            Positions in the reference in input pixels, integer at pixel centres; they broadcast.

        Returns
        -------
        dx, dy : ndarray of float64
            Shift in input pixels, positive right and down.
        """
        terms = self._terms(rows, cols)
        dx = sum(c * term for c, term in zip(self.dx, terms, strict=True))
        dy = sum(c * term for c, term in zip(self.dy, terms, strict=True))
        return np.asarray(dx, np.float64), np.asarray(dy, np.float64)

    def standard_error(self, rows: object, cols: object) -> tuple[DoubleArray, DoubleArray]:
        """Return the standard error of `predict` at the same positions, px; NaN when the model was not fitted."""
        terms = np.stack(self._terms(rows, cols), axis=-1)
        out = []
        for covariance in (self.covariance_dx, self.covariance_dy):
            if covariance:
                variance = np.einsum("...i,ij,...j->...", terms, np.array(covariance), terms)
                out.append(np.sqrt(np.maximum(variance, 0.0)))
            else:
                out.append(np.full(terms.shape[:-1], np.nan))
        return out[0], out[1]

    @property
    def errors_dx(self) -> tuple[float, ...]:
        """Standard errors of the coefficients of dx, px."""
        return tuple(math.sqrt(row[i]) for i, row in enumerate(self.covariance_dx))

    @property
    def errors_dy(self) -> tuple[float, ...]:
        """Standard errors of the coefficients of dy, px."""
        return tuple(math.sqrt(row[i]) for i, row in enumerate(self.covariance_dy))

    def largest(self, shape: tuple[int, int]) -> float:
        """Return the largest length of the shift over an image of ``shape``, px (looked up on 9 x 9 positions)."""
        rows, cols = np.meshgrid(np.linspace(0, shape[0] - 1, 9), np.linspace(0, shape[1] - 1, 9), indexing="ij")
        return float(np.hypot(*self.predict(rows, cols)).max())

    def check_grid(self, grid: Grid, name: str) -> None:
        """Raise when the model cannot be meant for images on ``grid``.

        Raises
        ------
        GridError
            The model varies over the image and was measured on images of another size.
        """
        if self.kind != "shift" and self.shape is not None and self.shape != grid.shape:
            raise GridError(
                f"the {self.kind} model was measured on images of {self.shape[0]} x {self.shape[1]} pixels, "
                f"{name} has {grid.height} x {grid.width}; measure it again on this grid"
            )

    def to_json(self) -> str:
        """Return the model as JSON."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return json.dumps({key: None if value != value else value for key, value in content.items()})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Build from `to_json`.

        Raises
        ------
        InputError
            The text is not a shift model.
        """
        try:
            content = json.loads(text)
            return cls(**{name: _READERS[name](value) for name, value in content.items()})
        except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, ParameterError):
                raise
            why = "it is not JSON" if isinstance(error, json.JSONDecodeError) else f"{type(error).__name__}: {error}"
            raise InputError(f"not a shift model ({why}); 'sensetrack coregister --json' prints one") from error

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write the model as JSON.

        Raises
        ------
        OutputError
            The file exists already or cannot be written.
        """
        with atomic(path, overwrite=overwrite) as part:
            part.write_text(self.to_json() + "\n", encoding="utf-8")

    @classmethod
    def open(cls, path: PathLike) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            The file cannot be read or is not a shift model.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: cannot read the shift model ({error})") from error
        try:
            return cls.from_json(text)
        except (InputError, ParameterError) as error:
            raise InputError(f"{path}: {error}") from error

    def summary(self) -> str:
        """Return a few readable lines: the shift at the centre, its errors, what it rests on."""
        shifted = [
            f"{name} = {values[0]:+.3f}" + (f" +- {errors[0]:.3f}" if errors else "") + f" px ({way})"
            for name, values, errors, way in (
                ("dx", self.dx, self.errors_dx, "positive right"),
                ("dy", self.dy, self.errors_dy, "positive down"),
            )
        ]
        where = "" if self.kind == "shift" else f" at row {self.centre[0]:.1f}, column {self.centre[1]:.1f}"
        lines = [f"{self.kind}{where}: " + ", ".join(shifted)]
        if self.kind != "shift":
            (xu, xv), (yu, yv) = (values[1:3] for values in (self.dx, self.dy))
            lines.append(
                f"gradient at the centre: stretch {1e6 * xu / self.scale:+.1f} ppm along columns, "
                f"{1e6 * yv / self.scale:+.1f} ppm along rows, "
                f"rotation {math.degrees((yu - xv) / 2 / self.scale):+.5f} deg"
            )
        if self.candidates:
            lines.append(
                f"{self.count} of {self.candidates} windows agree ({100 * self.count / self.candidates:.0f} %), "
                f"residual {self.rms_dx:.3f} px (dx), {self.rms_dy:.3f} px (dy) rms"
            )
        return "\n".join(lines)

    def _terms(self, rows: object, cols: object) -> list[DoubleArray]:
        return polynomial_terms(self.kind, rows, cols, self.centre, self.scale)


def polynomial_terms(
    kind: Kind, rows: object, cols: object, centre: tuple[float, float], scale: float
) -> list[DoubleArray]:
    """Return the terms of a model at pixel positions, each of the broadcast shape of ``rows`` and ``cols``."""
    r, c = np.broadcast_arrays(np.asarray(rows, np.float64), np.asarray(cols, np.float64))
    u, v = (c - centre[1]) / scale, (r - centre[0]) / scale
    terms = [np.ones(u.shape)]
    if kind != "shift":
        terms += [u, v]
    if kind == "polynomial":
        terms += [u * u, u * v, v * v]
    return terms


def check_kind(kind: str) -> None:
    """Raise when there is no model of this kind.

    Raises
    ------
    ParameterError
        The message offers the nearest known one.
    """
    if kind not in KINDS:
        raise ParameterError(f"kind = '{kind}'{did_you_mean(kind, KINDS)}")


def _matrix(value: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(_floats(row) for row in value)


def _floats(value: Any) -> tuple[float, ...]:
    return tuple(float(item) for item in value)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


_READERS: Mapping[str, Any] = {
    "kind": str,
    "dx": _floats,
    "dy": _floats,
    "centre": _floats,
    "scale": float,
    "covariance_dx": _matrix,
    "covariance_dy": _matrix,
    "count": int,
    "candidates": int,
    "rms_dx": _number,
    "rms_dy": _number,
    "shape": lambda value: None if value is None else tuple(int(item) for item in value),
}
