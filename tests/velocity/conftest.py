"""Displacement fields with known motion and known errors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from sensetrack.displacement import LAYERS, Displacement, Field
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid

UTM_GRID = Grid((60, 70), Affine(160.0, 0.0, 500_000.0, 0.0, -160.0, 5_000_000.0), CRS.from_epsg(32633))


@pytest.fixture
def make_displacement() -> Callable[..., Displacement]:
    """Make a displacement: ``make_displacement(dx=1.0, dy=0.0, sigma_dx=0.1, ..., grid=..., spacing=16, days=12.0)``.

    Layers may be scalars or arrays; ``flags`` 0 by default; ``provenance`` gives more entries.
    """

    def make(
        grid: Grid = UTM_GRID, spacing: int = 16, days: float | None = 12.0, provenance: Any = None, **layers: Any
    ) -> Displacement:
        defaults = {"dx": 1.0, "dy": 0.5, "quality": 1.0, "sigma_dx": 0.1, "sigma_dy": 0.1, "rho": 0.0, "flags": 0}
        values = {name: np.broadcast_to(layers.get(name, defaults[name]), grid.shape) for name in LAYERS}
        known = {"days": days, "tracker": "pcc", "parameters": '{"window": 64}', "version": "0.1.0"}
        return Displacement(grid, Field.from_layers(values), spacing, Provenance(**(known | (provenance or {}))))

    return make


@pytest.fixture
def dated() -> dict[str, Any]:
    """Provenance entries of a pair whose images are known."""
    return {
        "reference": "/data/S2A_20200101T104500.tif",
        "secondary": "/data/S2B_20200113T104500.tif",
        "reference_date": datetime(2020, 1, 1, 10, 45, tzinfo=UTC),
        "secondary_date": datetime(2020, 1, 13, 10, 45, tzinfo=UTC),
    }
