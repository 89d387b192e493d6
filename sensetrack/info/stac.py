"""A file as a STAC Item, and the footprint of a grid in WGS84."""

from __future__ import annotations

import math
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.crs import CRS

from sensetrack.info.describe import FileInfo, LayerInfo
from sensetrack.raster._gdal import public_name
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.types import DoubleArray

VERSION = "1.1.0"
PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
PROCESSING = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"
PER_SIDE = 20
"""Points along each side of a footprint: straight lines of a map are curves in longitude and latitude."""

MEDIA_TYPES = {
    ".tif": "image/tiff; application=geotiff",
    ".tiff": "image/tiff; application=geotiff",
    ".jp2": "image/jp2",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".nc": "application/netcdf",
}


def stac_item(info: FileInfo) -> dict[str, Any]:
    """Return the STAC Item of a file, with its grid in the fields of the projection extension.

    Parameters
    ----------
    info : FileInfo

    Returns
    -------
    dict
        JSON-ready. ``datetime`` is null where no acquisition time is known; a pair has ``start_datetime`` and
        ``end_datetime`` instead. An image without georeference has a null geometry.
    """
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [],
        "id": Path(info.path).stem,
        "geometry": None,
        "properties": _properties(info),
        "links": [],
        "assets": {"data": _asset(info)},
    }
    if info.grid.crs is not None:
        item["geometry"] = footprint(info.grid)
        item["bbox"] = bounding_box(item["geometry"])
        item["stac_extensions"].append(PROJECTION)
        item["properties"] |= projection(info.grid)
    if info.provenance is not None:
        item["stac_extensions"].append(PROCESSING)
    return item


def media_type(path: str) -> str | None:
    """Return the media type of a file by its suffix, or None."""
    return MEDIA_TYPES.get(Path(path).suffix.lower())


def footprint(grid: Grid) -> dict[str, Any]:
    """Return the outline of a grid in longitude and latitude as a GeoJSON geometry.

    It is cut at the antimeridian into a MultiPolygon where it crosses it, and reaches to the pole where it holds it.

    Parameters
    ----------
    grid : Grid
        With a CRS.
    """
    return ring_geometry(*_outline(grid))


def ring_geometry(lon: DoubleArray, lat: DoubleArray) -> dict[str, Any]:
    """Return an outline in longitude and latitude as a GeoJSON geometry, cut at the antimeridian.

    Parameters
    ----------
    lon, lat : ndarray of float64
        Degrees, along the outline; the last point may repeat the first.
    """
    from shapely import MultiPolygon, Polygon, box
    from shapely.affinity import translate
    from shapely.geometry import mapping
    from shapely.geometry.polygon import orient

    lon = np.unwrap(lon, period=360.0)
    turn = round((lon[-1] - lon[0]) / 360.0)
    if turn:
        # The outline goes once round a pole: close it along that pole.
        pole = math.copysign(90.0, float(np.mean(lat)))
        lon, lat = np.append(lon, [lon[-1], lon[0]]), np.append(lat, [pole, pole])
    outline = Polygon(np.column_stack([lon, lat])).buffer(0)
    shape = outline.simplify(1e-3 * math.sqrt(outline.area))
    parts = []
    for shift in (-360.0, 0.0, 360.0):
        part = translate(shape, shift).intersection(box(-180, -90, 180, 90))
        parts += [piece for piece in getattr(part, "geoms", [part]) if isinstance(piece, Polygon) and piece.area > 0]
    rounded = [orient(piece) for piece in parts]
    geometry = rounded[0] if len(rounded) == 1 else MultiPolygon(rounded)
    found: dict[str, Any] = _rounded(mapping(geometry))
    return found


