"""Turn products of sensors into calibrated, masked GeoTIFF."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import click

from sensetrack.convert import convert_images, output_name
from sensetrack.errors import InputError, OutputError
from sensetrack.raster._gdal import public_name
from sensetrack.raster.grid import crs_name
from sensetrack.raster.image import Image
from sensetrack.raster.methods import METHODS
from sensetrack.raster.write import check_target, refuse_same_file
from sensetrack.sensors import open_product, product_at

from ._command import argument, option
from ._command import command as declare
from ._console import percent, say, say_rows, stages
from ._options import Computing, with_settings


@declare(
    "convert",
    example="sensetrack convert S2A_MSIL1C_20220125T151701.SAFE -o b08.tif --band B08\n"
    "sensetrack convert LC09_L2SP_191031_20220322.tar -o colours.tif --band red --band green --band blue\n"
    "sensetrack convert *.SAFE.zip -o converted --aoi 10.5,46.7,10.9,46.9 --crs utm --resolution 10",
)
@argument("scenes", nargs=-1, required=True, help="Products: folders, archives, HDF5 or metadata files, URLs.")
@option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    metavar="PATH",
    section="Output",
    help="A .tif for one scene; a folder for several, each under its own name.",
)
@option("--overwrite", is_flag=True, section="Output", help="Replace outputs that exist.")
@option(
    "--band",
    "bands",
    multiple=True,
    metavar="B",
    section="Pixels",
    help="Name, number or colour of a band; repeat for several in one file. [default: the one that is best to track]",
)
@option(
    "--wavelength",
    "wavelengths",
    multiple=True,
    type=click.FLOAT,
    metavar="NM",
    section="Pixels",
    help="Take the band nearest to this wavelength, nm; repeat for several.",
)
@option(
    "--quantity", metavar="NAME", section="Pixels", help="What to turn pixels into, as info lists. [default: first]"
)
@option("--raw", is_flag=True, section="Pixels", help="Write numbers as they are stored, with scale and offset.")
@option("--mask/--no-mask", default=True, section="Pixels", help="Leave out what the product calls defective.")
@option("--clouds/--no-clouds", default=True, section="Pixels", help="Keep clouds and their shadows.")
@option("--denoise", is_flag=True, section="Pixels", help="Subtract the thermal noise of a radar.")
@option(
    "--aoi",
    metavar="W,S,E,N|FILE",
    section="Grid",
    help="Cut to west,south,east,north in degrees, or to the extent of a vector file.",
)
@option("--crs", metavar="CRS", section="Grid", help="Resample onto this CRS, such as utm or EPSG:32633.")
@option("--resolution", type=click.FLOAT, metavar="SIZE", section="Grid", help="Resample to this pixel size.")
@option(
    "--resampling",
    type=click.Choice(METHODS),
    default="spline",
    show_default=True,
    section="Grid",
    help="How, where pixels are resampled.",
)
@with_settings("computing", Computing)
def command(
    scenes: tuple[str, ...],
    output: str,
    overwrite: bool,
    bands: tuple[str, ...],
    wavelengths: tuple[float, ...],
    aoi: str | None,
    crs: str | None,
    resolution: float | None,
    resampling: Any,
    computing: Computing,
    **reading: Any,
) -> None:
    """Turn products into GeoTIFF: reflectance, temperature or backscatter, masked, with their metadata in the tags.

    Without --crs and --resolution pixels are cut, never resampled; bands of other pixel sizes follow the first one.
    A plain raster, such as a cloud-optimised GeoTIFF behind a URL, is cut or resampled in the numbers that it holds.
    """
    is_file = Path(output).suffix.lower() in (".tif", ".tiff")
    if len(scenes) > 1 and is_file:
        raise OutputError(
            f"{output}: is one file for {len(scenes)} scenes; name a folder, each gets its own name in it"
        )
    if not is_file and len(scenes) == 1 and not Path(output).is_dir() and Path(output).suffix:
        raise OutputError(f"{output}: products are converted to .tif, or into a folder")
    opened = [_images(scene, bands, wavelengths, reading) for scene in scenes]
    if not is_file:
        Path(output).mkdir(exist_ok=True)
    targets = [str(output_name(output, images[0], 1 if is_file else 2)) for images in opened]
    for number, target in enumerate(targets):
        if target in targets[:number]:
            raise InputError(f"{scenes[number]}: is the product of {scenes[targets.index(target)]} once more")
        check_target(target, overwrite=overwrite)
        refuse_same_file(target, scenes)
    with computing.open() as engine, stages() as report:
        for images, target in zip(opened, targets, strict=True):
            name = Path(target).stem
            share = convert_images(
                images,
                target,
                aoi=aoi,
                crs=crs,
                resolution=resolution,
                resampling=resampling,
                engine=engine,
                progress=None if report is None else functools.partial(report, name),
                overwrite=overwrite,
            )
            _say(target, images, share)


def _images(scene: str, bands: tuple[str, ...], wavelengths: tuple[float, ...], reading: dict[str, Any]) -> list[Image]:
    product = product_at(scene)
    if product is None and (Path(scene).is_file() or "://" in scene or scene.startswith("/vsi")):
        return _plain(scene, bands, wavelengths, reading)
    product = product or open_product(scene)
    chosen = [each for band in bands for each in product.select(band)]
    chosen += [product.band_at(wavelength) for wavelength in wavelengths]
    return [product.image(band.name, **reading) for band in chosen or [product.default_band]]


def _plain(scene: str, bands: tuple[str, ...], wavelengths: tuple[float, ...], reading: dict[str, Any]) -> list[Image]:
    """Open bands of a plain raster, which has no more to it than its numbers."""
    given = [
        name
        for name, is_given in (
            ("--wavelength", bool(wavelengths)),
            ("--quantity", reading["quantity"] is not None),
            ("--denoise", reading["denoise"]),
            ("--no-clouds", not reading["clouds"]),
        )
        if is_given
    ]
    if given:
        raise InputError(f"{public_name(scene)}: is no product of a sensor that is known; leave out {given[0]}")
    found = []
    for band in bands or (None,):
        image = Image.open(scene, band=int(band) if band is not None and band.isdigit() else band)
        named = image.band_names[image.bands[0] - 1] if len(image.bands) == 1 else "mean"
        tags = dict(image.metadata)
        if reading["raw"] and image.nodata is not None:
            tags["nodata"] = f"{image.nodata:g}"
        name = named or f"band {image.bands[0]}"
        found.append(dataclasses.replace(image, band_names=(name,), metadata=tags))
    return found


def _say(target: str, images: list[Image], share: float) -> None:
    result = Image.open(target, band=1)
    say(target)
    rows = [
        ("bands", ", ".join(image.band_names[0] for image in images)),
        (
            "pixels",
            f"{images[0].metadata.get('quantity', 'numbers as stored')}, {result.dtype}, {percent(share)} valid",
        ),
        ("size", f"{result.grid.height} rows x {result.grid.width} columns"),
        ("CRS", crs_name(result.grid.crs)),
    ]
    say_rows(rows)
