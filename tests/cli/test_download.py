"""`sensetrack download` against a server on this machine."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from products.http_site import Site, serving

from sensetrack.catalog import Client, DataSpace, OrbitBucket, Retry, Stac, Wanted, find_tiles


def zipped(name: str) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr(f"{name}/manifest.safe", "<xml/>")
    return whole.getvalue()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("NETRC", "/nowhere/netrc")
    with serving() as found:
        yield found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, site: Site) -> Any:
    """The command, whose catalogues are all on this machine; two scenes, of which the second cannot be had."""
    module = importlib.import_module("sensetrack.cli.download")
    client = Client(Retry(attempts=2, first=0.001), timeout=10)

    def space(_: object) -> DataSpace:
        return DataSpace(
            client, catalogue=site.url, download=site.url, identity=f"{site.url}/token", domain="127.0.0.1"
        )

    def catalogue(source: str, _: object) -> Any:
        if source == "cdse":
            return space(None)
        return Stac(client, site.url, name=source, collections={"sentinel-2": "s2"})

    monkeypatch.setattr(module, "Client", lambda: client)
    monkeypatch.setattr(module, "DataSpace", space)
    monkeypatch.setattr(module, "OrbitBucket", lambda _: OrbitBucket(client, site.url))
    monkeypatch.setattr(module, "catalogue_of", catalogue)
    monkeypatch.setattr(
        module, "find_tiles", lambda boxes, folder, _, model: find_tiles(boxes, folder, client, model, bucket=site.url)
    )
    monkeypatch.setenv("CDSE_USERNAME", "me")
    monkeypatch.setenv("CDSE_PASSWORD", "s3cret")
    bodies = [zipped("A.SAFE"), zipped("B.SAFE")]
    values = [
        {
            "Id": f"id-{name}",
            "Name": f"{name}.SAFE",
            "ContentLength": len(body),
            "Checksum": [{"Algorithm": "MD5", "Value": hashlib.md5(body).hexdigest()}],
            "ContentDate": {"Start": f"2022-01-0{number}T10:00:00Z"},
        }
        for number, (name, body) in enumerate(zip("AB", bodies, strict=True), start=1)
    ]
    site.page("/Products", lambda asked: asked.answer(200, json.dumps({"value": values}).encode()))
    site.page("/token", lambda asked: asked.answer(200, b'{"access_token": "t0ken"}'))
    site.page("/Products(id-A)/$value", lambda asked: asked.file(bodies[0]))
    site.page("/Products(id-B)/$value", lambda asked: asked.answer(500))
    return SimpleNamespace(site=site, bodies=bodies, values=values)


AREA = ("--aoi", "10.5,46.7,10.9,46.9")


def test_a_listing(run: Callable[..., Any], world: Any, tmp_path: Any) -> None:
    text = run("download", "scenes", *AREA, "--dry-run", "-o", tmp_path / "out").stdout
    assert "A.SAFE" in text
    assert "2022-01-02 10:00" in text
    assert "2 scenes: 2 files, 0.0 MB" in text
    assert not (tmp_path / "out").exists()
    assert world.site.asked("/token") == [], "a listing needs no credentials"
    rows = json.loads(run("download", "scenes", *AREA, "--dry-run", "--json").stdout)["scenes"]
    assert [row["files"][0]["size"] for row in rows] == [len(body) for body in world.bodies]


def test_one_fails_and_the_other_is_done(run: Callable[..., Any], world: Any, tmp_path: Any) -> None:
    result = run("download", "scenes", *AREA, "-o", tmp_path, status=1)
    assert result.stdout == f"{tmp_path / 'A.zip'}\n"
    assert "Error: " in result.stderr
    assert "answers 500" in result.stderr
    assert (tmp_path / "A.zip").read_bytes() == world.bodies[0]
    assert not (tmp_path / "B.zip").exists()
    again = run("download", "scenes", *AREA, "-o", tmp_path, "--json", "-vv", status=1)
    scenes = json.loads(again.stdout)["scenes"]
    assert [scene["files"][0]["status"] for scene in scenes] == ["there", "failed"]
    assert [scene["product"] for scene in scenes] == [str(tmp_path / "A.zip"), None]
    for secret in ("s3cret", "t0ken", "Bearer"):
        assert secret not in result.output + again.output


def test_missing_credentials_are_said_before_anything_comes(
    run: Callable[..., Any], world: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CDSE_USERNAME")
    monkeypatch.delenv("CDSE_PASSWORD")
    result = run("download", "scenes", *AREA, "-o", tmp_path / "out", status=1)
    assert result.stderr.startswith("Error: no credentials: put them into CDSE_USERNAME and CDSE_PASSWORD")
    assert not (tmp_path / "out").exists()


def test_nothing_found(run: Callable[..., Any], world: Any, tmp_path: Any) -> None:
    world.site.page("/Products", lambda asked: asked.answer(200, b'{"value": []}'))
    assert "no scene is met by that" in run("download", "scenes", *AREA, "-o", tmp_path).stdout


def test_wrong_use_is_status_2(run: Callable[..., Any], world: Any) -> None:
    assert "needs an area" in run("download", "scenes", status=2).stderr
    assert (
        "is before start"
        in run("download", "scenes", *AREA, "--start", "2022-02-01", "--end", "2022-01-01", status=2).stderr
    )


def test_scenes_that_are_read_in_place(run: Callable[..., Any], world: Any, tmp_path: Any) -> None:
    item = {
        "type": "Feature",
        "id": "S2A_32TPS_20220101_0_L2A",
        "properties": {"datetime": "2022-01-01T10:00:00Z", "platform": "sentinel-2a"},
        "assets": {"red": {"href": "https://example.org/B04.tif"}},
    }
    world.site.page("/search", lambda asked: asked.answer(200, json.dumps({"features": [item]}).encode()))
    words = ("download", "scenes", "--source", "here", *AREA)
    assert "in place" in run(*words, "--dry-run").stdout
    path = tmp_path / item["id"] / f"{item['id']}.json"
    assert run(*words, "-o", tmp_path).stdout == f"{path}\n"
    assert json.loads(path.read_text())["assets"]["red"]["href"] == "https://example.org/B04.tif"


def test_orbits(run: Callable[..., Any], world: Any, tmp_path: Any) -> None:
    scene = "S1A_IW_SLC__1SDV_20220104T170557_20220104T170624_041314_04E951_F1F1.zip"
    name = "S1A_OPER_AUX_POEORB_OPOD_20220124T081702_V20220103T225942_20220105T005942.EOF"
    page = f"<L><Contents><Key>AUX_POEORB/{name}</Key></Contents></L>".encode()
    world.site.page("/", lambda asked: asked.answer(200, page))
    world.site.page(f"/AUX_POEORB/{name}", lambda asked: asked.file(b"<no><orbit/></no>"))
    assert f"{tmp_path / name}  0.0 MB" in run("download", "orbits", scene, "-o", tmp_path, "--dry-run").stdout
    result = run("download", "orbits", scene, "other.zip", "-o", tmp_path, status=1)
    assert "is no orbit file" in result.stderr
    assert "other.zip: no such file" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_dem(run: Callable[..., Any], world: Any, tmp_path: Any, write_raster: Any, utm_grid: Any) -> None:
    import numpy as np
    from affine import Affine
    from rasterio.crs import CRS

    from sensetrack.raster.grid import Grid

    name = "Copernicus_DSM_COG_30_N46_00_E010_00_DEM"
    grid = Grid((12, 12), Affine(1 / 12, 0, 10, 0, -1 / 12, 47), CRS.from_epsg(4326))
    tile = write_raster(np.full((12, 12), 700, np.float32), "made.tif", grid=grid).read_bytes()
    world.site.page(f"/{name}/{name}.tif", lambda asked: asked.file(tile))
    words = ("download", "dem", "--aoi", "10.5,46.7,11.1,46.9", "--model", "glo-90", "-o", tmp_path / "dem")
    listing = run(*words, "--dry-run").stdout
    assert "no tile, over the sea or not released: Copernicus_DSM_COG_30_N46_00_E011_00_DEM" in listing
    assert "1 tile, 0.0 MB" in listing
    vrt = tmp_path / "dem" / "glo-90_N46E010_N46E010_1.vrt"
    assert run(*words).stdout.splitlines()[-1] == str(vrt)
    assert json.loads(run(*words, "--json").stdout)["vrt"] == str(vrt)
    assert "12 rows x 12 columns" in run("info", vrt).stdout


def test_an_interrupt_says_that_it_goes_on(
    run: Callable[..., Any], world: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*values: Any, **words: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib.import_module("sensetrack.cli._download"), "fetch_all", stop)
    result = run("download", "scenes", *AREA, "-o", tmp_path, status=130)
    assert result.stderr == (
        "Interrupted; what has come is kept in .part files, and the same command goes on from there.\n"
    )


class Terminal(io.StringIO):
    """What looks like a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module("sensetrack.cli._download")
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    wanted = Wanted("https://example.org/a.zip", tmp_path / "a.zip")
    with module._bar(1) as report:
        report(wanted, 500_000, 2_000_000)
        report(wanted, 1_500_000, None)
    assert "a.zip" in terminal.getvalue()
    assert "1.5/2.0 MB" in terminal.getvalue()
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with module._bar(1) as report:
        assert report is None
