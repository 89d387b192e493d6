"""Bias, noise and stated errors of phase correlation on textures with known sub-pixel shifts.

The pairs are independent samples of one scene: the texture is moved with a quintic spline at twice the resolution of
the images, blurred as by a sensor, sampled, and given independent noise. Prints, for each window size, the largest
median error over shifts of 0 to 1 px in steps of 0.1 (peak locking), the root mean square error, and how often the
truth lies within one and 1.96 of the stated standard deviations (68.3 % and 95 % when they are right).

    python benchmarks/pcc_accuracy.py
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from skimage import data

from sensetrack.trackers.pcc import Pcc

SHIFTS = np.arange(0, 1.05, 0.1)
NOISES = {"-30 dB": 0.0316, "-20 dB": 0.1, "-10 dB": 0.316}
SIZE = 1024


def textures() -> dict[str, np.ndarray]:
    """Return scenes at twice the resolution of the images."""
    frequency = np.fft.fftfreq(SIZE)
    k = np.hypot(frequency[:, None], frequency)
    k[0, 0] = 1
    spectrum = np.fft.fft2(np.random.default_rng(3).standard_normal((SIZE, SIZE)))
    scenes = {
        "gravel": np.tile(data.gravel().astype(np.float64), (2, 2)),
        "moon": np.tile(data.moon().astype(np.float64), (2, 2)),
        "fractal": np.fft.ifft2(spectrum * k**-1.2).real,
    }
    return {name: gaussian_filter(scene, 1.2) for name, scene in scenes.items()}


def view(scene: np.ndarray, dx: float, dy: float, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Sample the scene moved by (dx, dy) image pixels, with noise as a share of its standard deviation."""
    rows, cols = np.mgrid[60 : SIZE - 60 : 2, 60 : SIZE - 60 : 2].astype(np.float64)
    image = map_coordinates(scene, [rows - 2 * dy, cols - 2 * dx], order=5)
    return image + rng.normal(0, noise * image.std(), image.shape)


def main() -> None:
    """Print the table."""
    print("| scene | noise | window | largest bias, px | RMSE, px | in 68 % | in 95 % |\n|---|---|---|---|---|---|---|")
    for name, scene in textures().items():
        for label, noise in NOISES.items():
            for window in (32, 64):
                tracker = Pcc(window=window, step=window // 2, search=10)
                biases, errors, scores = [], [], []
                for number, dx in enumerate(SHIFTS):
                    dy = 0.5 - dx / 2
                    rng = np.random.default_rng(number)
                    field = tracker.track(view(scene, 0, 0, noise, rng), view(scene, dx, dy, noise, rng))
                    good = field.measured
                    for error, sigma in ((field.dx - dx, field.sigma_dx), (field.dy - dy, field.sigma_dy)):
                        biases.append(abs(np.median(error[good])))
                        errors.append(error[good])
                        scores.append(np.abs(error / sigma)[good])
                error, score = np.concatenate(errors), np.concatenate(scores)
                print(
                    f"| {name} | {label} | {window} | {max(biases):.4f} | {np.sqrt(np.mean(error**2)):.4f} "
                    f"| {np.mean(score < 1):.1%} | {np.mean(score < 1.96):.1%} |"
                )


if __name__ == "__main__":
    main()
