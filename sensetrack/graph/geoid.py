"""Heights of the geoid above the ellipsoid, from a raster that the user has."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from sensetrack.errors import GraphError, InputError
from sensetrack.graph.map_places import read_around
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray

VARIABLE = "SENSETRACK_GEOID"
"""Names the raster of the geoid in the environment."""

NAMES = ("us_nga_egm96_15.tif", "egm96_15.gtx")
"""Rasters of EGM96 among the data of PROJ."""

SITE = "https://cdn.proj.org"
"""Where PROJ publishes its data."""

_SNAP = ("ww15mgh_b.grd", "ww15mgh_b.zip", "WW15MGH.DAC", "ww15mgh.dac", "ww15mgh.grd")
_WORLD = Grid((721, 1440), Affine(0.25, 0, -0.125, 0, -0.25, 90.125), CRS.from_epsg(4326))
_MARGIN = 2


@dataclass(frozen=True, eq=False)
class Geoid:
    """Heights of a geoid above the ellipsoid WGS84. Open one with `Geoid.open`.

    Attributes
    ----------
    image : Image
        m; in longitude and latitude.
    period : int
        Columns around the Earth; 0 where the raster covers a part of it.
    """

    image: Image
    period: int

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Geoid:
        """Open a raster of undulations: what GDAL reads (GTX, GeoTIFF), or EGM96 as the NGA and SNAP have it.

        Raises
        ------
        InputError
            It cannot be read, is not in degrees, or holds no such heights.
        """
        file = Path(path)
        if file.suffix.lower() in (".grd", ".dac", ".zip"):
            image = Image.from_array(_world(file), _WORLD)
        else:
            image = Image.open(file)
        grid = image.grid
        if not (grid.crs is None or grid.is_geographic) or grid.transform.b or grid.transform.d or grid.transform.e > 0:
            raise InputError(f"{path}: the raster of a geoid has to be in longitude and latitude, north up")
        turn = 360.0 / grid.transform.a
        return cls(image, round(turn) if grid.width >= turn - 0.5 else 0)

    def undulation(self, latitude: DoubleArray, longitude: DoubleArray) -> DoubleArray:
        """Return the height of the geoid above the ellipsoid at places, m, bicubic between the raster's points.

        Parameters
        ----------
        latitude, longitude : ndarray of float64
            Degrees; longitudes may go around the Earth. NaN where they are.

        Raises
        ------
        InputError
            The raster does not cover a place.
        """
        known = np.isfinite(latitude) & np.isfinite(longitude)
        found = np.full(known.shape, np.nan)
        if not known.any():
            return found
        row, col = self.image.grid.rowcol(longitude[known], latitude[known])
        if self.period:
            start = col[0]
            col = start + (col - start + self.period / 2) % self.period - self.period / 2
        top, left = (int(np.floor(each.min())) - _MARGIN for each in (row, col))
        bottom, right = (int(np.floor(each.max())) + 2 + _MARGIN for each in (row, col))
        heights = self._window(top, left, bottom, right, longitude[known], latitude[known])
        values = np.zeros(row.shape)
        first_row, first_col = np.floor(row).astype(np.int64), np.floor(col).astype(np.int64)
        row_weights, col_weights = _weights(row - first_row), _weights(col - first_col)
        for i in range(4):
            for j in range(4):
                values += row_weights[i] * col_weights[j] * heights[first_row + i - 1 - top, first_col + j - 1 - left]
        found[known] = values
        return found

    def _window(
        self, top: int, left: int, bottom: int, right: int, longitude: DoubleArray, latitude: DoubleArray
    ) -> DoubleArray:
        """Read points, around the Earth where there is need; beyond the poles the last row again."""
        height, width = self.image.grid.shape
        rows = np.clip(np.arange(top, bottom), 0, height - 1)
        cols = np.arange(left, right)
        cols = cols if self.period else np.clip(cols, 0, width - 1)
        outside = not self.period and (left + _MARGIN < 0 or right - _MARGIN > width + 1)
        if outside or top + _MARGIN < -1 or bottom - _MARGIN > height + 1:
            raise InputError(
                f"{self.image.name}: the geoid is not known at latitude {latitude.min():.3f} to {latitude.max():.3f}, "
                f"longitude {longitude.min():.3f} to {longitude.max():.3f}; use a raster of the whole Earth"
            )
        first, last = int(rows.min()), int(rows.max())
        start, stop = (left, right) if self.period else (int(cols[0]), int(cols[-1]) + 1)
        pixels, valid = read_around(self.image, Block(first, start, last - first + 1, stop - start), self.period)
        if not valid.all():
            raise InputError(f"{self.image.name}: the geoid has holes; use a raster without nodata")
        return np.asarray(pixels, np.float64)[np.ix_(rows - first, cols - start)]


def find_geoid(path: Path | None = None, *, download: bool = False) -> Geoid:
    """Return the geoid: of a path, of the environment (`VARIABLE`), of the user's cache, of PROJ's data or of SNAP's.

    Parameters
    ----------
    path : pathlib.Path, optional
    download : bool
        Whether EGM96 (3 MB) may be fetched into the cache where none is found.

    Raises
    ------
    GraphError
        There is none; all ways to one are named.
    DownloadError
        It cannot be fetched.
    """
    asked = path or (Path(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else None)
    if asked is not None:
        return Geoid.open(asked)
    for place in places():
        if place.is_file():
            return Geoid.open(place)
    if download:
        from sensetrack.catalog import Client, Wanted, fetch

        target = _kept()
        target.parent.mkdir(parents=True, exist_ok=True)
        fetch(Wanted(f"{SITE}/{NAMES[0]}", target), Client())
        return Geoid.open(target)
    raise GraphError(
        "heights of the elevation model are above the geoid EGM96, and no raster of the geoid was found. "
        f"Allow downloads, or set {VARIABLE} to {NAMES[1]} or {NAMES[0]} (https://cdn.proj.org, Debian's proj-data, or "
        "'projsync --file us_nga_egm96_15'), or take an external model with heights above the ellipsoid and "
        "externalDEMApplyEGM = false"
    )


def places() -> Iterator[Path]:
    """Yield where a raster of EGM96 may lie: the user's cache, PROJ's folders, then SNAP's."""
    from pyproj.datadir import get_data_dir, get_user_data_dir  # type: ignore[attr-defined]

    yield _kept()
    folders = [os.environ.get(name, "") for name in ("PROJ_DATA", "PROJ_LIB")]
    parts = [part for text in folders for part in text.split(os.pathsep) if part]
    parts += [get_user_data_dir(), *get_data_dir().split(os.pathsep)]
    parts += ["/usr/share/proj", "/usr/local/share/proj", "/opt/homebrew/share/proj"]
    for part in dict.fromkeys(parts):
        yield from (Path(part) / name for name in NAMES)
    for name in _SNAP:
        yield Path.home() / ".snap" / "auxdata" / "dem" / "egm96" / name


