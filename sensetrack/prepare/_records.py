"""What was done, in files: a record per scene to go on from, the manifest, and the index of tiles."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import sensetrack
from sensetrack.errors import OutputError
from sensetrack.prepare._tiles import Written, tiles_of
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.write import atomic


@dataclass(frozen=True)
class Record:
    """What is known of one scene while it is prepared and afterwards.

    Attributes
    ----------
    key : str
        Changes when anything changes that the pixels depend on.
    scene, sensor, acquired, input : str
        ``acquired``: ISO 8601, or empty.
    sha256 : str or None
        Of the input.
    graph : str
        Its name, or `READER`.
    graph_sha256 : str
        Of the text of the graph with its variables in place; empty for `READER`.
    engine : str
        ``native`` or ``gpt``.
    variables : mapping of str to str
    bands : tuple of str
    resampled : bool
        Whether pixels were brought onto the grid by a resampling of their own, after the graph.
    tiles : tuple of Written
    complete : bool
    """

    key: str
    scene: str
    sensor: str
    acquired: str
    input: str
    sha256: str | None
    graph: str
    graph_sha256: str
    engine: str
    variables: Mapping[str, str] = field(default_factory=dict)
    bands: tuple[str, ...] = ()
    resampled: bool = False
    tiles: tuple[Written, ...] = ()
    complete: bool = False

    @property
    def valid(self) -> float:
        """Share of valid pixels among those of the tiles."""
        return sum(tile.valid for tile in self.tiles) / max(1, len(self.tiles))

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        write_json(path, dataclasses.asdict(self))

    @classmethod
    def read(cls, path: Path, key: str) -> Self | None:
        """Return what an earlier run left for the same key, or None."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(found, dict) or found.get("key") != key:
                return None
            found["tiles"] = tuple(Written(**tile) for tile in found["tiles"])
            return cls(**{**found, "bands": tuple(found["bands"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None


def key_of(values: Mapping[str, Any]) -> str:
    """Return a hash of values that JSON can hold, and of the version of this package."""
    text = json.dumps({"sensetrack": sensetrack.__version__, **values}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Write JSON, atomically."""
    with atomic(path) as part:
        part.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def write_manifest(
    path: Path, grid: Grid, tile_size: int, records: Sequence[Record], failed: Mapping[str, str], params: Any
) -> None:
    """Write what a folder holds and how it came about.

    Parameters
    ----------
    path : Path
    grid : Grid
    tile_size : int
    records : sequence of Record
        Of the scenes that are complete.
    failed : mapping of str to str
        Inputs that are not, and why.
    params : mapping
        What `prepare` was asked to do.
    """
    write_json(
        path,
        {
            "sensetrack": sensetrack.__version__,
            "parameters": params,
            "grid": {
                "crs": crs_name(grid.crs),
                "transform": list(grid.transform)[:6],
                "rows": grid.height,
                "columns": grid.width,
                "tile_size": tile_size,
            },
            "scenes": [dataclasses.asdict(record) | {"valid": record.valid} for record in records],
            "failed": dict(failed),
        },
    )


def write_index(path: Path, grid: Grid, tile_size: int, records: Sequence[Record]) -> None:
    """Write a GeoPackage with the outline of every tile: layer ``tiles``.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    import numpy as np
    import pyogrio
    import shapely

    from sensetrack.raster.table import undated

    blocks = {(tile.row, tile.col): tile.block for tile in tiles_of(grid, tile_size)}
    rows = [(record, tile) for record in records for tile in record.tiles if tile.file]
    shapes = [
        shapely.Polygon(grid.crop(block.row, block.col, block.shape).corners)
        for block in (blocks[tile.row, tile.col] for _, tile in rows)
    ]
    columns: dict[str, list[Any]] = {
        "scene": [record.scene for record, _ in rows],
        "sensor": [record.sensor for record, _ in rows],
        "acquired": [record.acquired for record, _ in rows],
        "graph": [record.graph for record, _ in rows],
        "bands": [",".join(record.bands) for record, _ in rows],
        "file": [tile.file for _, tile in rows],
        "row": [tile.row for _, tile in rows],
        "col": [tile.col for _, tile in rows],
        "valid": [tile.valid for _, tile in rows],
    }
    with atomic(path) as part, undated():
        try:
            pyogrio.raw.write(
                part,
                np.array([shapely.to_wkb(shape) for shape in shapes], dtype=object),
                [np.array(values, dtype=None if _is_number(values) else object) for values in columns.values()],
                list(columns),
                layer="tiles",
                driver="GPKG",
                geometry_type="Polygon",
                crs=None if grid.crs is None else grid.crs.to_wkt(),
            )
        except pyogrio.errors.DataSourceError as error:
            raise OutputError(f"{path}: cannot be written ({error}); is the disk full or read-only?") from error


def _is_number(values: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) for value in values)
