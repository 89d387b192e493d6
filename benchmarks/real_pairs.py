"""Phase correlation on real and standard pairs whose motion is published or independently checked.

Prints, for each pair, what is measured beside what it should be. Needs the sample data, which are not part of the
project; give their folder, or have them in ``../shared/data``.

    python benchmarks/real_pairs.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_erosion

from sensetrack.displacement import Displacement
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.stream import track
from sensetrack.trackers.pcc import Pcc


def measure(first: Path, second: Path, **settings: object) -> tuple[Displacement, np.ndarray, np.ndarray]:
    """Track a pair; return the displacement and the rows and columns of its window centres in the images."""
    displacement = track(ImagePair.open(first, second), Pcc(**settings))
    grid = displacement.grid
    x, y = grid.xy(*np.mgrid[: grid.height, : grid.width])
    return displacement, y - 0.5, x - 0.5


def glacier(folder: Path) -> None:
    """Perito Moreno: speed percentiles inside the mask, and closure of a triple."""
    mask = Image.open(folder / "mask.jpg").read()[0] > 128
    # Windows that lie wholly on the glacier, as the reference percentiles were taken.
    inside = binary_erosion(mask, np.ones((3, 3)), iterations=32)
    dates = ("20200101", "20200131", "20200220")
    found = {}
    for first, second in ((0, 1), (1, 2), (0, 2)):
        found[first, second], row, col = measure(*(folder / f"{dates[i]}.jpg" for i in (first, second)))
    row, col = row.round().astype(int), col.round().astype(int)
    field = found[0, 2].field
    for name, area in (("windows wholly inside the mask", inside), ("window centres inside the mask", mask)):
        where = field.measured & area[row, col]
        speed = np.percentile(field.length[where] / 50, [50, 90, 95])
        print(
            f"perito-moreno, {name}: p50/p90/p95 {speed[0]:.3f}/{speed[1]:.3f}/{speed[2]:.3f} px/day "
            f"(reference 0.224/0.299/0.329), {where.sum() / area[row, col].sum():.1%} measured"
        )
    where = mask[row, col] & np.logical_and.reduce([d.field.measured for d in found.values()])
    closure = [
        np.median(np.abs(getattr(found[0, 1].field, c) + getattr(found[1, 2].field, c) - getattr(field, c))[where])
        for c in ("dx", "dy")
    ]
    print(f"perito-moreno, closure 01-01 > 01-31 > 02-20: median |error| dx {closure[0]:.3f}, dy {closure[1]:.3f} px")


def challenge(folder: Path) -> None:
    """DIC Challenge sample 14: RMSE against the exact displacement."""
    truth = np.genfromtxt(folder / "command.csv", delimiter=",", skip_header=1)
    for column, level in ((1, "L1"), (3, "L3"), (5, "L5")):
        images = (folder / "images" / f"Sample14 {name}.tif" for name in ("Reference", f"{level} Amp0.1b"))
        displacement, _, col = measure(*images)
        field = displacement.field
        error = (field.dx - np.interp(col, truth[:, 0], truth[:, column]))[field.measured]
        other = field.dy[field.measured]
        print(
            f"dic-challenge-sample14 {level}: RMSE dx {np.sqrt(np.mean(error**2)):.4f}, "
            f"dy {np.sqrt(np.mean(other**2)):.4f} px, {field.measured.mean():.1%} measured"
        )


def whole_shifts(folder: Path) -> None:
    """Shifts by 1, 5 and 15 whole pixels."""
    for pixels in (1, 5, 15):
        field = measure(folder / "ref.tif", folder / f"def_{pixels}.tif")[0].field
        dx, dy = field.dx[field.measured], field.dy[field.measured]
        print(
            f"dice-pixel-shift {pixels}: median dx {np.median(dx):.4f}, dy {np.median(dy):.4f} px, "
            f"99 % of the errors below {np.percentile(np.hypot(dx - pixels, dy - pixels), 99):.3f} px, "
            f"{field.measured.mean():.1%} measured"
        )


def particles(folder: Path) -> None:
    """Particle images without exact truth: medians."""
    pairs = {
        "pivlab-karman (reference dy 0.006, dx -1.877)": (
            "pivlab-karman/PIVlab_Karman_01.bmp",
            "pivlab-karman/PIVlab_Karman_02.bmp",
        ),
        "openpiv-test1 (reference dy 5.1, dx -0.08)": ("openpiv-test1/exp1_001_a.bmp", "openpiv-test1/exp1_001_b.bmp"),
    }
    for name, (first, second) in pairs.items():
        for window in (64, 32):
            field = measure(folder / first, folder / second, window=window, step=8)[0].field
            dx, dy = field.dx[field.measured], field.dy[field.measured]
            print(
                f"{name}, window {window}: median dy {np.median(dy):+.3f}, dx {np.median(dx):+.3f} px, "
                f"dx 5..95 % {np.percentile(dx, 5):.2f}..{np.percentile(dx, 95):.2f}, "
                f"{field.measured.mean():.1%} measured"
            )


def main() -> None:
    """Run all pairs that are there."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = (Path(sys.argv[1]) if len(sys.argv) > 1 else default) / "pairs"
    if not folder.is_dir():
        print(f"skipped: the sample data are not there ({folder}); give their folder")
        return
    glacier(folder / "giv-perito-moreno")
    challenge(folder / "dic-challenge-sample14")
    whole_shifts(folder / "dice-pixel-shift")
    particles(folder)


if __name__ == "__main__":
    main()
