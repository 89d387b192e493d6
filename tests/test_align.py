"""Aligning a pair: what is measured, what is applied, what is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from scipy.ndimage import binary_erosion

from sensetrack.align import WINDOWS, align, align_file
from sensetrack.coregister.regrid import open_bands
from sensetrack.coregister.resample import move
from sensetrack.coregister.shift import Kind, ShiftModel
from sensetrack.displacement import Field
from sensetrack.engine import Serial, Threads
from sensetrack.errors import GridError, InputError, OutputError, ParameterError, UnusableImageError
from sensetrack.pair import ImagePair
from sensetrack.raster.dates import ACQUIRED_TAG
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.mask import AreaMask
from sensetrack.trackers import Tracker, registry
from sensetrack.types import Mask, PixelArray

Texture = Callable[..., np.ndarray]
MakeGrid = Callable[..., Grid]
Write = Callable[..., Path]
SHAPE = (320, 320)


class Told(Tracker):
    """A dense tracker for these tests: it finds what the secondary's pixels say, in thousandths of a pixel."""

    parity: int = 0

    @property
    def spacing(self) -> int:
        return 4

    @property
    def margin(self) -> int:
        return 8

    @property
    def centre_offset(self) -> float:
        return self.parity / 2

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        rows, cols = ((size - 2 * pad) // 4 for size in reference.shape)
        half = self.parity  # the mean over 4 pixels, or over 5, lies at the centre of the cell plus the offset
        row, col = pad + 4 * np.arange(rows)[:, None], pad + 4 * np.arange(cols)[None, :]
        taps = range(4 + half)
        values = sum(secondary[row + i, col + j] for i in taps for j in taps) / len(taps) ** 2 / 1000
        one = np.ones((rows, cols), np.float32)
        layers = {"dx": values, "dy": -values, "quality": one, "sigma_dx": one, "sigma_dy": one, "rho": 0 * one}
        return Field.from_layers(layers | {"flags": np.zeros((rows, cols), np.uint8)})


def pair_of(texture: Texture, dx: float, dy: float, *, noise: float = 0.0, shape: tuple[int, int] = SHAPE) -> ImagePair:
    rng = np.random.default_rng(7)
    images = (texture(shape, shortest=5.0), texture(shape, dx=dx, dy=dy, shortest=5.0))
    return ImagePair(*(Image.from_array(image + rng.normal(0, noise, shape)) for image in images))


def errors(model: ShiftModel, dx: float, dy: float) -> tuple[float, float]:
    found = model.predict(*(length / 2 for length in SHAPE))
    return float(found[0]) - dx, float(found[1]) - dy


@pytest.mark.parametrize("noise", [0.0, 2.0])
@pytest.mark.parametrize("dx", [0.0, 0.125, 0.3, 0.5, 0.77, 1.0])
def test_a_shift_is_found_and_taken_out(texture: Texture, dx: float, noise: float) -> None:
    dy = 0.9 - dx
    pair = pair_of(texture, dx, dy, noise=noise)
    model = align(pair)
    assert np.abs(errors(model, dx, dy)).max() < 0.01
    moved, valid = move(pair.secondary, pair.grid, model).read()
    rest = align(ImagePair(pair.reference, Image.from_array(moved, pair.grid, valid=valid)))
    assert np.hypot(rest.dx[0], rest.dy[0]) < 0.01


@pytest.mark.parametrize(("dx", "dy"), [(7.3, -11.6), (-14.25, 12.5)])
def test_a_long_shift_is_measured_twice(texture: Texture, dx: float, dy: float) -> None:
    rounds: list[int] = []
    model = align(pair_of(texture, dx, dy), progress=lambda done, total: rounds.append(done == total))
    assert np.abs(errors(model, dx, dy)).max() < 0.01
    assert sum(rounds) == 2


@pytest.mark.parametrize("kind", ["shift", "affine"])
@pytest.mark.parametrize("masked", [True, False], ids=["mask", "automatic"])
def test_a_third_of_the_scene_may_move(texture: Texture, kind: Kind, masked: bool) -> None:
    shape = (400, 400)
    moving = np.zeros(shape, bool)
    moving[:, : round(0.35 * 400)] = True
    dx, dy = np.where(moving, 4.8, 0.3), np.where(moving, -2.4, 0.6)
    images = texture(shape, waves=60), texture(shape, waves=60, dx=dx, dy=dy)
    pair = ImagePair(*(Image.from_array(image) for image in images))
    stable = AreaMask.from_array(moving, inverse=True) if masked else None
    model = align(pair, stable=stable, kind=kind)
    found = model.predict(200, 300)
    assert np.abs(np.subtract(found, (0.3, 0.6))).max() < 0.01


@pytest.mark.parametrize("kind", ["affine", "polynomial"])
def test_scale_and_rotation_are_found(texture: Texture, kind: Kind) -> None:
    shape = (480, 480)
    across, down = np.array([[2e-4, -1e-4], [1e-4, 1.5e-4]])  # d(dx, dy) / d(col), d(row)
    offset = np.array([0.2, -0.4])
    row, col = np.indices(shape, dtype=np.float64)
    # Secondary pixel q shows reference point p with q = p + offset + A p, so p = (I + A)^-1 (q - offset).
    inverse = np.linalg.inv(np.eye(2) + np.array([across, down]))
    p_col = inverse[0, 0] * (col - offset[0]) + inverse[0, 1] * (row - offset[1])
    p_row = inverse[1, 0] * (col - offset[0]) + inverse[1, 1] * (row - offset[1])
    images = texture(shape, waves=60), texture(shape, waves=60, dx=col - p_col, dy=row - p_row)
    pair = ImagePair(*(Image.from_array(image) for image in images))
    model = align(pair, kind=kind)
    for r, c in ((40, 40), (40, 440), (240, 240), (440, 40), (440, 440)):
        expected = offset + np.array([across @ [c, r], down @ [c, r]])
        assert np.abs(np.subtract(model.predict(r, c), expected)).max() < 0.01
    if kind == "affine":
        gradient = np.array([*model.dx[1:], *model.dy[1:]]) / model.scale
        assert gradient == pytest.approx([*across, *down], abs=1e-5)
    moved, valid = move(pair.secondary, pair.grid, model).read()
    rest = align(ImagePair(pair.reference, Image.from_array(moved, pair.grid, valid=valid)), kind="affine")
    assert rest.largest(shape) < 0.01


@pytest.mark.parametrize("parity", [0, 1])
def test_a_dense_tracker_is_thinned_without_moving_its_vectors(parity: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensetrack.align.BLOCK", 128)
    monkeypatch.setattr("sensetrack.align.WINDOWS", 400)
    row, col = np.indices((330, 420), dtype=np.float64)
    said = 0.2 * row - 0.3 * col  # a thousandth of it is below a pixel everywhere
    pair = ImagePair(Image.from_array(np.ones(said.shape)), Image.from_array(said))
    model = align(pair, Told(parity=parity), kind="affine")
    assert 400 <= model.candidates <= 800
    dx, dy = model.predict(100, 200)
    assert (dx, dy) == pytest.approx((0.02 - 0.06, 0.06 - 0.02), abs=1e-5)
    assert model.dx[1] / model.scale == pytest.approx(-3e-4, abs=1e-7)


def test_windows_are_few_however_large_the_image(texture: Texture) -> None:
    pair = pair_of(texture, 0.4, 0.2, shape=(900, 1300))
    model = align(pair, registry.get("pcc").model_validate({"window": 16, "step": 4, "search": 4}))
    assert 0.5 * WINDOWS < model.candidates <= 1.1 * WINDOWS
    assert np.abs(errors(model, 0.4, 0.2)).max() < 0.01


def test_windows_gather_on_a_small_stable_area(texture: Texture) -> None:
    pair = pair_of(texture, 0.4, 0.2, shape=(600, 600))
    stable = np.zeros((600, 600), bool)
    stable[400:560, 380:540] = True
    model = align(pair, stable=AreaMask.from_array(stable))
    assert model.candidates >= 80
    assert np.abs(errors(model, 0.4, 0.2)).max() < 0.01


def test_engines_find_the_same(texture: Texture, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = pair_of(texture, 3.4, 0.2, noise=2.0)
    assert align(pair, engine=Serial()) == align(pair, engine=Threads(2))


def test_the_corrected_file(texture: Texture, utm_grid: MakeGrid, write_raster: Write, tmp_path: Path) -> None:
    grid = utm_grid(SHAPE)
    first = write_raster(texture(SHAPE, shortest=5.0), "2020-01-01.tif", grid=grid)
    bands = np.stack([texture(SHAPE, dx=0.6, dy=-0.3, shortest=5.0, seed=seed) for seed in (0, 1)])
    second = write_raster(bands, "2020-02-20.tif", grid=grid, names=("red", "nir"))
    pair = ImagePair.open(first, second)
    model = align_file(pair, tmp_path / "one.tif")
    with rasterio.open(tmp_path / "one.tif") as ds:
        assert ds.descriptions == ("red",) and ds.transform == grid.transform and ds.crs == grid.crs
        assert ShiftModel.from_json(ds.tags()["shift_model"]) == model
        assert ds.tags()[ACQUIRED_TAG].startswith("2020-02-20")
    rest = align(ImagePair.open(first, tmp_path / "one.tif"))
    assert np.hypot(rest.dx[0], rest.dy[0]) < 0.01
    align_file(pair, tmp_path / "all.tif", model=model, bands=open_bands(second, "all"))
    with rasterio.open(tmp_path / "all.tif") as ds:
        assert ds.descriptions == ("red", "nir")
    nir = Image.open(tmp_path / "all.tif", band="nir").read()[0]
    expected = texture(SHAPE, shortest=5.0, seed=1)
    assert np.abs(nir - expected)[5:-5, 5:-5].std() < 1.0


def test_grid_and_shift_change_together(
    texture: Texture, utm_grid: MakeGrid, write_raster: Write, tmp_path: Path
) -> None:
    grid = utm_grid(SHAPE)
    apart = Grid(SHAPE, grid.transform @ Affine.translation(3.5, -2.25), grid.crs)
    first = write_raster(texture(SHAPE, shortest=5.0), "a.tif", grid=grid)
    # On its own grid this image shows the ground right but for 0.7 px and -0.4 px.
    second = write_raster(texture(SHAPE, dx=0.7 - 3.5, dy=-0.4 + 2.25, shortest=5.0), "b.tif", grid=apart)
    pair = ImagePair.open(first, second, coregister=True)
    model = align_file(pair, tmp_path / "out.tif")
    assert np.abs(errors(model, 0.7, -0.4)).max() < 0.01, "measured without what the pair's own resampling displaces"
    pixels, valid = Image.open(tmp_path / "out.tif").read()
    inner = valid.copy()
    inner[:10], inner[-10:], inner[:, :10], inner[:, -10:] = False, False, False, False
    assert inner.mean() > 0.8
    assert np.abs(pixels - texture(SHAPE, shortest=5.0))[inner].std() < 1.0, "resampled once, by splines"


@pytest.mark.parametrize("dx", [0.7, 3.7])
def test_both_images_may_be_resampled_as_they_are_read(texture: Texture, utm_grid: MakeGrid, dx: float) -> None:
    grid = utm_grid(SHAPE)
    target = Grid((300, 300), grid.transform @ Affine.translation(5.5, 4.25), grid.crs)
    images = [Image.from_array(texture(SHAPE, dx=x, dy=-x / 2, shortest=5.0), grid) for x in (0.0, dx)]
    model = align(ImagePair(*(move(image, target) for image in images)))
    assert (model.dx[0], model.dy[0]) == pytest.approx((dx, -dx / 2), abs=0.01)


def test_images_with_nodata(texture: Texture, utm_grid: MakeGrid) -> None:
    grid = utm_grid(SHAPE)
    first, second = texture(SHAPE), texture(SHAPE, dx=0.6, dy=0.35)
    first[:, :90] = np.nan
    second[200:] = np.nan
    pair = ImagePair(Image.from_array(first, grid), Image.from_array(second, grid))
    model = align(pair)
    assert np.abs(errors(model, 0.6, 0.35)).max() < 0.01
    moved, valid = move(pair.secondary, grid, model).read()
    assert not valid[199:].any() and valid[2:197, 2:-3].all() and not moved[~valid].any()


def test_bad_requests_say_what_would_work(
    texture: Texture, utm_grid: MakeGrid, write_raster: Write, tmp_path: Path
) -> None:
    grid = utm_grid(SHAPE)
    first = write_raster(texture(SHAPE), "a.tif", grid=grid)
    second = write_raster(texture(SHAPE, dx=0.4), "b.tif", grid=grid)
    pair = ImagePair.open(first, second)
    with pytest.raises(ParameterError, match="kind = 'afine'; did you mean 'affine'"):
        align(pair, kind="afine")  # type: ignore[arg-type]
    with pytest.raises(GridError, match="does not overlap"):
        align(pair, stable=AreaMask.from_array(np.ones((9, 9), bool), utm_grid((9, 9), x=900_000.0)))
    with pytest.raises(UnusableImageError, match=r"100 % masked.*check nodata, the mask"):
        align(pair, stable=AreaMask.from_array(np.zeros(SHAPE, bool), grid))
    with pytest.raises(ParameterError, match="smaller than the 64 pixels"):
        align(pair_of(texture, 0, 0, shape=(40, 40)))
    with pytest.raises(UnusableImageError, match="flat"):
        align(ImagePair(*(Image.from_array(np.full(SHAPE, 5.0)) for _ in "ab")))
    with pytest.raises(InputError, match="use a larger search"):
        align(pair_of(texture, 40.0, 20.0))
    with pytest.raises(InputError, match=r"windows do not agree|could be measured"):
        align(ImagePair(*(Image.from_array(texture(SHAPE, seed=seed)) for seed in (1, 2))))
    with pytest.raises(OutputError, match="is also an input"):
        align_file(pair, second, overwrite=True)
    with pytest.raises(OutputError, match="exists already"):
        align_file(pair, second)
    with pytest.raises(OutputError, match=r"ends in \.tif"):
        align_file(pair, tmp_path / "out.png", model=ShiftModel.constant(0, 0))
    with pytest.raises(ParameterError, match="did you mean 'spline'"):
        align_file(pair, tmp_path / "c.tif", model=ShiftModel.constant(0, 0), resampling="splin")  # type: ignore[arg-type]


def test_shifts_of_real_glacier_images_close(shared_data: Path) -> None:
    folder = shared_data / "pairs" / "giv-perito-moreno"
    if not folder.is_dir():
        pytest.skip(f"{folder.name} is not there")
    images = []
    for date in ("20200101", "20200131", "20200220"):
        pixels, _ = Image.open(folder / f"{date}.jpg").read()
        # The black frame is drawn into the pictures, blurred by JPEG, and is the same in all: it would seem stable.
        images.append(Image.from_array(pixels, valid=binary_erosion(pixels > 12, iterations=4)))
    rock = AreaMask.open(folder / "mask.jpg", inverse=True)
    first, second, both = (align(ImagePair(images[a], images[b]), stable=rock) for a, b in ((0, 1), (1, 2), (0, 2)))
    for name in ("dx", "dy"):
        gap = getattr(first, name)[0] + getattr(second, name)[0] - getattr(both, name)[0]
        error = np.hypot(np.hypot(*(getattr(m, f"errors_{name}")[0] for m in (first, second))), 0.03)
        assert abs(gap) < 3 * error < 0.2
    assert np.hypot(second.dx[0], second.dy[0]) > 0.4, "they are shifted by half a pixel"
    with pytest.raises(InputError, match="give a mask"):  # nearly all of the scene moves
        align(ImagePair(images[0], images[1]))


def test_a_whole_pixel_shift_of_real_images(shared_data: Path) -> None:
    folder = shared_data / "pairs" / "dice-pixel-shift"
    if not folder.is_dir():
        pytest.skip(f"{folder.name} is not there")
    for shift in (1, 5, 15):
        model = align(ImagePair.open(folder / "ref.tif", folder / f"def_{shift}.tif"))
        assert (model.dx[0], model.dy[0]) == pytest.approx((shift, shift), abs=0.01)
