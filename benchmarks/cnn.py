"""How good and how fast the tracker cnn is; the figures of docs/cnn.md.

python benchmarks/cnn.py sets                      three made-up sets, mode shared
python benchmarks/cnn.py sets --per-tile 4         the same for four tiles of each, mode per-tile
python benchmarks/cnn.py robust                    beside pcc and ncc at equal window
python benchmarks/cnn.py moreno --data FOLDER      Perito Moreno, beside pcc
python benchmarks/cnn.py speed [--device cuda:0]   seconds per tile
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from sensetrack.benchmark.conditions import Condition
from sensetrack.benchmark.pairs import PairMaker, centres
from sensetrack.benchmark.textures import SUN, make_ground, sample
from sensetrack.benchmark.truths import FIELDS
from sensetrack.displacement import Field
from sensetrack.filters import registry as filters
from sensetrack.pair import ImagePair
from sensetrack.scene._camera import Sun
from sensetrack.specs import tracker_of
from sensetrack.stream import track
from sensetrack.trackers import Tracker
from sensetrack.types import DoubleArray, FloatArray

Truth = Callable[[DoubleArray, DoubleArray], tuple[DoubleArray, DoubleArray]]
SIZE = 420


class Known(NamedTuple):
    """A pair and where its content went: ``truth(row, col)`` gives dy and dx; ``near`` counts as exact, px."""

    name: str
    reference: FloatArray
    secondary: FloatArray
    truth: Truth
    near: float = 0.5


def photograph(dy: int = 4, dx: int = -6) -> Known:
    """Return a photograph moved by whole pixels."""
    from skimage import data

    image = data.camera().astype(np.float32)
    at = 40
    parts = [image[at - y : at - y + SIZE, at - x : at - x + SIZE] for y, x in ((0, 0), (dy, dx))]
    return Known("photograph", parts[0], parts[1], lambda row, col: (0 * row + dy, 0 * col + dx))


def amplitude(dy: int = -3, dx: int = 5, *, fresh: bool = False) -> Known:
    """Return a radar amplitude with a dark border, moved by whole pixels with its speckle, or with fresh one."""
    ground = make_ground("radar", SIZE, 3).radiance()
    pixels = np.arange(SIZE, dtype=np.float64)
    rng = np.random.default_rng(0)
    speckle = np.sqrt(rng.gamma(8, 1 / 8, (2, *ground.shape)))
    images = []
    for number, (y, x) in enumerate(((0, 0), (dy, dx))):
        seen = sample(ground, (pixels - y)[:, None], (pixels - x)[None, :])
        seen = seen * np.roll(speckle[number if fresh else 0], (y, x), (0, 1))[:SIZE, :SIZE]
        border = 14 + 4 * np.sin(pixels / 30 + y)  # the swath's edge runs unevenly and stays where the sensor is
        seen[np.arange(SIZE)[None, :] < border[:, None]] *= 0.02
        images.append(seen.astype(np.float32))
    name = "radar, fresh speckle" if fresh else "radar amplitude"
    return Known(name, images[0], images[1], lambda row, col: (0 * row + dy, 0 * col + dx))


def sequence(dates: tuple[int, ...] = (12, 24, 36)) -> Iterator[Known]:
    """Yield a glacier between rock on three later dates: fastest in its middle, still at its sides."""
    ground = make_ground("radar", SIZE, 4).radiance()
    pixels = np.arange(SIZE, dtype=np.float64)
    rng = np.random.default_rng(1)

    def motion(days: int) -> Truth:
        def at(row: DoubleArray, col: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
            across = (col - SIZE / 2 - 40 * np.sin(row / 120)) / 150
            speed = np.clip(1 - across**2, 0, None) ** 0.5 * (0.14 + 0.04 * np.sin(row / 90)) * days
            return speed * 0.95, speed * 0.3 * np.cos(row / 120)

        return at

    for days in dates:
        dy, dx = motion(days)(pixels[:, None], pixels[None, :])
        images = [
            sample(ground, pixels[:, None] + y, pixels[None, :] + x) * np.sqrt(rng.gamma(10, 0.1, (SIZE, SIZE)))
            for y, x in ((dy, dx), (0, 0))
        ]
        yield Known(f"glacier, {days} days", *(each.astype(np.float32) for each in images), motion(days), 0.75)


def sets(per_tile: int) -> None:
    """Print shares kept and exact."""
    keep = filters.get("probability")()
    # A network for each tile is trained on so many candidates only as the time allows: smaller tiles and motion.
    small = (photograph(2, -3), amplitude(-3, 2), *sequence((12,)), amplitude(-3, 2, fresh=True))
    for known in small if per_tile else (photograph(), amplitude(), amplitude(fresh=True), *sequence()):
        if per_tile:
            tracker = tracker_of("cnn:mode=per-tile,window=32,step=32,search=4,epochs=40,batch=32")
            starts = np.random.default_rng(5).integers(48, SIZE - 48 - 32, (per_tile, 2))
        else:
            tracker, starts = tracker_of("cnn:search=10"), np.zeros((1, 2), np.int64)
        right = kept = count = 0
        begun = time.process_time()
        for row, col in starts:
            size, pad = (32, tracker.margin) if per_tile else (SIZE, 0)
            part = slice(row - pad, row + size + pad), slice(col - pad, col + size + pad)
            field = keep.apply(tracker.track(known.reference[part], known.secondary[part], pad=pad))
            y, x = centres(tracker, size)
            true_y, true_x = known.truth(y + row, x + col)
            near = np.maximum(np.abs(field.dx - true_x), np.abs(field.dy - true_y)) <= known.near
            right, kept, count = right + (near & field.measured).sum(), kept + field.measured.sum(), count + near.size
        seconds = (time.process_time() - begun) / count
        print(
            f"{known.name:20s} {count:5d} tiles, kept {100 * kept / count:5.1f} %, exact among kept "
            f"{100 * right / max(kept, 1):5.1f} %, {seconds:.3f} s of a core per tile",
            flush=True,
        )


def hard_cases() -> Iterator[Known]:
    """Yield pairs on which intensities correlate badly."""
    maker = PairMaker(SIZE, 11)
    shift = FIELDS["shift"]

    def at(row: DoubleArray, col: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        return shift.at(row, col, SIZE)

    for looks in (4, 2, 1):
        pair = maker.make("radar", shift, Condition("speckle", "", ("radar",), looks=looks))
        yield Known(f"fresh speckle, {looks} looks", pair.reference, pair.secondary, at, 1.0)
    for angle in (30, 45, 60):
        sun = Sun(SUN.azimuth + angle, SUN.elevation - 9)
        pair = maker.make("terrain", shift, Condition("light", "", ("terrain",), sun=sun))
        yield Known(f"sun {angle} degrees on", pair.reference, pair.secondary, at, 1.0)
    for share in (0.4, 0.6, 0.75):
        pair = maker.make("gravel", shift, Condition("noise", "", ("gravel",)))
        other = make_ground("grass", SIZE, 1).radiance()
        pixels = np.arange(SIZE, dtype=np.float64)
        other = sample(other, pixels[:, None], pixels[None, :])
        other = (other - other.mean()) / other.std() * pair.secondary.std() * 1.5 + pair.secondary.mean()
        blobs = gaussian_filter(np.random.default_rng(2).standard_normal((SIZE, SIZE)), 6)
        changed = np.where(blobs > np.quantile(blobs, 1 - share), other, pair.secondary)
        yield Known(f"{100 * share:.0f} % changed", pair.reference, changed.astype(np.float32), at, 1.0)


def robust() -> None:
    """Print, beside pcc and ncc at equal window, shares of right matches and what flags make of them."""
    print("within 1 px, % of all | kept, % | within 1 px, % of kept | median error of kept, px")
    for window in (32, 64):
        for known in hard_cases():
            for spec in (
                f"cnn:window={window},step=16,search=10",
                f"pcc:window={window},step=16,search=10",
                f"ncc:chip_min={window},chip_max={window},step=16,search=10",
            ):
                tracker = tracker_of(spec)
                print(f"{window} px  {known.name:24s} {spec[:3]}  {_scored(tracker, known)}", flush=True)


def _scored(tracker: Tracker, known: Known) -> str:
    field = tracker.track(known.reference, known.secondary)
    row, col = centres(tracker, SIZE)
    true_y, true_x = known.truth(row, col)
    inner = (np.minimum(row, col) >= 48) & (np.maximum(row, col) < SIZE - 48)
    error = np.hypot(field.dx - true_x, field.dy - true_y)[inner]
    right, kept = error <= known.near, field.measured[inner]
    median = np.median(error[kept]) if kept.any() else np.nan
    shares = right.mean(), kept.mean(), right[kept].mean() if kept.any() else np.nan
    return "  ".join(f"{100 * share:5.1f}" for share in shares) + f"  {median:.3f}"


def moreno(data: Path) -> None:
    """Print the difference from pcc on Perito Moreno, 2020-01-01 to 2020-02-20."""
    from sensetrack.raster.image import Image

    pair = ImagePair.open(data / "20200101.jpg", data / "20200220.jpg", days=50)
    mask = Image.open(data / "mask.jpg").read()[0] > 128
    found: dict[str, Field] = {}
    for spec in ("cnn:window=64,step=32,search=24", "pcc:window=64,step=32,search=24"):
        begun = time.perf_counter()
        displacement = track(pair, tracker_of(spec))
        found[spec[:3]] = displacement.field
        tiles = displacement.field.dx.size
        seconds = time.perf_counter() - begun
        print(
            f"{spec}: {tiles} tiles, {seconds:.0f} s, measured {100 * displacement.field.measured.mean():.1f} %",
            flush=True,
        )
    x, y = displacement.grid.xy(*np.mgrid[: displacement.grid.height, : displacement.grid.width])
    on_ice = mask[(y - 0.5).round().astype(int), (x - 0.5).round().astype(int)]
    for name, where in (("glacier", on_ice), ("rest", ~on_ice)):
        both = where & found["cnn"].measured & found["pcc"].measured
        apart = np.hypot(found["cnn"].dx - found["pcc"].dx, found["cnn"].dy - found["pcc"].dy)[both]
        either = [100 * field.measured[where].mean() for field in found.values()]
        print(
            f"{name}: measured by cnn {either[0]:.1f} %, pcc {either[1]:.1f} %; apart by {np.median(apart):.3f} px "
            f"(median), {np.quantile(apart, 0.9):.3f} px (nine tenths)"
        )


def speed(device: str) -> None:
    """Print seconds per tile of 100 px with a search of 10 px: 250 tiles at once, and one of mode per-tile."""
    rng = np.random.default_rng(0)
    image = gaussian_filter(rng.standard_normal((1000, 2500)), 1.5).astype(np.float32)
    tracker = tracker_of("cnn:window=100,step=100")
    tracker.track(image, image, device=device)
    begun = time.perf_counter()
    field = tracker.track(image, np.roll(image, 3, 1), device=device)
    seconds = time.perf_counter() - begun
    print(f"shared: {field.dx.size} tiles in {seconds:.1f} s, {seconds / field.dx.size:.4f} s per tile")
    begun = time.perf_counter()
    tracker = tracker_of("cnn:mode=per-tile,window=100,step=100,epochs=1")
    tracker.track(image[:150, :150], np.roll(image, 3, 1)[:150, :150], device=device, pad=25)
    seconds = time.perf_counter() - begun
    print(f"per-tile: {seconds:.1f} s for one tile and one epoch of 441 candidates")


def main() -> None:
    """Run one part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["sets", "robust", "moreno", "speed"])
    parser.add_argument("--per-tile", type=int, default=0, metavar="N")
    parser.add_argument("--data", type=Path, help="folder with the images of the pair and mask.jpg")
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    if options.part == "moreno":
        moreno(options.data)
    else:
        {"sets": lambda: sets(options.per_tile), "robust": robust, "speed": lambda: speed(options.device)}[
            options.part
        ]()


if __name__ == "__main__":
    main()
