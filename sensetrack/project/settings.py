"""The project file: everything that a monitoring run is to do, typed and checked as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import field_validator

from sensetrack.errors import ParameterError
from sensetrack.params import Params, param, read_mapping
from sensetrack.pipeline import PipelineParams
from sensetrack.prepare import PrepareParams
from sensetrack.timeseries import NetworkParams, SeriesParams
from sensetrack.types import PathLike


class SearchParams(Params):
    """A catalogue that is asked for scenes before every run."""

    source: str = param("cdse", "cdse, earth-search, planetary-computer, the URL of a STAC API, or dhus:URL")
    query: dict[str, Any] = param(..., "What 'sensetrack download scenes' takes: sensor, aoi, start, end, track, ...")
    bands: tuple[str, ...] = param((), "Bands of a STAC catalogue to download; none to read scenes in place")

    @field_validator("query")
    @classmethod
    def _check_query(cls, query: dict[str, Any]) -> dict[str, Any]:
        from sensetrack.catalog.query import Query

        Query(**query)
        return query


class ScenesParams(Params):
    """Where the scenes are. Paths are relative to the project file."""

    paths: tuple[str, ...] = param((), "Files, products, http and s3 URLs, patterns such as scenes/*.tif, or folders")
    exclude: tuple[str, ...] = param((), "Patterns of names that are left out, such as *mask*")
    search: SearchParams | None = param(None, "Catalogue to search and download from first; none for none")
    table: str | None = param(
        None,
        "CSV file with a column name, and any of date, sensor, track and baseline (m), for what files do not say",
    )
    band: int | str | None = param(None, "Band to track, as --band; none for what suits the file")
    nodata: float | None = param(None, "Value that means missing; none for the file's own")

    @field_validator("paths", "exclude", mode="before")
    @classmethod
    def _as_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    def model_post_init(self, context: Any) -> None:
        """Check that there is a source of scenes.

        Raises
        ------
        ParameterError
            There is none.
        """
        if not self.paths and self.search is None:
            raise ParameterError("scenes needs paths, such as [scenes/*.tif], or a search")


class Rule(Params):
    """Other settings for some of the pairs; of several rules that fit, the first counts."""

    sensor: str | None = param(None, "Sensor of the reference, such as sentinel2 or landsat; none for any")
    min_days: float | None = param(None, "Shortest time of the pairs it is for", unit="d", ge=0)
    max_days: float | None = param(None, "Longest time of the pairs it is for", unit="d", gt=0)
    settings: dict[str, Any] = param(..., "What differs from 'pair', such as {tracker: 'pcc:window=128'}")

    def fits(self, sensor: str, days: float) -> bool:
        """Whether it is for a pair."""
        return (
            (self.sensor is None or self.sensor == sensor)
            and (self.min_days is None or days >= self.min_days)
            and (self.max_days is None or days <= self.max_days)
        )


class ReportParams(Params):
    """What the project's report shows."""

    title: str | None = param(None, "Heading; none for the name of the project")
    image: str | None = param(None, "Backdrop of the map; none for the first scene")
    most_values: int = param(4_000_000, "Values of all series in the page; the map is thinned to fit", ge=10_000)
    animation: bool = param(True, "Whether an animated GIF of the velocities is written")
    video: bool = param(False, "Whether the same is written as MP4 too; needs the extra video")
    frame_seconds: float = param(0.6, "Duration of a frame of the animation", unit="s", gt=0)


class ProjectParams(Params):
    """A monitoring project: scenes, pairs, how they are measured, the series and the report."""

    name: str = param("project", "What it is called")
    output: str = param("monitoring", "Folder for everything that is written")
    publish: str | None = param(
        None, "URL that results are copied to after every run, such as s3://bucket/glacier; needs the extra cloud"
    )
    scenes: ScenesParams = param(..., "Where the scenes are")
    prepare: PrepareParams | None = param(
        None,
        "Graph, area and grid that scenes are brought onto first; none for rasters that can be tracked as they are",
    )
    graph_engine: str = param("auto", "What runs graphs: auto, native or gpt")
    download: bool = param(False, "Whether orbits and elevation models may be downloaded for graphs")
    network: NetworkParams = param(NetworkParams(), "Which scenes are paired")
    pair: PipelineParams = param(PipelineParams(), "How each pair is measured, filtered and turned into velocity")
    rules: tuple[Rule, ...] = param((), "Other settings for pairs of some sensor or some range of days")
    area: str | None = param(None, "Where to measure, beside stable ground: polygons or a raster; none for everywhere")
    stable: str | None = param(None, "Ground that does not move: polygons or a raster; none to find it")
    stable_inverse: bool = param(False, "Whether stable ground is all that lies outside of 'stable'")
    series: SeriesParams = param(SeriesParams(), "How pairs become a time series")
    report: ReportParams = param(ReportParams(), "What the report shows")

    @field_validator("graph_engine")
    @classmethod
    def _check_engine(cls, value: str) -> str:
        if value not in ("auto", "native", "gpt"):
            raise ValueError("use auto, native or gpt")
        return value

    def model_post_init(self, context: Any) -> None:
        """Check that every rule makes settings that can be used.

        Raises
        ------
        ParameterError
            One does not.
        """
        for rule in self.rules:
            _merged(self.pair, rule.settings)

    def settings_of(self, sensor: str, days: float) -> PipelineParams:
        """Return how a pair of a sensor and a time base is measured."""
        rule = next((rule for rule in self.rules if rule.fits(sensor, days)), None)
        return self.pair if rule is None else _merged(self.pair, rule.settings)

    @classmethod
    def schema_text(cls) -> str:
        """Return the JSON schema of project files, for editors that complete and check them."""
        return json.dumps(cls.model_json_schema(), indent=2, sort_keys=True) + "\n"


