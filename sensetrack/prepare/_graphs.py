"""Which graph a scene goes through, with which variables, and what comes out of it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sensetrack.coregister.regrid import WGS84
from sensetrack.errors import GraphError, ParameterError, did_you_mean
from sensetrack.prepare._inputs import Scene
from sensetrack.prepare._settings import AUTO, READER, PrepareParams, Surroundings
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image

if TYPE_CHECKING:
    from sensetrack.graph.model import Graph
    from sensetrack.graph.scene import SceneBand

_BY_KIND = {
    ("sentinel1", "SLC"): "s1_slc_amplitude_tracking",
    ("sentinel1", "GRD"): "s1_grd_sigma0_db",
    ("cosmo-skymed", ""): "cosmo_sigma0",
    ("prisma", ""): "prisma_pan",
}
"""The graph of a sensor and a kind of product; ``""`` for all kinds."""


EQUATOR = 6_378_137.0
"""Radius by which graphs turn metres into degrees."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """How one scene is made.

    Attributes
    ----------
    name : str
        Of the graph, or `READER`.
    file : str
        The graph's name or file, for reading it again.
    variables : mapping of str to str
    text_sha256 : str
        Of the graph with its variables in place.
    engine : {"native", "gpt"}
    """

    name: str
    file: str
    variables: Mapping[str, str]
    text_sha256: str
    engine: str


def recipe_of(scene: Scene, params: PrepareParams, grid: Grid, around: Surroundings, output: Path) -> Recipe:
    """Return how a scene is to be made.

    Raises
    ------
    GraphError
        The graph is wrong, or needs SNAP, which is not there.
    """
    asked = params.graph_of(scene.sensor)
    chosen = _suited(scene) if asked == AUTO else asked
    if chosen == READER:
        return Recipe(READER, READER, {}, "", "native")
    from sensetrack.graph.check import check
    from sensetrack.graph.model import Graph
    from sensetrack.graph.native import check_native
    from sensetrack.graph.problem import raise_first

    known = _variables(chosen)
    given = standard_variables(scene, grid, output)
    own = dict(around.variables)
    if own.get("demFile"):
        own.setdefault("demName", "External DEM")
    variables = {name: value for name, value in {**given, **own}.items() if name in known}
    graph = Graph.read(chosen, variables)
    engine = _engine(graph, around.engine)
    if engine == "native":
        check_native(graph)
    else:
        raise_first(check(graph), graph.name)
    # The name of the output does not change the pixels.
    text = graph.text().replace(variables.get("output", ""), "") if variables.get("output") else graph.text()
    return Recipe(graph.name, chosen, variables, hashlib.sha256(text.encode()).hexdigest(), engine)


def check_variables(names: Mapping[str, str], graphs: Sequence[str]) -> None:
    """Raise where a variable was given that no graph knows.

    Raises
    ------
    ParameterError
        There is one.
    """
    if not names:
        return
    known = {name for graph in graphs if graph != READER for name in _variables(graph)}
    for name in names:
        if name not in known:
            raise ParameterError(f"-P {name}: no graph of these scenes has such a variable{did_you_mean(name, known)}")


def _variables(graph: str) -> set[str]:
    """Return the names of the variables of a graph: those in its text and those that it documents."""
    from sensetrack.graph.model import Graph
    from sensetrack.graph.variables import bare_names, placeholders

    read = Graph.read(graph, strict=False)
    return {variable.name for variable in read.variables} | {*placeholders(read.original), *bare_names(read.original)}


def standard_variables(scene: Scene, grid: Grid, output: Path) -> dict[str, str]:
    """Return what `prepare` sets in graphs that ask for it.

    ``input``, ``output``, ``mapProjection``, ``pixelSpacing`` in metres, ``gridOrigin`` (where the centres of pixels
    lie modulo their size, where that is the same in both directions) and ``geoRegion``.
    """
    crs = grid.crs
    assert crs is not None
    authority = crs.to_authority()
    spacing = grid.transform.a
    x, y = (float(each) % spacing for each in grid.xy(0, 0))
    metres = math.radians(spacing) * EQUATOR if crs.is_geographic else spacing * crs.linear_units_factor[1]
    return {
        "input": scene.path,
        "output": str(output),
        "mapProjection": ":".join(authority) if authority else crs.to_wkt(),
        "pixelSpacing": repr(metres),
        "gridOrigin": repr(x) if abs(x - y) < 1e-6 * spacing else "0",
        "geoRegion": region_of(grid),
    }


def region_of(grid: Grid, margin: int = 8) -> str:
    """Return WKT in longitude and latitude around a grid and some pixels more; empty across the antimeridian."""
    outer = grid.crop(-margin, -margin, (grid.height + 2 * margin, grid.width + 2 * margin))
    corners = np.asarray(outer.corners)
    steps = np.linspace(0.0, 1.0, 9)[:-1, None]
    points = np.concatenate([a + steps * (b - a) for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True)])
    lon, lat = transform_points(grid.crs, WGS84, points[:, 0], points[:, 1])
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()) or np.ptp(lon) > 180.0:
        return ""
    ring = [f"{x:.7f} {y:.7f}" for x, y in zip(lon, lat, strict=True)]
    return f"POLYGON(({', '.join([*ring, ring[0]])}))"


def native_bands(recipe: Recipe, scene: Scene, around: Surroundings) -> tuple[list[Image], list[str]]:
    """Return the bands that a recipe makes of a scene, lazily, and their names.

    Raises
    ------
    GraphError
        The graph cannot be run, or ends in the geometry of the sensor.
    """
    if recipe.name == READER:
        image = Image.open(scene.path) if scene.product is None else scene.product.image()
        if image.grid.crs is None:
            raise GraphError(f"{scene.name} lies in the geometry of the sensor; take a graph that geocodes it")
        return [image], [image.band_names[0] or "band_1"]
    from sensetrack.graph.model import Graph
    from sensetrack.graph.native import build
    from sensetrack.graph.operators._base import Context

    graph = Graph.read(recipe.file, recipe.variables)
    context = Context(
        orbits=around.orbits,
        geoid=around.geoid,
        download=around.download,
    )
    writes = [node for node in graph.nodes if node.operator == "Write"]
    if len(writes) > 1:
        raise GraphError(f"{recipe.name}: has {len(writes)} Write nodes; a graph for prepare has one")
    scenes = build(graph, context)
    last = scenes[writes[0].sources[0].node] if writes else scenes[graph.ordered()[-1].id]
    return _images(recipe, last.bands)


def _images(recipe: Recipe, bands: Sequence[SceneBand]) -> tuple[list[Image], list[str]]:
    from sensetrack.graph.pixels import quantity

    for band in bands:
        if band.grid.crs is None:
            raise GraphError(
                f"{recipe.name}: ends in the geometry of the sensor, band {band.name} has no CRS; it needs "
                "Terrain-Correction or Ellipsoid-Correction-RD"
            )
    return [quantity(band) for band in bands], [band.name for band in bands]


def snap_bands(recipe: Recipe, output: Path, log: Path) -> tuple[list[Image], list[str]]:
    """Run SNAP and return the bands of what it wrote, and their names.

    Raises
    ------
    SnapError
        It is not there, or failed.
    """
    from sensetrack.coregister.regrid import open_bands
    from sensetrack.graph.model import Graph
    from sensetrack.graph.run import run_in_snap
    from sensetrack.graph.snap import find_snap

    snap = find_snap()
    run = run_in_snap(Graph.read(recipe.file, recipe.variables), snap, outputs=[output], log=log)
    images = open_bands(run.outputs[0], "all", nodata=0.0)
    return images, [image.band_names[image.bands[0] - 1] or f"band_{image.bands[0]}" for image in images]


def _engine(graph: Graph, asked: str) -> str:
    from sensetrack.graph.check import NATIVE, engines

    if asked != "auto":
        return asked
    return "native" if NATIVE in engines(graph) else "gpt"


def _suited(scene: Scene) -> str:
    """Return the graph that suits a product best."""
    if scene.product is None:
        return READER
    for kind in (scene.product.product_type, ""):
        if (scene.sensor, kind) in _BY_KIND:
            return _BY_KIND[scene.sensor, kind]
    has_pan = any(band.name == "B8" for band in scene.product.available)
    return "landsat_c2_pan" if scene.sensor == "landsat" and has_pan else READER
