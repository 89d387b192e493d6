"""What stated errors are multiplied by, so that they hold; made by `sensetrack.calibrate`, kept as JSON."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from sensetrack.displacement import Field
from sensetrack.errors import InputError, ParameterError
from sensetrack.params import Params, param, read_mapping
from sensetrack.raster.write import atomic
from sensetrack.types import DoubleArray, FloatArray, PathLike

_log = logging.getLogger(__name__)


class Curve(Params):
    """A factor as a function of the stated standard deviation.

    Between two nodes the logarithm of the factor is linear in that of the standard deviation; beyond the outermost
    ones it stays.
    """

    sigma: tuple[float, ...] = param(
        (1.0,), "Standard deviations at which the factor is given, rising.", unit="px", min_length=1
    )
    factor: tuple[float, ...] = param((1.0,), "What they are multiplied by.", min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.sigma) != len(self.factor):
            raise ValueError(f"{len(self.sigma)} values of sigma and {len(self.factor)} of factor; give as many")
        if not np.isfinite([*self.sigma, *self.factor]).all() or min(*self.sigma, *self.factor) <= 0:
            raise ValueError("sigma and factor must be above 0 and finite")
        if (np.diff(self.sigma) <= 0).any():
            raise ValueError(f"sigma = {self.sigma} must rise")
        return self

    def at(self, sigma: FloatArray | DoubleArray) -> FloatArray:
        """Return the factor of each standard deviation; 1 where there is none, or it is not above 0."""
        if len(self.factor) == 1:
            return np.full(sigma.shape, self.factor[0], np.float32)
        known = np.isfinite(sigma) & (sigma > 0)
        place = np.log(np.where(known, sigma, 1.0).astype(np.float64))
        factor = np.exp(np.interp(place, np.log(self.sigma), np.log(self.factor)))
        return np.where(known, factor, 1.0).astype(np.float32)


class Coverage(Params):
    """How often the truth lies within stated errors: 0.683 and 0.950 where they hold."""

    within_68: float = param(..., "Share of errors within 1 standard deviation.", ge=0, le=1)
    within_95: float = param(..., "Share of errors within 1.96 standard deviations.", ge=0, le=1)


class ErrorScale(Params):
    """What the stated errors of a tracker are multiplied by, and what that rests on.

    For the same tracker with the same parameters on images of the same kind. Correlations of errors, ``rho``, are kept.
    """

    method: Literal["shifts", "stable"] = param(..., "What the factors rest on: injected shifts, or stable ground.")
    dx: Curve = param(..., "Factor of sigma_dx.")
    dy: Curve = param(..., "Factor of sigma_dy.")
    points: int = param(..., "Errors of either component that were looked at.", ge=1)
    independent: int = param(..., "How many of them count as independent.", ge=1)
    typical_dx: float = param(..., "Median factor of sigma_dx among them.", gt=0)
    typical_dy: float = param(..., "Median factor of sigma_dy among them.", gt=0)
    before: Coverage = param(..., "Coverage as stated.")
    after: Coverage = param(..., "Coverage after, each part of the sample with the factors found on the others.")
    tracker: str = param("", "Registered name of the tracker; any where it is empty.")
    parameters: str = param("{}", "Its parameters as JSON.")
    reference: str = param("", "Reference image.")
    secondary: str = param("", "Secondary image.")
    version: str = param("", "sensetrack version.")

    @classmethod
    def open(cls, path: PathLike) -> Self:
        """Read a saved calibration.

        Raises
        ------
        InputError
            There is no such file, or it is no calibration.
        """
        if not Path(path).is_file():
            raise InputError(f"{path}: there is no such calibration file")
        try:
            return cls(**read_mapping(path))
        except ParameterError as error:
            raise InputError(f"{path}: not a calibration that --save-calibration wrote: {error}") from None

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write as JSON.

        Raises
        ------
        OutputError
            The file exists already or cannot be written.
        """
        with atomic(path, overwrite=overwrite) as part:
            part.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    def check(self, tracker: str, parameters: str) -> None:
        """Check that it was made for a tracker; other parameters are worth a warning.

        Raises
        ------
        ParameterError
            It was made for another tracker.
        """
        if self.tracker and self.tracker != tracker:
            raise ParameterError(f"calibrate: the factors are for the errors of {self.tracker}, not of {tracker}")
        if self.tracker and self.parameters != parameters:
            _log.warning("the calibration was made with other parameters of %s: %s", tracker, self.parameters)

    def apply(self, field: Field) -> Field:
        """Return the field with its standard deviations multiplied; all else stays."""
        return dataclasses.replace(
            field,
            sigma_dx=field.sigma_dx * self.dx.at(field.sigma_dx),
            sigma_dy=field.sigma_dy * self.dy.at(field.sigma_dy),
        )
