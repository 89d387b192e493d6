"""Tiles of one scene, and the virtual raster that puts them together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from sensetrack.coregister.write import Numbers, image_tags, write_images
from sensetrack.engine import Engine
from sensetrack.errors import UnusableImageError
from sensetrack.graph.pixels import window
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.raster.write import atomic
from sensetrack.types import Progress

_TYPES = {"float32": "Float32", "complex64": "CFloat32", "uint8": "Byte", "int16": "Int16", "uint16": "UInt16"}
"""GDAL's names of the types in which tiles are stored."""


@dataclass(frozen=True)
class Tile:
    """One tile of the grid.

    Attributes
    ----------
    row, col : int
        Which one, from the upper left.
    block : Block
        Its pixels in the grid.
    """

    row: int
    col: int
    block: Block

    def name(self, scene: str) -> str:
        """Return the name of its file."""
        return f"{scene}_r{self.row:03d}_c{self.col:03d}.tif"


@dataclass(frozen=True)
class Written:
    """A tile that is on disk.

    Attributes
    ----------
    row, col : int
    file : str
        Relative to the folder of all; ``""`` for a tile without a valid pixel, which is not written.
    bytes : int
    sha256 : str
    valid : float
        Share of valid pixels.
    """

    row: int
    col: int
    file: str
    bytes: int
    sha256: str
    valid: float


def tiles_of(grid: Grid, size: int) -> Iterator[Tile]:
    """Yield the tiles of a grid, row by row; those at the lower and right edge are smaller."""
    for row, top in enumerate(range(0, grid.height, size)):
        for col, left in enumerate(range(0, grid.width, size)):
            shape = min(size, grid.height - top), min(size, grid.width - left)
            yield Tile(row, col, Block(top, left, *shape))


def write_tile(
    tile: Tile,
    images: Sequence[Image],
    names: Sequence[str],
    folder: Path,
    scene: str,
    *,
    tags: dict[str, str],
    numbers: Numbers | None,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> Written:
    """Write one tile of images that lie on the grid of all; a tile without any valid pixel is left out.

    Parameters
    ----------
    tile : Tile
    images : sequence of Image
    names : sequence of str
        Of the bands.
    folder : Path
        Of the scene's tiles, in the folder of all.
    scene : str
    tags, numbers, engine, progress
        As `sensetrack.coregister.write.write_images`.
    """
    path = folder / tile.name(scene)
    try:
        valid = write_images(
            [window(image, tile.block.row, tile.block.col, tile.block.shape) for image in images],
            path,
            names=names,
            tags=tags,
            numbers=numbers,
            engine=engine,
            progress=progress,
            overwrite=True,
        )
    except UnusableImageError:
        path.unlink(missing_ok=True)
        return Written(tile.row, tile.col, "", 0, "", 0.0)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    place = path.relative_to(folder.parent.parent).as_posix()
    return Written(tile.row, tile.col, place, path.stat().st_size, digest, valid)


def write_vrt(
    path: Path,
    grid: Grid,
    size: int,
    written: Sequence[Written],
    images: Sequence[Image],
    names: Sequence[str],
    tags: dict[str, str],
    numbers: Numbers | None,
) -> None:
    """Write the virtual raster of a scene: the whole grid, nodata where no tile is.

    Parameters
    ----------
    path : Path
        ``.vrt`` in the folder of all.
    grid : Grid
    size : int
        Side of a tile.
    written : sequence of Written
    images, names, tags, numbers
        As `write_tile`.
    """
    blocks = {(tile.row, tile.col): tile.block for tile in tiles_of(grid, size)}
    dtype = numbers.dtype if numbers else "complex64" if images[0].is_complex else "float32"
    nodata = f"{numbers.nodata:g}" if numbers else "nan"
    root = ElementTree.Element("VRTDataset", rasterXSize=str(grid.width), rasterYSize=str(grid.height))
    ElementTree.SubElement(root, "SRS").text = grid.crs.to_wkt() if grid.crs else ""
    gdal = grid.transform.to_gdal()
    ElementTree.SubElement(root, "GeoTransform").text = ", ".join(repr(float(term)) for term in gdal)
    about = ElementTree.SubElement(root, "Metadata")
    for key, value in sorted((image_tags(images[0]) | tags).items()):
        ElementTree.SubElement(about, "MDI", key=key).text = value
    for number, name in enumerate(names, start=1):
        band = ElementTree.SubElement(root, "VRTRasterBand", dataType=_TYPES.get(dtype, "Float32"), band=str(number))
        ElementTree.SubElement(band, "Description").text = name
        ElementTree.SubElement(band, "NoDataValue").text = nodata
        if numbers and numbers.scaling:
            scale, offset = numbers.scaling[number - 1]
            ElementTree.SubElement(band, "Offset").text = repr(offset)
            ElementTree.SubElement(band, "Scale").text = repr(scale)
        for each in written:
            if each.file:
                _source(band, each, number, blocks[each.row, each.col])
    ElementTree.indent(root)
    with atomic(path) as part:
        part.write_text(ElementTree.tostring(root, encoding="unicode") + "\n", encoding="utf-8")


def _source(band: ElementTree.Element, tile: Written, number: int, block: Block) -> None:
    source = ElementTree.SubElement(band, "SimpleSource")
    ElementTree.SubElement(source, "SourceFilename", relativeToVRT="1").text = tile.file
    ElementTree.SubElement(source, "SourceBand").text = str(number)
    for name, row, col in (("SrcRect", 0, 0), ("DstRect", block.row, block.col)):
        place = {"xOff": str(col), "yOff": str(row), "xSize": str(block.width), "ySize": str(block.height)}
        ElementTree.SubElement(source, name, place)


def is_there(tile: Written, folder: Path) -> bool:
    """Whether the file of a tile is still what was written."""
    return not tile.file or ((folder / tile.file).is_file() and (folder / tile.file).stat().st_size == tile.bytes)
