"""Writes COSMO-SkyMed products of both generations: SCS_B, SCS_U, DGM_B, GEC_B and GTC_B, in all modes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from products.cosmo_attributes import (
    Scene,
    burst_attributes,
    root_attributes,
    statistics,
    subswath_attributes,
)
from products.cosmo_geometry import FIRST_RANGE_TIME, LINE_INTERVAL, RANGE_INTERVAL, CosmoGeometry
from products.hdf import drop, put
from products.orbit import LIGHT, Doubles, Orbit

START = datetime(2014, 10, 1, 6, 12, 15, 883537)


@dataclass(frozen=True)
class CosmoTruth:
    """What is true of a product.

    Attributes
    ----------
    path : Path
    dn : dict
        By image group (``S01`` ...; ``MBI`` for a mosaic): complex64 or uint16 ``(line, column)``.
    sigma0 : dict
        Linear, NaN where the pixel is invalid; empty for SCS_U.
    valid : dict of bool arrays
    polarisations : dict
    slant_range : dict
        Of each column, m; empty for map products.
    first_time, line_interval : float
        Zero-Doppler time of line 0, s since midnight, and from line to line.
    start, stop : datetime
        Scene Sensing Start and Stop UTC.
    corners : dict
        By ``Top Left`` ...: latitude, longitude of the first image.
    incidence : tuple of float
        Near and far of the first image, degrees.
    orbit_times, positions, velocities : ndarray
    spacing : tuple of float
        Line and column spacing, m.
    origin : tuple of float or None
        Easting and northing of the outer corner of the first pixel of a map product.
    epsg : int or None
    quicklook : dict of uint8 arrays
    incidence_mask : ndarray or None
    """

    path: Path
    dn: dict[str, np.ndarray]
    sigma0: dict[str, np.ndarray]
    valid: dict[str, np.ndarray]
    polarisations: dict[str, str]
    slant_range: dict[str, Doubles]
    first_time: float
    line_interval: float
    start: datetime
    stop: datetime
    corners: dict[str, tuple[float, float]]
    incidence: tuple[float, float]
    orbit_times: Doubles
    positions: Doubles
    velocities: Doubles
    spacing: tuple[float, float]
    orbit: Orbit
    origin: tuple[float, float] | None = None
    epsg: int | None = None
    quicklook: dict[str, np.ndarray] = field(default_factory=dict)
    incidence_mask: np.ndarray | None = None


def product_name(
    level: str, mode: str, polarisation: str, orbit: Orbit, start: datetime, stop: datetime, generation: int
) -> str:
    """Return the file name without its suffix."""
    side = orbit.side + ("A" if np.cos(np.radians(orbit.latitude)) > 0 else "D")
    times = f"{start:%Y%m%d%H%M%S}_{stop:%Y%m%d%H%M%S}"
    if generation == 1:
        return f"CSKS4_{level}_{mode}_07_{polarisation}_{side}_SF_{times}"
    beam = {"STR": "012"}.get(mode, "001")
    return f"CSG_SSAR1_{level}_0101_{mode}_{beam}_{polarisation}_{side}_F_{times}_1_F_09S_Z19_N00"


def write_cosmo(
    folder: Path,
    level: str = "SCS_B",
    *,
    mode: str = "HI",
    polarisations: Sequence[str] = ("HH",),
    subswaths: int = 1,
    shape: tuple[int, int] = (48, 60),
    stretch: float = 1.0,
    generation: int = 1,
    orbit: Orbit | None = None,
    rescaling: float = 0.814665,
    constants: Sequence[float] = (2.04456e22,),
    constant_flag: int = 0,
    range_compensation: str = "ZERO DOPPLER",
    incidence_compensation: str = "ZERO DOPPLER",
    spacing: tuple[float, float] = (2.5, 4.0),
    vectors: int = 15,
    without: Sequence[str] = (),
    attributes: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
) -> CosmoTruth:
    """Write one product.

    Parameters
    ----------
    folder : Path
    level : {"SCS_B", "SCS_U", "DGM_B", "GEC_B", "GTC_B"}
    mode : {"HI", "PP", "WR", "HR", "S2"}, or {"STR", "SC1"} of the second generation
    polarisations : sequence of str
        Two for PINGPONG, one ``S0n`` each; one otherwise.
    subswaths : int
        Of ScanSAR: one ``S0n`` each in SCS, beneath one mosaic ``MBI`` in the other levels.
    shape : tuple of int
        Lines and columns.
    stretch : float
        How many times the intervals of a real product lie between lines and columns, so that a small image covers a
        large scene.
    generation : {1, 2}
    constants : sequence of float
        Calibration Constant of each ``S0n``; the last goes on for the rest.
    spacing : tuple of float
        Line and column spacing of detected products, m: unequal, to tell them apart.
    without : sequence of str
        Groups, datasets (``S01/QLK``) and attributes (``@Rescaling Factor``) to leave out.
    attributes : mapping
        Attributes by group or dataset, written last.
    """
    rng = np.random.default_rng(seed)
    orbit = orbit or Orbit()
    midnight = START.replace(hour=0, minute=0, second=0, microsecond=0)
    first_time = (START - midnight).total_seconds() + 0.25
    lines, columns = shape
    is_map, is_slant = level[:3] in ("GEC", "GTC"), level[:3] == "SCS"
    mosaic = subswaths > 1 and not is_slant
    line_interval = LINE_INTERVAL * stretch
    duration = line_interval * (lines - 1)
    stop = START + timedelta(seconds=duration + 0.5)
    pair = {("HH", "VV"): "CO", ("HH", "HV"): "CH", ("VV", "VH"): "CV"}.get(tuple(polarisations), polarisations[0])
    name = product_name(level, mode, pair, orbit, START, stop, generation)
    orbit_times = np.floor(first_time / 10) * 10 + 10.0 * (np.arange(vectors) - vectors // 2)
    groups = [f"S{n + 1:02d}" for n in range(max(subswaths, len(polarisations)))]
    scene = Scene(
        name,
        level,
        mode,
        generation,
        START,
        stop,
        orbit,
        orbit_times,
        rescaling,
        range_compensation,
        incidence_compensation,
        constant_flag,
        len(groups),
        first_time,
        FIRST_RANGE_TIME,
    )
    image_name = "IMG" if generation == 2 else "SBI"
    images = {"MBI": "/MBI"} if mosaic else {group: f"/{group}/{image_name}" for group in groups}
    constant_of = {group: constants[min(n, len(constants) - 1)] for n, group in enumerate(groups)}
    constant_of["MBI"] = constants[0]
    geometries = {group: CosmoGeometry(scene, shape, n, stretch, spacing) for n, group in enumerate(images)}

    path = folder / f"{name}.h5"
    truth_dn, truth_sigma, truth_valid, looks = {}, {}, {}, {}
    with h5py.File(path, "w") as file:
        middle = orbit.ground(duration / 2, LIGHT / 2 * (FIRST_RANGE_TIME + columns / 2 * RANGE_INTERVAL * stretch))
        put(file, root_attributes(scene, (float(middle[0]), float(middle[1]))))
        for n, group in enumerate(groups):
            bursts = 4 if subswaths > 1 else 1
            values = subswath_attributes(
                scene, polarisations[min(n, len(polarisations) - 1)], constant_of[group], lines // bursts, bursts
            )
            put(file.create_group(group), values)
            for burst in range(bursts):
                at = first_time + burst / bursts * duration
                item = file.create_group(f"{group}/B{burst + 1:0{4 if generation == 2 else 3}d}")
                put(item, burst_attributes(at - 0.2, at + duration / bursts + 0.2, FIRST_RANGE_TIME))
        for group, place in images.items():
            stored, pixels, valid = _pixels(rng, shape, is_slant)
            dataset = file.create_dataset(place, data=stored, chunks=(min(16, lines), *stored.shape[1:]))
            put(dataset, geometries[group].attributes() | statistics(stored))
            if generation == 2:
                put(dataset, {"Rescaling Factor": rescaling})
            amplitude = np.abs(pixels[::4, ::4].astype(np.complex128)).clip(1, 255)
            looks[group] = np.where(valid[::4, ::4], amplitude, 0).astype(np.uint8)
            quick = file.create_dataset(f"{place.rpartition('/')[0]}/QLK", data=looks[group])
            put(quick, geometries[group].quicklook_attributes())
            truth_dn[group], truth_valid[group] = pixels, valid
            factor = _factor(scene, constant_of[group])
            truth_sigma[group] = np.where(valid, np.abs(pixels.astype(np.complex128)) ** 2 * factor, np.nan)
        mask = None
        if level == "GTC_B":
            mask = rng.integers(0, 90, shape).astype(np.uint8)
            for place in images.values():
                file.create_dataset(f"{place.rpartition('/')[0]}/GIM", data=mask)
        if is_slant is False:
            put(file, geometries[next(iter(images))].root_attributes())
        if generation == 2:
            put(file.create_group("LRHM"), {"Invalid Value": 0.0})
        for place, extra in (attributes or {}).items():
            put(file[place], extra)
    drop(path, without)
    first = geometries[next(iter(images))]
    position, velocity = orbit.state(orbit_times - first_time)
    return CosmoTruth(
        path,
        truth_dn,
        {} if level == "SCS_U" else truth_sigma,
        truth_valid,
        {group: polarisations[min(n, len(polarisations) - 1)] for n, group in enumerate(images)},
        {} if is_map else {group: geometry.slant_range for group, geometry in geometries.items()},
        first_time,
        line_interval,
        START,
        stop,
        first.corners,
        first.incidence,
        orbit_times,
        position,
        velocity,
        first.spacing,
        orbit,
        first.origin,
        first.epsg,
        looks,
        mask,
    )


def _factor(scene: Scene, constant: float) -> float:
    """Return what turns the power into sigma nought, by the formula in the description of the format."""
    factor = 1.0 / scene.rescaling**2
    if scene.range_compensation != "NONE":
        factor *= 780000.0 ** (2 * 1.5)
    if scene.incidence_compensation != "NONE":
        factor *= np.sin(np.radians(40.0))
    return factor / constant if scene.constant_flag == 0 else factor


def _pixels(rng: np.random.Generator, shape: tuple[int, int], is_slant: bool) -> tuple[np.ndarray, ...]:
    """Return the stored array, the pixels and which are valid: not two lines and three columns; I = 0 alone is."""
    stored = rng.normal(0, 40, (*shape, 2)).round().astype(np.int16)
    stored[5, 7], stored[6, 7] = (0, 9), (-9, 0)
    stored[0, 10], stored[0, 11] = (32767, -32768), (-32768, 32767)
    stored[-2:], stored[:, :3] = 0, 0
    valid = (stored != 0).any(-1)
    if is_slant:
        pixels = (stored[..., 0] + 1j * stored[..., 1]).astype(np.complex64)
        return stored, pixels, valid
    detected = np.where(valid, np.clip(np.hypot(stored[..., 0].astype(float), stored[..., 1]), 1, 65535), 0)
    detected = detected.astype(np.uint16)
    return detected, detected, valid
