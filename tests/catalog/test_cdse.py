"""The catalogue of the Copernicus Data Space, on a server that answers as documented, and on one that lies."""

from __future__ import annotations

import hashlib
import io
import json
import urllib.parse
import zipfile

import pytest

from sensetrack.catalog import Checksum, DataSpace, Query, fetch
from sensetrack.errors import CredentialsError, DownloadError, ParameterError

NAME = "S2A_MSIL2A_20220125T101301_N0400_R022_T32TPS_20220125T130109.SAFE"


def product(number=0, **changes):
    """One entry as the documentation of the service shows it."""
    return {
        "@odata.mediaContentType": "application/octet-stream",
        "Id": f"00000000-0000-4000-8000-{number:012d}",
        "Name": NAME.replace("T32TPS", f"T32T{number:02d}"),
        "ContentType": "application/octet-stream",
        "ContentLength": 1_200_000_000,
        "Online": True,
        "Checksum": [
            {"Value": "a" * 32, "Algorithm": "MD5", "ChecksumDate": "2022-01-25T14:00:00.000Z"},
            {"Value": "b" * 64, "Algorithm": "BLAKE3", "ChecksumDate": "2022-01-25T14:00:00.000Z"},
        ],
        "ContentDate": {"Start": f"2022-01-{number % 28 + 1:02d}T10:13:01.024Z", "End": "2022-01-28T10:13:01.024Z"},
        "GeoFootprint": {"type": "Polygon", "coordinates": [[[10, 46], [11, 46], [11, 47], [10, 46]]]},
        "Attributes": [
            {"@odata.type": "#OData.CSC.DoubleAttribute", "Name": "cloudCover", "Value": 12.5, "ValueType": "Double"},
            {"@odata.type": "#OData.CSC.IntegerAttribute", "Name": "relativeOrbitNumber", "Value": 22},
            {"@odata.type": "#OData.CSC.StringAttribute", "Name": "orbitDirection", "Value": "DESCENDING"},
            {"@odata.type": "#OData.CSC.StringAttribute", "Name": "productType", "Value": "S2MSI2A"},
        ],
        **changes,
    }


def page(*products, **more):
    text = json.dumps({"@odata.context": "$metadata#Products", "value": list(products), **more}).encode()
    return lambda asked: asked.answer(200, text)


@pytest.fixture
def space(site, client):
    return DataSpace(
        client,
        catalogue=site.url + "/odata/v1",
        download=site.url + "/odata/v1",
        identity=site.url + "/token",
        domain="127.0.0.1",
    )


def condition(asked):
    return urllib.parse.parse_qs(asked.query)["$filter"][0]


def test_what_is_asked(site, space):
    site.page("/odata/v1/Products", page(product(3), product(1)))
    query = Query(
        aoi="10.5,46.7,10.9,46.9",
        start="2022-01-01",
        end="2022-01-31",
        product_type="L2A",
        track=22,
        direction="descending",
        cloud_cover=20,
        limit=7,
    )
    found = space.search(query)
    assert condition(site.log[0]) == (
        "Collection/Name eq 'SENTINEL-2' and "
        "OData.CSC.Intersects(area=geography'SRID=4326;"
        "POLYGON((10.5 46.7,10.9 46.7,10.9 46.9,10.5 46.9,10.5 46.7))') and "
        "ContentDate/Start ge 2022-01-01T00:00:00.000Z and ContentDate/Start le 2022-01-31T23:59:59.999Z and "
        "Attributes/OData.CSC.StringAttribute/any(att:att/Name eq 'productType' and "
        "att/OData.CSC.StringAttribute/Value eq 'S2MSI2A') and "
        "Attributes/OData.CSC.IntegerAttribute/any(att:att/Name eq 'relativeOrbitNumber' and "
        "att/OData.CSC.IntegerAttribute/Value eq 22) and "
        "Attributes/OData.CSC.StringAttribute/any(att:att/Name eq 'orbitDirection' and "
        "att/OData.CSC.StringAttribute/Value eq 'DESCENDING') and "
        "Attributes/OData.CSC.DoubleAttribute/any(att:att/Name eq 'cloudCover' and "
        "att/OData.CSC.DoubleAttribute/Value le 20.00)"
    )
    assert urllib.parse.parse_qs(site.log[0].query)["$top"] == ["7"]
    assert [entry.start.day for entry in found] == [2, 4]
    entry = found[0]
    assert (entry.cloud_cover, entry.track, entry.direction, entry.size) == (12.5, 22, "descending", 1_200_000_000)
    assert entry.checksums == (Checksum("md5", "a" * 32),)
    assert entry.product_type == "S2MSI2A"


def test_names_and_kinds_of_radar_products(site, space):
    site.page("/odata/v1/Products", page())
    space.search(Query(sensor="sentinel-1", name="S1A_IW_SLC__1SDV_'x", product_type="slc"))
    assert condition(site.log[0]) == (
        "Collection/Name eq 'SENTINEL-1' and Name eq 'S1A_IW_SLC__1SDV_''x.SAFE' and contains(Name,'_SLC')"
    )


def test_an_area_across_the_antimeridian_is_two(site, space, tmp_path):
    import pyogrio.raw
    import shapely

    file = tmp_path / "fiji.gpkg"
    shape = shapely.box(1_900_000, 3_800_000, 2_300_000, 4_200_000)
    pyogrio.raw.write(str(file), shapely.to_wkb([shape]), [], [], geometry_type="Polygon", crs="EPSG:3460", layer="a")
    site.page("/odata/v1/Products", page(product(1)))
    found = space.search(Query(aoi=str(file)))
    areas = [condition(asked).partition("POLYGON((")[2].split(")")[0] for asked in site.log]
    assert len(areas) == 2
    assert "180 " in areas[0]
    assert areas[1].startswith("-180 ")
    assert len(found) == 1, "a scene that both halves list is one scene"


