"""Velocity files of pairs with a known history of motion."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from products.history import position
from sensetrack.displacement import Displacement, Field, Provenance
from sensetrack.velocity import VelocityParams, velocity

START = datetime(2020, 1, 5, tzinfo=UTC)


@pytest.fixture
def write_pairs(tmp_path: Path, utm_grid) -> Callable[..., list[Path]]:
    """Write velocity files: ``write_pairs(days, pairs, shape=(20, 24), sigma=0.05, bad=(), rho=0.3, seed=0)``.

    Pixels are 10 m; sigma is in pixels; bad pairs are off by some pixels at every place.
    """

    def write(
        days,
        pairs,
        shape=(20, 24),
        sigma=0.05,
        bad=(),
        rho=0.3,
        seed=0,
        missing=None,
        grid=None,
        folder=None,
        pixel_size=None,
    ):
        rng = np.random.default_rng(seed)
        paths = []
        for number, (i, j) in enumerate(pairs):
            way = position(days[j] / 365.25) - position(days[i] / 365.25)
            first, second = rng.standard_normal((2, *shape))
            dx = way[0] / 10 + sigma * first
            dy = -way[1] / 10 + sigma * (rho * first + np.sqrt(1 - rho**2) * second)
            if number in bad:
                dx, dy = dx + rng.uniform(-2, 2, shape), dy + rng.uniform(-2, 2, shape)
            full = np.full(shape, 1.0, np.float32)
            flags = np.zeros(shape, np.uint8)
            if missing is not None:
                flags[missing] = 1
            field = Field(
                dx.astype(np.float32), dy.astype(np.float32), full, sigma * full, sigma * full, rho * full, flags
            )
            dates = [START + timedelta(days=float(days[k])) for k in (i, j)]
            origin = Provenance(
                tracker="pcc",
                reference=f"{dates[0]:%Y%m%d}.tif",
                secondary=f"{dates[1]:%Y%m%d}.tif",
                reference_date=dates[0],
                secondary_date=dates[1],
                days=float(days[j] - days[i]),
            )
            path = (folder or tmp_path) / f"{number:03d}.nc"
            velocity(
                Displacement(grid or utm_grid(shape), field, 1, origin), VelocityParams(pixel_size=pixel_size)
            ).save(path)
            paths.append(path)
        return paths

    return write
