"""An explanation finds the right window, the right match and the right words, for every kind of pixel."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensetrack.displacement import Displacement, Field, Flag
from sensetrack.errors import InputError, OutputError, ParameterError
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.report.explain import explain
from sensetrack.report.words import FLAG_WORDS


@pytest.fixture
def moved(
    tmp_path: Path,
    texture: Callable[..., np.ndarray],
    write_raster: Callable[..., Path],
    make_field: Callable[..., Field],
) -> Callable[..., Path]:
    """Write a pair that moved by (dx, dy), and a displacement file that says so: ``moved(dx, dy, **parameters)``."""

    def write(dx: float = 3.25, dy: float = -1.5, stated: tuple[float, float] | None = None, **parameters: Any) -> Path:
        shape = (200, 240)
        images = [write_raster(texture(shape), "a.tif"), write_raster(texture(shape, dx=dx, dy=dy), "b.tif")]
        u, v = stated or (dx, dy)
        grid = Grid(shape).coarsen(8)
        field = make_field(np.full(grid.shape, u), v, sigma=0.05)
        origin = Provenance("pcc", json.dumps(parameters), *(str(path) for path in images))
        Displacement(grid, field, 8, origin).save(tmp_path / "d.tif", overwrite=True)
        return tmp_path / "d.tif"

    return write


@pytest.mark.parametrize("window", [32, 33])
def test_the_window_lies_around_the_centre_of_the_pixel(window: int, moved: Callable[..., Path]) -> None:
    item = explain(moved(window=window), 12, 10)
    centre = np.array([10, 12]) * 8 + 3.5
    middle = np.array([item.top, item.left]) + (window - 1) / 2
    assert item.window == window
    assert np.abs(middle - centre).max() <= 0.5
    assert item.reference.part(item.top, item.left, window)[0].shape == (window, window)


def test_a_right_value_agrees_with_the_plain_correlation(moved: Callable[..., Path]) -> None:
    item = explain(moved(window=40), 14, 12)
    assert (item.peak.dx, item.peak.dy) == (pytest.approx(3.25, abs=0.1), pytest.approx(-1.5, abs=0.1))
    assert item.shares == (1.0, 1.0)
    text = str(item)
    assert "d.tif: column 14, row 12 (input column 115.5, input row 99.5)" in text
    assert "dx          +3.250 ± 0.050 px" in text
    assert "That agrees with the value in the file" in text
    assert "flags       measured" in text


def test_a_wrong_value_is_found_out(moved: Callable[..., Path]) -> None:
    text = str(explain(moved(stated=(-4.0, 5.0), window=40), 14, 12))
    assert "That differs from the value in the file (9.7" in text


def test_images_are_shown_as_the_tracker_saw_them(moved: Callable[..., Path], tmp_path: Path) -> None:
    path = moved(window=40)
    steps = {"smooth": ('highpass {"sigma": 8.0}',), "directions": ("highpass {}", "orientation {}")}
    found = Displacement.open(path)
    for name, chain in steps.items():
        origin = dataclasses.replace(found.provenance, preprocess=chain)
        dataclasses.replace(found, provenance=origin).save(tmp_path / f"{name}.tif")
    raw, smooth, directions = (explain(p, 14, 12) for p in (path, tmp_path / "smooth.tif", tmp_path / "directions.tif"))
    assert abs(raw.reference.pixels.mean()) > 50 > 5 > abs(smooth.reference.pixels.mean())
    assert "Both images are shown as the tracker saw them, after highpass." in str(smooth)
    np.testing.assert_array_equal(directions.reference.pixels, raw.reference.pixels)
    assert "after highpass, orientation, which cannot be shown" in str(directions)


def test_far_values_are_searched_around(moved: Callable[..., Path]) -> None:
    item = explain(moved(dx=0.0, dy=0.0, stated=(120.0, 0.0), window=32), 4, 12)
    assert item.centre == (0, 120)
    assert item.surface.shape == (33, 33)


def test_map_coordinates_name_the_same_pixel(tongue_files: Path, tongue: Any) -> None:
    path = tongue_files / "displacement.tif"
    x, y = tongue.displacement.grid.xy(30, 40)
    by_map = explain(path, float(x) + 30, float(y) - 30, map_coordinates=True)
    assert (by_map.row, by_map.col) == (30, 40)
    assert str(by_map) == str(explain(path, 40, 30))


def test_without_georeference_map_coordinates_are_input_pixels(moved: Callable[..., Path]) -> None:
    item = explain(moved(), 115.5, 99.5, map_coordinates=True)
    assert (item.col, item.row, item.x, item.y) == (14, 12, 115.5, 99.5)


@pytest.mark.parametrize("flag", [Flag.NODATA, Flag.FLAT, Flag.LOW_QUALITY, Flag.SEARCH_EDGE, Flag.OUTLIER])
def test_flagged_pixels_are_explained_too(flag: Flag, tongue_files: Path, tongue: Any, tmp_path: Path) -> None:
    row, col = (int(axis[len(axis) // 2]) for axis in np.nonzero(tongue.displacement.field.flags == flag))
    item = explain(tongue_files / "displacement.tif", col, row, tmp_path / "a.png", dpi=50)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert FLAG_WORDS[flag].meaning in str(item)
    assert FLAG_WORDS[flag].remedy in str(item)
    assert item.is_measured == bool(np.isfinite(tongue.displacement.field.dx[row, col]))


def test_edges_of_the_swath_are_told_in_shares(tongue_files: Path, tongue: Any) -> None:
    flags = tongue.displacement.field.flags
    row = 30
    col = int(np.flatnonzero(flags[row] == 0)[0])
    item = explain(tongue_files / "displacement.tif", col, row)
    assert 0.3 < item.shares[0] < 0.7
    assert np.isnan(item.surface).any()
    assert "% of the window's pixels are valid in the reference." in str(item)


def test_equal_pixels_give_equal_pictures(tongue_files: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        explain(tongue_files / "displacement.tif", 40, 30, tmp_path / f"{name}.png", dpi=40)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(("parameters", "window"), [("{}", 64), ('{"window": 48}', 48), ("not json", 64), ("[1]", 64)])
def test_trackers_without_a_window_get_64(parameters: str, window: int, moved: Callable[..., Path]) -> None:
    path = moved()
    known = Displacement.open(path)
    provenance = dataclasses.replace(known.provenance, parameters=parameters)
    dataclasses.replace(known, provenance=provenance).save(path, overwrite=True)
    assert explain(path, 15, 12).window == window


def test_corner_pixels_and_one_pixel_files(moved: Callable[..., Path], tmp_path: Path) -> None:
    item = explain(moved(window=64), 0, 0, tmp_path / "a.png", dpi=40)
    assert item.first == (0, 0)
    assert item.shares[0] < 0.5


def test_images_are_found_beside_the_file_or_asked_for(
    moved: Callable[..., Path], tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = moved()
    away = tmp_path_factory.mktemp("away")
    for name in ("a.tif", "b.tif", "d.tif"):
        (tmp_path / name).rename(away / name)
    assert explain(away / "d.tif", 5, 5).peak.value > 0.9
    for name in ("a.tif", "b.tif"):
        (away / name).rename(tmp_path / f"other-{name}")
    with pytest.raises(
        InputError, match=r"d\.tif names .*a\.tif as its reference, which is not there; pass --reference"
    ):
        explain(away / "d.tif", 5, 5)
    given = {"reference": tmp_path / "other-a.tif", "secondary": tmp_path / "other-b.tif"}
    assert explain(away / "d.tif", 5, 5, **given).peak.value > 0.9  # type: ignore[arg-type]
    assert path.parent == tmp_path


def test_bad_requests_are_told_in_one_line(tongue_files: Path, tmp_path: Path) -> None:
    path = tongue_files / "displacement.tif"
    with pytest.raises(ParameterError, match=r"column 400, row 2 lies outside; columns are 0 to 99, rows 0 to 79"):
        explain(path, 400, 2)
    with pytest.raises(ParameterError, match=r"x 1, y 2 \(column -\d+, row \d+\) lies outside"):
        explain(path, 1, 2, map_coordinates=True)
    with pytest.raises(ParameterError, match="window = 4"):
        explain(path, 4, 2, window=4)
    with pytest.raises(InputError, match=r"velocity\.tif: not a displacement file"):
        explain(tongue_files / "velocity.tif", 4, 2)
    (tmp_path / "a.png").write_bytes(b"kept")
    with pytest.raises(OutputError, match="exists already"):
        explain(path, 4, 2, tmp_path / "a.png")


def test_the_ellipse_is_that_of_the_covariance() -> None:
    from sensetrack.report.explain_figure import _ellipse

    assert _ellipse(3.0, 1.0, 0.0)[:2] == (pytest.approx(2), pytest.approx(6))
    width, height, angle = _ellipse(1.0, 1.0, 0.5)
    assert (width, height) == (pytest.approx(2 * 0.5**0.5), pytest.approx(2 * 1.5**0.5))
    assert angle % 180 == pytest.approx(135)


def test_a_real_pair_that_was_shifted_by_five_pixels(
    shared_data: Path, tmp_path: Path, make_field: Callable[..., Field]
) -> None:
    folder = shared_data / "pairs" / "dice-pixel-shift"
    grid = Grid((512, 512)).coarsen(16)
    origin = Provenance("pcc", '{"window": 48}', str(folder / "ref.tif"), str(folder / "def_5.tif"))
    Displacement(grid, make_field(np.full(grid.shape, 5.0), 5.0), 16, origin).save(tmp_path / "d.tif")
    for col, row in ((6, 9), (15, 15), (24, 20)):
        item = explain(tmp_path / "d.tif", col, row)
        assert (item.peak.dx, item.peak.dy) == (pytest.approx(5, abs=0.05), pytest.approx(5, abs=0.05))
        assert item.peak.value > 0.95
