"""A slow landslide: a bare, hummocky earthflow that creeps through forest and meadows."""

from __future__ import annotations

import numpy as np
from affine import Affine
from scipy import ndimage

from sensetrack.scene._course import follow, uneven
from sensetrack.scene._erosion import carve
from sensetrack.scene._landscape import OVERSAMPLING, Frame, Landscape, LatticeField, SmoothMotion, to_image
from sensetrack.scene._noise import NoiseSource, sigmoid, smoothstep

_COURSE = np.array([(-0.2, 0.72), (0.10, 0.66), (0.35, 0.58), (0.60, 0.46), (0.82, 0.40), (1.2, 0.38)])
_HALF_WIDTH = 78.0
_HEAD, _TOE = 0.29, 0.70


def landslide(frame: Frame, noise: NoiseSource, peak: float) -> Landscape:
    """Build the landslide landscape.

    Parameters
    ----------
    frame : Frame
    noise : NoiseSource
        On the ground samples.
    peak : float
        Displacement at the fastest place, in pixels.
    """
    scale = frame.scale
    along, across, direction = follow(_COURSE, frame)
    length = float(along.max())
    ends = np.maximum(0, np.abs(along / length - (_HEAD + _TOE) / 2) - 0.12) / ((_TOE - _HEAD) / 2 - 0.12)
    width = _HALF_WIDTH * scale * (1 + 0.35 * (along / length - _HEAD) / (_TOE - _HEAD))
    width = width * uneven(along, across, 60 * scale, 0.11, noise)
    inside = np.hypot(across / width, ends)
    speed = peak * (1 - smoothstep((inside - 0.35) / 0.65))
    motion = SmoothMotion(frame, speed * direction[0], speed * direction[1])

    s, n, g = (LatticeField(v).on_ground(frame) for v in (along, across, inside))
    flow = g < 1
    soil, rough = noise.fractal(1.0, 60), noise.fractal(0.6, 12)
    start = 0.32 * (length - s) + 5 * scale * noise.fractal(2.0, 260 * scale * OVERSAMPLING) + noise.fractal(1.0, 60)
    foot = s > 0.80 * length
    start = np.where(foot, 0.32 * 0.20 * length - 0.02 * (s - 0.80 * length), start)
    height = carve(start * OVERSAMPLING, foot | flow, round(36 * scale), noise) / OVERSAMPLING
    smooth = ndimage.gaussian_filter(height, 10 * OVERSAMPLING * scale)
    share = smoothstep((1.25 - g) / 0.3)
    scarp = -5.0 * scale * smoothstep((1 - g) / 0.1)
    lobes = np.sin(2 * np.pi * (s - 0.3 * n**2 / (_HALF_WIDTH * scale) + 5 * noise.band(120)) / 24)
    patches = sigmoid(2 * noise.fractal(1.6, 160))
    hummocks = 0.9 * noise.fractal(1.8, 70) + 0.30 * lobes * patches
    height = height + share * (smooth - height) + scarp + hummocks * smoothstep((1 - g) / 0.1)

    kinds = noise.fractal(1.7, 320)
    forest = sigmoid((kinds + 0.1) / 0.05)
    meadow = 0.150 + 0.010 * soil + 0.006 * rough
    trees = 0.062 + 0.010 * noise.band(7) + 0.005 * rough
    bare = 0.190 + 0.022 * soil + 0.010 * rough + 0.025 * patches
    field = meadow + forest * (trees - meadow)
    field = field + sigmoid((-1.6 - kinds) / 0.05) * (0.20 - field)
    islands = sigmoid((noise.fractal(1.2, 50) - 1.4) / 0.1)
    surface = bare + islands * (meadow - bare)
    edge = sigmoid((1 - g + 0.03 * soil) / 0.01)
    ground = field + edge * (surface - field)
    season = 1 + np.where(flow, 0.03, 0.07 * (0.3 + forest)) * noise.fractal(0.5, 12)
    moving = to_image((g < 1.03).astype(np.float32)) > 0
    return Landscape(
        height=height.astype(np.float32),
        albedo=(ground.astype(np.float32), (ground * season).astype(np.float32)),
        motion=motion,
        moving=g < 1.02,
        area=to_image(flow.astype(np.float32)) > 0.5,
        stable=~ndimage.binary_dilation(moving, iterations=2),
        crs="EPSG:32632",
        transform=Affine(3, 0, 683_214, 0, -3, 5_160_873),
    )
