"""CF-1.8 coordinates and grid mappings: a grid into a netCDF file and back."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError

from sensetrack.errors import GridError, InputError
from sensetrack.raster.grid import Grid, crs_name

MAPPING = "mapping"
PREFIX = "sensetrack_"

_ROWS = 256
_LOCAL = 'LOCAL_CS["no georeference",UNIT["unknown",1]]'
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_upright(grid: Grid) -> bool:
    """Whether columns run along map x and rows along map y, so that 1-D coordinates suffice."""
    return bool(grid.transform.is_rectilinear and grid.transform.b == 0)


def write_coordinates(file: Any, grid: Grid, period: tuple[datetime, datetime] | None) -> tuple[str, ...]:
    """Create dimensions and coordinate variables of pixel centres; return the dimensions of a layer.

    Parameters
    ----------
    file : h5netcdf.File
    grid : Grid
        An upright one gets 1-D ``x`` and ``y``; a rotated one 2-D ``x(row, column)`` and ``y(row, column)``.
    period : pair of datetime or None
        Adds the dimension ``mid_date``, ``date1`` and ``date2``.
    """
    upright = is_upright(grid)
    dims = ("y", "x") if upright else ("row", "column")
    file.dimensions = dict(zip(dims, grid.shape, strict=True))
    rows, cols = np.arange(grid.height), np.arange(grid.width)
    for axis, name in enumerate(("x", "y")):
        if upright:
            own = ("x",) if name == "x" else ("y",)
            values = grid.xy(0, cols)[0] if name == "x" else grid.xy(rows, 0)[1]
            variable = file.create_variable(name, own, "f8", data=values)
        else:
            variable = file.create_variable(name, dims, "f8", compression="gzip", shuffle=True)
            for row in range(0, grid.height, _ROWS):
                part = rows[row : row + _ROWS, None]
                variable[row : row + part.size, :] = grid.xy(part, cols[None, :])[axis]
        for key, value in _axis_attributes(grid, name, upright).items():
            variable.attrs[key] = value
    if period is None:
        return dims
    file.dimensions["mid_date"] = 1
    first, last = period
    meanings = {
        "mid_date": (first + (last - first) / 2, "midpoint of the two acquisitions"),
        "date1": (first, "acquisition of the reference image"),
        "date2": (last, "acquisition of the secondary image"),
    }
    for name, (time, text) in meanings.items():
        seconds = (time - _EPOCH).total_seconds()
        variable = file.create_variable(name, ("mid_date",), "f8", data=np.array([seconds / 86400.0]))
        variable.attrs["long_name"] = text
        if name == "mid_date":
            variable.attrs["standard_name"] = "time"
            variable.attrs["axis"] = "T"
        variable.attrs["units"] = "days since 1970-01-01 00:00:00"
        variable.attrs["calendar"] = "standard"
    return ("mid_date", *dims)


def _axis_attributes(grid: Grid, name: str, upright: bool) -> dict[str, str]:
    along = {"x": "column", "y": "row"}[name]
    if grid.crs is None:
        attributes = {"long_name": f"{along} of the image, 0 at its edge", "units": "1"}
        if grid.is_georeferenced:
            attributes = {"long_name": f"map {name} in a system that the image does not name", "units": "1"}
    elif grid.is_geographic:
        standard, unit = {"x": ("longitude", "degrees_east"), "y": ("latitude", "degrees_north")}[name]
        attributes = {"standard_name": standard, "long_name": standard, "units": unit}
    else:
        factor = unit_in_metres(grid.crs)
        attributes = {
            "standard_name": f"projection_{name}_coordinate",
            "long_name": f"{name} coordinate of projection",
            "units": "m" if factor == 1.0 else f"{factor!r} m",
        }
    return attributes | ({"axis": name.upper()} if upright else {})


def unit_in_metres(crs: CRS) -> float:
    """Return the length of the unit of a CRS that is not geographic, such as 0.3048 for feet.

    Raises
    ------
    GridError
        The CRS does not say.
    """
    import pyproj

    axes = pyproj.CRS.from_user_input(crs).axis_info
    if not axes or not axes[0].unit_conversion_factor:
        raise GridError(f"the CRS {crs_name(crs)} does not say its unit; assign one with 'gdal_edit -a_srs EPSG:...'")
    return float(axes[0].unit_conversion_factor)


def mapping_attributes(grid: Grid) -> dict[str, Any]:
    """Return the attributes of a CF grid mapping variable, with GDAL's and ITS_LIVE's own beside them."""
    import pyproj

    place = {"GeoTransform": " ".join(repr(float(term)) for term in grid.transform.to_gdal())}
    if grid.crs is None:
        # Without any CRS, GDAL (and QGIS) would ignore the transform and turn the rows upside down.
        return {"spatial_ref": _LOCAL, **place}
    crs = pyproj.CRS.from_user_input(grid.crs)
    attributes: dict[str, Any] = dict(crs.to_cf())
    attributes["spatial_ref"] = grid.crs.to_wkt()
    with warnings.catch_warnings(), contextlib.suppress(pyproj.exceptions.CRSError):
        # PROJ strings lose details and do not exist for every CRS; they stand beside the full WKT for the readers
        # that ask for them.
        warnings.simplefilter("ignore", UserWarning)
        attributes["proj4text"] = crs.to_proj4()
    code = grid.crs.to_epsg()
    if code is not None:
        attributes["spatial_epsg"] = code
    return attributes | place


def read_grid(
    path: str,
    file: Any,
    layer: str,
    shape: tuple[int, int],
    attributes: Mapping[str, Mapping[str, Any]],
    tags: dict[str, Any],
) -> Grid:
    """Build the grid from the coordinates; the transform that we wrote gives the last digits where it still holds."""
    mapping = attributes.get(str(attributes[layer].get("grid_mapping", "")), {})
    wkt = mapping.get("crs_wkt") or mapping.get("spatial_ref")
    wkt = None if wkt == _LOCAL else wkt
    try:
        crs = CRS.from_wkt(wkt) if wkt else None
    except CRSError as error:
        raise InputError(f"{path}: its grid mapping holds no valid CRS ({error})") from error
    stored = tags.pop(PREFIX + "transform", None)
    written = Affine(*json.loads(stored)) if stored else None
    found = _transform_of(file, layer, shape, written)
    if found is None:
        return Grid(shape, crs=crs)
    if written is not None and Grid(shape, written).difference(Grid(shape, found), 1e-6) is None:
        found = written
    return Grid(shape, found, crs)


def _transform_of(file: Any, layer: str, shape: tuple[int, int], written: Affine | None) -> Affine | None:
    """Derive the transform from the coordinates of pixel centres, 1-D or 2-D."""
    names = file.variables[layer].dimensions[-2:]
    if all(name in file.variables for name in names):
        y = np.asarray(file.variables[names[0]][...], np.float64)
        x = np.asarray(file.variables[names[1]][...], np.float64)
        corner = x[0], y[0]
        along_col = (_step(x, written.a if written else 1.0), 0.0)
        along_row = (0.0, _step(y, written.e if written else 1.0))
    elif {"x", "y"} <= set(file.variables) and file.variables["x"].shape == shape and min(shape) > 1:
        ends = [np.asarray(file.variables[name][:: shape[0] - 1, :: shape[1] - 1], np.float64) for name in ("x", "y")]
        corner = ends[0][0, 0], ends[1][0, 0]
        along_col = tuple((end[0, 1] - end[0, 0]) / (shape[1] - 1) for end in ends)
        along_row = tuple((end[1, 0] - end[0, 0]) / (shape[0] - 1) for end in ends)
    else:
        return written
    a, d = along_col
    b, e = along_row
    return Affine(a, b, corner[0] - (a + b) / 2, d, e, corner[1] - (d + e) / 2)


def _step(values: NDArray[np.float64], alone: float) -> float:
    """Mean distance of neighbouring coordinates; ``alone`` when there is one only."""
    return float(values[-1] - values[0]) / (len(values) - 1) if len(values) > 1 else alone
