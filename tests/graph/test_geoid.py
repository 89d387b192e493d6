"""The geoid: known heights, its formats, around the Earth, and where it is looked for."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from products.http_site import serving

from sensetrack.errors import GraphError, InputError, SensetrackError
from sensetrack.graph import geoid as module
from sensetrack.graph.geoid import NAMES, VARIABLE, Geoid, find_geoid, places

Write = Callable[..., Path]

# Latitude, longitude and undulation of EGM96: the test points that the NGA publishes with its interpolation program.
KNOWN = np.array(
    [
        [38.6281550, 269.7791550, -31.628],
        [-14.6212170, 305.0211140, -2.969],
        [46.8743190, 102.4487290, -43.575],
        [-23.6174460, 133.8747120, 15.871],
        [38.6254730, 359.9995000, 50.066],
        [-0.4667440, 0.0023000, 17.329],
    ]
)


def undulation(latitude: np.ndarray, longitude: np.ndarray) -> np.ndarray:
    lat, lon = np.radians(latitude), np.radians(longitude)
    return 30 * np.sin(lat) + 20 * np.cos(lat) ** 2 * np.cos(2 * lon)


@pytest.fixture
def write_gtx(tmp_path: Path) -> Write:
    """Write a raster of `undulation` every degree: ``write_gtx(west, cols, rows, name, hole)``."""

    def write(
        west: float = -180.0, cols: int = 360, rows: int = 181, name: str = "egm96_15.gtx", hole: bool = False
    ) -> Path:
        longitude, latitude = np.meshgrid(west + np.arange(cols), 90.0 - np.arange(rows))
        values = undulation(latitude, longitude).astype(np.float32)
        values[5, 5] = -88.8888 if hole else values[5, 5]
        path = tmp_path / name
        transform = Affine(1, 0, west - 0.5, 0, -1, 90.5)
        driver = "GTX" if name.endswith("gtx") else "GTiff"
        profile = {"driver": driver, "count": 1, "dtype": "float32", "crs": "EPSG:4326", "transform": transform}
        with rasterio.open(path, "w", height=rows, width=cols, **profile) as file:
            file.write(values, 1)
        return path

    return write


@pytest.mark.parametrize(("west", "cols"), [(-180.0, 360), (0.0, 360), (-180.0, 361), (0.0, 361)])
def test_around_the_earth(write_gtx: Write, west: float, cols: int) -> None:
    geoid = Geoid.open(write_gtx(west, cols))
    rng = np.random.default_rng(0)
    latitude, longitude = rng.uniform(-90, 90, 500), rng.uniform(-400, 400, 500)
    found = geoid.undulation(latitude, longitude)
    assert np.abs(found - undulation(latitude, longitude)).max() < 2e-3
    for seam in (-180.0, 0.0, 180.0, 360.0):
        around = seam + np.linspace(-2, 2, 41)
        found = geoid.undulation(np.full(41, 12.3), around)
        assert np.abs(found - undulation(np.full(41, 12.3), around)).max() < 2e-3
    again = pickle.loads(pickle.dumps(geoid))
    assert np.array_equal(again.undulation(latitude, longitude), geoid.undulation(latitude, longitude))
    assert np.isnan(geoid.undulation(np.array([np.nan, 3.0]), np.array([1.0, np.inf]))).all()


def test_a_part_of_the_earth(write_gtx: Write) -> None:
    geoid = Geoid.open(write_gtx(0.0, 30, 60))
    found = geoid.undulation(np.array([60.0]), np.array([20.5]))
    assert found[0] == pytest.approx(float(undulation(np.array(60.0), np.array(20.5))), abs=2e-3)
    with pytest.raises(InputError, match=r"longitude 50\.000 to 50\.000; use a raster of the whole Earth"):
        geoid.undulation(np.array([60.0]), np.array([50.0]))
    with pytest.raises(InputError, match="latitude -10"):
        geoid.undulation(np.array([-10.0]), np.array([20.0]))


def test_rasters_that_are_no_geoid(write_gtx: Write, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the geoid has holes"):
        Geoid.open(write_gtx(hole=True)).undulation(np.array([85.0]), np.array([-175.0]))
    path = tmp_path / "utm.tif"
    profile = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:32633"}
    with rasterio.open(path, "w", height=5, width=5, transform=Affine(10, 0, 0, 0, -10, 0), **profile) as file:
        file.write(np.zeros((5, 5), np.float32), 1)
    with pytest.raises(InputError, match="has to be in longitude and latitude, north up"):
        Geoid.open(path)
    (tmp_path / "cut.dac").write_bytes(b"123")
    (tmp_path / "cut.grd").write_text("-90 90 0 360 .25 .25\n1 2 x")
    (tmp_path / "bad.zip").write_bytes(b"PK")
    for name in ("cut.dac", "cut.grd", "bad.zip", "absent.grd"):
        with pytest.raises(InputError, match=r"cannot be read as the EGM96 of the NGA \(721 x 1440 heights\)"):
            Geoid.open(tmp_path / name)
    with pytest.raises(SensetrackError, match="absent"):
        Geoid.open(tmp_path / "absent.gtx")


def test_the_formats_of_the_nga(tmp_path: Path) -> None:
    longitude, latitude = np.meshgrid(np.arange(1441) * 0.25, 90 - np.arange(721) * 0.25)
    values = undulation(latitude, longitude)
    dac, grd, packed = (tmp_path / name for name in ("WW15MGH.DAC", "ww15mgh_b.grd", "ww15mgh_b.zip"))
    dac.write_bytes((values[:, :1440] * 100).round().astype(">i2").tobytes())
    rows = "\n".join(" ".join(f"{value:.3f}" for value in row) for row in values)
    grd.write_text(f"-90.000000 90.000000 .000000 360.000000 .250000 .250000\n\n{rows}\n")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(grd, "ww15mgh_b.grd")
    at = np.array([46.9, -33.1]), np.array([10.2, -70.3])
    for path, off in ((dac, 0.006), (grd, 0.001), (packed, 0.001)):
        assert np.abs(Geoid.open(path).undulation(*at) - undulation(*at)).max() < off


def test_where_it_is_looked_for(write_gtx: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_gtx()
    own = write_gtx(name="own.tif")
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("SENSETRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PROJ_DATA", str(tmp_path))
    assert tmp_path / NAMES[1] in list(places())
    assert find_geoid().image.name == path.name
    monkeypatch.setenv(VARIABLE, str(own))
    assert find_geoid().image.name == "own.tif"
    assert find_geoid(path).image.name == path.name
    monkeypatch.setenv(VARIABLE, str(tmp_path / "gone.tif"))
    with pytest.raises(SensetrackError, match=r"gone\.tif"):
        find_geoid()


def test_without_a_geoid_all_ways_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(module, "places", lambda: iter(()))
    with pytest.raises(GraphError, match=r"SENSETRACK_GEOID.*proj-data.*externalDEMApplyEGM = false"):
        find_geoid()


def test_it_is_fetched_once_where_that_is_allowed(
    write_gtx: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = write_gtx(name="source.tif").read_bytes()
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("SENSETRACK_CACHE", str(tmp_path / "cache"))
    with monkeypatch.context() as patch, serving() as site:
        patch.setattr(module, "places", lambda: iter(()))
        patch.setattr(module, "SITE", site.url)
        site.page(f"/{NAMES[0]}", lambda asked: asked.file(body, etag=None))
        found = find_geoid(download=True)
    assert found.image.name == NAMES[0]
    assert next(places()) == tmp_path / "cache" / "geoid" / NAMES[0]
    at = np.array([12.0]), np.array([77.0])
    assert np.array_equal(find_geoid().undulation(*at), found.undulation(*at))


def test_known_heights_of_egm96(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        geoid = find_geoid()
    except GraphError as error:
        pytest.skip(f"{error}")
    found = geoid.undulation(KNOWN[:, 0], KNOWN[:, 1])
    assert np.abs(found - KNOWN[:, 2]).max() < 0.02
