"""A valley glacier: a crevassed tongue that flows between mountains and ends in a lake."""

from __future__ import annotations

import numpy as np
from affine import Affine
from scipy import ndimage

from sensetrack.scene._course import follow, uneven
from sensetrack.scene._erosion import carve
from sensetrack.scene._landscape import OVERSAMPLING, Frame, Landscape, LatticeField, SmoothMotion, to_image
from sensetrack.scene._noise import NoiseSource, sigmoid, smoothstep
from sensetrack.types import FloatArray, Mask

_COURSE = np.array(
    [
        (-0.40, 0.80),
        (-0.16, 0.80),
        (0.06, 0.775),
        (0.24, 0.70),
        (0.40, 0.60),
        (0.55, 0.49),
        (0.66, 0.36),
        (0.78, 0.22),
        (0.98, 0.08),
        (1.2, -0.1),
    ]
)
"""Centre line from the head of the glacier down the valley: (row, column) as fractions of the image."""

_HALF_WIDTH = 148.0
_TONGUE = 210.0
_TERMINUS = 0.685


def glacier(frame: Frame, noise: NoiseSource, peak: float) -> Landscape:
    """Build the glacier landscape.

    Parameters
    ----------
    frame : Frame
    noise : NoiseSource
        On the ground samples.
    peak : float
        Displacement at the fastest place, in pixels.
    """
    scale = frame.scale
    along, across, tangent = follow(_COURSE, frame)
    half_width = _HALF_WIDTH * scale
    end = float(along.max()) * _TERMINUS
    # 0 on the centre line, 1 at the margin; the last stretch closes like an ellipse.
    closing = np.maximum(0, along - (end - _TONGUE * scale)) / (_TONGUE * scale)
    inside = np.hypot(across / (half_width * uneven(along, across, 120 * scale, 0.09, noise)), closing)
    profile = 1 - smoothstep((inside - 0.15) / 0.85)
    speed = peak * profile * (0.72 + 0.28 * np.exp(-(((along / end - 0.62) / 0.22) ** 2)))
    motion = SmoothMotion(frame, speed * tangent[0], speed * tangent[1])

    s, n, g = (LatticeField(v).on_ground(frame) for v in (along, across, inside))
    ice = g < 1
    moraines = _moraines(n / half_width, g, noise)
    crevasses, foliation = _ice_structure(s, n, ice, half_width, noise)
    height = _terrain(s, n, g, half_width, end, scale, noise)
    lake = (height < 0.15) & ~ice
    height = np.where(lake, 0, height)

    soil = noise.fractal(1.0, 60)
    rough = noise.fractal(0.7, 16)
    rock = 0.17 + 0.022 * soil + 0.02 * noise.fractal(1.4, 300) + 0.012 * rough
    vegetation = sigmoid((30 - height + 8 * soil) / 3)
    rock = rock + vegetation * (0.075 + 0.010 * rough - rock)
    clean = 0.50 + 0.12 * smoothstep((0.55 * end - s) / (0.6 * end)) + 0.035 * foliation + 0.030 * soil + 0.022 * rough
    clean = clean - 0.10 * np.maximum(crevasses, 0) - 0.16 * sigmoid((noise.band(14, 0.5) - 2.1) / 0.12)
    debris = 0.20 + 0.02 * soil + 0.02 * rough
    surface = clean + moraines * (debris - clean)
    ground = np.where(ice, surface, np.where(lake, 0.065, rock)).astype(np.float32)

    height = height + np.where(ice, smoothstep((1 - g) / 0.08) * (0.22 * crevasses + 0.05 * soil), 0)
    albedo = (_snow(ground, height, ice | lake, soil, 105.0), _snow(ground, height, ice | lake, soil, 108.0))
    melt = np.where(ice, 1 + 0.03 * noise.fractal(0.7, 12), 1).astype(np.float32)
    area = to_image(ice.astype(np.float32)) > 0.5
    still = to_image((ice | lake).astype(np.float32)) == 0
    return Landscape(
        height=height.astype(np.float32),
        albedo=(albedo[0], albedo[1] * melt),
        motion=motion,
        moving=g < 1.02,
        area=area,
        stable=ndimage.binary_erosion(still, iterations=2),
        crs="EPSG:32718",
        transform=Affine(10, 0, 612_340, 0, -10, 4_478_560),
    )


