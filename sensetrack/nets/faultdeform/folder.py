"""Real acquisitions as ground: folders of images of places where nothing moved."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from sensetrack.errors import InputError
from sensetrack.nets.faultdeform.ground import Ground
from sensetrack.nets.faultdeform.spline import coefficients
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block

SUFFIXES = (".tif", ".tiff", ".jp2", ".img", ".vrt", ".png")

TRIES = 40
"""Windows that are looked at for one that is valid and alike on both dates."""


def scenes_of(folder: Path) -> list[tuple[Path, ...]]:
    """Return the acquisitions of every scene: a sub-folder holds the images of one place, in order of their names.

    Parameters
    ----------
    folder : Path
        With one sub-folder per scene, or with the images of a single scene.

    Raises
    ------
    InputError
        There is no such folder, or no scene in it has two images.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; it should hold one folder of images per scene")
    places = sorted(path for path in folder.iterdir() if path.is_dir()) or [folder]
    scenes = [tuple(sorted(file for file in place.iterdir() if file.suffix.lower() in SUFFIXES)) for place in places]
    found = [scene for scene in scenes if len(scene) > 1]
    if not found:
        raise InputError(
            f"{folder}: no scene with two images; put the images of each place, {', '.join(SUFFIXES)}, into a folder "
            "of its own"
        )
    return found


def draw_ground(scene: tuple[Path, ...], rng: np.random.Generator, size: int, least: float) -> Ground:
    """Draw a window of two successive acquisitions.

    Parameters
    ----------
    scene : tuple of Path
        Acquisitions on one grid.
    rng : Generator
    size : int
        Side in pixels; smaller where the images are.
    least : float
        Correlation coefficient from which both count as alike.

    Raises
    ------
    InputError
        The images differ in grid, or no window was found.
    """
    number = int(rng.integers(len(scene) - 1))
    first, second = _opened(scene[number]), _opened(scene[number + 1])
    if first.grid.shape != second.grid.shape:
        raise InputError(
            f"{scene[number + 1]}: {second.grid.shape} pixels are not the {first.grid.shape} of {scene[number]}; "
            "bring them onto one grid with `sensetrack coregister`"
        )
    rows, cols = (min(size, side) for side in first.grid.shape)
    for _ in range(TRIES):
        top, left = (
            int(rng.integers(side - take + 1)) for side, take in zip(first.grid.shape, (rows, cols), strict=True)
        )
        block = Block(top, left, rows, cols)
        (before, before_valid), (after, after_valid) = first.read(block), second.read(block)
        if not (before_valid.all() and after_valid.all()):
            continue
        before, after = np.abs(before).astype(np.float64), np.abs(after).astype(np.float64)
        spread = float(before.std()), float(after.std())
        if min(spread) == 0 or np.corrcoef(before.ravel(), after.ravel())[0, 1] < least:
            continue
        unit = [
            coefficients((image - image.mean()) / part) for image, part in zip((before, after), spread, strict=True)
        ]
        return Ground(unit[0], unit[1], False)
    raise InputError(
        f"{scene[number]} and {scene[number + 1].name}: no window of {rows} x {cols} pixels is valid and has a "
        f"correlation of {least:g} in {TRIES} tries; lower it, or choose images that are more alike"
    )


@lru_cache(maxsize=64)
def _opened(path: Path) -> Image:
    return Image.open(path)
