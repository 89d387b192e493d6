"""Runs operators of graphs on scenes, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sensetrack.graph.operators import operator
from sensetrack.graph.operators._base import Context, Sources
from sensetrack.graph.radar_scene import radar_scene
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.radar.grid import RadarGrid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.sensors import open_product


def run(name: str, *scenes: Scene, context: Context | None = None, **params: Any) -> Scene:
    """Apply the operator of a name, with some parameters, to scenes."""
    sources = Sources({f"sourceProduct.{number}" if number else "sourceProduct": s for number, s in enumerate(scenes)})
    return operator(name)(**params).apply(sources, context or Context())


def opened(path: Path) -> Scene:
    """Return a product of a radar as a scene."""
    return radar_scene(open_product(path))


def band(scene: Scene, name: str) -> SceneBand:
    """Return the band of exactly that name."""
    found = {each.name: each for each in scene.bands}
    assert name in found, list(found)
    return found[name]


def read(scene: Scene, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return all pixels of a band and where they are valid."""
    return band(scene, name).image.read()


def piecewise(image: Image, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all pixels of an image, read block by block."""
    rows, cols = image.grid.shape
    parts = []
    for row in range(0, rows, height):
        blocks = (Block(row, col, min(height, rows - row), min(width, cols - col)) for col in range(0, cols, width))
        line = [image.read(block) for block in blocks]
        parts.append([np.concatenate([each[k] for each in line], axis=1) for k in (0, 1)])
    pixels, valid = (np.concatenate([each[k] for each in parts]) for k in (0, 1))
    return pixels, valid


def plain_scene(pixels: np.ndarray, unit: Any, radar: RadarGrid | None = None, name: str = "Sigma0_VV") -> Scene:
    """Return a scene of one array, 0 where it has nodata."""
    image = Image.from_array(pixels, nodata=0)
    made = SceneBand(name=name, image=image, unit=unit, radar=radar, polarisation="VV", nodata=0.0)
    return Scene(name="plain", bands=(made,))
