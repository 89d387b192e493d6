"""Regions and stacks in the geometry of a radar, against the tie points of products."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from products.scenes import apply, values_of
from products.sentinel1 import write_sentinel1

from sensetrack.errors import GraphError
from sensetrack.graph.reading import read_scene
from sensetrack.graph.scene import Scene
from sensetrack.sensors.sentinel1 import Sentinel1Product


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return read_scene(write_sentinel1(tmp_path_factory.mktemp("s1"), "GRD", polarisations=("VV",), height=0.0).path)


def region(scene: Scene, top: float, left: float, bottom: float, right: float) -> str:
    """The outline of a window by the tie points of the product."""
    assert isinstance(scene.product, Sentinel1Product)
    ties = scene.product.annotation("VV").ties
    rows = np.array([top, top, bottom, bottom, top]) - 0.5
    cols = np.array([left, right, right, left, left]) - 0.5
    places = zip(ties.at("longitude", rows, cols), ties.at("latitude", rows, cols), strict=True)
    return f"POLYGON(({', '.join(f'{lon:.9f} {lat:.9f}' for lon, lat in places)}))"


def test_a_window_of_the_earth(scene: Scene) -> None:
    found = apply("Subset", scene, geoRegion=region(scene, 20.2, 40.2, 59.8, 99.8))
    radar, whole = found.bands[0].radar, scene.bands[0].radar
    assert radar is not None and whole is not None and radar.origin == (20.0, 40.0) and radar.shape == (40, 60)
    assert radar.first_line == whole.first_line + timedelta(seconds=20 * whole.line_interval)
    np.testing.assert_array_equal(values_of(found), values_of(scene)[20:60, 40:100])
    wide = apply("Subset", scene, geoRegion=region(scene, 20.2, 40.2, 59.8, 99.8), fullSwath="true")
    assert wide.grid.shape == (40, scene.grid.width)


def test_the_inside_of_a_polygon(scene: Scene) -> None:
    found = apply("Subset", scene, polygonRegion=region(scene, 20, 40, 60, 100), region="0,0,170,90")
    values, truth = values_of(found), values_of(scene)
    inside = np.zeros(truth.shape, bool)
    inside[20:60, 40:100] = True
    np.testing.assert_array_equal(values, np.where(inside, truth, np.nan))


def test_beside_the_scene(scene: Scene) -> None:
    with pytest.raises(GraphError, match="geoRegion does not overlap band Amplitude_VV, which lies about longitude"):
        apply("Subset", scene, geoRegion="POLYGON((0 0, 1 0, 1 1, 0 0))")


def test_steps(scene: Scene) -> None:
    found = apply("Subset", scene, region="10,6,100,60", subSamplingX="5", subSamplingY="3")
    radar, whole = found.bands[0].radar, scene.bands[0].radar
    assert radar is not None and whole is not None and radar.shape == (20, 20) == found.grid.shape
    np.testing.assert_allclose(radar.seconds(7), whole.seconds(6 + 21))
    np.testing.assert_allclose(radar.near_range + 4 * radar.range_spacing, whole.near_range + 30 * whole.range_spacing)
    np.testing.assert_array_equal(values_of(found), values_of(scene)[6:66:3, 10:110:5])


def test_bursts_are_put_together_first(tmp_path: Path) -> None:
    bursts = read_scene(write_sentinel1(tmp_path, "SLC", polarisations=("VV",)).path)
    for wanted in ({"region": "0,0,10,10"}, {"geoRegion": "POLYGON((0 0, 1 0, 1 1, 0 0))"}):
        with pytest.raises(GraphError, match="bursts that are not put together"):
            apply("Subset", bursts, **wanted)
    with pytest.raises(GraphError, match=r"not put together|TOPSAR-Deburst"):
        apply("CreateStack", bursts, bursts)


def test_stacks_move_by_the_place_of_the_centre(scene: Scene) -> None:
    """A part of the scene, told to be another acquisition, lands where it was cut out."""
    part = apply("Subset", scene, region="30,20,90,50")
    other = dataclasses.replace(part, name="other")
    found = apply("CreateStack", scene, other)
    first, second = found.bands
    assert second.radar is not None and second.radar.origin == (0.0, 0.0) and second.radar.shape == first.grid.shape
    truth = np.full(scene.grid.shape, np.nan)
    truth[20:70, 30:120] = values_of(scene)[20:70, 30:120]
    np.testing.assert_array_equal(values_of(found, second.name), truth)
    smaller = apply("CreateStack", scene, other, extent="Minimum")
    np.testing.assert_array_equal(values_of(smaller, first.name), values_of(scene)[20:70, 30:120])
    assert smaller.bands[0].radar is not None and smaller.bands[0].radar.origin == (20.0, 30.0)
    with pytest.raises(GraphError, match=r"moved by whole pixels \(NONE\)"):
        apply("CreateStack", scene, other, resamplingType="BILINEAR_INTERPOLATION")
    with pytest.raises(GraphError, match="Multilook makes pixels coarser"):
        apply("Resample", scene, targetWidth="10", targetHeight="10")
    for operator, wanted in (("Reproject", {"crs": "EPSG:4326"}), ("Collocate", {})):
        with pytest.raises(GraphError, match="is not on a map"):
            apply(operator, scene, *([] if wanted else [other]), **wanted)
