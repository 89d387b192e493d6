"""Which pairs are made, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from sensetrack.benchmark.conditions import CONDITIONS, Condition
from sensetrack.benchmark.pairs import PairMaker
from sensetrack.benchmark.textures import HELD_OUT, TEXTURES, is_image
from sensetrack.benchmark.truths import FIELDS, KnownField
from sensetrack.errors import ParameterError, did_you_mean

Item = TypeVar("Item")


@dataclass(frozen=True)
class Plan:
    """Which pairs are made.

    Attributes
    ----------
    size : int
        Side of the images in pixels.
    seed : int
        Another number makes other noise and, where it is made up, other ground.
    fields, conditions, textures : tuple of str
        Names in `FIELDS`, in the conditions and in `TEXTURES` or `HELD_OUT`; a texture may be an image file, too.
    real : tuple of str or None
        Names of the real pairs; None: all.

    Raises
    ------
    ParameterError
        A name is unknown, a field does not fit the size, or nothing is left.
    """

    size: int = 512
    seed: int = 0
    fields: tuple[str, ...] = tuple(FIELDS)
    conditions: tuple[str, ...] = tuple(CONDITIONS)
    textures: tuple[str, ...] = tuple(TEXTURES)
    real: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in self.fields:
            _look_up(name, FIELDS, "field").check(self.size)
        for name in self.textures:
            if not is_image(name):
                _look_up(name, TEXTURES | HELD_OUT, "texture")
        PairMaker(self.size, self.seed)

    def pairs(self, known: Mapping[str, Condition] = CONDITIONS) -> list[tuple[str, KnownField, Condition]]:
        """Return texture, field and condition of every pair, those of one texture in a row.

        Parameters
        ----------
        known : mapping of str to Condition
            Conditions that there are; each is used with the textures for which it makes sense.

        Raises
        ------
        ParameterError
            A condition is unknown, or none of the textures is one for the conditions.
        """
        chosen = [_look_up(name, known, "condition") for name in self.conditions]
        found = [
            (texture, FIELDS[field], condition)
            for texture in self.textures
            for field in self.fields
            for condition in chosen
            if condition.suits(texture)
        ]
        if not found:
            fitting = [name for name in TEXTURES | HELD_OUT if any(condition.suits(name) for condition in chosen)]
            raise ParameterError(f"textures = {', '.join(self.textures)}: these conditions need {', '.join(fitting)}")
        return found


def _look_up(name: str, known: Mapping[str, Item], kind: str) -> Item:
    if name not in known:
        raise ParameterError(f"no {kind} '{name}'{did_you_mean(name, known)}; there are {', '.join(known)}")
    return known[name]