def _kept() -> Path:
    """Return where a raster that was fetched is kept."""
    from sensetrack.catalog import cache_folder

    return cache_folder("geoid") / NAMES[0]


def _weights(share: DoubleArray) -> tuple[DoubleArray, DoubleArray, DoubleArray, DoubleArray]:
    """Return the weights of four points for the cubic of Catmull and Rom."""
    t = share
    return (
        ((-0.5 * t + 1.0) * t - 0.5) * t,
        (1.5 * t - 2.5) * t * t + 1.0,
        ((-1.5 * t + 2.0) * t + 0.5) * t,
        (0.5 * t - 0.5) * t * t,
    )


def _world(path: Path) -> np.ndarray:
    """Read the files of the NGA: rows from north to south, from longitude 0 eastward."""
    try:
        name, content = path.name, path.read_bytes()
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                name = next(each for each in archive.namelist() if each.lower().endswith((".grd", ".dac")))
                content = archive.read(name)
        if name.lower().endswith(".dac"):
            values = np.frombuffer(content, ">i2").reshape(721, 1440) / 100.0
        else:
            numbers = np.array(content.split(), np.float64)
            # The last column of a row is the first again.
            values = numbers[6:].reshape(721, 1441)[:, :1440]
    except (OSError, ValueError, StopIteration, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: cannot be read as the EGM96 of the NGA (721 x 1440 heights): {error}") from error
    return values.astype(np.float32)
