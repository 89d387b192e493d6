"""Terrain correction beside sarsen, and the speed of its geometry: the figures in docs/terrain-correction.md.

``python benchmarks/terrain_correction.py PRODUCT DEM`` takes a Sentinel-1 GRD product (the annotation counts: its
pixels are replaced by a ramp) and an elevation model inside of it with heights in metres, which are taken as heights
above the ellipsoid, as sarsen does. Both packages run in a process of their own. Needs the extra ``peers``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS

OURS, PEER = "sensetrack", "sarsen"
ROUNDS = 3


def ramp(line: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Return the number of a pixel."""
    return 1000.0 + line + sample


def with_ramp(product: Path, dem: Path, folder: Path) -> Path:
    """Copy a product with a ramp in place of its pixels, written where the elevation model lies, elsewhere sparse."""
    copy = folder / product.name
    shutil.copytree(product, copy)
    tiff = next((copy / "measurement").glob("*.tiff"))
    with rasterio.open(tiff) as old:
        shape = old.shape
    (first, last), (left, right) = window_of(product, dem)
    profile = {"driver": "GTiff", "dtype": "uint16", "count": 1, "height": shape[0], "width": shape[1]}
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "SPARSE_OK": "TRUE"}
    tiff.unlink()
    with rasterio.open(tiff, "w", **profile, **layout) as new:
        for row in range(first // 512 * 512, min(last, shape[0]), 512):
            for col in range(left // 512 * 512, min(right, shape[1]), 512):
                height, width = min(512, shape[0] - row), min(512, shape[1] - col)
                numbers = ramp(*np.mgrid[row : row + height, col : col + width])
                window = rasterio.windows.Window(col, row, width, height)
                new.write(numbers.astype(np.uint16), 1, window=window)
    return copy


def window_of(product: Path, dem: Path, margin: int = 600) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first and the last line and sample around an elevation model."""
    from sensetrack import sensors
    from sensetrack.graph.radar_scene import radar_grid
    from sensetrack.radar.geocode import pixels_of

    about = sensors.open_product(product).annotation("VV")
    with rasterio.open(dem) as source:
        box = source.bounds
    x, y = np.meshgrid([box.left, box.right], [box.bottom, box.top])
    places = pixels_of(radar_grid(about), x, y, 0.0)
    lines, samples = ((max(0, int(each.min()) - margin), int(each.max()) + margin) for each in places)
    return lines, samples


def run_ours(product: str, dem: str, output: str, method: str) -> float:
    """Correct with this package; return the seconds without imports."""
    from sensetrack import sensors
    from sensetrack.coregister.write import write_images
    from sensetrack.graph.operators._base import Context
    from sensetrack.graph.operators.terrain_correction import TerrainCorrection
    from sensetrack.graph.radar_scene import radar_scene
    from sensetrack.raster.image import Image

    start = time.perf_counter()
    scene = radar_scene(sensors.open_product(product))
    correction = TerrainCorrection(
        demName="External DEM",
        externalDEMFile=dem,
        externalDEMApplyEGM=False,
        externalDEMNoDataValue=-32768.0,
        imgResamplingMethod={"linear": "BILINEAR_INTERPOLATION", "nearest": "NEAREST_NEIGHBOUR"}[method],
    )
    made = correction.onto(scene, Image.open(dem).grid, Context())
    write_images([band.image for band in made.bands], output, overwrite=True)
    return time.perf_counter() - start


def run_peer(product: str, dem: str, output: str, method: str) -> float:
    """Correct with sarsen."""
    import sarsen

    start = time.perf_counter()
    scene = sarsen.Sentinel1SarProduct(product, "IW/VV")
    sarsen.terrain_correction(scene, dem_urlpath=dem, output_urlpath=output, interp_method=method)
    return time.perf_counter() - start


def child(package: str, *arguments: str) -> dict[str, Any]:
    """Run one correction in a process of its own; return its seconds and its largest memory."""
    command = [sys.executable, __file__, "--child", package, *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1]) | {"all_seconds": time.perf_counter() - start}


def compare(ours: Path, peer: Path, gain: float) -> tuple[float, float, float]:
    """Return mean and largest relative difference of intensities, and the share of pixels that both have."""
    with rasterio.open(ours) as first, rasterio.open(peer) as second:
        one, two = first.read(1).astype(float) ** 2, second.read(1).astype(float)
        if second.transform.e > 0:
            two = two[::-1]
    both = np.isfinite(one) & np.isfinite(two) & (two > 0)
    ratio = one[both] / (two[both] * gain) - 1
    return float(np.abs(ratio).mean()), float(np.abs(ratio).max()), float(both.mean())


def beta_nought(product: Path) -> float:
    """Return the number whose square divides the power to make beta nought, which is the same for all pixels."""
    from sensetrack.sensors import parse_xml

    table = next((product / "annotation" / "calibration").glob("calibration-*vv*.xml"))
    path = "calibrationVectorList/calibrationVector/betaNought"
    return float(parse_xml(table.read_bytes(), str(table)).all(path)[0].numbers(".")[0])


def beside(product: Path, dem: Path) -> None:
    """Print both packages side by side."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy = with_ramp(product, dem, folder)
        gain = beta_nought(copy) ** 2
        for method in ("nearest", "linear"):
            results = {}
            for package in (OURS, PEER) * ROUNDS:
                output = folder / f"{package}-{method}.tif"
                found = child(package, str(copy), str(dem), str(output), method)
                if package not in results or found["seconds"] < results[package]["seconds"]:
                    results[package] = found
            mean, most, share = compare(folder / f"{OURS}-{method}.tif", folder / f"{PEER}-{method}.tif", gain)
            print(
                f"{method}: relative difference {mean:.1e} mean, {most:.1e} at most, of {100 * share:.1f} % of pixels"
            )
            for package, found in results.items():
                print(
                    f"  {package:10s} {found['seconds']:6.2f} s, with start of Python {found['all_seconds']:6.2f} s, "
                    f"{found['megabytes']:5.0f} MB"
                )


def geometry(product: Path) -> None:
    """Print how many points a second one core locates, exactly and by the lattice."""
    from sensetrack import sensors
    from sensetrack.graph.elevation import Elevation
    from sensetrack.graph.geocoding import Geocoder
    from sensetrack.graph.map_places import MapPlaces
    from sensetrack.graph.radar_scene import radar_grid
    from sensetrack.radar.lattice import Lattice
    from sensetrack.raster.grid import Grid
    from sensetrack.raster.tiles import Block

    radar = radar_grid(sensors.open_product(product).annotation("VV"))
    grid = Grid((1024, 1024), Affine(10, 0, 290_000, 0, -10, 4_655_000), CRS.from_epsg(32633))
    block = Block(0, 0, *grid.shape)
    geocoder = Geocoder.of(radar, grid, Elevation(base=1234.5))
    longitude, latitude = MapPlaces(grid, Lattice(1)).at(block)
    height = np.full(grid.shape, 1234.5)
    calls = {
        "time and range, exact": lambda: geocoder.geometry.times_ranges(latitude, longitude, height),
        "line and sample, exact": lambda: geocoder.geometry.pixels(latitude, longitude, height),
        "line and sample, lattice": lambda: geocoder._positions(block),
    }
    results = {}
    for name, call in calls.items():
        call()
        best = np.inf
        for _ in range(5):
            start = time.perf_counter()
            results[name] = call()
            best = min(best, time.perf_counter() - start)
        print(f"{name}: {grid.height * grid.width / best / 1e6:.1f} million points a second on one core")
    line, sample = results["line and sample, exact"]
    found = results["line and sample, lattice"][0]
    print(
        f"lattice of {geocoder.places.lattice.step} pixels: off by {np.abs(found[0] - line).max():.1e} lines, "
        f"{np.abs(found[1] - sample).max():.1e} samples at most"
    )


def kernels(lengths: tuple[int, ...] = (3, 4, 8, 16)) -> None:
    """Print by how much each kernel displaces waves across an image: the worst over fractions of a pixel."""
    from typing import get_args

    from sensetrack.graph.geocoding import Interpolation, gather
    from sensetrack.raster.tiles import Block

    size, turns = 480, np.linspace(0, 2 * np.pi, 16, endpoint=False)
    valid = np.ones((64, size), bool)
    print("largest displacement of waves of", *(f"{length} px" for length in lengths))
    for method in get_args(Interpolation):
        worst = []
        for length in lengths:
            angle = 2 * np.pi / length
            waves = [np.tile(np.cos(angle * np.arange(size) + turn), (64, 1)) for turn in turns]
            most = 0.0
            for fraction in np.arange(20) / 20:
                col = np.arange(60.0, size - 60)[None] + fraction
                row = np.full(col.shape, 32.0)
                total = 0j
                for turn, wave in zip(turns, waves, strict=True):

                    def read(block: Block, wave: np.ndarray = wave) -> tuple[np.ndarray, np.ndarray]:
                        return wave[block.slices], valid[block.slices]

                    found = gather(read, valid.shape, row, col, method)[0]
                    total += (found * np.exp(-1j * (angle * col + turn))).mean()
                most = max(most, abs(float(np.angle(total))) / angle)
            worst.append(most)
        print(f"  {method:10s}", *(f"{each:8.4f}" for each in worst))


def main() -> None:
    """Run everything."""
    if sys.argv[1:2] == ["--child"]:
        import resource

        seconds = {OURS: run_ours, PEER: run_peer}[sys.argv[2]](*sys.argv[3:])
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "megabytes": most}))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("product", type=Path)
    parser.add_argument("dem", type=Path)
    chosen = parser.parse_args()
    kernels()
    geometry(chosen.product)
    beside(chosen.product, chosen.dem)


if __name__ == "__main__":
    main()
