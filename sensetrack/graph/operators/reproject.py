"""Brings a scene into another map projection."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from sensetrack.errors import GraphError
from sensetrack.graph.operators._base import Context, Operator, Slot, Sources
from sensetrack.graph.pixels import Window, as_read, is_float, may_have_gaps, pixel_type, quantity
from sensetrack.graph.region import DEGREES, to_degrees
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.graph.source import cached, derived
from sensetrack.params import param
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.methods import Method

_MOST_PIXELS = 10**6
"""Rows or columns from which on a grid is taken for a mistake."""


class Reproject(Operator):
    """A scene on a grid of another CRS."""

    alias: ClassVar[str] = "Reproject"
    slots: ClassVar[tuple[Slot, ...]] = (
        Slot("sourceProduct", ("source",)),
        Slot("collocateWith", ("collocationProduct",), optional=True),
    )
    prefix: ClassVar[str] = "projected_"
    ours: ClassVar[frozenset[str]] = frozenset({"alignToStandardGrid", "standardGridOriginX", "standardGridOriginY"})

    wktFile: str | None = param(None, "File that holds the CRS as WKT.")
    crs: str | None = param(None, "The CRS: EPSG:n, WKT, or AUTO:42001.")
    resampling: Literal["Nearest", "Bilinear", "Bicubic"] = param("Nearest", "How pixels are taken from the source.")
    referencePixelX: float | None = param(None, "Column of the pixel that easting refers to.", unit="px")
    referencePixelY: float | None = param(None, "Row of the pixel that northing refers to.", unit="px")
    easting: float | None = param(None, "Map x of the reference pixel.")
    northing: float | None = param(None, "Map y of the reference pixel.")
    orientation: float = param(0.0, "Turn of the grid against the map's north.", unit="deg", ge=-360, le=360)
    pixelSizeX: float | None = param(None, "Width of a pixel, in units of the map.", gt=0)
    pixelSizeY: float | None = param(None, "Height of a pixel, in units of the map.", gt=0)
    width: int | None = param(None, "Columns.", unit="px", gt=0)
    height: int | None = param(None, "Rows.", unit="px", gt=0)
    tileSizeX: int | None = param(None, "Width of SNAP's tiles.", unit="px", gt=0)
    tileSizeY: int | None = param(None, "Height of SNAP's tiles.", unit="px", gt=0)
    orthorectify: bool = param(False, "Whether to correct for terrain.")
    elevationModelName: str | None = param(None, "Elevation model for that.")
    noDataValue: float | None = param(None, "What pixels without a value hold.")
    includeTiePointGrids: bool = param(True, "Whether grids of tie points become bands.")
    addDeltaBands: bool = param(False, "Whether bands with the deviation of positions are added.")
    alignToStandardGrid: bool = param(
        False, "Whether pixel centres lie at whole pixels from the standard origin; not in SNAP."
    )
    standardGridOriginX: float = param(0.0, "Origin of the standard grid, in units of the CRS; not in SNAP.")
    standardGridOriginY: float = param(0.0, "Origin of the standard grid, in units of the CRS; not in SNAP.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Resample all bands onto one grid.

        Without a size pixels are square, as large as the smaller of the extent's width over the scene's columns and its
        height over the rows; without a reference pixel the grid is centred on the extent, or with
        ``alignToStandardGrid`` on whole pixels from an origin. Numbers with a scale or an
        offset become the quantity that they stand for, as float32. Other integers, and classes, keep their numbers and
        are taken by nearest, whatever ``resampling`` says.
        """
        scene = sources.one
        if self.orthorectify:
            raise GraphError("orthorectify = true runs in SNAP only; radar images are corrected by Terrain-Correction")
        if self.addDeltaBands:
            raise GraphError("addDeltaBands = true runs in SNAP only; leave it out")
        if scene.is_radar or scene.grid.crs is None:
            raise GraphError(
                f"{scene.name} is not on a map, so it cannot be brought onto another one; radar images are put on a "
                "map by Terrain-Correction or Ellipsoid-Correction-RD"
            )
        other = sources.named.get("collocateWith") or sources.named.get("collocationProduct")
        if other is not None and (self.crs is not None or self.wktFile is not None):
            raise GraphError("the source collocateWith gives the grid; leave out crs and wktFile")
        target = other.grid if other is not None else self._grid(scene, context)
        bands = scene.each(lambda band: onto(band, target, _METHODS[self.resampling], self.noDataValue))
        return scene.after(self.alias, bands, prefix=self.prefix)

    def _grid(self, scene: Scene, context: Context) -> Grid:
        source = scene.grid
        if len({(band.grid.shape, tuple(band.grid.transform)) for band in scene.bands}) > 1:
            raise GraphError(f"the bands of {scene.name} differ in size; choose one size with Resample before")
        if self.orientation:
            raise GraphError(f"orientation = {self.orientation:g}: turned grids are made in SNAP only; leave it out")
        crs = self._crs(source, context)
        xmin, ymin, xmax, ymax = _extent(source, crs)
        pixel = min((xmax - xmin) / source.width, (ymax - ymin) / source.height)
        across = self.pixelSizeX or self.pixelSizeY or pixel
        down = self.pixelSizeY or self.pixelSizeX or pixel
        width = self.width or max(1, math.ceil((xmax - xmin) / across - 1e-6))
        height = self.height or max(1, math.ceil((ymax - ymin) / down - 1e-6))
        if max(width, height) > _MOST_PIXELS:
            raise GraphError(
                f"pixelSizeX = {across:g}, pixelSizeY = {down:g}: make {width} x {height} pixels; sizes are in units "
                f"of {crs_name(crs)}, whose extent is {xmax - xmin:g} x {ymax - ymin:g}"
            )
        named = {
            "referencePixelX": self.referencePixelX,
            "referencePixelY": self.referencePixelY,
            "easting": self.easting,
            "northing": self.northing,
        }
        missing = [name for name, value in named.items() if value is None]
        if missing and len(missing) < len(named):
            raise GraphError(f"{', '.join(named)} belong together; {', '.join(missing)} is missing")
        if self.alignToStandardGrid:
            if len(missing) < len(named) or self.width or self.height:
                raise GraphError("alignToStandardGrid places the grid; leave out width, height and the reference pixel")
            left, width = _aligned(xmin, xmax, across, self.standardGridOriginX)
            below, height = _aligned(ymin, ymax, down, self.standardGridOriginY)
            return Grid((height, width), Affine(across, 0.0, left, 0.0, -down, below + height * down), crs)
        col, row, x, y = (
            (width / 2, height / 2, (xmin + xmax) / 2, (ymin + ymax) / 2) if missing else map(float, named.values())  # type: ignore[arg-type]
        )
        return Grid((height, width), Affine(across, 0.0, x - col * across, 0.0, -down, y + row * down), crs)

    def _crs(self, source: Grid, context: Context) -> CRS:
        if (self.crs is None) == (self.wktFile is None):
            raise GraphError("give crs, wktFile, or a source collocateWith, one of them")
        text = self.crs
        if self.wktFile is not None:
            path = context.path(self.wktFile)
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise GraphError(f"wktFile = '{path}': cannot be read ({error})") from error
        return parse_crs(text or "", source)


