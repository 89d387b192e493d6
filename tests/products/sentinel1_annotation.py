"""The annotation file of a Sentinel-1 image."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from lxml import etree

from products.orbit import LIGHT, Doubles, Orbit
from products.xml import counted, element, fields, numbers

FREQUENCY = 5.405000454334350e9
SAMPLING = 6.434523812571428e7


@dataclass(frozen=True)
class BurstTruth:
    """One burst: times, the lines of the image it takes, and its valid samples (-1 = invalid line)."""

    azimuth_time: datetime
    anx_time: float
    first_line: int
    first_valid: np.ndarray
    last_valid: np.ndarray
    burst_id: int | None


@dataclass
class ImageSpec:
    """What the annotation of one image says."""

    mission: str
    kind: str
    mode: str
    swath: str
    polarisation: str
    number: int
    start: datetime
    stop: datetime
    orbit_number: int
    take: int
    orbit: Orbit
    epoch: datetime
    shape: tuple[int, int]
    line_interval: float
    range_time: float
    spacing: tuple[float, float]
    slant_range: Doubles
    bursts: list[BurstTruth] = field(default_factory=list)
    lines_per_burst: int = 0
    blocks: list[tuple[str, int, int]] = field(default_factory=list)
    grsr: Doubles | None = None
    srgr: Doubles | None = None
    height: float = 0.0
    orbit_times: list[datetime] = field(default_factory=list)
    positions: Doubles = field(default_factory=lambda: np.zeros((0, 3)))
    velocities: Doubles = field(default_factory=lambda: np.zeros((0, 3)))
    incidence: float = 0.0

    @property
    def stem(self) -> str:
        """File name without suffix."""
        times = f"{self.start:%Y%m%dt%H%M%S}-{self.stop:%Y%m%dt%H%M%S}"
        orbit = f"{self.orbit_number:06d}-{self.take:06x}-{self.number:03d}"
        return "-".join([self.mission, self.swath, self.kind, self.polarisation, times, orbit]).lower()


def text(time: datetime) -> str:
    """Return a time as Sentinel-1 writes it: no zone, microseconds."""
    return time.isoformat(timespec="microseconds")


def ads_header(spec: ImageSpec) -> etree._Element:
    """Return the header that all three files of an image share."""
    return element(
        "adsHeader",
        fields(
            missionId=spec.mission,
            productType=spec.kind,
            polarisation=spec.polarisation,
            mode=spec.mode,
            swath=spec.swath,
            startTime=text(spec.start),
            stopTime=text(spec.stop),
            absoluteOrbitNumber=spec.orbit_number,
            missionDataTakeId=spec.take,
            imageNumber=f"{spec.number:03d}",
        ),
    )


def _vector(tag: str, values: Doubles) -> etree._Element:
    return element(tag, fields(**{name: f"{value:.15e}" for name, value in zip("xyz", values, strict=True)}))


def _general(spec: ImageSpec) -> etree._Element:
    information = fields(
        **{"pass": "Ascending" if np.cos(np.radians(spec.orbit.latitude)) > 0 else "Descending"},
        timelinessCategory="NRT-3h",
        platformHeading=f"{-13.67718277152630:.15e}",
        projection="Slant Range" if spec.kind == "SLC" else "Ground Range",
        rangeSamplingRate=f"{SAMPLING:.15e}",
        radarFrequency=f"{FREQUENCY:.15e}",
        azimuthSteeringRate=f"{1.590368784:.15e}" if spec.bursts or spec.blocks else f"{0:.15e}",
    )
    orbits = []
    for time, position, velocity in zip(spec.orbit_times, spec.positions, spec.velocities, strict=True):
        parts = [_vector("position", position), _vector("velocity", velocity)]
        orbits.append(element("orbit", [*fields(time=text(time), frame="Earth Fixed"), *parts]))
    rates = []
    for time in (spec.start, spec.stop):
        polynomial = numbers("azimuthFmRatePolynomial", (-2325.806, 450528.8, -78798212.0), "{:.15e}")
        rates.append(
            element("azimuthFmRate", [*fields(azimuthTime=text(time), t0=f"{spec.range_time:.15e}"), polynomial])
        )
    return element(
        "generalAnnotation",
        [
            element("productInformation", information),
            counted("orbitList", orbits),
            counted("azimuthFmRateList", rates),
        ],
    )


def _image(spec: ImageSpec) -> etree._Element:
    complex_pixels = spec.kind == "SLC"
    information = fields(
        productFirstLineUtcTime=text(spec.start),
        productLastLineUtcTime=text(spec.stop),
        ascendingNodeTime=text(spec.start - timedelta(seconds=666.94)),
        productComposition="Slice",
        slantRangeTime=f"{spec.range_time:.15e}",
        pixelValue="Complex" if complex_pixels else "Detected",
        outputPixels="16 bit Signed Integer" if complex_pixels else "16 bit Unsigned Integer",
        rangePixelSpacing=f"{spec.spacing[1]:.6e}",
        azimuthPixelSpacing=f"{spec.spacing[0]:.6e}",
        azimuthTimeInterval=f"{spec.line_interval:.15e}",
        azimuthFrequency=f"{486.4863102995529:.15e}",
        numberOfSamples=spec.shape[1],
        numberOfLines=spec.shape[0],
        incidenceAngleMidSwath=f"{spec.incidence:.15e}",
    )
    processing = fields(
        thermalNoiseCorrectionPerformed="false",
        ellipsoidName="WGS84",
        ellipsoidSemiMajorAxis=f"{6378137.0:.15e}",
        ellipsoidSemiMinorAxis=f"{6356752.314245:.15e}",
    )
    return element(
        "imageAnnotation",
        [element("imageInformation", information), element("processingInformation", processing)],
    )


def _doppler(spec: ImageSpec) -> etree._Element:
    estimates = []
    for time in (spec.start, spec.stop):
        polynomial = numbers("dataDcPolynomial", (-5.82795, 60957.86, -49489700.0), "{:.15e}")
        estimates.append(
            element("dcEstimate", [*fields(azimuthTime=text(time), t0=f"{spec.range_time:.15e}"), polynomial])
        )
    return element("dopplerCentroid", counted("dcEstimateList", estimates))


def _timing(spec: ImageSpec) -> etree._Element:
    bursts = []
    for burst in spec.bursts:
        parts = fields(
            azimuthTime=text(burst.azimuth_time),
            azimuthAnxTime=f"{burst.anx_time:.15e}",
            sensingTime=text(burst.azimuth_time + timedelta(seconds=1.131294)),
            byteOffset=108387 + burst.first_line * spec.shape[1] * 4,
        )
        parts += [
            numbers("firstValidSample", burst.first_valid, "{:d}"),
            numbers("lastValidSample", burst.last_valid, "{:d}"),
        ]
        if burst.burst_id is not None:
            parts.append(element("burstId", burst.burst_id, absolute=88_488_184 + burst.burst_id))
        bursts.append(element("burst", parts))
    samples = spec.shape[1] if spec.bursts else 0
    head = fields(linesPerBurst=spec.lines_per_burst, samplesPerBurst=samples)
    return element("swathTiming", [*head, counted("burstList", bursts)])


def grid_points(spec: ImageSpec) -> dict[str, Doubles]:
    """Return the geolocation grid, flat: ``line pixel time range latitude longitude height incidence elevation``.

    Bursts overlap, so the time of a line is that of its own burst; heights are those of a hilly terrain.
    """
    rows, cols = spec.shape
    if spec.bursts:
        lines = np.array([burst.first_line for burst in spec.bursts] + [rows - 1])
        starts = [(burst.azimuth_time - spec.epoch).total_seconds() for burst in spec.bursts]
        seconds = np.array([*starts, starts[-1] + (spec.lines_per_burst - 1) * spec.line_interval])
    else:
        lines = np.linspace(0, rows - 1, 6).round().astype(int)
        seconds = (spec.start - spec.epoch).total_seconds() + lines * spec.line_interval
    pixels = np.linspace(0, cols - 1, 7).round().astype(int)
    line, pixel = np.meshgrid(lines, pixels, indexing="ij")
    time = np.broadcast_to(seconds[:, None], line.shape)
    distance = np.broadcast_to(spec.slant_range[pixels], line.shape)
    height = spec.height * (1 + 0.5 * np.sin(line / rows * 3) * np.cos(pixel / cols * 4))
    lat, lon = spec.orbit.ground(time, distance, height)
    values = {
        "line": line,
        "pixel": pixel,
        "time": time,
        "range": distance,
        "latitude": lat,
        "longitude": lon,
        "height": height,
        "incidence": spec.orbit.incidence(time, lat, lon),
        "elevation": spec.orbit.look(time, lat, lon),
    }
    return {name: np.array(value, float).ravel() for name, value in values.items()}


def _geolocation(spec: ImageSpec, points: dict[str, Doubles]) -> etree._Element:
    items = []
    for number in range(len(points["line"])):
        of = {name: float(values[number]) for name, values in points.items()}
        items.append(
            element(
                "geolocationGridPoint",
                fields(
                    azimuthTime=text(spec.epoch + timedelta(seconds=of["time"])),
                    slantRangeTime=f"{2 * of['range'] / LIGHT:.15e}",
                    line=int(of["line"]),
                    pixel=int(of["pixel"]),
                    latitude=f"{of['latitude']:.15e}",
                    longitude=f"{of['longitude']:.15e}",
                    height=f"{of['height']:.15e}",
                    incidenceAngle=f"{of['incidence']:.15e}",
                    elevationAngle=f"{of['elevation']:.15e}",
                ),
            )
        )
    return element("geolocationGrid", counted("geolocationGridPointList", items))


def _conversion(spec: ImageSpec) -> etree._Element:
    items = []
    if spec.grsr is not None and spec.srgr is not None:
        for time in (spec.start - timedelta(seconds=2), spec.start + timedelta(seconds=1), spec.stop):
            head = fields(
                azimuthTime=text(time),
                slantRangeTime=f"{spec.range_time:.15e}",
                sr0=f"{spec.grsr[0]:.15e}",
            )
            parts = [
                numbers("srgrCoefficients", spec.srgr, "{:.15e}"),
                element("gr0", f"{0.0:.15e}"),
                numbers("grsrCoefficients", spec.grsr, "{:.15e}"),
            ]
            items.append(element("coordinateConversion", [*head, *parts]))
    return element("coordinateConversion", counted("coordinateConversionList", items))


def _merging(spec: ImageSpec) -> etree._Element:
    items = []
    for swath, first, last in spec.blocks:
        bounds = fields(
            azimuthTime=text(spec.start),
            firstAzimuthLine=0,
            firstRangeSample=first,
            lastAzimuthLine=spec.shape[0] - 1,
            lastRangeSample=last,
        )
        parts = [element("swath", swath), counted("swathBoundsList", [element("swathBounds", bounds)])]
        items.append(element("swathMerge", parts))
    return element("swathMerging", counted("swathMergeList", items))


def annotation(spec: ImageSpec, points: dict[str, Doubles]) -> etree._Element:
    """Return the annotation of one image."""
    parts = [
        ads_header(spec),
        _general(spec),
        _image(spec),
        _doppler(spec),
        _timing(spec),
        _geolocation(spec, points),
        _conversion(spec),
        _merging(spec),
    ]
    return element("product", parts)
