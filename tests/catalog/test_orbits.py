"""Orbit files: which one covers a scene, and from where."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

import pytest
from products.eof import write_orbit_file
from products.orbit import Orbit

from sensetrack.catalog import (
    DataSpace,
    DataSpaceOrbits,
    OrbitBucket,
    Pass,
    check_orbit,
    fetch,
    find_orbit_file,
    pass_of,
)
from sensetrack.errors import DownloadError, InputError

START = datetime(2022, 1, 4, 17, 5, 57, tzinfo=UTC)
SCENE = "S1A_IW_SLC__1SDV_20220104T170557_20220104T170624_041314_04E951_F1F1"
OVER = Pass(SCENE, "S1A", START, START + timedelta(seconds=27))
NAMES = {
    "before": "S1A_OPER_AUX_POEORB_OPOD_20220123T081702_V20220102T225942_20220104T005942.EOF",
    "precise": "S1A_OPER_AUX_POEORB_OPOD_20220124T081702_V20220103T225942_20220105T005942.EOF",
    "other satellite": "S1B_OPER_AUX_POEORB_OPOD_20220124T081702_V20220103T225942_20220105T005942.EOF",
    "early": "S1A_OPER_AUX_RESORB_OPOD_20220104T190000_V20220104T143000_20220104T174700.EOF",
    "late": "S1A_OPER_AUX_RESORB_OPOD_20220104T204000_V20220104T160852_20220104T192622.EOF",
}


def serve_bucket(site, *names, size=2):
    """A bucket as S3 has it, with pages of ``size`` names."""

    def answer(asked):
        from urllib.parse import parse_qs

        query = {key: value[0] for key, value in parse_qs(asked.query).items()}
        keys = sorted(f"{name[9:19]}/{name}" for name in names)
        keys = [key for key in keys if key.startswith(query["prefix"])]
        start = int(query.get("continuation-token", "0"))
        token = f"<NextContinuationToken>{start + size}</NextContinuationToken>" if start + size < len(keys) else ""
        contents = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in keys[start : start + size])
        xml = f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{contents}{token}</ListBucketResult>'
        asked.answer(200, xml.encode())

    site.page("/", answer)


def test_a_scene_is_known_by_its_name(tmp_path):
    assert pass_of(f"/nowhere/{SCENE}.SAFE.zip") == OVER
    with pytest.raises(InputError, match="no such file"):
        pass_of("other.zip")
    file = tmp_path / "x.json"
    file.write_text("{}")
    with pytest.raises(InputError):
        pass_of(file)


@pytest.mark.parametrize(
    ("there", "best"),
    [
        (["before", "precise", "other satellite", "early", "late"], "precise"),
        (["before", "other satellite", "early", "late"], "late"),
        (["early"], "early"),
    ],
)
def test_the_best_one_that_covers_the_scene(site, client, tmp_path, there, best):
    serve_bucket(site, *(NAMES[name] for name in there))
    wanted = find_orbit_file(OVER, OrbitBucket(client, site.url), tmp_path)
    assert wanted.path == tmp_path / NAMES[best]
    assert wanted.url == f"{site.url}/{NAMES[best][9:19]}/{NAMES[best]}"


def test_none_covers_it(site, client, tmp_path):
    serve_bucket(site, NAMES["before"], NAMES["late"])
    bucket = OrbitBucket(client, site.url)
    with pytest.raises(DownloadError, match="no precise orbit covers 2022-01-04 17:05:57 to 17:06:24 UTC"):
        find_orbit_file(OVER, bucket, tmp_path, precise=True)
    assert find_orbit_file(OVER, bucket, tmp_path).path.name == NAMES["late"]
    asked = len(site.log)
    find_orbit_file(OVER, bucket, tmp_path)
    assert len(site.log) == asked, "what was listed is not listed again"


def test_one_that_is_there_is_taken_without_asking(site, client, tmp_path):
    (tmp_path / NAMES["precise"]).write_text("x")
    wanted = find_orbit_file(OVER, OrbitBucket(client, site.url), tmp_path)
    assert fetch(wanted, client) == "there"
    assert site.log == []


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"<html><body>no", "no list of files"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><ListBucketResult>&b;</ListBucketResult>', "no list of files"),
        (b"<L><NextContinuationToken>1</NextContinuationToken></L>", "its pages go round"),
    ],
)
def test_a_bucket_that_lies(site, client, tmp_path, answer, message):
    site.page("/", lambda asked: asked.answer(200, answer))
    with pytest.raises(DownloadError, match=message):
        find_orbit_file(OVER, OrbitBucket(client, site.url), tmp_path)


def test_from_the_data_space(site, client, tmp_path):
    values = [{"Id": f"id-{number}", "Name": name} for number, name in enumerate(NAMES.values())]
    site.page("/Products", lambda asked: asked.answer(200, json.dumps({"value": values}).encode()))
    space = DataSpace(client, catalogue=site.url, download=site.url, identity=f"{site.url}/token", domain="127.0.0.1")
    wanted = find_orbit_file(OVER, DataSpaceOrbits(space), tmp_path)
    assert wanted.path == tmp_path / NAMES["precise"]
    assert wanted.url == f"{site.url}/Products(id-1)/$value"
    assert "startswith%28Name%2C%27S1A%27%29" in site.log[0].query
    assert "ContentDate%2FStart%20le%202022-01-04T17%3A05%3A27" in site.log[0].query


def test_what_came_is_read(site, client, tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    truth = write_orbit_file(made, Orbit(), START)
    serve_bucket(site, truth.path.name)
    site.page(f"/AUX_POEORB/{truth.path.name}", lambda asked: asked.file(truth.path.read_bytes()))
    wanted = find_orbit_file(OVER, OrbitBucket(client, site.url), tmp_path)
    assert fetch(wanted, client) == "fetched"
    check_orbit(wanted.path, [OVER])
    later = Pass(SCENE, "S1A", truth.stop, truth.stop + timedelta(seconds=20))
    with pytest.raises(InputError, match="does not hold the vectors from"):
        check_orbit(wanted.path, [OVER, later])
    wanted.path.write_text("<html/>")
    with pytest.raises(InputError):
        check_orbit(wanted.path, [OVER])
    assert not wanted.path.exists()
