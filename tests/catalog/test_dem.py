"""Tiles of the Copernicus DEM: their names, those that there are not, and one raster over all."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from sensetrack.catalog import fetch_all, find_tiles, tile_names, write_vrt
from sensetrack.errors import DownloadError, InputError, ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image


@pytest.mark.parametrize(
    ("box", "corners"),
    [
        ((10.5, 46.7, 10.9, 46.9), ["N46_00_E010"]),
        ((10.0, 46.0, 11.0, 47.0), ["N46_00_E010"]),
        ((-0.5, -0.5, 0.5, 0.5), ["S01_00_W001", "S01_00_E000", "N00_00_W001", "N00_00_E000"]),
        ((-70.2, -50.4, -70.1, -50.3), ["S51_00_W071"]),
        ((179.5, 65.0, 180.0, 65.5), ["N65_00_E179"]),
        ((10.0, 46.0, 10.0, 46.0), ["N46_00_E010"]),
    ],
)
def test_names(box, corners):
    assert tile_names([box]) == [f"Copernicus_DSM_COG_10_{corner}_00_DEM" for corner in corners]
    assert tile_names([box], "glo-90")[0].startswith("Copernicus_DSM_COG_30_")


@given(st.floats(-180, 179.9), st.floats(-90, 89.9), st.floats(0, 3), st.floats(0, 3))
def test_tiles_cover_the_area(west, south, width, height):
    east, north = min(west + width, 180.0), min(south + height, 90.0)
    covered = []
    for name in tile_names([(west, south, east, north)]):
        lat, lon = name.split("_")[4], name.split("_")[6]
        covered.append((int(lat[1:]) * (1 if lat[0] == "N" else -1), int(lon[1:]) * (1 if lon[0] == "E" else -1)))
    assert min(lat for lat, _ in covered) <= south <= north <= max(lat for lat, _ in covered) + 1
    assert min(lon for _, lon in covered) <= west <= east <= max(lon for _, lon in covered) + 1


def test_an_area_that_is_too_large():
    with pytest.raises(ParameterError, match="touches 64800 tiles of the DEM; take an area of at most 2500"):
        tile_names([(-180, -90, 180, 90)])


def test_the_sea_has_no_tiles(site, client, tmp_path):
    body = b"heights" * 1000
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    name = "Copernicus_DSM_COG_10_N46_00_E010_00_DEM"
    site.page(f"/{name}/{name}.tif", lambda asked: asked.file(body, etag=etag))
    tiles = find_tiles([(10.5, 46.5, 11.5, 46.6)], tmp_path, client, bucket=site.url)
    assert tiles.missing == ("Copernicus_DSM_COG_10_N46_00_E011_00_DEM",)
    assert [asked.command for asked in site.log] == ["HEAD", "HEAD"]
    (wanted,) = tiles.wanted
    assert (wanted.size, wanted.checksums[0].algorithm) == (7000, "md5")
    assert [outcome.status for outcome in fetch_all(tiles.wanted, client)] == ["fetched"]
    site.log.clear()
    again = find_tiles([(10.5, 46.5, 10.6, 46.6)], tmp_path, client, bucket=site.url)
    assert [outcome.status for outcome in fetch_all(again.wanted, client)] == ["there"]
    assert site.log == []


def test_a_bucket_that_refuses_is_no_sea(site, client, tmp_path):
    name = "Copernicus_DSM_COG_10_N46_00_E010_00_DEM"
    site.page(f"/{name}/{name}.tif", lambda asked: asked.answer(403))
    with pytest.raises(DownloadError, match="answers 403"):
        find_tiles([(10.5, 46.5, 10.6, 46.6)], tmp_path, client, bucket=site.url)


def test_one_raster_over_tiles(write_raster, tmp_path):
    """Two tiles side by side, one north of them with half the columns, none in the fourth corner."""
    crs = CRS.from_epsg(4326)
    rng = np.random.default_rng(0)
    fine, coarse = 1 / 60, 1 / 30

    def tile(name, lat, lon, width):
        heights = rng.uniform(100, 200, (60, round(1 / width))).astype(np.float32)
        place = Affine(width, 0, lon - width / 2, 0, -fine, lat + 1 + fine / 2)
        return write_raster(heights, f"dem/{name}.tif", grid=Grid(heights.shape, place, crs)), heights

    (a, low), (b, right), (c, top) = tile("a", 49, 10, fine), tile("b&c", 49, 11, fine), tile("d", 50, 10, coarse)
    write_vrt([a, b, c], tmp_path / "dem" / "all.vrt")
    whole = Image.open(tmp_path / "dem" / "all.vrt")
    assert whole.grid.shape == (120, 121)
    pixels, _ = whole.read()
    # The coarse tile begins half a coarse pixel further west, so the fine ones are shifted by half a fine pixel.
    assert abs(pixels[60:, 62:120].mean() - right.mean()) < 1
    assert abs(pixels[60:, 1:60].mean() - low.mean()) < 1
    assert abs(pixels[1:60, 1:60].mean() - top.mean()) < 1
    assert (pixels[1:59, 63:] == 0).all()
    (tmp_path / "dem").rename(tmp_path / "moved")
    assert Image.open(tmp_path / "moved" / "all.vrt").read()[0].mean() == pixels.mean()


def test_tiles_of_one_kind_are_not_resampled(write_raster, tmp_path):
    crs = CRS.from_epsg(4326)
    size = 1 / 60
    heights = np.random.default_rng(0).uniform(0, 9, (60, 120)).astype(np.float32)
    halves = [
        write_raster(
            heights[:, part],
            f"{lon}.tif",
            grid=Grid((60, 60), Affine(size, 0, lon - size / 2, 0, -size, 50 + size / 2), crs),
        )
        for lon, part in ((10, slice(0, 60)), (11, slice(60, 120)))
    ]
    write_vrt(halves, tmp_path / "all.vrt")
    assert np.array_equal(Image.open(tmp_path / "all.vrt").read()[0], heights)


def test_no_tiles(tmp_path):
    with pytest.raises(InputError, match="there are no tiles"):
        write_vrt([], tmp_path / "all.vrt")
