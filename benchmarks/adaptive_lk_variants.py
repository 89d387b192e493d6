"""What parts of adaptive-lk are worth: mean error with one thing changed at a time, all on the same pairs.

Mean error in pixels over all interior pixels, flagged or not, of ``preset = full``; columns are displacements, averaged
over gravel with noise of 20 and 10 dB, the Moon with 20 dB and radar with speckle.

    python benchmarks/adaptive_lk_variants.py
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.pairs import KnownPair, PairMaker
from sensetrack.benchmark.truths import FIELDS
from sensetrack.flow.lk import Settings, adaptive_lk, begin, views
from sensetrack.trackers.adaptive_lk import AdaptiveLk

SIZE = 384
GROUND = (("gravel", "noise-20db"), ("gravel", "noise-10db"), ("moon", "noise-20db"), ("radar", "speckle"))
MOTION = ("shift", "bumps-3", "bumps-30", "fault-3.2", "fault-31")
FULL = AdaptiveLk(preset="full", search=36).settings
VARIANTS: dict[str, Settings] = {
    "as it is": FULL,
    "one window, half side 16": replace(FULL, radii=(16,)),
    "one window, half side 7": replace(FULL, radii=(7,)),
    "windows differ by 8 at most": replace(FULL, bound=8.0),
    "windows differ by 18 at most": replace(FULL, bound=18.0),
    "no passes for what is missing": replace(FULL, rest_passes=0),
    "five passes": replace(FULL, rest_passes=5),
    "no averaging before passes": replace(FULL, smooth=0.0),
    "averaging over half the window": replace(FULL, smooth=0.5),
    "no other displacements tried": replace(
        FULL, coarse_distances=(), fine_distances=(), whole_distances=(), rest_distances=()
    ),
    "taken if better at all": replace(FULL, gain=1.0),
    "no prior": replace(FULL, coarse_prior=0.0, fine_prior=0.0),
    "five levels": replace(FULL, levels=5),
    "high pass of 20": replace(FULL, highpass=20),
    "high pass of 5": replace(FULL, highpass=5),
}


def error(pair: KnownPair, settings: Settings) -> float:
    """Return the mean error inside the border."""
    ones = np.ones(pair.reference.shape, np.float32)
    images = (image - image.mean() for image in (pair.reference, pair.secondary))
    pyramid = views(*images, ones, ones, settings.levels, settings.highpass)
    dx, dy = adaptive_lk(pyramid, settings, begin(pyramid, settings)).flow
    row, col = np.indices(ones.shape, np.float64)
    true_y, true_x = pair.truth(row, col)
    inner = slice(pair.border, -pair.border)
    return float(np.hypot(dx - true_x, dy - true_y)[inner, inner].mean())


def main() -> None:
    """Print the table."""
    maker = PairMaker(SIZE, 0)
    pairs = {
        field: [maker.make(texture, FIELDS[field], CONDITIONS[condition]) for texture, condition in GROUND]
        for field in MOTION
    }
    print("| | " + " | ".join(MOTION) + " |")
    print("|-|" + "-:|" * len(MOTION))
    for name, settings in VARIANTS.items():
        values = [np.mean([error(pair, settings) for pair in pairs[field]]) for field in MOTION]
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |", flush=True)


if __name__ == "__main__":
    main()
