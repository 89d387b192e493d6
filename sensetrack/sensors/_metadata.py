"""What is known of a product and its bands, typed and frozen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Ring = tuple[tuple[float, float], ...]
"""Outline in longitude and latitude, degrees; not closed, and not cut at the antimeridian."""


@dataclass(frozen=True)
class Band:
    """One band of a product.

    Attributes
    ----------
    name : str
        As the sensor's documentation has it: ``B08``, ``VV``, ``IW1-VV``.
    quantities : tuple of str
        What its pixels can be turned into, the default first: ``reflectance``, ``radiance``, ``brightness
        temperature``, ``sigma0``.
    files : tuple of str
        Files that it is read from, by their name in the container; empty where the product lacks them.
    common_name : str or None
        Such as ``red``, ``nir`` or ``pan``, of the STAC extension ``eo``.
    wavelength, width : float or None
        Centre and full width at half maximum, nm.
    resolution : float or None
        Nominal size of a pixel on the ground, m.
    shape : tuple of int or None
        ``(rows, columns)`` as the metadata say.
    polarisation : str or None
    swath : str or None
        Part of the swath, of a radar.
    """

    name: str
    quantities: tuple[str, ...]
    files: tuple[str, ...] = ()
    common_name: str | None = None
    wavelength: float | None = None
    width: float | None = None
    resolution: float | None = None
    shape: tuple[int, int] | None = None
    polarisation: str | None = None
    swath: str | None = None


@dataclass(frozen=True)
class Orbit:
    """Where in its orbit the satellite was.

    Attributes
    ----------
    absolute, relative : int or None
        Orbit numbers; the relative one is the track that repeats.
    direction : {"ascending", "descending"} or None
    path_row : tuple of int or None
        Path and row of the Worldwide Reference System.
    """

    absolute: int | None = None
    relative: int | None = None
    direction: Literal["ascending", "descending"] | None = None
    path_row: tuple[int, int] | None = None


@dataclass(frozen=True)
class View:
    """Angles at the centre of the scene, degrees.

    Attributes
    ----------
    sun_elevation, sun_azimuth : float or None
        Azimuth clockwise from north.
    incidence : float or None
        Between the line of sight and the vertical, at the ground.
    azimuth : float or None
        From the ground to the sensor, clockwise from north.
    look_side : {"left", "right"} or None
        Of a radar.
    """

    sun_elevation: float | None = None
    sun_azimuth: float | None = None
    incidence: float | None = None
    azimuth: float | None = None
    look_side: Literal["left", "right"] | None = None
