"""Known errors from known displacements: parts of the reference are moved, given the pair's own misfit, and tracked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from sensetrack.calibrate._fit import independent_of
from sensetrack.calibrate._injection import PER_BLOCK, Offset, move, smoothed
from sensetrack.calibrate._misfit import dense_flow, misfit_of, noise_like, without_noise
from sensetrack.displacement import Field
from sensetrack.raster.tiles import Block
from sensetrack.stream import TrackTask
from sensetrack.types import DoubleArray, Mask

PER_RUN = 96
"""Points along rows and columns that a run contributes at most; neighbours say the same."""

CUT = 5.0
"""Ratio of error to stated error beyond which it does not tell how far errors hang together."""


FARTHEST=512
CARRY=True; SMOOTH=8.0; BOTH=False

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

    Attributes
    ----------
    task : TrackTask
        Of the user's pair.
    seed : int
    """

    task: TrackTask
    seed: int = 0

    def __call__(self, item: tuple[int, Block]) -> list[Known]:
        """Return the errors of each displacement in a numbered block of output pixels."""
        number, block = item
        task, tracker = self.task, self.task.tracker
        real = task(block)
        if not real.measured.any():
            return []
        own = task.read(block)
        longest = int(min(np.nanmax(np.abs([real.dx[real.measured], real.dy[real.measured]])), FARTHEST))
        more = longest + 4
        read = task.read(block, more)
        reference, secondary, reference_valid, secondary_valid = read.images
        spacing, first = tracker.spacing, read.pad + (tracker.spacing - 1) / 2 + tracker.centre_offset
        flow = np.stack(dense_flow(real, reference.shape, spacing, first))
        misfit, known = misfit_of(read.images, *flow)
        core = np.zeros_like(known)
        core[read.pad : known.shape[0] - read.pad, read.pad : known.shape[1] - read.pad] = True
        known &= core & measured_near(real, reference.shape, spacing, first)
        motion = smoothed(flow, SMOOTH) if CARRY else 0 * flow
        inner = (slice(more, reference.shape[0] - more), slice(more, reference.shape[1] - more))
        rows, cols = (first + spacing * np.arange(size, dtype=np.float64) for size in block.shape)
        centres = np.meshgrid(rows, cols, indexing="ij")
        found = []
        for count in range(PER_BLOCK):
            offset = Offset.of(number * PER_BLOCK + count, self.seed, spacing * min(block.shape))
            truth = offset.on(motion)
            noise = noise_like(misfit, known, np.random.default_rng((self.seed, number, count)))
            if BOTH:
                n1=noise_like(misfit, known, np.random.default_rng((self.seed, number, count,1)))
                ref2 = reference + n1*np.float32(2**-.5); noise=noise*np.float32(2**-.5)
                clean = without_noise(reference, reference_valid, n1*np.float32(2**-.5)); ref2 = clean+n1*np.float32(2**-.5)
            else: ref2=clean=reference
            moved, moved_valid = move(clean, reference_valid, truth)
            images = ref2, moved + noise, reference_valid, moved_valid & secondary_valid
            field = tracker.track(*(image[inner] for image in images), pad=own.pad, device=task.device, prior=own.prior)
            dy, dx = (map_coordinates(part, centres, order=1) for part in truth)
            found.append(known_errors(field, dy, dx, real.measured))
        return found


def measured_near(field: Field, shape: tuple[int, int], spacing: int, first: float) -> Mask:
    """Return the pixels of an image whose nearest output pixel is a measurement."""
    index = [
        np.clip(np.rint((np.arange(size) - first) / spacing).astype(np.intp), 0, most - 1)
        for size, most in zip(shape, field.shape, strict=True)
    ]
    near: Mask = field.measured[np.ix_(*index)]
    return near


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
    for sigma in (field.sigma_dx, field.sigma_dy):
        where &= np.isfinite(sigma) & (sigma > 0)
    error = np.stack([field.dx - dx, field.dy - dy]).astype(np.float64)
    sigma = np.stack([field.sigma_dx, field.sigma_dy]).astype(np.float64)
    ratio = np.where(where, np.clip(error / np.where(where, sigma, 1.0), -CUT, CUT), np.nan)
    stride = -(-max(field.shape) // PER_RUN)
    kept = (slice(stride // 2, None, stride),) * 2
    chosen = where[kept]
    independent = independent_of(ratio[0]), independent_of(ratio[1])
    return Known(error[(slice(None), *kept)][:, chosen], sigma[(slice(None), *kept)][:, chosen], independent)
