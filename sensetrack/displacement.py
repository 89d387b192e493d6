"""Displacement: what every tracker makes, every filter reads and every file stores."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import InputError
from sensetrack.raster.dates import parse_time
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.types import FlagArray, FloatArray, Mask

LAYERS = ("dx", "dy", "quality", "sigma_dx", "sigma_dy", "rho", "flags")
"""Layers of a displacement file, in the order of its bands; a tracker's extra layers follow."""


class Flag(enum.IntFlag):
    """Why an output pixel is not a plain measurement; 0 means that it is one."""

    NODATA = 1
    FLAT = 2
    LOW_QUALITY = 4
    SEARCH_EDGE = 8
    OUTLIER = 16
    MASKED = 32
    NOT_CONVERGED = 64
    FILLED = 128

    @property
    def label(self) -> str:
        """Name as written in files, such as ``low_quality``."""
        return (self.name or "").lower()


EMPTY = Flag.NODATA | Flag.FLAT | Flag.MASKED
"""Flags under which nothing was measured, so that all values are NaN."""


@dataclass(frozen=True, eq=False)
class Field:
    """A displacement field as bare arrays, all ``(row, col)`` and of one shape.

    Content at ``(row, col)`` of the reference is found at ``(row + dy, col + dx)`` of the secondary.

    Attributes
    ----------
    dx, dy : ndarray of float32
        Displacement in input pixels, positive right and down; NaN where nothing was measured.
    quality : ndarray of float32
        0..1, higher is better; each tracker documents its measure.
    sigma_dx, sigma_dy : ndarray of float32
        One standard deviation in input pixels.
    rho : ndarray of float32
        Correlation of the errors of dx and dy, -1..1.
    flags : ndarray of uint8
        Bit mask of `Flag`.
    extra : mapping of str to ndarray of float32
        Layers of one tracker only, such as ``nrms``.
    """

    dx: FloatArray
    dy: FloatArray
    quality: FloatArray
    sigma_dx: FloatArray
    sigma_dy: FloatArray
    rho: FloatArray
    flags: FlagArray
    extra: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shapes = {name: array.shape for name, array in self.layers().items()}
        if len(set(shapes.values())) != 1 or self.dx.ndim != 2:
            raise InputError(f"the layers of a field must share one (row, col) shape, got {shapes}")

    @classmethod
    def empty(cls, shape: tuple[int, int], flag: Flag, extra: tuple[str, ...] = ()) -> Self:
        """Return a field without any measurement, and the reason."""

        layers: dict[str, NDArray[np.generic]] = {
            name: np.full(shape, np.nan, np.float32) for name in (*LAYERS, *extra)
        }
        return cls.from_layers(layers | {"flags": np.full(shape, int(flag), np.uint8)})

    @classmethod
    def from_layers(cls, layers: Mapping[str, NDArray[np.generic]]) -> Self:
        """Build from named layers; names beyond the seven become `extra`.

        Raises
        ------
        InputError
            A layer is missing.
        """
        absent = [name for name in LAYERS if name not in layers]
        if absent:
            raise InputError(f"not a displacement field: it has no layer {', '.join(absent)}")
        floats = {name: np.asarray(array, np.float32) for name, array in layers.items() if name != "flags"}
        flags = np.nan_to_num(np.asarray(layers["flags"], np.float32), nan=float(Flag.NODATA)).astype(np.uint8)
        named = {name: floats.pop(name) for name in LAYERS[:-1]}
        return cls(**named, flags=flags, extra=floats)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.dx.shape[0], self.dx.shape[1]

    @property
    def length(self) -> FloatArray:
        """Length of the displacement in input pixels."""
        return np.hypot(self.dx, self.dy)

    @property
    def usable(self) -> Mask:
        """Where there is a value to use: no flag, or none but ``filled``."""
        unfilled = self.flags & ~np.uint8(Flag.FILLED)
        usable: Mask = (unfilled == 0) & np.isfinite(self.dx) & np.isfinite(self.dy)
        return usable

    @property
    def measured(self) -> Mask:
        """Where there is a measurement: no flag at all."""
        measured: Mask = (self.flags == 0) & np.isfinite(self.dx) & np.isfinite(self.dy)
        return measured

    def layers(self) -> dict[str, NDArray[np.generic]]:
        """Return all layers by name, in file order."""
        named: dict[str, NDArray[np.generic]] = {name: getattr(self, name) for name in LAYERS}
        return named | dict(self.extra)

    def crop(self, rows: slice, cols: slice) -> Self:
        """Return a part of every layer."""
        return type(self).from_layers({name: array[rows, cols] for name, array in self.layers().items()})

    def with_flag(self, where: Mask, flag: Flag) -> Self:
        """Return a copy with ``flag`` raised; values under `EMPTY` flags become NaN, all others stay."""
        flags = self.flags | np.where(where, np.uint8(flag), np.uint8(0))
        changed = dataclasses.replace(self, flags=flags)
        return changed.blank(where) if flag & EMPTY else changed

    def blank(self, where: Mask) -> Self:
        """Return a copy with NaN in every value layer at ``where``; flags stay."""
        blanked: dict[str, NDArray[np.generic]] = {
            name: np.where(where, np.float32(np.nan), array) for name, array in self.layers().items() if name != "flags"
        }
        return type(self).from_layers(blanked | {"flags": self.flags})

    def flag_counts(self) -> dict[str, int]:
        """Return how many pixels are measurements and how many carry each flag."""
        counts = {"measured": int(np.count_nonzero(self.flags == 0))}
        for flag in Flag:
            counts[flag.label] = int(np.count_nonzero(self.flags & np.uint8(flag)))
        return counts


