"""Terrain correction beside sarsen: the same real geometry, the same heights, the same numbers."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The program that measures both, each in a process of its own."""
    if importlib.util.find_spec("sarsen") is None:
        pytest.skip('sarsen is not installed: pip install "sensetrack[peers]"')
    path = Path(__file__).parents[2] / "benchmarks" / "terrain_correction.py"
    spec = importlib.util.spec_from_file_location("terrain_correction_benchmark", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("method", ["nearest", "linear"])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_ramp_in_a_real_product(benchmark: ModuleType, shared_data: Path, tmp_path: Path, method: str) -> None:
    folder = shared_data / "sentinel1" / "sarsen"
    dem = folder / "Rome-30m-DEM.tif"
    product = benchmark.with_ramp(next(folder.glob("*GRD*.SAFE")), dem, tmp_path)
    found, outputs = {}, {}
    # The first run of ours compiles its loops, which takes memory of its own.
    for package in (benchmark.OURS, benchmark.OURS, benchmark.PEER):
        outputs[package] = tmp_path / f"{package}.tif"
        found[package] = benchmark.child(package, str(product), str(dem), str(outputs[package]), method)
    mean, most, share = benchmark.compare(*outputs.values(), benchmark.beta_nought(product) ** 2)
    assert share > 0.99
    # The ramp grows by a 16th of a thousandth per pixel; sarsen interpolates ground range in time, 0.7 pixel off.
    assert mean < 1e-4 and most < 1e-3
    assert found[benchmark.OURS]["megabytes"] < found[benchmark.PEER]["megabytes"]
