"""A made-up glacier tongue: two images, the displacement a tracker could have measured, and the truth."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from scipy.ndimage import gaussian_filter

from sensetrack.displacement import LAYERS, Displacement, Field, Flag, Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import whole
from sensetrack.raster.write import TiledWriter

STEP = 8


@dataclass(frozen=True)
class Tongue:
    """The scene; arrays of the input size have the suffix ``image``."""

    displacement: Displacement
    truth: tuple[np.ndarray, np.ndarray]
    stable: np.ndarray
    reference_image: np.ndarray
    secondary_image: np.ndarray
    valid_image: np.ndarray
    grid: Grid


def _noise(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> np.ndarray:
    field = gaussian_filter(rng.standard_normal(shape), scale, mode="wrap")
    return field / field.std()


def _motion(rows: np.ndarray, cols: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """True dx, dy and how far inside the tongue (1 on its centre line, 0 at its margin and outside)."""
    y, x = rows / shape[0], cols / shape[1]
    line = 0.5 + 0.16 * np.sin(2.4 * y * np.pi - 0.5)
    slope = 0.16 * 2.4 * np.pi * np.cos(2.4 * y * np.pi - 0.5) * shape[1] / shape[0]
    width = 0.17 * (1.15 - 0.55 * y)
    inside = np.clip(1 - ((x - line) / width) ** 2, 0, 1) * np.clip((0.93 - y) / 0.08, 0, 1)
    speed = 11.0 * inside**1.5 * (0.55 + 0.45 * np.sin(np.pi * np.clip(y + 0.15, 0, 1)))
    length = np.hypot(1, slope)
    return speed * slope / length, speed / length, inside


def make_tongue(shape: tuple[int, int] = (640, 800), seed: int = 7) -> Tongue:
    rng = np.random.default_rng(seed)
    grid = Grid(shape, rasterio.Affine(10.0, 0.0, 432_000.0, 0.0, -10.0, 6_742_000.0), rasterio.CRS.from_epsg(32606))
    rows, cols = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    dx, dy, inside = _motion(rows, cols, shape)
    height = 3 * _noise(rng, shape, 60) + 0.8 * _noise(rng, shape, 18) + 0.16 * _noise(rng, shape, 4)
    gy, gx = np.gradient(height * 14)
    rock = 92 + 55 * (-0.6 * gx - 0.6 * gy) / np.sqrt(1 + gx**2 + gy**2)
    ice = 168 + 9 * _noise(rng, shape, 2.0) + 6 * _noise(rng, shape, 6.0)
    blend = np.clip(inside * 6, 0, 1)
    reference = ((1 - blend) * (rock + 5 * _noise(rng, shape, 1.5)) + blend * ice).astype(np.float32)
    back = [(axis - d).astype(np.float32) for axis, d in ((cols, dx), (rows, dy))]
    secondary = cv2.remap(reference, *back, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    secondary = (secondary * 1.05 - 4 + rng.normal(0, 2.0, shape)).astype(np.float32)
    valid = cols - 0.18 * rows > 40
    out = grid.coarsen(STEP)
    centre = (np.arange(out.height) * STEP + STEP / 2)[:, None], (np.arange(out.width) * STEP + STEP / 2)[None, :]
    tx, ty, inner = _motion(*(np.broadcast_to(c, out.shape) for c in centre), shape)
    texture = np.abs(_noise(rng, out.shape, 3))
    sigma = 0.06 + 0.05 * texture + 0.10 * (inner > 0)
    noise = rng.standard_normal((2, *out.shape)) * sigma
    flags = np.zeros(out.shape, np.uint8)
    cloud = _noise(rng, out.shape, 9)
    flags[cloud > 1.75] |= np.uint8(Flag.LOW_QUALITY)
    flags[(_noise(rng, out.shape, 8) > 1.9) & (inner == 0)] |= np.uint8(Flag.FLAT)
    flags[np.hypot(tx, ty) > 9.3] |= np.uint8(Flag.SEARCH_EDGE)
    wild = rng.random(out.shape) < 0.012
    flags[wild & (flags == 0)] |= np.uint8(Flag.OUTLIER)
    noise += np.where(wild | (cloud > 1.75), rng.uniform(-9, 9, (2, *out.shape)), 0)
    flags[~valid[STEP // 2 :: STEP, STEP // 2 :: STEP]] |= np.uint8(Flag.NODATA)
    quality = np.clip(0.92 - 0.35 * texture * 0.4 - 0.5 * (cloud > 1.75) + 0.03 * rng.standard_normal(out.shape), 0, 1)
    layers = dict(
        zip(LAYERS[:-1], (tx + noise[0] + 0.07, ty + noise[1] - 0.04, quality, sigma, 1.15 * sigma), strict=False)
    )
    layers |= {"rho": 0.3 * np.tanh(_noise(rng, out.shape, 5)), "flags": flags}
    field = Field.from_layers(layers).blank((flags & np.uint8(Flag.NODATA | Flag.FLAT)) != 0)
    provenance = Provenance(
        tracker="pcc",
        parameters='{"step": 8, "window": 64}',
        reference="reference.tif",
        secondary="secondary.tif",
        reference_date=datetime(2021, 7, 3, 10, 42, 11, tzinfo=UTC),
        secondary_date=datetime(2021, 7, 23, 10, 42, 13, tzinfo=UTC),
        days=20.0,
        history=("filter: median (size 5, threshold 3)",),
        version="0.1.0",
    )
    stable = (inner == 0) & ~wild
    displacement = Displacement(out, field, STEP, provenance)
    return Tongue(displacement, (tx, ty), stable, reference, secondary, valid, grid)


@pytest.fixture(scope="session")
def tongue() -> Tongue:
    """The scene in memory."""
    return make_tongue()


@pytest.fixture(scope="session")
def write_layers() -> Callable[..., Path]:
    """Write named layers as a file of ours: ``write_layers(path, grid, layers, tags)``."""

    def write(path: Path, grid: Grid, layers: dict[str, np.ndarray], tags: dict[str, str]) -> Path:
        with TiledWriter(path, grid, tuple(layers), tags) as writer:
            writer.write(whole(grid.shape), layers)
        return path

    return write


@pytest.fixture(scope="session")
def tongue_files(tongue: Tongue, write_layers: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scene: both images, the displacement, the velocity and the truth."""
    folder = tmp_path_factory.mktemp("tongue")
    for name, pixels in (("reference", tongue.reference_image), ("secondary", tongue.secondary_image)):
        stored = np.where(tongue.valid_image, pixels, np.nan).astype(np.float32)
        write_layers(folder / f"{name}.tif", tongue.grid, {"grey": stored}, {})
    provenance = dataclasses.replace(
        tongue.displacement.provenance,
        reference=str(folder / "reference.tif"),
        secondary=str(folder / "secondary.tif"),
    )
    displacement = dataclasses.replace(tongue.displacement, provenance=provenance)
    field, grid = displacement.field, displacement.grid
    write_layers(folder / "displacement.tif", grid, field.layers(), displacement.tags())
    usable = field.usable
    year = 10.0 * 365.25 / 20.0
    vx = np.where(usable, (field.dx - 0.07) * year, np.nan)
    vy = np.where(usable, -(field.dy + 0.04) * year, np.nan)
    errors = {f"v{axis}_error": np.where(usable, getattr(field, f"sigma_d{axis}") * year, np.nan) for axis in "xy"}
    velocity = {"vx": vx, "vy": vy, "v": np.hypot(vx, vy), **errors}
    velocity |= {"v_error": np.hypot(*errors.values()) / np.sqrt(2), "flags": field.flags}
    tags = displacement.tags() | {"product": "velocity", "units": "m/yr"}
    write_layers(folder / "velocity.tif", grid, velocity, tags)
    truth = dict(zip(("dx", "dy"), tongue.truth, strict=True))
    write_layers(folder / "truth.tif", grid, truth, {"product": "truth"})
    return folder
