"""Products of radars as scenes: which bands they have in graphs, and where these lie in time and range."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sensetrack.errors import GraphError
from sensetrack.graph.scene import Scene, SceneBand, Unit
from sensetrack.radar.grid import RadarGrid
from sensetrack.radar.timing import LIGHT
from sensetrack.sensors import Band, Product
from sensetrack.sensors.cosmo_skymed import CosmoProduct
from sensetrack.sensors.sentinel1 import Sentinel1Product
from sensetrack.sensors.sentinel1._annotation import Annotation

_SLOPE = 0.02
"""By which the times of a geolocation grid may miss the rule of `exact_range`: they are rounded to a microsecond."""


def is_radar(product: Product) -> bool:
    """Whether `radar_scene` takes a product."""
    return isinstance(product, Sentinel1Product | CosmoProduct)


def radar_scene(product: Product) -> Scene:
    """Return a product of Sentinel-1 or COSMO-SkyMed as a scene, its numbers as they are stored.

    Complex images are one band each, named by subswath and polarisation as far as the product tells several apart:
    ``IW1_VV`` of TOPS, ``VV`` of Stripmap, ``HH`` of COSMO-SkyMed; detected ones are ``Amplitude_VV``. Number 0 is
    nodata. TOPS images stand as in the file, bursts over bursts; what is outside of the valid samples of a burst is
    nodata.

    Parameters
    ----------
    product : Product
        Whose bands that have no file are left out.

    Raises
    ------
    GraphError
        The product is of another sensor, or has no image.
    InputError
        Its metadata lack what its geometry needs.
    """
    if isinstance(product, Sentinel1Product):
        bands = tuple(_sentinel1(product, band) for band in product.available)
    elif isinstance(product, CosmoProduct):
        bands = tuple(_cosmo(product, band) for band in product.available)
    else:
        raise GraphError(f"{product.path}: {product.sensor} is no radar that graphs know")
    if not bands:
        raise GraphError(f"{product.path}: there is no image in it: {', '.join(product.missing) or 'no band'}")
    return Scene(name=product.name, bands=bands, product=product, start=product.start)


def _sentinel1(product: Sentinel1Product, band: Band) -> SceneBand:
    about = product.annotation(band.name)
    has_bursts = bool(about.bursts)
    return _band(
        product,
        band,
        is_complex=about.is_complex,
        radar=None if has_bursts else radar_grid(about),
        lines=(0, about.shape[0]) if has_bursts else None,
        swath=band.name.rpartition("-")[0],
    )


def _cosmo(product: CosmoProduct, band: Band) -> SceneBand:
    on_map = product.product_type[:3] in ("GEC", "GTC")
    return _band(
        product,
        band,
        is_complex=product.layers[band.name].is_complex,
        radar=None if on_map else cosmo_radar_grid(product, band.name),
        swath=band.swath or "",
    )


def _band(
    product: Product,
    band: Band,
    *,
    is_complex: bool,
    radar: RadarGrid | None,
    swath: str,
    lines: tuple[int, int] | None = None,
) -> SceneBand:
    stem = "_".join(part for part in (swath, band.polarisation or "") if part) or band.name
    unit: Unit = "complex" if is_complex else "amplitude"
    return SceneBand(
        name=stem if is_complex else f"Amplitude_{stem}",
        image=product.image(band.name, raw=True),
        unit=unit,
        radar=radar,
        channel=band.name,
        swath=swath,
        polarisation=band.polarisation or "",
        lines=lines,
        dtype="float32" if is_complex else "uint16",
        nodata=0.0,
    )


def radar_grid(about: Annotation, shape: tuple[int, int] | None = None) -> RadarGrid:
    """Return where the pixels of a Sentinel-1 image lie in time and range.

    Parameters
    ----------
    about : Annotation
        Samples are `Timing.range_sampling` apart in slant range: the spacing that the annotation states as well is
        rounded. For an image of bursts, what is returned is the grid of the bursts put together.
    shape : tuple of int, optional
        Lines and samples; default: those of the file.
    """
    timing = about.timing
    on_ground = about.ground_range is not None
    return RadarGrid(
        shape=shape or about.shape,
        orbit=about.orbit,
        first_line=about.bursts[0].time if about.bursts else timing.first_line,
        line_interval=timing.line_interval,
        near_range=0.0 if on_ground else LIGHT / 2 * timing.first_sample,
        range_spacing=timing.range_spacing if on_ground else LIGHT / 2 / timing.range_sampling,
        azimuth_spacing=timing.azimuth_spacing,
        look_side="right",
        frequency=about.frequency,
        ground_range=about.ground_range,
        height=float(np.mean(about.ties.height)),
        exact_range=exact_range(about),
    )


def exact_range(about: Annotation) -> float | None:
    """Return the slant range at which the times of a product's lines are exact, m.

    The processor of Sentinel-1 takes out the way that the satellite flies while a pulse travels for the middle of the
    swath only. What remains stands in the times of the geolocation grid: they are later than those of the lines by
    ``(R - exact_range) / c``, to 0.01 line in all products that were looked at.

    Returns
    -------
    float or None
        None where the times do not follow that rule.
    """
    ties, timing = about.ties, about.timing
    reference = np.datetime64(about.orbit.reference.replace(tzinfo=None), "us")
    seen = (ties.azimuth_time - reference) / np.timedelta64(1, "s")
    first = [timing.first_line] if not about.bursts else [burst.time for burst in about.bursts]
    starts = np.array([(time - about.orbit.reference).total_seconds() for time in first])
    per_burst = about.lines_per_burst or about.shape[0]
    burst = np.minimum(ties.lines // per_burst, len(starts) - 1).astype(np.int64)
    of_lines = starts[burst] + (ties.lines - burst * per_burst) * timing.line_interval
    late, distance = seen - of_lines[:, None], ties.slant_time * LIGHT / 2
    slope, offset = np.polyfit((distance - distance.mean()).ravel() / LIGHT, late.ravel(), 1)
    if abs(slope - 1) > _SLOPE:
        return None
    return float(distance.mean() - offset * LIGHT)


def cosmo_radar_grid(product: CosmoProduct, band: str) -> RadarGrid:
    """Return where the pixels of a COSMO-SkyMed image (SCS or DGM) lie in time and range.

    Raises
    ------
    InputError
        The orbit or a time is not there, or the side the antenna looks to.
    """
    about, timing = product.attributes(band), product.timing(band)
    polynomials = product.ground_range(band)
    shape = product.layers[band].shape
    side: Literal["left", "right"] | None = product.view.look_side
    if side is None or shape is None:
        raise GraphError(f"{product.path}: does not say to which side its antenna looks (attribute 'Look Side')")
    return RadarGrid(
        shape=shape,
        orbit=product.state_vectors(),
        first_line=timing.first_line,
        line_interval=timing.line_interval,
        near_range=LIGHT / 2 * timing.first_sample if polynomials is None else 0.0,
        range_spacing=LIGHT / 2 / timing.range_sampling if polynomials is None else timing.range_spacing,
        azimuth_spacing=timing.azimuth_spacing,
        look_side=side,
        frequency=about.number("Radar Frequency"),
        ground_range=polynomials,
        height=product.height(band),
    )
