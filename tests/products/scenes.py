"""Small scenes made of arrays, and operators applied to them."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from sensetrack.graph.node import Node
from sensetrack.graph.operators._base import Context, Sources
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block

UTM = CRS.from_epsg(32633)


def grid_of(shape: tuple[int, int], size: float = 10.0, x: float = 500_000.0, y: float = 5_000_000.0) -> Grid:
    """A north-up grid in UTM 33N."""
    return Grid(shape, Affine(size, 0.0, x, 0.0, -size, y), UTM)


def band_of(name: str, values: np.ndarray, grid: Grid | None = None, **about: Any) -> SceneBand:
    """A band whose NaN have no value; ``size`` is that of its pixels."""
    size = about.pop("size", 10.0)
    valid = ~np.isnan(values)
    image = Image.from_array(np.where(valid, values, 0), grid or grid_of(values.shape, size), valid=valid)
    return SceneBand(name=name, image=image, **about)


def scene_of(*bands: SceneBand, name: str = "scene", start: datetime | None = None, **arrays: np.ndarray) -> Scene:
    """A scene of bands, and of arrays by the name of their bands."""
    made = (band_of(key, values) for key, values in arrays.items())
    return Scene(name=name, bands=(*bands, *made), start=start or datetime(2024, 5, 6, 10, 20, tzinfo=UTC))


def apply(
    operator: str, *scenes: Scene, slots: Sequence[str] = (), context: Context | None = None, **parameters: Any
) -> Scene:
    """What an operator makes of scenes, whose nodes are called ``a``, ``b``, ..."""
    names = [*slots, *("sourceProduct" if not n else f"sourceProduct.{n}" for n in range(len(slots), len(scenes)))]
    nodes = {name: "abcdefgh"[number] for number, name in enumerate(names)}
    sources = Sources(dict(zip(names, scenes, strict=True)), nodes)
    made = Node(operator, operator, parameters=parameters).typed()
    return made.apply(sources, context or Context())


def values_of(scene: Scene, name: str | None = None) -> np.ndarray:
    """The pixels of a band, NaN where it has no value; read as a whole, by blocks, and by what was pickled."""
    band = scene.bands[0] if name is None else scene.band(name)
    image = band.image
    whole = _read(image)
    assert image.grid.shape == whole.shape
    copied = pickle.loads(pickle.dumps(image))
    parts = np.full_like(whole, -1)
    side = 1 + max(whole.shape) // 3
    for row in range(0, whole.shape[0], side):
        for col in range(0, whole.shape[1], side + 1):
            block = Block(row, col, min(side, whole.shape[0] - row), min(side + 1, whole.shape[1] - col))
            parts[block.slices] = _read(copied, block)
    np.testing.assert_array_equal(parts, whole)
    return whole


def _read(image: Image, block: Block | None = None) -> np.ndarray:
    pixels, valid = image.read(block)
    assert (pixels[~valid] == 0).all()
    return np.where(valid, pixels, np.nan)


def expected(values: Mapping[str, np.ndarray], scene: Scene) -> None:
    """Compare all bands of a scene with arrays."""
    assert [band.name for band in scene.bands] == list(values)
    for name, array in values.items():
        np.testing.assert_array_equal(values_of(scene, name), array)
