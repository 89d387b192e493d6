"""Polygons of vector files, reprojected and burnt into windows of a grid."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError, NotGeoreferencedWarning

from sensetrack.errors import GridError, InputError, did_you_mean
from sensetrack.raster._quiet import quietly
from sensetrack.raster.crs import Extent, extent_text, transform_extent, transform_points
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.types import Mask

_PARTS_PER_SIDE = 256
"""Edges are cut to this fraction of the area before they are reprojected: a straight line bends on another map."""

_POLYGON, _MULTIPOLYGON, _COLLECTION = 3, 6, 7
_lock = threading.Lock()


@dataclass(frozen=True)
class Outline:
    """The polygons of one layer of a vector file; read when they are needed.

    Attributes
    ----------
    path : str
    layer : str
    crs : rasterio.crs.CRS or None
    area : Grid or None
        Where polygons will be asked for, so that they are read once; None reads them for every window.
    """

    path: str
    layer: str
    crs: CRS | None
    area: Grid | None = None

    def fit(self, grid: Grid) -> Self:
        """Return the outline placed on a pair's whole grid.

        Raises
        ------
        GridError
            One of the two has no CRS, or no polygon overlaps the grid.
        """
        placed = dataclasses.replace(self, area=grid)
        if not len(placed._polygons(grid)[0]):
            raise GridError(
                f"{short_name(self.path)} does not overlap the images: none of its polygons lies in their extent "
                f"{extent_text(grid.bounds)} in {crs_name(grid.crs)}; is its CRS, {crs_name(self.crs)}, right?"
            )
        return placed

    def read(self, grid: Grid) -> Mask:
        """Return which pixel centres of ``grid`` lie inside a polygon, as bool ``(row, col)``."""
        import shapely
        from rasterio.features import rasterize

        polygons, tree = self._polygons(self.area if self.area is not None and self.area.crs == grid.crs else grid)
        xmin, ymin, xmax, ymax = _widen(grid.bounds, 2 / min(grid.shape))
        near = polygons[tree.query(shapely.box(xmin, ymin, xmax, ymax))]
        parts = _only_polygons(shapely.clip_by_rect(near, xmin, ymin, xmax, ymax))
        if not len(parts):
            return np.zeros(grid.shape, np.bool_)
        with quietly(NotGeoreferencedWarning):
            burnt = rasterize(parts.tolist(), out_shape=grid.shape, transform=grid.transform, dtype="uint8")
        inside: Mask = burnt > 0
        return inside

    def polygons(self, area: Grid) -> NDArray[Any]:
        """Return the polygons near the extent of a grid, in its CRS, as shapely has them."""
        return self._polygons(area)[0]

    def _polygons(self, area: Grid) -> tuple[NDArray[Any], Any]:
        if (self.crs is None) != (area.crs is None):
            raise GridError(
                f"{short_name(self.path)} has CRS {crs_name(self.crs)} and the images have CRS {crs_name(area.crs)}; "
                "assign the missing one with 'ogr2ogr -a_srs EPSG:...' or 'gdal_edit -a_srs EPSG:...'"
            )
        with _lock:
            return _load(self.path, self.layer, _changed(self.path), self.crs, area.crs, area.bounds)


def can_open(path: str) -> bool:
    """Whether OGR reads the file as vector data."""
    import pyogrio
    from pyogrio.errors import DataSourceError

    try:
        return len(pyogrio.list_layers(path)) > 0
    except DataSourceError:
        return False


def open_outline(path: str, layer: str | None = None) -> Outline:
    """Read what a vector file says of itself.

    Parameters
    ----------
    path : str
    layer : str, optional
        Needed when the file has several layers with polygons.

    Raises
    ------
    InputError
        The file cannot be read, has no such layer, several layers, or no polygons.
    """
    import pyogrio

    name = short_name(path)
    if "://" not in path and not path.startswith("/vsi") and not Path(path).exists():
        raise InputError(f"{path}: no such file")
    with _our_errors(path):
        kinds = {str(title): str(kind) for title, kind in pyogrio.list_layers(path)}
    if layer is None:
        areal = [title for title, kind in kinds.items() if _may_hold_polygons(kind)] or list(kinds)
        if len(areal) > 1:
            raise InputError(f"{name} has the layers {', '.join(areal)}; name one as '{path}|layername={areal[0]}'")
        layer = areal[0]
    if layer not in kinds:
        raise InputError(f"{name} has no layer '{layer}'{did_you_mean(layer, kinds)}")
    if not _may_hold_polygons(kinds[layer]):
        raise InputError(f"{name}: polygons are needed, its layer '{layer}' holds {kinds[layer]}")
    with _our_errors(path):
        info = pyogrio.read_info(path, layer=layer)
        crs = CRS.from_user_input(info["crs"]) if info["crs"] else None
    if info["features"] == 0:
        raise InputError(f"{name}: there are no polygons in its layer '{layer}'")
    return Outline(path, layer, crs)


def extent_of(path: str) -> tuple[Extent, CRS]:
    """Return the extent of all polygons of a file, and its CRS.

    Parameters
    ----------
    path : str
        A layer of a file that has several is named as ``FILE|layername=NAME``.

    Raises
    ------
    InputError
        As `open_outline`; or the layer is empty or has no CRS.
    """
    import pyogrio

    file, _, layer = path.partition("|layername=")
    outline = open_outline(file, layer or None)
    with _our_errors(file):
        extent = pyogrio.read_info(file, layer=outline.layer, force_total_bounds=True)["total_bounds"]
    if extent is None or not np.isfinite(extent).all():
        raise InputError(f"{short_name(file)}: its layer '{outline.layer}' holds nothing")
    if outline.crs is None:
        raise InputError(f"{short_name(file)} has no CRS; assign one with 'ogr2ogr -a_srs EPSG:...'")
    xmin, ymin, xmax, ymax = map(float, extent)
    return (xmin, ymin, xmax, ymax), outline.crs


def short_name(path: str) -> str:
    """Return a file's name for messages."""
    return Path(path.partition("?")[0]).name


