"""What `prepare` is asked to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import field_validator

from sensetrack.params import Params, param
from sensetrack.raster.methods import Method

AUTO = "auto"
"""Graph: the one that suits the sensor and the kind of product."""

READER = "reader"
"""In place of a graph: the band that the sensor's reader would track."""


class PrepareParams(Params):
    """Where the scenes go, and by which graphs."""

    graph: tuple[str, ...] = param(
        (AUTO,),
        "Graph by name or file, SENSOR=GRAPH for the scenes of one sensor; auto takes the one that suits each product, "
        "reader the sensor's reader alone",
    )
    aoi: str | None = param(
        None,
        "Area to cover: west,south,east,north in degrees, or a vector file; default: what all scenes have in common",
    )
    crs: str | None = param(
        None,
        "CRS of the grid: utm for the zone of its centre, EPSG code, WKT or PROJ text; default: that of the first "
        "scene on a map, else utm",
    )
    resolution: float | None = param(
        None, "Pixel size in units of the CRS; default: the coarsest that a scene has by itself", gt=0
    )
    tile_size: int = param(8192, "Side of a tile", unit="px", ge=512, multiple_of=512)
    resampling: Method = param("spline", "How pixels that are not on the grid yet are brought onto it")

    @field_validator("graph", mode="before")
    @classmethod
    def _as_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def graph_of(self, sensor: str) -> str:
        """Return what was asked for the scenes of a sensor."""
        named = dict(text.split("=", 1) for text in self.graph if "=" in text)
        return named.get(sensor) or next((text for text in self.graph if "=" not in text), AUTO)


@dataclass(frozen=True)
class Surroundings:
    """What a run may use beside its parameters.

    Attributes
    ----------
    engine : {"auto", "native", "gpt"}
        What runs the graphs.
    variables : mapping of str to str
        Values for the graphs, over those that `prepare` sets itself.
    orbits, geoid : Path or None
        As `sensetrack.graph.operators._base.Context`.
    download : bool
        Whether orbits and elevation models may be downloaded.
    checksums : bool
        Whether the manifest gets the SHA-256 of the inputs.
    overwrite : bool
        Make again what is there already.
    """

    engine: Literal["auto", "native", "gpt"] = "auto"
    variables: Mapping[str, str] = field(default_factory=dict)
    orbits: Path | None = None
    geoid: Path | None = None
    download: bool = False
    checksums: bool = True
    overwrite: bool = False
