"""Tiles, virtual rasters, index and manifest of scenes that need no graph."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio

from sensetrack.engine import Serial, Threads
from sensetrack.prepare import PrepareParams, Surroundings, prepare
from sensetrack.prepare import _run as module
from sensetrack.raster.image import Image

SMALL = PrepareParams(graph=("reader",), tile_size=512)


def content(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_tiles_put_together_are_the_scene(write_scene, tmp_path: Path) -> None:
    first, second = write_scene("a.tif"), write_scene("b.tif", (500, 650), x=500_500.0)
    results = prepare([str(first), str(second)], tmp_path / "out", SMALL)
    assert [each.reason for each in results] == ["", ""]
    images = [Image.open(each.path) for each in results]
    assert images[0].grid.difference(images[1].grid) is None
    assert [image.acquired.isoformat() for image in images] == ["2024-01-01T10:00:00+00:00"] * 2
    for image, path in zip(images, (first, second), strict=True):
        pixels, valid = image.read()
        with rasterio.open(path) as ds:
            window = rasterio.windows.from_bounds(*image.grid.bounds, ds.transform)
            expected = ds.read(1, window=window, boundless=True)
        assert valid.mean() > 0.99
        assert np.array_equal(pixels[valid], expected[valid])  # not resampled


def test_the_index_and_the_manifest_tell_all(write_scene, tmp_path: Path) -> None:
    path = write_scene("a.tif", dtype="uint16")
    out = tmp_path / "out"
    (result,) = prepare([str(path)], out, SMALL)
    manifest = json.loads((out / "manifest.json").read_text())
    (scene,) = manifest["scenes"]
    assert scene["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert scene["acquired"] == "2024-01-01T10:00:00+00:00"
    assert manifest["parameters"]["tile_size"] == 512
    for tile in scene["tiles"]:
        assert hashlib.sha256((out / tile["file"]).read_bytes()).hexdigest() == tile["sha256"]
    meta, _, geometry, fields = pyogrio.raw.read(out / "index.gpkg")
    assert meta["crs"] == "EPSG:32633"
    assert len(geometry) == len(scene["tiles"]) == 4
    assert set(fields[list(meta["fields"]).index("file")]) == {tile["file"] for tile in scene["tiles"]}
    assert result.record is not None
    assert result.record.valid == 1.0


def test_a_second_run_keeps_what_is_there_and_makes_what_is_not(write_scene, tmp_path: Path) -> None:
    path, out = write_scene("a.tif"), tmp_path / "out"
    prepare([str(path)], out, SMALL)
    before = content(out)
    times = {file: file.stat().st_mtime_ns for file in out.rglob("*.tif")}
    (again,) = prepare([str(path)], out, SMALL)
    assert again.reused == 4
    assert content(out) == before
    assert {file: file.stat().st_mtime_ns for file in out.rglob("*.tif")} == times
    lost = next(iter(times))
    lost.write_bytes(b"cut")
    (mended,) = prepare([str(path)], out, SMALL)
    assert mended.reused == 3
    assert content(out) == before


def test_an_interrupted_run_goes_on(write_scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, out = write_scene("a.tif"), tmp_path / "out"
    prepare([str(path)], tmp_path / "whole", SMALL)
    plain, calls = module.write_tile, []

    def stop(tile, *args, **knobs):
        calls.append(tile)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return plain(tile, *args, **knobs)

    monkeypatch.setattr(module, "write_tile", stop)
    with pytest.raises(KeyboardInterrupt):
        prepare([str(path)], out, SMALL)
    assert not (out / "a.vrt").exists()
    monkeypatch.setattr(module, "write_tile", plain)
    (result,) = prepare([str(path)], out, SMALL)
    assert result.reused == 2
    tiles = {name: digest for name, digest in content(out).items() if name.endswith(".tif")}
    assert tiles == {name: digest for name, digest in content(tmp_path / "whole").items() if name.endswith(".tif")}


@pytest.mark.parametrize("change", ["input", "grid", "overwrite"])
def test_nothing_stale_is_kept(write_scene, tmp_path: Path, change: str) -> None:
    path, out = write_scene("a.tif"), tmp_path / "out"
    prepare([str(path)], out, SMALL)
    params, around = SMALL, Surroundings()
    if change == "input":
        write_scene("a.tif", acquired="2024-02-01T10:00:00+00:00")
    elif change == "grid":
        params = SMALL.with_changes(resolution=20.0)
    else:
        around = Surroundings(overwrite=True)
    (result,) = prepare([str(path)], out, params, around)
    assert result.reused == 0


def test_one_scene_that_fails_stops_no_other(write_scene, tmp_path: Path) -> None:
    good, bad = write_scene("good.tif"), write_scene("bad.tif")
    with rasterio.open(bad, "r+") as ds:
        ds.write(np.zeros(ds.shape, np.float32), 1)
    results = prepare([str(bad), str(good)], tmp_path / "out", SMALL)
    assert results[0].path is None
    assert "no valid pixel" in results[0].reason
    assert results[1].path is not None
    failed = json.loads((tmp_path / "out" / "manifest.json").read_text())["failed"]
    assert list(failed) == ["bad"]


def test_engines_write_the_same_bytes(write_scene, tmp_path: Path) -> None:
    paths = [str(write_scene("a.tif")), str(write_scene("b.tif", x=500_003.0))]
    for name, engine in (("one", Serial()), ("two", Threads(2))):
        prepare(paths, tmp_path / name, SMALL, engine=engine)
    one, two = content(tmp_path / "one"), content(tmp_path / "two")
    assert one == two


def test_what_was_resampled_is_said(write_scene, tmp_path: Path) -> None:
    (result,) = prepare([str(write_scene("a.tif", x=500_003.0))], tmp_path / "out", SMALL)
    assert result.record is not None
    assert not result.record.resampled
    moved = prepare([str(write_scene("a.tif", x=500_003.0))], tmp_path / "moved", SMALL.with_changes(resolution=10.0))
    assert moved[0].record is not None
    assert moved[0].record.resampled
