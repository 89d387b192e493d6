"""Writes Sentinel-1 products: GRD and SLC of IW, EW and Stripmap."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import rasterio
from rasterio.control import GroundControlPoint
from rasterio.errors import NotGeoreferencedWarning

from products.orbit import LIGHT, SEMIMAJOR, Doubles, Orbit, cartesian
from products.sentinel1_annotation import SAMPLING, BurstTruth, ImageSpec, ads_header, annotation, grid_points
from products.sentinel1_manifest import manifest
from products.sentinel1_tables import LUTS, Tables, tables
from products.xml import element, save

START = datetime(2022, 1, 4, 17, 5, 57, 413478)
LINE_INTERVAL = 2.0555563e-3
RANGE_TIME = 5.336535882737799e-3
ORBIT = Orbit(altitude=693_000.0, inclination=98.18, latitude=41.0, node=20.0)
SWATHS = {"IW": 3, "EW": 5, "SM": 1}


@dataclass(frozen=True)
class SwathTruth:
    """What is true of one image (swath and polarisation).

    Attributes
    ----------
    dn : ndarray
        complex64 or uint16, as stored.
    valid : ndarray of bool
        Where DN is not 0.
    calibrated : dict
        ``sigma0 beta0 gamma0`` with noise left in, linear; NaN where invalid.
    noise : ndarray
        Power to take from ``|DN|^2``.
    bursts : list
        Of TOPS SLC; empty elsewhere.
    scene, scene_times : ndarray, list of datetime
        TOPS SLC: the continuous scene that the bursts cut, and the zero-Doppler time of its lines.
    slant_range : ndarray
        Of each column, m.
    points : dict
        Geolocation grid, flat; ``time`` is in seconds from `epoch`.
    """

    path: Path
    spec: ImageSpec
    dn: np.ndarray
    valid: np.ndarray
    calibrated: dict[str, Doubles]
    tables: Tables
    noise: Doubles
    bursts: list[BurstTruth]
    scene: np.ndarray | None
    scene_times: list[datetime]
    slant_range: Doubles
    points: dict[str, Doubles]


@dataclass(frozen=True)
class Sentinel1Truth:
    """What is true of a product: by (swath, polarisation), such as ``("IW1", "VV")``, or ``("IW", "VV")`` of a GRD."""

    path: Path
    images: dict[tuple[str, str], SwathTruth]
    start: datetime
    stop: datetime
    orbit: Orbit
    epoch: datetime
    orbit_times: list[datetime]
    positions: Doubles
    velocities: Doubles
    absolute_orbit: int
    relative_orbit: int


def write_sentinel1(
    folder: Path,
    kind: str = "GRD",
    *,
    mode: str = "IW",
    polarisations: Sequence[str] = ("VV", "VH"),
    shape: tuple[int, int] = (90, 170),
    bursts: int = 3,
    overlap: int = 6,
    burst_ids: bool = True,
    swath_step: int | None = None,
    noise: str | None = "azimuth",
    constant: float = 1.393,
    range_spacing: float = 10.0,
    height: float = 350.0,
    georeference: str = "gcps",
    without: Sequence[str] = (),
    seed: int = 0,
) -> Sentinel1Truth:
    """Write one product as a ``.SAFE`` folder; `products.archive.zipped` packs it.

    Parameters
    ----------
    folder : Path
    kind : {"GRD", "SLC"}
    mode : {"IW", "EW", "SM"}
        SM stands for beam S3.
    shape : tuple of int
        Lines and samples of a GRD or a Stripmap SLC, or of one burst.
    bursts, overlap : int
        Bursts of each TOPS SLC image, and lines that one shares with the next.
    burst_ids : bool
        Whether ``burstId`` is there, as from IPF 3.40 on.
    swath_step : int, optional
        Samples from subswath to subswath, which are then cut out of one scene, each two lines after the one before.
    noise : {"azimuth", "old", None}
        Noise of IPF 2.9 and later, of earlier ones, or no noise file.
    constant : float
        absoluteCalibrationConstant.
    range_spacing : float
        Ground spacing of a GRD's columns, m.
    height : float
        Terrain height about which the geolocation grid lies, m.
    georeference : {"gcps", "crs"}
        What the TIFFs carry: control points, or nothing but EPSG:4326.
    without : sequence of str
        Patterns of files that are left out, such as ``measurement/*iw2*``; the manifest lists them still.
    """
    rng = np.random.default_rng(seed)
    slc, tops = kind == "SLC", kind == "SLC" and mode != "SM"
    names = [f"{mode}{n + 1}" for n in range(SWATHS[mode])] if tops else ["S3" if mode == "SM" else mode]
    lines = shape[0] + (bursts - 1) * (shape[0] - overlap) if tops else shape[0]
    epoch, orbit_number, take = START, 41314, 0x4E951
    stop = START + timedelta(seconds=(lines - 1 + 2 * (len(names) - 1)) * LINE_INTERVAL)
    orbit_times = [epoch + timedelta(seconds=-60.63 + 10 * n) for n in range(16)]
    positions, velocities = ORBIT.state([(time - epoch).total_seconds() for time in orbit_times])
    positions, velocities = positions.round(6), velocities.round(9)
    code = ("D" if len(polarisations) > 1 else "S") + polarisations[0][0]
    period = f"{START:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}_{orbit_number:06d}_{take:06X}"
    beam = "S3" if mode == "SM" else mode
    suffix = "SLC_" if slc else f"GRD{'M' if mode == 'EW' else 'H'}"
    product = folder / f"S1A_{beam}_{suffix}_1S{code}_{period}_F1F1.SAFE"

    images, specs = {}, []
    for polarisation in polarisations:
        wide = None
        if tops and swath_step is not None:
            wide = _speckle(rng, (lines + 2 * (len(names) - 1), shape[1] + swath_step * (len(names) - 1)))
        for number, swath in enumerate(names):
            spec = ImageSpec(
                "S1A",
                kind,
                mode,
                swath,
                polarisation,
                len(specs) + 1,
                START + timedelta(seconds=2 * number * LINE_INTERVAL),
                START + timedelta(seconds=(2 * number + lines - 1) * LINE_INTERVAL),
                orbit_number,
                take,
                ORBIT,
                epoch,
                shape,
                LINE_INTERVAL,
                RANGE_TIME + (2.7e-4 * number if swath_step is None else swath_step * number / SAMPLING),
                (13.95 if slc else 10.0, 2.329562 if slc else range_spacing),
                np.zeros(0),
                height=height,
                orbit_times=orbit_times,
                positions=positions,
                velocities=velocities,
            )
            _lay_out(spec, slc, number)
            scene, times = None, []
            if tops:
                if wide is not None and swath_step is not None:
                    left = swath_step * number
                    scene = wide[2 * number : 2 * number + lines, left : left + shape[1]]
                else:
                    scene = _speckle(rng, (lines, shape[1]))
                times = _cut_bursts(spec, bursts, overlap, burst_ids)
            dn = _pixels(spec, rng, scene)
            beyond = 9 if slc else 0
            made = tables(
                spec.shape,
                spec.start,
                LINE_INTERVAL,
                swath,
                spec.blocks or [(swath, 0, spec.shape[1] - 1)],
                constant=constant,
                noise=noise,
                beyond=beyond,
                level=8.0,
                bursts=[burst.azimuth_time for burst in spec.bursts],
            )
            points = grid_points(spec)
            spec.incidence = float(np.median(points["incidence"]))
            specs.append(spec)
            path = _write(product, spec, dn, made, points, georeference)
            valid = dn != 0
            power = np.abs(dn.astype(np.complex128)) ** 2
            calibrated = {
                name: np.where(valid, power / made.lut[lut] ** 2, np.nan)
                for name, lut in zip(("sigma0", "beta0", "gamma0"), LUTS, strict=False)
            }
            images[swath, polarisation] = SwathTruth(
                path, spec, dn, valid, calibrated, made, made.noise, spec.bursts, scene, times, spec.slant_range, points
            )
    corners = next(iter(images.values())).points
    columns = len(np.unique(corners["pixel"]))
    ends = (0, columns - 1, -1, -columns)
    footprint = " ".join(f"{corners['latitude'][n]:.6f},{corners['longitude'][n]:.6f}" for n in ends)
    save(product / "manifest.safe", manifest(product, specs, footprint, "003.40" if burst_ids else "003.20"))
    for pattern in without:
        for file in product.glob(pattern):
            file.unlink()
    return Sentinel1Truth(
        product,
        images,
        START,
        stop,
        ORBIT,
        epoch,
        orbit_times,
        positions,
        velocities,
        orbit_number,
        (orbit_number - 73) % 175 + 1,
    )


def _lay_out(spec: ImageSpec, slc: bool, number: int) -> None:
    """Work out the slant range of every column, and of a GRD its polynomials and blocks."""
    cols = spec.shape[1]
    near = LIGHT / 2 * spec.range_time
    if slc:
        spec.slant_range = near + np.arange(cols) * LIGHT / 2 / SAMPLING
        return
    slant = near + np.linspace(0, cols * spec.spacing[1], 500)
    lat, lon = ORBIT.ground(np.zeros(500), slant)
    chord = np.linalg.norm(cartesian(lat, lon) - cartesian(lat[0], lon[0]), axis=-1)
    ground = 2 * SEMIMAJOR * np.arcsin(chord / (2 * SEMIMAJOR))
    inside = ground <= cols * spec.spacing[1]
    fitted = np.polynomial.Polynomial.fit(ground[inside], slant[inside] - near, 5).convert().coef
    back = np.polynomial.Polynomial.fit(slant[inside] - near, ground[inside], 5).convert().coef
    spec.grsr = np.concatenate([[near + fitted[0]], fitted[1:], np.zeros(3)])
    spec.srgr = np.concatenate([back, np.zeros(3)])
    spec.slant_range = np.polynomial.polynomial.polyval(np.arange(cols) * spec.spacing[1], spec.grsr)
    if spec.mode == "SM":
        return
    edges = np.linspace(0, cols, SWATHS[spec.mode] + 1).astype(int)
    spec.blocks = [(f"{spec.mode}{n + 1}", int(edges[n]), int(edges[n + 1]) - 1) for n in range(len(edges) - 1)]


def _cut_bursts(spec: ImageSpec, bursts: int, overlap: int, burst_ids: bool) -> list[datetime]:
    """Lay out bursts over one continuous scene; return the times of its lines."""
    lines, cols = spec.shape
    step = lines - overlap
    total = lines + (bursts - 1) * step
    times = [spec.start + timedelta(seconds=n * LINE_INTERVAL) for n in range(total)]
    spec.lines_per_burst = lines
    spec.shape = (lines * bursts, cols)
    for number in range(bursts):
        first, last = np.full(lines, 4 + number), np.full(lines, cols - 6 - number)
        first[:2], last[:2], first[-1:], last[-1:] = -1, -1, -1, -1
        anx = 666.94 + number * step * LINE_INTERVAL
        identity = 249402 + number if burst_ids else None
        spec.bursts.append(BurstTruth(times[number * step], anx, number * lines, first, last, identity))
    return times


def _speckle(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return complex integers without a zero among them."""
    parts = rng.normal(0, 45, (2, *shape)).round().clip(-32768, 32767)
    pixels = parts[0] + 1j * parts[1]
    pixels[pixels == 0] = 1
    return pixels.astype(np.complex64)


def _pixels(spec: ImageSpec, rng: np.random.Generator, scene: np.ndarray | None) -> np.ndarray:
    """Return the stored image: 0 outside the valid samples of bursts, and at the borders of a GRD."""
    if spec.kind == "GRD":
        dn = rng.rayleigh(150, spec.shape).round().clip(1, 65535).astype(np.uint16)
        dn[:2], dn[:, :4], dn[:, -3:] = 0, 0, 0
        dn[10, 20] = 1  # below the noise
        return dn
    if scene is None:
        return _speckle(rng, spec.shape)
    dn = np.zeros(spec.shape, np.complex64)
    step = (len(scene) - spec.lines_per_burst) // max(len(spec.bursts) - 1, 1)
    for number, burst in enumerate(spec.bursts):
        for line in range(spec.lines_per_burst):
            if burst.first_valid[line] >= 0:
                part = slice(burst.first_valid[line], burst.last_valid[line] + 1)
                dn[burst.first_line + line, part] = scene[number * step + line, part]
    return dn


def _write(
    product: Path, spec: ImageSpec, dn: np.ndarray, made: Tables, points: dict[str, Doubles], georeference: str
) -> Path:
    """Write annotation, tables and TIFF of one image; return the TIFF."""
    save(product / "annotation" / f"{spec.stem}.xml", annotation(spec, points))
    folder = product / "annotation" / "calibration"
    save(folder / f"calibration-{spec.stem}.xml", element("calibration", [ads_header(spec), *made.calibration]))
    if made.noises:
        save(folder / f"noise-{spec.stem}.xml", element("noise", [ads_header(spec), *made.noises]))
    path = product / "measurement" / f"{spec.stem}.tiff"
    path.parent.mkdir(exist_ok=True)
    rows, cols = spec.shape
    options = {
        "driver": "GTiff",
        "count": 1,
        "height": rows,
        "width": cols,
        "dtype": "complex_int16" if spec.kind == "SLC" else "uint16",
        "crs": "EPSG:4326",
    }
    if georeference == "gcps":
        options["gcps"] = [
            GroundControlPoint(row, col, x, y, z)
            for row, col, x, y, z in zip(
                *(points[name] for name in ("line", "pixel", "longitude", "latitude", "height")), strict=True
            )
        ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **options) as ds:
            ds.write(dn, 1)
    return path
