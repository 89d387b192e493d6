"""One polynomial for the orbit over a scene: as exact as its state vectors, and quick to evaluate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sensetrack.types import DoubleArray

if TYPE_CHECKING:
    from sensetrack.radar.state_vectors import StateVectors

MARGIN = 4.0
"""Seconds beyond the scene that the polynomial covers, where the state vectors do."""

_GOOD = 1e-5
_DEGREES = range(5, 16)
_CHECKS = 200


@dataclass(frozen=True, eq=False)
class OrbitPolynomial:
    """Positions of a satellite over a scene as one polynomial of time.

    It is fitted to `StateVectors.at` with the lowest degree that stays within 10 micrometres of it (5 for the 25 s of a
    Sentinel-1 scene), 15 at most. Beyond `start` and `stop` it goes on with constant acceleration.

    Attributes
    ----------
    middle, half : float
        Times are ``middle + half * u``, s; ``u`` from -1 to 1 is what the polynomial covers.
    coefficients : ndarray of float64
        ``(degree + 1, 3)``: m, by ascending power of ``u``.
    misfit : float
        Largest distance from `StateVectors.at`, m.
    """

    middle: float
    half: float
    coefficients: DoubleArray
    misfit: float

    @classmethod
    def fit(cls, vectors: StateVectors, start: float, stop: float) -> OrbitPolynomial:
        """Fit the polynomial.

        Parameters
        ----------
        vectors : StateVectors
        start, stop : float
            Of the scene, seconds since ``vectors.reference``.

        Raises
        ------
        InputError
            The state vectors do not cover the scene.
        """
        vectors.at(np.array([start, stop]))
        first = max(start - MARGIN, float(vectors.seconds[0]))
        last = min(stop + MARGIN, float(vectors.seconds[-1]))
        middle, half = (first + last) / 2, (last - first) / 2
        best: OrbitPolynomial | None = None
        checks = np.linspace(-1, 1, _CHECKS)
        true = vectors.at(middle + half * checks)[0]
        for degree in _DEGREES:
            nodes = np.cos(np.pi * (np.arange(2 * degree) + 0.5) / (2 * degree))
            series = np.polynomial.chebyshev.chebfit(nodes, vectors.at(middle + half * nodes)[0], degree)
            powers = np.stack([np.polynomial.chebyshev.cheb2poly(axis) for axis in series.T], axis=1)
            values = np.polynomial.polynomial.polyval(checks, powers).T
            misfit = float(np.linalg.norm(values - true, axis=1).max())
            if best is None or misfit < best.misfit:
                best = cls(middle, half, np.ascontiguousarray(powers), misfit)
            if misfit < _GOOD:
                break
        assert best is not None
        return best

    @property
    def start(self) -> float:
        """First time that the polynomial covers, s."""
        return self.middle - self.half

    @property
    def stop(self) -> float:
        """Last time that the polynomial covers, s."""
        return self.middle + self.half

    def at(self, seconds: object) -> tuple[DoubleArray, DoubleArray]:
        """Return positions and velocities ``(..., 3)``, m and m/s; beyond its ends with constant acceleration."""
        time = np.asarray(seconds, np.float64)
        inside = np.clip(time, self.start, self.stop)
        u, beyond = (inside - self.middle) / self.half, (time - inside)[..., None]
        once = np.polynomial.polynomial.polyder(self.coefficients) / self.half
        twice = np.polynomial.polynomial.polyder(once) / self.half
        position, velocity, acceleration = (
            np.moveaxis(np.polynomial.polynomial.polyval(u, terms), 0, -1) for terms in (self.coefficients, once, twice)
        )
        return (
            np.asarray(position + beyond * (velocity + 0.5 * beyond * acceleration)),
            np.asarray(velocity + beyond * acceleration),
        )
