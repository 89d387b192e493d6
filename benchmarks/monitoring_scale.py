"""A whole project on several processes: pairs per hour, peak memory, and speed-up over one process.

Makes up scenes of one place with a seed: the middle moves, the rest stands still, every scene has noise of its own. All
pairs of up to REACH dates apart go through `sensetrack.project`, as `sensetrack run --engine dask` does. Before that, a
few of the pairs are measured in turns by one process and by all, from the same start, so that both see the same
machine. Memory is that of the process and all that it started, as resident (RSS), which counts pages that processes
share for each of them, and as proportional (PSS, Linux only), which counts them once.

    OMP_NUM_THREADS=1 python benchmarks/monitoring_scale.py                             the figures of the documentation
    OMP_NUM_THREADS=1 python benchmarks/monitoring_scale.py --size 500 --scenes 6 --reach 3    smaller
"""

from __future__ import annotations

import argparse
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import psutil
import rasterio
import yaml
from affine import Affine
from scipy import fft

from sensetrack.engine import Dask, Engine, Serial, open_engine
from sensetrack.project import Project
from sensetrack.timeseries import Cube

FOLDER = Path(__file__).parent / "out" / "monitoring_scale"
RATE = (0.04, -0.03)
"""Pixels per day along columns and rows."""

METRES = 10.0
DAYS = 6
FIRST = date(2020, 1, 1)
MB = 1e6


