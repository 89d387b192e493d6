"""Phase correlation against a Python loop over scikit-image, same windows and upsampling, in one run.

Prints displacements per second and mean endpoint error of both, for three window sizes, on a pair with a known
sub-pixel shift and noise 20 dB below the texture. A single pass states the errors of independent noise (scikit-image
states none), two passes state full ones. Timings are medians of interleaved rounds.

    python benchmarks/pcc_speed.py
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage import data
from skimage.registration import phase_cross_correlation

from sensetrack.device import available_cores, core_share
from sensetrack.trackers.pcc import Pcc

SHIFT = (0.37, -0.62)
UPSAMPLING = 10
ROUNDS = 5
SECONDS = 1.0


def make_pair() -> tuple[np.ndarray, np.ndarray]:
    """Return a reference and a secondary, 512 x 512 float32, whose content moves by `SHIFT` (dx, dy)."""
    dx, dy = SHIFT
    rng = np.random.default_rng(5)
    texture = gaussian_filter(data.gravel().astype(np.float64), 0.6)
    rows, cols = np.mgrid[: texture.shape[0], : texture.shape[1]].astype(np.float64)
    reference = map_coordinates(texture, [rows + dy, cols + dx], order=5, mode="mirror")
    noise = texture.std() / 10
    pair = (image + rng.normal(0, noise, image.shape) for image in (reference, texture))
    first, second = (image.astype(np.float32) for image in pair)
    return first, second


def endpoint_error(dx: np.ndarray, dy: np.ndarray) -> float:
    """Return the mean length of the error in pixels."""
    return float(np.nanmean(np.hypot(dx - SHIFT[0], dy - SHIFT[1])))


def peer(reference: np.ndarray, secondary: np.ndarray, window: int, step: int) -> tuple[float, float]:
    """Loop over windows with scikit-image for `SECONDS`; return windows per second and mean error."""
    starts = np.arange(0, reference.shape[0] - window + 1, step)
    found = []
    began = time.perf_counter()
    for row in starts[np.random.default_rng(0).permutation(starts.size)]:
        for col in starts:
            part = (slice(row, row + window), slice(col, col + window))
            shift, _, _ = phase_cross_correlation(reference[part], secondary[part], upsample_factor=UPSAMPLING)
            found.append(-shift)
        if time.perf_counter() - began > SECONDS:
            break
    rate = len(found) / (time.perf_counter() - began)
    dy, dx = np.array(found).T
    return rate, endpoint_error(dx, dy)


def ours(tracker: Pcc, reference: np.ndarray, secondary: np.ndarray) -> tuple[float, float]:
    """Track windows inside the image for `SECONDS`; return windows per second and mean error."""
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        field = tracker.track(reference, secondary, pad=tracker.window // 2)
        count += field.dx.size
    rate = count / (time.perf_counter() - began)
    return rate, endpoint_error(field.dx, field.dy)


def main() -> None:
    """Print the table."""
    reference, secondary = make_pair()
    print(
        f"{available_cores()} cores; shift {SHIFT} px, noise -20 dB, upsampling {UPSAMPLING}; "
        f"medians of {ROUNDS} rounds"
    )
    print(
        "| window | ours, all cores /s | ours, 1 core /s | 2 passes /s | scikit-image /s | ratio "
        "| error, px | 2 passes | scikit-image |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for window in (32, 64, 128):
        search = min(20, window // 2 - 2)
        settings = {"window": window, "step": 8, "upsampling": UPSAMPLING, "search": search, "forward_backward": 0}
        single, double = Pcc(passes=1, errors="noise", **settings), Pcc(passes=2, **settings)
        for tracker in (single, double):
            tracker.track(reference, secondary)
        rows = []
        for _ in range(ROUNDS):
            fast, error = ours(single, reference, secondary)
            with core_share(1):
                one, _ = ours(single, reference, secondary)
            two, error_two = ours(double, reference, secondary)
            slow, error_slow = peer(reference, secondary, window, 8)
            rows.append((fast, one, two, slow, fast / slow, error, error_two, error_slow))
        fast, one, two, slow, ratio, *errors = (statistics.median(column) for column in zip(*rows, strict=True))
        numbers = " | ".join(f"{error:.3f}" for error in errors)
        print(f"| {window} | {fast:,.0f} | {one:,.0f} | {two:,.0f} | {slow:,.0f} | {ratio:.1f} | {numbers} |")


if __name__ == "__main__":
    main()
