"""Sentinel-2 products as public buckets keep them: one file per band, short names, JSON beside them.

Neither layout stands in the description of the formats; both follow what the buckets' own catalogues show.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from products.sentinel2 import Sentinel2Truth, write_jp2
from products.sentinel2_metadata import RESOLUTION

COMMON = {
    "B01": "coastal",
    "B02": "blue",
    "B03": "green",
    "B04": "red",
    "B05": "rededge1",
    "B06": "rededge2",
    "B07": "rededge3",
    "B08": "nir",
    "B8A": "nir08",
    "B09": "nir09",
    "B11": "swir16",
    "B12": "swir22",
}


def _ring(truth: Sentinel2Truth) -> list[list[list[float]]]:
    west, north, side = truth.spec.west, truth.spec.north, truth.spec.rows * 10
    return [[[west, north], [west + side, north], [west + side, north - side], [west, north - side], [west, north]]]


def jp2_bucket(folder: Path, truth: Sentinel2Truth) -> Path:
    """Lay out a product as the JP2 buckets do; return the tile's folder, ``tiles/33/T/VG/2022/1/25/0``.

    ``metadata.xml`` there is that of the tile; that of the product lies under ``products/``.
    """
    spec, day = truth.spec, truth.spec.start
    place = f"tiles/{spec.tile[:2]}/{spec.tile[2]}/{spec.tile[3:]}/{day.year}/{day.month}/{day.day}/0"
    product = f"products/{day.year}/{day.month}/{day.day}/{spec.product.removesuffix('.SAFE')}"
    tile = folder / place
    for (band, resolution), path in truth.files.items():
        target = tile / (f"R{resolution}m/{band}.jp2" if spec.level == "2A" else f"{band}.jp2")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    shutil.copyfile(truth.path / "GRANULE" / spec.granule / "MTD_TL.xml", tile / "metadata.xml")
    (folder / product).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(truth.path / f"MTD_MSIL{spec.level}.xml", folder / product / "metadata.xml")
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG:8.8.1:{spec.epsg}"}}
    info: dict[str, Any] = {
        "path": place,
        "timestamp": f"{spec.sensing:%Y-%m-%dT%H:%M:%S}.{spec.sensing.microsecond // 1000:03d}Z",
        "utmZone": int(spec.tile[:2]),
        "latitudeBand": spec.tile[2],
        "gridSquare": spec.tile[3:],
        "tileGeometry": {"type": "Polygon", "crs": crs, "coordinates": _ring(truth)},
        "tileOrigin": {"type": "Point", "crs": crs, "coordinates": [spec.west, spec.north]},
        "dataCoveragePercentage": float((truth.detectors > 0).mean() * 100),
        "cloudyPixelPercentage": spec.cloud_cover,
        "productName": spec.product.removesuffix(".SAFE"),
        "productPath": product,
    }
    (tile / "tileInfo.json").write_text(json.dumps(info, indent=2))
    product_info = {"name": info["productName"], "path": product, "timestamp": info["timestamp"], "tiles": [info]}
    (folder / product / "productInfo.json").write_text(json.dumps(product_info, indent=2))
    return tile


def cog_bucket(folder: Path, truth: Sentinel2Truth, *, offset_applied: bool = False) -> Path:
    """Lay out an L2A product as the bucket of cloud-optimised GeoTIFFs does; return the folder with the STAC item.

    Parameters
    ----------
    offset_applied : bool
        Whether the pixels have the offset added already, as that bucket does for some of its holdings; the item says
        so, and gives scale and offset for each band.
    """
    spec = truth.spec
    name = f"S2A_{spec.tile}_{spec.start:%Y%m%d}_0_L2A"
    tile = folder / name
    assets: dict[str, Any] = {}
    for (band, resolution), image in truth.dn.items():
        if band not in (*COMMON, "SCL") or resolution != RESOLUTION.get(band, 20):
            continue
        offset = spec.offsets.get(band, 0)
        stored = image.copy()
        if offset_applied and offset and band != "SCL":
            stored[image > 0] = (image[image > 0].astype(int) + offset).clip(1, 65535)
        write_jp2(tile / f"{band}.tif", stored, spec, resolution)
        entry: dict[str, Any] = {"nodata": 0, "data_type": str(image.dtype), "spatial_resolution": resolution}
        if band != "SCL":
            entry |= {"scale": 1e-4, "offset": 0 if offset_applied else offset * 1e-4}
        asset: dict[str, Any] = {
            "href": f"{band}.tif",
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "proj:shape": list(image.shape),
            "proj:transform": list(truth.transforms[resolution]),
            "raster:bands": [entry],
        }
        if band in COMMON:
            asset["eo:bands"] = [{"name": COMMON[band], "common_name": COMMON[band]}]
        assets[COMMON.get(band, "scl")] = asset
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "properties": {
            "datetime": f"{spec.sensing:%Y-%m-%dT%H:%M:%S.%f}Z",
            "platform": "sentinel-2a",
            "constellation": "sentinel-2",
            "instruments": ["msi"],
            "eo:cloud_cover": spec.cloud_cover,
            "proj:epsg": spec.epsg,
            "s2:processing_baseline": spec.baseline,
            "s2:product_uri": spec.product,
            "earthsearch:boa_offset_applied": offset_applied,
        },
        "assets": assets,
    }
    (tile / f"{name}.json").write_text(json.dumps(item, indent=2))
    return tile
