"""Radar scenes of made-up ground in the geometry of a real annotation: texture, point targets, a known displacement.

The way from the ground to the image is an own, slow one (a root of the Doppler equation on Hermite splines through the
annotation's state vectors), so that it can judge the package's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from lxml import etree
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window
from scipy.interpolate import CubicHermiteSpline, RectBivariateSpline

from sensetrack.radar.timing import LIGHT
from sensetrack.raster._quiet import quietly
from sensetrack.sensors._xml import parse_xml
from sensetrack.sensors.sentinel1._annotation import Annotation, Burst, read_annotation
from sensetrack.sensors.sentinel1._orbit import StateVectors

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Ground:
    """A square of ground with gentle hills, bright and dark patches, and some corner reflectors.

    Attributes
    ----------
    epsg : int
        Of a UTM zone.
    east, north : float
        Centre, m.
    size : float
        Side, m.
    hill : float
        Half the difference between tops and valleys, m.
    base : float
        Mean height above the ellipsoid, m.
    grain : float
        Distance of the nodes of the texture, m: more than two pixels, or the image would not hold it.
    echo : float
        Amplitude of a reflector, where the ground has about 120.
    spread : float
        Standard deviation of the echo, pixels.
    seed : int
    """

    epsg: int
    east: float
    north: float
    size: float = 6000.0
    hill: float = 60.0
    base: float = 120.0
    grain: float = 20.0
    echo: float = 6000.0
    spread: float = 1.1
    seed: int = 7
    _spline: RectBivariateSpline = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        step, margin = self.grain, 500.0
        axis = np.arange(-self.size / 2 - margin, self.size / 2 + margin + step, step)
        rng = np.random.default_rng(self.seed)
        object.__setattr__(self, "_spline", RectBivariateSpline(axis, axis, rng.normal(size=(len(axis), len(axis)))))

    def height(self, east: Doubles, north: Doubles) -> Doubles:
        """Return heights above the ellipsoid, m."""
        x, y = (east - self.east) / 2500.0, (north - self.north) / 3100.0
        return self.base + self.hill * np.sin(2 * np.pi * x + 0.3) * np.cos(2 * np.pi * y)

    def amplitude(self, east: Doubles, north: Doubles) -> Doubles:
        """Return what the radar sees of each place."""
        return np.asarray(120.0 * np.exp(0.6 * self._spline.ev(east - self.east, north - self.north)))

    def targets(self, count: int = 9) -> Doubles:
        """Return easting and northing of corner reflectors, ``(count, 2)``."""
        rng = np.random.default_rng(self.seed + 1)
        side = int(np.ceil(np.sqrt(count)))
        cell = 0.8 * self.size / side
        places = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)[:count]
        return np.asarray(
            (places + 0.5 + rng.uniform(-0.3, 0.3, places.shape) - side / 2) * cell + [self.east, self.north]
        )

    def cartesian(self, east: Doubles, north: Doubles) -> Doubles:
        """Return Earth-fixed positions ``(..., 3)``, m."""
        to = Transformer.from_crs(self.epsg, 4326, always_xy=True)
        lon, lat = to.transform(east, north)
        ecef = Transformer.from_crs(4979, 4978, always_xy=True)
        return np.stack(ecef.transform(lon, lat, self.height(east, north)), axis=-1)

    def write_dem(self, path: Path, spacing: float = 1 / 7200) -> Path:
        """Write the heights in degrees, above the ellipsoid."""
        to = Transformer.from_crs(self.epsg, 4326, always_xy=True)
        half = self.size / 2 + 2500.0
        x, y = np.meshgrid([self.east - half, self.east + half], [self.north - half, self.north + half])
        lon, lat = to.transform(x, y)
        west, north = np.floor(lon.min() / spacing) * spacing, np.ceil(lat.max() / spacing) * spacing
        cols, rows = (int(np.ceil(length / spacing)) for length in (lon.max() - west, north - lat.min()))
        centre_lon = west + (np.arange(cols) + 0.5) * spacing
        centre_lat = north - (np.arange(rows) + 0.5) * spacing
        places = np.meshgrid(centre_lon, centre_lat)
        back = Transformer.from_crs(4326, self.epsg, always_xy=True)
        heights = self.height(*back.transform(*places))
        transform = Affine(spacing, 0, west, 0, -spacing, north)
        options = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:4326", "transform": transform}
        with rasterio.open(path, "w", height=rows, width=cols, **options) as ds:
            ds.write(heights.astype(np.float32), 1)
        return path


def seen_at(orbit: StateVectors, points: Doubles) -> tuple[Doubles, Doubles]:
    """Return the zero-Doppler times of points, s since ``orbit.reference``, and their slant ranges, m."""
    curve = CubicHermiteSpline(orbit.seconds, orbit.positions, orbit.velocities)
    flat = points.reshape(-1, 3)
    time = np.full(len(flat), float(orbit.seconds.mean()))
    for _ in range(12):
        look, speed = flat - curve(time), curve(time, 1)
        time = time + (look * speed).sum(1) / ((speed**2).sum(1) - (look * curve(time, 2)).sum(1))
    distance = np.linalg.norm(flat - curve(time), axis=1)
    return time.reshape(points.shape[:-1]), distance.reshape(points.shape[:-1])


def sample_of(about: Annotation, time: Doubles, distance: Doubles) -> Doubles:
    """Return the sample at which a slant range is seen: by the ground range polynomial nearest in time, if any."""
    timing = about.timing
    if about.ground_range is None:
        return np.asarray((2 * distance / LIGHT - timing.first_sample) * timing.range_sampling)
    found = np.empty(time.shape)
    reference = about.orbit.reference
    times = np.array([(each - reference).total_seconds() for each in about.ground_range.times])
    nearest = np.abs(time[..., None] - times).argmin(-1)
    for index in np.unique(nearest):
        chosen = nearest == index
        offset = distance[chosen] - about.ground_range.slant_origin[index]
        ground = np.polynomial.polynomial.polyval(offset, about.ground_range.to_ground[index])
        found[chosen] = ground / timing.range_spacing
    return found


def line_of(about: Annotation, time: Doubles, distance: Doubles, burst: Burst | None) -> Doubles:
    """Return the line of the file, in one burst of those that have them."""
    first = about.timing.first_line if burst is None else burst.time
    start = (first - about.orbit.reference).total_seconds() + late(about, distance)
    return np.asarray((time - start) / about.timing.line_interval + (0 if burst is None else burst.first_line))


def late(about: Annotation, distance: Doubles) -> Doubles:
    """Return by how much later than its line's time the geolocation grid has what lies at a slant range, s."""
    ties, bursts = about.ties, [burst.time for burst in about.bursts] or [about.timing.first_line]
    per_burst = about.lines_per_burst or about.shape[0]
    offsets = []
    for line, row in zip(ties.lines, ties.azimuth_time, strict=True):
        number = min(int(line // per_burst), len(bursts) - 1)
        stated = np.datetime64(bursts[number].replace(tzinfo=None), "us")
        seconds = (row - stated) / np.timedelta64(1, "s")
        offsets.append(seconds - (line - number * per_burst) * about.timing.line_interval)
    return np.interp(distance, ties.slant_time[0] * LIGHT / 2, np.mean(offsets, axis=0))


def render(
    about: Annotation, ground: Ground, moved: tuple[float, float], burst: Burst | None = None
) -> tuple[NDArray[np.float32], int, int] | None:
    """Draw the ground, moved east and north by some metres, as an image: amplitudes, first line, first sample.

    None where a burst does not see it.
    """
    step = 40.0
    axis = np.arange(-ground.size / 2 - 200, ground.size / 2 + 200 + step, step)
    east, north = np.meshgrid(ground.east + axis, ground.north + axis, indexing="ij")
    time, distance = seen_at(about.orbit, ground.cartesian(east, north))
    line, sample = line_of(about, time, distance, burst), sample_of(about, time, distance)
    top, left = int(np.floor(line.min())), int(np.floor(sample.min()))
    bottom, right = int(np.ceil(line.max())) + 1, int(np.ceil(sample.max())) + 1
    low, high = (0, about.shape[0]) if burst is None else (burst.first_line, burst.first_line + about.lines_per_burst)
    top, bottom, left, right = max(top, low), min(bottom, high), max(left, 0), min(right, about.shape[1])
    if bottom <= top or right <= left:
        return None
    rows, cols = np.mgrid[top:bottom, left:right].astype(float)
    lines, samples = (RectBivariateSpline(axis, axis, values) for values in (line, sample))
    design = np.stack([line.ravel(), sample.ravel(), np.ones(line.size)], 1)
    fits = [
        np.linalg.lstsq(design, (each.ravel() - centre), rcond=None)[0]
        for each, centre in ((east, ground.east), (north, ground.north))
    ]
    x, y = (fit[0] * rows + fit[1] * cols + fit[2] for fit in fits)
    for _ in range(8):
        miss_line, miss_sample = rows - lines.ev(x, y), cols - samples.ev(x, y)
        a, b = lines.ev(x, y, dx=1), lines.ev(x, y, dy=1)
        c, d = samples.ev(x, y, dx=1), samples.ev(x, y, dy=1)
        det = a * d - b * c
        x, y = x + (d * miss_line - b * miss_sample) / det, y + (a * miss_sample - c * miss_line) / det
    inside = np.maximum(np.abs(x), np.abs(y)) < ground.size / 2
    image = ground.amplitude(x + ground.east - moved[0], y + ground.north - moved[1])
    for place in ground.targets():
        at = np.array(place) + moved
        when, far = seen_at(about.orbit, ground.cartesian(at[:1], at[1:]))
        row, col = line_of(about, when, far, burst), sample_of(about, when, far)
        image += ground.echo * np.exp(-((rows - row) ** 2 + (cols - col) ** 2) / (2 * ground.spread**2))
    return np.where(inside, image, 0.0).astype(np.float32), top, left


def write_radar_scene(
    product: Path,
    folder: Path,
    band: str,
    ground: Ground,
    *,
    moved: tuple[float, float] = (0.0, 0.0),
    day: tuple[str, str] | None = None,
    baseline: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Path:
    """Write a SAFE folder with the metadata of a product and an image of made-up ground.

    Parameters
    ----------
    product : Path
        A Sentinel-1 SAFE folder.
    folder : Path
        Where the new one goes.
    band : str
        How the names of the files of the one image start that is written: ``s1b-iw-grd-vv``.
    ground : Ground
    moved : tuple of float
        Displacement of all that is seen, east and north, m.
    day : tuple of str, optional
        Day of the product and the day to put in its place, ``2021-12-23``.
    baseline : tuple of float
        By which the orbit is displaced in the Earth-fixed frame, m.
    """

    def renamed(text: str) -> str:
        if day is None:
            return text
        return text.replace(day[0], day[1]).replace(day[0].replace("-", ""), day[1].replace("-", ""))

    safe = folder / renamed(product.name)
    for source in [*sorted(product.rglob("*.xml")), product / "manifest.safe"]:
        if source.name != "manifest.safe" and band not in source.name:
            continue
        target = safe / renamed(str(source.relative_to(product)))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(renamed(source.read_text()))
    annotation = next((safe / "annotation").glob(f"{band}*.xml"))
    root = etree.parse(annotation)
    for axis, offset in zip("xyz", baseline, strict=True):
        for node in root.iterfind(f".//orbitList/orbit/position/{axis}"):
            node.text = repr(float(node.text) + offset)
    root.write(annotation)
    about = read_annotation(parse_xml(annotation.read_bytes(), annotation.name))
    (safe / "measurement").mkdir()
    path = safe / "measurement" / f"{annotation.stem}.tiff"
    options = {"driver": "GTiff", "height": about.shape[0], "width": about.shape[1], "count": 1, "tiled": True}
    dtype = "complex64" if about.is_complex else "uint16"
    rng = np.random.default_rng(1)
    with quietly(NotGeoreferencedWarning):
        image_file = rasterio.open(path, "w", dtype=dtype, compress="deflate", sparse_ok=True, **options)
    with image_file as ds:
        for burst in about.bursts or (None,):
            drawn = render(about, ground, moved, burst)
            if drawn is None:
                continue
            image, top, left = drawn
            pixels = image * np.exp(2j * np.pi * rng.random(image.shape)) if about.is_complex else np.rint(image)
            ds.write(pixels.astype(dtype), 1, window=Window(left, top, *image.shape[::-1]))
    return safe