def write_scenes(folder: Path, size: int, count: int) -> None:
    """Write ``count`` scenes of ``size`` x ``size`` pixels."""
    rng = np.random.default_rng(1)
    row, col = fft.fftfreq(size)[:, None], fft.rfftfreq(size)[None, :]
    frequency = np.hypot(row, col)
    spectrum = fft.rfft2(rng.standard_normal((size, size))) * np.exp(-((4 * frequency) ** 2)) / (0.02 + frequency)
    still = fft.irfft2(spectrum, (size, size))
    scale = 400 / still.std()
    moving = slice(size // 3, 2 * size // 3)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        day = number * DAYS
        shifted = fft.irfft2(spectrum * np.exp(-2j * np.pi * day * (RATE[0] * col + RATE[1] * row)), (size, size))
        image = still.copy()
        image[moving, moving] = shifted[moving, moving]
        pixels = 3000 + scale * image + 20 * rng.standard_normal((size, size))
        with rasterio.open(
            folder / f"{FIRST + timedelta(days=day):%Y%m%d}.tif",
            "w",
            driver="GTiff",
            height=size,
            width=size,
            count=1,
            dtype="uint16",
            crs="EPSG:32633",
            transform=Affine(METRES, 0.0, 500_000.0, 0.0, -METRES, 5_000_000.0),
            tiled=True,
        ) as file:
            file.write(np.clip(np.rint(pixels), 1, 65535).astype(np.uint16), 1)


def write_project(options: argparse.Namespace, name: str, pairs: int | None = None) -> Path:
    """Write a project of all pairs, or of the first ones."""
    steps = [(i, j) for i in range(options.scenes) for j in range(i + 1, min(i + options.reach + 1, options.scenes))]
    dates = [str(FIRST + timedelta(days=DAYS * number)) for number in range(options.scenes)]
    network = {"rules": ["all"], "min_days": 1, "max_days": DAYS * options.reach}
    if pairs is not None:
        network = {"rules": [], "pairs": [[dates[i], dates[j]] for i, j in steps[:pairs]]}
    values = {
        "name": name,
        "output": name,
        "scenes": {"paths": ["scenes"]},
        "network": network,
        "pair": {"tracker": options.tracker},
        "report": {"animation": False},
    }
    path = options.folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    shutil.rmtree(options.folder / name, ignore_errors=True)
    return path


@contextmanager
def peak_memory() -> Iterator[dict[str, float]]:
    """Watch the process and all that it started."""
    found = {"rss": 0.0, "pss": 0.0, "processes": 0.0}
    over = threading.Event()
    root = psutil.Process()

    def watch() -> None:
        while not over.wait(0.5):
            total, members = np.zeros(2), 0
            for member in [root, *root.children(recursive=True)]:
                try:
                    memory = member.memory_full_info()
                except (psutil.NoSuchProcess, psutil.AccessDenied):
                    continue
                members += 1
                total += memory.rss, getattr(memory, "pss", memory.rss)
            found["rss"], found["pss"] = max(found["rss"], total[0]), max(found["pss"], total[1])
            found["processes"] = max(found["processes"], members)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        over.set()
        watcher.join()


def seconds_of_pairs(path: Path, engine: Engine) -> tuple[float, float]:
    """Return the seconds of measuring the pairs of a project, and of all else."""
    last = [0.0]

    def tick(stage: str, done: int, total: int) -> None:
        if stage == "pairs":
            last[0] = time.perf_counter()
            if done % 20 == 0:
                print(f"{done} of {total} pairs in {last[0] - begin:.0f} s", flush=True)

    begin = time.perf_counter()
    outcome = Project(path).run(engine, tick)
    if not outcome.complete:
        raise SystemExit(f"failed: {[pair.reason for pair in outcome.failed][:3]} {outcome.failures}")
    return last[0] - begin, time.perf_counter() - last[0]


def main() -> None:
    """Run the benchmark and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2000, help="rows and columns of a scene")
    parser.add_argument("--scenes", type=int, default=21)
    parser.add_argument("--reach", type=int, default=16, help="dates that a pair is apart, at most")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--subset", type=int, default=8, help="pairs that are measured by one process too")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--tracker", default="adaptive-lk:preset=fast,halve=false,step=4")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    write_scenes(options.folder / "scenes", options.size, options.scenes)
    print("scenes are written", flush=True)
    with open_engine("dask", options.processes) as engine:
        assert isinstance(engine, Dask)
        # Compiled code is loaded first.
        for each in (Serial(), engine):
            seconds_of_pairs(write_project(options, "warm", 2 * options.processes), each)
        turns: dict[str, list[float]] = {"serial": [], "processes": []}
        for _ in range(options.turns):
            for name, each in (("serial", Serial()), ("processes", engine)):
                turns[name].append(seconds_of_pairs(write_project(options, "subset", options.subset), each)[0])
            print(json.dumps(turns), flush=True)
        path = write_project(options, "all")
        with peak_memory() as peak:
            measured, rest = seconds_of_pairs(path, engine)
    results = options.folder / "all" / "results"
    pairs = len(list((results / "velocity").iterdir()))
    speed = Cube.open(results / "series.nc").read(["v_mean"])["v_mean"]
    middle = tuple(slice(int(0.4 * side), int(0.6 * side)) for side in speed.shape)
    report = {
        "scenes": options.scenes,
        "size": [options.size, options.size],
        "pairs": pairs,
        "tracker": options.tracker,
        "processes": options.processes,
        "seconds of pairs": round(measured),
        "pairs per hour": round(3600 * pairs / measured),
        "seconds of series and report": round(rest),
        "peak RSS MB": round(peak["rss"] / MB),
        "peak PSS MB": round(peak["pss"] / MB),
        "processes watched": int(peak["processes"]),
        "seconds of the subset, one process": [round(value, 1) for value in turns["serial"]],
        "seconds of the subset, all processes": [round(value, 1) for value in turns["processes"]],
        "speed-up": round(sum(turns["serial"]) / sum(turns["processes"]), 2),
        "speed found over true": round(float(np.nanmedian(speed[middle]) / (np.hypot(*RATE) * METRES * 365.25)), 4),
        "bytes written": sum(each.stat().st_size for each in (options.folder / "all" / "work").rglob("*.*")),
    }
    text = json.dumps(report, indent=2)
    (options.folder / "report.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
