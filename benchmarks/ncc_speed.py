"""Chip matching against a Python loop over OpenCV's matchTemplate, same chips, search and fit, in one run.

The peer is ``matchTemplate(TM_CCOEFF_NORMED)`` for every chip, the highest lag, and a least-squares paraboloid
through the 3 x 3 correlations around it. Ours runs with the same fit (``subpixel = quadratic``), one chip size, no
sparse, backward or neighbour pass; it also states correlation, SNR and covariance, which the peer does not. The last
columns are of least-squares matching, the default. Chips lie 8 px apart, or as far as they are wide (``apart``).
Rates are chips per second on all cores, medians of interleaved rounds; errors are root mean squares over both
components.

    python benchmarks/ncc_speed.py
"""

from __future__ import annotations

import statistics
import time

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage import data

from sensetrack.device import available_cores
from sensetrack.trackers.ncc import Ncc

SHIFT = (0.37, -0.62)
CHIPS = (16, 32, 64)
SEARCHES = (4, 8, 16, 32)
STEP = 8
ROUNDS = 5
SECONDS = 0.5


def make_pair() -> tuple[np.ndarray, np.ndarray]:
    """Return a reference and a secondary, 512 x 512 float32, whose content moves by `SHIFT` (dx, dy), noise -20 dB."""
    dx, dy = SHIFT
    rng = np.random.default_rng(5)
    texture = gaussian_filter(data.gravel().astype(np.float64), 0.6)
    rows, cols = np.mgrid[: texture.shape[0], : texture.shape[1]].astype(np.float64)
    reference = map_coordinates(texture, [rows + dy, cols + dx], order=5, mode="mirror")
    noise = texture.std() / 10
    first, second = (image + rng.normal(0, noise, image.shape) for image in (reference, texture))
    return first.astype(np.float32), second.astype(np.float32)


def paraboloid(patch: np.ndarray) -> tuple[float, float]:
    """Return the top of the least-squares paraboloid through 3 x 3 values, as row and column offset."""
    gy, gx = (patch[2].sum() - patch[0].sum()) / 6, (patch[:, 2].sum() - patch[:, 0].sum()) / 6
    third = patch.sum() / 3
    hyy, hxx = patch[0].sum() + patch[2].sum() - 2 * third, patch[:, 0].sum() + patch[:, 2].sum() - 2 * third
    hxy = (patch[0, 0] + patch[2, 2] - patch[0, 2] - patch[2, 0]) / 4
    det = hyy * hxx - hxy * hxy
    return (hxy * gx - hxx * gy) / det, (hxy * gy - hyy * gx) / det


def peer(reference: np.ndarray, secondary: np.ndarray, chip: int, search: int, step: int) -> tuple[float, float]:
    """Loop over chips with OpenCV for `SECONDS`; return chips per second and error."""
    reach = chip + 2 * search
    starts = np.arange(search, reference.shape[0] - chip - search + 1, step)
    places = [(int(row), int(col)) for row in starts for col in starts]
    np.random.default_rng(0).shuffle(places)
    errors = []
    began = time.perf_counter()
    for row, col in places:
        template = reference[row : row + chip, col : col + chip]
        area = secondary[row - search : row - search + reach, col - search : col - search + reach]
        surface = cv2.matchTemplate(area, template, cv2.TM_CCOEFF_NORMED)
        _, _, _, (x, y) = cv2.minMaxLoc(surface)
        if 0 < x < 2 * search and 0 < y < 2 * search:
            dy, dx = paraboloid(surface[y - 1 : y + 2, x - 1 : x + 2])
            errors.append((x + dx - search - SHIFT[0], y + dy - search - SHIFT[1]))
        if time.perf_counter() - began > SECONDS:
            break
    rate = (places.index((row, col)) + 1) / (time.perf_counter() - began)
    return rate, float(np.sqrt(np.mean(np.square(errors))))


def ours(tracker: Ncc, reference: np.ndarray, secondary: np.ndarray) -> tuple[float, float]:
    """Track chips inside the image for `SECONDS`; return chips per second and error."""
    pad = tracker.search + tracker.chip_min // 2
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        field = tracker.track(reference, secondary, pad=pad)
        count += field.dx.size
    rate = count / (time.perf_counter() - began)
    good = np.isfinite(field.dx) & (field.flags & 8 == 0)
    errors = np.stack([field.dx - SHIFT[0], field.dy - SHIFT[1]])[:, good]
    return rate, float(np.sqrt(np.mean(errors**2)))


def main() -> None:
    """Print the table."""
    reference, secondary = make_pair()
    print(f"{available_cores()} cores; shift {SHIFT} px, noise -20 dB; medians of {ROUNDS} rounds\n")
    print(
        "| Chip | Search | Step | OpenCV loop /s | same fit /s | ratio | default /s | ratio "
        "| RMSE OpenCV | same fit | default |"
    )
    print("|-|-|-|-|-|-|-|-|-|-|-|")
    for step in (STEP, 0):
        for chip in CHIPS:
            for search in SEARCHES:
                row(reference, secondary, chip, search, step or chip)


def row(reference: np.ndarray, secondary: np.ndarray, chip: int, search: int, step: int) -> None:
    """Print the line of one setting."""
    same = {"chip_min": chip, "chip_max": chip, "step": step, "search": search, "coherence": 0, "false_alarm": 1.0}
    trackers = [Ncc(subpixel="quadratic", **same), Ncc(**same)]
    for tracker in trackers:
        tracker.track(reference, secondary)
    rounds = []
    for _ in range(ROUNDS):
        slow, error = peer(reference, secondary, chip, search, step)
        (fast, error_same), (default, error_default) = (ours(tracker, reference, secondary) for tracker in trackers)
        rounds.append((slow, fast, fast / slow, default, default / slow, error, error_same, error_default))
    slow, fast, ratio, default, more, *errors = (statistics.median(column) for column in zip(*rounds, strict=True))
    numbers = " | ".join(f"{error:.4f}" for error in errors)
    print(
        f"| {chip} | {search} | {step} | {slow:,.0f} | {fast:,.0f} | {ratio:.1f} | {default:,.0f} | {more:.1f} "
        f"| {numbers} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
