"""Small scenes with known places."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

Write = Callable[..., Path]


@pytest.fixture
def write_scene(tmp_path: Path) -> Write:
    """Write a raster in UTM 33 whose pixels tell their easting and northing."""

    def write(
        name: str,
        shape: tuple[int, int] = (600, 700),
        *,
        x: float = 500_000.0,
        y: float = 5_000_000.0,
        size: float = 10.0,
        epsg: int = 32633,
        dtype: str = "float32",
        acquired: str = "2024-01-01T10:00:00+00:00",
    ) -> Path:
        path = tmp_path / name
        transform = Affine(size, 0.0, x, 0.0, -size, y)
        rows, cols = np.mgrid[: shape[0], : shape[1]]
        east, north = x + (cols + 0.5) * size, y - (rows + 0.5) * size
        pixels = ((east - 500_000.0) / 10.0 + 1000.0 * ((5_000_000.0 - north) / 10.0 % 7) + 1.0).astype(dtype)
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=shape[0],
            width=shape[1],
            count=1,
            dtype=dtype,
            crs=f"EPSG:{epsg}",
            transform=transform,
            nodata=0,
        ) as ds:
            ds.write(pixels, 1)
            ds.update_tags(ACQUISITION_DATETIME=acquired)
        return path

    return write