@dataclass(frozen=True)
class Provenance:
    """Where a displacement comes from; stored in the tags of every file.

    Attributes
    ----------
    tracker : str
        Registered name of the tracker.
    parameters : str
        All its parameters as JSON.
    reference, secondary : str
        Paths of the two images.
    reference_date, secondary_date : datetime or None
        Acquisition times, UTC.
    days : float or None
        Time base.
    history : tuple of str
        What was done to the field since, one entry per step.
    version : str
        sensetrack version that measured it.
    """

    tracker: str = ""
    parameters: str = "{}"
    reference: str = ""
    secondary: str = ""
    reference_date: datetime | None = None
    secondary_date: datetime | None = None
    days: float | None = None
    history: tuple[str, ...] = ()
    version: str = ""

    def to_tags(self) -> dict[str, str]:
        """Return dataset tags."""
        tags = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if isinstance(value, datetime):
                value = value.isoformat()
            elif isinstance(value, tuple):
                value = json.dumps(value)
            if value is not None:
                tags[item.name] = str(value)
        return tags

    @classmethod
    def from_tags(cls, tags: Mapping[str, str]) -> Self:
        """Build from dataset tags; what is absent takes its default."""
        readers: dict[str, Callable[[str], Any]] = {
            "reference_date": parse_time,
            "secondary_date": parse_time,
            "days": float,
            "history": lambda text: tuple(json.loads(text)),
        }
        names = [item.name for item in dataclasses.fields(cls) if item.name in tags]
        return cls(**{name: readers.get(name, str)(tags[name]) for name in names})

    def after(self, step: str) -> Self:
        """Return a copy with one more entry in the history."""
        return dataclasses.replace(self, history=(*self.history, step))


@dataclass(frozen=True, eq=False)
class Displacement:
    """A displacement field on its grid, with the size of the input pixel and where it comes from.

    Attributes
    ----------
    grid : Grid
        Output grid; the centre of a pixel is the centre of the matched window.
    field : Field
    spacing : int
        Input pixels per output pixel.
    provenance : Provenance
    """

    grid: Grid
    field: Field
    spacing: int = 1
    provenance: Provenance = Provenance()

    def __post_init__(self) -> None:
        if self.grid.shape != self.field.shape:
            raise InputError(f"a field of shape {self.field.shape} does not fit a grid of {self.grid.shape}")

    def tags(self) -> dict[str, str]:
        """Return the dataset tags of its file."""
        return file_tags(self.grid, self.spacing, self.provenance)

    def crop(self, block: Block) -> Self:
        """Return the part inside ``block``."""
        return dataclasses.replace(
            self,
            grid=self.grid.crop(block.row, block.col, block.shape),
            field=self.field.crop(*block.slices),
        )


def file_tags(grid: Grid, spacing: int, provenance: Provenance) -> dict[str, str]:
    """Return the tags of a displacement file, streamed or not."""
    width, height = grid.pixel_size
    return {
        "product": "displacement",
        "units": "input pixels; dx right, dy down, from reference to secondary",
        "spacing": str(spacing),
        "input_pixel_width": repr(width / spacing),
        "input_pixel_height": repr(height / spacing),
        "flag_masks": ",".join(str(int(flag)) for flag in Flag),
        "flag_meanings": " ".join(flag.label for flag in Flag),
        **provenance.to_tags(),
    }
