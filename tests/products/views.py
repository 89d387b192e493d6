"""Velocity files of several views of a made-up motion on sloping ground."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer
from rasterio.crs import CRS

from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.north import meridian_convergence
from sensetrack.timeseries import OpticalView, RadarView, geocoded_rows
from sensetrack.velocity import Velocity
from sensetrack.velocity.stable import StableShift
from sensetrack.velocity.summary import ComponentErrors, Summary

POLAR = Grid((40, 50), Affine(100.0, 0.0, -200_000.0, 0.0, -100.0, -1_500_000.0), CRS.from_epsg(3413))
SLOPE = 0.25, -0.15
"""Towards true east and north."""

TRUTH = np.array([30.0, -80.0, 12.0])
VIEWS = {"asc": (39.0, -12.0), "desc": (34.0, 192.0)}


def heights_of(grid, slope=SLOPE):
    """A plane with a slope towards true east and north, in metres on the ground."""
    turn, scale = np.radians(meridian_convergence(grid)), scale_of(grid)
    along_x = (slope[0] * np.cos(turn) - slope[1] * np.sin(turn)) / scale
    along_y = (slope[0] * np.sin(turn) + slope[1] * np.cos(turn)) / scale
    x, y = grid.xy(np.arange(grid.height)[:, None], np.arange(grid.width)[None, :])
    middle = grid.height // 2, grid.width // 2
    return along_x[middle] * (x - x[0, middle[1]]) + along_y[middle] * (y - y[middle[0], 0]) + 1000.0


def scale_of(grid):
    """Metres of a polar stereographic map per metre on the ground, by neighbouring points."""
    if grid.crs is None or grid.crs.to_epsg() != 3413:
        return 1.0
    lon, lat = Transformer.from_crs(3413, 4326, always_xy=True).transform(*grid.xy(20, 25))
    x, y = Transformer.from_crs(4326, 3413, always_xy=True).transform([lon, lon], [lat, lat + 1e-3])
    radius = 6378137.0 * (1 - 0.00669438) / (1 - 0.00669438 * np.sin(np.radians(lat)) ** 2) ** 1.5
    return np.hypot(x[1] - x[0], y[1] - y[0]) / np.radians(1e-3) / radius


@pytest.fixture
def write_views(tmp_path):
    """Write views of a motion: ``write_views(grid, views, sigma=2.0, slope=SLOPE, truth=TRUTH, start=0, days=12)``."""

    def write(
        grid=POLAR, names=("asc", "desc", "s2"), *, sigma=2.0, rho=0.4, slope=SLOPE, truth=TRUTH, start=0.0, days=12.0,
        units="m/yr", missing=None, suffix=".nc", prefix="", seed=0,
    ):  # fmt: skip
        rng = np.random.default_rng(seed)
        turn = np.zeros(grid.shape) if grid.crs is None else np.radians(meridian_convergence(grid))
        scale = scale_of(grid)
        paths = []
        for name in names:
            rows = geocoded_rows(*VIEWS[name], slope) if name in VIEWS else np.eye(2, 3)
            east, north = (rows @ truth)[:, None, None] * scale
            first, second = rng.standard_normal((2, *grid.shape))
            vx = east * np.cos(turn) - north * np.sin(turn) + sigma * first
            vy = east * np.sin(turn) + north * np.cos(turn) + sigma * (rho * first + np.sqrt(1 - rho**2) * second)
            v = np.hypot(vx, vy)
            along = sigma * np.sqrt(1 + 2 * rho * vx * vy / v**2)
            flags = np.zeros(grid.shape, np.uint8)
            if missing is not None and name in missing:
                flags[missing[name]] = 4
            full = np.full(grid.shape, sigma)
            layers = [np.where(flags == 0, each, np.nan).astype(np.float32) for each in (vx, vy, v, full, full, along)]
            when = datetime(2020, 1, 5, tzinfo=UTC) + timedelta(days=start)
            origin = Provenance("pcc", "{}", "a.tif", "b.tif", when, when + timedelta(days=days), days)
            summary = Summary(units, days, StableShift(), False, ComponentErrors(), ComponentErrors(), origin)
            path = tmp_path / f"{prefix}{name}{suffix}"
            Velocity(grid, *layers, flags, summary).save(path)
            paths.append(path)
        return [
            RadarView(path, *VIEWS[name]) if name in VIEWS else OpticalView(path)
            for path, name in zip(paths, names, strict=True)
        ]

    return write


@pytest.fixture
def dem(write_raster):
    """The elevation model of the slope, on the polar grid."""
    return write_raster(heights_of(POLAR).astype(np.float32), "dem.tif", grid=POLAR)
