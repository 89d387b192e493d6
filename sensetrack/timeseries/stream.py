"""Inverts velocity files of pairs into a cube, block by block in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sensetrack
from sensetrack.engine import Engine, Serial
from sensetrack.errors import OutputError, UnusableImageError
from sensetrack.raster.tiles import Block, plan_blocks
from sensetrack.raster.write import check_target, refuse_same_file
from sensetrack.timeseries import words
from sensetrack.timeseries.cube import CHUNK, CubeWriter, Header
from sensetrack.timeseries.invert import BINS, DAYS_PER_YEAR, estimate_shared, invert, spans_of
from sensetrack.timeseries.network import find_triplets
from sensetrack.timeseries.params import SeriesParams
from sensetrack.timeseries.products import products
from sensetrack.timeseries.stack import Stack
from sensetrack.types import PathLike, Progress

SAMPLES, PATCH = 4, 16
"""Places along either side of the field at which closure is looked at first, and the pixels along a side of each."""

BUDGET = 64 * 2**20
"""Bytes of the pairs of a block."""


@dataclass(frozen=True, eq=False)
class SeriesTask:
    """Inverts one block; pickles as paths and parameters."""

    stack: Stack
    params: SeriesParams

    def __call__(self, block: Block) -> tuple[dict[str, NDArray[Any]], NDArray[np.float64], NDArray[np.int64]]:
        """Return the layers of a block; sums over it of each pair's values, weights and rejections; and closures."""
        moved, covariance = self.stack.read(block)
        found = invert(moved, covariance, self.stack.pairs, self.stack.days, self.params)
        weights = found.weights.reshape(len(self.stack.pairs), -1)
        known = np.isfinite(weights)
        sums = np.stack(
            [known.sum(axis=1), np.nansum(weights, axis=1, dtype=np.float64), (known & (weights < 0.5)).sum(axis=1)]
        ).astype(np.float64)
        return products(found, self.stack.dates[0], self.params), sums, found.closures


def series_file(
    paths: Sequence[PathLike],
    output: PathLike,
    params: SeriesParams | None = None,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Header:
    """Invert the velocity files of many pairs into one cube.

    Parameters
    ----------
    paths : sequence of path-like
        Velocity files on one grid, of ours or ITS_LIVE pairs, with both dates.
    output : path-like
        ``.nc``, or ``.zarr`` with the extra ``zarr``.
    params : SeriesParams, optional
    engine : Engine, optional
        Default: `Serial`. The bytes are the same on all.
    progress : callable, optional
    overwrite : bool
        Whether an existing output may be replaced.

    Returns
    -------
    Header
        Of the cube, with what was found of each pair.

    Raises
    ------
    InputError, GridError
        A file is no velocity file with dates, or they differ in grid.
    UnusableImageError
        No pixel has a value in any pair.
    OutputError
        The output has another suffix, exists already, is an input or cannot be written.
    """
    suffix = Path(output).suffix.lower()
    if suffix not in (".nc", ".zarr"):
        raise OutputError(f"{output}: a series is written as .nc or .zarr")
    refuse_same_file(output, list(paths))
    if suffix == ".zarr":
        from sensetrack.timeseries.zarr_copy import check_zarr, netcdf_to_zarr

        check_zarr(output, overwrite=overwrite)
        between = Path(output).with_suffix(".partial.nc")
        try:
            header = series_file(paths, between, params, engine=engine, progress=progress, overwrite=True)
            netcdf_to_zarr(between, output)
        finally:
            between.unlink(missing_ok=True)
        return header
    params = params or SeriesParams()
    check_target(output, overwrite=overwrite)
    stack = Stack.open(paths)
    if params.shared is None:
        params = params.with_changes(shared=_shared(stack))
    header = _header(stack, params)
    blocks = list(plan_blocks(stack.grid.shape, stack.block_side(BUDGET, CHUNK)))
    totals = np.zeros((3, len(stack.pairs)))
    closures = np.zeros((len(stack.pairs), BINS), np.int64)
    with CubeWriter(output, header, overwrite=overwrite) as writer:
        results = (engine or Serial()).map(SeriesTask(stack, params), blocks)
        for done, (block, (layers, sums, closed)) in enumerate(zip(blocks, results, strict=True), start=1):
            writer.write(block, layers)
            totals += sums
            closures += closed
            if progress is not None:
                progress(done, len(blocks))
        if not totals[0].any():
            raise UnusableImageError(f"{len(paths)} pairs have no value in common with any pixel; their flags say why")
        values = _pair_values(totals, closures, stack.grid.height * stack.grid.width)
        writer.set_pairs(values)
    return Header(header.grid, header.dates, header.spans, header.pairs, header.pair_names, values, header.tags)


def _shared(stack: Stack) -> float:
    """Estimate what errors the pairs of an image share, from some places of the field."""
    rows, cols = (max(1, -(-size // SAMPLES)) for size in stack.grid.shape)
    places = [
        Block(row, col, min(PATCH, stack.grid.height - row), min(PATCH, stack.grid.width - col))
        for row in range(0, stack.grid.height, max(PATCH, rows))
        for col in range(0, stack.grid.width, max(PATCH, cols))
    ]
    parts = [stack.read(place) for place in places]
    moved, covariance = (
        np.concatenate([part[which].reshape(*part[which].shape[:2], -1) for part in parts], axis=2) for which in (0, 1)
    )
    return round(estimate_shared(moved, covariance, find_triplets(stack.pairs)), 4)


def _header(stack: Stack, params: SeriesParams) -> Header:
    times = np.asarray(stack.days) / DAYS_PER_YEAR
    blank = np.full(len(stack.pairs), np.nan)
    return Header(
        grid=stack.grid,
        dates=stack.dates,
        spans=spans_of(times, params.window),
        pairs=stack.pairs,
        pair_names=tuple((each.reference, each.secondary) for each in stack.members),
        pair_values=dict.fromkeys(words.PAIR_LAYERS, blank),
        tags={
            "source": f"sensetrack {sensetrack.__version__}, inversion of {len(stack.pairs)} pairs",
            "parameters": params.to_json(),
            "comment": "a year has 365.25 days of 86400 s",
            "sensor": "unknown",
        },
    )


def _pair_values(
    totals: NDArray[np.float64], closures: NDArray[np.int64], pixels: int
) -> dict[str, NDArray[np.float64]]:
    count = np.maximum(totals[0], 1.0)
    some = totals[0] > 0
    return {
        "pair_weight": np.where(some, totals[1] / count, np.nan),
        "pair_share": totals[0] / pixels,
        "pair_closure": median_of_histogram(closures) / 10.0,
        "pair_rejected": np.where(some, totals[2] / count, np.nan),
    }


def median_of_histogram(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the median of each row of counts in bins of width 1 from 0, NaN for empty rows."""
    total = counts.sum(axis=1, keepdims=True)
    below = np.cumsum(counts, axis=1)
    place = np.argmax(below >= total / 2, axis=1)
    inside = np.take_along_axis(counts, place[:, None], axis=1)[:, 0]
    before = np.take_along_axis(below, place[:, None], axis=1)[:, 0] - inside
    share = (total[:, 0] / 2 - before) / np.maximum(inside, 1)
    return np.where(total[:, 0] > 0, place + share, np.nan)
