"""The scenes as they come: what they are, what they cover, how large their pixels are."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.crs import CRS

from sensetrack.convert import area_of
from sensetrack.coregister.regrid import WGS84, parse_crs, snapped_grid, utm_crs
from sensetrack.errors import GridError, InputError, ParameterError
from sensetrack.prepare._settings import PrepareParams
from sensetrack.raster.crs import Extent, extent_text, transform_points
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.image import Image
from sensetrack.raster.remote import is_url
from sensetrack.raster.resample import around_centre
from sensetrack.sensors import Product, product_at
from sensetrack.types import DoubleArray

_PER_EDGE = 32
"""Points along each edge of a footprint: straight lines bend on another map."""


@dataclass(frozen=True, eq=False)
class Scene:
    """One input.

    Attributes
    ----------
    path : str
    name : str
        Of the product; of a plain raster, that of its file.
    sensor : str
        ``""`` for a plain raster.
    product : Product or None
    """

    path: str
    name: str
    sensor: str
    product: Product | None

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield the files that it consists of, by name, as far as they lie on this machine."""
        if is_url(self.path) or self.path.startswith("/vsi"):
            return
        if self.product is None or self.product.container.kind in ("zip", "tar", "file"):
            root = Path(self.path if self.product is None else self.product.container.root)
            if root.is_file():
                yield root.name, root
                return
        if self.product is not None:
            for name in sorted(self.product.container.sizes):
                yield name, Path(self.product.container.root) / name

    def stamp(self) -> list[tuple[str, int, int]]:
        """Return what changes when a file changes: names, bytes and times."""
        return [(name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in self.files()]

    def checksum(self) -> str | None:
        """Return the SHA-256 of its file; of a folder, that of ``sha256sum`` lines of its files; None for URLs."""
        sums = []
        for name, path in self.files():
            with path.open("rb") as file:
                sums.append((name, hashlib.file_digest(file, "sha256").hexdigest()))
        if len(sums) <= 1:
            return sums[0][1] if sums else None
        return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in sums).encode()).hexdigest()

    def grid(self) -> Grid | None:
        """Return where its pixels lie; None for what is not on a map."""
        grid = Image.open(self.path).grid if self.product is None else self.product.grid
        return grid if grid is not None and grid.crs is not None else None

    def outline(self) -> tuple[DoubleArray, DoubleArray]:
        """Return longitudes and latitudes around it, the longitudes without a jump.

        Raises
        ------
        InputError
            It has no place.
        """
        grid = self.grid()
        if grid is not None:
            x, y = _edges(grid.corners)
            lon, lat = transform_points(grid.crs, WGS84, x, y)
        elif self.product is not None and self.product.outline:
            lon, lat = _edges([(lon, lat) for lon, lat in self.product.outline], wrap=True)
        else:
            raise InputError(f"{self.path}: nothing says where it lies; it needs a CRS or a footprint")
        if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
            raise InputError(f"{self.path}: its corners have no longitude and latitude")
        return np.unwrap(lon, period=360.0), lat

    def spacing(self) -> float:
        """Return the size of its pixels on the ground, m, to two digits."""
        image = Image.open(self.path) if self.product is None else self.product.image(raw=True)
        grid = image.grid
        if grid.crs is not None:
            lon, lat = transform_points(grid.crs, WGS84, *grid.xy(grid.height / 2, grid.width / 2))
            crs = parse_crs("EPSG:3857", "crs") if abs(float(lat)) > 80 else utm_crs(float(lon), float(lat))
            x, y = around_centre(grid, crs)
            return float(f"{max(math.dist((x[0], y[0]), (x[i], y[i])) for i in (1, 2)):.2g}")
        assert self.product is not None
        tags = self.product.properties()
        pair = tags.get("sar:pixel_spacing_range"), tags.get("sar:pixel_spacing_azimuth")
        if not all(isinstance(each, float | int) for each in pair):
            raise InputError(f"{self.path}: nothing says how large its pixels are; give the resolution")
        across, along = (float(str(each)) for each in pair)
        incidence = self.product.view.incidence
        if self.product.product_type in ("SLC", "SCS_B", "SCS_U") and incidence:
            across /= math.sin(math.radians(incidence))
        return float(f"{max(across, along):.2g}")


def open_scenes(paths: Sequence[str]) -> list[Scene]:
    """Open the metadata of all inputs.

    Raises
    ------
    InputError
        One cannot be opened, or is there twice.
    """
    scenes: list[Scene] = []
    for path in paths:
        product = product_at(path)
        name = Path(Image.open(path).name).stem if product is None else product.name
        before = next((scene for scene in scenes if scene.name == name), None)
        if before is not None:
            raise InputError(f"{path}: is the product of {before.path} once more")
        scenes.append(Scene(path, name, "" if product is None else product.sensor, product))
    return scenes


