"""The main job between files: every stage runs, what it writes, and what is left out."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from sensetrack.displacement import Displacement
from sensetrack.engine import Threads
from sensetrack.errors import OutputError, ParameterError
from sensetrack.pipeline import PipelineParams, run_pipeline
from sensetrack.raster.mask import AreaMask
from sensetrack.velocity import Velocity

SHAPE = (192, 224)
STABLE = np.s_[:, :96]


@pytest.fixture
def images(write_raster, texture, utm_grid):
    """The right half moves by dx 3, dy -1 px; the whole secondary is off by dx 0.4, dy 0.3 px."""

    def write(grid=None):
        grid = utm_grid(SHAPE) if grid is None else grid
        cols = np.arange(SHAPE[1])[None, :] + np.zeros((SHAPE[0], 1))
        moving = cols >= 112
        secondary = texture(SHAPE, dx=0.4 + 3.0 * moving, dy=0.3 - 1.0 * moving, waves=120)
        georeferenced = grid is not False
        return (
            write_raster(texture(SHAPE, waves=120), "20200101.tif", grid=grid if georeferenced else None),
            write_raster(secondary, "20200111.tif", grid=grid if georeferenced else None),
        )

    return write


@pytest.fixture
def ground(utm_grid):
    inside = np.zeros(SHAPE, np.bool_)
    inside[STABLE] = True
    return AreaMask.from_array(inside, utm_grid(SHAPE))


PARAMS = PipelineParams(tracker="pcc:window=32,step=8,search=8")


def test_all_stages(images, ground, tmp_path):
    seen = []
    found = run_pipeline(
        *images(),
        tmp_path / "out",
        PARAMS,
        stable=ground,
        engine=Threads(2),
        progress=lambda stage, done, total: seen.append((stage, done <= total)),
    )
    assert list(dict.fromkeys(stage for stage, _ in seen)) == ["coregister", "track", "filter", "velocity"]
    assert all(good for _, good in seen)
    assert set(found.seconds) == {"coregister", "track", "filter", "velocity"}
    assert (found.shift.dx[0], found.shift.dy[0]) == pytest.approx((0.4, 0.3), abs=0.02)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["displacement.tif", "filtered.tif", "secondary.tif", "velocity.nc"]
    field = Displacement.open(found.result).field
    assert np.median(field.dx[:, 16:][field.usable[:, 16:]]) == pytest.approx(3.0, abs=0.03)
    assert np.median(field.dy[:, 16:][field.usable[:, 16:]]) == pytest.approx(-1.0, abs=0.03)
    velocity = Velocity.open(found.places.velocity)
    assert np.nanmedian(velocity.vx[:, 16:]) == pytest.approx(3.0 * 10 * 365.25 / 10, rel=0.01)
    assert found.velocity.stable.method == "mask"
    assert found.missing == ""


def test_no_shift_and_no_filters(images, tmp_path):
    params = PARAMS.with_changes(shift="none", filters=())
    found = run_pipeline(*images(), tmp_path, params)
    assert found.shift is None
    assert found.result == found.places.displacement
    assert not found.places.secondary.exists()
    assert not found.places.filtered.exists()
    assert found.places.velocity.exists()
    assert found.filtered == found.tracked


def test_images_without_georeference(images, tmp_path):
    params = PARAMS.with_changes(shift="none")
    found = run_pipeline(*images(False), tmp_path / "a", params)
    assert found.velocity is None
    assert found.missing == "the size of a pixel, as the images have no CRS (--pixel-size METRES)"
    assert found.places.filtered.exists()
    scaled = params.with_changes(velocity=params.velocity.with_changes(pixel_size=5.0))
    assert run_pipeline(*images(False), tmp_path / "b", scaled).velocity.days == 10


def test_time_base_that_nobody_knows(images, tmp_path):
    first, second = images()
    first, second = first.rename(tmp_path / "a.tif"), second.rename(tmp_path / "b.tif")
    params = PARAMS.with_changes(shift="none")
    found = run_pipeline(first, second, tmp_path / "x", params)
    assert found.missing == "the time between the images (--days N or --dates A B)"
    assert run_pipeline(first, second, tmp_path / "y", params, days=4.0).velocity.days == 4


def test_secondary_on_another_grid(images, write_raster, texture, utm_grid, tmp_path):
    first, _ = images()
    moved = texture((208, 240), dx=8.0, dy=8.0, waves=120)
    other = write_raster(moved, "20200121.tif", grid=utm_grid((208, 240), x=500_000 - 80, y=5_000_000 + 80))
    found = run_pipeline(first, other, tmp_path / "out", PARAMS)
    assert found.shift.largest(SHAPE) < 0.02
    field = Displacement.open(found.result).field
    assert np.abs(field.dx[field.usable]).max() < 0.1


def test_existing_results_are_kept_unless_told_otherwise(images, tmp_path):
    params = PARAMS.with_changes(shift="none", filters=())
    pair = images()
    (tmp_path / "velocity.nc").write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        run_pipeline(*pair, tmp_path, params)
    assert (tmp_path / "velocity.nc").read_bytes() == b"precious"
    assert not (tmp_path / "displacement.tif").exists()
    run_pipeline(*pair, tmp_path, params, overwrite=True)
    assert Velocity.open(tmp_path / "velocity.nc").days == 10


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tracker": "pc"}, "tracker = 'pc': no tracker 'pc'; did you mean 'pcc'?"),
        ({"tracker": "pcc:window=2"}, "pcc: window = 2: input should be greater"),
        ({"filters": ("mad", "nodc")}, "no filter 'nodc'; did you mean 'ndc'?"),
        ({"velocity": {"units": "km/h"}}, "units"),
        ({"passes": 0}, "passes = 0"),
    ],
)
def test_bad_parameters_cannot_be_constructed(change, message):
    with pytest.raises(ParameterError) as caught:
        PARAMS.with_changes(**change)
    assert message in str(caught.value)


def test_parameters_as_a_file(tmp_path):
    params = PARAMS.with_changes(fill=3.0, velocity={"units": "m/d"})
    (tmp_path / "p.yaml").write_text(params.to_yaml(), encoding="utf-8")
    assert PipelineParams.from_file(tmp_path / "p.yaml") == params


def test_image_filters_serve_the_shift_and_the_tracking(images, ground, tmp_path):
    params = PARAMS.with_changes(preprocess=("clip", {"highpass": {"sigma": 6}}))
    found = run_pipeline(*images(), tmp_path / "out", params, stable=ground)
    displacement = Displacement.open(found.places.displacement)
    assert [step.split()[0] for step in displacement.provenance.preprocess] == ["clip", "highpass"]
    assert np.median(displacement.field.dx[:, 16:][displacement.field.usable[:, 16:]]) == pytest.approx(3.0, abs=0.05)
    with rasterio.open(found.places.secondary) as ds:
        assert np.nanmean(ds.read(1)) == pytest.approx(100, rel=0.05), "what is written is not filtered"


def test_bands_are_chosen_of_the_coregistered_file_too(write_raster, texture, utm_grid, tmp_path):
    paths = []
    for name, names, moved in (("20200101.tif", ["red", "nir"], 0.0), ("20200111.tif", ["nir", "red"], 1.0)):
        layers = {
            "red": texture(SHAPE, seed=3 + int(moved), waves=120),
            "nir": texture(SHAPE, dx=2.5 * moved, dy=0.3 * moved, waves=120),
        }
        paths.append(write_raster(np.stack([layers[key] for key in names]), name, grid=utm_grid(SHAPE), names=names))
    params = PARAMS.with_changes(preprocess="bands:band=nir")
    found = run_pipeline(*paths, tmp_path / "out", params)
    assert (found.shift.dx[0], found.shift.dy[0]) == pytest.approx((2.5, 0.3), abs=0.02)
    with rasterio.open(found.places.secondary) as ds:
        assert ds.descriptions == ("nir", "red")
    field = Displacement.open(found.places.displacement).field
    assert field.usable.mean() > 0.8
    assert np.median(field.dx[field.usable]) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize(("chain", "message"), [(("clipp",), "no image filter 'clipp'"), (5, "preprocess = 5")])
def test_bad_image_filters(chain, message):
    with pytest.raises(ParameterError, match=message):
        PipelineParams(preprocess=chain)
    with pytest.raises(ParameterError, match="both choose bands"):
        run_pipeline("a.tif", "b.tif", "out", PipelineParams(preprocess="bands"), band=2)