_METHODS: dict[str, Method] = {"Nearest": "nearest", "Bilinear": "bilinear", "Bicubic": "cubic"}


def parse_crs(text: str, source: Grid) -> CRS:
    """Return the CRS that a graph names: ``EPSG:n``, a bare number, WKT, or ``AUTO:42001`` for the UTM zone.

    Parameters
    ----------
    text : str
    source : Grid
        Whose centre ``AUTO`` refers to.

    Raises
    ------
    GraphError
        There is no such CRS.
    """
    name = text.strip()
    if name.upper().startswith("AUTO:"):
        if name.upper().partition(",")[0] != "AUTO:42001":
            raise GraphError(f"crs = '{text}': of the automatic ones AUTO:42001, UTM, is known; name others by EPSG:n")
        lon, lat = (float(each[0]) for each in to_degrees(source, *(np.array([(n - 1) / 2]) for n in source.shape)))
        return CRS.from_epsg((32600 if lat >= 0 else 32700) + int((lon + 180.0) % 360.0 // 6) + 1)
    if name.upper() in ("WGS84(DD)", "WGS84"):
        return DEGREES
    try:
        return CRS.from_user_input(int(name) if name.isdigit() else name)
    except (CRSError, ValueError) as error:
        shown = name if len(name) <= 60 else f"{name[:57]}..."
        raise GraphError(f"crs = '{shown}': no CRS that is known; write EPSG:n, such as EPSG:32632, or WKT") from error


def onto(band: SceneBand, target: Grid, method: Method, nodata: float | None = None) -> SceneBand:
    """Return a band on another grid of any CRS.

    Parameters
    ----------
    band : SceneBand
        On a map. With a scale or an offset it becomes its quantity, float32.
    target : Grid
    method : {"nearest", "bilinear", "cubic", "lanczos"}
        Integers without a scale, and classes, are always taken by nearest.
    nodata : float, optional
        What is stored where nothing is valid, in place of the band's own.
    """
    image = as_read(quantity(band) if not band.is_class else band.image)
    if (band.scale, band.offset) != (1.0, 0.0) and not band.is_class:
        band = band.replace(dtype="float32", nodata=math.nan, scale=1.0, offset=0.0)
    if band.is_class or not is_float(band.dtype):
        method = "nearest"
    placed = cached(image).on_grid(target, method)
    moved = derived(image, Window(placed), grid=target, dtype=pixel_type(image))
    band = band if nodata is None else band.replace(nodata=nodata)
    return may_have_gaps(band).replace(image=moved)


def _aligned(low: float, high: float, size: float, origin: float) -> tuple[float, int]:
    """Return the edge and the number of pixels that cover an extent, with centres at whole pixels from an origin."""
    first = math.floor((low - origin) / size + 0.5 + 1e-6)
    last = math.ceil((high - origin) / size - 0.5 - 1e-6)
    return origin + (first - 0.5) * size, max(1, last - first + 1)


def _extent(grid: Grid, crs: CRS) -> tuple[float, float, float, float]:
    """Return the extent of a grid's edges in another CRS."""
    along = np.linspace(0.0, 1.0, 128)
    zero, one = np.zeros_like(along), np.ones_like(along)
    rows = np.concatenate([zero, along, one, along]) * grid.height - 0.5
    cols = np.concatenate([along, one, along, zero]) * grid.width - 0.5
    x, y = transform_points(grid.crs, crs, *grid.xy(rows, cols))
    if crs.is_geographic:
        x = np.unwrap(np.concatenate([x[:256], x[383:255:-1], x[:383:-1]]), period=360.0)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise GraphError(f"crs = '{crs_name(crs)}' cannot show all of the scene; choose one made for its place")
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())
