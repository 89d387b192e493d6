"""What was tried for adaptive-lk and is not in it: mean error with and without, all on the same pairs.

Mean error in pixels over interior pixels of ``preset = full`` before anything is flagged; columns are displacements,
averaged over gravel with noise of 20 and 10 dB, the Moon with 20 dB and radar with speckle; the last are gravel under
another sun and gravel of which single pixels are spoilt.

    python benchmarks/adaptive_lk_tried.py
"""

from __future__ import annotations

from collections.abc import Callable
from unittest import mock

import numpy as np
from scipy.ndimage import gaussian_filter, uniform_filter

from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.pairs import KnownPair, PairMaker
from sensetrack.benchmark.truths import FIELDS
from sensetrack.flow import lk, lk_smooth, lk_step
from sensetrack.flow.lk_level import Flow, Level
from sensetrack.flow.lk_sums import window_sums
from sensetrack.trackers.adaptive_lk import AdaptiveLk
from sensetrack.types import FloatArray

SIZE = 384
GROUND = (("gravel", "noise-20db"), ("gravel", "noise-10db"), ("moon", "noise-20db"), ("radar", "speckle"))
MOTION = ("shift", "bumps-3", "bumps-30", "fault-3.2", "fault-31")
SETTINGS = AdaptiveLk(preset="full", search=36).settings
Images = tuple[FloatArray, FloatArray]


def found(images: Images) -> Flow:
    """Return the flow of adaptive-lk as it is."""
    ones = np.ones(images[0].shape, np.float32)
    pyramid = lk.views(*(image - image.mean() for image in images), ones, ones, SETTINGS.levels, SETTINGS.highpass)
    return lk.adaptive_lk(pyramid, SETTINGS, lk.begin(pyramid, SETTINGS)).flow


def even_contrast(images: Images) -> Flow:
    """Divide both images by their deviation in windows of 25 px."""
    return found(tuple(_flat(image, 25) for image in images))


def census(images: Images) -> Flow:
    """Replace pixels by how many of the 24 around them are darker, softly: a census that can be differentiated."""

    def rank(image: FloatArray) -> FloatArray:
        spread = 0.5 * image.std()
        moves = [(i, j) for i in range(-2, 3) for j in range(-2, 3) if (i, j) != (0, 0)]
        total = sum(np.tanh((image - np.roll(image, move, (0, 1))) / spread) for move in moves)
        return np.asarray(total, np.float32)

    return found((rank(images[0]), rank(images[1])))


def robust_weights(images: Images) -> Flow:
    """Let pixels whose difference exceeds 1.5 deviations of those around count less, in every step (Huber 1964)."""
    plain = lk_step.pulls

    def weighted(level: Level, flow: Flow, whole: bool) -> FloatArray:
        rest = plain(level, flow, False)[2]
        around = np.sqrt(np.maximum(window_sums(rest[None], 10)[0] / 441, 1e-20))
        share = np.minimum(1, 1.5 * around / np.maximum(np.sqrt(np.maximum(rest, 0)), 1e-20))
        return np.asarray(plain(level, flow, whole) * share, np.float32)

    with mock.patch.object(lk, "pulls", weighted):
        return found(images)


def smooth_by_diffusion(images: Images) -> Flow:
    """Smooth the flow by total variation in place of the median (Rudin, Osher & Fatemi 1992)."""
    from skimage.restoration import denoise_tv_chambolle

    def smooth(flow: Flow, side: int = 5) -> Flow:
        dx, dy = (np.ascontiguousarray(denoise_tv_chambolle(each, 0.1), np.float32) for each in flow)
        return dx, dy

    with mock.patch.object(lk, "median", smooth):
        return found(images)


def means_in_place_of_medians(images: Images) -> Flow:
    """Smooth the flow by a Gaussian in place of the median."""

    def smooth(flow: Flow, side: int = 5) -> Flow:
        return gaussian_filter(flow[0], 1.2), gaussian_filter(flow[1], 1.2)

    with mock.patch.object(lk, "median", smooth):
        return found(images)


def affine_windows(images: Images, radius: int = 16) -> Flow:
    """End with the six parameters of an affine displacement in each window of half side 16 (Shi & Tomasi 1994)."""
    level, flow = _last(images)
    for _ in range(2):
        pull = lk_step.pulls(level, flow, False)
        rows, cols = (axis.astype(np.float64) for axis in np.indices(flow[0].shape))
        flow = _affine_step(level, pull, flow, (rows - rows.mean(), cols - cols.mean()), radius)
    return flow


