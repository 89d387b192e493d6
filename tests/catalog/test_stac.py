"""STAC catalogues: what is asked, what is made of the answers, and scenes that are read where they lie."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from products.sentinel2 import write_sentinel2
from products.sentinel2_bucket import cog_bucket

import sensetrack
from sensetrack.catalog import Query, Stac, fetch_all
from sensetrack.errors import DownloadError, ParameterError

READ = """
import sys, numpy, sensetrack
pixels, valid = sensetrack.open(sys.argv[1]).image(sys.argv[2], raw=True).read()
numpy.savez(sys.argv[3], pixels=pixels, valid=valid)
"""


def item(number=0, **properties):
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"S2A_32TPS_202201{number % 28 + 1:02d}_{number}_L2A",
        "collection": "sentinel-2-l2a",
        "geometry": {"type": "Polygon", "coordinates": [[[10, 46], [11, 46], [11, 47], [10, 46]]]},
        "properties": {
            "datetime": f"2022-01-{number % 28 + 1:02d}T10:13:01Z",
            "platform": "sentinel-2a",
            "eo:cloud_cover": 12.5,
            "s2:product_uri": "S2A_MSIL2A_20220125T101301_N0400_R022_T32TPS_20220125T130109.SAFE",
            **properties,
        },
        "links": [],
        "assets": {"red": {"href": "https://example.org/B04.tif", "eo:bands": [{"name": "red", "common_name": "red"}]}},
    }


def page(*items, **more):
    text = json.dumps({"type": "FeatureCollection", "features": list(items), **more}).encode()
    return lambda asked: asked.answer(200, text)


def following(url, **link):
    return {"links": [{"rel": "self", "href": "x"}, {"rel": "next", "href": url, **link}]}


@pytest.fixture
def stac(site, client):
    return Stac(client, site.url + "/v1/", name="here", collections={"sentinel-2": "sentinel-2-l2a", "landsat": "ls"})


def posted(asked):
    return json.loads(asked.body)


def test_what_is_asked(site, stac):
    site.page("/v1/search", page(item(3), item(1)))
    found = stac.search(Query(aoi="10.5,46.7,10.9,46.9", start="2022-01-01", cloud_cover=20, track=22, limit=50))
    assert posted(site.log[0]) == {
        "collections": ["sentinel-2-l2a"],
        "limit": 50,
        "bbox": [10.5, 46.7, 10.9, 46.9],
        "datetime": "2022-01-01T00:00:00Z/..",
        "query": {"eo:cloud_cover": {"lte": 20.0}},
    }
    assert [entry.start.day for entry in found] == [2, 4]
    assert found[0].track == 22


def test_conditions_that_a_catalogue_does_not_heed(site, stac):
    ascending = item(4, **{"sat:orbit_state": "ascending"})
    site.page(
        "/v1/search", page(item(1, **{"eo:cloud_cover": 80}), item(2, **{"sat:relative_orbit": 5}), item(3), ascending)
    )
    found = stac.search(Query(track=22, cloud_cover=20, direction="descending"))
    assert [entry.start.day for entry in found] == [4]
    rows = [item(n, **{"landsat:wrs_path": "193", "landsat:wrs_row": f"{n:03d}"}) for n in (27, 28)]
    site.page("/v1/search", page(*rows))
    assert [entry.name for entry in stac.search(Query(sensor="landsat", track=193, row=27))] == [rows[0]["id"]]


def test_pages_are_followed(site, stac):
    body = {"token": "next:2"}
    site.page(
        "/v1/search",
        page(item(1), **following("search", method="POST", body=body, merge=True)),
        page(item(2), **following(f"{site.url}/get?page=3")),
    )
    site.page("/get", page(item(3)))
    assert len(stac.search(Query(track=22))) == 3
    first, second = (posted(asked) for asked in site.asked("/v1/search"))
    assert second == first | body
    assert site.asked("/get")[0].command == "GET"


@pytest.mark.parametrize("link", [{"method": "POST"}, {"method": "POST", "body": {"token": "x"}, "merge": True}])
def test_pages_that_go_round(site, stac, link):
    site.page("/v1/search", page(item(1), **following("search", **link)))
    with pytest.raises(DownloadError, match="its pages go round"):
        stac.search(Query(track=22))


@pytest.mark.parametrize("answer", [{}, {"features": None}, {"features": {}}, [], "x", None])
def test_pages_that_are_none(site, stac, answer):
    site.page("/v1/search", lambda asked: asked.answer(200, json.dumps(answer).encode()))
    with pytest.raises(DownloadError, match="no page of STAC Items"):
        stac.search(Query(track=22))


def test_items_that_are_none_are_left_out_and_said(site, stac, caplog):
    broken = [None, 3, {}, {"id": "x"}, {"id": 3, "properties": {}, "assets": {}}, {"id": "x", "properties": None}]
    broken += [item(5, datetime="soon"), item(6) | {"assets": []}, item(7, **{"eo:cloud_cover": "much"})]
    site.page("/v1/search", page(*broken, item(1), links=[None, {"rel": "next"}]))
    assert len(stac.search(Query(track=22))) == 1
    assert caplog.text.count("it is left out") == len(broken)


def test_sensors_that_it_does_not_have(stac):
    with pytest.raises(ParameterError, match="sensor = 'sentinel-1': here has no collection for it"):
        stac.search(Query(sensor="sentinel-1", track=1))


@pytest.fixture
def bucket(site, tmp_path):
    """A Sentinel-2 scene on the server, as the public bucket has it, and its Item as a catalogue lists it."""
    truth = write_sentinel2(tmp_path / "made", "2A")
    folder = cog_bucket(tmp_path / "bucket", truth)
    (note,) = folder.glob("*.json")
    listed = json.loads(note.read_text())
    listed["geometry"] = None
    for key, asset in list(listed["assets"].items()):
        name = asset["href"]
        asset["href"] = site.page(f"/{folder.name}/{name}", lambda asked, file=folder / name: ranged(asked, file))
        listed["assets"][f"{key}-jp2"] = {"href": f"s3://owner-pays/{name.replace('.tif', '.jp2')}"}
    listed["properties"] = {"note": "x" * 5000, **listed["properties"]}
    site.page("/v1/search", page(listed))
    return truth, listed


def ranged(asked, file: Path):
    """Answer as a storage does, also to ranges that end."""
    body, span = file.read_bytes(), asked.headers.get("Range")
    if span is None:
        asked.answer(200, body, ETag='"x"', Accept_Ranges="bytes", Content_Type="image/tiff")
        return
    first, last = span.removeprefix("bytes=").split("-")
    end = min(int(last) + 1 if last else len(body), len(body))
    part = body[int(first) : end]
    asked.answer(206, part, Content_Range=f"bytes {first}-{end - 1}/{len(body)}", ETag='"x"', Content_Type="image/tiff")


def test_a_scene_is_read_where_it_lies(site, stac, client, bucket, tmp_path):
    truth, listed = bucket
    (entry,) = stac.search(Query(aoi="-180,-90,180,90"))
    assert stac.wanted(entry, tmp_path / "out", ()) == []
    path = stac.complete(entry, tmp_path / "out", [])
    assert path == tmp_path / "out" / listed["id"] / f"{listed['id']}.json"
    site.log.clear()
    scene = sensetrack.open(path)
    assert site.log == [], "what the bands are is known without asking"
    assert scene.mission == "Sentinel-2A"
    # In another process: GDAL does not let this one answer while it asks.
    run = [sys.executable, "-c", READ, str(path), "B04", str(tmp_path / "read.npz")]
    subprocess.run(run, check=True, timeout=100, env=os.environ | {"no_proxy": "*"})
    with np.load(tmp_path / "read.npz") as read:
        pixels, valid = read["pixels"], read["valid"]
    assert np.array_equal(pixels[valid], truth.dn[("B04", 10)][valid])
    assert valid.mean() > 0.5
    assert {asked.path.rpartition("/")[2] for asked in site.log if asked.path.endswith(".tif")} == {"B04.tif"}


def test_bands_are_downloaded_and_the_others_stay_where_they_lie(site, stac, client, bucket, tmp_path):
    truth, _ = bucket
    (entry,) = stac.search(Query(aoi="-180,-90,180,90"))
    wanted = stac.wanted(entry, tmp_path, ("B04", "nir"))
    assert sorted(each.path.name for each in wanted) == ["B04.tif", "B08.tif"]
    assert [outcome.status for outcome in fetch_all(wanted, client)] == ["fetched"] * 2
    path = stac.complete(entry, tmp_path, wanted)
    saved = json.loads(path.read_text())["assets"]
    assert saved["red"]["href"] == "B04.tif"
    assert saved["green"]["href"].startswith("http://")
    assert not any(asset["href"].startswith("s3:") for asset in saved.values())
    site.pages.clear()
    pixels, valid = sensetrack.open(path).image("B08", raw=True).read()
    assert np.array_equal(pixels[valid], truth.dn[("B08", 10)][valid])
    with pytest.raises(ParameterError, match=r"band = 'redd': .*did you mean 'red'"):
        stac.wanted(entry, tmp_path, ("redd",))


def test_an_item_names_nothing_but_what_is_open_and_encrypted(site, stac, tmp_path):
    places = ["s3://b/B02.tif", "/etc/B03.tif", "/vsicurl/https://x/B05.tif", "file:///B06.tif", "http://x.org/B07.tif"]
    listed = item(1)
    listed["assets"] |= {href: {"href": href} for href in places} | {"none": {}, "text": "x"}
    site.page("/v1/search", page(listed))
    (entry,) = stac.search(Query(track=22))
    path = stac.complete(entry, tmp_path, stac.wanted(entry, tmp_path, ()))
    assert list(json.loads(path.read_text())["assets"]) == ["red"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "../up"}, "which is none for a file"),
        ({"assets": {"red": {"href": "https://example.org/..%2f..%2fB04.tif"}}}, None),
        ({"assets": {"red": {"href": "https://example.org/a/B 4.tif"}}}, "which is none for a file"),
        ({"assets": {"red": {"href": "http://example.org/B04.tif"}}}, "is not encrypted"),
        ({"assets": {"red": {"href": "file:///etc/B04.tif"}}}, "here has no file of it|has none of that name"),
    ],
)
def test_items_that_lead_elsewhere(site, stac, tmp_path, change, message):
    site.page("/v1/search", page(copy.deepcopy(item(1)) | change))
    (entry,) = stac.search(Query(track=22))
    if message is None:
        (wanted,) = stac.wanted(entry, tmp_path, ("red",))
        assert wanted.path == tmp_path / entry.name / "B04.tif"
        return
    with pytest.raises((DownloadError, ParameterError), match=message):
        stac.wanted(entry, tmp_path, ("red",))


def test_landsat_comes_with_what_its_reader_needs(site, stac, tmp_path):
    stem = "LC09_L2SP_193027_20220704_20220706_02_T1"
    files = {
        "red": "SR_B4.TIF",
        "nir08": "SR_B5.TIF",
        "mtl.txt": "MTL.txt",
        "qa": "QA_PIXEL.TIF",
        "thumb": "thumb.jpeg",
    }
    listed = item(1, platform="landsat-9", **{"landsat:wrs_path": "193"})
    listed["assets"] = {key: {"href": f"https://example.org/{stem}_{name}"} for key, name in files.items()}
    digest = "1220" + "ab" * 32
    listed["assets"]["nir08"] |= {"file:size": 5, "file:checksum": digest}
    site.page("/v1/search", page(listed))
    (entry,) = stac.search(Query(sensor="landsat", track=193))
    wanted = stac.wanted(entry, tmp_path, ("nir08",))
    assert sorted(each.path.name.removeprefix(stem) for each in wanted) == ["_MTL.txt", "_QA_PIXEL.TIF", "_SR_B5.TIF"]
    (band,) = (each for each in wanted if each.path.name.endswith("B5.TIF"))
    assert (band.size, band.checksums[0].value) == (5, "ab" * 32)
    assert stac.complete(entry, tmp_path, wanted) == tmp_path / entry.name
    with pytest.raises(ParameterError, match="is not read in place from here; name what to download with --band"):
        stac.wanted(entry, tmp_path, ())
