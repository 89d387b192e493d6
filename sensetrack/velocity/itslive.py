"""The ITS_LIVE image-pair schema of velocity netCDF files: names, attributes, and reading pairs made by others.

Names and attributes are those of the NASA MEaSUREs ITS_LIVE pair products (autoRIFT; Gardner et al. 2018,
The Cryosphere 12, 521). Two things differ: velocities are float32 unless ``packed``, since whole metres per year lose
slow motion; and where both dates are known the layers have a leading ``mid_date`` of length 1 with ``date1`` and
``date2``, so that pairs concatenate into a cube. ``errorx`` and ``errory`` are second names of ``vx_error`` and
``vy_error``, under which TICOI looks for them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensetrack.displacement import FLAGS_LAYER, Flag
from sensetrack.errors import InputError, ParameterError
from sensetrack.provenance import Provenance
from sensetrack.raster.cf import mapping_attributes
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import Content, Layer, LayerFile
from sensetrack.velocity.stable import StableShift
from sensetrack.velocity.summary import LAYERS, ComponentErrors, Summary

FILL = -32767
"""Missing value of ITS_LIVE's packed velocities."""

_FLAG = {"none": 0, "mask": 1, "slow": 2}
_UNITS = {"m/yr": "meter/year", "m/d": "meter/day"}
_DESCRIPTIONS = {
    "error_description": "best estimate of the error of one point: median of the layer {name}_error",
    "error_stationary_description": "robust 1-sigma spread over stable surfaces identified from an external mask",
    "error_modeled_description": "median 1-sigma error propagated from the covariance of the image match",
    "error_slow_description": "robust 1-sigma spread over ground that the slowest 25% of retrieved velocities show",
    "stable_shift_flag_description": (
        "flag for applying velocity bias correction: 0 = no correction; 1 = correction from overlapping stable surface "
        "mask; 2 = correction from slowest 25% of overlapping velocities"
    ),
}


def content(grid: Grid, summary: Summary, *, packed: bool = False) -> Content:
    """Return what a pair file holds: its layers, attributes and dates.

    Parameters
    ----------
    grid : Grid
    summary : Summary
    packed : bool
        int16 in whole metres per year, as ITS_LIVE stores velocity.

    Raises
    ------
    ParameterError
        ``packed`` with another unit: nothing would be left of metres per day but a few whole ones.
    """
    if packed and summary.units != "m/yr":
        raise ParameterError(
            f"packed = True stores whole units, too coarse for units = '{summary.units}'; leave it out, or use m/yr "
            "(no --packed, or --units m/yr)"
        )
    units = _UNITS[summary.units]
    kind: dict[str, Any] = {"units": units, "dtype": "int16", "fill": FILL} if packed else {"units": units}

    def layer(name: str, standard: str, text: str, more: Mapping[str, Any] | None = None) -> Layer:
        return Layer(name, text, attributes={"standard_name": standard, "description": text, **(more or {})}, **kind)

    axes = {"x": summary.x, "y": summary.y}
    layers = [
        *(
            layer(
                f"v{axis}",
                f"land_ice_surface_{axis}_velocity",
                f"velocity component in {axis} direction",
                _component_attributes(f"v{axis}", errors, summary),
            )
            for axis, errors in axes.items()
        ),
        layer("v", "land_ice_surface_velocity", "velocity magnitude"),
        *(
            layer(f"v{axis}_error", f"{axis}_velocity_error", f"error of the velocity component in {axis} direction")
            for axis in axes
        ),
        layer("v_error", "velocity_error", "velocity magnitude error"),
        FLAGS_LAYER,
        Layer(
            "interp_mask",
            "true where values have been interpolated",
            dtype="uint8",
            attributes={
                "standard_name": "interpolated_value_mask",
                "description": "true where values have been interpolated",
                "flag_values": np.array([0, 1], np.uint8),
                "flag_meanings": "measured interpolated",
            },
        ),
    ]
    if summary.window is not None:
        for side, length in zip(("width", "height"), summary.window, strict=True):
            text = f"{side} of search template (chip)"
            attributes = {"standard_name": f"chip_size_{side}", "description": text, "exact_size": length}
            layers.append(Layer(f"chip_size_{side}", text, "m", "uint16", 0, attributes))
    provenance = summary.provenance
    dates = provenance.reference_date, provenance.secondary_date
    return Content(
        name="velocity",
        layers=tuple(layers),
        tags=summary.tags() | _global_attributes(grid, summary),
        columns=LAYERS,
        value="v",
        period=(dates[0], dates[1]) if dates[0] is not None and dates[1] is not None else None,
        variables={"img_pair_info": _pair_information(grid, summary)},
        aliases={"errorx": "vx_error", "errory": "vy_error"},
    )


def derived_layers(layers: Mapping[str, NDArray[Any]], summary: Summary) -> dict[str, NDArray[Any]]:
    """Return the layers of the schema that follow from the others, for one block."""
    filled = (layers["flags"] & np.uint8(Flag.FILLED)) > 0
    valid = np.isfinite(layers["v"])
    derived: dict[str, NDArray[Any]] = {"interp_mask": np.asarray(filled & valid, np.uint8)}
    if summary.window is not None:
        for side, length in zip(("width", "height"), summary.window, strict=True):
            derived[f"chip_size_{side}"] = np.asarray(np.where(valid, min(round(length), 65535), 0), np.uint16)
    return derived


