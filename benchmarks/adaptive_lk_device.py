"""The twin of adaptive-lk in PyTorch beside the one for the CPU: pixels per second, memory, and how far they differ.

The pair is a texture that repeats, with noise at 20 dB, on which a hill of 3 px is repeated too. Times are those of
whole calls, from images in the memory of the CPU to finished layers there, medians of interleaved rounds after one that
is not counted. With ``--device cpu`` the twin runs on PyTorch's CPU device, which checks it and says nothing of a GPU.

    python benchmarks/adaptive_lk_device.py                                        a GPU, 8000 x 8000 pixels
    python benchmarks/adaptive_lk_device.py --device cpu --size 1000 --rounds 1    without one
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import gaussian_filter, map_coordinates

from sensetrack.device import available_cores
from sensetrack.displacement import Field
from sensetrack.flow.tensors.track import track_on
from sensetrack.trackers.adaptive_lk import PRESETS, AdaptiveLk

TILE = 500
HEIGHT = 3.0
NOISE = 0.1


def make_pair(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a reference and a secondary, float32, of the same tile side by side, with noise that is not."""
    rng = np.random.default_rng(5)
    tile = gaussian_filter(rng.standard_normal((TILE, TILE)), 1.2, mode="wrap")
    tile /= tile.std()
    rows, cols = np.indices(tile.shape, np.float64)
    hill = HEIGHT * np.exp(-((rows - TILE / 2) ** 2 + (cols - TILE / 2) ** 2) / (2 * (TILE / 8) ** 2))
    moved = map_coordinates(tile, [rows - 0.5 * hill, cols + hill], order=5, mode="wrap")
    times = -(-size // TILE)
    pair = []
    for image in (moved, tile):
        whole = np.tile(image.astype(np.float32), (times, times))[:size, :size]
        pair.append(whole + np.float32(NOISE) * rng.standard_normal(whole.shape, dtype=np.float32))
    return pair[0], pair[1]


def timed(device: str, run: Callable[[], Field]) -> tuple[float, Field]:
    """Return the seconds that a call takes, and what it returns."""
    if device != "cpu":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    field = run()
    if device != "cpu":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start, field


def differences(found: Field, expected: Field) -> str:
    """Return how far fields are apart."""
    apart = np.hypot(found.dx - expected.dx, found.dy - expected.dy)
    median, most = np.nanquantile(apart, [0.5, 0.95])
    flags = float((found.flags != expected.flags).mean())
    return f"median {median:.1e} px, 95 % below {most:.1e} px; other flags at {100 * flags:.3f} % of the pixels"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=8000, help="side of the images in pixels (default: %(default)s)")
    parser.add_argument("--preset", choices=list(PRESETS), default=None, help="one of them (default: all)")
    parser.add_argument("--device", default="cuda:0", help="as PyTorch names it (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count (default: %(default)s)")
    options = parser.parse_args()
    device, size = options.device, options.size
    pair = make_pair(size)
    valid = np.ones((size, size), np.bool_), np.ones((size, size), np.bool_)
    name = "PyTorch's CPU device" if device == "cpu" else torch.cuda.get_device_name(device)
    print(f"{size} x {size} pixels; numba on {available_cores()} cores; PyTorch {torch.__version__} on {name}")
    for preset in [options.preset] if options.preset else list(PRESETS):
        tracker = AdaptiveLk(preset=preset)
        works = {
            "cpu": lambda tracker=tracker: tracker.track(*pair, *valid, device="cpu"),
            "twin": lambda tracker=tracker: track_on(device, pair, valid, 0, tracker.plan),
        }
        if device != "cpu":
            torch.cuda.reset_peak_memory_stats(device)
        fields, seconds = {}, {work: [] for work in works}
        for turn in range(options.rounds + 1):
            for work, run in works.items():
                took, fields[work] = timed(device, run)
                if turn:
                    seconds[work].append(took)
        taken = {work: statistics.median(times) for work, times in seconds.items()}
        rates = {work: size**2 / each / 1e6 for work, each in taken.items()}
        print(
            f"{preset}: CPU {taken['cpu']:.2f} s, {rates['cpu']:.2f} million pixels/s; twin {taken['twin']:.2f} s, "
            f"{rates['twin']:.2f} million pixels/s; ratio {taken['cpu'] / taken['twin']:.1f}"
        )
        print(f"    differences: {differences(fields['twin'], fields['cpu'])}")
        if device != "cpu":
            peak = torch.cuda.max_memory_allocated(device)
            print(f"    device memory: {peak / 2**30:.1f} GiB at most, {peak / size**2:.0f} bytes per pixel")


if __name__ == "__main__":
    main()
