"""What trackers keep when a fifth of the ground has changed between two images: of good pixels and of bad ones.

Smooth patches, a fifth of the secondary, show other ground. Of the pixels whose content is still there the share that
is measured without a flag should be high, of the others low; the error of what is kept is compared with that of the
same pair without patches. Ground beyond the patches counts as good up to their edge.

    python benchmarks/changed_ground.py
    python benchmarks/changed_ground.py --tracker pcc:window=32,step=8 --tracker dis
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.ndimage import gaussian_filter

from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.pairs import KnownPair, PairMaker, centres
from sensetrack.benchmark.truths import FIELDS
from sensetrack.specs import tracker_of
from sensetrack.trackers import Tracker
from sensetrack.types import FloatArray, Mask

SIZE = 512
SHARE = 0.2
WIDTH = 40
CASES = (
    ("gravel", "shift", "noise-20db", "brick"),
    ("gravel", "bumps-3", "noise-20db", "grass"),
    ("gravel", "bumps-10", "noise-10db", "radar"),
    ("radar", "bumps-3", "noise-20db", "gravel"),
    ("radar", "fault-3.2", "speckle", "gravel"),
    ("moon", "bumps-3", "noise-20db", "gravel"),
)
TRACKERS = ("adaptive-lk:preset=fast", "adaptive-lk", "adaptive-lk:preset=full")


def patches(seed: int) -> Mask:
    """Return where the secondary has changed."""
    smooth = gaussian_filter(np.random.default_rng(seed).standard_normal((SIZE, SIZE)), WIDTH, mode="wrap")
    return np.asarray(smooth > np.quantile(smooth, 1 - SHARE), np.bool_)


def replaced(secondary: FloatArray, other: FloatArray, where: Mask) -> FloatArray:
    """Return the secondary with other ground, of its own brightness and contrast, in the patches."""
    fitted = (other - other.mean()) / other.std() * secondary.std() + secondary.mean()
    return np.where(where, fitted, secondary).astype(np.float32)


def score(tracker: Tracker, pair: KnownPair, secondary: FloatArray, where: Mask) -> tuple[float, float, float, float]:
    """Return the shares kept of good and bad pixels, and the mean errors of what is kept with and without patches."""
    row, col = centres(tracker, SIZE)
    true_y, true_x = pair.truth(row, col)
    at = (np.rint(axis).astype(int).clip(0, SIZE - 1) for axis in (row + true_y, col + true_x))
    is_bad = where[tuple(at)]
    inner = (np.minimum(row, col) >= 24) & (np.maximum(row, col) < SIZE - 24)
    clean, field = tracker.track(pair.reference, pair.secondary), tracker.track(pair.reference, secondary)
    errors = [np.hypot(each.dx - true_x, each.dy - true_y)[inner & each.measured].mean() for each in (field, clean)]
    kept = field.measured
    return float(kept[inner & ~is_bad].mean()), float(kept[inner & is_bad].mean()), *map(float, errors)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracker", action="append", metavar="NAME[:KEY=VALUE,...]")
    names = parser.parse_args().tracker or TRACKERS
    maker = PairMaker(SIZE, 0)
    print("| tracker | ground, displacement, noise | good kept | bad kept | error, px | unchanged, px | ratio |")
    print("|-|-|-:|-:|-:|-:|-:|")
    for ground, motion, condition, other in CASES:
        strange = maker.make(other, FIELDS["shift"], CONDITIONS["noise-20db"]).secondary
        pair = maker.make(ground, FIELDS[motion], CONDITIONS[condition])
        where = patches(3)
        secondary = replaced(pair.secondary, strange, where)
        for name in names:
            good, bad, error, clean = score(tracker_of(name), pair, secondary, where)
            print(
                f"| {name} | {ground}, {motion}, {condition} | {good:.1%} | {bad:.1%} | {error:.3f} | {clean:.3f} "
                f"| {error / clean:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
