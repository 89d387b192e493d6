"""A product of a sensor as a STAC Item, and its quicklook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sensetrack.errors import UnusableImageError
from sensetrack.info.stac import PROJECTION, VERSION, bounding_box, media_type, projection, ring_geometry, stamp
from sensetrack.info.stac import footprint as grid_footprint
from sensetrack.raster._gdal import public_name
from sensetrack.raster.image import Image
from sensetrack.raster.write import atomic
from sensetrack.sensors import Band, Product
from sensetrack.types import FloatArray, Mask, PathLike, PixelArray

SCHEMAS = {
    "sat:": "https://stac-extensions.github.io/sat/v1.1.0/schema.json",
    "sar:": "https://stac-extensions.github.io/sar/v1.2.0/schema.json",
    "eo:": "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "view:": "https://stac-extensions.github.io/view/v1.0.0/schema.json",
    "processing:": "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "landsat:": "https://landsat.usgs.gov/stac/landsat-extension/v1.1.1/schema.json",
    "s2:": "https://stac-extensions.github.io/sentinel-2/v1.0.0/schema.json",
    "s1:": "https://stac-extensions.github.io/sentinel-1/v0.2.0/schema.json",
    "product:": "https://stac-extensions.github.io/product/v0.1.0/schema.json",
    "proj:": PROJECTION,
}
"""Schemas of the extensions, by the prefix of their properties."""

_LOW, _HIGH = 2.0, 98.0
"""Percentiles between which a quicklook is stretched."""


def product_item(product: Product) -> dict[str, Any]:
    """Return the STAC Item of a product.

    Parameters
    ----------
    product : Product

    Returns
    -------
    dict
        JSON-ready; one asset per band whose file is there, with its path as GDAL opens it.
    """
    grid = product.grid
    properties = _properties(product)
    if grid is not None and grid.crs is not None:
        properties |= projection(grid)
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [],
        "id": product.name,
        "geometry": None,
        "properties": properties,
        "links": [],
        "assets": {band.name: _asset(product, band) for band in product.available},
    }
    if product.outline is not None:
        item["geometry"] = ring_geometry(*np.array([*product.outline, product.outline[0]], np.float64).T)
    elif grid is not None and grid.crs is not None:
        item["geometry"] = grid_footprint(grid)
    if item["geometry"] is not None:
        item["bbox"] = bounding_box(item["geometry"])
    keys = {*properties, *(key for asset in item["assets"].values() for each in asset["bands"] for key in each)}
    item["stac_extensions"] = [
        schema for prefix, schema in SCHEMAS.items() if any(key.startswith(prefix) for key in keys)
    ]
    return item


def _properties(product: Product) -> dict[str, Any]:
    orbit, view = product.orbit, product.view
    fields: dict[str, Any] = {
        "datetime": stamp(product.start) if product.start else None,
        "platform": product.mission.lower(),
        "instruments": [product.instrument.lower()],
        "sat:absolute_orbit": orbit.absolute,
        "sat:relative_orbit": orbit.relative,
        "sat:orbit_state": orbit.direction,
        "eo:cloud_cover": product.cloud_cover,
        "view:sun_elevation": view.sun_elevation,
        "view:sun_azimuth": view.sun_azimuth,
        "view:incidence_angle": view.incidence,
        "view:azimuth": view.azimuth,
        "processing:level": product.level,
        "processing:version": product.baseline,
        "product:type": product.product_type,
    }
    if product.start is not None and product.stop is not None and product.stop != product.start:
        fields |= {"start_datetime": stamp(product.start), "end_datetime": stamp(product.stop)}
    fields |= product.properties()
    return {key: value for key, value in fields.items() if value is not None or key == "datetime"}


def _asset(product: Product, band: Band) -> dict[str, Any]:
    about: dict[str, Any] = {"name": band.name}
    if band.common_name is not None:
        about["eo:common_name"] = band.common_name
    if band.wavelength is not None:
        about["eo:center_wavelength"] = round(band.wavelength / 1000, 6)
    if band.width is not None:
        about["eo:full_width_half_max"] = round(band.width / 1000, 6)
    asset: dict[str, Any] = {
        "href": public_name(product.container.gdal_path(band.files[0])),
        "roles": ["data"],
        "bands": [about],
    }
    if band.resolution is not None:
        asset["gsd"] = band.resolution
    if band.polarisation is not None:
        asset["sar:polarizations"] = [band.polarisation]
    media = media_type(band.files[0])
    return asset | ({"type": media} if media else {})


def write_quicklook(scene: Product | Image, output: PathLike, size: int = 1000, *, overwrite: bool = False) -> Path:
    """Write a small picture of a scene as PNG: in true colour where it has red, green and blue, else grey.

    Values are stretched between their 2nd and 98th percentile; radar amplitudes are shown, not powers. What is
    invalid is transparent. A picture that the product brings itself (COSMO-SkyMed) stands in for its pixels.

    Parameters
    ----------
    scene : Product or Image
    output : path-like
        ``.png``.
    size : int
        Longer side, pixels.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    UnusableImageError
        No pixel is valid.
    OutputError
        As `atomic`.
    """
    import cv2

    preview = scene.preview() if isinstance(scene, Product) else None
    read = [image.read_overview(size) for image in ([preview] if preview is not None else _pictured(scene))]
    valid: Mask = np.logical_and.reduce([mask for _, mask in read])
    if not valid.any():
        name = scene.name
        raise UnusableImageError(f"{name}: there is nothing to show, no pixel of it is valid")
    is_power = preview is None and isinstance(scene, Product) and scene.view.look_side is not None
    layers = [_stretched(_brightness(pixels, is_power), valid) for pixels, _ in read]
    layers = layers * 3 if len(layers) == 1 else layers
    picture = np.dstack([*layers[::-1], np.where(valid, 255, 0)]).astype(np.uint8)
    with atomic(output, overwrite=overwrite) as part:
        encoded: Any = cv2.imencode(".png", picture)[1]
        part.write_bytes(encoded.tobytes())
    return Path(output)


def _pictured(scene: Product | Image) -> list[Image]:
    if isinstance(scene, Image):
        return [scene]
    colours = {band.common_name: band for band in reversed(scene.available)}
    chosen = [colours.get(name) for name in ("red", "green", "blue")]
    if all(chosen) and len({band.shape for band in chosen if band}) == 1:
        return [scene.image(band.name, mask=False) for band in chosen if band]
    return [scene.image(mask=False)]


def _brightness(pixels: PixelArray, is_power: bool) -> FloatArray:
    """Return what is shown: the amplitude of complex pixels and of radar powers."""
    values = np.abs(pixels) if np.iscomplexobj(pixels) else pixels
    return np.asarray(np.sqrt(np.maximum(values, 0)) if is_power and values is pixels else values, np.float32)


def _stretched(values: FloatArray, valid: Mask) -> FloatArray:
    low, high = np.percentile(values[valid], [_LOW, _HIGH])
    scaled = (values - low) / max(high - low, 1e-12)
    return np.asarray(255 * scaled.clip(0, 1), np.float32)
