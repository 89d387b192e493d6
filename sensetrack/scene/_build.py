"""Builds a scene in memory: two images of a landscape and the truth about its motion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS

from sensetrack.errors import ParameterError, did_you_mean
from sensetrack.raster.grid import Grid
from sensetrack.scene._camera import (
    Cloud,
    Sun,
    add_clouds,
    beyond_swath,
    carry,
    digitise,
    expose,
    illuminate,
    look_up,
)
from sensetrack.scene._landscape import Frame, Landscape, to_image
from sensetrack.scene._noise import NoiseSource
from sensetrack.scene.earthquake import earthquake
from sensetrack.scene.glacier import glacier
from sensetrack.scene.landslide import landslide
from sensetrack.types import FloatArray, Mask

FIRST_DATE = datetime(2020, 1, 31, 14, 5, tzinfo=UTC)
"""Acquisition time of every reference image."""

SMALLEST = 128
"""Least rows and columns of a scene."""


@dataclass(frozen=True)
class _Kind:
    """What is typical of one kind of scene."""

    build: Callable[[Frame, NoiseSource, float], Landscape]
    shape: tuple[int, int]
    days: float
    peak: float
    suns: tuple[Sun, Sun]
    clouds: tuple[tuple[Cloud, ...], tuple[Cloud, ...]]


KINDS = {
    "glacier": _Kind(
        glacier,
        (900, 1100),
        20.0,
        7.0,
        (Sun(60, 46), Sun(55, 41)),
        (
            (Cloud(0.20, 0.30, 0.10, masked=True), Cloud(0.80, 0.50, 0.08)),
            (Cloud(0.58, 0.13, 0.09, masked=True), Cloud(0.30, 0.585, 0.055, opacity=0.9)),
        ),
    ),
    "landslide": _Kind(
        landslide,
        (640, 760),
        365.0,
        4.0,
        (Sun(150, 50), Sun(156, 46)),
        ((Cloud(0.85, 0.18, 0.10, masked=True),), (Cloud(0.22, 0.88, 0.09),)),
    ),
    "earthquake": _Kind(
        earthquake,
        (900, 1100),
        10.0,
        0.7,
        (Sun(150, 38), Sun(148, 41)),
        ((Cloud(0.16, 0.2, 0.09),), (Cloud(0.84, 0.8, 0.09, masked=True),)),
    ),
}
"""The kinds of scene by name."""


@dataclass(frozen=True, eq=False)
class Scene:
    """Two images and the truth; all arrays ``(row, col)`` on one grid.

    Attributes
    ----------
    grid : Grid
    reference, secondary : ndarray of uint16
        Reflectance x 10 000; 0 is nodata.
    dx, dy : ndarray of float32
        Motion of the ground in pixels, positive right and down: content at ``(row, col)`` of the reference is found
        at ``(row + dy + shift[0], col + dx + shift[1])`` of the secondary.
    valid : ndarray of bool
        Where both images show the ground: no cloud, cloud shadow or nodata at either end.
    area, stable : ndarray of bool or None
        What moves, and what does not and has texture.
    shift : tuple of float
        ``(dy, dx)`` misregistration of the secondary, in pixels.
    days : float
    """

    grid: Grid
    reference: NDArray[np.uint16]
    secondary: NDArray[np.uint16]
    dx: FloatArray
    dy: FloatArray
    valid: Mask
    area: Mask | None
    stable: Mask | None
    shift: tuple[float, float]
    days: float


def build_scene(
    kind: str = "glacier",
    *,
    seed: int = 42,
    shape: tuple[int, int] | None = None,
    days: float | None = None,
    shift: tuple[float, float] = (-0.24, 0.37),
    ideal: bool = False,
) -> Scene:
    """Build a synthetic image pair whose motion is known.

    The ground is sampled twice per pixel. On the second date it is lit by another sun, which changes shading and cast
    shadows, has changed a little (melt, snow line, vegetation), and is carried by the motion (quintic spline). Both
    images see it through a Gaussian point spread of 0.6 px, with clouds, sensor noise and the edge of the swath.

    Parameters
    ----------
    kind : {"glacier", "landslide", "earthquake"}
    seed : int
        The same seed gives the same scene.
    shape : tuple of int, optional
        Rows and columns; default: 900 x 1100 (landslide: 640 x 760). In a smaller scene everything is smaller, the
        displacement included.
    days : float, optional
        Time base; default 20 (landslide: 365, earthquake: 10). It does not change the displacement.
    shift : tuple of float
        ``(dy, dx)`` by which the secondary is misregistered, in pixels.
    ideal : bool
        Motion and shift only: same sun, no change, no clouds, no noise, no missing pixels.

    Returns
    -------
    Scene

    Raises
    ------
    ParameterError
        Unknown kind, too small a shape, days not positive, or a shift of more than 8 pixels.
    """
    if kind not in KINDS:
        raise ParameterError(f"kind = '{kind}'{did_you_mean(kind, KINDS)}")
    spec = KINDS[kind]
    shape = shape or spec.shape
    days = spec.days if days is None else days
    if min(shape) < SMALLEST:
        raise ParameterError(f"shape = {shape}: a scene needs at least {SMALLEST} rows and columns")
    if days <= 0:
        raise ParameterError(f"days = {days}: must be positive")
    if max(abs(part) for part in shift) > 8:
        raise ParameterError(f"shift = {shift}: at most 8 pixels along rows and columns")
    frame = Frame(shape, spec.shape)
    landscape = spec.build(frame, NoiseSource(frame.fine_shape, (seed, 0)), spec.peak * min(1.0, frame.scale))
    rows, cols = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    # What the camera leaves in place has not moved; between lattice nodes the spline may ring by 0.001 px there.
    carried = to_image(landscape.moving.astype(np.float32)) > 0
    dy, dx = (np.where(carried, part, 0) for part in landscape.motion.at(rows, cols))

    (first, second), gaps = _photograph(landscape, frame, spec, shift, seed, ideal)
    there = rows + dy + shift[0], cols + dx + shift[1]
    return Scene(
        grid=Grid(shape, landscape.transform, CRS.from_string(landscape.crs)),
        reference=first,
        secondary=second,
        dx=dx.astype(np.float32),
        dy=dy.astype(np.float32),
        valid=~(gaps[0] | look_up(gaps[1], *there)),
        area=landscape.area,
        stable=landscape.stable,
        shift=shift,
        days=days,
    )


def _photograph(
    landscape: Landscape, frame: Frame, spec: _Kind, shift: tuple[float, float], seed: int, ideal: bool
) -> tuple[tuple[NDArray[np.uint16], NDArray[np.uint16]], tuple[Mask, Mask]]:
    """Return both images and where each does not show the ground."""
    noise = NoiseSource(frame.shape, (seed, 1))
    swaths = (beyond_swath(frame.shape, 0.035, -0.02), beyond_swath(frame.shape, 0.015, -0.04))
    images, gaps = [], []
    for number in (0, 1):
        sun = spec.suns[0 if ideal else number]
        ground = illuminate(landscape.height, landscape.albedo[0 if ideal else number], sun)
        if number:
            ground = carry(ground, landscape, frame)
        image = expose(ground, frame, shift if number else (0.0, 0.0))
        gap = np.zeros(frame.shape, np.bool_)
        masked = gap
        if not ideal:
            image, gap, masked = add_clouds(image, spec.clouds[number], sun, noise)
            masked = masked | swaths[number]
            gap = gap | masked
        counts = digitise(image, None if ideal else noise)
        counts[masked] = 0
        images.append(counts)
        gaps.append(gap)
    return (images[0], images[1]), (gaps[0], gaps[1])
