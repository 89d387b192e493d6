"""Bands of Sentinel-2's MSI in the order of their ids (ESA, Sentinel-2A), and the layers of Level-2A."""

from __future__ import annotations

from typing import NamedTuple


class Spectrum(NamedTuple):
    """One band of the instrument.

    Attributes
    ----------
    name : str
    size : int
        Pixel, m.
    centre, width : float
        nm.
    colour : str
        Common name.
    """

    name: str
    size: int
    centre: float
    width: float
    colour: str


BANDS = (
    Spectrum("B01", 60, 442.7, 21, "coastal"),
    Spectrum("B02", 10, 492.4, 66, "blue"),
    Spectrum("B03", 10, 559.8, 36, "green"),
    Spectrum("B04", 10, 664.6, 31, "red"),
    Spectrum("B05", 20, 704.1, 15, "rededge071"),
    Spectrum("B06", 20, 740.5, 15, "rededge075"),
    Spectrum("B07", 20, 782.8, 20, "rededge078"),
    Spectrum("B08", 10, 832.8, 106, "nir"),
    Spectrum("B8A", 20, 864.7, 21, "nir08"),
    Spectrum("B09", 60, 945.1, 20, "nir09"),
    Spectrum("B10", 60, 1373.5, 31, "cirrus"),
    Spectrum("B11", 20, 1613.7, 91, "swir16"),
    Spectrum("B12", 20, 2202.4, 175, "swir22"),
)
"""A band's place is the ``band_id`` of the metadata: 8 is B8A."""

LAYERS = {"SCL": "class", "AOT": "optical_thickness", "WVP": "water_vapour"}
"""Layers of Level-2A beside the bands, and what they hold; water vapour is in cm."""
