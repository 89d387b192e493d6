"""What the filters find and lose, and how fast their window medians are: the figures in their documentation."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable

import numpy as np
from scipy.ndimage import generic_filter

from sensetrack.displacement import Field
from sensetrack.filters import apply_all, registry
from sensetrack.neighbours import window_medians
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.scene import KINDS, build_scene
from sensetrack.stream import track
from sensetrack.trackers import registry as trackers


def false_alarms() -> None:
    """Share of good pixels that the outlier tests flag in a smooth field, against noise and threshold."""
    rng = np.random.default_rng(0)
    row, col = np.mgrid[:200, :200] / 200 - 0.5
    bump = 8 * np.exp(-(row**2 + col**2) / 0.055)
    levels = (0.05, 0.1, 0.3, 1.0)
    print("flagged of a smooth field (%) at noise (px)  ", *(f"{level:6.2f}" for level in levels))
    for name, threshold in (("median-test", 2), ("median-test", 3), ("median-test", 4), ("median-test", 5), ("mad", 4)):
        judge = registry.get(name)(threshold=threshold)
        shares = []
        for level in levels:
            dx, dy = bump + level * rng.normal(size=bump.shape), -0.5 * bump + level * rng.normal(size=bump.shape)
            ones = np.ones_like(dx)
            values = {"dx": dx, "dy": dy, "quality": ones, "sigma_dx": ones, "sigma_dy": ones, "rho": 0 * ones}
            field = Field.from_layers({**values, "flags": np.zeros(dx.shape, np.uint8)})
            shares.append(100 * (~judge.keep(field)).mean())
        print(f"  {name:12s} threshold {threshold}                  ", *(f"{share:6.2f}" for share in shares))


def scenes() -> None:
    """Blunders found and good pixels lost on the synthetic scenes, whose motion is known."""
    step = 8
    for kind in KINDS:
        scene = build_scene(kind)
        images = (Image.from_array(pixels, scene.grid) for pixels in (scene.reference, scene.secondary))
        field = track(ImagePair(*images, days=scene.days), trackers.get("pcc")(window=32, step=step)).field
        rows, cols = field.shape
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            truth = [
                np.nanmean(part[: rows * step, : cols * step].reshape(rows, step, cols, step), axis=(1, 3))
                for part in (scene.dx, scene.dy)
            ]
        # The images are shifted against each other as a whole; a filter of outliers does not see that.
        differences = (field.dx - truth[0], field.dy - truth[1])
        error = np.hypot(*(each - np.nanmedian(each[field.usable]) for each in differences))
        good, bad = field.usable & (error < 0.3), field.usable & (error > 1)
        print(f"{kind}: {np.count_nonzero(good)} good and {np.count_nonzero(bad)} wrong pixels")
        for name in registry.names():
            keep = registry.get(name)().keep(field)
            print(f"  {name:22s} finds {100 * (~keep)[bad].mean():5.1f} %, loses {100 * (~keep)[good].mean():5.2f} %")
        for passes in (1, 2):
            keep = apply_all(field, [registry.get("ndc")(), registry.get("median-test")()], passes).usable
            name = f"ndc median-test, {passes} x"
            print(f"  {name:22s} finds {100 * (~keep)[bad].mean():5.1f} %, loses {100 * (~keep)[good].mean():5.2f} %")


def speed() -> None:
    """Seconds per million pixels of one component, against numpy and scipy."""
    values = np.random.default_rng(0).normal(size=(1000, 1000)).astype(np.float32)
    values[np.random.default_rng(1).random(values.shape) < 0.1] = np.nan
    window_medians(values[:20, :20], 3, centre=True)
    for size in (5, 11):
        ours = _seconds(lambda size=size: window_medians(values, size, centre=True))
        part = np.pad(values[:100], size // 2, constant_values=np.nan)
        view = np.lib.stride_tricks.sliding_window_view(part, (size, size)).reshape(100, 1000, -1)
        numpy = 10 * _seconds(lambda view=view: np.nanmedian(view, axis=2))
        scipy = 100 * _seconds(lambda size=size: generic_filter(values[:100, :100], np.nanmedian, size))
        print(
            f"{size:2d} x {size:2d}: median and deviation {ours:.2f} s; the median alone: "
            f"numpy.nanmedian {numpy:.1f} s ({numpy / ours:.0f} x), generic_filter {scipy:.0f} s ({scipy / ours:.0f} x)"
        )


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    false_alarms()
    scenes()
    speed()
