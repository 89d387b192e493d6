"""Calibration and noise of Sentinel-1: vectors on a few lines, interpolated to every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from sensetrack.errors import InputError
from sensetrack.sensors._xml import Node
from sensetrack.types import DoubleArray, Mask, PixelArray

LUTS = {"sigma0": "sigmaNought", "beta0": "betaNought", "gamma0": "gamma"}
"""Quantities and the vectors that lead to them."""

NUMBERS = "dn"
"""The vectors that lead to numbers before they were scaled to fit their type."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """Values on some lines, each at samples of its own.

    Attributes
    ----------
    lines : ndarray of float64
        Ascending; the first may lie before the image and the last behind it.
    samples, values : tuple of ndarray of float64
        One of each per line.
    """

    lines: DoubleArray
    samples: tuple[DoubleArray, ...]
    values: tuple[DoubleArray, ...]

    def at(self, rows: DoubleArray, cols: DoubleArray) -> DoubleArray:
        """Interpolate linearly along samples and then along lines; the ends go on beyond themselves.

        Parameters
        ----------
        rows, cols : ndarray of float64
            One-dimensional.

        Returns
        -------
        ndarray of float64
            ``(row, col)``.
        """
        place = np.interp(rows, self.lines, np.arange(len(self.lines), dtype=np.float64))
        low = np.minimum(place.astype(np.int64), max(0, len(self.lines) - 2))
        high = np.minimum(low + 1, len(self.lines) - 1)
        used = np.unique(np.concatenate([low, high]))
        table = np.stack([np.interp(cols, self.samples[index], self.values[index]) for index in used])
        before, after = (table[np.searchsorted(used, index)] for index in (low, high))
        return np.asarray(before + (place - low)[:, None] * (after - before))


@dataclass(frozen=True, eq=False)
class AzimuthNoise:
    """How the noise changes along azimuth, in one block of the image.

    Attributes
    ----------
    first_line, last_line, first_sample, last_sample : int
        The block, its ends included.
    lines, factors : ndarray of float64
    """

    first_line: float
    last_line: float
    first_sample: float
    last_sample: float
    lines: DoubleArray
    factors: DoubleArray


@dataclass(frozen=True, eq=False)
class Noise:
    """Power of the thermal noise.

    Attributes
    ----------
    range_vectors : Vectors
    azimuth : tuple of AzimuthNoise
        Empty before IPF 2.90, whose noise depends on range alone.
    lines_per_burst : int
        Of bursts over bursts, each of which has a range vector of its own; 0 where range vectors are interpolated.
    first : int
        Range vector of the first burst.
    """

    range_vectors: Vectors
    azimuth: tuple[AzimuthNoise, ...]
    lines_per_burst: int = 0
    first: int = 0

    def at(self, rows: DoubleArray, cols: DoubleArray) -> DoubleArray:
        """Return the noise power ``(row, col)``: range vectors times the factors of the azimuth blocks."""
        vectors = self.range_vectors
        if self.lines_per_burst:
            number = self.first + np.floor(rows / self.lines_per_burst).astype(np.int64)
            used, which = np.unique(np.clip(number, 0, len(vectors.lines) - 1), return_inverse=True)
            table = np.stack([np.interp(cols, vectors.samples[index], vectors.values[index]) for index in used])
            power = table[which]
        else:
            power = vectors.at(rows, cols)
        for block in self.azimuth:
            i = np.flatnonzero((rows > block.first_line - 0.5) & (rows < block.last_line + 0.5))
            j = np.flatnonzero((cols > block.first_sample - 0.5) & (cols < block.last_sample + 0.5))
            if len(i) and len(j):
                power[np.ix_(i, j)] *= np.interp(rows[i], block.lines, block.factors)[:, None]
        return power


@dataclass(frozen=True)
class Backscatter:
    """``(|number|^2 - noise) / lut^2``, not below 0; without vectors, the amplitude.

    Attributes
    ----------
    vectors : Vectors or None
    noise : Noise or None
        None leaves the noise in.
    """

    vectors: Vectors | None
    noise: Noise | None = None

    def __call__(
        self, pixels: PixelArray, valid: Mask, rows: DoubleArray, cols: DoubleArray
    ) -> tuple[PixelArray, Mask]:
        """Return the power, or the amplitude, as float32."""
        power = np.square(pixels.real.astype(np.float64))
        if np.iscomplexobj(pixels):
            power += np.square(pixels.imag.astype(np.float64))
        if self.noise is not None:
            power = np.maximum(power - self.noise.at(rows, cols), 0.0)
        if self.vectors is None:
            return np.sqrt(power).astype(np.float32), valid
        return (power / np.square(self.vectors.at(rows, cols))).astype(np.float32), valid


def read_calibration(root: Node, quantity: str) -> Vectors:
    """Return the vectors of a calibration file that lead to ``sigma0``, ``beta0``, ``gamma0`` or `NUMBERS`.

    Raises
    ------
    InputError
        There are none, or their values are not positive.
    """
    name = LUTS.get(quantity, NUMBERS)
    found = _vectors(root, "calibrationVectorList/calibrationVector", name)
    if any((each <= 0).any() for each in found.values):
        raise InputError(f"{root.file}: its vectors {name} hold values that are not above 0")
    return found


def read_noise(root: Node, start: datetime | None = None, lines_per_burst: int = 0) -> Noise:
    """Return the noise of a noise file, in the old form (range only) or the new one (range and azimuth).

    Parameters
    ----------
    root : Node
    start : datetime, optional
        Of the first burst. Its range vector is told by the time, since the lines of real vectors are off by bursts.
    lines_per_burst : int
    """
    if root.optional("noiseRangeVectorList/noiseRangeVector") is None:
        return Noise(_vectors(root, "noiseVectorList/noiseVector", "noiseLut"), ())
    ranges = _vectors(root, "noiseRangeVectorList/noiseRangeVector", "noiseRangeLut")
    blocks = []
    for node in root.all("noiseAzimuthVectorList/noiseAzimuthVector"):
        lines, factors = node.numbers("line"), node.numbers("noiseAzimuthLut")
        if len(lines) != len(factors) or not len(lines):
            raise InputError(f"{root.file}: a noiseAzimuthVector has {len(lines)} lines and {len(factors)} factors")
        ends = [
            node.optional_number(f"{end}{axis}") for end in ("first", "last") for axis in ("AzimuthLine", "RangeSample")
        ]
        first_line, first_sample, last_line, last_sample = (
            limit if value is None else value for value, limit in zip(ends, _EVERYWHERE, strict=True)
        )
        blocks.append(AzimuthNoise(first_line, last_line, first_sample, last_sample, lines, factors))
    if start is None or not lines_per_burst or not blocks:
        return Noise(ranges, tuple(blocks))
    nodes = sorted(root.all("noiseRangeVectorList/noiseRangeVector"), key=lambda node: node.number("line"))
    away = [abs((node.time("azimuthTime") - start).total_seconds()) for node in nodes]
    return Noise(ranges, tuple(blocks), lines_per_burst, away.index(min(away)))


_EVERYWHERE = (-np.inf, -np.inf, np.inf, np.inf)


def _vectors(root: Node, path: str, name: str) -> Vectors:
    nodes = root.all(path)
    if not nodes:
        raise InputError(f"{root.file}: holds no {path.rpartition('/')[2]}")
    nodes.sort(key=lambda node: node.number("line"))
    lines = np.array([node.number("line") for node in nodes])
    samples = tuple(node.numbers("pixel") for node in nodes)
    values = tuple(node.numbers(name) for node in nodes)
    if any(len(a) != len(b) or not len(a) or (np.diff(a) <= 0).any() for a, b in zip(samples, values, strict=True)):
        raise InputError(f"{root.file}: a vector {name} does not fit its pixels")
    return Vectors(lines, samples, values)
