"""Memory and speed of a whole Sentinel-1 GRD scene through a graph, as a user would run it.

Takes the metadata of a real product, fills its image with speckle, writes a smooth elevation model under it, runs the
graph from the command line, and reports the peak memory of the process and pixels per second and core.

    python benchmarks/full_grd.py S1B_IW_GRDH_1SDV_20211223T051122_....SAFE
    python benchmarks/full_grd.py PRODUCT --graph my.xml --spacing 20 --workers 1
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import psutil
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from sensetrack.sensors import open_product
from sensetrack.sensors.sentinel1 import Sentinel1Product

FOLDER = Path(__file__).parent / "out"
ROWS = 512


def write_scene(product: Path, folder: Path) -> Path:
    """Copy the metadata of a product and write speckle as its image."""
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    scene = folder / product.name
    if scene.exists():
        return scene
    shutil.copytree(product, scene, ignore=shutil.ignore_patterns("measurement", "preview"))
    (scene / "measurement").mkdir()
    opened = open_product(product)
    assert isinstance(opened, Sentinel1Product)
    for band, about in opened.annotations.items():
        rng = np.random.default_rng(0)
        height, width = about.shape
        with rasterio.open(
            scene / "measurement" / f"{opened.stems[band]}.tiff",
            "w",
            driver="GTiff",
            height=height,
            width=width,
            count=1,
            dtype="uint16",
        ) as ds:
            for row in range(0, height, ROWS):
                count = min(ROWS, height - row)
                speckle = rng.gamma(4.4, 1 / 4.4, (count, width)).astype(np.float32)
                ds.write(np.rint(150 * np.sqrt(speckle)).astype(np.uint16), 1, window=Window(0, row, width, count))
    return scene


def write_dem(product: Path, folder: Path, spacing: float = 1 / 1200) -> Path:
    """Write a smooth elevation model under a product, heights above the ellipsoid."""
    path = folder / "dem.tif"
    if path.exists():
        return path
    opened = open_product(product)
    assert opened.outline is not None
    lon, lat = np.array(opened.outline).T
    west, north = lon.min() - 0.3, lat.max() + 0.3
    cols, rows = int((lon.max() + 0.3 - west) / spacing), int((north - lat.min() + 0.3) / spacing)
    x, y = np.arange(cols) * spacing, np.arange(rows)[:, None] * spacing
    height = 600 + 500 * np.sin(x * 40) * np.cos(y * 31) + 80 * np.sin(x * 211 + y * 97)
    transform = Affine(spacing, 0, west, 0, -spacing, north)
    options = {"driver": "GTiff", "count": 1, "dtype": "float32", "crs": "EPSG:4326", "transform": transform}
    with rasterio.open(path, "w", height=rows, width=cols, compress="deflate", **options) as ds:
        ds.write(height.astype(np.float32), 1)
    return path


def measured(command: list[str]) -> tuple[float, float]:
    """Run a command and return its seconds and the peak of its resident memory, bytes, with that of its children."""
    start = time.perf_counter()
    process = subprocess.Popen(command)
    peak = 0.0
    stopped = threading.Event()

    def watch() -> None:
        nonlocal peak
        family = psutil.Process(process.pid)
        while not stopped.wait(0.1):
            try:
                held = sum(each.memory_info().rss for each in [family, *family.children(recursive=True)])
            except psutil.Error:
                continue
            peak = max(peak, held)

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = process.wait()
    stopped.set()
    watcher.join()
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {status}")
    return time.perf_counter() - start, peak


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("product", type=Path)
    parser.add_argument("--graph", default="s1_grd_sigma0_db")
    parser.add_argument("--spacing", type=float, default=10.0, help="pixel size, m")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="more variables of the graph")
    parser.add_argument("--keep", action="store_true", help="leave the files in benchmarks/out")
    args = parser.parse_args()
    folder = FOLDER / "full_grd"
    folder.mkdir(parents=True, exist_ok=True)
    scene, dem, output = write_scene(args.product, folder), write_dem(args.product, folder), folder / "out.tif"
    variables = {
        "input": str(scene),
        "output": str(output),
        "mapProjection": "EPSG:32633",
        "pixelSpacing": f"{args.spacing:g}",
        "demName": "External DEM",
        "demFile": str(dem),
        "demGeoid": "false",
        **dict(text.split("=", 1) for text in args.set),
    }
    command = [str(Path(sys.executable).with_name("sensetrack")), "graph", "run", args.graph, "--overwrite", "-q"]
    command += ["--workers", str(args.workers)]
    command += [part for name, value in variables.items() for part in ("-P", f"{name}={value}")]
    seconds, peak = measured(command)
    with rasterio.open(output) as ds:
        pixels = ds.height * ds.width
        seen = ds.read_masks(1, out_shape=(ds.height // 64, ds.width // 64)) > 0
        print(f"output            {ds.height} x {ds.width} pixels, {100 * seen.mean():.0f} % valid")
    print(f"time              {seconds:.0f} s with {args.workers} workers")
    print(f"pixels/s and core {pixels / seconds / args.workers:,.0f}")
    print(f"peak memory       {peak / 2**20:.0f} MiB")
    if not args.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
