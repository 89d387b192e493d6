"""What every filter is: checked parameters, and one function from a field to the pixels to keep."""

from __future__ import annotations

from abc import ABC, abstractmethod
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
