"""A folder is sorted into measurements: velocities beside their displacements, truths beside what they overlap."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensetrack.displacement import Displacement
from sensetrack.errors import InputError
from sensetrack.raster.grid import Grid
from sensetrack.report.scan import find, group
from sensetrack.velocity import VelocityParams, velocity


def test_a_folder_becomes_one_measurement(tongue_files: Path) -> None:
    (found,) = find(tongue_files).groups
    assert found.displacement is not None
    assert found.velocity is not None
    assert found.displacement.path.name == "displacement.tif"
    assert found.main.path.name == "velocity.tif"
    assert [truth.path.name for truth in found.truths] == ["truth.tif"]


def test_velocities_go_with_what_they_were_made_from(tongue: Any, tmp_path: Path) -> None:
    plain: Displacement = tongue.displacement
    known = plain.provenance
    dates = {name: getattr(known, name) + timedelta(days=60) for name in ("reference_date", "secondary_date")}
    filtered = dataclasses.replace(plain, provenance=known.after("filter: direction"))
    other = dataclasses.replace(plain, provenance=dataclasses.replace(known, days=None, **dates))
    for name, item in (("plain", plain), ("filtered", filtered), ("other", other)):
        item.save(tmp_path / f"{name}.tif")
    params = VelocityParams()
    velocity(filtered, params).save(tmp_path / "v1.nc")
    velocity(other, params).save(tmp_path / "v2.tif")
    pairs = {
        item.main.path.name: item.displacement.path.name if item.displacement else None
        for item in find(tmp_path).groups
    }
    assert pairs == {"plain.tif": "plain.tif", "v1.nc": "filtered.tif", "v2.tif": "other.tif"}
    assert [item.main.path.name for item in find(tmp_path).groups][-1] == "v2.tif"


def test_subfolders_count_and_other_files_do_not(
    tongue: Any, tmp_path: Path, write_raster: Callable[..., Path]
) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    tongue.displacement.save(tmp_path / "deep" / "er" / "d.nc")
    tongue.displacement.save(tmp_path / ".d.host-1.partial.tif")
    write_raster(np.ones((5, 5), np.float32), "image.tif")
    (tmp_path / "broken.tif").write_bytes(b"II*\0nothing")
    (tmp_path / "notes.txt").write_text("hello")
    assert [item.main.path.name for item in find(tmp_path).groups] == ["d.nc"]


def test_stable_ground_is_found_by_its_name(tongue_files: Path, tmp_path: Path) -> None:
    (tmp_path / "d.tif").write_bytes((tongue_files / "displacement.tif").read_bytes())
    assert find(tmp_path).stable is None
    (tmp_path / "stable.geojson").write_text("{}")
    assert find(tmp_path).stable == tmp_path / "stable.geojson"


def test_truths_elsewhere_are_left_out(
    tongue_files: Path, tmp_path: Path, write_layers: Callable[..., Path], tongue: Any
) -> None:
    grid = tongue.displacement.grid
    away = Grid(grid.shape, grid.transform.translation(1e6, 0) @ grid.transform, grid.crs)
    layers = {"dx": np.zeros(grid.shape), "dy": np.zeros(grid.shape)}
    truth = write_layers(tmp_path / "t.tif", away, layers, {"product": "truth"})
    (found,) = find([tongue_files / "displacement.tif", truth]).groups
    assert found.truths == ()


def test_nothing_to_report_on_is_told(tmp_path: Path, write_raster: Callable[..., Path], tongue_files: Path) -> None:
    with pytest.raises(
        InputError, match=r"no displacement or velocity file \(.tif or .tiff or .nc\) of sensetrack there"
    ):
        find(tmp_path)
    with pytest.raises(InputError, match="no displacement or velocity file"):
        find(tongue_files / "truth.tif")
    image = write_raster(np.ones((5, 5), np.float32))
    with pytest.raises(InputError, match=r"image\.tif: neither a displacement, a velocity nor a truth"):
        find([image])
    with pytest.raises(InputError, match="no such file"):
        find(tmp_path / "nothing.tif")
    assert group([]) == []
