"""Radar pairs of made-up ground in the geometry of real annotations: they land where they belong, and have moved."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from products.radar_pair import Ground, write_radar_scene
from pyproj import Transformer
from scipy.optimize import curve_fit

from sensetrack.prepare import PrepareParams, Surroundings, prepare
from sensetrack.raster.image import Image
from sensetrack.stream import track_file
from sensetrack.trackers import registry

BASELINE = (60.0, -80.0, 40.0)


def area_of(ground: Ground) -> str:
    half = 0.46 * ground.size
    to = Transformer.from_crs(ground.epsg, 4326, always_xy=True)
    lon, lat = to.transform(
        [ground.east - half, ground.east + half] * 2, [ground.north - half] * 2 + [ground.north + half] * 2
    )
    return f"{max(lon[0], lon[2])},{max(lat[0], lat[1])},{min(lon[1], lon[3])},{min(lat[2], lat[3])}"


def prepared(paths: list[Path], ground: Ground, folder: Path, resolution: float) -> list[Image]:
    dem = ground.write_dem(folder / "dem.tif")
    variables = {"demFile": str(dem), "demGeoid": "false"}
    params = PrepareParams(aoi=area_of(ground), resolution=resolution)
    results = prepare([str(path) for path in paths], folder / "out", params, Surroundings(variables=variables))
    assert [each.reason for each in results] == ["", ""]
    return [Image.open(each.path) for each in results]


def places_of_targets(image: Image, ground: Ground, moved: tuple[float, float], *, decibel: bool) -> np.ndarray:
    """Return by how many pixels reflectors lie off their places, ``(n, 2)``: rows and columns."""
    pixels, _ = image.read()
    amplitude = np.sqrt(10 ** (pixels.astype(float) / 10)) if decibel else pixels.astype(float)
    i, j = np.mgrid[-5:6, -5:6].astype(float)

    def echo(_: object, top: float, row: float, col: float, a: float, b: float, c: float, ground: float) -> np.ndarray:
        u, v = (i - row) / a, (j - col) / b
        return np.ravel(top * np.exp(-(u**2 + v**2 - 2 * c * u * v) / (2 * (1 - c**2))) + ground)

    off = []
    for east, north in ground.targets():
        row, col = (float(each) for each in image.grid.rowcol(east + moved[0], north + moved[1]))
        near_row, near_col = round(row), round(col)
        if not (5 <= near_row < pixels.shape[0] - 5 and 5 <= near_col < pixels.shape[1] - 5):
            continue
        part = amplitude[near_row - 5 : near_row + 6, near_col - 5 : near_col + 6]
        start = (float(part.max()), 0.0, 0.0, 1.5, 1.5, 0.0, float(np.median(part)))
        fit, _ = curve_fit(echo, 0, part.ravel(), start)
        off.append((near_row + fit[1] - row, near_col + fit[2] - col))
    return np.array(off)


def displacement(images: list[Image], folder: Path) -> tuple[np.ndarray, np.ndarray]:
    from sensetrack.pair import ImagePair

    tracker = registry.get("pcc")(window=64, step=16)
    track_file(ImagePair(*images), tracker, folder / "d.tif")
    dx, dy = (Image.open(folder / "d.tif", band=band).read() for band in ("dx", "dy"))
    known = dx[1] & dy[1]
    return dx[0][known], dy[0][known]


def test_a_ground_range_pair_moves_as_the_ground_did(shared_data: Path, tmp_path: Path) -> None:
    product = next((shared_data / "sentinel1" / "sarsen").glob("S1B*GRDH*.SAFE"))
    ground = Ground(32633, 300_000.0, 4_640_000.0, size=3600.0)
    moved = (13.7, -8.4)
    first = write_radar_scene(product, tmp_path, "s1b-iw-grd-vv", ground)
    days = ("2021-12-23", "2022-01-04")
    second = write_radar_scene(product, tmp_path, "s1b-iw-grd-vv", ground, moved=moved, day=days, baseline=BASELINE)
    images = prepared([first, second], ground, tmp_path, 10.0)
    for image, shift in zip(images, ((0.0, 0.0), moved), strict=True):
        off = places_of_targets(image, ground, shift, decibel=True)
        assert len(off) >= 6
        assert np.abs(off).max() < 0.1
        assert np.abs(off.mean(axis=0)).max() < 0.02
    dx, dy = displacement(images, tmp_path)
    assert len(dx) > 200
    assert abs(np.median(dx) - 1.37) < 0.01 and abs(np.median(dy) - 0.84) < 0.01
    assert np.percentile(np.hypot(dx - 1.37, dy - 0.84), 95) < 0.05


def test_a_pair_of_bursts_moves_as_the_ground_did(shared_data: Path, tmp_path: Path) -> None:
    """The ground lies across the seam of two bursts, at 2100 m, in one subswath."""
    with zipfile.ZipFile(next((shared_data / "sentinel1" / "s1-reader").glob("*.zip"))) as archive:
        archive.extractall(tmp_path / "raw")
    product = next((tmp_path / "raw").rglob("*.SAFE"))
    ground = Ground(
        32611, 508_413.0, 4_239_847.0, size=4200.0, base=2125.0, grain=50.0, spread=1.6, echo=60_000.0, seed=3
    )
    moved = (5.3, -3.9)
    first = write_radar_scene(product, tmp_path, "s1a-iw2-slc-vv", ground)
    days = ("2020-05-11", "2020-05-23")
    second = write_radar_scene(product, tmp_path, "s1a-iw2-slc-vv", ground, moved=moved, day=days, baseline=BASELINE)
    images = prepared([first, second], ground, tmp_path, 10.0)
    for image, shift in zip(images, ((0.0, 0.0), moved), strict=True):
        off = places_of_targets(image, ground, shift, decibel=False)
        assert len(off) >= 6
        assert np.abs(off).max() < 0.1
        assert np.abs(off.mean(axis=0)).max() < 0.02
    dx, dy = displacement(images, tmp_path)
    assert abs(np.median(dx) - 0.53) < 0.02 and abs(np.median(dy) - 0.39) < 0.02
    assert np.median(np.hypot(dx - 0.53, dy - 0.39)) < 0.05


def test_the_way_to_the_image_is_that_of_the_annotation(shared_data: Path) -> None:
    from products.radar_pair import line_of, sample_of, seen_at

    from sensetrack.sensors import open_product

    product = open_product(next((shared_data / "sentinel1" / "sarsen").glob("S1B*GRDH*.SAFE")))
    about = product.annotation()  # type: ignore[attr-defined]
    ties = about.ties
    ecef = Transformer.from_crs(4979, 4978, always_xy=True)
    points = np.stack(ecef.transform(ties.longitude, ties.latitude, ties.height), axis=-1)
    time, distance = seen_at(about.orbit, points)
    assert np.abs(line_of(about, time, distance, None) - ties.lines[:, None]).max() < 0.01
    assert np.abs(sample_of(about, time, distance) - ties.samples).max() < 0.01
