"""The spectral bands of a PRISMA product."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import numpy as np

from sensetrack.sensors._hdf5 import Attributes
from sensetrack.sensors._metadata import Band

Kind = Literal["vnir", "swir", "pan"]
CUBES: tuple[Kind, ...] = ("vnir", "swir")

_COLOURS = {"blue": 490, "green": 560, "red": 665, "rededge": 705, "nir": 865, "swir16": 1610, "swir22": 2200}
"""Wavelengths, nm, whose nearest band gets the common name."""


def bands_of(
    about: Attributes, file: str, shapes: dict[Kind, tuple[int, int]], counts: dict[Kind, int], quantity: str
) -> tuple[Band, ...]:
    """Return all bands: ``pan``, then VNIR and SWIR in the order of the file.

    Bands that were not acquired (flag 0, or wavelength 0) keep their number and have no file.

    Raises
    ------
    InputError
        The lists of wavelengths, widths and flags are not there or not as long as the cube has bands.
    """
    pan = Band(
        name="pan",
        quantities=(quantity,),
        files=(file,) if "pan" in shapes else (),
        common_name="pan",
        resolution=5.0,
        shape=shapes.get("pan"),
    )
    bands = [pan]
    for kind in CUBES:
        if kind not in shapes:
            continue
        name = kind.capitalize()
        centres = about.numbers(f"List_Cw_{name}", (counts[kind],))
        widths = about.numbers(f"List_Fwhm_{name}", centres.shape)
        acquired = centres > 0
        if f"List_Cw_{name}_Flags" in about:
            acquired &= about.numbers(f"List_Cw_{name}_Flags", centres.shape) != 0
        bands += [
            Band(
                name=f"{kind}:{number}",
                quantities=(quantity,),
                files=(file,) if there else (),
                wavelength=round(float(centre), 4) if there else None,
                width=round(float(width), 4) if there else None,
                resolution=30.0,
                shape=shapes[kind],
            )
            for number, (centre, width, there) in enumerate(zip(centres, widths, acquired, strict=True), start=1)
        ]
    return tuple(_named(bands))


def _named(bands: list[Band]) -> list[Band]:
    """Give common names to the bands that are nearest to their colours."""
    known = {band.name: band.wavelength for band in bands if band.wavelength is not None}
    named: dict[str, str] = {}
    for colour, centre in _COLOURS.items():
        near = min(known, key=lambda name: abs(known[name] - centre), default=None)
        if near is not None and abs(known[near] - centre) < 15:
            named[near] = colour
    return [replace(band, common_name=named[band.name]) if band.name in named else band for band in bands]


def spectrum(name: str) -> tuple[Kind, int]:
    """Return the cube of a band by its name, and its place on the middle axis; 0 for ``pan``."""
    kind, _, number = name.partition(":")
    for cube in CUBES:
        if kind == cube:
            return cube, int(number) - 1
    return "pan", 0


def covered(bands: Iterable[Band], low: float, high: float) -> tuple[Band, ...]:
    """Return bands between two wavelengths, rising; SWIR only from where VNIR ends, so that nothing comes twice."""
    known = [(band.wavelength, band) for band in bands if band.wavelength is not None]
    end = max((centre for centre, band in known if band.name.startswith("vnir")), default=-np.inf)
    chosen = [
        (centre, band)
        for centre, band in known
        if low <= centre <= high and (band.name.startswith("vnir") or centre > end)
    ]
    return tuple(band for _, band in sorted(chosen, key=lambda pair: pair[0]))
