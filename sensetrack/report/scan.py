"""Finds the files of a report in a folder and puts those together that belong together."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sensetrack.errors import InputError, SensetrackError
from sensetrack.log import logger
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import RASTERS, LayerFile
from sensetrack.types import PathLike

_log = logger(__name__)


@dataclass(frozen=True, eq=False)
class Product:
    """A displacement, velocity or truth file, known by its header.

    Attributes
    ----------
    path : Path
    kind : str
        ``displacement``, ``velocity`` or ``truth``.
    grid : Grid
    provenance : Provenance
    """

    path: Path
    kind: str
    grid: Grid
    provenance: Provenance


@dataclass(frozen=True, eq=False)
class Group:
    """A measurement: a displacement, its velocity, or both on one grid.

    Attributes
    ----------
    displacement, velocity : Product or None
        At least one of them.
    truths : tuple of Product
        Those that overlap it.
    """

    displacement: Product | None
    velocity: Product | None
    truths: tuple[Product, ...] = ()

    @property
    def products(self) -> tuple[Product, ...]:
        """All files of it."""
        return tuple(p for p in (self.displacement, self.velocity, *self.truths) if p is not None)

    @property
    def main(self) -> Product:
        """The velocity where there is one, else the displacement."""
        found = self.velocity or self.displacement
        assert found is not None
        return found


@dataclass(frozen=True)
class Found:
    """What a report is made from.

    Attributes
    ----------
    groups : list of Group
    stable : Path or None
        An outline or mask of stable ground: a file called ``stable`` in the folder.
    """

    groups: list[Group] = field(default_factory=list)
    stable: Path | None = None


STABLE_SUFFIXES = (".gpkg", ".geojson", ".json", ".shp", ".kml", ".tif", ".png")
"""Of a file called ``stable`` that is taken as stable ground."""


def find(source: PathLike | Sequence[PathLike]) -> Found:
    """Look through a folder (and those in it), or through files, for what a report can show.

    Parameters
    ----------
    source : path-like or sequence of path-like
        A folder, a file, or several files. In a folder what cannot be read or is of another kind is left out.

    Raises
    ------
    InputError
        A named file is not one of ours, or there is no displacement or velocity file at all.
    """
    named = [Path(path) for path in ([source] if isinstance(source, str | os.PathLike) else source)]
    products: list[Product] = []
    stable = None
    for path in named:
        if path.is_dir():
            products += [product for file in _rasters(path) if (product := _read(file)) is not None]
            stable = stable or next((f for s in STABLE_SUFFIXES if (f := path / f"stable{s}").is_file()), None)
        else:
            known = describe(path)
            if known is None:
                raise InputError(f"{path}: neither a displacement, a velocity nor a truth file of sensetrack")
            products.append(known)
    groups = group(products)
    if not groups:
        where = ", ".join(str(path) for path in named)
        raise InputError(f"{where}: no displacement or velocity file ({' or '.join(RASTERS)}) of sensetrack there")
    return Found(groups, stable)


def describe(path: Path) -> Product | None:
    """Read the header of a file; None when it is of another kind.

    Raises
    ------
    InputError
        It cannot be opened.
    """
    file = LayerFile.open(path)
    names = set(file.names)
    kind = file.tags.get("product", "")
    if kind == "truth" and {"dx", "dy"} <= names:
        return Product(path, kind, file.grid, Provenance())
    if {"vx", "vy"} <= names:
        return Product(path, "velocity", file.grid, Provenance.from_tags(file.tags))
    if {"dx", "dy", "flags"} <= names:
        return Product(path, "displacement", file.grid, Provenance.from_tags(file.tags))
    return None


def group(products: Sequence[Product]) -> list[Group]:
    """Put each velocity beside the displacement it was made from, and truths beside what they overlap.

    A velocity belongs to the displacement of the same images on the same grid whose history its own begins with; of
    several, to one of the same dates and the longest history. Groups come in the order of their dates, those
    with a velocity first.
    """
    velocities = [p for p in products if p.kind == "velocity"]
    displacements = [p for p in products if p.kind == "displacement"]
    truths = [p for p in products if p.kind == "truth"]
    pairs: list[tuple[Product | None, Product | None]] = []
    free = list(displacements)
    for velocity in velocities:
        fitting = [d for d in free if _is_source(d, velocity)]
        best = max(fitting, key=lambda d: _likeness(d, velocity), default=None)
        if best is not None:
            free.remove(best)
        pairs.append((best, velocity))
    pairs += [(displacement, None) for displacement in free]
    groups = []
    for pair in pairs:
        one = Group(*pair)
        grid = one.main.grid
        near = tuple(t for t in truths if t.grid.crs == grid.crs and t.grid.overlaps(grid))
        groups.append(dataclasses.replace(one, truths=near))
    return sorted(groups, key=_order)


def _order(item: Group) -> tuple[str, str, bool, str]:
    origin = item.main.provenance
    dates = (origin.reference_date, origin.secondary_date)
    first, second = (date.isoformat() if date else "" for date in dates)
    return first, second, item.velocity is None, item.main.path.name


def _is_source(displacement: Product, velocity: Product) -> bool:
    one, other = displacement.provenance, velocity.provenance
    same_images = (one.reference, one.secondary, one.tracker, one.parameters) == (
        other.reference,
        other.secondary,
        other.tracker,
        other.parameters,
    )
    begins = other.history[: len(one.history)] == one.history
    return same_images and begins and displacement.grid.difference(velocity.grid) is None


def _likeness(displacement: Product, velocity: Product) -> tuple[bool, int]:
    one, other = displacement.provenance, velocity.provenance
    same_dates = (one.reference_date, one.secondary_date) == (other.reference_date, other.secondary_date)
    return same_dates, len(one.history)


def _rasters(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in RASTERS and not path.name.startswith(".") and path.is_file():
            yield path


def _read(path: Path) -> Product | None:
    try:
        return describe(path)
    except SensetrackError as error:
        _log.warning("left out of the report: %s", error)
        return None
