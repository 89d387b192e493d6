"""Accuracy of coregistration on images whose shift is known: the figures in its documentation.

Images are sums of plane waves, evaluated where they are moved to, so that no interpolation stands between the truth
and what is measured. Runs in about two minutes on one core.
"""

from __future__ import annotations

import time

import numpy as np

from sensetrack.align import align
from sensetrack.coregister.resample import move
from sensetrack.coregister.shift import ShiftModel
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.raster.methods import METHODS, Method

SHAPE = (512, 512)
WAVES = 100


def waves(row: np.ndarray, col: np.ndarray, shortest: float = 5.0, seed: int = 0) -> np.ndarray:
    """Return a scene with wavelengths from ``shortest`` to 40 pixels and a standard deviation of 20."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, WAVES)
    k = 2 * np.pi / np.exp(rng.uniform(np.log(shortest), np.log(40.0), WAVES))
    phase = rng.uniform(0, 2 * np.pi, WAVES)
    total = np.zeros(np.broadcast(row, col).shape)
    for a, b, p in zip(k * np.sin(angle), k * np.cos(angle), phase, strict=True):
        total += np.cos(a * row + b * col + p)
    return 100 + 20 * np.sqrt(2 / WAVES) * total


def pair_of(dx: np.ndarray | float, dy: np.ndarray | float, noise: float = 0.0, seed: int = 0) -> ImagePair:
    """Return a pair whose secondary shows at ``(row, col)`` what the reference shows at ``(row - dy, col - dx)``."""
    rng = np.random.default_rng(seed)
    row, col = np.indices(SHAPE, dtype=np.float64)
    images = waves(row, col), waves(row - dy, col - dx)
    return ImagePair(*(Image.from_array(image + rng.normal(0, noise, SHAPE)) for image in images))


def error_of(model: ShiftModel, dx: float, dy: float) -> float:
    """Return the error of a model in the middle of the image, px."""
    found = model.predict(SHAPE[0] / 2, SHAPE[1] / 2)
    return float(np.hypot(found[0] - dx, found[1] - dy))


def kernels() -> None:
    """By how much each kernel displaces a wave: the worst over all fractions of a pixel."""
    print("largest displacement of a wave by the kernel itself (px)")
    lengths = (4, 6, 8, 12, 16, 24)
    print("  wavelength (px)", *(f"{length:8d}" for length in lengths))
    row, col = np.indices((16, 512), dtype=np.float64)
    for method in METHODS:
        if method == "average":
            continue
        worst = []
        for length in lengths:
            k = 2 * np.pi / length
            image = Image.from_array(np.cos(k * col + row))
            off = []
            for fraction in np.linspace(0.05, 0.5, 10):
                moved, _ = move(image, image.grid, ShiftModel.constant(fraction, 0.0), method).read()
                part = slice(8, 8 + 480)
                angle = np.angle(np.sum(moved[8, part] * np.exp(-1j * (k * (col[8, part] + fraction) + row[8, part]))))
                off.append(abs(angle) / k)
            worst.append(max(off))
        print(f"  {method:15s}", *(f"{value:8.5f}" for value in worst))


def shifts() -> None:
    """True against recovered shift, and what is left after it is taken out with each kernel."""
    methods: tuple[Method, ...] = ("spline", "lanczos", "cubic", "bilinear")
    print("constant shift (px): error of what is measured, its standard error, and what is left after resampling")
    print("  noise  true dx     dy    error   s.e.  ", *(f"{method:>8s}" for method in methods), "  seconds")
    for noise in (0.0, 2.0, 6.0):
        cases = ((0.0, 0.0), (0.13, -0.4), (0.25, 0.25), (0.5, -0.5), (0.77, 0.9), (7.3, -11.6))
        for seed, (dx, dy) in enumerate(cases):
            pair = pair_of(dx, dy, noise, seed)
            start = time.perf_counter()
            model = align(pair)
            seconds = time.perf_counter() - start
            left = []
            for method in methods:
                pixels, valid = move(pair.secondary, pair.grid, model, method).read()
                truth = ImagePair(pair.reference, Image.from_array(pixels, valid=valid))
                rest = align(truth)
                left.append(float(np.hypot(rest.dx[0], rest.dy[0])))
            error, expected = error_of(model, dx, dy), float(np.hypot(*model.errors_dx, *model.errors_dy))
            print(
                f"  {noise:5.0f}  {dx:7.2f} {dy:6.2f}  {error:.4f}  {expected:.4f}  ",
                *(f"{value:8.4f}" for value in left),
                f"  {seconds:6.2f}",
            )


def moving() -> None:
    """Scenes in which a part moves, without a mask."""
    print("error (px) where a part of the scene moves by (4.5, -3) px, or by up to that as a glacier does; no mask")
    print("  kind        moving   block    glacier")
    col = np.indices(SHAPE, dtype=np.float64)[1]
    for kind in ("shift", "affine", "polynomial"):
        for share in (0.2, 0.35, 0.45):
            width = share * SHAPE[1]
            inside = col < width
            found = []
            for profile in (np.ones(SHAPE), np.sin(np.pi * np.clip(col / width, 0, 1))):
                pair = pair_of(0.3 + np.where(inside, 4.5 * profile, 0), 0.6 - np.where(inside, 3 * profile, 0), 2.0)
                found.append(error_of(align(pair, kind=kind), 0.3, 0.6))
            print(f"  {kind:10s}  {100 * share:4.0f} %  ", *(f"{value:7.4f} " for value in found))


def gradients() -> None:
    """Affine pairs: the gradient that is recovered, and the largest error over the image."""
    print("affine: true and recovered gradients of (dx, dy) along columns and rows (1e-4), largest error (px)")
    row, col = np.indices(SHAPE, dtype=np.float64)
    for true in ((1, 0, 0, 1), (0, -1, 1, 0), (2, -1, 1, 1.5), (10, 5, -5, 8)):
        across, down = 1e-4 * np.array(true).reshape(2, 2)
        inverse = np.linalg.inv(np.eye(2) + np.array([across, down]))
        x, y = (
            inverse[0, 0] * (col - 0.3) + inverse[0, 1] * (row + 0.2),
            inverse[1, 0] * (col - 0.3) + inverse[1, 1] * (row + 0.2),
        )
        model = align(pair_of(col - x, row - y, 2.0), kind="affine")
        found = 1e4 * np.array([*model.dx[1:], *model.dy[1:]]) / model.scale
        dx, dy = model.predict(row, col)
        worst = np.hypot(
            dx - (0.3 + across[0] * col + across[1] * row), dy - (-0.2 + down[0] * col + down[1] * row)
        ).max()
        print(
            "  ", *(f"{value:6.2f}" for value in true), "  ", *(f"{value:6.2f}" for value in found), f"   {worst:.4f}"
        )


if __name__ == "__main__":
    kernels()
    shifts()
    moving()
    gradients()
