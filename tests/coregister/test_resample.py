"""Moving an image as it is read: against the analytic scene, between grids, by every model."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling

from sensetrack.coregister.resample import MovedImage, move, moved_positions
from sensetrack.coregister.shift import ShiftModel
from sensetrack.errors import GridError, InputError, ParameterError
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.methods import METHODS, Method
from sensetrack.raster.tiles import Block, whole

WGS84 = CRS.from_epsg(4326)
AFFINE = ShiftModel("affine", (0.3, 0.02, -0.03), (-0.6, 0.04, 0.01), centre=(90.0, 110.0), scale=100.0)
POLYNOMIAL = ShiftModel(
    "polynomial", (0.3, 0.2, -0.3, 0.2, 0.1, -0.2), (-0.6, 0.4, 0.1, 0.1, -0.2, 0.1), centre=(90.0, 110.0), scale=100.0
)
MODELS = [ShiftModel.constant(0.37, -2.21), AFFINE, POLYNOMIAL]


def truth(target: Grid, source: Grid, shift: ShiftModel) -> tuple[np.ndarray, np.ndarray]:
    """Return where every target pixel lies in the source, by the definition."""
    row, col = np.indices(target.shape, dtype=np.float64)
    dx, dy = shift.predict(row, col)
    return source.rowcol(*transform_points(target.crs, source.crs, *target.xy(row + dy, col + dx)))


def grids(utm_grid: Callable[..., Grid]) -> dict[str, Grid]:
    """Return the source's grid and others that lie inside it."""
    source = utm_grid((240, 260))
    made = {"same": source, "offset": source.crop(20, 30, (180, 190))}
    middle = source.transform @ Affine.translation(130, 120)
    made["rotated"] = Grid((180, 200), middle @ Affine.rotation(33) @ Affine.translation(-100, -90), source.crs)
    for name, crs, width, height in (
        ("other zone", CRS.from_epsg(32632), 10, 10),
        ("geographic", WGS84, 1.3e-4, 9e-5),
    ):
        x, y = transform_points(source.crs, crs, *source.xy(np.array([30.0]), np.array([30.0])))
        made[name] = Grid((190, 190), Affine(width, 0, x[0], 0, -height, y[0]), crs)
    return made


@pytest.mark.parametrize("shift", MODELS, ids=lambda model: model.kind)
@pytest.mark.parametrize("where", ["same", "offset", "rotated", "other zone", "geographic"])
def test_content_is_where_the_reference_has_it(
    scene: Any, utm_grid: Callable[..., Grid], where: str, shift: ShiftModel
) -> None:
    made = grids(utm_grid)
    source, target = made["same"], made[where]
    pixels, valid = move(Image.from_array(scene.image(source.shape), source), target, shift).read()
    row, col = truth(target, source, shift)
    assert valid.mean() > 0.6
    misfit = scene.misfit(pixels, valid, row, col)
    assert max(abs(misfit.down), abs(misfit.right)) < 1e-3
    assert misfit.rms < 0.1


@pytest.mark.parametrize("shift", MODELS, ids=lambda model: model.kind)
@pytest.mark.parametrize("where", ["same", "offset", "rotated", "other zone", "geographic"])
def test_positions_follow_their_definition_in_every_block(
    utm_grid: Callable[..., Grid], where: str, shift: ShiftModel
) -> None:
    made = grids(utm_grid)
    source, target = made["same"], made[where]
    expected = truth(target, source, shift)
    for block in (whole(target.shape), Block(100, 37, 40, 1), Block(3, 150, 1, 30)):
        row, col = moved_positions(target, source, block, shift)
        assert np.abs(row - expected[0][block.slices]).max() < 2e-4
        assert np.abs(col - expected[1][block.slices]).max() < 2e-4


# A constant fraction shows how much each kernel displaces content of its own.
@pytest.mark.parametrize(
    ("method", "least", "most"),
    [("spline", 0.0, 2e-4), ("lanczos", 0.0, 0.02), ("cubic", 1e-4, 0.01), ("bilinear", 1e-4, 0.01)],
)
def test_methods_displace_content_by_what_is_known_of_them(
    scene: Any, utm_grid: Callable[..., Grid], method: Method, least: float, most: float
) -> None:
    grid, shift = utm_grid((200, 200)), ShiftModel.constant(0.25, -1.75)
    pixels, valid = move(Image.from_array(scene.image(grid.shape), grid), grid, shift, method).read()
    misfit = scene.misfit(pixels, valid, *truth(grid, grid, shift))
    assert least <= max(abs(misfit.down), abs(misfit.right)) < most


