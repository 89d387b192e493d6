"""Layers with known values, on grids of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import Content, Layer

UTM = CRS.from_epsg(32633)
GRIDS = {
    "utm": Grid((30, 40), Affine(160.0, 0.0, 500_007.5, 0.0, -160.0, 5_000_003.25), UTM),
    "third": Grid((30, 40), Affine(1 / 3, 0.0, 0.1, 0.0, -1 / 3, 7.7), UTM),
    "geographic": Grid((30, 40), Affine(0.0013, 0.0, -70.3, 0.0, -0.0009, 68.1), CRS.from_epsg(4326)),
    "feet": Grid((30, 40), Affine(52.0, 0.0, 6e6, 0.0, -52.0, 2.1e6), CRS.from_epsg(2227)),
    "rotated": Grid((30, 40), Affine.translation(5e5, 5e6) @ Affine.rotation(20.0) @ Affine.scale(160.0, -120.0), UTM),
    "pixels": Grid((30, 40), Affine(16.0, 0.0, 1.5, 0.0, 16.0, 1.5)),
    "world file": Grid((30, 40), Affine(16.0, 0.0, 1.5, 0.0, -16.0, 900.0)),
}


@pytest.fixture(params=list(GRIDS))
def any_grid(request: pytest.FixtureRequest) -> Grid:
    """One grid of each kind: projected, geographic, in feet, rotated, without georeference."""
    return GRIDS[request.param]


@pytest.fixture
def layered() -> Callable[..., tuple[Content, dict[str, np.ndarray]]]:
    """Make a content of two float layers and flags, and arrays for it: ``layered(shape, **content)``."""

    def make(shape: tuple[int, int] = (30, 40), **changes: Any) -> tuple[Content, dict[str, np.ndarray]]:
        rng = np.random.default_rng(4)
        east = rng.normal(size=shape).astype(np.float32)
        north = rng.normal(size=shape).astype(np.float32)
        flags = np.zeros(shape, np.uint8)
        east[3:6, 4:9] = north[3:6, 4:9] = np.nan
        flags[3:6, 4:9] = 2
        content = Content(
            name="motion",
            layers=(
                Layer("east", "step to the east", "m"),
                Layer("north", "step to the north", "m"),
                Layer("flags", "why", dtype="uint8", attributes={"flag_masks": np.array([1, 2], np.uint8)}),
            ),
            tags={"product": "motion", "history": '["first", "second"]', "note": "Zürich, 5 µm"},
            columns=("east", "north", "size", "flags"),
            value="east",
            lengths={"size": ("east", "north")},
        )
        return Content(**{**vars(content), **changes}), {"east": east, "north": north, "flags": flags}

    return make
