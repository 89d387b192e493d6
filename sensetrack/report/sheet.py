"""A file of layers made small enough to look at, with exact counts of its flags."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from sensetrack.displacement import Displacement
from sensetrack.errors import InputError, ParameterError, did_you_mean
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.tiles import Block, plan_blocks
from sensetrack.report.words import LayerStyle, style_of
from sensetrack.types import FlagArray, FloatArray, Mask, PathLike

READ_BLOCK = 1024
"""Side of the blocks in which large files are read, in their own pixels."""

NOT_DRAWN = frozenset({"interp_mask", "chip_size_width", "chip_size_height", "errorx", "errory"})
"""Layers of the ITS_LIVE schema that repeat others."""


class LayerSource(Protocol):
    """Named layers on one grid that can be read in blocks, as `LayerFile` has them."""

    @property
    def grid(self) -> Grid: ...
    @property
    def names(self) -> Sequence[str]: ...
    @property
    def tags(self) -> Mapping[str, str]: ...
    def read(self, block: Block | None = None, names: Sequence[str] | None = None) -> Mapping[str, NDArray[Any]]: ...


@dataclass(frozen=True, eq=False)
class Sheet:
    """Named layers on one grid, every ``step``-th pixel of a file; ready to draw.

    Attributes
    ----------
    name : str
        Short name, such as the file's.
    product : str
        ``displacement``, ``velocity``, ``truth``, or ``layers`` for anything else.
    grid : Grid
        Of the pixels held here, which are ``step`` times as large as the file's.
    layers : mapping of str to ndarray of float32
        Without the flags.
    flags : ndarray of uint8 or None
    flag_bytes : ndarray of int64
        How often each of the 256 values of the flag byte occurs in the whole file, not only in what is held.
    step : int
        File pixels per pixel held.
    first : int
        Row and column in the file of the first pixel held; the next is ``step`` further.
    file_shape : tuple of int
        Rows and columns of the file.
    tags : mapping of str to str
        Dataset tags.
    """

    name: str
    product: str
    grid: Grid
    layers: Mapping[str, FloatArray]
    flags: FlagArray | None
    flag_bytes: NDArray[np.int64]
    step: int
    first: int
    file_shape: tuple[int, int]
    tags: Mapping[str, str]

    @classmethod
    def open(cls, path: PathLike, size: int) -> Self:
        """Read a displacement, velocity or truth file with its longer side decimated to at most ``size`` pixels.

        Raises
        ------
        InputError
            The file cannot be read, or is not a file of named layers.
        """
        return cls.read(LayerFile.open(path), size, Path(os.fspath(path)).name)

    @classmethod
    def read(cls, source: LayerSource, size: int, name: str) -> Self:
        """Decimate a source of layers block by block; memory is bounded by one block and the result."""
        grid = source.grid
        step = max(1, -(-max(grid.shape) // size))
        first = min((step - 1) // 2, grid.height - 1, grid.width - 1)
        rows, cols = (len(range(first, length, step)) for length in grid.shape)
        kept = [layer for layer in source.names if layer not in NOT_DRAWN]
        values = {layer: np.full((rows, cols), np.nan, np.float32) for layer in kept if layer != "flags"}
        flags = np.zeros((rows, cols), np.uint8) if "flags" in source.names else None
        counts = np.zeros(256, np.int64)
        for block in plan_blocks(grid.shape, READ_BLOCK):
            part = source.read(block, kept)
            inside, target = _every(block, step, first, (rows, cols))
            for layer, array in values.items():
                array[target] = part[layer][inside]
            if flags is not None:
                byte = np.nan_to_num(np.asarray(part["flags"], np.float32), nan=1.0).astype(np.uint8)
                counts += np.bincount(byte.ravel(), minlength=256)
                flags[target] = byte[inside]
        tags = dict(source.tags)
        product = tags.get("product", "layers")
        shown = Grid((rows, cols), grid.transform @ Affine.scale(step), grid.crs)
        return cls(name, product, shown, values, flags, counts, step, first, grid.shape, tags)

    @classmethod
    def of(cls, displacement: Displacement, name: str = "") -> Self:
        """Wrap a displacement that is in memory, undecimated."""
        layers = {n: np.asarray(a, np.float32) for n, a in displacement.field.layers().items() if n != "flags"}
        flags = displacement.field.flags
        counts = np.bincount(flags.ravel(), minlength=256)
        grid, tags = displacement.grid, displacement.tags()
        return cls(name, "displacement", grid, layers, flags, counts, 1, 0, grid.shape, tags)

    def thin(self, size: int) -> Self:
        """Return a copy decimated further, to at most ``size`` pixels on the longer side; counts stay exact."""
        more = max(1, -(-max(self.grid.shape) // size))
        if more == 1:
            return self
        start = min((more - 1) // 2, self.grid.height - 1, self.grid.width - 1)
        index = (slice(start, None, more), slice(start, None, more))
        layers = {name: array[index] for name, array in self.layers.items()}
        shape = next(iter(layers.values())).shape
        return dataclasses.replace(
            self,
            grid=Grid((shape[0], shape[1]), self.grid.transform @ Affine.scale(more), self.grid.crs),
            layers=layers,
            flags=None if self.flags is None else self.flags[index],
            step=self.step * more,
            first=self.first + self.step * start,
        )

    @property
    def file_grid(self) -> Grid:
        """Grid of the file itself."""
        return Grid(self.file_shape, self.grid.transform @ Affine.scale(1.0 / self.step), self.grid.crs)

    @property
    def provenance(self) -> Provenance:
        """Where the file comes from."""
        return Provenance.from_tags(self.tags)

    @property
    def is_velocity(self) -> bool:
        """Whether components point along the map's axes, rather than along rows and columns."""
        return self.components[0] == "vx"

    @property
    def units(self) -> str:
        """Units of velocity."""
        return self.tags.get("units", "m/yr") if self.product in ("velocity", "enu") else "m/yr"

    @property
    def components(self) -> tuple[str, str]:
        """Names of the two components.

        Raises
        ------
        InputError
            The file has neither ``dx, dy`` nor ``vx, vy``.
        """
        for pair in (("vx", "vy"), ("dx", "dy")):
            if all(name in self.layers for name in pair):
                return pair
        raise InputError(
            f"{self.name}: neither a displacement (layers dx, dy) nor a velocity (vx, vy); "
            f"it has {', '.join(self.layers)}"
        )

    @property
    def errors(self) -> tuple[str, str] | None:
        """Names of the layers with one standard deviation of each component, where the file has them."""
        names = tuple(f"{name}_error" if name.startswith("v") else f"sigma_{name}" for name in self.components)
        return (names[0], names[1]) if all(name in self.layers for name in names) else None

    @property
    def magnitude(self) -> str:
        """Name of the layer of the components' length: ``v`` or ``length``."""
        return "v" if self.components[0] == "vx" else "length"

    @property
    def usable(self) -> Mask:
        """Where there is a value to use: finite components, and no flag other than ``filled``."""
        first, second = (self.layers[name] for name in self.components)
        finite: Mask = np.isfinite(first) & np.isfinite(second)
        return finite if self.flags is None else finite & ((self.flags & 127) == 0)

    def style(self, name: str) -> LayerStyle:
        """Return how a layer is named and coloured."""
        return style_of(name, self.units)

    def layer(self, name: str) -> FloatArray:
        """Return a layer, or one derived from them: ``length``, ``v`` or ``sigma``.

        Raises
        ------
        ParameterError
            There is no such layer; the nearest name is offered.
        """
        if name in self.layers:
            return self.layers[name]
        if name == self.magnitude:
            return np.hypot(*(self.layers[part] for part in self.components))
        if name == "sigma" and self.errors is not None:
            return np.hypot(*(self.layers[part] for part in self.errors))
        raise ParameterError(f"{self.name} has no layer '{name}'{did_you_mean(name, self.names())}")

    def names(self) -> list[str]:
        """Return every name that `layer` takes."""
        derived = [self.magnitude] if self.magnitude not in self.layers else []
        if self.errors is not None and not self.is_velocity:
            derived.append("sigma")
        return [*self.layers, *derived]

    def pixels_of_file(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the file's row and column numbers of the rows and columns held."""
        rows, cols = (self.first + self.step * np.arange(length, dtype=np.int64) for length in self.grid.shape)
        return rows, cols


def _every(
    block: Block, step: int, first: int, shape: tuple[int, int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return which pixels of a block are kept, and where they go."""
    inside, target = [], []
    for start, length, total in ((block.row, block.height, shape[0]), (block.col, block.width, shape[1])):
        skip = (first - start) % step
        at = (start + skip - first) // step
        count = min(len(range(skip, length, step)), total - at)
        inside.append(slice(skip, skip + max(count, 0) * step, step))
        target.append(slice(at, at + max(count, 0)))
    return (inside[0], inside[1]), (target[0], target[1])
