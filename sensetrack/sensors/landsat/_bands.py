"""Spectral bands of the Landsat instruments: edges at half maximum (USGS) and the names that STAC gives them."""

from __future__ import annotations

from typing import NamedTuple


class Spectrum(NamedTuple):
    """One band of an instrument.

    Attributes
    ----------
    low, high : float
        Edges, nm.
    name : str
        Common name.
    size : float
        Pixel, m.
    """

    low: float
    high: float
    name: str
    size: float = 30.0


_OLI = {
    "1": Spectrum(435, 451, "coastal"),
    "2": Spectrum(452, 512, "blue"),
    "3": Spectrum(533, 590, "green"),
    "4": Spectrum(636, 673, "red"),
    "5": Spectrum(851, 879, "nir08"),
    "6": Spectrum(1566, 1651, "swir16"),
    "7": Spectrum(2107, 2294, "swir22"),
    "8": Spectrum(503, 676, "pan", 15.0),
    "9": Spectrum(1363, 1384, "cirrus"),
    "10": Spectrum(10600, 11190, "lwir11"),
    "11": Spectrum(11500, 12510, "lwir12"),
}
_ETM = {
    "1": Spectrum(441, 514, "blue"),
    "2": Spectrum(519, 601, "green"),
    "3": Spectrum(631, 692, "red"),
    "4": Spectrum(772, 898, "nir08"),
    "5": Spectrum(1547, 1749, "swir16"),
    "6": Spectrum(10310, 12360, "lwir"),
    "7": Spectrum(2064, 2345, "swir22"),
    "8": Spectrum(515, 896, "pan", 15.0),
}
_TM = {
    "1": Spectrum(450, 520, "blue"),
    "2": Spectrum(520, 600, "green"),
    "3": Spectrum(630, 690, "red"),
    "4": Spectrum(760, 900, "nir08"),
    "5": Spectrum(1550, 1750, "swir16"),
    "6": Spectrum(10400, 12500, "lwir"),
    "7": Spectrum(2080, 2350, "swir22"),
}
_MSS = {
    "1": Spectrum(500, 600, "green", 60.0),
    "2": Spectrum(600, 700, "red", 60.0),
    "3": Spectrum(700, 800, "nir08", 60.0),
    "4": Spectrum(800, 1100, "nir09", 60.0),
}
_MSS_OF_1_TO_3 = {str(int(number) + 3): band for number, band in _MSS.items()}


def spectrum(spacecraft: str, instrument: str, number: str) -> Spectrum | None:
    """Return a band of an instrument by its number, such as ``"4"`` or ``"6_VCID_1"``; None where it is not known."""
    satellite = int(spacecraft[-1]) if spacecraft[-1:].isdigit() else 0
    if "OLI" in instrument or "TIRS" in instrument:
        bands = _OLI
    elif instrument.startswith("ETM"):
        bands = _ETM
    elif instrument.startswith("MSS"):
        bands = _MSS_OF_1_TO_3 if satellite <= 3 else _MSS
    else:
        bands = _TM
    return bands.get(number.partition("_")[0])