def _component_attributes(name: str, errors: ComponentErrors, summary: Summary) -> dict[str, Any]:
    stable = summary.stable
    found: dict[str, Any] = {
        "error": errors.error,
        "error_stationary": errors.error_stationary if stable.method == "mask" else math.nan,
        "error_modeled": errors.error_modeled,
        "error_slow": errors.error_stationary if stable.method == "slow" else math.nan,
        "stable_shift": errors.stable_shift if summary.shift_subtracted else 0.0,
        "stable_shift_flag": np.int64(_FLAG[stable.method] if summary.shift_subtracted else 0),
        "stable_shift_stationary": errors.stable_shift if stable.method == "mask" else math.nan,
        "stable_count_stationary": np.int64(stable.count if stable.method == "mask" else 0),
        "stable_shift_slow": errors.stable_shift if stable.method == "slow" else math.nan,
        "stable_count_slow": np.int64(stable.count if stable.method == "slow" else 0),
        "stable_shift_error": errors.stable_shift_error,
    }
    return found | {key: text.format(name=name) for key, text in _DESCRIPTIONS.items()}


def _global_attributes(grid: Grid, summary: Summary) -> dict[str, str]:
    provenance = summary.provenance
    attributes = {
        "GDAL_AREA_OR_POINT": "Area",
        "title": "surface velocities from an image pair",
        "source": f"sensetrack {provenance.version}, tracker {provenance.tracker}",
        "motion_detection_method": "feature",
        "motion_coordinates": "map",
        "comment": "a year has 365.25 days of 86400 s",
    }
    proj4 = mapping_attributes(grid).get("proj4text")
    return attributes if proj4 is None else attributes | {"proj4": str(proj4)}


def _pair_information(grid: Grid, summary: Summary) -> dict[str, Any]:
    provenance = summary.provenance
    information: dict[str, Any] = {"standard_name": "image_pair_information"}
    images = (
        ("img1", provenance.reference, provenance.reference_date),
        ("img2", provenance.secondary, provenance.secondary_date),
    )
    for image, path, date in images:
        information[f"id_{image}"] = Path(path).stem
        if date is not None:
            information[f"acquisition_date_{image}"] = _stamp(date)
            information[f"time_standard_{image}"] = "UTC"
    first, last = provenance.reference_date, provenance.secondary_date
    if first is not None and last is not None:
        information["date_center"] = _stamp(first + (last - first) / 2)
    information["date_dt"] = summary.days
    if grid.crs is not None:
        from rasterio.crs import CRS

        x, y = grid.xy((grid.height - 1) / 2, (grid.width - 1) / 2)
        longitude, latitude = transform_points(grid.crs, CRS.from_epsg(4326), x, y)
        information |= {"latitude": round(float(latitude), 2), "longitude": round(float(longitude), 2)}
    return information


def _stamp(time: datetime) -> str:
    return time.strftime("%Y%m%dT%H:%M:%S.%f")


def is_pair(file: LayerFile) -> bool:
    """Whether a file is a pair by this schema, whoever made it."""
    return {"vx", "vy", "v"} <= set(file.names) and "img_pair_info" in file.attributes


def read_pair(file: LayerFile) -> tuple[dict[str, NDArray[Any]], Summary]:
    """Read a pair that another software made: its layers and what its attributes say.

    ITS_LIVE states one error per component; it fills the error layers where the file has none. Missing pixels are
    flagged ``nodata`` and interpolated ones ``filled``.

    Raises
    ------
    InputError
        The attributes lack the time base.
    """
    wanted = [name for name in (*LAYERS[:-1], "interp_mask") if name in file.names]
    layers = file.read(names=wanted)
    missing = ~np.isfinite(layers["v"])
    x, y = (_component(file.attributes[name]) for name in ("vx", "vy"))
    for name, errors in (("vx_error", x), ("vy_error", y), ("v_error", None)):
        if name not in layers:
            value = np.hypot(x.error, y.error) / math.sqrt(2) if errors is None else errors.error
            layers[name] = np.where(missing, np.nan, value).astype(np.float32)
    filled = np.asarray(layers.pop("interp_mask", np.zeros(missing.shape))) > 0
    flags = np.where(missing, Flag.NODATA, np.where(filled, Flag.FILLED, 0)).astype(np.uint8)
    information = file.attributes["img_pair_info"]
    if "date_dt" not in information:
        raise InputError(f"{file.path}: img_pair_info has no 'date_dt' (days between the images)")
    attributes = file.attributes["vx"]
    method = {1: "mask", 2: "slow"}.get(int(attributes.get("stable_shift_flag", 0)), "none")
    counts = {"mask": "stable_count_stationary", "slow": "stable_count_slow"}
    stable = StableShift(count=int(attributes.get(counts.get(method, ""), 0)), method=method)  # type: ignore[arg-type]
    per_day = str(attributes.get("units", "")).endswith("day")
    provenance = Provenance(
        tracker=str(file.tags.get("title", "")),
        reference=str(information.get("id_img1", "")),
        secondary=str(information.get("id_img2", "")),
        reference_date=_time(information.get("acquisition_date_img1")),
        secondary_date=_time(information.get("acquisition_date_img2")),
        days=float(information["date_dt"]),
    )
    summary = Summary(
        "m/d" if per_day else "m/yr", float(information["date_dt"]), stable, method != "none", x, y, provenance
    )
    return layers | {"flags": flags}, summary


def _component(attributes: Mapping[str, Any]) -> ComponentErrors:
    stationary = float(attributes.get("error_stationary", math.nan))
    return ComponentErrors(
        error=float(attributes.get("error", math.nan)),
        error_modeled=float(attributes.get("error_modeled", math.nan)),
        error_stationary=float(attributes.get("error_slow", math.nan)) if math.isnan(stationary) else stationary,
        stable_shift=float(attributes.get("stable_shift", math.nan)),
    )


def _time(text: object) -> datetime | None:
    for pattern in ("%Y%m%dT%H:%M:%S.%f", "%Y%m%dT%H:%M:%S", "%Y%m%d"):
        try:
            return datetime.strptime(str(text), pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None
