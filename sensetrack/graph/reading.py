"""Opens products of sensors and plain rasters as scenes, with the names that bands have in graphs."""

from __future__ import annotations

import math
from pathlib import Path

from sensetrack.errors import GraphError, did_you_mean
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.raster import _gdal
from sensetrack.raster.bands import names_of_bands
from sensetrack.raster.image import Image
from sensetrack.raster.remote import is_url
from sensetrack.sensors import Band, Product, product_at
from sensetrack.types import PathLike

PLAIN = "a raster"

FORMATS = {
    "SENTINEL-1": "sentinel1",
    "SENTINEL-2-MSI": "sentinel2",
    "COSMOSKYMED": "cosmo-skymed",
    "PRISMA": "prisma",
    "LANDSAT": "landsat",
    "GEOTIFF": PLAIN,
    "NETCDF": PLAIN,
    "CF-": PLAIN,
    "JPEG2000": PLAIN,
    "PNG": PLAIN,
    "ENVI": PLAIN,
    "GDAL": PLAIN,
}
"""Beginnings of the names of SNAP's formats, in capitals, and the sensor that reads them."""

LAYERS = {"SCL": "quality_scene_classification", "AOT": "quality_aot", "WVP": "quality_wvp"}
"""SNAP's names of the layers of Sentinel-2's Level-2A."""

_WHOLE = ("int8", "uint8", "int16", "uint16", "int32", "uint32")


def read_scene(path: PathLike, format_name: str | None = None) -> Scene:
    """Open a product of a sensor, or a plain raster; only metadata are read.

    Bands hold the numbers that are stored, with the scale and offset that make a quantity of them. What a product calls
    defective is left in, as in SNAP. They are called

    - Sentinel-2: ``B1`` ... ``B8``, ``B8A``, ``B9`` ... ``B12``, and of Level-2A ``quality_scene_classification``,
      ``quality_aot``, ``quality_wvp``;
    - Landsat: ``B1`` ... as in its files; numbers of thermal bands of Level 1 stand for radiance;
    - PRISMA: ``PAN``, ``VNIR_1`` ..., ``SWIR_1`` ... in the order of the file. Level 2D in its numbers; the others,
      which are not on a map, as radiance or reflectance on the UTM map that their own coordinates lead to;
    - Sentinel-1 and COSMO-SkyMed: see `sensetrack.graph.radar_scene.radar_scene`;
    - other sensors: as the sensor names them;
    - plain rasters: by their descriptions, or ``band_1``, ``band_2`` ...

    Parameters
    ----------
    path : path-like
    format_name : str, optional
        Name of one of SNAP's formats, which the file must have.

    Raises
    ------
    GraphError
        The file is not there, is of another format, or the format is not known.
    InputError
        Its metadata cannot be read.
    """
    name = str(path)
    wanted = None if format_name is None else _sensor_of(format_name)
    if not is_url(name) and not name.startswith("/vsi") and not Path(name).exists():
        raise GraphError(f"file '{name}' does not exist")
    if Path(name).suffix.lower() == ".dim":
        raise GraphError(
            f"file '{name}': BEAM-DIMAP is read by SNAP only; write GeoTIFF in the graph before, or use --engine gpt"
        )
    product = None if wanted == PLAIN else product_at(name)
    if wanted not in (None, PLAIN) and (product is None or product.sensor.replace("_", "-") != wanted):
        is_a = PLAIN if product is None else f"a product of {product.sensor}"
        raise GraphError(f"file '{name}': formatName = '{format_name}' asks for {wanted}, and it is {is_a}")
    return _plain(name) if product is None else scene_of(product)


def scene_of(product: Product) -> Scene:
    """Return a product of a sensor as a scene; see `read_scene`."""
    from sensetrack.graph.radar_scene import is_radar, radar_scene

    if is_radar(product):
        return radar_scene(product)
    bands = tuple(
        _band(product, band) for band in product.available if not (product.sensor == "sentinel2" and _is_mask(band))
    )
    if not bands:
        raise GraphError(f"{product.path}: there is no image in it: {', '.join(product.missing) or 'no band'}")
    return Scene(name=product.name, bands=bands, product=product, start=product.start)


def _is_mask(band: Band) -> bool:
    return band.quantities == ("detector",)


def _band(product: Product, band: Band) -> SceneBand:
    """Return a band of an optical sensor, in its stored numbers where these lie on a map."""
    image = product.image(band.name, raw=True, mask=False)
    if image.grid.crs is None:
        image = product.image(band.name, mask=False)
    tags = image.metadata
    is_class = band.quantities[0] == "class"
    has_scale = tags.get("quantity") == "raw" and not is_class
    scaled = tags.get("scaled", tags.get("quantity", ""))
    return SceneBand(
        name=band_name(product.sensor, band.name),
        image=image,
        unit="reflectance" if scaled == "reflectance" else "",
        channel=band.name,
        dtype=image.dtype if image.dtype in _WHOLE else "float32",
        nodata=float(tags["nodata"]) if "nodata" in tags and image.dtype in _WHOLE else math.nan,
        scale=float(tags.get("scale", "1")) if has_scale else 1.0,
        offset=float(tags.get("offset", "0")) if has_scale else 0.0,
        wavelength=band.wavelength,
        is_class=is_class,
    )


def band_name(sensor: str, name: str) -> str:
    """Return what graphs call a band of a sensor: ``B02`` of Sentinel-2 is ``B2``, ``vnir:7`` of PRISMA ``VNIR_7``."""
    if sensor == "sentinel2":
        return LAYERS.get(name, name.replace("B0", "B"))
    return name.upper().replace(":", "_") if sensor == "prisma" else name


def _plain(name: str) -> Scene:
    """Return the bands of a raster that no sensor knows."""
    first = Image.open(name, band=1)
    info = _gdal.describe(name)
    with _gdal.opened(name) as dataset:
        scales, offsets = dataset.scales, dataset.offsets
        has_mask = [not (len(flags) == 1 and flags[0].name == "all_valid") for flags in dataset.mask_flag_enums]
    bands = []
    for number, described in names_of_bands(first).items():
        image = Image.open(name, band=number)
        k = number - 1
        stored, nodata = info.dtypes[k], info.nodata[k]
        dtype = stored if stored in _WHOLE else "complex64" if "complex" in stored else "float32"
        if dtype in _WHOLE and nodata is None and has_mask[k]:
            # Masked by an alpha band or a mask: no number is left to mean missing.
            dtype = "float32"
        title = info.band_names[k] or described or f"band_{number}"
        bands.append(
            SceneBand(
                name=title,
                image=image,
                unit="complex" if dtype == "complex64" else "",
                dtype="float32" if dtype == "complex64" else dtype,
                nodata=float(nodata) if nodata is not None and dtype in _WHOLE else math.nan,
                scale=1.0 if scales[k] is None else float(scales[k]),
                offset=0.0 if offsets[k] is None else float(offsets[k]),
            )
        )
    from sensetrack.graph.operators.bands import with_numbers

    return Scene(name=Path(_gdal.public_name(name)).stem, bands=with_numbers(bands), start=first.acquired)


def _sensor_of(format_name: str) -> str:
    for beginning, sensor in FORMATS.items():
        if format_name.strip().upper().startswith(beginning):
            return sensor
    known = did_you_mean(format_name, ["SENTINEL-1", "SENTINEL-2-MSI", "CosmoSkymed", "PRISMA", "Landsat", "GeoTIFF"])
    raise GraphError(f"formatName = '{format_name}': no reader for this format{known}")
