"""Sentinel-2 as public buckets of cloud-optimised GeoTIFF keep it: a STAC Item, and one file per band."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urljoin

from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.dates import parse_time
from sensetrack.raster.remote import is_url
from sensetrack.sensors._container import Container
from sensetrack.sensors._metadata import Band, Orbit, Ring, View
from sensetrack.sensors.sentinel2._bands import BANDS, LAYERS
from sensetrack.sensors.sentinel2._product import baseline_offset

_NAME = re.compile(r"(?:^|_)(B0[1-9]|B1[0-2]|B8A|SCL|AOT|WVP)(?:_\d\dm)?$", re.IGNORECASE)


def item_of(container: Container) -> str | None:
    """Return the STAC Item of a Sentinel-2 scene in a container, or None."""
    named = container.entry is not None
    found = [
        name
        for name in container.find(r"[^/]+\.json")
        if (not named or name == container.entry)
        and b'"Feature"' in (head := container.head(name))
        and re.search(rb'"sentinel-?2[a-d]?"', head, re.IGNORECASE)
    ]
    return found[0] if len(found) == 1 else None


def read_item(container: Container, name: str) -> dict[str, Any]:
    """Return what a product is built from, by the names of its fields.

    Raises
    ------
    InputError
        The item is broken, or has no band.
    """
    file = f"{container.path}: {PurePosixPath(name).name}"
    try:
        item = json.loads(container.read(name))
        properties, assets = item["properties"], item["assets"]
        time = parse_time(str(properties["datetime"]))
        # Items that state no offset leave it to the baseline, as the pixels do.
        unstated = baseline_offset(str(properties.get("s2:processing_baseline") or ""))
        if properties.get(_APPLIED):
            unstated = 0.0
        bands, scales, offsets = _bands(container, name, assets, bool(properties.get(_APPLIED)), unstated)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ParameterError) as error:
        raise InputError(f"{file}: cannot be read as a STAC Item ({type(error).__name__}: {error})") from error
    if not bands:
        raise InputError(f"{file}: none of its assets is a band of Sentinel-2")
    uri = str(properties.get("s2:product_uri") or item.get("id")).removesuffix(".SAFE")
    level = "L1C" if "L1C" in f"{uri}{item.get('collection')}".upper() else "L2A"
    relative = re.search(r"_R(\d{3})_", uri)
    tile = re.search(r"_T?(\d{2}[A-Z]{3})_", uri)
    elevation, azimuth = properties.get("view:sun_elevation"), properties.get("view:sun_azimuth")
    return {
        "name": uri,
        "mission": str(properties.get("platform", "sentinel-2")).title(),
        "product_type": f"S2MSI{level[1:]}",
        "level": level,
        "start": time,
        "stop": time,
        "bands": tuple(bands),
        "orbit": Orbit(relative=int(relative[1]) if relative else None),
        "view": View(elevation, azimuth),
        "baseline": properties.get("s2:processing_baseline"),
        "cloud_cover": properties.get("eo:cloud_cover"),
        "outline": _outline(item.get("geometry")),
        "tile": tile[1] if tile else "",
        "quantification": 1 / scales,
        "offsets": offsets,
    }


_APPLIED = "earthsearch:boa_offset_applied"


def _bands(
    container: Container, item: str, assets: dict[str, Any], is_applied: bool, unstated: float
) -> tuple[list[Band], float, dict[str, float]]:
    """Return the bands, the scale of reflectance, and the offset of each band in stored numbers."""
    spectra = {band.name: band for band in BANDS}
    bands: dict[str, Band] = {}
    scale, offsets = 1e-4, dict.fromkeys(spectra, 0.0)
    for asset in assets.values():
        href = str(asset["href"])
        file = PurePosixPath(href.partition("?")[0])
        match = _NAME.search(file.stem)
        # Masks end like the bands that they belong to.
        if match is None or file.name.startswith("MSK_") or file.suffix.lower() not in (".tif", ".tiff", ".jp2"):
            continue
        name = match[1].upper()
        if name in bands and href.startswith("s3:"):
            # The same band once more, in a bucket that only its owner reads.
            continue
        about = spectra.get(name)
        raster = (asset.get("raster:bands") or asset.get("bands") or [{}])[0]
        if about is not None:
            scale = float(raster.get("scale", raster.get("raster:scale", scale)))
            offset = raster.get("offset", raster.get("raster:offset"))
            # Where the pixels have it added already, some items still state it.
            offsets[name] = 0.0 if is_applied else unstated if offset is None else float(offset) / scale
        shape = asset.get("proj:shape")
        bands[name] = Band(
            name=name,
            quantities=("reflectance",) if about else (LAYERS[name],),
            files=_files(container, item, href),
            common_name=about.colour if about else None,
            wavelength=about.centre if about else None,
            width=about.width if about else None,
            resolution=float(raster.get("spatial_resolution") or (about.size if about else 20)),
            shape=(int(shape[0]), int(shape[1])) if shape else None,
        )
    order = [*spectra, *LAYERS]
    return sorted(bands.values(), key=lambda band: order.index(band.name)), scale, offsets


def _files(container: Container, item: str, href: str) -> tuple[str, ...]:
    """Return where a file lies: its URL, or its place beside the item; nothing where it is not there."""
    if is_url(container.root):
        # What comes from elsewhere names no file of this machine.
        place = urljoin(container.root, href)
        return (place,) if place.startswith(("http://", "https://", "s3://", "gs://")) else ()
    if "://" in href or href.startswith("/vsi") or (href.startswith("/") and Path(href).is_file()):
        return (href,)
    place = (PurePosixPath(item).parent / href.removeprefix("./")).as_posix()
    return (place,) if container.sizes.get(place) else ()


def _outline(geometry: dict[str, Any] | None) -> Ring | None:
    if not geometry or geometry.get("type") != "Polygon":
        return None
    return tuple((float(point[0]), float(point[1])) for point in geometry["coordinates"][0][:-1])
