"""Tiles of the Copernicus DEM for an area, and one virtual raster over them.

Heights are of the surface (DSM), in metres above the geoid EGM2008.

References
----------
https://registry.opendata.aws/copernicus-dem/
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from xml.sax.saxutils import escape

from sensetrack.catalog._files import write_text
from sensetrack.catalog._http import Client, StatusError
from sensetrack.catalog._part import Checksum
from sensetrack.catalog.transfer import Wanted
from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.crs import Extent
from sensetrack.raster.image import Image

Model = Literal["glo-30", "glo-90"]

MOST_TILES = 2500
_BUCKETS = {
    "glo-30": "https://copernicus-dem-30m.s3.amazonaws.com",
    "glo-90": "https://copernicus-dem-90m.s3.amazonaws.com",
}
_SPACING = {"glo-30": 10, "glo-90": 30}


@dataclass(frozen=True)
class Tiles:
    """The tiles of an area.

    Attributes
    ----------
    wanted : tuple of Wanted
    missing : tuple of str
        Names of tiles that there are not: over the sea, or not released.
    """

    wanted: tuple[Wanted, ...]
    missing: tuple[str, ...]


def tile_names(boxes: Sequence[Extent], model: Model = "glo-30") -> list[str]:
    """Return the names of the tiles that an area touches; a tile has one degree on a side and the name of its corner.

    Parameters
    ----------
    boxes : sequence of tuple of float
        Longitude and latitude, degrees.
    model : {"glo-30", "glo-90"}

    Returns
    -------
    list of str
        From west to east, from south to north.

    Raises
    ------
    ParameterError
        There are more than `MOST_TILES`.
    """
    corners = set()
    count = 0
    for west, south, east, north in boxes:
        first, last = math.floor(west), max(math.ceil(east), math.floor(west) + 1)
        low, high = math.floor(south), max(math.ceil(north), math.floor(south) + 1)
        count += (last - first) * (high - low)
        if count > MOST_TILES:
            raise ParameterError(f"aoi: touches {count} tiles of the DEM; take an area of at most {MOST_TILES}")
        corners |= {(lat, lon) for lat in range(low, min(high, 90)) for lon in range(first, min(last, 180))}
    return [_name(lat, lon, model) for lat, lon in sorted(corners)]


def find_tiles(
    boxes: Sequence[Extent], folder: Path, client: Client, model: Model = "glo-30", *, bucket: str | None = None
) -> Tiles:
    """Return the tiles of an area that are there or to come, and the ones that there are not.

    Parameters
    ----------
    boxes : sequence of tuple of float
        Longitude and latitude, degrees.
    folder : pathlib.Path
        Where they go; the server is not asked about tiles that are there.
    client : Client
    model : {"glo-30", "glo-90"}
    bucket : str, optional
        URL in place of the public bucket.

    Raises
    ------
    DownloadError
        The server does not answer.
    ParameterError
        As `tile_names`.
    """
    root = (bucket or _BUCKETS[model]).rstrip("/")
    wanted: list[Wanted] = []
    missing: list[str] = []
    for name in tile_names(boxes, model):
        path = folder / f"{name}.tif"
        url = f"{root}/{name}/{name}.tif"
        if path.exists():
            wanted.append(Wanted(url, path))
            continue
        try:
            headers = client.head(url)
        except StatusError as error:
            if error.status != 404:
                raise
            missing.append(name)
            continue
        size = headers.get("Content-Length") or ""
        # The ETag of an object that was put in one piece is its MD5.
        checksum = Checksum.parse("md5", (headers.get("ETag") or "").strip('"'))
        sums = () if checksum is None else (checksum,)
        wanted.append(Wanted(url, path, int(size) if size.isdigit() else None, sums))
    return Tiles(tuple(wanted), tuple(missing))


def write_vrt(tiles: Sequence[Path], target: Path) -> None:
    """Write a virtual raster over tiles, as fine as the finest of them; where there is none, the height is 0.

    Towards the poles tiles have fewer columns; those are resampled bilinearly when they are read.

    Parameters
    ----------
    tiles : sequence of pathlib.Path
    target : pathlib.Path
        ``.vrt``; names the tiles relative to itself.

    Raises
    ------
    InputError
        There are no tiles, or one cannot be read.
    OutputError
        It cannot be written.
    """
    if not tiles:
        raise InputError(f"{target}: there are no tiles for it")
    grids = [Image.open(tile).grid for tile in tiles]
    west, north = min(grid.bounds[0] for grid in grids), max(grid.bounds[3] for grid in grids)
    east, south = max(grid.bounds[2] for grid in grids), min(grid.bounds[1] for grid in grids)
    width, height = min(grid.transform.a for grid in grids), min(-grid.transform.e for grid in grids)
    cols, rows = round((east - west) / width), round((north - south) / height)
    lines = [
        f'<VRTDataset rasterXSize="{cols}" rasterYSize="{rows}">',
        "  <SRS>EPSG:4326</SRS>",
        f"  <GeoTransform>{west!r}, {width!r}, 0.0, {north!r}, 0.0, {-height!r}</GeoTransform>",
        '  <VRTRasterBand dataType="Float32" band="1">',
        "    <Description>height</Description>",
        "    <UnitType>m</UnitType>",
    ]
    for tile, grid in zip(tiles, grids, strict=True):
        left, bottom, right, top = grid.bounds
        place = f'xOff="{(left - west) / width:.6f}" yOff="{(north - top) / height:.6f}"'
        size = f'xSize="{(right - left) / width:.6f}" ySize="{(top - bottom) / height:.6f}"'
        name = escape(Path(os.path.relpath(tile, target.parent)).as_posix())
        lines += [
            '    <SimpleSource resampling="bilinear">',
            f'      <SourceFilename relativeToVRT="1">{name}</SourceFilename>',
            "      <SourceBand>1</SourceBand>",
            f'      <SrcRect xOff="0" yOff="0" xSize="{grid.shape[1]}" ySize="{grid.shape[0]}"/>',
            f"      <DstRect {place} {size}/>",
            "    </SimpleSource>",
        ]
    lines += ["  </VRTRasterBand>", "</VRTDataset>", ""]
    write_text(target, "\n".join(lines))


def _name(lat: int, lon: int, model: Model) -> str:
    north, east = "N" if lat >= 0 else "S", "E" if lon >= 0 else "W"
    return f"Copernicus_DSM_COG_{_SPACING[model]}_{north}{abs(lat):02d}_00_{east}{abs(lon):03d}_00_DEM"
