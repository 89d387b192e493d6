"""Resample against plain numpy: up and down, without nodata, whole and broken ratios, flags, and grids of their own."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from products.scenes import UTM, apply, band_of, grid_of, scene_of, values_of

from sensetrack.errors import GraphError
from sensetrack.graph.operators.resample import Aggregated
from sensetrack.graph.pixels import READ_PIXELS
from sensetrack.graph.scene import Scene
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block

RNG = np.random.default_rng(3)
FINE = RNG.integers(0, 1000, (66, 78)).astype(np.float64)
FINE[RNG.random(FINE.shape) < 0.15] = np.nan
FINE[12:18, 12:18] = np.nan
COARSE = RNG.integers(0, 1000, (11, 13)).astype(np.float64)
COARSE[4, 5] = np.nan


def both(**about: object) -> Scene:
    return scene_of(band_of("B2", FINE, **about), band_of("B1", COARSE, size=60.0))


def blocks(values: np.ndarray, side: int) -> np.ndarray:
    """The pixels under each coarse one: ``(row, col, pixel)``."""
    rows, cols = (length // side for length in values.shape)
    return values.reshape(rows, side, cols, side).transpose(0, 2, 1, 3).reshape(rows, cols, -1)


@pytest.mark.parametrize(
    ("how", "reduce"),
    [
        ("First", lambda v: v[..., 0]),
        ("Min", lambda v: np.nanmin(v, axis=-1)),
        ("Max", lambda v: np.nanmax(v, axis=-1)),
        ("Mean", lambda v: np.nanmean(v, axis=-1)),
        ("Median", lambda v: np.nanmedian(v, axis=-1)),
    ],
)
@pytest.mark.filterwarnings("ignore:All-NaN|Mean of empty")
def test_to_coarser_pixels(how: str, reduce: object) -> None:
    found = apply("Resample", both(), referenceBand="B1", downsampling=how)
    np.testing.assert_allclose(values_of(found, "B2"), reduce(blocks(FINE, 6)), rtol=1e-6)  # type: ignore[operator]
    np.testing.assert_array_equal(values_of(found, "B1"), COARSE)
    assert found.name == "scene_resampled" and all(band.grid == grid_of((11, 13), 60.0) for band in found.bands)


def test_to_finer_pixels_by_nearest() -> None:
    found = apply("Resample", both(), referenceBand="B2")
    np.testing.assert_array_equal(values_of(found, "B1"), np.kron(COARSE, np.ones((6, 6))))
    np.testing.assert_array_equal(values_of(found, "B2"), FINE)


@pytest.mark.parametrize("how", ["Bilinear", "Bicubic"])
def test_to_finer_pixels_between_centres(how: str) -> None:
    """Both reproduce a plane where all of the kernel is inside."""
    rows, cols = np.mgrid[:11, :13]
    scene = scene_of(band_of("fine", FINE), band_of("plane", 100 + 6.0 * rows - 12.0 * cols, size=60.0))
    found = values_of(apply("Resample", scene, referenceBand="fine", upsampling=how), "plane")
    row, col = np.mgrid[:66, :78]
    truth = 100 + 6 * ((row + 0.5) / 6 - 0.5) - 12 * ((col + 0.5) / 6 - 0.5)
    inside = (slice(9, -9), slice(9, -9))
    np.testing.assert_allclose(found[inside], truth[inside], atol=2e-4)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("sizes", [{"targetResolution": "20"}, {"targetWidth": "39", "targetHeight": "33"}])
def test_a_size_between(sizes: dict[str, str]) -> None:
    found = apply("Resample", both(), **sizes)
    assert {band.grid.shape for band in found.bands} == {(33, 39)} and found.grid.pixel_size == (20.0, 20.0)
    np.testing.assert_array_equal(values_of(found, "B2"), FINE[::2, ::2])
    np.testing.assert_array_equal(values_of(found, "B1"), np.kron(COARSE, np.ones((3, 3))))


def test_a_broken_ratio_weighs_by_area() -> None:
    scene = scene_of(band_of("a", FINE))
    found = apply("Resample", scene, targetWidth="31", targetHeight="20", downsampling="Mean")
    truth = np.empty((20, 31))
    for i in range(20):
        for j in range(31):
            top, bottom, left, right = i * 3.3, (i + 1) * 3.3, j * 78 / 31, (j + 1) * 78 / 31
            rows = np.clip(np.minimum(bottom, np.arange(1, 67)) - np.maximum(top, np.arange(66)), 0, None)
            cols = np.clip(np.minimum(right, np.arange(1, 79)) - np.maximum(left, np.arange(78)), 0, None)
            weights = np.outer(rows, cols) * np.isfinite(FINE)
            truth[i, j] = (weights * np.nan_to_num(FINE)).sum() / weights.sum() if weights.sum() > 0 else np.nan
    np.testing.assert_allclose(values_of(found), truth, rtol=1e-5)
    first = values_of(apply("Resample", scene, targetWidth="31", targetHeight="20"))
    rows, cols = np.floor(np.arange(20) * 3.3 + 1e-6).astype(int), np.floor(np.arange(31) * 78 / 31 + 1e-6).astype(int)
    np.testing.assert_array_equal(first, FINE[np.ix_(rows, cols)])
    assert apply("Resample", scene, targetResolution="35").grid.shape == (19, 23)


@pytest.mark.parametrize("how", ["First", "FlagAnd", "FlagOr", "FlagMedianAnd", "FlagMedianOr"])
def test_flags(how: str) -> None:
    flags = np.nan_to_num(FINE)
    flags[np.isnan(FINE)] = np.nan
    scene = scene_of(band_of("flags", flags, is_class=True, dtype="uint16"), band_of("c", COARSE, size=60.0))
    found = apply(
        "Resample", scene, referenceBand="c", downsampling="Mean", upsampling="Bilinear", flagDownsampling=how
    )
    cells = blocks(flags, 6)
    truth = np.full(cells.shape[:2], np.nan)
    for i, j in np.ndindex(truth.shape):
        values = cells[i, j][np.isfinite(cells[i, j])].astype(int)
        if how == "First":
            truth[i, j] = cells[i, j, 0]
        elif values.size:
            share = [np.mean((values >> bit) & 1) for bit in range(10)]
            rule = {
                "FlagAnd": lambda s: s == 1,
                "FlagOr": lambda s: s > 0,
                "FlagMedianAnd": lambda s: s > 0.5,
                "FlagMedianOr": lambda s: s >= 0.5,
            }[how]
            truth[i, j] = sum(1 << bit for bit, s in enumerate(share) if rule(s))
    np.testing.assert_array_equal(values_of(found, "flags"), truth)
    back = apply(
        "Resample",
        scene_of(band_of("a", FINE), band_of("f", COARSE, size=60.0, is_class=True)),
        referenceBand="a",
        upsampling="Bicubic",
    )
    np.testing.assert_array_equal(values_of(back, "f"), np.kron(COARSE, np.ones((6, 6))))


def test_bands_may_have_methods_of_their_own() -> None:
    special = [{"bandName": "B2", "downsampling": "Max"}]
    found = apply("Resample", both(), referenceBand="B1", downsampling="First", bandResamplings=special)
    with np.errstate(invalid="ignore"):
        truth = np.where(np.isnan(blocks(FINE, 6)).all(-1), np.nan, np.nan_to_num(blocks(FINE, 6), nan=-1).max(-1))
    np.testing.assert_array_equal(values_of(found, "B2"), truth)
    with pytest.raises(GraphError, match="bandResamplings = 'B7': scene has no such band"):
        apply("Resample", both(), referenceBand="B1", bandResamplings=[{"bandName": "B7"}])


def test_numbers_stay_as_they_are_stored() -> None:
    found = apply("Resample", both(dtype="uint16", nodata=0.0, scale=1e-4, offset=-0.1), referenceBand="B1")
    band = found.band("B2")
    assert (band.dtype, band.nodata, band.scale, band.offset) == ("uint16", 0.0, 1e-4, -0.1)


def test_grids_that_begin_elsewhere() -> None:
    """As Landsat's panchromatic band: half a coarse pixel further out."""
    pan = np.arange(40.0 * 40).reshape(40, 40)
    scene = scene_of(
        band_of("pan", pan, Grid((40, 40), Affine(15, 0, 500_007.5, 0, -15, 4_999_992.5), UTM), dtype="uint8"),
        band_of("red", np.ones((20, 20)), size=30.0),
    )
    found = apply("Resample", scene, referenceBand="red")
    truth = np.full((20, 20), np.nan)
    truth[1:, 1:] = pan[1:39:2, 1:39:2]
    np.testing.assert_array_equal(values_of(found, "pan"), truth)
    assert found.band("pan").dtype == "float32"  # what lies beside it has no number


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, "give one of referenceBand, .*; there is none"),
        ({"referenceBand": "B2", "targetResolution": "20"}, "there is referenceBand and targetResolution"),
        ({"targetWidth": "20"}, "targetHeight is missing"),
        ({"referenceBand": "B3"}, "referenceBand = 'B3': scene has no such band"),
        ({"targetResolution": "20", "resamplingPreset": "mine"}, "presets lie in SNAP's own folder"),
        ({"targetResolution": "0"}, "greater than 0"),
        ({"targetResolution": "20", "downsampling": "Average"}, "downsampling = 'Average'"),
    ],
)
def test_what_is_wrong(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        apply("Resample", both(), **parameters)


def test_much_coarser_pixels_are_read_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pixels are under a block, only so many are read at a time."""
    largest = []

    class Watched(Image):
        def read(self, block: Block | None = None):  # type: ignore[no-untyped-def]
            assert block is not None
            largest.append(block.height * block.width)
            return np.ones(block.shape, np.float32), np.ones(block.shape, np.bool_)

    source = Aggregated(Watched(grid=Grid((1000, 40_000))), (0.0, 20.0), (0.0, 20.0), "Mean")
    pixels, valid = source.compute(Block(0, 0, 50, 2000))
    assert (pixels == 1).all() and valid.all() and len(largest) > 1
    assert max(largest) <= READ_PIXELS + 2 * 40_000
