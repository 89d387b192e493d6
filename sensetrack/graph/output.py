"""Writes scenes: all bands into one GeoTIFF or netCDF file, block by block."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensetrack.coregister.write import image_tags
from sensetrack.engine import Engine, Serial
from sensetrack.errors import GraphError, OutputError, UnusableImageError
from sensetrack.graph.pixels import is_float, part_of
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.log import logger
from sensetrack.radar.grid import RadarGrid
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.layers import Content, Layer, LayerWriter
from sensetrack.raster.tiles import Block, plan_blocks
from sensetrack.raster.write import TiledWriter, check_target, refuse_same_file
from sensetrack.types import PathLike, Progress

_log = logger(__name__)

BLOCK = 1024
"""Side of a block in output pixels, of files of few bands."""

BLOCK_NUMBERS = 2**24
"""Numbers of all bands that a block may hold; files of very many bands are written in smaller ones."""

GEOTIFF, NETCDF = "GeoTIFF", "NetCDF4-CF"

FORMATS = {
    "geotiff": GEOTIFF,
    "geotiff-bigtiff": GEOTIFF,
    "geotiff+xml": GEOTIFF,
    "netcdf4-cf": NETCDF,
    "netcdf4-beam": NETCDF,
    "netcdf-cf": NETCDF,
    "netcdf-beam": NETCDF,
}
"""SNAP's names of formats, in small letters, and what we write for them."""

_SUFFIXES = {GEOTIFF: (".tif", ".tiff"), NETCDF: (".nc",)}


@dataclass(frozen=True)
class Written:
    """What a file became.

    Attributes
    ----------
    path : Path
    share : float
        Of valid pixels, of all bands.
    """

    path: Path
    share: float


def target_of(path: Path, format_name: str) -> tuple[Path, str]:
    """Return the file that is written, with the extension of its format, and the format.

    ``BEAM-DIMAP``, which is what graphs mean that name no format, is taken for the format of the suffix.

    Raises
    ------
    GraphError
        The format cannot be written without SNAP.
    """
    by_suffix = {suffix: kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes}
    asked = format_name.strip().lower()
    if asked == "beam-dimap" and path.suffix.lower() in by_suffix:
        return path, by_suffix[path.suffix.lower()]
    if asked not in FORMATS:
        only = "" if asked == "beam-dimap" else f", and {', '.join(('GeoTIFF', 'GeoTIFF-BigTIFF', 'NetCDF4-CF'))} here"
        advice = "; write GeoTIFF: a file name that ends in .tif, or formatName = GeoTIFF" if not only else ""
        raise GraphError(f"formatName = '{format_name}' is written by SNAP only{only}{advice}")
    kind = FORMATS[asked]
    own = _SUFFIXES[kind]
    return (path if path.suffix.lower() in own else path.with_name(path.name + own[0])), kind


