"""The annotation of one Sentinel-1 image: timing, orbit, tie points, bursts, polynomials."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import InputError
from sensetrack.radar.ground_range import GroundRange
from sensetrack.radar.state_vectors import StateVectors
from sensetrack.radar.tie_points import TiePoints
from sensetrack.radar.timing import Timing, utc
from sensetrack.sensors._xml import Node

_DENOISED = "imageAnnotation/processingInformation/thermalNoiseCorrectionPerformed"


@dataclass(frozen=True, eq=False)
class Burst:
    """One burst of a TOPS image.

    Attributes
    ----------
    time : datetime
        Zero-Doppler time of its first line.
    sensing_time : datetime
    first_line : int
        In the file.
    first_valid, last_valid : ndarray of int64
        Samples between which a line holds data, both included; -1 where it holds none.
    identifier, absolute_identifier : int or None
        The place on the ground that repeats, and its count since launch; since IPF 3.40.
    byte_offset : int
        Of the original file.
    """

    time: datetime
    sensing_time: datetime
    first_line: int
    first_valid: NDArray[np.int64]
    last_valid: NDArray[np.int64]
    identifier: int | None
    absolute_identifier: int | None
    byte_offset: int


@dataclass(frozen=True, eq=False)
class Polynomial:
    """A polynomial over slant range, valid around a time.

    Attributes
    ----------
    time : datetime
    origin : float
        Two-way range time from which it counts, s.
    coefficients : tuple of float
        By ascending power.
    """

    time: datetime
    origin: float
    coefficients: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Annotation:
    """What is known of one image: a swath in one polarisation.

    Attributes
    ----------
    file : str
    mission, product_type, mode, swath, polarisation : str
    start, stop : datetime
    absolute_orbit : int
    direction, heading
        ``ascending`` or ``descending``; degrees clockwise from north.
    shape : tuple of int
        Lines and samples of the file.
    is_complex : bool
    frequency : float
        Hz.
    steering_rate : float
        Of the antenna in azimuth, degrees per second; 0 but for TOPS.
    incidence : float
        At the middle of the swath, degrees.
    timing : Timing
    orbit : StateVectors
    ties : TiePoints
    lines_per_burst : int
        0 where there are no bursts.
    bursts : tuple of Burst
    ground_range : GroundRange or None
        Of images on ground range.
    fm_rates, doppler : tuple of Polynomial
        Azimuth frequency modulation rate, Hz/s, and Doppler centroid, Hz.
    is_denoised : bool
        Whether the thermal noise was taken out already.
    """

    file: str
    mission: str
    product_type: str
    mode: str
    swath: str
    polarisation: str
    start: datetime
    stop: datetime
    absolute_orbit: int
    direction: str
    heading: float
    shape: tuple[int, int]
    is_complex: bool
    frequency: float
    steering_rate: float
    incidence: float
    timing: Timing
    orbit: StateVectors
    ties: TiePoints
    lines_per_burst: int
    bursts: tuple[Burst, ...]
    ground_range: GroundRange | None
    fm_rates: tuple[Polynomial, ...]
    doppler: tuple[Polynomial, ...]
    is_denoised: bool = False


def read_annotation(root: Node) -> Annotation:
    """Turn an annotation file into typed values.

    Raises
    ------
    InputError
        It lacks an element, or contradicts itself.
    """
    header, image = root.one("adsHeader"), root.one("imageAnnotation/imageInformation")
    about = root.one("generalAnnotation/productInformation")
    lines_per_burst = root.integer("swathTiming/linesPerBurst") if root.optional("swathTiming/linesPerBurst") else 0
    timing = Timing(
        first_line=image.time("productFirstLineUtcTime"),
        line_interval=image.number("azimuthTimeInterval"),
        first_sample=image.number("slantRangeTime"),
        range_sampling=about.number("rangeSamplingRate"),
        range_spacing=image.number("rangePixelSpacing"),
        azimuth_spacing=image.number("azimuthPixelSpacing"),
    )
    if min(timing.line_interval, timing.range_sampling, timing.range_spacing, timing.azimuth_spacing) <= 0:
        raise InputError(f"{root.file}: an interval, sampling rate or spacing is not above 0")
    return Annotation(
        file=root.file,
        mission=header.string("missionId"),
        product_type=header.string("productType"),
        mode=header.string("mode"),
        swath=header.string("swath"),
        polarisation=header.string("polarisation"),
        start=header.time("startTime"),
        stop=header.time("stopTime"),
        absolute_orbit=header.integer("absoluteOrbitNumber"),
        direction=about.string("pass").lower(),
        heading=about.number("platformHeading"),
        shape=(image.integer("numberOfLines"), image.integer("numberOfSamples")),
        is_complex=image.string("pixelValue").lower() == "complex",
        frequency=about.number("radarFrequency"),
        steering_rate=about.optional_number("azimuthSteeringRate") or 0.0,
        incidence=image.number("incidenceAngleMidSwath"),
        timing=timing,
        orbit=_orbit(root),
        ties=_ties(root),
        lines_per_burst=lines_per_burst,
        bursts=_bursts(root, lines_per_burst),
        ground_range=_ground_range(root),
        fm_rates=_fm_rates(root),
        doppler=_polynomials(root, "dopplerCentroid/dcEstimateList/dcEstimate", "dataDcPolynomial"),
        is_denoised=(root.optional_string(_DENOISED) or "").lower() == "true",
    )


def _orbit(root: Node) -> StateVectors:
    nodes = root.all("generalAnnotation/orbitList/orbit")
    return StateVectors.of(
        [node.time("time") for node in nodes],
        [[node.number(f"position/{axis}") for axis in "xyz"] for node in nodes],
        [[node.number(f"velocity/{axis}") for axis in "xyz"] for node in nodes],
        root.file,
    )


def _ties(root: Node) -> TiePoints:
    nodes = root.all("geolocationGrid/geolocationGridPointList/geolocationGridPoint")
    places = np.array([[node.number("line"), node.number("pixel")] for node in nodes]).reshape(-1, 2)
    lines, samples = (np.unique(places[:, axis]) for axis in (0, 1))
    shape = len(lines), len(samples)
    if len(nodes) != shape[0] * shape[1] or min(shape) < 2:
        raise InputError(f"{root.file}: the {len(nodes)} points of its geolocation grid are no grid of 2 x 2 or more")
    order = np.lexsort((places[:, 1], places[:, 0]))
    names = ("latitude", "longitude", "height", "incidenceAngle", "elevationAngle", "slantRangeTime")
    values = {name: np.array([node.number(name) for node in nodes])[order].reshape(shape) for name in names}
    times = np.array([utc(node.time("azimuthTime")) for node in nodes])[order].reshape(shape)
    return TiePoints(
        lines=lines,
        samples=samples,
        latitude=values["latitude"],
        longitude=values["longitude"],
        height=values["height"],
        incidence=values["incidenceAngle"],
        elevation=values["elevationAngle"],
        azimuth_time=times,
        slant_time=values["slantRangeTime"],
    )


def _bursts(root: Node, lines: int) -> tuple[Burst, ...]:
    bursts = []
    for number, node in enumerate(root.all("swathTiming/burstList/burst")):
        first, last = (node.numbers(f"{end}ValidSample").astype(np.int64) for end in ("first", "last"))
        if len(first) != lines or len(last) != lines:
            raise InputError(f"{root.file}: burst {number + 1} has {len(first)} lines, linesPerBurst says {lines}")
        identifier = node.optional("burstId")
        absolute = None if identifier is None else identifier.attribute("absolute")
        bursts.append(
            Burst(
                time=node.time("azimuthTime"),
                sensing_time=node.time("sensingTime"),
                first_line=number * lines,
                first_valid=first,
                last_valid=last,
                identifier=None if identifier is None else identifier.integer("."),
                absolute_identifier=int(absolute) if absolute and absolute.isdigit() else None,
                byte_offset=node.integer("byteOffset"),
            )
        )
    return tuple(bursts)


def _ground_range(root: Node) -> GroundRange | None:
    nodes = root.all("coordinateConversion/coordinateConversionList/coordinateConversion")
    if not nodes:
        return None
    nodes.sort(key=lambda node: node.time("azimuthTime"))
    return GroundRange(
        times=tuple(node.time("azimuthTime") for node in nodes),
        slant_origin=np.array([node.number("sr0") for node in nodes]),
        ground_origin=np.array([node.number("gr0") for node in nodes]),
        to_ground=_stacked(nodes, "srgrCoefficients"),
        to_slant=_stacked(nodes, "grsrCoefficients"),
    )


def _stacked(nodes: list[Node], name: str) -> NDArray[np.float64]:
    rows = [node.numbers(name) for node in nodes]
    if len({len(row) for row in rows}) > 1:
        raise InputError(f"{nodes[0].file}: its {name} differ in number")
    return np.stack(rows)


def _polynomials(root: Node, path: str, name: str) -> tuple[Polynomial, ...]:
    return tuple(
        Polynomial(node.time("azimuthTime"), node.number("t0"), tuple(map(float, node.numbers(name))))
        for node in root.all(path)
    )


def _fm_rates(root: Node) -> tuple[Polynomial, ...]:
    """Return the azimuth FM rates; before 2015 their coefficients stood in elements of their own."""
    path = "generalAnnotation/azimuthFmRateList/azimuthFmRate"
    if root.optional(f"{path}/azimuthFmRatePolynomial") is not None:
        return _polynomials(root, path, "azimuthFmRatePolynomial")
    return tuple(
        Polynomial(node.time("azimuthTime"), node.number("t0"), tuple(node.number(name) for name in ("c0", "c1", "c2")))
        for node in root.all(path)
    )