def target_grid(scenes: Sequence[Scene], params: PrepareParams) -> Grid:
    """Return the grid on which all scenes are to lie.

    Its pixel edges lie on multiples of the pixel size; without a resolution, and where the first scene on a map has
    the CRS and the pixel size already, on that scene's own, whose pixels then need no resampling.

    Raises
    ------
    ParameterError
        The area, the CRS or the resolution makes no sense.
    GridError
        The scenes share no area, or one does not reach the area.
    """
    outlines = [scene.outline() for scene in scenes]
    if params.aoi is None:
        area = None
        middle = float(np.mean([_near(lon, outlines[0][0]).mean() for lon, _ in outlines]))
        centre = middle, float(np.mean([lat.mean() for _, lat in outlines]))
    else:
        extent, own = area_of(params.aoi)
        x, y = _edges([(extent[0], extent[1]), (extent[2], extent[1]), (extent[2], extent[3]), (extent[0], extent[3])])
        lon, lat = transform_points(own, WGS84, x, y)
        area = np.unwrap(lon, period=360.0), lat
        centre = float(area[0].mean()), float(lat.mean())
    on_map = next((grid for grid in (scene.grid() for scene in scenes) if grid is not None), None)
    if params.crs is not None and params.crs.lower() != "utm":
        crs = parse_crs(params.crs, "crs")
    elif params.crs is None and on_map is not None:
        crs = on_map.crs
    else:
        crs = utm_crs((centre[0] + 180.0) % 360.0 - 180.0, centre[1])
    boxes = []
    for scene, (lon, lat) in zip(scenes, outlines, strict=True):
        box = _box(lon, lat, crs)
        if box is None:
            raise GridError(f"{crs_name(crs)} does not reach {scene.name}; choose another crs")
        boxes.append(box)
    size = params.resolution or _coarsest(scenes, crs, centre[1])
    origin = (0.0, 0.0) if params.resolution else _raster_of(on_map, crs, size)
    if area is not None:
        wanted = _box(*area, crs)
        if wanted is None:
            raise GridError(f"{crs_name(crs)} does not reach the aoi {params.aoi}; choose another crs")
        for scene, box in zip(scenes, boxes, strict=True):
            if _shared([wanted, box]) is None:
                raise GridError(
                    f"{scene.name} does not reach the aoi {params.aoi}: it covers {extent_text(box)} in {crs_name(crs)}"
                )
        return snapped_grid(wanted, size, size, crs, origin)
    shared = _shared(boxes)
    if shared is None:
        listed = "; ".join(f"{scene.name} {extent_text(box)}" for scene, box in zip(scenes, boxes, strict=True))
        raise GridError(f"the scenes share no area in {crs_name(crs)}: {listed}; name one with aoi")
    return snapped_grid(shared, size, size, crs, origin)


def _raster_of(own: Grid | None, crs: CRS, size: float) -> tuple[float, float]:
    """Return a corner of a pixel of a scene that has a CRS and a pixel size; 0, 0 where it has others."""
    if (
        own is None
        or own.crs != crs
        or not np.allclose(tuple(own.transform)[:5], (size, 0.0, own.transform.c, 0.0, -size))
    ):
        return 0.0, 0.0
    return own.transform.c % size, own.transform.f % size


def _coarsest(scenes: Sequence[Scene], crs: CRS, latitude: float) -> float:
    """Return the largest pixel size of the scenes, in units of a CRS."""
    metres = max(scene.spacing() for scene in scenes)
    if not crs.is_geographic:
        return metres / float(crs.linear_units_factor[1])
    if abs(latitude) > 89:
        raise ParameterError("resolution: is needed for degrees at a pole")
    return float(f"{metres / 111_320.0:.2g}")


def _edges(corners: Sequence[tuple[float, float]], *, wrap: bool = False) -> tuple[DoubleArray, DoubleArray]:
    """Return points along the edges of a polygon."""
    points = np.asarray(corners, np.float64)
    if wrap:
        points[:, 0] = np.unwrap(points[:, 0], period=360.0)
    after = np.roll(points, -1, axis=0)
    steps = np.linspace(0.0, 1.0, _PER_EDGE, endpoint=False)[None, :, None]
    line = (points[:, None] + steps * (after - points)[:, None]).reshape(-1, 2)
    return line[:, 0], line[:, 1]


def _near(lon: DoubleArray, other: DoubleArray) -> DoubleArray:
    """Return longitudes, turned by whole circles until they lie beside others."""
    return np.asarray(lon - 360.0 * np.round((lon.mean() - other.mean()) / 360.0))


def _box(lon: DoubleArray, lat: DoubleArray, crs: CRS) -> Extent | None:
    x, y = transform_points(WGS84, crs, (lon + 180.0) % 360.0 - 180.0, lat)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def _shared(boxes: Sequence[Extent]) -> Extent | None:
    xmin, ymin = (max(box[i] for box in boxes) for i in (0, 1))
    xmax, ymax = (min(box[i] for box in boxes) for i in (2, 3))
    return (xmin, ymin, xmax, ymax) if xmin < xmax and ymin < ymax else None
