"""The project file: its template, its schema, and what it refuses."""

from __future__ import annotations

import importlib
import json
import re

import pytest
import yaml
from click.testing import CliRunner

from sensetrack.errors import ParameterError
from sensetrack.project import ProjectParams, read_project
from sensetrack.project.settings import template

CLI = importlib.import_module("sensetrack.cli.main").cli


def test_init_writes_a_project_that_can_be_read(tmp_path):
    path = tmp_path / "glacier.yaml"
    result = CliRunner().invoke(CLI, ["init", str(path)])
    assert result.exit_code == 0, result.output
    project = read_project(path)
    assert project.network.max_days == 60
    assert project.pair.tracker == "adaptive-lk"
    schema = json.loads((tmp_path / "glacier.schema.json").read_text())
    assert path.read_text().startswith("# yaml-language-server: $schema=glacier.schema.json\n")
    assert set(yaml.safe_load(path.read_text())) <= set(schema["properties"])
    assert CliRunner().invoke(CLI, ["init", str(path)]).exit_code == 1


def test_what_the_template_comments_out_works_too():
    text = template()
    lines = [
        re.sub(r"^(\s*)# ", r"\1", line) if re.match(r"^\s*# *[a-z_-]+:|^\s*#   ", line) else line
        for line in text.splitlines()
    ]
    values = yaml.safe_load("\n".join(line for line in lines if not line.startswith("# ")))
    assert {"prepare", "area", "stable"} <= set(values)
    assert values["scenes"]["search"]["query"]["sensor"] == "sentinel-2"
    ProjectParams(**values)


def test_schema_is_printed():
    result = CliRunner().invoke(CLI, ["init", "--schema"])
    schema = json.loads(result.output)
    assert schema["additionalProperties"] is False
    assert "description" in schema["properties"]["network"] or "$ref" in schema["properties"]["network"]


def test_settings_of_a_pair_follow_the_first_rule_that_fits():
    project = ProjectParams(
        scenes={"paths": ["a.tif"]},
        rules=[
            {"sensor": "landsat", "settings": {"tracker": "ncc", "velocity": {"units": "m/d"}}},
            {"min_days": 30, "settings": {"filters": []}},
        ],
    )
    landsat = project.settings_of("landsat", 40)
    assert (landsat.tracker, landsat.velocity.units) == ("ncc", "m/d")
    assert landsat.filters == project.pair.filters
    assert project.settings_of("sentinel2", 40).filters == ()
    assert project.settings_of("sentinel2", 20) == project.pair


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "^it needs 'scenes'"),
        ({"scenes": {}}, "scenes needs paths"),
        ({"scenes": {"paths": "a.tif"}, "netwrk": {}}, "no parameter 'netwrk'; did you mean 'network'"),
        (
            {"scenes": {"paths": "a.tif"}, "pair": {"tracker": "adaptiv-lk"}},
            "^pair: tracker = 'adaptiv-lk': no tracker 'adaptiv-lk'; did you mean 'adaptive-lk'",
        ),
        ({"scenes": {"paths": "a.tif"}, "network": {"max_days": -5}}, "^network: max_days = -5: "),
        (
            {"scenes": {"paths": "a.tif"}, "network": {"max_day": 5}},
            "^network: there is no parameter 'max_day'; did you mean 'max_days'",
        ),
        ({"scenes": {"paths": "a.tif"}, "rules": [{"settings": {"trackr": "x"}}]}, "no parameter 'trackr'"),
        ({"scenes": {"paths": "a.tif"}, "graph_engine": "snap"}, "use auto, native or gpt"),
        ({"scenes": {"search": {"query": {"sensor": "sentinel-9", "track": 3}}}}, "sensor"),
    ],
)
def test_what_is_wrong_is_named(values, message):
    with pytest.raises(ParameterError, match=message):
        ProjectParams(**values)
