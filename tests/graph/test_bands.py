"""BandSelect and BandMerge."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from products.scenes import UTM, apply, band_of, expected, grid_of, scene_of
from rasterio.crs import CRS

from sensetrack.errors import GraphError
from sensetrack.graph.scene import Scene
from sensetrack.raster.grid import Grid

A = np.arange(12.0).reshape(3, 4)


def radar(*names: str) -> Scene:
    return scene_of(*(band_of(name, A, polarisation=name[-2:]) for name in names))


@pytest.mark.parametrize(
    ("parameters", "kept"),
    [
        ({}, "Sigma0_VV Sigma0_VH Beta0_VV"),
        ({"sourceBands": "Beta0_VV, Sigma0_VV"}, "Sigma0_VV Beta0_VV"),
        ({"selectedPolarisations": "vv"}, "Sigma0_VV Beta0_VV"),
        ({"bandNamePattern": "Sigma0_.*"}, "Sigma0_VV Sigma0_VH"),
        ({"bandNamePattern": "Sigma0_.*", "selectedPolarisations": "VV"}, "Sigma0_VV"),
    ],
)
def test_select(parameters: dict[str, str], kept: str) -> None:
    found = apply("BandSelect", radar("Sigma0_VV", "Sigma0_VH", "Beta0_VV"), **parameters)
    assert " ".join(band.name for band in found.bands) == kept and found.done == ("BandSelect",)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sourceBands": "Sigma0_HH"}, "sourceBands = 'Sigma0_HH': scene has no such band; did you mean"),
        ({"bandNamePattern": "Sigma0"}, "no band of scene meets bandNamePattern = 'Sigma0'; it has Sigma0_VV"),
        ({"bandNamePattern": "(("}, r"bandNamePattern = '\(\(': no regular expression"),
        ({"selectedPolarisations": "HH"}, "selectedPolarisations = 'HH': scene has VV"),
        ({"sourceBands": "Sigma0_VV", "bandNamePattern": "B.*"}, "sourceBands = 'Sigma0_VV' and bandNamePattern = 'B"),
    ],
)
def test_nothing_is_selected(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        apply("BandSelect", radar("Sigma0_VV"), **parameters)


def test_merge() -> None:
    first, second = scene_of(a=A, b=-A, name="one"), scene_of(a=2 * A, c=3 * A, name="two")
    found = apply("BandMerge", first, second, scene_of(a=5 * A))
    expected({"a": A, "b": -A, "a_2": 2 * A, "c": 3 * A, "a_3": 5 * A}, found)
    assert found.name == "one"
    expected({"a": A, "a_2": 2 * A, "c": 3 * A}, apply("BandMerge", first, second, sourceBands="a,c"))
    taken = scene_of(band_of("a_2", A), band_of("a", A))
    assert [band.name for band in apply("BandMerge", taken, scene_of(a=A)).bands] == ["a_2", "a", "a_3"]
    with pytest.raises(GraphError, match="sourceBands = 'd': no source has such a band"):
        apply("BandMerge", first, second, sourceBands="a,d")


def test_scenes_must_lie_alike() -> None:
    first = scene_of(a=A)
    with pytest.raises(GraphError, match=r"two has 2 x 3 pixels and scene 4 x 3; .* Collocate or Reproject"):
        apply("BandMerge", first, scene_of(a=A[:, :2], name="two"))
    near = scene_of(band_of("a", A, grid_of(A.shape, x=500_000.5)), name="near")
    assert len(apply("BandMerge", first, near).bands) == 2
    with pytest.raises(GraphError, match=r"near lies up to 6.* degrees from scene, more than geographicError = 1e-06"):
        apply("BandMerge", first, near, geographicError="1e-6")
    lines = scene_of(band_of("a", A, Grid(A.shape)), name="lines")
    with pytest.raises(GraphError, match="lines and scene are not both on a map"):
        apply("BandMerge", first, lines)
    assert len(apply("BandMerge", lines, lines).bands) == 2


def test_places_are_compared_across_the_antimeridian() -> None:
    east = Grid(A.shape, Affine(0.1, 0, 179.9, 0, -0.1, 60), CRS.from_epsg(4326))
    west = Grid(A.shape, Affine(0.1, 0, -180.1, 0, -0.1, 60), CRS.from_epsg(4326))
    scenes = [scene_of(band_of("a", A, grid)) for grid in (east, west)]
    assert len(apply("BandMerge", *scenes).bands) == 2
    assert UTM.is_projected


def test_virtual_intensities() -> None:
    """Bands that SNAP shows without storing them can be asked for; stored ones of the same name go before."""
    amplitude = band_of("Amplitude_VV", A, unit="amplitude", polarisation="VV")
    stored = band_of("Intensity_VV", A + 7, unit="intensity", polarisation="VV")
    for operator in ("BandSelect", "Subset"):
        expected({"Intensity_VV": A**2}, apply(operator, scene_of(amplitude), sourceBands="Intensity_VV"))
        expected({"Intensity_VV": A + 7}, apply(operator, scene_of(amplitude, stored), sourceBands="Intensity_VV"))
    target = [{"name": "t", "expression": "Intensity_VV"}]
    expected({"t": A**2}, apply("BandMaths", scene_of(amplitude), targetBands=target))
    expected({"t": A + 7}, apply("BandMaths", scene_of(amplitude, stored), targetBands=target))


def test_masks_are_passed_over_with_a_word(caplog: pytest.LogCaptureFixture) -> None:
    apply("BandSelect", scene_of(a=A), sourceMasks="cloud")
    apply("Subset", scene_of(a=A), sourceMasks="cloud", tiePointGrids="latitude")
    assert [record.getMessage().split(":")[1].split()[0] for record in caplog.records] == [
        "sourceMasks",
        "sourceMasks",
        "tiePointGrids",
    ]
