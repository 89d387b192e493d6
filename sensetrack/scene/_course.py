"""Coordinates along a winding line, such as the centre of a glacier."""

from __future__ import annotations

import numpy as np
from scipy import interpolate, ndimage, spatial

from sensetrack.scene._landscape import Frame
from sensetrack.scene._noise import NoiseSource, smoothstep
from sensetrack.types import DoubleArray


def follow(course: DoubleArray, frame: Frame) -> tuple[DoubleArray, DoubleArray, tuple[DoubleArray, DoubleArray]]:
    """Return curved coordinates on the lattice: along and across a smooth line, and its direction.

    Parameters
    ----------
    course : ndarray
        Points of the line, ``(row, column)`` as fractions of the image, from its head to its foot.
    frame : Frame

    Returns
    -------
    along, across : ndarray
        Distance from the head, and to the right of the line as seen from above, in pixels.
    direction : tuple of ndarray
        Unit vector down the line, ``(row, column)``.
    """
    points = course * np.array(frame.shape)
    knots = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    curve = interpolate.CubicSpline(knots, points)
    t = np.arange(0, knots[-1], 1.0)
    line, direction = curve(t), curve(t, 1)
    length = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    direction /= np.hypot(direction[:, 0], direction[:, 1])[:, None]
    rows, cols = frame.lattice()
    nodes = np.stack([rows.ravel(), cols.ravel()], axis=1)
    nearest = spatial.cKDTree(line).query(nodes)[1]
    offset, heading = nodes - line[nearest], direction[nearest]
    along = length[nearest] + (offset * heading).sum(axis=1)
    across = offset[:, 1] * heading[:, 0] - offset[:, 0] * heading[:, 1]
    shape = rows.shape
    smooth = [ndimage.gaussian_filter(v.reshape(shape), 1.0) for v in (along, across, heading[:, 0], heading[:, 1])]
    return smooth[0], smooth[1], (smooth[2], smooth[3])


def uneven(along: DoubleArray, across: DoubleArray, blend: float, amount: float, noise: NoiseSource) -> DoubleArray:
    """Return a width relative to its mean that varies smoothly along a line, differently on either side.

    Parameters
    ----------
    along, across : ndarray
        Curved coordinates, from `follow`.
    blend : float
        Width of the strip in which one side turns into the other, in pixels.
    amount : float
        Standard deviation of the relative width.
    noise : NoiseSource
    """
    rng = np.random.default_rng(noise.branch())
    knots = np.linspace(along.min(), along.max(), 14)
    sides = [interpolate.CubicSpline(knots, 1 + amount * rng.standard_normal(14))(along) for _ in range(2)]
    share = smoothstep(0.5 + across / blend)
    return np.asarray(share * sides[0] + (1 - share) * sides[1], np.float64)