def bounding_box(geometry: dict[str, Any]) -> list[float]:
    """Return ``[west, south, east, north]``; west is greater than east across the antimeridian (RFC 7946, 5.2)."""
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    rings = [np.asarray(polygon[0]) for polygon in polygons]
    south, north = min(ring[:, 1].min() for ring in rings), max(ring[:, 1].max() for ring in rings)
    west, east = min(ring[:, 0].min() for ring in rings), max(ring[:, 0].max() for ring in rings)
    if west == -180.0 and east == 180.0:
        first = min((ring[:, 0].min() for ring in rings if ring[:, 0].max() == 180.0), default=west)
        last = max((ring[:, 0].max() for ring in rings if ring[:, 0].min() == -180.0), default=east)
        if first > last:
            west, east = first, last
    return [float(west), float(south), float(east), float(north)]


def _outline(grid: Grid) -> tuple[DoubleArray, DoubleArray]:
    """Return longitudes and latitudes along the edge of a grid, closed."""
    corners = [*grid.corners, grid.corners[0]]
    along = np.linspace(0.0, 1.0, PER_SIDE, endpoint=False)
    sides = [np.asarray(a) + np.outer(along, np.asarray(b) - np.asarray(a)) for a, b in pairwise(corners)]
    points = np.vstack([*sides, corners[-1]])
    lon, lat = transform_points(grid.crs, CRS.from_epsg(4326), points[:, 0], points[:, 1])
    good = np.isfinite(lon) & np.isfinite(lat)
    return lon[good], lat[good]


def projection(grid: Grid) -> dict[str, Any]:
    """Return the fields of the projection extension for a grid with a CRS."""
    name = crs_name(grid.crs)
    fields: dict[str, Any] = {
        "proj:code": name if ":" in name else None,
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform)[:6],
        "proj:bbox": list(grid.bounds),
    }
    if fields["proj:code"] is None and grid.crs is not None:
        fields["proj:wkt2"] = grid.crs.to_wkt(version="WKT2_2019")
    return fields


def _properties(info: FileInfo) -> dict[str, Any]:
    fields: dict[str, Any] = {"datetime": None}
    if info.start is not None and info.start == info.end:
        fields["datetime"] = stamp(info.start)
    elif info.start is not None and info.end is not None:
        fields |= {"start_datetime": stamp(info.start), "end_datetime": stamp(info.end)}
    source = info.provenance
    if source is not None:
        fields |= {
            "sensetrack:product": info.kind,
            "sensetrack:tracker": source.tracker,
            "sensetrack:reference": source.reference,
            "sensetrack:secondary": source.secondary,
            "sensetrack:days": info.days,
            "processing:software": {"sensetrack": source.version},
        }
    if info.flags is not None:
        fields["sensetrack:flag_shares"] = {name: round(share, 6) for name, share in info.flags.items()}
    return fields


def _asset(info: FileInfo) -> dict[str, Any]:
    asset: dict[str, Any] = {
        "href": public_name(info.path),
        "roles": ["data"],
        "bands": [_band(layer) for layer in info.layers],
    }
    media = media_type(info.path)
    return asset | ({"type": media} if media else {})


def _band(layer: LayerInfo) -> dict[str, Any]:
    values = layer.statistics
    band: dict[str, Any] = {"name": layer.name, "data_type": _data_type(layer.dtype)}
    if layer.unit:
        band["unit"] = layer.unit
    if layer.nodata is not None:
        band["nodata"] = "nan" if math.isnan(layer.nodata) else layer.nodata
    if values.count:
        band["statistics"] = {
            "minimum": values.minimum,
            "maximum": values.maximum,
            "mean": values.mean,
            "stddev": values.std,
            "count": values.count,
            "valid_percent": 100 * values.share,
        }
    return band


def _data_type(dtype: str) -> str:
    return {"complex64": "cfloat32", "complex128": "cfloat64", "complex_int16": "cint16"}.get(dtype, dtype)


def stamp(time: datetime) -> str:
    """Return a time as STAC writes it."""
    return time.isoformat().replace("+00:00", "Z")


def _rounded(value: Any) -> Any:
    """Return a GeoJSON mapping with lists for tuples and 7 decimals, about a centimetre."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return round(value, 7) if isinstance(value, float) else value
