"""Filtering files: the same result in blocks, on every engine and in every format, with its history."""

from __future__ import annotations

import dataclasses
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine

from sensetrack.displacement import Displacement, Field, Flag
from sensetrack.engine import Dask, Engine, Serial, Threads
from sensetrack.errors import GridError, InputError, OutputError, ParameterError
from sensetrack.filter_stream import FilterTask, filter_file
from sensetrack.filters import Filter, apply_all
from sensetrack.filters.mad import Mad
from sensetrack.filters.median_test import MedianTest
from sensetrack.filters.ndc import Ndc
from sensetrack.filters.quality import Quality
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.tiles import Block
from sensetrack.repair import fill_gaps, median_smooth

SHAPE = (53, 70)
SPACING = 8
FILTERS: list[Filter] = [MedianTest(), Ndc(window=7), Quality(minimum=0.1)]


@pytest.fixture(scope="session")
def displacement(make_field: Callable[..., Field], utm_grid: Callable[..., Grid]) -> Displacement:
    """A measured field with outliers, holes, a layer of its tracker and a history."""
    rng = np.random.default_rng(0)
    dx = np.add.outer(np.linspace(0, 5, SHAPE[0]), np.linspace(-4, 4, SHAPE[1])) + 0.1 * rng.normal(size=SHAPE)
    dx[rng.random(SHAPE) < 0.08] = 12.0
    dx[rng.random(SHAPE) < 0.03] = np.nan
    quality = rng.uniform(0, 1, SHAPE)
    field = make_field(dx, 0.5 * dx, quality=quality, sigma=rng.uniform(0.05, 0.2, SHAPE), extra={"nrms": quality})
    grid = utm_grid((SHAPE[0] * SPACING + 3, SHAPE[1] * SPACING + 5)).coarsen(SPACING)
    provenance = Provenance(tracker="pcc", parameters='{"window": 64}', days=20.0, history=("measured",))
    return Displacement(grid, field, SPACING, provenance)


@pytest.fixture(params=[".tif", ".nc"])
def source(request: pytest.FixtureRequest, displacement: Displacement, tmp_path: Path) -> Path:
    """The field as a file."""
    path = tmp_path / f"displacement{request.param}"
    displacement.save(path)
    return path


@pytest.fixture
def tif(displacement: Displacement, tmp_path: Path) -> Path:
    """The field as a GeoTIFF."""
    path = tmp_path / "displacement.tif"
    displacement.save(path)
    return path


