"""Velocity with its errors: what is computed from a displacement field, stored and read back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from sensetrack.displacement import FLAGS_LAYER, Flag
from sensetrack.errors import InputError
from sensetrack.provenance import Provenance
from sensetrack.raster import layers as files
from sensetrack.raster.grid import Grid
from sensetrack.types import FlagArray, FloatArray, PathLike
from sensetrack.velocity import itslive
from sensetrack.velocity.convert import VALUES
from sensetrack.velocity.stable import StableShift
from sensetrack.velocity.summary import LAYERS, Summary, Units, read_summary


@dataclass(frozen=True, eq=False)
class Velocity:
    """A velocity field on its grid.

    Attributes
    ----------
    grid : Grid
    vx, vy : ndarray of float32
        Velocity along map x (east) and map y (north), ``(row, col)``; NaN where the displacement was not usable.
    v : ndarray of float32
        Speed.
    vx_error, vy_error, v_error : ndarray of float32
        One standard deviation; that of the speed is along the direction of motion.
    flags : ndarray of uint8
        `sensetrack.displacement.Flag` of the displacement.
    summary : Summary
    """

    grid: Grid
    vx: FloatArray
    vy: FloatArray
    v: FloatArray
    vx_error: FloatArray
    vy_error: FloatArray
    v_error: FloatArray
    flags: FlagArray
    summary: Summary

    def __post_init__(self) -> None:
        for name in LAYERS:
            if getattr(self, name).shape != self.grid.shape:
                raise InputError(f"{name} has shape {getattr(self, name).shape}, its grid {self.grid.shape}")

    @property
    def units(self) -> Units:
        """Unit of velocity."""
        return self.summary.units

    @property
    def days(self) -> float:
        """Time base in days."""
        return self.summary.days

    @property
    def stable(self) -> StableShift:
        """What stable ground showed, in input pixels."""
        return self.summary.stable

    @property
    def provenance(self) -> Provenance:
        """Where it comes from."""
        return self.summary.provenance

    @classmethod
    def open(cls, path: PathLike) -> Self:
        """Read a velocity file into memory: ours (``.tif``, ``.nc``), or an ITS_LIVE pair (``.nc``).

        Raises
        ------
        InputError
            There is no such file, or it is not a velocity file.
        NotARasterError, CorruptFileError
            It cannot be opened or read.
        """
        file = files.LayerFile.open(path)
        if file.tags.get("product") != "velocity" and itslive.is_pair(file):
            layers, summary = itslive.read_pair(file)
        else:
            summary = read_summary(file)
            layers = file.read(names=LAYERS)
        flags = np.nan_to_num(layers.pop("flags"), nan=float(Flag.NODATA)).astype(np.uint8)
        return cls(file.grid, **layers, flags=flags, summary=summary)

    def save(self, path: PathLike, *, overwrite: bool = False, keep_empty: bool = False, packed: bool = False) -> None:
        """Write by suffix: ``.tif``, ``.nc`` (ITS_LIVE pair schema), or points as ``.csv``, ``.parquet``, ``.gpkg``.

        Parameters
        ----------
        path : path-like
            It appears only when it is complete.
        overwrite : bool
            Whether an existing file may be replaced.
        keep_empty : bool
            Whether tables also hold the points without a value.
        packed : bool
            Store netCDF velocities as int16 in whole units, as ITS_LIVE does; slow motion is lost by that.

        Raises
        ------
        OutputError
            Unknown suffix, or the file exists already or cannot be written.
        """
        content = file_content(path, self.grid, self.summary, packed=packed)
        layers: dict[str, Any] = {name: getattr(self, name) for name in LAYERS}
        if Path(path).suffix.lower() == ".nc":
            layers |= itslive.derived_layers(layers, self.summary)
        files.save(path, self.grid, content, layers, overwrite=overwrite, keep_empty=keep_empty)


def file_content(path: PathLike, grid: Grid, summary: Summary, *, packed: bool = False) -> files.Content:
    """Return what a velocity file of this name holds, for `sensetrack.raster.layers.create`."""
    if Path(path).suffix.lower() == ".nc":
        return itslive.content(grid, summary, packed=packed)
    layers = tuple(files.Layer(name, units=summary.units) for name in VALUES)
    return files.Content("velocity", (*layers, FLAGS_LAYER), summary.tags(), columns=LAYERS, value="v")
