"""Displacement: what every tracker makes, every filter reads and every file stores."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import InputError
from sensetrack.provenance import Provenance as Provenance
from sensetrack.raster import layers as files
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.types import FlagArray, FloatArray, Mask, PathLike

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


FLAGS_LAYER = files.Layer(
    "flags",
    "why a pixel is not a plain measurement; 0 means that it is one",
    dtype="uint8",
    attributes={
        "flag_masks": np.array([int(flag) for flag in Flag], np.uint8),
        "flag_meanings": " ".join(flag.label for flag in Flag),
    },
)
"""The layer of flags as netCDF and tables store it."""

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
        flags = np.asarray(layers["flags"])
        if flags.dtype != np.uint8:
            flags = np.nan_to_num(np.asarray(flags, np.float32), nan=float(Flag.NODATA)).astype(np.uint8)
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
    origin : tuple of float
        Row and column, in input pixels, of the upper left corner of the output grid.
    """

    grid: Grid
    field: Field
    spacing: int = 1
    provenance: Provenance = dataclasses.field(default_factory=Provenance)
    origin: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.grid.shape != self.field.shape:
            raise InputError(f"a field of shape {self.field.shape} does not fit a grid of {self.grid.shape}")

    @classmethod
    def open(cls, path: PathLike) -> Self:
        """Read a displacement file (``.tif`` or ``.nc``) into memory.

        Raises
        ------
        InputError
            There is no such file, or it is not a displacement file.
        NotARasterError, CorruptFileError
            It cannot be opened or read.
        """
        file = files.LayerFile.open(path)
        spacing, origin, provenance = read_header(file)
        return cls(file.grid, Field.from_layers(file.read()), spacing, provenance, origin)

    def save(self, path: PathLike, *, overwrite: bool = False, keep_empty: bool = False) -> None:
        """Write by suffix: ``.tif`` and ``.nc`` (all layers), or points as ``.csv``, ``.parquet``, ``.gpkg``.

        Parameters
        ----------
        path : path-like
            It appears only when it is complete.
        overwrite : bool
            Whether an existing file may be replaced.
        keep_empty : bool
            Whether tables also hold the points without a value, with the flag that says why.

        Raises
        ------
        OutputError
            Unknown suffix, or the file exists already or cannot be written.
        """
        content = file_content(self.grid, self.spacing, self.provenance, self.origin, tuple(self.field.extra))
        layers = self.field.layers()
        files.save(path, self.grid, content, layers, overwrite=overwrite, keep_empty=keep_empty)

    def tags(self) -> dict[str, str]:
        """Return the dataset tags of its file."""
        return file_tags(self.grid, self.spacing, self.provenance, self.origin)

    def crop(self, block: Block) -> Self:
        """Return the part inside ``block``."""
        row, col = self.origin
        return dataclasses.replace(
            self,
            grid=self.grid.crop(block.row, block.col, block.shape),
            field=self.field.crop(*block.slices),
            origin=(row + block.row * self.spacing, col + block.col * self.spacing),
        )


def file_tags(
    grid: Grid, spacing: int, provenance: Provenance, origin: tuple[float, float] = (0.0, 0.0)
) -> dict[str, str]:
    """Return the tags of a displacement file, streamed or not."""
    width, height = grid.pixel_size
    return {
        "product": "displacement",
        "units": "input pixels; dx right, dy down, from reference to secondary",
        "spacing": str(spacing),
        "origin_row": repr(float(origin[0])),
        "origin_col": repr(float(origin[1])),
        "input_pixel_width": repr(width / spacing),
        "input_pixel_height": repr(height / spacing),
        "flag_masks": ",".join(str(int(flag)) for flag in Flag),
        "flag_meanings": " ".join(flag.label for flag in Flag),
        **provenance.to_tags(),
    }


def file_content(
    grid: Grid,
    spacing: int,
    provenance: Provenance,
    origin: tuple[float, float] = (0.0, 0.0),
    extra: tuple[str, ...] = (),
) -> files.Content:
    """Return what a displacement file holds, for `sensetrack.raster.layers.create`.

    Parameters
    ----------
    grid, spacing, provenance, origin
        As in `Displacement`.
    extra : tuple of str
        A tracker's own layers, after the seven of every field.
    """
    meanings = {
        "dx": "displacement to the right, in pixels of the reference image",
        "dy": "displacement down, in pixels of the reference image",
        "quality": "quality of the match, 0 to 1, higher is better",
        "sigma_dx": "standard deviation of dx, in pixels of the reference image",
        "sigma_dy": "standard deviation of dy, in pixels of the reference image",
        "rho": "correlation of the errors of dx and dy",
    }
    floats = [files.Layer(name, meanings.get(name, name)) for name in (*LAYERS[:-1], *extra)]
    return files.Content(
        name="displacement",
        layers=(*floats[:6], FLAGS_LAYER, *floats[6:]),
        tags=file_tags(grid, spacing, provenance, origin),
        columns=("dx", "dy", "length", "quality", "sigma_dx", "sigma_dy", "flags", *extra),
        value="dx",
        lengths={"length": ("dx", "dy")},
        placement=(float(spacing), *origin),
    )


def read_header(file: files.LayerFile) -> tuple[int, tuple[float, float], Provenance]:
    """Return spacing, origin and provenance of a displacement file.

    Raises
    ------
    InputError
        It is not a displacement file.
    """
    absent = [name for name in LAYERS if name not in file.names]
    if absent:
        raise InputError(f"{file.path}: not a displacement file: it has no layer {', '.join(absent)}")
    try:
        spacing = int(file.tags["spacing"])
        origin = float(file.tags.get("origin_row", 0.0)), float(file.tags.get("origin_col", 0.0))
        return spacing, origin, Provenance.from_tags(file.tags)
    except KeyError:
        raise InputError(f"{file.path}: not a displacement file: no tag 'spacing' (input pixels per pixel)") from None
    except ValueError as error:
        raise InputError(f"{file.path}: its tags are damaged ({error})") from error