@pytest.fixture(params=["serial", "threads", "dask"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each engine."""
    if request.param == "dask":
        distributed = pytest.importorskip("distributed")
        local = {"processes": False, "n_workers": 1, "threads_per_worker": 2, "dashboard_address": None}
        with distributed.Client(set_as_default=False, **local) as client:
            yield Dask(client)
    else:
        yield Serial() if request.param == "serial" else Threads(2)


def assert_same(first: Field, second: Field) -> None:
    for name, layer in first.layers().items():
        np.testing.assert_array_equal(layer, second.layers()[name], err_msg=name)


def outcome(field: Field, passes: int = 2) -> Field:
    """What a file with every step must hold."""
    field = fill_gaps(median_smooth(apply_all(field, FILTERS, passes), 3), 2.5)
    return field.blank(~field.usable)


def test_blocks_and_engines_give_the_same_as_the_whole(
    displacement: Displacement, source: Path, engine: Engine, tmp_path: Path
) -> None:
    output = tmp_path / f"out{source.suffix}"
    calls: list[tuple[int, int]] = []
    counts = filter_file(
        source,
        output,
        FILTERS,
        smooth=3,
        fill=2.5,
        passes=2,
        drop=True,
        engine=engine,
        block=24,
        progress=lambda done, total: calls.append((done, total)),
    )
    expected = outcome(displacement.field)
    assert_same(Displacement.open(output).field, expected)
    assert counts == expected.flag_counts()
    assert calls == [(done, 9) for done in range(1, 10)]


@pytest.mark.parametrize("block", [1, 25, 64, 4096])
def test_size_of_blocks_does_not_matter(displacement: Displacement, tif: Path, tmp_path: Path, block: int) -> None:
    filters: list[Filter] = [Mad(window=3)]
    # Blocks of one pixel are slow in any file, so that case takes a corner of the field.
    if block == 1:
        displacement = displacement.crop(Block(10, 20, 4, 5))
        displacement.save(tif, overwrite=True)
    filter_file(tif, tmp_path / "out.tif", filters, passes=3, block=block)
    assert_same(Displacement.open(tmp_path / "out.tif").field, apply_all(displacement.field, filters, 3))


def test_values_stay_unless_dropped(displacement: Displacement, tif: Path, tmp_path: Path) -> None:
    filter_file(tif, tmp_path / "kept.tif", FILTERS)
    filter_file(tif, tmp_path / "dropped.tif", FILTERS, drop=True)
    kept, dropped = (Displacement.open(tmp_path / f"{name}.tif").field for name in ("kept", "dropped"))
    raised = kept.flags != displacement.field.flags
    assert raised.sum() > 100
    np.testing.assert_array_equal(kept.dx, displacement.field.dx)
    np.testing.assert_array_equal(kept.flags, dropped.flags)
    np.testing.assert_array_equal(np.isfinite(dropped.dx), dropped.usable)
    assert np.isnan(dropped.extra["nrms"][raised]).all()


def test_only_a_block_and_its_margin_are_read(tif: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    read = LayerFile.read

    def watched(self: LayerFile, block: Block | None = None) -> dict[str, np.ndarray]:
        assert block is not None
        sizes.append(max(block.shape))
        return read(self, block)

    monkeypatch.setattr(LayerFile, "read", watched)
    filter_file(tif, tmp_path / "out.tif", [MedianTest(window=5), Mad(window=3)], passes=2, smooth=3, fill=1, block=20)
    assert len(sizes) == 12
    assert max(sizes) == 20 + 2 * (2 * 2 + 1 + 4)


def test_task_pickles_as_a_path(tif: Path) -> None:
    mask = AreaMask.from_array(np.ones((4, 4), bool))
    task = FilterTask(LayerFile.open(tif), tuple(FILTERS), 2, mask, 3, 2.0)
    again = pickle.loads(pickle.dumps(task))
    assert again.steps() == task.steps()
    bare = dataclasses.replace(task, mask=None)
    assert len(pickle.dumps(bare)) < 10_000
    assert_same(bare(Block(3, 4, 10, 12)), pickle.loads(pickle.dumps(bare))(Block(3, 4, 10, 12)))


def test_history_and_tags(displacement: Displacement, source: Path, tmp_path: Path) -> None:
    output = tmp_path / f"out{source.suffix}"
    filter_file(source, output, [Quality(minimum=0.25), Mad()], smooth=5, fill=2, passes=3, drop=True)
    found = Displacement.open(output)
    assert found.provenance.history == (
        "measured",
        'filter quality {"minimum": 0.25}',
        f"filter mad {Mad().to_json()}",
        "filter passes 3",
        "smooth 5",
        "fill 2",
        "drop",
    )
    assert dataclasses.replace(found.provenance, history=("measured",)) == displacement.provenance
    assert (found.spacing, found.origin) == (displacement.spacing, displacement.origin)
    assert found.grid.difference(displacement.grid) is None
    assert LayerFile.open(output).names == LayerFile.open(source).names


def test_foreign_tags_are_kept(displacement: Displacement, write_raster: Callable[..., Path], tmp_path: Path) -> None:
    layers = displacement.field.layers()
    stack = np.stack([np.asarray(layer, np.float32) for layer in layers.values()])
    tags = displacement.tags() | {"campaign": "Kongsvegen 2023"}
    path = write_raster(stack, grid=displacement.grid, names=list(layers), tags=tags, nodata=np.nan)
    filter_file(path, tmp_path / "out.tif", FILTERS)
    found = LayerFile.open(tmp_path / "out.tif").tags
    assert found["campaign"] == "Kongsvegen 2023"
    assert len(json.loads(found["history"])) == 1 + len(FILTERS)


def test_second_run_goes_on_from_the_first(displacement: Displacement, tif: Path, tmp_path: Path) -> None:
    filter_file(tif, tmp_path / "one.tif", [MedianTest()])
    filter_file(tmp_path / "one.tif", tmp_path / "two.tif", [MedianTest()])
    filter_file(tif, tmp_path / "both.tif", [MedianTest()], passes=2)
    two, both = (Displacement.open(tmp_path / f"{name}.tif") for name in ("two", "both"))
    assert_same(two.field, both.field)
    assert len(two.provenance.history) == 3


@pytest.mark.parametrize("suffix", [".csv", ".nc", ".parquet"])
def test_other_formats(displacement: Displacement, tif: Path, tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"out{suffix}"
    filter_file(tif, output, FILTERS, block=40)
    if suffix == ".csv":
        header, *rows = output.read_text(encoding="utf-8").splitlines()
        assert "dx" in header.split(",")
        assert len(rows) == np.isfinite(displacement.field.dx).sum()
    elif suffix == ".nc":
        assert_same(Displacement.open(output).field, apply_all(displacement.field, FILTERS))
    else:
        assert output.stat().st_size > 1000


# --- masks -----------------------------------------------------------------------------------------------------------


def test_mask_flags_first_and_is_no_evidence(displacement: Displacement, tif: Path, tmp_path: Path) -> None:
    inside = np.zeros(SHAPE, bool)
    inside[10:40, 20:60] = True
    mask = AreaMask.from_array(inside, displacement.grid)
    counts = filter_file(tif, tmp_path / "out.tif", [Ndc()], mask=mask, fill=3, block=32)
    found = Displacement.open(tmp_path / "out.tif")
    masked = displacement.field.with_flag(~inside, Flag.MASKED)
    assert_same(found.field, fill_gaps(apply_all(masked, [Ndc()]), 3))
    assert np.isnan(found.field.dx[~inside]).all()
    assert counts["masked"] == (~inside).sum()
    assert counts["filled"] > 0
    assert found.provenance.history[1] == "mask the mask array"


def test_mask_of_the_images_without_georeference(displacement: Displacement, tmp_path: Path) -> None:
    """A picture of the images' size, one pixel for each of theirs, reaches the output through spacing and origin."""
    size = SHAPE[0] * SPACING + 3, SHAPE[1] * SPACING + 5
    picture = np.zeros(size, bool)
    picture[80:200, 160:480] = True
    # Window centres half a pixel off the cells' centres, as an odd window has them.
    field = dataclasses.replace(displacement, grid=Grid(size).coarsen(SPACING, 0.5), origin=(0.5, 0.5))
    georeferenced = dataclasses.replace(field, grid=dataclasses.replace(displacement.grid, shape=SHAPE))
    centres = np.arange(70) * SPACING + SPACING / 2 + 0.5
    inside = np.logical_and.outer((centres[:53] >= 80) & (centres[:53] < 200), (centres >= 160) & (centres < 480))
    for name, each in (("plain", field), ("utm", georeferenced)):
        each.save(tmp_path / f"{name}.tif")
        filter_file(tmp_path / f"{name}.tif", tmp_path / f"{name}-out.tif", [], mask=AreaMask.from_array(picture))
        flags = Displacement.open(tmp_path / f"{name}-out.tif").field.flags
        np.testing.assert_array_equal((flags & np.uint8(Flag.MASKED)) != 0, ~inside, err_msg=name)


def test_mask_that_does_not_fit(displacement: Displacement, tif: Path, tmp_path: Path) -> None:
    with pytest.raises(GridError, match="10 x 10 pixels"):
        filter_file(tif, tmp_path / "out.tif", [], mask=AreaMask.from_array(np.ones((10, 10), bool)))
    far = dataclasses.replace(displacement.grid, transform=Affine.translation(1e6, 0) @ displacement.grid.transform)
    with pytest.raises(GridError, match="does not overlap"):
        filter_file(tif, tmp_path / "out.tif", [], mask=AreaMask.from_array(np.ones(SHAPE, bool), far))
    assert not (tmp_path / "out.tif").exists()


# --- bad input -------------------------------------------------------------------------------------------------------


def test_nothing_to_do(tif: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"nothing to do: name a filter \(.*median-test.*\), a mask"):
        filter_file(tif, tmp_path / "out.tif", [])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"passes": 0}, "passes = 0"),
        ({"smooth": 4}, "smooth = 4: .*odd"),
        ({"fill": 0.0}, "fill = 0.0: .*between 1 and 32"),
        ({"block": 0}, "block = 0"),
    ],
)
def test_settings_out_of_range(tif: Path, tmp_path: Path, setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        filter_file(tif, tmp_path / "out.tif", FILTERS, **setting)
    assert not (tmp_path / "out.tif").exists()


def test_output_is_protected(tif: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is also an input"):
        filter_file(tif, tif, FILTERS, overwrite=True)
    (tmp_path / "out.tif").write_bytes(b"precious")
    with pytest.raises(OutputError, match="exists already"):
        filter_file(tif, tmp_path / "out.tif", FILTERS)
    assert (tmp_path / "out.tif").read_bytes() == b"precious"
    filter_file(tif, tmp_path / "out.tif", FILTERS, overwrite=True)
    assert Displacement.open(tmp_path / "out.tif").grid.shape == SHAPE


def test_not_a_displacement_file(write_raster: Callable[..., Path], tmp_path: Path) -> None:
    image = write_raster(np.ones((8, 8), np.float32), "image.tif")
    with pytest.raises(InputError, match=r"image.tif: not a displacement file: it has no layer dx"):
        filter_file(image, tmp_path / "out.tif", FILTERS)
    with pytest.raises(InputError, match="no such file"):
        filter_file(tmp_path / "absent.tif", tmp_path / "out.tif", FILTERS)


def test_failure_leaves_no_file(tif: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Mad, field: Field) -> np.ndarray:
        raise InputError("lost the connection")

    monkeypatch.setattr(Mad, "keep", fail)
    with pytest.raises(InputError, match="lost the connection"):
        filter_file(tif, tmp_path / "out.tif", [Mad()])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["displacement.tif"]
