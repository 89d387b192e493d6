"""How often the truth lies within stated errors, before and after ``--calibrate``.

``python benchmarks/calibration.py [--trackers pcc dis] [--pairs glacier brick] [--size 640]`` prints Markdown: three
synthetic scenes and pairs of textures on which nothing was tuned. The truth is known to this script only.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from collections.abc import Iterator, Sequence

import numpy as np

import sensetrack as st
from sensetrack.accuracy import Truth, accuracy_of
from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.pairs import PairMaker, centres
from sensetrack.benchmark.truths import FIELDS
from sensetrack.calibrate import calibrate_errors
from sensetrack.errors import InputError
from sensetrack.raster.layers import LayerFile
from sensetrack.scene import write_scene

TRACKERS = ("adaptive-lk", "pcc", "dis", "ilk")
SCENES = ("glacier", "landslide", "earthquake")
HELD_OUT = (("brick", "bumps-3", "noise-20db"), ("grass", "bumps-3", "speckle"))
SEED = 11


@dataclasses.dataclass(frozen=True)
class Case:
    """A pair, its truth at a tracker's output pixels, and its stable ground where it has some."""

    name: str
    pair: st.ImagePair
    truth: Truth | None
    stable: st.AreaMask | None
    known: object = None


def cases(size: int, names: Sequence[str]) -> Iterator[Case]:
    """Yield the pairs of some scenes and textures."""
    for kind in (name for name in SCENES if name in names):
        with tempfile.TemporaryDirectory() as folder:
            paths = write_scene(folder, kind=kind, seed=SEED, shape=(size, size))
            pair = st.ImagePair.open(paths.reference, paths.secondary)
            stable = None if paths.stable is None else st.AreaMask.open(paths.stable)
            truth, tags = Truth.open(paths.truth), LayerFile.open(paths.truth).tags
            dx, dy = (np.float32(tags[f"misregistration_{name}"]) for name in ("dx", "dy"))
            whole = dataclasses.replace(truth, dx=truth.dx + dx, dy=truth.dy + dy)  # nothing is coregistered here
            yield Case(kind, pair, whole, stable)
    for texture, field, condition in (pair for pair in HELD_OUT if pair[0] in names):
        made = PairMaker(size, SEED).make(texture, FIELDS[field], CONDITIONS[condition])
        images = (st.Image.from_array(pixels) for pixels in (made.reference, made.secondary))
        yield Case(f"{texture}, {field}, {condition}", st.ImagePair(*images), None, None, made)


def truth_of(case: Case, tracker: st.Tracker, grid: st.Grid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return true dx and dy at the output pixels, and where they are judged."""
    if case.truth is not None:
        dx, dy = case.truth.at(grid)
        return dx, dy, np.isfinite(dx + dy)
    made = case.known
    row, col = centres(tracker, made.size)
    dy, dx = made.truth(row, col)
    last = made.size - made.border
    return dx, dy, (np.minimum(row, col) >= made.border) & (np.maximum(row, col) < last)


def covered(field: st.Field, dx: np.ndarray, dy: np.ndarray, known: np.ndarray) -> str:
    """Return the coverage of the 68 and the 95 % interval, in percent."""
    errors, sigmas = (field.dx - dx, field.dy - dy), (field.sigma_dx, field.sigma_dy)
    found = accuracy_of("all", errors, sigmas, field.measured, known)
    return f"{100 * found.within_68:.1f} / {100 * found.within_95:.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trackers", nargs="+", default=TRACKERS)
    parser.add_argument("--size", type=int, default=640)
    every = [*SCENES, *(texture for texture, *_ in HELD_OUT)]
    parser.add_argument("--pairs", nargs="+", default=every, choices=every)
    options = parser.parse_args()
    print("| Pair | Tracker | As stated | `shifts` | factors | `stable` | factors |\n|-|-|-|-|-|-|-|")
    for case in cases(options.size, options.pairs):
        for name in options.trackers:
            tracker = st.tracker_of(name)
            found = st.track(case.pair, tracker)
            truth = truth_of(case, tracker, found.grid)
            cells = [case.name, f"`{name}`", covered(found.field, *truth)]
            for method in ("shifts", "stable"):
                if method == "stable" and case.stable is None:
                    cells += ["-", "-"]
                    continue
                try:
                    scale = calibrate_errors(
                        case.pair, tracker, method, stable=case.stable if method == "stable" else None
                    )
                except InputError as error:
                    cells += ["refused", str(error).split(",")[0]]
                    continue
                cells += [covered(scale.apply(found.field), *truth), f"{scale.typical_dx:.2f}, {scale.typical_dy:.2f}"]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
