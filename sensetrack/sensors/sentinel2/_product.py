"""What the product metadata of Sentinel-2 say; without them, what can be told from the tile's own."""

from __future__ import annotations

import json
import re
from typing import Literal

import numpy as np

from sensetrack.errors import InputError
from sensetrack.sensors._container import Container
from sensetrack.sensors._metadata import Ring, View
from sensetrack.sensors._xml import Node
from sensetrack.sensors.sentinel2._bands import BANDS


def band_id(name: str) -> int:
    """Return the number under which metadata know a band."""
    return next(number for number, band in enumerate(BANDS) if band.name == name)


def text_of(product: Node | None, name: str) -> str | None:
    """Return a text of the product metadata, or None."""
    return None if product is None else product.optional_string(f".//{name}")


def name_of(product: Node | None, tile_id: str, container: Container) -> str:
    """Return the product's name; of the tile folder of a bucket by its table of contents, else that of the tile."""
    for name in container.find(r"tileInfo\.json")[:1] if product is None else ():
        try:
            return str(json.loads(container.read(name))["productName"])
        except (ValueError, KeyError, TypeError, RecursionError):
            break
    uri = text_of(product, "PRODUCT_URI") or text_of(product, "PRODUCT_URI_2A") or text_of(product, "PRODUCT_URI_1C")
    return (uri or tile_id).removesuffix(".SAFE")


def mission_of(product: Node | None, tile_id: str) -> str:
    """Return the satellite."""
    return text_of(product, "SPACECRAFT_NAME") or f"Sentinel-{tile_id[1:3]}"


def direction_of(product: Node | None) -> Literal["ascending", "descending"] | None:
    """Return the direction of the orbit."""
    text = (text_of(product, "SENSING_ORBIT_DIRECTION") or "").lower()
    return "ascending" if text == "ascending" else "descending" if text == "descending" else None


def baseline_of(product: Node | None, tile_id: str) -> str | None:
    """Return the processing baseline, such as ``05.09``."""
    match = re.search(r"_N(\d\d\.\d\d)$", tile_id)
    return text_of(product, "PROCESSING_BASELINE") or (match[1] if match else None)


def quantification_of(product: Node | None, level: str) -> float:
    """Return the number that stands for a reflectance of 1."""
    if product is None:
        return 10_000.0
    names = (
        ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE") if level == "L2A" else ("QUANTIFICATION_VALUE",)
    )
    for name in names:
        number = product.optional_number(f".//{name}")
        if number is not None:
            if number <= 0:
                raise InputError(f"{product.file}: {name} = {number:g} must be above 0")
            return number
    raise InputError(f"{product.file}: lacks {names[0]}")


def layer_scales_of(product: Node | None) -> dict[str, float]:
    """Return what the numbers of the layers AOT and WVP are multiplied with: a thousandth where nothing states it."""
    scales = {}
    for name in ("AOT", "WVP"):
        number = None if product is None else product.optional_number(f".//{name}_QUANTIFICATION_VALUE")
        scales[name] = 1 / number if number else 1e-3
    return scales


def baseline_offset(baseline: str) -> float:
    """Return the offset that a processing baseline brought, for where nothing states it: -1000 from 04.00 on."""
    return -1000.0 if baseline >= "04.00" else 0.0


def offsets_of(product: Node | None, level: str, baseline: str | None) -> dict[str, float]:
    """Return the offset of every band: what the metadata have; without them, what the baseline brought."""
    if product is None:
        return {band.name: baseline_offset(baseline or "") for band in BANDS}
    offsets = {band.name: 0.0 for band in BANDS}
    for node in product.all(f".//{'BOA' if level == 'L2A' else 'RADIO'}_ADD_OFFSET"):
        number = node.attribute("band_id") or ""
        if not number.isdigit() or int(number) >= len(BANDS):
            raise InputError(f"{product.file}: {node.tag} has the unknown band_id '{number}'")
        offsets[BANDS[int(number)].name] = node.number(".")
    return offsets


_MEAN_VIEW = ".//Mean_Viewing_Incidence_Angle"


def view_of(tile: Node) -> View:
    """Return the mean angles of a tile."""
    zenith, azimuth = (tile.optional_number(f".//Mean_Sun_Angle/{name}_ANGLE") for name in ("ZENITH", "AZIMUTH"))
    # Of a band that does not see the tile some products say NaN.
    means = [np.append(node.numbers("ZENITH_ANGLE"), node.numbers("AZIMUTH_ANGLE")) for node in tile.all(_MEAN_VIEW)]
    known = [angles for angles in means if len(angles) == 2 and np.isfinite(angles).all()]
    incidence = [float(angles[0]) for angles in known]
    turned = np.exp(1j * np.radians([float(angles[1]) for angles in known]))
    return View(
        sun_elevation=None if zenith is None else 90 - zenith,
        sun_azimuth=azimuth,
        incidence=float(np.mean(incidence)) if known else None,
        azimuth=float(np.degrees(np.angle(turned.mean())) % 360) if known else None,
    )


def cloud_cover_of(product: Node | None, tile: Node) -> float | None:
    """Return the share of clouds in percent."""
    found = None if product is None else product.optional_number(".//Cloud_Coverage_Assessment")
    return tile.optional_number(".//CLOUDY_PIXEL_PERCENTAGE") if found is None else found


def outline_of(product: Node | None) -> Ring | None:
    """Return the footprint of the data; its points are latitude and longitude."""
    if product is None or product.optional_string(".//EXT_POS_LIST") is None:
        return None
    numbers = product.numbers(".//EXT_POS_LIST")
    if len(numbers) < 8 or len(numbers) % 2 or not np.isfinite(numbers).all():
        return None
    points = [(float(lon), float(lat)) for lat, lon in numbers.reshape(-1, 2)]
    return tuple(points[:-1] if points[0] == points[-1] else points)
