"""Known errors from known displacements: parts of the reference are moved, given the pair's own misfit, and tracked."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from sensetrack.calibrate._fit import independent_of
from sensetrack.calibrate._injection import Offset, move, smoothed
from sensetrack.calibrate._misfit import Noise, dense_flow, misfit_of, without_noise
from sensetrack.displacement import Field
from sensetrack.raster.tiles import Block
from sensetrack.stream import TrackTask
from sensetrack.types import DoubleArray, Mask

PER_RUN = 96
"""Points along rows and columns that a run contributes at most; neighbours say the same."""

REACH = 8
"""Pixels around what is moved that a spline and the injected displacement need."""

CUT = 5.0
"""Ratio of error to stated error beyond which it does not tell how far errors hang together."""


SMOOTH = 24.0
"""Standard deviation in pixels of the Gaussian that smooths the measured motion before it is put in: less would put in
the noise of the measurement as if it were motion, more would lose what windows flatten."""

FARTHEST = 512
"""Pixels of displacement beyond which content is not fetched from outside a block."""


@dataclass(frozen=True, eq=False)
class Known:
    """Known errors of both components at some points, from one run.

    Attributes
    ----------
    error, sigma : ndarray of float64
        ``(2, point)``: of dx and of dy, in pixels.
    independent : tuple of float
        How many of them count as independent, for dx and for dy.
    """

    error: DoubleArray
    sigma: DoubleArray
    independent: tuple[float, float]


@dataclass(frozen=True)
class ShiftTask:
    """Injects displacements into one block and returns the errors; pickles as paths and parameters.

    The pair is taken apart into what both images show and noise, and put together again with another displacement and
    other noise: a reference of texture and noise, and a secondary of the same texture, moved, with noise of its own.
    Half of the power of the misfit is each image's, and the texture is the reference without that much: were the
    reference's own noise left in it, it would be moved with the texture, as detail that no real secondary shows.

    Attributes
    ----------
    task : TrackTask
        Of the user's pair.
    runs : int
        Displacements per block.
    seed : int
    """

    task: TrackTask
    runs: int
    seed: int = 0

    def __call__(self, item: tuple[int, Block]) -> list[Known]:
        """Return the errors of each displacement in a numbered block of output pixels."""
        number, block = item
        task, tracker = self.task, self.task.tracker
        real = task(block)
        if not real.measured.any():
            return []
        longest = float(np.abs([real.dx[real.measured], real.dy[real.measured]]).max())
        more = math.ceil(min(longest, FARTHEST)) + REACH
        own, read = task.read(block), task.read(block, more)
        reference, _, reference_valid, secondary_valid = read.images
        spacing, first = tracker.spacing, read.pad + (tracker.spacing - 1) / 2 + tracker.centre_offset
        flow = dense_flow(real, reference.shape, spacing, first)
        misfit, known = misfit_of(read.images, *flow)
        known &= _measured_at(real, reference.shape, spacing, first)
        motion, noise = smoothed(flow, SMOOTH), Noise.of(misfit, known)
        sample = noise.draw(np.random.default_rng((self.seed, number, self.runs)), 0.5)
        texture = without_noise(reference, reference_valid, sample)
        rows, cols = (first + spacing * np.arange(size, dtype=np.float64) for size in block.shape)
        centres = np.stack(np.meshgrid(rows, cols, indexing="ij"))
        inner = (slice(more, reference.shape[0] - more), slice(more, reference.shape[1] - more))
        found = []
        for count in range(self.runs):
            truth = Offset.of(number * self.runs + count, self.seed, spacing * min(block.shape)).on(motion)
            rng = np.random.default_rng((self.seed, number, count))
            noises = noise.draw(rng, 0.5), noise.draw(rng, 0.5)
            moved, moved_valid = move(texture, reference_valid, truth)
            field = tracker.track(
                (texture + noises[0])[inner],
                (moved + noises[1])[inner],
                reference_valid[inner],
                (moved_valid & secondary_valid)[inner],
                pad=own.pad,
                device=task.device,
                prior=own.prior,
            )
            dy, dx = (map_coordinates(part, centres, order=1, output=np.float64) for part in truth)
            found.append(known_errors(field, dy, dx, real.measured))
        return found


def _measured_at(field: Field, shape: tuple[int, int], spacing: int, first: float) -> Mask:
    """Return the pixels of an image for which the nearest output pixel is a measurement; none outside of the field."""
    index = [np.rint((np.arange(size) - first) / spacing).astype(np.intp) for size in shape]
    inside = [(part >= 0) & (part < most) for part, most in zip(index, field.shape, strict=True)]
    near = field.measured[np.ix_(*(np.where(ok, part, 0) for ok, part in zip(inside, index, strict=True)))]
    found: Mask = near & inside[0][:, None] & inside[1][None, :]
    return found


def known_errors(field: Field, dy: DoubleArray, dx: DoubleArray, where: Mask) -> Known:
    """Return the errors of a field whose truth is known, at measurements with a stated error.

    Parameters
    ----------
    field : Field
    dy, dx : ndarray of float64
        The truth.
    where : ndarray of bool
        Where to look.
    """
    where = where & field.measured
    for stated in (field.sigma_dx, field.sigma_dy):
        where &= np.isfinite(stated) & (stated > 0)
    error = np.stack([field.dx - dx, field.dy - dy]).astype(np.float64)
    sigma: DoubleArray = np.stack([field.sigma_dx, field.sigma_dy]).astype(np.float64)
    ratio = np.where(where, np.clip(error / np.where(where, sigma, 1.0), -CUT, CUT), np.nan)
    stride = -(-max(field.shape) // PER_RUN)
    thin = np.zeros_like(where)
    thin[stride // 2 :: stride, stride // 2 :: stride] = True
    chosen = where & thin
    return Known(error[:, chosen], sigma[:, chosen], (independent_of(ratio[0]), independent_of(ratio[1])))
