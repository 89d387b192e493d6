"""DHuS mirrors through sentinelsat, and what is said where it is not installed."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import traceback
import urllib.parse
import zipfile

import pytest

from sensetrack.catalog import Query, catalogue_of, fetch
from sensetrack.errors import CredentialsError, DownloadError, MissingExtraError, ParameterError

NAME = "S2A_MSIL1C_20200125T101301_N0208_R022_T32TPS_20200125T113040"
KEY = "00000000-0000-4000-8000-000000000001"
WORD = "s3cret"


def listed(**changes):
    """A page of the search as DHuS answers it in JSON."""
    entry = {
        "title": NAME,
        "id": KEY,
        "link": [{"href": "x"}],
        "date": {"name": "beginposition", "content": "2020-01-25T10:13:01.024Z"},
        "int": [{"name": "relativeorbitnumber", "content": "22"}],
        "double": {"name": "cloudcoverpercentage", "content": "12.5"},
        "str": [{"name": "producttype", "content": "S2MSI1C"}, {"name": "orbitdirection", "content": "DESCENDING"}],
    }
    return json.dumps({"feed": {"opensearch:totalResults": "1", "entry": [entry | changes]}}).encode()


@pytest.fixture
def hub(site, client, monkeypatch):
    pytest.importorskip("sentinelsat", reason="the extra download is not installed")
    monkeypatch.setenv("DHUS_USERNAME", "me")
    monkeypatch.setenv("DHUS_PASSWORD", WORD)
    return catalogue_of(f"dhus:{site.url}", client)


def test_search_and_download(site, client, hub, tmp_path):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(f"{NAME}.SAFE/manifest.safe", "<xml/>")
    body = whole.getvalue()
    site.page("/search", lambda asked: asked.answer(200, listed(), Content_Type="application/json"))
    place = f"/odata/v1/Products('{KEY}')"
    about = {
        "Id": KEY,
        "Name": NAME,
        "ContentLength": str(len(body)),
        "Checksum": {"Algorithm": "MD5", "Value": hashlib.md5(body).hexdigest().upper()},
        "ContentDate": {"Start": "/Date(1579947181024)/"},
        "ContentGeometry": None,
        "CreationDate": "/Date(1579947181024)/",
        "IngestionDate": "/Date(1579947181024)/",
        "__metadata": {"media_src": f"{site.url}{place}/$value"},
        "Attributes": {},
    }
    site.page(place, lambda asked: asked.answer(200, json.dumps({"d": about}).encode()))
    site.page(
        f"{place}/$value", lambda asked: asked.file(body) if asked.headers["Authorization"] else asked.answer(401)
    )
    query = Query(aoi="10,46,11,47", start="2020-01-01", end="2020-01-31", product_type="L1C", track=22, cloud_cover=50)
    (entry,) = hub.search(query)
    words = urllib.parse.parse_qs(site.asked("/search")[0].query)["q"][0]
    for part in (
        'platformname:"Sentinel-2"',
        'producttype:"S2MSI1C"',
        "relativeorbitnumber:22",
        'cloudcoverpercentage:["0" TO "50.0"]',
    ):
        assert part in words
    assert (entry.name, entry.track, entry.direction, entry.cloud_cover) == (NAME, 22, "descending", 12.5)
    assert entry.start.isoformat() == "2020-01-25T10:13:01.024000+00:00"
    (wanted,) = hub.wanted(entry, tmp_path, ())
    assert fetch(wanted, client) == "fetched"
    assert wanted.path == tmp_path / f"{NAME}.zip"
    assert wanted.path.read_bytes() == body


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"feed": {"error": {"message": "me:s3cret is wrong"}}}'])
def test_answers_that_are_none(site, hub, answer):
    site.page("/search", lambda asked: asked.answer(200, answer))
    with pytest.raises(DownloadError, match="does not answer as a DHuS does") as error:
        hub.search(Query(track=22))
    assert WORD not in "".join(traceback.format_exception(error.value))


def test_credentials_are_needed(hub, monkeypatch):
    monkeypatch.delenv("DHUS_USERNAME")
    monkeypatch.delenv("DHUS_PASSWORD")
    with pytest.raises(CredentialsError, match="DHUS_USERNAME"):
        hub.login()


def test_an_unencrypted_hub_is_refused(hub, client):
    with pytest.raises(DownloadError, match="is not encrypted"):
        catalogue_of("dhus:http://example.org", client)


def test_without_the_extra(client, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentinelsat", None)
    with pytest.raises(MissingExtraError, match=r'pip install "sensetrack\[download\]"'):
        catalogue_of("dhus:https://example.org", client)


def test_sources(client):
    assert catalogue_of("cdse", client).name == "cdse"
    assert catalogue_of("https://example.org/stac", client).name == "https://example.org/stac"
    with pytest.raises(ParameterError, match=r"source = 'earthsearch': is no name, .*; did you mean 'earth-search'"):
        catalogue_of("earthsearch", client)
    with pytest.raises(ParameterError, match="holds a name or a password"):
        catalogue_of("https://me:s3cret@example.org/stac", client)
