"""What every filter is: checked parameters, and one function from a field to the pixels to keep."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from sensetrack.displacement import Field, Flag
from sensetrack.params import Params
from sensetrack.types import Mask


class Filter(Params, ABC):
    """A filter of displacement fields; it judges and never alters, so filters combine with ``&``."""

    flag: ClassVar[Flag] = Flag.OUTLIER
    """Flag raised on what is not kept."""

    @property
    @abstractmethod
    def margin(self) -> int:
        """Output pixels around an area that influence its result."""

    @abstractmethod
    def keep(self, field: Field) -> Mask:
        """Return where the field is to be kept.

        Parameters
        ----------
        field : Field
            Only its `Field.usable` pixels may serve as evidence.

        Returns
        -------
        ndarray of bool
            Same shape; the value at pixels that are not usable has no effect.
        """

    def apply(self, field: Field) -> Field:
        """Return the field with `flag` raised where it is usable and not kept; values stay."""
        return field.with_flag(field.usable & ~self.keep(field), self.flag)


def apply_all(field: Field, filters: Sequence[Filter], passes: int = 1) -> Field:
    """Return the field with the flags of several filters raised; values stay.

    Every filter judges the field as it comes in, on the evidence of its usable pixels, so the order of the filters
    does not matter and one flag never hides another.

    Parameters
    ----------
    field : Field
    filters : sequence of Filter
    passes : int
        How often to judge. A later pass no longer takes as evidence what an earlier one flagged, which finds outliers
        that stand in groups; it never takes a flag back.

    Returns
    -------
    Field
        A field whose flags contain those of the input.
    """
    for _ in range(passes):
        usable = field.usable
        flags = field.flags.copy()
        for each in filters:
            flags[usable & ~each.keep(field)] |= each.flag.value
        field = dataclasses.replace(field, flags=flags)
    return field