def _last(images: Images) -> tuple[Level, Flow]:
    """Return the finest level, and the flow of adaptive-lk as it is."""
    levels: list[Level] = []
    plain = lk._finish

    def keep(level: Level, flow: Flow, settings: lk.Settings) -> lk.Found:
        levels.append(level)
        return plain(level, flow, settings)

    with mock.patch.object(lk, "_finish", keep):
        flow = found(images)
    return levels[0], flow


def _affine_step(level: Level, pull: FloatArray, flow: Flow, place: tuple[FloatArray, FloatArray], radius: int) -> Flow:
    """Return the flow after a Gauss-Newton step for affine motion, drawn a little to none."""
    side = 2 * radius + 1
    terms = (np.ones_like(place[0]), place[1], place[0])

    def total(values: FloatArray) -> FloatArray:
        return np.asarray(uniform_filter(values, side, mode="constant") * side**2, np.float64)

    tensor = ((level.tensor[0], level.tensor[1]), (level.tensor[1], level.tensor[2]))
    shape = flow[0].shape
    matrix, right = np.empty((*shape, 6, 6)), np.empty((*shape, 6))
    for a in range(6):
        right[..., a] = total(pull[a // 3].astype(np.float64) * terms[a % 3])
        for b in range(a, 6):
            product = tensor[a // 3][b // 3].astype(np.float64) * terms[a % 3] * terms[b % 3]
            matrix[..., a, b] = matrix[..., b, a] = total(product)
    scale = np.array([1, radius, radius] * 2, np.float64)
    trace = matrix[..., 0, 0] + matrix[..., 3, 3]
    matrix += 1e-2 * (trace / 2)[..., None, None] * np.diag(scale**2)
    answer = np.linalg.solve(matrix, right[..., None])[..., 0]
    step = [sum(answer[..., 3 * k + t] * terms[t] for t in range(3)) for k in range(2)]
    dx, dy = (np.asarray(part + more, np.float32) for part, more in zip(flow, step, strict=True))
    return lk_smooth.median((dx, dy))


def _flat(image: FloatArray, side: int) -> FloatArray:
    mean = uniform_filter(image, side)
    deviation = np.sqrt(np.maximum(uniform_filter(image**2, side) - mean**2, 1e-12))
    return np.asarray((image - mean) / deviation, np.float32)


TRIED: dict[str, Callable[[Images], Flow]] = {
    "as it is": found,
    "even local contrast": even_contrast,
    "census": census,
    "robust weights": robust_weights,
    "affine windows at the end": affine_windows,
    "total variation for the median": smooth_by_diffusion,
    "Gaussian for the median": means_in_place_of_medians,
}


def error(pair: KnownPair, images: Images, method: Callable[[Images], Flow]) -> float:
    """Return the mean error inside the border."""
    dx, dy = method(images)
    row, col = np.indices(dx.shape, np.float64)
    true_y, true_x = pair.truth(row, col)
    inner = slice(pair.border, -pair.border)
    return float(np.hypot(dx - true_x, dy - true_y)[inner, inner].mean())


def spoilt(image: FloatArray) -> FloatArray:
    """Return an image of which a hundredth of the pixels hold noise of five times its deviation."""
    rng = np.random.default_rng(5)
    where = rng.random(image.shape) < 0.01
    return np.where(where, image + rng.normal(0, 5 * image.std(), image.shape), image).astype(np.float32)


def main() -> None:
    """Print the table."""
    maker = PairMaker(SIZE, 0)
    columns: dict[str, list[tuple[KnownPair, Images]]] = {}
    for motion in MOTION:
        made = [maker.make(texture, FIELDS[motion], CONDITIONS[condition]) for texture, condition in GROUND]
        columns[motion] = [(pair, (pair.reference, pair.secondary)) for pair in made]
    lit = maker.make("terrain", FIELDS["bumps-3"], CONDITIONS["light"])
    plain = maker.make("gravel", FIELDS["bumps-3"], CONDITIONS["noise-20db"])
    columns["bumps-3, light"] = [(lit, (lit.reference, lit.secondary))]
    columns["bumps-3, spoilt"] = [(plain, (plain.reference, spoilt(plain.secondary)))]
    print("| | " + " | ".join(columns) + " |")
    print("|-|" + "-:|" * len(columns))
    for name, method in TRIED.items():
        values = [np.mean([error(pair, images, method) for pair, images in pairs]) for pairs in columns.values()]
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in values) + " |", flush=True)


if __name__ == "__main__":
    main()