def _merged(params: PipelineParams, changes: Mapping[str, Any]) -> PipelineParams:
    values = params.model_dump()
    velocity = changes.get("velocity")
    if isinstance(velocity, Mapping):
        changes = {**changes, "velocity": {**values["velocity"], **velocity}}
    return PipelineParams(**{**values, **changes})


def read_project(path: PathLike) -> ProjectParams:
    """Read a project file.

    Raises
    ------
    InputError
        It cannot be read, or is no mapping in YAML or JSON.
    ParameterError
        A setting is unknown or does not fit; the message names it, its value and what would work.
    """
    values = read_mapping(path)
    try:
        return ProjectParams(**values)
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from None


def template(schema: str | None = None) -> str:
    """Return a commented project file with all sections, to be changed.

    Parameters
    ----------
    schema : str, optional
        Where the JSON schema lies, for editors.
    """
    head = f"# yaml-language-server: $schema={schema}\n" if schema else ""
    return head + _TEMPLATE


def write_template(path: PathLike, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Write a commented project file, and the JSON schema beside it.

    Raises
    ------
    OutputError
        A file exists already, or cannot be written.
    """
    from sensetrack.raster.write import atomic, check_target

    target = Path(path)
    schema = target.with_name(f"{target.stem}.schema.json")
    for each in (target, schema):
        check_target(each, overwrite=overwrite)
    with atomic(schema, overwrite=overwrite) as part:
        part.write_text(ProjectParams.schema_text(), encoding="utf-8")
    with atomic(target, overwrite=overwrite) as part:
        part.write_text(template(schema.name), encoding="utf-8")
    return target, schema


_TEMPLATE = """\
# A monitoring project: 'sensetrack run THIS_FILE' does all of it, and goes on where it was stopped.
# 'sensetrack run THIS_FILE --plan' says what would be done. Paths are relative to this file.

name: my-glacier
output: monitoring        # folder for everything that is written
# publish: s3://bucket/my-glacier   # results are copied there; pip install "sensetrack[cloud]"

scenes:
  paths: [scenes/*.tif]   # files, products, URLs, patterns, or folders of scenes
  exclude: []             # patterns of names to leave out
  # band: red             # band to track; what suits the file without it
  # table: scenes.csv     # name, date, sensor, track, baseline: what the files do not say
  # search:               # asked before every run; new scenes are downloaded to OUTPUT/scenes
  #   source: cdse        # or earth-search, planetary-computer, the URL of a STAC API
  #   query: {sensor: sentinel-2, aoi: "-73.3,-50.6,-72.9,-50.4", start: 2020-01-01, cloud_cover: 20}

# Needed for products in the geometry of a sensor, and for scenes of several grids.
# prepare:
#   graph: auto           # a graph by name or file, reader for the sensor's reader alone
#   aoi: area.gpkg        # or west,south,east,north in degrees
#   resolution: 10

network:
  rules: [all]            # all, consecutive, season, month
  min_days: 5
  max_days: 60
  # months: [6, 7, 8, 9]
  # max_baseline: 300     # m, of radar scenes whose baseline is known
  # pairs: [[2020-01-01, 2020-01-31]]

pair:
  tracker: adaptive-lk    # 'sensetrack --help' lists all; parameters after a colon: pcc:window=64,search=20
  preprocess: [rank]      # image filters, none for none
  shift: shift            # residual shift that is taken out: none, shift, affine, polynomial
  filters: [ndc, median-test]
  velocity:
    units: m/yr
    # pixel_size: 10      # m, for images without a CRS

# Other settings for some pairs.
# rules:
#   - {sensor: landsat, settings: {tracker: "pcc:window=48"}}
#   - {min_days: 40, settings: {tracker: "pcc:search=40"}}

# area: glacier.gpkg      # where to measure, beside stable ground
# stable: rock.gpkg       # ground that does not move; found by itself without it

series:
  robust: true
  closure: true
  # smoothness: 50        # m/yr within a year; also bridges gaps
  # window: 30            # days that each velocity is a mean over
  alert_days: 60

report:
  animation: true
  # video: true           # an MP4 beside the GIF; pip install "sensetrack[video]"
  # title: My glacier
"""