def test_nearest_takes_whole_pixels(utm_grid: Callable[..., Grid]) -> None:
    grid = utm_grid((20, 30))
    pixels = np.arange(600, dtype=np.float32).reshape(20, 30)
    moved, valid = move(Image.from_array(pixels, grid), grid, ShiftModel.constant(3.2, -1.8), "nearest").read()
    np.testing.assert_array_equal(moved[2:, :-3], pixels[:-2, 3:])
    assert not valid[:2].any() and not valid[:, -3:].any() and valid[2:, :-3].all()


@pytest.mark.parametrize("method", METHODS)
def test_whole_pixels_are_copied(method: Method, utm_grid: Callable[..., Grid]) -> None:
    grid = utm_grid((40, 50))
    pixels = np.random.default_rng(0).normal(100, 9, (40, 50)).astype(np.float32)
    moved, valid = move(Image.from_array(pixels, grid), grid, ShiftModel.constant(2, 5), method).read()
    assert valid[:-5, :-2].all() and not valid[-5:].any() and not valid[:, -2:].any()
    np.testing.assert_allclose(moved[:-5, :-2], pixels[5:, 2:], rtol=1e-6)


def test_grid_and_shift_change_in_one_resampling(scene: Any, utm_grid: Callable[..., Grid]) -> None:
    source = utm_grid((240, 260))
    target = source.crop(0, 0, (230, 240))
    target = Grid(target.shape, target.transform @ Affine.translation(0.5, 0.5), target.crs)
    shift = ShiftModel.constant(0.5, -0.5)  # together whole pixels to the right and none down: nothing to interpolate
    image = Image.from_array(scene.image(source.shape), source)
    pixels, valid = move(image.on_grid(target, Resampling.bilinear), target, shift).read()
    assert valid.all()
    np.testing.assert_allclose(pixels, scene.image(source.shape)[:230, 1:241], rtol=1e-6)


def test_finer_pixels_do_not_alias(utm_grid: Callable[..., Grid]) -> None:
    fine = utm_grid((240, 240), size=5.0)
    coarse = Grid((60, 60), fine.transform @ Affine.scale(4), fine.crs)
    stripes = np.where(np.arange(240) % 2, 150.0, 50.0)[None, :].repeat(240, axis=0)
    pixels, valid = move(Image.from_array(stripes, fine), coarse, ShiftModel.constant(0.25, 0.0)).read()
    inner = pixels[5:-5, 5:-5]
    assert valid[5:-5, 5:-5].all() and abs(inner - 100).max() < 1.0, "the mean, not 50 or 150"


