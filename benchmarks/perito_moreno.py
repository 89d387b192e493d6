"""The series of Perito Moreno glacier against its direct long pair, and how the triplets of its pairs close.

Takes eight Sentinel-2 pictures of January to March 2020 (`YYYYMMDD.jpg`) and a mask of the glacier (`mask.jpg`) from a
folder, and runs a project of all pairs of 10 to 60 days. Then the same of pairs of 10 to 40 days, which leaves out the
long pair that it is compared with.

    python benchmarks/perito_moreno.py --data FOLDER
    python benchmarks/perito_moreno.py --data FOLDER --tracker adaptive-lk:step=8
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import yaml

from sensetrack.engine import Threads
from sensetrack.project import Outcome, run_project
from sensetrack.raster.image import Image
from sensetrack.timeseries import Cube
from sensetrack.types import Mask
from sensetrack.velocity import Velocity

LABEL = "20200101_20200220"
"""The direct pair, of 50 days."""

SLOWEST = 0.1
"""Pixels per day below which a ratio of speeds says little."""


def main() -> None:
    """Print a JSON object for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tracker", default="pcc:window=64,step=32,search=36")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        outcome = run(options, Path(name) / "project.yaml", 60)
        path = next(pair.velocity for pair in outcome.pairs if pair.label == LABEL)
        if path is None:
            raise SystemExit(f"{LABEL} has no velocity")
        direct = Velocity.open(path)
        ice = Image.open(options.data / "mask.jpg").read()[0] > 128
        for longest in (60, 40):
            outcome = run(options, Path(name) / "project.yaml", longest)
            print(json.dumps({"longest pair, days": longest} | compare(outcome, direct, ice), indent=2))


def run(options: argparse.Namespace, path: Path, longest: int) -> Outcome:
    """Run the project; pairs that are there are not measured again."""
    project = {
        "scenes": {"paths": [str(options.data / "2020*.jpg")]},
        "stable": str(options.data / "mask.jpg"),
        "stable_inverse": True,
        "network": {"min_days": 10, "max_days": longest},
        # The pictures have no georeference: velocities are in pixels per year.
        "pair": {
            "tracker": options.tracker,
            "shift_tracker": "pcc:window=64,search=10",
            "velocity": {"pixel_size": 1.0},
        },
    }
    path.write_text(yaml.safe_dump(project), encoding="utf-8")
    outcome = run_project(path, engine=Threads())
    if not outcome.complete:
        raise SystemExit(f"failed: {[pair.reason for pair in outcome.failed]} {outcome.failures}")
    return outcome


def compare(outcome: Outcome, direct: Velocity, ice: Mask) -> dict[str, float]:
    """Return how the series' mean speed compares with that of the direct pair, and how triplets close."""
    if outcome.series is None:
        raise SystemExit("there is no series")
    cube = Cube.open(outcome.series)
    ends = [
        cube.header.dates.index(date) for date in (direct.provenance.reference_date, direct.provenance.secondary_date)
    ]
    way = cube.read(["displacement_x", "displacement_y"])
    x, y = (way[name][ends[1]] - way[name][ends[0]] for name in ("displacement_x", "displacement_y"))
    speed = np.hypot(x, y) * 365.25 / direct.days
    step = ice.shape[0] // speed.shape[0]
    centres = ice[step // 2 :: step, step // 2 :: step][: speed.shape[0], : speed.shape[1]]
    good = centres & np.isfinite(speed) & (direct.v > SLOWEST * 365.25)
    ratio = speed[good] / direct.v[good]
    closure = cube.header.pair_values["pair_closure"]
    return {
        "pairs": len(cube.header.pairs),
        "places": int(good.sum()),
        "mean speed over that of the direct pair": round(float(speed[good].mean() / direct.v[good].mean()), 4),
        "median of the ratios of speed": round(float(np.median(ratio)), 4),
        "spread of the ratios": round(float(1.4826 * np.median(np.abs(ratio - np.median(ratio)))), 4),
        "median closure, in stated errors": round(float(np.nanmedian(closure)), 3),
        "largest closure of a pair": round(float(np.nanmax(closure)), 3),
    }


if __name__ == "__main__":
    main()
