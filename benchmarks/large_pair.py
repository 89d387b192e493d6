"""Memory, time and sameness on a pair of 30 000 x 23 000 pixels, and what a killed run leaves behind.

Writes a sparse pair (every third square of 2048 pixels is textured, the rest is nodata), tracks it with every engine
as a user would, from the command line, and reports the peak memory of the whole process tree, the time, and whether
all outputs have the same bytes. Then it kills a run with SIGKILL and runs it again. Memory is given twice: as resident
(RSS), which counts pages that processes share for each of them, and as proportional (PSS, Linux only), which counts
them once.

    python benchmarks/large_pair.py                                   the figures of the documentation
    python benchmarks/large_pair.py --rows 6000 --cols 5000           smaller
    python benchmarks/large_pair.py --tracker pcc --options "--window 32 --step 32"
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import rasterio
from affine import Affine
from rasterio.windows import Window

TILE = 512
SQUARE = 2048
DX, DY = 3.37, -2.21
FOLDER = Path(__file__).parent / "out"


class Texture:
    """A sum of plane waves, which is exact at any shift."""

    def __init__(self, seed: int = 0, waves: int = 60) -> None:
        rng = np.random.default_rng(seed)
        angle = rng.uniform(0, 2 * np.pi, waves)
        k = 2 * np.pi / np.exp(rng.uniform(np.log(5.0), np.log(40.0), waves))
        self.k_row, self.k_col = k * np.sin(angle), k * np.cos(angle)
        self.phase = np.exp(1j * rng.uniform(0, 2 * np.pi, waves)) * 400 / np.sqrt(waves)

    def tile(self, row: int, col: int, dx: float, dy: float) -> np.ndarray:
        """Return uint16 pixels of the tile at (row, col), their content moved by (dx, dy)."""
        rows = np.exp(1j * np.outer(row + np.arange(TILE) - dy, self.k_row)) * self.phase
        cols = np.exp(1j * np.outer(self.k_col, col + np.arange(TILE) - dx))
        return np.clip(np.rint(2000 + (rows @ cols).real), 1, 65535).astype(np.uint16)


def textured_tiles(rows: int, cols: int) -> Iterator[tuple[int, int]]:
    """Yield the upper left pixels of the tiles that hold anything."""
    for row in range(0, rows - TILE + 1, TILE):
        for col in range(0, cols - TILE + 1, TILE):
            if (row // SQUARE + col // SQUARE) % 3 == 0:
                yield row, col


def make_pair(folder: Path, rows: int, cols: int) -> tuple[Path, Path]:
    """Write the two images as sparse tiled GeoTIFFs."""
    paths = folder / "20200101.tif", folder / "20200113.tif"
    texture = Texture()
    for path, dx, dy in zip(paths, (0.0, DX), (0.0, DY), strict=True):
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            height=rows,
            width=cols,
            count=1,
            dtype="uint16",
            nodata=0,
            crs="EPSG:32633",
            transform=Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 5_000_000.0),
            tiled=True,
            blockxsize=TILE,
            blockysize=TILE,
            compress="deflate",
            zlevel=1,
            SPARSE_OK=True,
        ) as ds:
            for row, col in textured_tiles(rows, cols):
                ds.write(texture.tile(row, col, dx, dy), 1, window=Window(col, row, TILE, TILE))
    return paths


def command(options: argparse.Namespace, pair: tuple[Path, Path], output: Path, engine: str) -> list[str]:
    """Return the command line of one run."""
    workers = [] if engine == "serial" else ["--workers", str(options.workers)]
    chosen = ["--engine", engine, *workers, *shlex.split(options.options)]
    return [sys.executable, "-m", "sensetrack", options.tracker, "-q", *map(str, pair), "-o", str(output), *chosen]


def memory_of(process: psutil.Process) -> np.ndarray:
    """Return the resident and the proportional bytes of a process and all that it started."""
    total = np.zeros(2)
    for member in [process, *process.children(recursive=True)]:
        try:
            memory = member.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        total += memory.rss, getattr(memory, "pss", memory.rss)
    return total


def watch(arguments: list[str]) -> dict[str, float]:
    """Run to the end; return the seconds and the peak memory of the process tree."""
    start = time.perf_counter()
    peak = np.zeros(2)
    with subprocess.Popen(arguments) as run:
        process = psutil.Process(run.pid)
        while run.poll() is None:
            try:
                peak = np.maximum(peak, memory_of(process))
            except psutil.NoSuchProcess:
                break
            time.sleep(0.1)
    if run.returncode:
        raise SystemExit(f"failed with status {run.returncode}: {shlex.join(arguments)}")
    rss, pss = (round(float(value) / 1e6) for value in peak)
    return {"seconds": round(time.perf_counter() - start, 1), "peak RSS MB": rss, "peak PSS MB": pss}


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def partials(folder: Path) -> list[str]:
    """Return the names of unfinished files."""
    return [path.name for path in folder.iterdir() if ".partial" in path.name]


def kill_and_repeat(options: argparse.Namespace, pair: tuple[Path, Path], expected: str) -> dict[str, bool]:
    """Kill a run in the middle, look at what it left, and run it again."""
    output = options.folder / "killed.tif"
    output.unlink(missing_ok=True)
    engine = options.engines[-1]
    with subprocess.Popen(command(options, pair, output, engine)) as run:
        family = psutil.Process(run.pid)
        while not partials(options.folder):
            if run.poll() is not None:
                raise SystemExit("the run ended before it began to write")
            time.sleep(0.01)
        time.sleep(options.kill_after)
        workers = family.children(recursive=True)
        was_running = run.poll() is None
        os.kill(run.pid, signal.SIGKILL)
    left = {"no file under the final name": not output.exists(), "a partial file": len(partials(options.folder)) == 1}
    _, alive = psutil.wait_procs(workers, timeout=20)
    watch(command(options, pair, output, engine))
    return {
        "killed while it ran": was_running,
        **left,
        "no worker lives on": not alive,
        "the next run removes the partial file": not partials(options.folder),
        "and writes the same bytes": digest(output) == expected,
    }


def error_of(path: Path) -> dict[str, float]:
    """Return the share of pixels measured and the error of the median displacement."""
    with rasterio.open(path) as ds:
        dx, dy, flags = (ds.read(ds.descriptions.index(name) + 1) for name in ("dx", "dy", "flags"))
    good = flags == 0
    return {
        "measured share": float(good.mean()),
        "median error dx": float(np.median(dx[good]) - DX),
        "median error dy": float(np.median(dy[good]) - DY),
    }


def main() -> None:
    """Run the benchmark and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--cols", type=int, default=23_000)
    parser.add_argument("--tracker", default="pcc")
    parser.add_argument("--options", default="--window 64 --step 64", help="of the tracker command")
    parser.add_argument("--engines", nargs="+", default=["serial", "threads", "dask"])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill-after", type=float, default=3.0, help="seconds of writing before the kill")
    parser.add_argument("--no-kill", action="store_true")
    parser.add_argument("--folder", type=Path, default=FOLDER / "large_pair")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    pair = make_pair(options.folder, options.rows, options.cols)
    runs = {}
    digests = {}
    for engine in options.engines:
        output = options.folder / f"{engine}.tif"
        output.unlink(missing_ok=True)
        runs[engine] = watch(command(options, pair, output, engine))
        digests[engine] = digest(output)
    first = options.folder / f"{options.engines[0]}.tif"
    report = {
        "size": [options.rows, options.cols],
        "tracker": f"{options.tracker} {options.options}",
        "workers": options.workers,
        "runs": runs,
        "identical": len(set(digests.values())) == 1,
        **error_of(first),
        "killed": {} if options.no_kill else kill_and_repeat(options, pair, digests[options.engines[0]]),
    }
    text = json.dumps(report, indent=2)
    (options.folder / "report.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