def _terrain(
    s: FloatArray, n: FloatArray, g: FloatArray, half_width: float, end: float, scale: float, noise: NoiseSource
) -> FloatArray:
    """Return heights: ice surface, valley walls and mountains, in pixels."""
    below = smoothstep((s - end + 60 * scale) / (120 * scale))
    wander = 16 * scale * noise.fractal(1.8, 300 * scale * OVERSAMPLING) * below
    beside_lake = np.abs(n) - half_width * (1 - 0.3 * below) + wander
    past = smoothstep((s - end + 220 * scale) / (180 * scale))
    beside = np.maximum(0, (1 - past) * (np.minimum(g, 9) - 1) * half_width + past * beside_lake)
    beside = np.where(g < 1, 0, beside)
    surface = 0.060 * np.maximum(0, end - s)
    dome = 4 + 5 * np.sqrt(np.maximum(0, 1 - np.minimum(g, 1) ** 2))
    valley = surface * smoothstep((end - s) / (80 * scale)) + np.where(g < 1, dome, 0)
    hills = 10 * scale * noise.fractal(2.0, 300 * scale * OVERSAMPLING) + noise.fractal(1.0, 60)
    start = valley + np.where(beside > 0, 0.36 * beside + hills * smoothstep(beside / (60 * scale)), 0)
    carved = carve(start * OVERSAMPLING, beside == 0, round(60 * scale), noise) / OVERSAMPLING
    bumps = 0.15 * noise.fractal(1.3, 60) * (beside > 0)
    return np.asarray(carved + bumps, np.float32)


def _ice_structure(
    s: FloatArray, n: FloatArray, ice: Mask, half_width: float, noise: NoiseSource
) -> tuple[FloatArray, FloatArray]:
    """Return crevasses across the flow and foliation along it, in the curved coordinates of the glacier."""
    reach = 1.3 * half_width
    across = np.clip(n[ice], -reach, reach)
    bent = s[ice] - 0.5 * across**2 / half_width
    first, length = float(bent.min()), float(np.ptp(bent))

    def sample(wavelength: float, along_step: float, across_step: float) -> FloatArray:
        shape = (int(length / along_step) + 8, int(2 * reach / across_step) + 8)
        sheet = NoiseSource(shape, noise.branch()).band(wavelength, 0.5)
        index = np.stack([(bent - first) / along_step + 3, (across + reach) / across_step + 3])
        texture = np.zeros_like(s)
        texture[ice] = ndimage.map_coordinates(sheet, index, order=3, output=np.float32, mode="mirror")
        return texture

    fields = sigmoid(2.5 * noise.fractal(1.8, 260) + 0.3)
    crevasses = sample(14, 0.5, 4.0) * fields
    foliation = sample(16, 20.0, 0.5)
    return crevasses, foliation


def _moraines(across: FloatArray, g: FloatArray, noise: NoiseSource) -> FloatArray:
    """Return the share of debris on the ice: two medial moraines and dirty margins."""
    wander = 0.03 * noise.fractal(1.8, 300)
    patchy = 0.5 * noise.fractal(1.0, 24)
    cover = np.zeros_like(across)
    for place, width, strength in ((-0.28, 0.030, 1.0), (0.42, 0.018, 0.8)):
        cover = np.maximum(cover, strength * np.exp(-(((across - place + wander) / width) ** 2)))
    margin = smoothstep((g + 1.5 * wander - 0.86) / 0.10)
    return np.asarray(np.clip(np.maximum(cover, margin) * (1 + patchy), 0, 1), np.float32)


def _snow(ground: FloatArray, height: FloatArray, without: Mask, soil: FloatArray, line: float) -> FloatArray:
    """Return the albedo with snow above a height, on ground that is not too steep."""
    steepness = np.hypot(*np.gradient(ndimage.gaussian_filter(height, 2))) * OVERSAMPLING
    cover = sigmoid((height - line + 6 * soil - 60 * np.maximum(steepness - 0.6, 0)) / 1.5) * ~without
    return np.asarray(ground + cover * (0.78 - ground), np.float32)
