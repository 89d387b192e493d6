"""Graphs run without SNAP: real and made products, branches, what is checked before, errors by node, and memory."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.warp
from products.landsat import write_landsat
from products.scenes import grid_of
from products.sentinel2 import write_sentinel2

from sensetrack.engine import Threads
from sensetrack.errors import GraphError, OutputError, UnusableImageError
from sensetrack.graph.model import Graph
from sensetrack.graph.native import Outcome, build, run_native
from sensetrack.graph.operators._base import Context
from sensetrack.graph.pixels import Window

A = np.arange(30.0 * 40).reshape(30, 40).astype(np.float32)


def node(name: str, operator: str, sources: str = "", **parameters: str) -> str:
    """A node; ``sources`` are ``slot=node`` with blanks between."""
    refs = "".join(f'<{slot} refid="{ref}"/>' for slot, _, ref in (each.partition("=") for each in sources.split()))
    values = "".join(f"<{key}>{value}</{key}>" for key, value in parameters.items())
    inside = f"<operator>{operator}</operator><sources>{refs}</sources><parameters>{values}</parameters>"
    return f'<node id="{name}">{inside}</node>'


def graph(*nodes: str, sources: dict[str, str] | None = None) -> Graph:
    return Graph.from_text(f'<graph id="G"><version>1.0</version>{"".join(nodes)}</graph>', "test", sources=sources)


@pytest.fixture
def files(write_raster: Callable[..., Path], tmp_path: Path) -> Context:
    """A folder with ``a.tif`` (bands p and q) and ``b.tif`` (band r) on one grid."""
    write_raster(np.stack([A, -A]), "a.tif", grid=grid_of(A.shape), names=["p", "q"])
    write_raster(A * 2, "b.tif", grid=grid_of(A.shape), names=["r"])
    return Context(folder=tmp_path)


def pixels(path: Path, band: int = 1) -> np.ndarray:
    with rasterio.open(path) as ds:
        return ds.read(band)


READ = node("R", "Read", file="a.tif")
MATHS = "<targetBand><name>t</name><expression>{}</expression><type>float32</type></targetBand>"


def test_branches_and_several_files(files: Context, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nodes stand in any order; what several take is kept."""
    made = graph(
        node("W2", "Write", "source=M", file="out/two.tif", formatName="GeoTiff"),
        node(
            "M",
            "BandMaths",
            "sourceProduct=S sourceProduct.1=R2",
            targetBands=MATHS.format("$sourceProduct.p + $sourceProduct.1.r"),
        ),
        node("S", "BandSelect", "source=R", bandNames="p"),
        READ,
        node("R2", "Read", file="b.tif"),
        node("W1", "Write", "source=S", file="one", formatName="GeoTIFF"),
    )
    caplog.set_level(logging.INFO, "sensetrack")
    seen: list[tuple[str, int, int]] = []
    outcomes = run_native(made, files, report=lambda *each: seen.append(each))
    assert outcomes == [Outcome("W2", tmp_path / "out" / "two.tif", 1.0), Outcome("W1", tmp_path / "one.tif", 1.0)]
    np.testing.assert_array_equal(pixels(tmp_path / "one.tif"), A)
    with rasterio.open(tmp_path / "one.tif") as ds:
        assert ds.tags()["graph"] == "test" and ds.tags()["graph_operators"] == "BandSelect"
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "two.tif"), 3 * A)
    assert seen == [("W2", 1, 1), ("W1", 1, 1)]
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "node 'R' (Read): a, 2 bands of 30 x 40 pixels" and len(lines) == 8
    assert set(build(made, files)) == {"R", "R2", "S", "M", "W1", "W2"}


