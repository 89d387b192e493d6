"""The graphs that are shipped: well-formed, documented, right in every version of SNAP, and running without it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio
from affine import Affine
from products.cosmo import write_cosmo
from products.landsat import write_landsat
from products.prisma import write_prisma
from products.sentinel1 import write_sentinel1
from products.sentinel2 import write_sentinel2

from sensetrack.graph.check import SNAP_VERSIONS, check_graph, engines
from sensetrack.graph.draw import boxes_of, mermaid
from sensetrack.graph.model import Graph, shipped_graphs
from sensetrack.graph.native import run_native
from sensetrack.graph.operators import operator
from sensetrack.graph.operators._base import Context
from sensetrack.graph.variables import placeholders

GRAPHS = shipped_graphs()
EXAMPLES = {
    "input": "a & b.zip",
    "secondary": "b.zip",
    "output": "out.tif",
    "polarisation": "HH",
    "geoRegion": "POLYGON((10 46, 11 46, 11 47, 10 47, 10 46))",
    "mapProjection": "EPSG:32632",
    "pixelSpacing": "12.5",
    "gridOrigin": "5",
    "nRgLooks": "2",
    "nAzLooks": "1",
    "demName": "External DEM",
    "demFile": "dem.tif",
    "demGeoid": "false",
    "demNoData": "-9999",
    "gridStep": "20",
    "window": "64",
    "maxVelocity": "3",
}
CHAINS = {
    "s1_slc_default": "Read Apply-Orbit-File ThermalNoiseRemoval Calibration TOPSAR-Deburst Multilook Speckle-Filter "
    "Terrain-Correction Subset Write",
    "s1_slc_default_noSF": "Read Apply-Orbit-File ThermalNoiseRemoval Calibration TOPSAR-Deburst Multilook "
    "Terrain-Correction Subset Write",
    "s1_slc_default+b3": "Read Apply-Orbit-File ThermalNoiseRemoval Calibration TOPSAR-Deburst Multilook "
    "Speckle-Filter Terrain-Correction BandMaths Subset Write",
    "s1_slc_default+b3noSF": "Read Apply-Orbit-File ThermalNoiseRemoval Calibration TOPSAR-Deburst Multilook "
    "Terrain-Correction BandMaths Subset Write",
    "s1_grd_default": "Read Apply-Orbit-File ThermalNoiseRemoval Terrain-Correction Write",
    "s2_l2a_default": "Read Resample BandSelect Subset Write",
    "cosmo_scs-b_default": "Read LinearToFromdB Multilook Terrain-Correction Subset Write",
    "s1_grd_sigma0_db": "Read Apply-Orbit-File Remove-GRD-Border-Noise ThermalNoiseRemoval Calibration "
    "Terrain-Correction Subset LinearToFromdB Write",
}
ONLY_SNAP = {"s1_grd_rtc", "s1_grd_offset_tracking"}
ONLY_NATIVE = {"landsat_c2_pan", "prisma_pan"}


def content(name: str) -> bytes:
    return (resources.files("sensetrack.graphs") / f"{name}.xml").read_bytes()


def examples(graph: Graph) -> dict[str, str]:
    return {variable.name: EXAMPLES[variable.name] for variable in graph.variables}


def test_all_are_there() -> None:
    known = {*CHAINS, *ONLY_SNAP, *ONLY_NATIVE, "s1_slc_amplitude_tracking", "cosmo_sigma0"}
    assert set(GRAPHS) == known


@pytest.mark.parametrize("name", GRAPHS)
def test_written_back_they_are_the_same(name: str, tmp_path: Path) -> None:
    graph = Graph.read(name, strict=False)
    graph.write(tmp_path / "copy.xml")
    assert (tmp_path / "copy.xml").read_bytes() == content(name)
    changed = graph.with_parameter("Write", "formatName", "ENVI")
    lines = [(a, b) for a, b in zip(graph.original.splitlines(), changed.original.splitlines(), strict=True) if a != b]
    assert [after.strip() for _, after in lines] == ["<formatName>ENVI</formatName>"]


@pytest.mark.parametrize("name", GRAPHS)
def test_they_are_documented(name: str) -> None:
    graph = Graph.read(name, strict=False)
    about = graph.about
    assert f'<graph id="{name}">' in graph.original
    assert about.summary and about.sensors and len(about.text) > len(about.summary) + 40
    names = [variable.name for variable in graph.variables]
    assert sorted(names) == sorted(placeholders(graph.original))
    assert names[:1] == ["input"] and "output" in names
    assert [variable.name for variable in graph.variables if variable.default is None] == [
        name for name in names if name in ("input", "secondary", "output")
    ]
    assert all(variable.description for variable in graph.variables)
    assert content(name).isascii() and b"\t" not in content(name) and b"\r" not in content(name)


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("version", [SNAP_VERSIONS[0], SNAP_VERSIONS[-1]])
def test_nothing_is_wrong_with_them(name: str, version: int) -> None:
    needed = {key: EXAMPLES[key] for key in ("input", "secondary", "output")}
    needed = {key: value for key, value in needed.items() if f"${{{key}}}" in content(name).decode()}
    for values in (needed, examples(Graph.read(name, strict=False))):
        graph, problems = check_graph(name, values, snap_version=version)
        assert [str(problem) for problem in problems if problem.level != "note"] == []
        for node in graph.nodes:
            assert node.typed().alias == operator(node.operator).alias == node.operator
        assert graph.node("Read").parameters["file"] == "a & b.zip"


@pytest.mark.parametrize("name", GRAPHS)
def test_who_runs_them(name: str) -> None:
    expected = ("SNAP",) if name in ONLY_SNAP else ("native",) if name in ONLY_NATIVE else ("native", "SNAP")
    assert engines(Graph.read(name, strict=False)) == expected


@pytest.mark.parametrize("name", CHAINS)
def test_chains(name: str) -> None:
    graph = Graph.read(name, strict=False)
    assert " ".join(node.operator for node in graph.ordered()) == CHAINS[name]
    assert [len(node.sources) for node in graph.ordered()] == [0] + [1] * (len(graph.nodes) - 1)


@pytest.mark.parametrize("name", GRAPHS)
def test_they_are_drawn(name: str) -> None:
    graph = Graph.read(name, strict=False)
    assert [box.id for box in boxes_of(graph)] == [node.id for node in graph.ordered()]
    assert mermaid(graph).count("-->") == sum(len(node.sources) for node in graph.nodes)


class Result(NamedTuple):
    pixels: Any
    names: tuple[str, ...]
    transform: Affine
    crs: Any

    def is_on(self, size: float, origin: float) -> bool:
        """Whether pixel centres lie at whole pixels from an origin."""
        size_is_right = (self.transform.a, self.transform.e) == (size, -size)
        corner = self.transform.c + size / 2 - origin, self.transform.f - size / 2 - origin
        return size_is_right and corner[0] % size == corner[1] % size == 0


def run(folder: Path, name: str, product: Path, **values: str) -> Result:
    """Run a graph on a product, with ground 350 m above the ellipsoid everywhere."""
    if "demName" in {variable.name for variable in Graph.read(name, strict=False).variables}:
        whole = Affine(3.6, 0, -180, 0, -1.8, 90)
        options = {"driver": "GTiff", "width": 100, "height": 100, "count": 1, "dtype": "float32", "crs": "EPSG:4326"}
        for file, height in (("dem.tif", 305.0), ("geoid.tif", 45.0)):
            with rasterio.open(folder / file, "w", transform=whole, **options) as ds:
                ds.write(np.full((1, 100, 100), height, np.float32))
        values |= {"demName": "External DEM", "demFile": str(folder / "dem.tif")}
    output = folder / "out.tif"
    graph = Graph.read(name, {"input": str(product), "output": str(output), **values})
    (outcome,) = run_native(graph, Context(geoid=folder / "geoid.tif"))
    assert outcome.path == output
    with rasterio.open(output) as ds:
        return Result(ds.read(masked=True), ds.descriptions, ds.transform, ds.crs)


def test_landsat_lies_on_the_grid_as_it_was(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path)
    made = run(tmp_path, "landsat_c2_pan", truth.path, mapProjection=f"EPSG:{truth.epsg}")
    assert tuple(made.transform)[:6] == truth.pan_transform and made.names == ("B8",)
    known = np.isfinite(truth.values["B8"])
    assert np.allclose(made.pixels[0].filled(np.nan)[known], truth.values["B8"][known], atol=1e-6)


def test_a_part_of_a_scene_lies_on_the_same_grid(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path, centre=(499980.0, 4500000.0))
    whole = run(tmp_path, "landsat_c2_pan", truth.path, gridOrigin="4")
    (tmp_path / "out.tif").unlink()
    area = "POLYGON((39.001 40.644, 39.005 40.644, 39.005 40.648, 39.001 40.648, 39.001 40.644))"
    part = run(tmp_path, "landsat_c2_pan", truth.path, gridOrigin="4", geoRegion=area)
    assert whole.is_on(15.0, 4.0) and part.is_on(15.0, 4.0) and part.crs.to_epsg() == truth.epsg
    col, row = (round(each) for each in ~whole.transform @ (part.transform.c, part.transform.f))
    rows, cols = part.pixels.shape[1:]
    assert 0 < rows < whole.pixels.shape[1] and 0 < cols < whole.pixels.shape[2]
    inside = whole.pixels[:, row : row + rows, col : col + cols]
    assert np.allclose(inside.filled(0), part.pixels.filled(0))


def test_prisma_lies_on_the_grid(tmp_path: Path) -> None:
    truth = write_prisma(tmp_path, "2D", shape=(30, 34))
    made = run(tmp_path, "prisma_pan", truth.path, gridOrigin="2.5")
    assert made.is_on(5.0, 2.5) and made.names == ("PAN",) and truth.pan_transform is not None
    rows, cols = np.nonzero(~np.ma.getmaskarray(made.pixels[0]))
    source = ~Affine(*truth.pan_transform) @ made.transform @ (cols + 0.5, rows + 0.5)
    near = truth.values["pan"][np.floor(source[1]).astype(int), np.floor(source[0]).astype(int)]
    assert rows.size > 5000
    assert np.abs(made.pixels[0][rows, cols] - near).max() < 0.02 * np.ptp(near)


def test_sentinel2_keeps_its_numbers(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path, "2A")
    made = run(tmp_path, "s2_l2a_default", truth.path)
    assert made.names == ("B2", "B3", "B4", "B8") and made.transform.a == 10.0
    expected = truth.dn["B02", 10]
    assert made.pixels.dtype == np.uint16 and np.array_equal(made.pixels[0].filled(0), expected)


@pytest.mark.parametrize("name", ["s1_grd_sigma0_db", "cosmo_sigma0"])
def test_radar_scenes_lie_on_the_grid(name: str, tmp_path: Path) -> None:
    s1 = name.startswith("s1")
    product = write_sentinel1(tmp_path, "GRD", shape=(100, 150)) if s1 else write_cosmo(tmp_path)
    made = run(tmp_path, name, product.path, gridOrigin="1", pixelSpacing="8")
    assert made.is_on(8.0, 1.0) and made.crs.is_projected
    assert set(made.names) == ({"Sigma0_VH_dB", "Sigma0_VV_dB"} if s1 else {"Sigma0_HH"})
    assert made.pixels.count() > 100 and np.ptp(made.pixels.compressed()) > 0