def test_a_much_finer_image_is_read_in_parts(
    scene: Any, utm_grid: Callable[..., Grid], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = utm_grid((300, 300))
    target = Grid((90, 95), source.transform @ Affine.scale(3), source.crs)
    image = move(Image.from_array(scene.image(source.shape), source), target, AFFINE)
    whole_image = image.read()
    monkeypatch.setattr("sensetrack.raster.resample._SOURCE_PIXELS", 2000)
    for one, other in zip(image.read(), whole_image, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_blocks_fit_together(scene: Any, utm_grid: Callable[..., Grid]) -> None:
    grid = utm_grid((120, 130))
    image = move(Image.from_array(scene.image(grid.shape), grid), grid, POLYNOMIAL)
    pixels, valid = image.read()
    for block in (Block(0, 0, 64, 64), Block(60, 70, 60, 60), Block(-10, -10, 40, 40)):
        part, good = image.read(block)
        inner = block.clip(grid.shape)
        assert inner is not None
        np.testing.assert_array_equal(good[inner.within(block)], valid[inner.slices])
        np.testing.assert_allclose(part[inner.within(block)], pixels[inner.slices], atol=1e-3)


def test_complex_images_stay_complex(utm_grid: Callable[..., Grid], texture: Callable[..., np.ndarray]) -> None:
    grid = utm_grid((100, 100))
    image = Image.from_array(texture(grid.shape, dx=0.4, dy=0.2, is_complex=True, shortest=8.0), grid)
    pixels, valid = move(image, grid, ShiftModel.constant(0.4, 0.2)).read()
    expected = texture(grid.shape, is_complex=True, shortest=8.0)
    assert pixels.dtype == np.complex64
    assert np.abs(pixels - expected)[valid].max() < 0.02 * np.abs(expected).max()


def test_pictures_without_georeference(scene: Any) -> None:
    image = Image.from_array(scene.image((80, 90)))
    pixels, valid = move(image, image.grid, ShiftModel.constant(0.3, 0.1)).read()
    misfit = scene.misfit(pixels, valid, *truth(image.grid, image.grid, ShiftModel.constant(0.3, 0.1)))
    assert max(abs(misfit.down), abs(misfit.right)) < 5e-4


def test_nodata_does_not_bleed(utm_grid: Callable[..., Grid]) -> None:
    grid = utm_grid((60, 60))
    pixels = np.full((60, 60), 50.0)
    pixels[20:30, 25:35] = -9999
    image = Image.from_array(pixels, grid, nodata=-9999)
    for method in METHODS:
        moved, valid = move(image, grid, ShiftModel.constant(0.4, 0.4), method).read()
        np.testing.assert_allclose(moved[valid], 50, rtol=1e-6)
        assert not valid[22, 28]


def test_outside_the_image_there_is_nothing(utm_grid: Callable[..., Grid]) -> None:
    grid = utm_grid((20, 20))
    pixels, valid = move(Image.from_array(np.ones((20, 20)), grid), grid, ShiftModel.constant(500, 0)).read()
    assert not valid.any() and not pixels.any()


def test_a_moved_file_pickles_as_its_path(scene: Any, write_raster: Callable[..., Any], utm_grid: Any) -> None:
    grid = utm_grid((50, 60))
    image = move(Image.open(write_raster(scene.image(grid.shape), grid=grid)), grid, AFFINE)
    text = pickle.dumps(image)
    assert len(text) < 10_000
    again = pickle.loads(text)
    assert isinstance(again, MovedImage) and again.name == "image.tif"
    np.testing.assert_array_equal(again.read()[0], image.read()[0])


def test_no_shift_and_another_kernel_is_plain_resampling(utm_grid: Callable[..., Grid]) -> None:
    source = utm_grid((40, 40))
    target = Grid((30, 30), source.transform @ Affine.translation(3.3, 2.2), source.crs)
    image = Image.from_array(np.random.default_rng(0).normal(size=(40, 40)), source)
    moved = move(image, target, None, "cubic")
    np.testing.assert_array_equal(moved.read()[0], image.on_grid(target, Resampling.cubic).read()[0])


def test_bad_requests_say_what_would_work(utm_grid: Callable[..., Grid]) -> None:
    grid = utm_grid((40, 40))
    image = Image.from_array(np.ones((40, 40)), grid)
    with pytest.raises(ParameterError, match="did you mean 'spline'"):
        move(image, grid, None, "splines")  # type: ignore[arg-type]
    moved = move(image, grid, ShiftModel.constant(1, 1))
    with pytest.raises(InputError, match="has been moved already"):
        move(moved, grid, ShiftModel.constant(1, 1))
    with pytest.raises(InputError, match="write it to a file"):
        moved.on_grid(grid.crop(0, 0, (10, 10)))
    with pytest.raises(GridError, match="does not overlap"):
        move(image, utm_grid((40, 40), x=900_000.0), ShiftModel.constant(1, 1))
    with pytest.raises(GridError, match="no georeference"):
        move(Image.from_array(np.ones((10, 10))), Grid((20, 20)), ShiftModel.constant(1, 1))
    with pytest.raises(GridError, match="has no CRS"):
        move(Image.from_array(np.ones((10, 10))), grid)
    with pytest.raises(GridError, match="measured on images of 1000 x 900"):
        model = ShiftModel("affine", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), shape=(1000, 900))
        move(image, grid, model)