def test_pages_are_followed(site, space):
    site.page("/odata/v1/Products", page(*(product(n) for n in range(3)), **{"@odata.nextLink": f"{site.url}/next"}))
    site.page("/next", page(*(product(n) for n in range(3, 6))))
    assert len(space.search(Query(track=22))) == 6
    site.log.clear()
    assert len(space.search(Query(track=22, limit=2))) == 2
    assert len(site.log) == 1


def test_pages_that_go_round(site, space):
    link = {"@odata.nextLink": f"{site.url}/odata/v1/Products?again"}
    site.page("/odata/v1/Products", page(product(1), **link))
    with pytest.raises(DownloadError, match="its pages go round"):
        space.search(Query(track=22))


@pytest.mark.parametrize("answer", [{}, {"value": None}, {"value": {}}, [], "x", None])
def test_pages_that_are_none(site, space, answer):
    site.page("/odata/v1/Products", lambda asked: asked.answer(200, json.dumps(answer).encode()))
    with pytest.raises(DownloadError, match="no page of a catalogue"):
        space.search(Query(track=22))


def test_what_lacks_the_least_is_left_out_and_said(site, space, caplog):
    bare = {"Id": "x", "Name": "S2A_BARE.SAFE"}
    broken = [{}, None, 3, {"Id": "y"}, {"Name": "z", "Id": None}, product(5, ContentLength="many")]
    broken += [product(6, ContentDate={"Start": "soon"}), product(7, Attributes=[{"Name": "cloudCover"}])]
    unsized = product(2, ContentLength=None, Checksum=None, Attributes=None, ContentDate=None, GeoFootprint=None)
    site.page("/odata/v1/Products", page(*broken, bare, unsized))
    found = space.search(Query(track=22))
    assert [entry.name for entry in found] == ["S2A_BARE.SAFE", unsized["Name"]]
    assert found[1].size is None
    assert caplog.text.count("it is left out") == len(broken)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sensor": "landsat", "track": 1}, "sensor = 'landsat': the Copernicus Data Space has none"),
        ({"row": 1, "track": 1}, "row = 1: is for Landsat"),
    ],
)
def test_what_it_does_not_have(space, values, message):
    with pytest.raises(ParameterError, match=message):
        space.search(Query(**values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "needs an area"),
        ({"track": 1, "start": "2022-02-01", "end": "2022-01-01"}, "end = 2022-01-01 is before start = 2022-02-01"),
        ({"track": 400}, "track = 400"),
        ({"aoi": "1,2,3,4", "cloud_cover": 101}, "cloud_cover = 101"),
        ({"track": 1, "start": "May"}, "'May' is not a date"),
    ],
)
def test_queries_that_make_no_sense(values, message):
    with pytest.raises(ParameterError, match=message):
        Query(**values)


@pytest.mark.parametrize("aoi", ["10,46,9,47", "170,0,200,10", "0,80,10,100", "1,2,3"])
def test_areas_that_make_no_sense(aoi):
    from sensetrack.errors import SensetrackError

    with pytest.raises(SensetrackError, match=aoi):
        Query(aoi=aoi).boxes()


def test_a_product_is_downloaded(site, space, client, tmp_path, monkeypatch):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(f"{NAME}/manifest.safe", "<xml/>")
    body = whole.getvalue()
    md5 = hashlib.md5(body).hexdigest()
    one = product(1, ContentLength=len(body) + 5, Checksum=[{"Algorithm": "MD5", "Value": md5}])
    site.page("/odata/v1/Products", page(one))
    site.page("/token", lambda asked: asked.answer(200, b'{"access_token": "open", "expires_in": 600}'))
    place = f"/odata/v1/Products({one['Id']})/$value"
    site.page(place, lambda asked: asked.file(body) if asked.headers["Authorization"] else asked.answer(401))
    (entry,) = space.search(Query(track=22))
    (wanted,) = space.wanted(entry, tmp_path)
    with pytest.raises(CredentialsError, match="CDSE_USERNAME"):
        space.login()
    with pytest.raises(CredentialsError, match="CDSE_USERNAME"):
        fetch(wanted, client)
    monkeypatch.setenv("CDSE_USERNAME", "me")
    monkeypatch.setenv("CDSE_PASSWORD", "word")
    space.login()
    assert fetch(wanted, client) == "fetched"
    assert wanted.path == tmp_path / one["Name"].replace(".SAFE", ".zip")
    assert wanted.path.read_bytes() == body
    assert space.complete(entry, tmp_path, [wanted]) == wanted.path


def test_a_product_in_the_archive_is_not_asked_for(site, space, client, tmp_path):
    site.page("/odata/v1/Products", page(product(1, Online=False)))
    (entry,) = space.search(Query(track=22))
    (wanted,) = space.wanted(entry, tmp_path)
    with pytest.raises(DownloadError, match=r"\.zip: lies in the archive"):
        fetch(wanted, client)
    with pytest.raises(ParameterError, match="band = 'B04'"):
        space.wanted(entry, tmp_path, ("B04",))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/b", "..", "", "a\0b", "-rf", "x" * 300])
def test_names_that_lead_elsewhere(site, space, tmp_path, name):
    site.page("/odata/v1/Products", page(product(1, Name=name)))
    (entry,) = space.search(Query(track=22))
    with pytest.raises(DownloadError, match="which is none for a file"):
        space.wanted(entry, tmp_path)
