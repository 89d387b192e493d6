"""The synthetic scenes: their truth is checked by an estimator that shares nothing with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from sensetrack.errors import OutputError, ParameterError
from sensetrack.raster.image import Image
from sensetrack.scene import KINDS, Scene, _camera, build_scene, write_scene

SMALL = (300, 366)


@pytest.fixture(scope="module", params=sorted(KINDS))
def ideal(request: pytest.FixtureRequest) -> Scene:
    # A wider point spread leaves no aliasing, which would shift what is measured by 0.001 px, not what is true.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_camera, "POINT_SPREAD", 1.0)
        return build_scene(request.param, shape=SMALL, ideal=True)


@pytest.fixture(scope="module")
def real() -> Scene:
    return build_scene(shape=SMALL)


def slope(image: np.ndarray, axis: int, step: float = 0.01) -> np.ndarray:
    """Derivative of the quintic spline through the samples; differences of neighbours would be too small."""
    move = np.zeros(2)
    move[axis] = step
    ahead, behind = (ndimage.shift(image, sign * move, order=5, mode="mirror") for sign in (-1, 1))
    return (ahead - behind) / (2 * step)


def shift_left(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, float]:
    """Least squares of ``second = gain * first(x - shift) + offset`` over one window.

    Returns the shift, (row, col), and its larger standard error if every pixel had an error of 1.
    """
    rows, cols = (slope(first, axis) for axis in (0, 1))
    columns = np.stack([-rows, -cols, first, np.ones_like(first)], axis=-1)[3:-3, 3:-3].reshape(-1, 4)
    shift = np.linalg.lstsq(columns, second[3:-3, 3:-3].ravel(), rcond=None)[0][:2]
    return shift, float(np.linalg.eigvalsh(columns[:, :2].T @ columns[:, :2])[0] ** -0.5)


def residual_shifts(scene: Scene, size: int = 28) -> np.ndarray:
    """What is left of the shift, window by window, after the secondary was sampled where the truth says.

    Only windows with texture in both directions and hardly any strain, which would shear the point spread as well.
    """
    rows, cols = np.mgrid[: scene.grid.height, : scene.grid.width].astype(float)
    there = [rows + scene.dy + scene.shift[0], cols + scene.dx + scene.shift[1]]
    first = scene.reference.astype(float)
    back = ndimage.map_coordinates(scene.secondary.astype(float), there, order=5)
    starts = [(r, c) for r in range(16, SMALL[0] - size - 16, size) for c in range(16, SMALL[1] - size - 16, size)]
    windows = [(slice(r, r + size), slice(c, c + size)) for r, c in starts]
    strain = np.max([np.abs(np.gradient(part)).max(axis=0) for part in (scene.dy, scene.dx)], axis=0)
    strain = ndimage.maximum_filter(strain, 9)
    windows = [window for window in windows if strain[window].max() < 0.05]
    fits = [shift_left(first[window], back[window]) for window in windows if first[window].std() > 10]
    return np.array([shift for shift, error in fits if error < 0.001])


def test_content_is_where_the_truth_says(ideal: Scene) -> None:
    left = residual_shifts(ideal)
    assert len(left) > 15
    assert np.abs(np.median(left, axis=0)).max() < 0.0005
    assert np.abs(left).max() < 0.005


def test_the_estimator_sees_a_wrong_truth(ideal: Scene) -> None:
    """The check above can fail: a truth that is wrong by 0.02 px is found out."""
    wrong = Scene(**{**vars(ideal), "shift": (ideal.shift[0] + 0.02, ideal.shift[1] - 0.02)})
    assert np.median(residual_shifts(wrong), axis=0) == pytest.approx([-0.02, 0.02], abs=0.001)


def test_glacier_moves_down_its_valley_and_rock_does_not(real: Scene) -> None:
    assert real.area is not None and real.stable is not None
    length = np.hypot(real.dx, real.dy)
    assert length[real.stable].max() == 0
    assert length.max() == pytest.approx(7.0 * SMALL[0] / 900, rel=0.01)
    # The course runs from the upper right to the lower left.
    fast = length > 0.5 * length.max()
    assert real.dx[fast].max() < 0 < real.dy[fast].min()
    assert not (real.area & real.stable).any()


def test_earthquake_steps_across_the_fault() -> None:
    scene = build_scene("earthquake", shape=SMALL, ideal=True)
    profile = scene.dx[:, SMALL[1] // 2]
    jump = np.abs(np.diff(profile)).max()
    slip = 0.7 * SMALL[0] / 900
    assert jump == pytest.approx(slip * np.sin(np.radians(68)), rel=0.05)
    assert profile[0] * profile[-1] < 0
    assert abs(profile[0]) < 0.5 * slip


def test_images_look_like_satellite_images(real: Scene) -> None:
    for image in (real.reference, real.secondary):
        assert image.dtype == np.uint16
        assert 0.01 < np.mean(image == 0) < 0.25
        assert 200 < np.percentile(image[image > 0], 1) < np.percentile(image, 99) < 12_000
    there = tuple(
        np.clip(np.rint(axis + u + s).astype(int), 0, size - 1)
        for axis, u, s, size in zip(np.indices(SMALL), (real.dy, real.dx), real.shift, SMALL, strict=True)
    )
    assert (real.reference[real.valid] > 0).all()
    assert (real.secondary[there][real.valid] > 0).all()
    unmasked_cloud = ~real.valid & (real.reference > 0) & (real.secondary[there] > 0)
    assert unmasked_cloud.mean() > 0.005


def test_illumination_and_ground_change_between_the_dates(real: Scene) -> None:
    assert real.stable is not None
    rock = real.valid & real.stable
    likeness = np.corrcoef(real.reference[rock], real.secondary[rock])[0, 1]
    assert 0.6 < likeness < 0.99


def test_same_seed_same_scene() -> None:
    first, again, other = (build_scene(seed=seed, shape=(128, 160)) for seed in (1, 1, 2))
    for name in ("reference", "secondary", "dx", "valid"):
        assert np.array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.reference, other.reference)


def test_files(tmp_path: Path) -> None:
    paths = write_scene(tmp_path / "new" / "demo", shape=(150, 180), days=30)
    assert (paths.reference.name, paths.secondary.name) == ("2020-01-31.tif", "2020-03-01.tif")
    first, second, truth = (Image.open(path) for path in (paths.reference, paths.secondary, paths.truth))
    assert first.acquired is not None and second.acquired is not None
    assert (second.acquired - first.acquired).days == 30
    assert first.grid == second.grid == truth.grid
    assert (first.dtype, first.nodata) == ("uint16", 0)
    assert truth.band_names == ("dx", "dy", "valid")
    assert truth.metadata["product"] == "truth"
    assert (truth.metadata["misregistration_dx"], truth.metadata["misregistration_dy"]) == ("0.37", "-0.24")
    scene = build_scene(shape=(150, 180), days=30)
    assert np.array_equal(Image.open(paths.truth, band="dx").read()[0], scene.dx)
    with pytest.raises(OutputError, match="overwrite"):
        write_scene(tmp_path / "new" / "demo", shape=(150, 180), days=30, overwrite=False)


def test_outlines_cover_the_pixels_that_they_stand_for(tmp_path: Path) -> None:
    from sensetrack.raster.mask import AreaMask

    paths = write_scene(tmp_path, shape=(150, 180))
    scene = build_scene(shape=(150, 180))
    assert paths.area is not None and paths.stable is not None
    assert paths.area.name == "glacier.gpkg"
    for path, mask in ((paths.area, scene.area), (paths.stable, scene.stable)):
        assert np.array_equal(AreaMask.open(path).read(scene.grid), mask)


def test_an_earthquake_has_no_outline(tmp_path: Path) -> None:
    paths = write_scene(tmp_path, kind="earthquake", shape=(128, 128))
    assert paths.area is None and paths.stable is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2020-01-31.tif", "2020-02-10.tif", "truth.tif"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "glacer"}, "did you mean 'glacier'"),
        ({"shape": (100, 400)}, "at least 128"),
        ({"days": 0}, "days = 0"),
        ({"shift": (0.0, 9.0)}, "at most 8"),
    ],
)
def test_bad_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        build_scene(**settings)  # type: ignore[arg-type]


def test_images_need_two_names(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"days = 0\.2"):
        write_scene(tmp_path, shape=(128, 128), days=0.2)
