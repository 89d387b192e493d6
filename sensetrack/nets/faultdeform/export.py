"""Samples to look at, and as files for programs of others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sensetrack.nets.faultdeform.stream import RANGES, Sample
from sensetrack.raster.write import atomic


def write_npz(sample: Sample, path: Path, *, overwrite: bool = False) -> None:
    """Write a sample as a compressed NumPy archive.

    It holds ``reference``, ``secondary``, ``dx``, ``dy`` (float32, pixels) and ``inside`` (bool), ``(row, col)``, and
    the numbers ``number``, ``range``, ``scene`` and ``fault``.

    Raises
    ------
    OutputError
        The file exists and may not be replaced, or cannot be written.
    """
    with atomic(path, overwrite=overwrite) as part, part.open("wb") as file:
        np.savez_compressed(
            file,
            reference=sample.reference,
            secondary=sample.secondary,
            dx=sample.dx,
            dy=sample.dy,
            inside=sample.inside,
            number=sample.number,
            range=np.array(RANGES[sample.interval]),
            scene=sample.scene,
            fault=sample.fault,
        )


def draw_sheet(samples: Sequence[Sample], path: Path, *, overwrite: bool = False) -> None:
    """Draw samples as one picture: a line each, with both images, dx and dy.

    Raises
    ------
    OutputError
        The file exists and may not be replaced, or cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2.4 * len(samples)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(samples), 4, squeeze=False)
    for line, sample in zip(axes, samples, strict=True):
        for axis, image, name in zip(
            line, (sample.reference, sample.secondary), ("reference", "secondary"), strict=False
        ):
            low, high = np.percentile(image, (1, 99))
            axis.imshow(image, cmap="gray", vmin=low, vmax=high)
            axis.set_title(f"{sample.number}: {name}", fontsize=8)
        for axis, motion, name in zip(line[2:], (sample.dx, sample.dy), ("dx", "dy"), strict=True):
            shown = axis.imshow(motion, cmap="RdBu_r")
            figure.colorbar(shown, ax=axis, shrink=0.8)
            what = f"fault {sample.fault}" if sample.fault >= 0 else "smooth"
            axis.set_title(f"{name}, px ({what})", fontsize=8)
        for axis in line:
            axis.set_axis_off()
    with atomic(path, overwrite=overwrite) as part:
        figure.savefig(part, dpi=80, metadata={"Software": None})