@lru_cache(maxsize=8)
def _load(
    path: str, layer: str, changed: int, source: CRS | None, target: CRS | None, extent: Extent
) -> tuple[NDArray[Any], Any]:
    """Return the polygons near an extent, in its CRS, and their search tree; ``changed`` keys the cache."""
    import shapely
    from pyogrio.raw import read

    found = []
    for part in transform_extent(target, source, extent):
        box = _widen(part, 0.01)
        with _our_errors(path):
            _, _, encoded, _ = read(path, layer=layer, columns=[], force_2d=True, bbox=box)
        shapes = shapely.from_wkb(np.asarray(encoded, object))
        polygons = _only_polygons(shapely.make_valid(_only_polygons(shapes)))
        if len(shapes) and not len(polygons):
            raise InputError(f"{short_name(path)}: polygons are needed, its layer '{layer}' holds none there")
        polygons = _only_polygons(shapely.clip_by_rect(polygons, *box))
        if source != target:
            longest = max(box[2] - box[0], box[3] - box[1]) / _PARTS_PER_SIDE
            polygons = shapely.transform(shapely.segmentize(polygons, longest), _Projection(source, target))
        found.append(polygons[np.isfinite(shapely.bounds(polygons)).all(axis=1)])
    everything = np.concatenate(found) if found else np.empty(0, object)
    return everything, shapely.STRtree(everything)


class _Projection:
    """Transforms an array of ``(x, y)`` rows, as shapely asks."""

    def __init__(self, source: CRS | None, target: CRS | None) -> None:
        self.source = source
        self.target = target

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transform_points(self.source, self.target, points[:, 0], points[:, 1]))


def _only_polygons(shapes: NDArray[Any]) -> NDArray[Any]:
    """Return the polygons among shapes and among the members of collections, without the empty ones."""
    import shapely

    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    kinds = shapely.get_type_id(shapes)
    members = shapely.get_parts(shapes[kinds == _COLLECTION])
    if len(members):
        shapes, kinds = np.concatenate([shapes, members]), np.concatenate([kinds, shapely.get_type_id(members)])
    polygons: NDArray[Any] = shapes[(kinds == _POLYGON) | (kinds == _MULTIPOLYGON)]
    return polygons


def _may_hold_polygons(kind: str) -> bool:
    return kind == "Unknown" or "Polygon" in kind or "Collection" in kind or "Surface" in kind


def _widen(extent: Extent, fraction: float) -> Extent:
    xmin, ymin, xmax, ymax = extent
    x, y = (xmax - xmin) * fraction, (ymax - ymin) * fraction
    return xmin - x, ymin - y, xmax + x, ymax + y


def _changed(path: str) -> int:
    """Return when a local file last changed, so that a cached outline is never stale; 0 for what is remote."""
    file = Path(path)
    return file.stat().st_mtime_ns if file.exists() else 0


@contextmanager
def _our_errors(path: str) -> Iterator[None]:
    from pyogrio.errors import CRSError as UnknownCRSError
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError

    expected = (DataSourceError, DataLayerError, FeatureError, GeometryError, UnknownCRSError, CRSError)
    with quietly(UserWarning):
        try:
            yield
        except expected as error:
            reason = " ".join(str(error).split())
            raise InputError(f"{short_name(path)}: its polygons cannot be read ({reason})") from error