def write_scene(
    scene: Scene,
    path: Path,
    format_name: str = GEOTIFF,
    *,
    inputs: Iterable[PathLike] = (),
    engine: Engine | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Written:
    """Write all bands of a scene into one file.

    A GeoTIFF has one type: that of the bands where they share one, the smallest that holds all integers, and float32
    where a band has real numbers or where integers hold different numbers for missing. NetCDF keeps the type of every
    band. A complex band becomes two, ``i_NAME`` and ``q_NAME``. Band names, the number that means missing, scale and
    offset go into the file as GDAL and CF have them, and the metadata of the product as tags. Scenes in the geometry of
    a radar get no georeference; where their first pixel lies in time and range stands in the tags.

    GeoTIFF is tiled and compressed, and BigTIFF where it may grow beyond 4 GB.

    Parameters
    ----------
    scene : Scene
    path : Path
        Its folder is made where it is not there; the extension of the format is added where it lacks.
    format_name : str
        As SNAP names formats; see `target_of`.
    inputs : iterable of path-like
        Files that must not be overwritten, beside those of the bands.
    engine : Engine, optional
        Default: `Serial`.
    progress : callable, optional
    overwrite : bool

    Raises
    ------
    GraphError
        The format cannot be written, there is no band, or bands differ in size.
    OutputError
        The file exists, is an input, or cannot be written.
    UnusableImageError
        No pixel is valid; nothing is written then.
    """
    final, kind = target_of(path, format_name)
    check_scene(scene)
    sources = [name for band in scene.bands if (name := band.image.path) is not None]
    refuse_same_file(final, [*inputs, *dict.fromkeys(sources)])
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{final}: its folder cannot be made ({error.strerror or error})") from error
    check_target(final, overwrite=overwrite)
    layers = _layers(scene.bands, kind)
    grid = scene.grid if scene.grid.is_georeferenced else Grid(scene.grid.shape)
    side = min(BLOCK, 1 << (math.isqrt(BLOCK_NUMBERS // len(layers)).bit_length() - 1))
    blocks = list(plan_blocks(grid.shape, side))
    valid = 0
    with _writer(final, kind, grid, layers, _tags(scene), overwrite) as writer:
        results = (engine or Serial()).map(_Read(layers), blocks)
        for done, (block, (arrays, count)) in enumerate(zip(blocks, results, strict=True), start=1):
            valid += count
            writer.write(block, {layer.name: array for layer, array in zip(layers, arrays, strict=True)})
            if progress is not None:
                progress(done, len(blocks))
        if not valid:
            raise UnusableImageError(
                f"{final}: {scene.name} has no valid pixel, and nothing was written; check the region, and that "
                "elevation models and masks reach there"
            )
    share = valid / (math.prod(grid.shape) * len(layers))
    if share < 1 and any(layer.nodata is None for layer in layers):
        _log.warning("%s: pixels without a value are 0, since no number of its type means missing", final)
    return Written(final, share)


def check_scene(scene: Scene) -> None:
    """Raise where a scene cannot be one file.

    Raises
    ------
    GraphError
        It has no band, or its bands lie on different grids.
    """
    first = scene.grid
    for band in scene.bands:
        if difference := first.difference(band.grid):
            raise GraphError(
                f"bands {scene.bands[0].name} and {band.name} cannot share a file: {difference}; bring them to one "
                "size with Resample, or choose some with BandSelect"
            )


@dataclass(frozen=True, eq=False)
class _Layer:
    """One layer of a file, and how its pixels are stored."""

    name: str
    image: Image
    dtype: str
    nodata: float | None
    band: SceneBand

    def read(self, block: Block) -> tuple[NDArray[Any], int]:
        """Return stored numbers of a window, and how many are valid."""
        pixels, valid = self.image.read(block)
        if not is_float(self.dtype):
            limits = np.iinfo(self.dtype)
            # float32 cannot tell the largest of 32 bits from the next number.
            pixels = np.clip(np.rint(pixels.astype(np.float64)), limits.min, limits.max)
        missing = 0 if self.nodata is None else self.nodata
        return np.where(valid, pixels, missing).astype(self.dtype), int(np.count_nonzero(valid))


@dataclass(frozen=True)
class _Read:
    """Reads a block of all layers; pickles as their sources."""

    layers: tuple[_Layer, ...]

    def __call__(self, block: Block) -> tuple[list[NDArray[Any]], int]:
        found = [layer.read(block) for layer in self.layers]
        return [array for array, _ in found], sum(count for _, count in found)


def _layers(bands: Iterable[SceneBand], kind: str) -> tuple[_Layer, ...]:
    """Return the layers of a file: complex bands as two, and types as the format has them."""
    split: list[tuple[str, Image, SceneBand]] = []
    for band in bands:
        if band.image.is_complex:
            split.append((f"i_{band.name}", part_of(band.image, "i"), band))
            split.append((f"q_{band.name}", part_of(band.image, "q"), band))
        else:
            split.append((band.name, band.image, band))
    types = {_stored(band) for _, _, band in split}
    shared = _shared(types) if kind == GEOTIFF else None
    names: set[str] = set()
    layers = []
    for name, image, band in split:
        plain = name.replace("/", "_") if kind == NETCDF else name
        if plain in names:
            raise GraphError(f"two bands are called '{plain}'")
        names.add(plain)
        dtype, nodata = shared or _stored(band)
        if kind == NETCDF and is_float(dtype):
            nodata = math.nan
        layers.append(_Layer(plain, image, dtype, nodata, band))
    return tuple(layers)


def _stored(band: SceneBand) -> tuple[str, float | None]:
    """Return the type of a band in a file of its own, and what means missing there."""
    if is_float(band.dtype) or band.image.is_complex:
        return "float32", math.nan if math.isnan(band.nodata) else band.nodata
    limits = np.iinfo(band.dtype)
    if math.isnan(band.nodata):
        return band.dtype, None
    fits = limits.min <= band.nodata <= limits.max and band.nodata == int(band.nodata)
    return (band.dtype, band.nodata) if fits else ("float32", band.nodata)


def _shared(types: set[tuple[str, float | None]]) -> tuple[str, float | None]:
    """Return one type and one number for missing that serve all bands."""
    missing = {str(nodata) for _, nodata in types}
    nodata = next(iter(types))[1] if len(missing) == 1 else math.nan
    if len(missing) > 1 or any(is_float(dtype) for dtype, _ in types):
        return "float32", math.nan if nodata is None else nodata
    common = np.result_type(*(np.dtype(dtype) for dtype, _ in types))
    return ("float32", math.nan if nodata is None else nodata) if common.itemsize > 4 else (common.name, nodata)


def _writer(
    path: Path, kind: str, grid: Grid, layers: tuple[_Layer, ...], tags: Mapping[str, str], overwrite: bool
) -> AbstractContextManager[LayerWriter]:
    scaling = [(layer.band.scale, layer.band.offset) for layer in layers]
    if kind == GEOTIFF:
        is_scaled = any(each != (1.0, 0.0) for each in scaling)
        return TiledWriter(
            path,
            grid,
            [layer.name for layer in layers],
            tags,
            overwrite=overwrite,
            dtype=layers[0].dtype,
            nodata=layers[0].nodata,
            scaling=scaling if is_scaled else (),
        )
    from sensetrack.raster.netcdf import NetcdfWriter

    content = Content(
        name="scene",
        layers=tuple(_described(layer) for layer in layers),
        tags=tags,
        columns=(),
        value=layers[0].name,
    )
    return NetcdfWriter(path, grid, content, overwrite=overwrite)


_UNITS = {"degrees": "degree", "intensity_db": "dB", "amplitude_db": "dB"}


def _described(layer: _Layer) -> Layer:
    """Return what a netCDF file says of a layer."""
    band = layer.band
    about: dict[str, Any] = {}
    if (band.scale, band.offset) != (1.0, 0.0):
        about |= {"scale_factor": band.scale, "add_offset": band.offset}
    if band.wavelength is not None:
        about |= {"wavelength": band.wavelength, "wavelength_units": "nm"}
    return Layer(
        name=layer.name,
        long_name=f"{layer.name}, {band.unit}" if band.unit else layer.name,
        units=_UNITS.get(band.unit, "1"),
        dtype=layer.dtype,
        fill=None if is_float(layer.dtype) else layer.nodata,
        attributes=about,
    )


_OF_ONE_BAND = ("band", "quantity", "unit", "nodata", "scale", "offset", "scaled")
"""Tags of an image that say nothing of a file with other bands."""


def _tags(scene: Scene) -> dict[str, str]:
    first = scene.bands[0]
    tags = {key: text for key, text in image_tags(first.image).items() if key not in _OF_ONE_BAND}
    tags |= {"graph_product": scene.name, "graph_operators": ",".join(scene.done)}
    radar = {} if first.radar is None else radar_tags(first.radar)
    return tags | radar | dict(scene.tags)


def radar_tags(radar: RadarGrid) -> dict[str, str]:
    """Return where the pixels of a radar image lie in time and range, as tags of a file."""
    geometry = "slant range" if radar.ground_range is None else "ground range"
    return {
        "radar_geometry": geometry,
        "radar_first_line": radar.first_line.isoformat(),
        "radar_line_interval": f"{radar.line_interval!r} s",
        "radar_near_range": f"{radar.near_range!r} m",
        "radar_range_spacing": f"{radar.range_spacing!r} m",
        "radar_azimuth_spacing": f"{radar.azimuth_spacing!r} m",
        "radar_looks": f"{radar.looks[0]} x {radar.looks[1]}",
        "radar_origin": f"{radar.origin[0]!r} {radar.origin[1]!r}",
    }
