"""Projects whose scenes come from a catalogue, which is asked before every run."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from products.http_site import Site, serving

from sensetrack.errors import DownloadError
from sensetrack.project import Project, run_project
from sensetrack.timeseries import Cube

SHAPE = (96, 112)
RATE = (0.05, -0.03)


@pytest.fixture
def catalogue(tmp_path, write_raster, texture, utm_grid, monkeypatch):
    """A STAC API on this machine, to which scenes of some days are added: ``catalogue(days)`` returns its site."""
    monkeypatch.setenv("no_proxy", "*")
    with serving() as site:

        def has(*days: int) -> Site:
            features = []
            for day in days:
                date = datetime(2022, 1, 1, 10, 13, 1) + timedelta(days=day)
                name = f"S2A_32TPS_{date:%Y%m%d}_0_L2A"
                pixels = 3000 + 300 * texture(SHAPE, dx=RATE[0] * day, dy=RATE[1] * day, waves=80)
                band = write_raster(pixels.astype(np.uint16), f"bucket/{name}/B04.tif", grid=utm_grid(SHAPE))
                href = site.page(f"/{name}/B04.tif", partial(answer, body=band.read_bytes()))
                features.append(stac_item(name, date, href))
            listed = json.dumps({"type": "FeatureCollection", "features": features}).encode()
            site.page("/v1/search", lambda asked: asked.answer(200, listed))
            return site

        yield has


def answer(asked, *, body: bytes) -> None:
    asked.file(body)


def stac_item(name: str, date: datetime, href: str) -> dict:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "sentinel-2-l2a",
        "geometry": None,
        "properties": {
            "datetime": f"{date:%Y-%m-%dT%H:%M:%SZ}",
            "platform": "sentinel-2a",
            "s2:product_uri": f"S2A_MSIL2A_{date:%Y%m%dT%H%M%S}_N0400_R022_T32TPS_{date:%Y%m%dT%H%M%S}.SAFE",
        },
        "links": [],
        "assets": {"red": {"href": href, "eo:bands": [{"name": "red", "common_name": "red"}]}},
    }


def project(folder: Path, site: Site) -> Path:
    query = {"sensor": "sentinel-2", "aoi": "10,46,11,47", "start": "2022-01-01"}
    values = {
        "output": "out",
        "scenes": {"search": {"source": f"{site.url}/v1", "query": query, "bands": ["red"]}, "band": "B04"},
        "pair": {"tracker": "pcc:window=32,step=16,search=8", "preprocess": ["none"], "shift": "none"},
        "report": {"animation": False},
    }
    path = folder / "project.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def test_what_a_catalogue_has_becomes_a_series(catalogue, tmp_path):
    site = catalogue(0, 10)
    path = project(tmp_path, site)
    outcome = run_project(path)
    assert outcome.complete, (outcome.failures, outcome.failed)
    asked = json.loads(site.asked("/v1/search")[0].body)
    assert (asked["collections"], asked["bbox"]) == (["sentinel-2-l2a"], [10.0, 46.0, 11.0, 47.0])
    assert {scene.epoch.sensor for scene in outcome.plan.scenes} == {"sentinel2"}
    # Next week there is one more; what is there is not asked for again.
    site.log.clear()
    catalogue(0, 10, 20)
    outcome = run_project(path)
    assert outcome.complete
    assert [pair.made != () for pair in outcome.pairs] == [False, True, True]
    assert {asked.path.split("/")[1] for asked in site.log if asked.path.endswith(".tif")} == {
        "S2A_32TPS_20220121_0_L2A"
    }
    cube = Cube.open(outcome.results / "series.nc")
    assert np.nanmedian(cube.read(["vx_mean"])["vx_mean"]) == pytest.approx(RATE[0] * 3652.5, rel=0.03)
    # A plan asks nobody, and takes what has come.
    site.log.clear()
    assert len(Project(path).plan(dry=True).jobs) == 3
    assert site.log == []


def test_a_scene_that_does_not_come_is_listed(catalogue, tmp_path):
    site = catalogue(0, 10, 20)
    site.page("/S2A_32TPS_20220121_0_L2A/B04.tif", lambda asked: asked.answer(404))
    outcome = run_project(project(tmp_path, site))
    assert [failure.what for failure in outcome.failures] == ["S2A_32TPS_20220121_0_L2A"]
    assert "404" in outcome.failures[0].reason
    assert not outcome.complete
    assert len(outcome.pairs) == 1
    assert outcome.series is not None


def test_a_catalogue_that_does_not_answer(catalogue, tmp_path):
    site = catalogue(0, 10)
    path = project(tmp_path, site)
    site.page("/v1/search", lambda asked: asked.answer(403))
    with pytest.raises(DownloadError, match="403"):
        run_project(path)
