"""Calibration and noise files of Sentinel-1, in both noise formats, and what they mean for every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from lxml import etree
from scipy.interpolate import RegularGridInterpolator

from products.orbit import Doubles
from products.xml import counted, element, fields, numbers

LUTS = ("sigmaNought", "betaNought", "gamma", "dn")


@dataclass(frozen=True)
class Tables:
    """Look-up tables of one image, as written, and their values at every pixel.

    Attributes
    ----------
    lut : dict
        `LUTS` at every pixel ``(line, pixel)``: bilinear in what the file holds.
    noise : ndarray
        Noise power at every pixel, to be taken from ``|DN|^2``.
    """

    lut: dict[str, Doubles]
    noise: Doubles
    calibration: list[etree._Element]
    noises: list[etree._Element]


def rounded(values: Doubles) -> Doubles:
    """Return numbers as they stand in the file: seven digits."""
    return np.array([float(f"{value:.6e}") for value in np.ravel(values)]).reshape(np.shape(values))


def knots(first: int, last: int, step: int) -> np.ndarray:
    """Return positions from ``first``, ``step`` apart, and the very last one."""
    return np.unique(np.append(np.arange(first, last, step), last))


def _everywhere(lines: np.ndarray, pixels: np.ndarray, table: Doubles, shape: tuple[int, int]) -> Doubles:
    at = np.stack(np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij"), axis=-1)
    return np.asarray(RegularGridInterpolator((lines, pixels), table)(at))


def tables(
    shape: tuple[int, int],
    start: datetime,
    line_interval: float,
    swath: str,
    blocks: list[tuple[str, int, int]],
    *,
    constant: float,
    noise: str | None,
    beyond: int,
    level: float,
    bursts: list[datetime] | None = None,
) -> Tables:
    """Make the tables of one image.

    Parameters
    ----------
    blocks : list of (swath, first sample, last sample)
        Parts of the image with a noise table along azimuth each.
    constant : float
        absoluteCalibrationConstant.
    noise : {"azimuth", "old", None}
        Newer format (range and azimuth), older one, or none.
    beyond : int
        Lines by which the vectors begin before the image and end after it, as in an SLC.
    level : float
        About the root of the noise power, DN.
    bursts : list of datetime, optional
        When the bursts of the image start. The newer format has a noise vector for each of them, whose line is that of
        the burst before, as in real products; and one more.
    """
    rows, cols = shape
    lines = knots(-beyond, rows - 1 + beyond, max(rows // 3, 1))
    pixels = knots(0, cols - 1, 40)
    down, across = np.meshgrid(lines / rows, pixels / cols, indexing="ij")
    dn = 400.0 + 5 * down + 0 * across
    table = {
        "sigmaNought": rounded(660.0 - 90 * across - 15 * across**2 + 8 * down),
        "betaNought": rounded(dn * np.sqrt(constant)),
        "gamma": rounded(610.0 - 110 * across + 6 * down**2),
        "dn": rounded(dn),
    }
    vectors = []
    for number, line in enumerate(lines):
        time = (start + timedelta(seconds=float(line) * line_interval)).isoformat(timespec="microseconds")
        parts = [*fields(azimuthTime=time, line=int(line)), numbers("pixel", pixels, "{:d}")]
        vectors.append(element("calibrationVector", [*parts, *[numbers(name, table[name][number]) for name in LUTS]]))
    calibration = [
        element("calibrationInformation", element("absoluteCalibrationConstant", f"{constant:.6e}")),
        counted("calibrationVectorList", vectors),
    ]
    lut = {name: _everywhere(lines, pixels, values, shape) for name, values in table.items()}
    if noise is None:
        return Tables(lut, np.zeros(shape), calibration, [])

    lines = knots(-2 * beyond, rows + beyond, max(rows // 2, 1))
    pixels = knots(0, cols - 1, 32)
    down, across = np.meshgrid(lines / rows, pixels / cols, indexing="ij")
    power = rounded(level**2 * (1.5 - 0.9 * across + 0.5 * across**2 + 0.1 * down))
    total = _everywhere(lines, pixels, power, shape)
    names = ("noiseRangeVector", "noiseRangeLut") if noise == "azimuth" else ("noiseVector", "noiseLut")
    times = [start + timedelta(seconds=float(line) * line_interval) for line in lines]
    if bursts and noise == "azimuth":
        height = rows // len(bursts)
        times = [*bursts, bursts[-1] + timedelta(seconds=height * line_interval)]
        lines = height * (np.arange(len(times)) - 1)
        power = rounded(level**2 * (1.5 - 0.9 * across[:1] + 0.3 * np.arange(len(times))[:, None]))
        total = np.repeat([np.interp(np.arange(cols), pixels, each) for each in power[:-1]], height, axis=0)
    vectors = []
    for number, line in enumerate(lines):
        time = times[number].isoformat(timespec="microseconds")
        parts = [*fields(azimuthTime=time, line=int(line)), numbers("pixel", pixels, "{:d}")]
        vectors.append(element(names[0], [*parts, numbers(names[1], power[number])]))
    noises = [counted(f"{names[0]}List", vectors)]
    if noise == "azimuth":
        along = knots(0, rows - 1, 10)
        elements = []
        for number, (block, first, last) in enumerate(blocks):
            scallop = rounded(1.0 + 0.05 * (number + 1) * np.cos(along / 7.0))
            total[:, first : last + 1] *= np.interp(np.arange(rows), along, scallop)[:, None]
            bounds = fields(
                swath=block,
                firstAzimuthLine=0,
                firstRangeSample=first,
                lastAzimuthLine=rows - 1,
                lastRangeSample=last,
            )
            values = [numbers("line", along, "{:d}"), numbers("noiseAzimuthLut", scallop)]
            elements.append(element("noiseAzimuthVector", [*bounds, *values]))
        noises.append(counted("noiseAzimuthVectorList", elements))
    return Tables(lut, total, calibration, noises)
