"""Known errors from stable ground: what is displaced there, after the shift that all of it shares, is an error."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sensetrack.calibrate._shifts import Known, known_errors
from sensetrack.displacement import Field
from sensetrack.errors import InputError
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.tiles import Block
from sensetrack.stream import TrackTask
from sensetrack.types import Mask
from sensetrack.velocity.stable import REACH, Sample, StableShift, shift_of_mask, shift_of_slow

_FEW = 30
"""Points from which a shift is measured at all."""


@dataclass(frozen=True)
class StableTask:
    """Measures one block and says which of it is stable; pickles as paths and parameters.

    Attributes
    ----------
    task : TrackTask
    stable : AreaMask or None
        Fitted to the pair; None: that is found out later.
    """

    task: TrackTask
    stable: AreaMask | None

    def __call__(self, block: Block) -> tuple[Field, Mask]:
        """Return the field and where it may serve."""
        field = self.task(block)
        if self.stable is None:
            return field, field.measured
        grid = self.task.tracker.output_grid(self.task.pair.grid).crop(block.row, block.col, block.shape)
        return field, field.measured & self.stable.read(grid)


def errors_on_stable(fields: list[tuple[Field, Mask]], blocks: list[Block], has_mask: bool) -> list[Known]:
    """Return the errors of fields on stable ground, block by block.

    Parameters
    ----------
    fields : list of tuple
        A field, and where it may serve, of each block.
    blocks : list of Block
        Where they lie, in output pixels.
    has_mask : bool
        Whether they are stable where they may serve; otherwise that is where the slowest part of all belongs together
        (`sensetrack.velocity.stable.shift_of_slow`).

    Raises
    ------
    InputError
        There is too little stable ground.
    """
    sample = Sample()
    for (field, where), block in zip(fields, blocks, strict=True):
        sample.add(block.row, block.col, where, field.layers())
    shift = _shift(sample, has_mask)
    found = []
    for field, where in fields:
        if not has_mask:
            apart = ((field.dx - shift.dx) / shift.sigma_dx) ** 2 + ((field.dy - shift.dy) / shift.sigma_dy) ** 2
            where = where & (np.nan_to_num(apart, nan=np.inf) < REACH**2)
        dy, dx = (np.full(field.shape, value) for value in (shift.dy, shift.dx))
        found.append(known_errors(field, dy, dx, where))
    return found


def _shift(sample: Sample, has_mask: bool) -> StableShift:
    if sample.count < _FEW:
        where = "on the stable ground" if has_mask else "at all"
        raise InputError(
            f"calibrate: {sample.count} displacements were measured {where}, at least {_FEW} are needed; enlarge the "
            "area of --stable, or use --calibrate shifts"
        )
    if has_mask:
        return shift_of_mask(sample, 1.0, _FEW)
    try:
        shift = shift_of_slow(sample, 1.0, _FEW)
    except InputError:
        raise InputError(
            "calibrate: no ground that moves alike was found; give a mask (--stable FILE), or use --calibrate shifts"
        ) from None
    return replace(shift, sigma_dx=max(shift.sigma_dx, 1e-6), sigma_dy=max(shift.sigma_dy, 1e-6))