def test_what_several_nodes_take_is_computed_once(files: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    compute = Window.compute
    monkeypatch.setattr(Window, "compute", lambda self, block: calls.append(block) or compute(self, block))
    steps = [READ, node("C", "Subset", "sourceProduct=R", region="1,1,20,20")]
    one = node("M", "BandMaths", "sourceProduct=C", targetBands=MATHS.format("p + q"))
    two = node("N", "BandMaths", "sourceProduct=C", targetBands=MATHS.format("p - q"))
    both = node("B", "BandMerge", "sourceProduct=M sourceProduct.1=N")
    run_native(graph(*steps, one, two, both), files, output=files.folder / "o.tif")
    assert len(calls) == 2  # one block of p, one of q
    np.testing.assert_array_equal(pixels(files.folder / "o.tif", 2), 2 * A[1:21, 1:21])


def test_sources_of_the_command_line(files: Context, tmp_path: Path) -> None:
    made = graph(
        node(
            "M",
            "BandMaths",
            "sourceProduct=left sourceProduct.1=right",
            targetBands=MATHS.format("p * r"),
        ),
        sources={"left": "a.tif", "right": "b.tif"},
    )
    assert run_native(made, files, output=tmp_path / "o.nc")[0].node == "M"
    assert build(made, files)["left"].name == "a"
    header = '<header><source name="left"></source></header>'
    text = f'<graph id="G"><version>1.0</version>{header}{node("S", "BandSelect", "sourceProduct=left")}</graph>'
    with pytest.raises(GraphError, match="left"):
        run_native(Graph.from_text(text), files, output=tmp_path / "x.tif")


def test_product_sets(files: Context, tmp_path: Path, write_raster: Callable[..., Path]) -> None:
    merge = node("B", "BandMerge", "sourceProducts=P")
    run_native(graph(node("P", "ProductSet-Reader", fileList="a.tif, b.tif"), merge), files, output=tmp_path / "o.tif")
    with rasterio.open(tmp_path / "o.tif") as ds:
        assert ds.descriptions == ("p", "q", "r")
    write_raster(A, "set/x,y.tif", grid=grid_of(A.shape))
    write_raster(A, "set/z.tif", grid=grid_of(A.shape))
    for listed, count in (("set", 2), (r"set/x\u002Cy.tif,b.tif", 2)):
        found = build(graph(node("P", "ProductSet-Reader", fileList=listed), merge), files)
        assert len(found["B"].bands) == count and "P" not in found
    maths = node(
        "M", "BandMaths", "sourceProduct=P", targetBands=MATHS.format("$sourceProduct.1.r + $sourceProduct.0.p")
    )
    run_native(graph(node("P", "ProductSet-Reader", fileList="a.tif,b.tif"), maths), files, output=tmp_path / "m.tif")
    np.testing.assert_array_equal(pixels(tmp_path / "m.tif"), 3 * A)
    with pytest.raises(GraphError, match="node 'P': hands on several products"):
        run_native(graph(node("P", "ProductSet-Reader", fileList="a.tif,b.tif")), files, output=tmp_path / "x.tif")


WRITE = node("W", "Write", "source=R", file="w.tif", formatName="GeoTIFF")


@pytest.mark.parametrize(
    ("nodes", "output", "message"),
    [
        ([READ], None, "test has no Write: name the file for the result of node 'R' with -o"),
        ([READ, WRITE], "o.tif", "writes its results by itself, to .*w.tif; leave out -o"),
        (
            [READ, node("W", "Write", "source=R", file="w")],
            None,
            r"node 'W' \(Write\): formatName = 'BEAM-DIMAP' is written by SNAP",
        ),
        ([node("R", "Read", file="c.tif"), WRITE], None, r"node 'R' \(Read\): file '.*c.tif' does not exist"),
        ([READ, WRITE, WRITE.replace('"W"', '"V"')], None, "another node writes to 'w.tif' as well"),
        ([READ, node("S", "Subset", "source=R", region="1,2")], "o.tif", "node 'S': .*expected x,y,width,height"),
        (
            [READ, node("S", "Subset", "source=R", region="99,2,5,5")],
            "o.tif",
            r"^node 'S' \(Subset\): region = '99,2,5,5' lies beside",
        ),
        ([READ, node("S", "Subsett", "source=R")], "o.tif", "no operator 'Subsett'; did you mean 'Subset'"),
        (
            [READ, node("F", "Cross-Correlation", "source=R"), node("G", "Warp", "source=F")],
            "o.tif",
            r"only SNAP runs Cross-Correlation \(node 'F'\), Warp \(node 'G'\); install SNAP .* or take them",
        ),
        (
            [READ, node("B", "BandSelect", "source=R", sourceBands="x")],
            "o.tif",
            r"node 'B' \(BandSelect\): sourceBands = 'x': a has",
        ),
    ],
)
def test_what_is_wrong_is_said_before(files: Context, nodes: list[str], output: str | None, message: str) -> None:
    before = sorted(files.folder.iterdir())
    with pytest.raises(GraphError, match=message):
        run_native(graph(*nodes), files, output=None if output is None else files.folder / output)
    assert sorted(files.folder.iterdir()) == before


def test_outputs_that_cannot_be(files: Context) -> None:
    (files.folder / "w.tif").write_text("kept")
    with pytest.raises(OutputError, match=r"w.tif: exists already"):
        run_native(graph(READ, WRITE), files)
    assert (files.folder / "w.tif").read_text() == "kept"
    with pytest.raises(OutputError, match=r"w.tif/x.tif: its folder cannot be made"):
        run_native(graph(READ), files, output=files.folder / "w.tif" / "x.tif")
    own = Context(folder=files.folder, overwrite=True)
    with pytest.raises(OutputError, match=r"a.tif: is also an input"):
        run_native(graph(READ, WRITE.replace("w.tif", "a.tif")), own)
    with pytest.raises(UnusableImageError, match="no valid pixel"):
        empty = node("M", "BandMaths", "source=R", targetBands=MATHS.format("NaN"))
        run_native(graph(READ, empty), files, output=files.folder / "o.tif")
    assert not (files.folder / "o.tif").exists()


def test_the_graph_of_sentinel2(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path / "in", "2A")
    made = Graph.read("s2_l2a_default", {"input": str(truth.path), "output": str(tmp_path / "o.tif")})
    run_native(made, Context(engine=Threads(2)))
    with rasterio.open(tmp_path / "o.tif") as ds:
        assert ds.descriptions == ("B2", "B3", "B4", "B8") and ds.dtypes == ("uint16",) * 4 and ds.nodata == 0
        assert ds.scales == (1e-4,) * 4 and ds.offsets == (-0.1,) * 4
        for number, name in enumerate(("B02", "B03", "B04", "B08"), start=1):
            np.testing.assert_array_equal(ds.read(number), truth.dn[name, 10])


def test_the_graph_of_landsat(tmp_path: Path) -> None:
    """On its own grid nothing is resampled."""
    truth = write_landsat(tmp_path / "in", "L1TP")
    values = {"input": str(truth.path), "output": str(tmp_path / "o.tif"), "mapProjection": f"EPSG:{truth.epsg}"}
    run_native(Graph.read("landsat_c2_pan", values), Context())
    with rasterio.open(tmp_path / "o.tif") as ds:
        assert tuple(ds.transform)[:6] == truth.pan_transform
        seen = truth.dn["B8"] > 0
        np.testing.assert_allclose(ds.read(1)[seen], truth.values["B8"][seen], atol=1e-6)
        assert np.isnan(ds.read(1)[~seen]).all()


LANDSAT = "landsat/LC08_L1TP_016037_20170813_20170814_01_RT"


def test_a_real_scene(shared_data: Path, tmp_path: Path) -> None:
    """Read, Resample, BandMaths and Subset against rasterio and numpy."""
    folder = shared_data / LANDSAT
    made = graph(
        node("R", "Read", file=str(folder)),
        node("S", "BandSelect", "source=R", sourceBands="B4,B5,B8"),
        node("Z", "Resample", "source=S", referenceBand="B4", downsampling="Mean"),
        node("M", "BandMaths", "source=Z", targetBands=MATHS.format("(B5 - B4) / (B5 + B4)")),
        node("X", "BandMerge", "sourceProduct=Z sourceProduct.1=M"),
        node("C", "Subset", "source=X", region="17,23,100,90"),
    )
    run_native(made, Context(), output=tmp_path / "o.tif")

    def band(name: str) -> np.ndarray:
        with rasterio.open(next(folder.glob(f"*_{name}.TIF"))) as ds:
            found = ds.read(1).astype(np.float64)
        return np.where(found == 0, np.nan, found)

    scale = build(made, Context())["R"].band("B4")
    b4, b5 = (band(name)[23:113, 17:117] for name in ("B4", "B5"))
    with rasterio.open(tmp_path / "o.tif") as ds:
        assert ds.descriptions == ("B4", "B5", "B8", "t") and ds.shape == (90, 100)
        np.testing.assert_array_equal(ds.read(1), b4)
        np.testing.assert_array_equal(ds.read(2), b5)
        red, near = (each * scale.scale + scale.offset for each in (b4, b5))
        np.testing.assert_allclose(ds.read(4), (near - red) / (near + red), atol=1e-5)
        with rasterio.open(next(folder.glob("*_B4.TIF"))) as raw, rasterio.open(next(folder.glob("*_B8.TIF"))) as pan:
            assert ds.transform == raw.window_transform(rasterio.windows.Window(17, 23, 100, 90))
            fine = pan.read(1).astype(np.float64)
            t = ~pan.transform @ ds.transform
        rows, cols = (shares(*each) for each in ((t.f, t.e, 90, fine.shape[0]), (t.c, t.a, 100, fine.shape[1])))
        seen = (fine > 0) * 1.0
        with np.errstate(invalid="ignore"):
            mean = (rows @ fine @ cols.T) / (rows @ seen @ cols.T)
        assert np.isfinite(mean).any() and ds.dtypes == ("float32",) * 4 and np.isnan(ds.nodata)
        np.testing.assert_allclose(ds.read(3), mean, rtol=1e-5)


def shares(start: float, size: float, count: int, length: int) -> np.ndarray:
    """How much of each fine pixel lies in each coarse one, along one axis: ``(coarse, fine)``."""
    low = start + size * np.arange(count)[:, None]
    fine = np.arange(length)[None, :]
    return np.clip(np.minimum(low + size, fine + 1) - np.maximum(low, fine), 0, None)


SCRIPT = """
import resource, sys, numpy as np
from pathlib import Path
from sensetrack.engine import Threads
from sensetrack.graph.model import Graph
from sensetrack.graph.native import run_native
from sensetrack.graph.operators._base import Context
text = Path(sys.argv[1]).read_text()
context = Context(folder=Path(sys.argv[1]).parent, engine=Threads(2))
run_native(Graph.from_text(text.replace("SIZE", "256")), context, output=Path(sys.argv[1]).with_name("small.tif"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run_native(Graph.from_text(text.replace("SIZE", "9000")), context, output=Path(sys.argv[1]).with_name("large.tif"))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module")
def test_memory_does_not_grow_with_the_scene(tmp_path: Path) -> None:
    """A scene of 9000 x 9000 pixels in two bands (650 MB of float32) passes in blocks."""
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=9000, height=9000, count=2, dtype="uint8", tiled=True,
        crs="EPSG:32633", transform=grid_of((9000, 9000)).transform, compress="deflate", sparse_ok=True,
    ) as ds:  # fmt: skip
        for row in range(0, 9000, 1024):
            height = min(1024, 9000 - row)
            ds.write(np.full((2, height, 9000), 1 + row // 1024, np.uint8), window=((row, row + height), (0, 9000)))
    made = (
        node("R", "Read", file="a.tif"),
        node("C", "Subset", "source=R", region="0,0,SIZE,SIZE"),
        node("Z", "Resample", "source=C", targetResolution="20", downsampling="Mean"),
        node("M", "BandMaths", "source=Z", targetBands=MATHS.format("band_1 + sqrt(band_2)")),
    )
    file = tmp_path / "graph.xml"
    file.write_text(f'<graph id="G"><version>1.0</version>{"".join(made)}</graph>')
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 450
    assert pixels(tmp_path / "large.tif")[-1, -1] == 9 + 3


def test_a_real_tile(shared_data: Path, tmp_path: Path) -> None:
    """Sentinel-2's bands of 60 m at 20 m, cut to a region, against GDAL's own pixels."""
    folder = shared_data / "sentinel2/stars/S2A_MSIL1C_20220125T151701_N0400_R125_T18LTM_20220125T190036.SAFE"
    region = "POLYGON((-77.2 -12.3, -77.1 -12.3, -77.1 -12.2, -77.2 -12.2, -77.2 -12.3))"
    made = graph(
        node("R", "Read", file=str(folder), formatName="SENTINEL-2-MSI-MultiRes-UTM18S"),
        node("B", "BandSelect", "source=R", bandNamePattern="B(1|9|10)"),
        node("Z", "Resample", "source=B", targetResolution="20"),
        node("C", "Subset", "source=Z", geoRegion=region),
    )
    run_native(made, Context(engine=Threads(2)), output=tmp_path / "o.tif")
    with rasterio.open(tmp_path / "o.tif") as ds:
        assert ds.descriptions == ("B1", "B9", "B10") and ds.dtypes == ("uint16",) * 3 and ds.offsets == (-0.1,) * 3
        box = rasterio.warp.transform_bounds("EPSG:4326", ds.crs, -77.2, -12.3, -77.1, -12.2, densify_pts=100)
        for edge, found in zip(box, ds.bounds, strict=True):
            assert abs(edge - found) <= 20.5
        for number, name in enumerate(("B01", "B09", "B10"), start=1):
            with rasterio.open(next(folder.glob(f"GRANULE/*/IMG_DATA/*_{name}.jp2"))) as raw:
                col, row = ~raw.transform @ (ds.transform @ (0, 0))
                fine = np.kron(raw.read(1), np.ones((3, 3), np.uint16))
            top, left = round(row * 3), round(col * 3)
            np.testing.assert_array_equal(ds.read(number), fine[top : top + ds.height, left : left + ds.width])
