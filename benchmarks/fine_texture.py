"""How much of a small motion trackers find on texture as fine as pixels: measured over true displacement.

The ground has an amplitude that falls with frequency, blurred as by a sensor whose contrast at half a cycle per pixel
(Nyquist) is given; the whole image moves by a part of a pixel, exactly, in the frequency domain. Interpolation moves
waves near Nyquist by less than asked, so whoever matches interpolated images overstates the motion.

    python benchmarks/fine_texture.py
    python benchmarks/fine_texture.py --tracker dis --tracker pcc --shift 0.1 --noise 0.2
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy import fft

from sensetrack.specs import tracker_of
from sensetrack.types import FloatArray

TRACKERS = (
    "adaptive-lk:preset=full",
    "adaptive-lk",
    "adaptive-lk:preset=fast",
    "pcc:step=8",
    "ncc:step=8",
    "dis",
    "farneback",
    "ilk",
)
CONTRASTS = (0.02, 0.1, 0.2, 0.4, 0.8)
"""At Nyquist; well-made sensors have 0.1 to 0.3."""

BORDER = 48
"""Pixels that are not judged."""


def pair(size: int, contrast: float, shift: float, noise: float) -> tuple[FloatArray, FloatArray]:
    """Return two images; the second shows the ground ``shift`` further right and half of it further up."""
    rng = np.random.default_rng(1)
    row, col = fft.fftfreq(size)[:, None], fft.rfftfreq(size)[None]
    frequency = np.hypot(row, col)
    blur = np.exp(np.log(contrast) * (frequency / 0.5) ** 2)
    spectrum = fft.rfft2(rng.standard_normal((size, size))) * blur / (0.01 + frequency)
    images = [
        fft.irfft2(spectrum * np.exp(-2j * np.pi * part * (col - 0.5 * row)), (size, size)) for part in (0.0, shift)
    ]
    scale = images[0].std()
    first, second = ((each / scale + noise * rng.standard_normal(each.shape)).astype(np.float32) for each in images)
    return first, second


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracker", action="append", dest="trackers")
    parser.add_argument("--shift", type=float, default=0.2, help="pixels")
    parser.add_argument("--noise", type=float, default=0.05, help="of the standard deviation of the ground")
    parser.add_argument("--size", type=int, default=384)
    options = parser.parse_args()
    print("| tracker |" + "".join(f" {contrast:g} |" for contrast in CONTRASTS))
    print("| --- |" + " ---: |" * len(CONTRASTS))
    for name in options.trackers or TRACKERS:
        tracker, cells = tracker_of(name), []
        for contrast in CONTRASTS:
            field = tracker.track(*pair(options.size, contrast, options.shift, options.noise))
            inner = slice(BORDER // tracker.spacing, -(BORDER // tracker.spacing))
            found = np.nanmedian(field.dx[inner, inner]) - 0.5 * np.nanmedian(field.dy[inner, inner])
            cells.append(f" {found / (1.25 * options.shift):.3f} |")
        print(f"| `{name}` |" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
