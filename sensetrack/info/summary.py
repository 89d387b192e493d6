"""A displacement field in a few numbers, from memory or from a decimated read of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sensetrack.displacement import LAYERS, Displacement, Flag
from sensetrack.errors import InputError
from sensetrack.raster.sample import SAMPLE, open_sample
from sensetrack.types import FlagArray, FloatArray, Mask, PathLike


@dataclass(frozen=True)
class Statistics:
    """Of one layer, over its usable pixels; NaN where there are none.

    Attributes
    ----------
    count : int
        Usable pixels in the sample.
    share : float
        Their share of all pixels of the sample, 0..1.
    minimum, maximum, mean, median, std : float
    """

    count: int
    share: float
    minimum: float
    maximum: float
    mean: float
    median: float
    std: float

    @classmethod
    def of(cls, values: FloatArray, usable: Mask) -> Statistics:
        """Summarise the usable values of an array; complex ones by their amplitude."""
        chosen = values[usable]
        chosen = (np.abs(chosen) if np.iscomplexobj(chosen) else chosen).astype(np.float64)
        if not chosen.size:
            return cls(0, 0.0, *[float("nan")] * 5)
        return cls(
            count=int(chosen.size),
            share=float(chosen.size / max(1, usable.size)),
            minimum=float(chosen.min()),
            maximum=float(chosen.max()),
            mean=float(chosen.mean()),
            median=float(np.median(chosen)),
            std=float(chosen.std()),
        )


@dataclass(frozen=True)
class FieldSummary:
    """How a displacement field came out.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the field.
    sampled : int
        Pixels that were looked at: all of them, or every `step`-th in both directions.
    counts : mapping
        How many of them are measurements, and how many carry each flag; a pixel may carry several.
    dx, dy, length, sigma : float
        Medians over usable pixels, px; ``sigma`` of the longer of both standard deviations.
    """

    shape: tuple[int, int]
    sampled: int
    counts: Mapping[str, int]
    dx: float
    dy: float
    length: float
    sigma: float

    @classmethod
    def of_counts(cls, shape: tuple[int, int], counts: Mapping[str, int]) -> FieldSummary:
        """Summarise what is known without the values."""
        nan = float("nan")
        return cls(shape, shape[0] * shape[1], dict(counts), nan, nan, nan, nan)

    @classmethod
    def of(cls, displacement: Displacement) -> FieldSummary:
        """Summarise a field in memory."""
        layers = {name: np.asarray(array, np.float32) for name, array in displacement.field.layers().items()}
        return cls._of_layers(displacement.grid.shape, layers)

    @classmethod
    def of_file(cls, path: PathLike, sample: int = SAMPLE) -> FieldSummary:
        """Summarise a displacement file from a decimated read.

        Raises
        ------
        InputError
            There is no such file, or it is not a displacement file.
        """
        file = open_sample(path, sample)
        absent = [name for name in LAYERS if name not in file.names]
        if absent:
            raise InputError(f"{path}: not a displacement file: it has no layer {', '.join(absent)}")
        layers = {name: file.read(name)[0] for name in ("dx", "dy", "sigma_dx", "sigma_dy", "flags")}
        return cls._of_layers(file.grid.shape, layers)

    @classmethod
    def _of_layers(cls, shape: tuple[int, int], layers: Mapping[str, FloatArray]) -> FieldSummary:
        flags = flag_array(layers["flags"])
        usable = usable_mask(flags) & np.isfinite(layers["dx"])

        def median(values: FloatArray) -> float:
            chosen = values[usable & np.isfinite(values)]
            return float(np.median(chosen)) if chosen.size else float("nan")

        length = np.hypot(layers["dx"], layers["dy"])
        return cls(
            shape=shape,
            sampled=int(flags.size),
            counts=flag_counts(flags),
            dx=median(layers["dx"]),
            dy=median(layers["dy"]),
            length=median(length),
            sigma=median(np.maximum(layers["sigma_dx"], layers["sigma_dy"])),
        )

    def shares(self) -> dict[str, float]:
        """Return the share of each count, 0..1: ``measured`` always, flags only where they occur."""
        return shares_of(self.counts, self.sampled)


def flag_array(values: FloatArray) -> FlagArray:
    """Return flags as integers; what the file leaves empty is ``nodata``."""
    return np.nan_to_num(values, nan=float(Flag.NODATA)).astype(np.uint8)


def usable_mask(flags: FlagArray) -> Mask:
    """Return where a value may be used: no flag, or none but ``filled``."""
    usable: Mask = (flags & ~np.uint8(Flag.FILLED)) == 0
    return usable


def flag_counts(flags: FlagArray) -> dict[str, int]:
    """Return how many pixels are measurements and how many carry each flag; a pixel may carry several."""
    counts = {"measured": int(np.count_nonzero(flags == 0))}
    for flag in Flag:
        counts[flag.label] = int(np.count_nonzero(flags & np.uint8(flag)))
    return counts


def shares_of(counts: Mapping[str, int], total: int) -> dict[str, float]:
    """Return counts as shares of ``total``, 0..1: ``measured`` always, a flag only where it occurs."""
    return {name: count / max(1, total) for name, count in counts.items() if count or name == "measured"}
