"""From displacement to velocity: settings, stable ground, and files that give what memory gives."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from sensetrack.displacement import Displacement, Flag
from sensetrack.errors import GridError, InputError, OutputError, ParameterError, UnusableImageError
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.tiles import Block
from sensetrack.velocity import Velocity, VelocityParams, compute, velocity, velocity_file
from sensetrack.velocity.stable import Sample
from sensetrack.velocity.summary import LAYERS

Make = Callable[..., Displacement]
SHAPE = (60, 70)
FACTOR = 10.0 / 12.0 * 365.25
"""Metres per year of one pixel."""


def noisy(make: Make, **changes: Any) -> Displacement:
    """A glacier in the lower half, stable ground in the upper, and a shift of (0.3, -0.2) px in all of it."""
    rng = np.random.default_rng(2)
    dx, dy = rng.normal(0.3, 0.1, SHAPE), rng.normal(-0.2, 0.1, SHAPE)
    dx[30:] += 2.0
    flags = np.zeros(SHAPE, np.uint8)
    flags[5:8, 9:20] = Flag.NODATA
    dx[5:8, 9:20] = np.nan
    return make(**({"dx": dx, "dy": dy, "flags": flags} | changes))


def upper_half() -> np.ndarray:
    stable = np.zeros(SHAPE, np.bool_)
    stable[:30] = True
    return stable


# Stable ground


@pytest.mark.parametrize("stable_from", ["auto", "mask"])
def test_the_shift_of_a_mask_is_subtracted_everywhere(make_displacement: Make, stable_from: str) -> None:
    result = velocity(noisy(make_displacement), VelocityParams(stable_from=stable_from), upper_half())
    assert result.stable.method == "mask" and result.summary.shift_subtracted
    assert float(np.nanmedian(result.vx[:30])) == pytest.approx(0.0, abs=0.01 * FACTOR)
    assert float(np.nanmedian(result.vy[:30])) == pytest.approx(0.0, abs=0.01 * FACTOR)
    assert float(np.nanmedian(result.vx[30:])) == pytest.approx(2.0 * FACTOR, rel=0.01)


def test_the_shift_may_be_measured_and_kept(make_displacement: Make) -> None:
    result = velocity(noisy(make_displacement), VelocityParams(subtract_shift=False), upper_half())
    assert result.stable.dx == pytest.approx(0.3, abs=0.01) and not result.summary.shift_subtracted
    assert float(np.nanmedian(result.vx[:30])) == pytest.approx(0.3 * FACTOR, rel=0.03)


def test_the_error_of_the_shift_is_part_of_every_error(make_displacement: Make) -> None:
    # All windows overlap so much that the shift is known no better than one point is.
    params = VelocityParams(correlation_length=1e4, error_from="covariance")
    result = velocity(noisy(make_displacement), params, upper_half())
    assert result.stable.dx_error == pytest.approx(1.2533 * 0.1, rel=0.1)
    expected = FACTOR * np.hypot(0.1, result.stable.dx_error)
    np.testing.assert_allclose(result.vx_error[20:], expected, rtol=1e-5)


def test_the_window_of_the_tracker_says_how_many_points_are_independent(make_displacement: Make) -> None:
    field = noisy(make_displacement)
    known = velocity(field, None, upper_half()).stable.dx_error
    given = velocity(field, VelocityParams(correlation_length=16.0), upper_half()).stable.dx_error
    assert known == pytest.approx(4.0 * given)


@pytest.mark.parametrize("stated, enlarged", [(0.05, 2.0), (0.2, 1.0)])
def test_errors_are_enlarged_where_stable_ground_scatters_more(
    make_displacement: Make, stated: float, enlarged: float
) -> None:
    field = noisy(make_displacement, sigma_dx=stated, sigma_dy=stated)
    plain, both, stable = (
        velocity(field, VelocityParams(error_from=model, correlation_length=1.0), upper_half())
        for model in ("covariance", "both", "stable")
    )
    ratio = both.vx_error[40] / plain.vx_error[40]
    np.testing.assert_allclose(ratio, enlarged, rtol=0.1)
    np.testing.assert_allclose(stable.vx_error[40], FACTOR * 0.1, rtol=0.1)
    assert both.summary.x.error_modeled == pytest.approx(FACTOR * stated, rel=1e-5)


def test_points_without_a_stated_error_get_that_of_stable_ground(make_displacement: Make) -> None:
    result = velocity(noisy(make_displacement, sigma_dx=np.nan, sigma_dy=np.nan), None, upper_half())
    np.testing.assert_allclose(result.vx_error[40], FACTOR * 0.1, rtol=0.1)
    np.testing.assert_array_equal(np.isfinite(result.v_error), np.isfinite(result.v))


def test_no_stable_ground_leaves_velocity_as_it_is(make_displacement: Make) -> None:
    result = velocity(noisy(make_displacement), VelocityParams(stable_from="none"))
    assert result.stable.method == "none" and result.stable.count == 0
    assert float(np.nanmedian(result.vx[:30])) == pytest.approx(0.3 * FACTOR, rel=0.03)


# Settings


@pytest.mark.parametrize(
    "settings, has_mask, message",
    [
        ({"stable_from": "mask"}, False, "stable_from = 'mask' needs a stable mask"),
        ({"stable_from": "slow"}, True, "stable_from = 'slow' does not use the stable mask"),
        ({"stable_from": "none"}, True, "stable_from = 'none' does not use the stable mask"),
        ({"error_from": "stable"}, False, "error_from = 'stable' needs stable ground"),
        ({"days": 5.0, "dates": (datetime(2020, 1, 1), datetime(2020, 1, 6))}, False, "days = 5 and dates are both"),
        ({"dates": (datetime(2020, 1, 6), datetime(2020, 1, 1))}, False, "must be after the reference's 2020-01-06"),
        ({"pixel_size": 10.0}, False, "pixel_size = 10 is for images without a CRS"),
    ],
)
def test_settings_that_contradict_are_refused(
    make_displacement: Make, settings: dict[str, Any], has_mask: bool, message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        velocity(noisy(make_displacement), VelocityParams(**settings), upper_half() if has_mask else None)


@pytest.mark.parametrize("name, value", [("days", 0.0), ("days", -3.0), ("pixel_size", 0.0), ("units", "km/h")])
def test_impossible_settings_cannot_be_made(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=f"{name} = {value!r}"):
        VelocityParams(**{name: value})


@pytest.mark.parametrize(
    "days, message", [(None, "no time base; pass days"), (0.0, "0 days must be positive"), (-12.0, "-12 days must be")]
)
def test_a_time_base_is_needed(make_displacement: Make, days: float | None, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        velocity(make_displacement(days=days))


def test_dates_of_the_file_give_the_time_base(make_displacement: Make, dated: dict[str, Any]) -> None:
    result = velocity(make_displacement(days=None, provenance=dated))
    assert result.days == 12.0 and result.provenance.reference_date == dated["reference_date"]


def test_dates_that_disagree_with_the_given_days_are_dropped(make_displacement: Make, dated: dict[str, Any]) -> None:
    field = make_displacement(provenance=dated)
    near, far = velocity(field, VelocityParams(days=12.3)), velocity(field, VelocityParams(days=24.0))
    assert near.provenance.reference_date == dated["reference_date"] and near.days == 12.3
    assert far.provenance.reference_date is None and far.provenance.secondary_date is None


def test_given_dates_replace_those_of_the_file(make_displacement: Make, dated: dict[str, Any]) -> None:
    params = VelocityParams(dates=("2020-03-01", "2020-03-11T12:00:00Z"))
    result = velocity(make_displacement(provenance=dated), params)
    assert result.days == 10.5
    assert result.provenance.secondary_date == datetime(2020, 3, 11, 12, tzinfo=UTC)


def test_settings_round_trip_through_yaml(tmp_path: Path) -> None:
    params = VelocityParams(days=12.5, stable_from="slow", units="m/d")
    (tmp_path / "v.yaml").write_text(params.to_yaml())
    assert VelocityParams.from_file(tmp_path / "v.yaml") == params


# Bad fields


def test_a_field_without_measurements_says_so(make_displacement: Make) -> None:
    with pytest.raises(UnusableImageError, match="no measured point"):
        velocity(make_displacement(flags=int(Flag.OUTLIER)))


def test_a_mask_must_fit_and_hold_enough_points(make_displacement: Make) -> None:
    with pytest.raises(InputError, match=r"stable mask has shape \(2, 2\)"):
        velocity(make_displacement(), None, np.ones((2, 2), np.bool_))
    with pytest.raises(InputError, match="the stable mask holds 0 measured points, at least 30"):
        velocity(make_displacement(), None, np.zeros(SHAPE, np.bool_))


def test_a_stretching_projection_is_warned_of(make_displacement: Make, caplog: pytest.LogCaptureFixture) -> None:
    mercator = Grid(SHAPE, Affine(320.0, 0.0, 1e6, 0.0, -320.0, 8.4e6), CRS.from_epsg(3857))
    with caplog.at_level(logging.WARNING, "sensetrack"):
        stretched = velocity(make_displacement(mercator))
        assert "EPSG:3857 lengthens distances by a factor of 1.997" in caplog.text
        caplog.clear()
        ground = velocity(make_displacement(mercator), VelocityParams(distances="ground"))
        velocity(make_displacement())
    assert caplog.text == ""
    np.testing.assert_allclose(ground.v, stretched.v / 2.0, rtol=0.01)


# Files


@pytest.mark.parametrize(
    "source, output, method",
    [(".tif", ".tif", "mask"), (".tif", ".nc", "slow"), (".nc", ".tif", "none"), (".nc", ".nc", "mask")],
)
def test_files_give_what_memory_gives(
    tmp_path: Path, make_displacement: Make, monkeypatch: pytest.MonkeyPatch, source: str, output: str, method: str
) -> None:
    field = noisy(make_displacement)
    field.save(tmp_path / f"d{source}")
    stable = upper_half() if method == "mask" else None
    area = AreaMask.from_array(stable, field.grid) if stable is not None else None
    params = VelocityParams(stable_from=method)
    expected = velocity(field, params, stable)
    monkeypatch.setattr(compute, "BLOCK", 31)
    ticks: list[tuple[int, int]] = []
    summary, counts = velocity_file(
        tmp_path / f"d{source}",
        tmp_path / f"v{output}",
        params,
        area,
        progress=lambda done, total: ticks.append((done, total)),
    )
    found = Velocity.open(tmp_path / f"v{output}")
    for name in LAYERS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert summary.tags() == expected.summary.tags() == found.summary.tags()
    assert counts == field.field.flag_counts()
    assert ticks == [(done, 12) for done in range(1, 13)]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".gpkg"])
def test_files_of_points(tmp_path: Path, make_displacement: Make, suffix: str) -> None:
    field = noisy(make_displacement)
    field.save(tmp_path / "d.tif")
    velocity_file(tmp_path / "d.tif", tmp_path / f"v{suffix}")
    velocity(field).save(tmp_path / f"memory{suffix}")
    if suffix != ".gpkg":  # which stores when it was written
        assert (tmp_path / f"v{suffix}").read_bytes() == (tmp_path / f"memory{suffix}").read_bytes()
    assert (tmp_path / f"v{suffix}").stat().st_size > 1000


def test_a_mask_picture_lies_on_the_input_pixels(tmp_path: Path, make_displacement: Make) -> None:
    field = noisy(make_displacement)
    field.save(tmp_path / "d.tif")
    picture = np.zeros((60 * 16 + 5, 70 * 16 + 9), np.bool_)
    picture[: 30 * 16] = True
    summary, _ = velocity_file(tmp_path / "d.tif", tmp_path / "v.tif", stable=AreaMask.from_array(picture))
    assert summary.tags() == velocity(field, None, upper_half()).summary.tags()
    with pytest.raises(GridError, match="has no georeference and 70 x 60 pixels, the images have at least 1120 x 960"):
        velocity_file(tmp_path / "d.tif", tmp_path / "w.tif", stable=AreaMask.from_array(picture[:60, :70]))


def test_a_mask_picture_lies_on_a_crop(tmp_path: Path, make_displacement: Make) -> None:
    field = noisy(make_displacement)
    part = Block(10, 7, 45, 50)
    field.crop(part).save(tmp_path / "d.nc")
    picture = np.zeros((60 * 16, 70 * 16), np.bool_)
    picture[: 30 * 16] = True
    summary, _ = velocity_file(tmp_path / "d.nc", tmp_path / "v.nc", stable=AreaMask.from_array(picture))
    assert summary.stable == velocity(field.crop(part), None, upper_half()[part.slices]).stable


def test_a_mask_elsewhere_is_an_error(tmp_path: Path, make_displacement: Make) -> None:
    field = noisy(make_displacement)
    field.save(tmp_path / "d.tif")
    far = Grid(SHAPE, Affine(160.0, 0.0, 900_000.0, 0.0, -160.0, 9_000_000.0), field.grid.crs)
    with pytest.raises(GridError, match="does not overlap"):
        velocity_file(tmp_path / "d.tif", tmp_path / "v.tif", stable=AreaMask.from_array(upper_half(), far))


def test_pictures_without_georeference_go_through_files(tmp_path: Path, make_displacement: Make) -> None:
    field = noisy(make_displacement, grid=Grid(SHAPE, Affine.scale(16.0)))
    field.save(tmp_path / "d.tif")
    with pytest.raises(ParameterError, match="no georeference; pass pixel_size"):
        velocity_file(tmp_path / "d.tif", tmp_path / "v.tif")
    params = VelocityParams(pixel_size=6.0)
    picture = np.repeat(np.repeat(upper_half(), 16, axis=0), 16, axis=1)
    velocity_file(tmp_path / "d.tif", tmp_path / "v.tif", params, AreaMask.from_array(picture))
    np.testing.assert_array_equal(Velocity.open(tmp_path / "v.tif").vy, velocity(field, params, upper_half()).vy)


def test_bad_outputs_are_refused_before_the_work(tmp_path: Path, make_displacement: Make) -> None:
    make_displacement().save(tmp_path / "d.tif")

    def fail(done: int, total: int) -> None:
        raise AssertionError("work was done")

    for name, message in (
        ("d.tif", "is also an input"),
        ("v.png", "cannot write '.png'"),
        ("a/v.nc", "does not exist"),
    ):
        with pytest.raises(OutputError, match=message):
            velocity_file(tmp_path / "d.tif", tmp_path / name, overwrite=True, progress=fail)
    (tmp_path / "v.tif").write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        velocity_file(tmp_path / "d.tif", tmp_path / "v.tif", progress=fail)
    with pytest.raises(InputError, match="not a displacement file"):
        velocity(make_displacement()).save(tmp_path / "v.nc")
        velocity_file(tmp_path / "v.nc", tmp_path / "w.nc")


def test_a_file_is_only_ever_read_and_written_by_the_block(
    tmp_path: Path, make_displacement: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded by the block and by the sample of points that errors are measured on."""
    read: list[Block | None] = []
    held: list[int] = []

    class SmallSample(Sample):
        def __init__(self) -> None:
            super().__init__(cap=500)

        def add(self, *arguments: Any) -> None:
            super().add(*arguments)
            held.append(self.layers()["dx"].size)

    def recorded(file: LayerFile, block: Block | None = None, names: Any = None) -> dict[str, np.ndarray]:
        read.append(block)
        return original(file, block, names)

    original = LayerFile.read
    make_displacement().save(tmp_path / "d.tif")
    monkeypatch.setattr(compute, "BLOCK", 20)
    monkeypatch.setattr(compute, "Sample", SmallSample)
    monkeypatch.setattr(LayerFile, "read", recorded)
    velocity_file(tmp_path / "d.tif", tmp_path / "v.nc", VelocityParams(stable_from="slow"))
    assert len(read) == 2 * 12 and all(block is not None and max(block.shape) <= 20 for block in read)
    assert 250 < max(held) <= 500


def test_import_stays_light() -> None:
    code = (
        "import sys, sensetrack.velocity; "
        "print([name for name in ('torch', 'cv2', 'dask', 'numba', 'matplotlib', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
