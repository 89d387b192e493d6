"""What layers and flags are called, how they are coloured, and what a flag means in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sensetrack.displacement import Flag

Kind = Literal["magnitude", "signed", "share", "error", "other"]
"""How a layer is coloured: from 0 up, symmetric about 0, from 0 to 1, an error from 0 up, by its own range."""

COLOUR_MAPS: dict[Kind, str] = {
    "magnitude": "viridis",
    "signed": "RdBu_r",
    "share": "cividis",
    "error": "magma",
    "other": "viridis",
}
"""Perceptually uniform and safe for colour-blind readers; the diverging one is light at zero."""


@dataclass(frozen=True)
class LayerStyle:
    """How one layer is named and coloured.

    Attributes
    ----------
    title : str
    unit : str
        As printed; ``""`` for none.
    kind : Kind
    """

    title: str
    unit: str
    kind: Kind

    @property
    def label(self) -> str:
        """Title and unit for a colour bar or an axis."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title


_PIXEL_LAYERS = {
    "dx": LayerStyle("Displacement to the right, dx", "px", "signed"),
    "dy": LayerStyle("Displacement down, dy", "px", "signed"),
    "length": LayerStyle("Length of the displacement", "px", "magnitude"),
    "quality": LayerStyle("Quality", "", "share"),
    "sigma_dx": LayerStyle("1 sigma of dx", "px", "error"),
    "sigma_dy": LayerStyle("1 sigma of dy", "px", "error"),
    "sigma": LayerStyle("1 sigma of both components together", "px", "error"),
    "rho": LayerStyle("Correlation of the errors of dx and dy", "", "signed"),
}

_VELOCITY_LAYERS = {
    "v": ("Speed", "magnitude"),
    "vx": ("Velocity along map x, vx", "signed"),
    "vy": ("Velocity along map y, vy", "signed"),
    "vx_error": ("1 sigma of vx", "error"),
    "vy_error": ("1 sigma of vy", "error"),
    "v_error": ("1 sigma of the speed", "error"),
    "v_east": ("Velocity towards true east", "signed"),
    "v_north": ("Velocity towards true north", "signed"),
    "v_up": ("Velocity upward", "signed"),
    "v_east_error": ("1 sigma of the velocity towards east", "error"),
    "v_north_error": ("1 sigma of the velocity towards north", "error"),
    "v_up_error": ("1 sigma of the velocity upward", "error"),
}


def style_of(name: str, velocity_units: str = "m/yr") -> LayerStyle:
    """Return how a layer is named and coloured; unknown names keep their name and their own range."""
    if name in _PIXEL_LAYERS:
        return _PIXEL_LAYERS[name]
    if name in _VELOCITY_LAYERS:
        title, kind = _VELOCITY_LAYERS[name]
        return LayerStyle(title, velocity_units, kind)  # type: ignore[arg-type]  # kind is one of Kind by the table
    return LayerStyle(name, "", "other")


MEASURED_COLOUR = "#dfe7ec"
"""Of pixels without any flag, in maps of the flags."""


@dataclass(frozen=True)
class FlagWords:
    """A flag for readers.

    Attributes
    ----------
    colour : str
        Okabe and Ito's palette for colour-blind readers, and greys.
    title : str
        Two or three words.
    meaning : str
        One sentence: what happened.
    remedy : str
        One sentence: what would help.
    """

    colour: str
    title: str
    meaning: str
    remedy: str


FLAG_WORDS: dict[Flag, FlagWords] = {
    Flag.NODATA: FlagWords(
        "#3d4451",
        "No data",
        "Too many pixels of the window or of the search area are missing in one of the two images.",
        "Use images that both cover this place, a smaller window, or check the nodata value of the images.",
    ),
    Flag.FLAT: FlagWords(
        "#f0e442",
        "No texture",
        "The window shows no texture that a match could hold on to, such as fresh snow, water or a saturated area.",
        "Use a larger window, a high-pass filter before tracking, or a pair with a lower sun.",
    ),
    Flag.LOW_QUALITY: FlagWords(
        "#e69f00",
        "Low quality",
        "The best match is weak, so it may well be a wrong one: the surface changed, or clouds or shadow cover it.",
        "Use a pair closer in time or in season, a larger window, or a lower threshold and a filter afterwards.",
    ),
    Flag.SEARCH_EDGE: FlagWords(
        "#cc79a7",
        "Search edge",
        "The best match lies at the edge of the searched range, so the true displacement may be longer.",
        "Search farther, or check that the two images are coregistered.",
    ),
    Flag.OUTLIER: FlagWords(
        "#d55e00",
        "Outlier",
        "There is a match, but a filter found that it disagrees with its neighbours or with the limits that were set.",
        "Look at the neighbours below; loosen the filter if the motion really changes this quickly here.",
    ),
    Flag.MASKED: FlagWords(
        "#a7adb5",
        "Masked",
        "The place lies outside the area that was to be measured.",
        "Change or leave out the mask.",
    ),
    Flag.NOT_CONVERGED: FlagWords(
        "#0072b2",
        "Not converged",
        "The iterations ended before the displacement settled.",
        "Allow more iterations, start from a coarser level, or use a larger window.",
    ),
    Flag.FILLED: FlagWords(
        "#009e73",
        "Filled",
        "Nothing was measured here; the value was interpolated from measured neighbours.",
        "Leave out gap filling to see measurements only.",
    ),
}
"""Words and colour of every flag."""

SHOWN_FIRST = (
    Flag.FILLED,
    Flag.MASKED,
    Flag.NODATA,
    Flag.FLAT,
    Flag.SEARCH_EDGE,
    Flag.NOT_CONVERGED,
    Flag.LOW_QUALITY,
    Flag.OUTLIER,
)
"""Which flag gives the colour of a pixel that carries several: the most basic reason first."""


def shown_class() -> NDArray[np.uint8]:
    """Return a table from every value of the flag byte to its class on a map: 0 measured, n the n-th `Flag`."""
    values = np.arange(256)
    table = np.zeros(256, np.uint8)
    order = list(Flag)
    for flag in reversed(SHOWN_FIRST):
        table[(values & int(flag)) != 0] = order.index(flag) + 1
    return table


def class_colours() -> list[str]:
    """Return the colour of every class of `shown_class`."""
    return [MEASURED_COLOUR, *(FLAG_WORDS[flag].colour for flag in Flag)]


def class_titles() -> list[str]:
    """Return the title of every class of `shown_class`."""
    return ["Measured", *(FLAG_WORDS[flag].title for flag in Flag)]


def flag_titles(flags: int) -> list[str]:
    """Return the titles of all flags in a flag byte; ``["Measured"]`` for 0."""
    return [FLAG_WORDS[flag].title for flag in Flag if flags & flag] or ["Measured"]
