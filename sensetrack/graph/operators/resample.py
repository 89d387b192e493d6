"""Brings the bands of a scene to one size."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from sensetrack.graph.operators._base import Operator
from sensetrack.params import Params, param

Up = Literal["Nearest", "Bilinear", "Bicubic"]
Down = Literal["First", "Min", "Max", "Mean", "Median"]
FlagDown = Literal["First", "FlagAnd", "FlagOr", "FlagMedianAnd", "FlagMedianOr"]


class BandResampling(Params):
    """How one band is resampled."""

    bandName: str = param(..., "Name of the band.", min_length=1)
    upsampling: Up | None = param(None, "How finer pixels are made; none: as for the others.")
    downsampling: Down | FlagDown | None = param(None, "How coarser pixels are made; none: as for the others.")


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class Resample(Operator):
    """The bands of a scene on one grid."""

    alias: ClassVar[str] = "Resample"
    suffix: ClassVar[str] = "_resampled"

    referenceBand: str | None = param(None, "Band whose size all get.")
    targetWidth: int | None = param(None, "Columns that all get.", unit="px", gt=0)
    targetHeight: int | None = param(None, "Rows that all get.", unit="px", gt=0)
    targetResolution: int | None = param(None, "Pixel size that all get, in units of the map.", gt=0)
    upsampling: Up = param("Nearest", "How finer pixels are made.")
    downsampling: Down = param("First", "How coarser pixels are made.")
    flagDownsampling: FlagDown = param("First", "How coarser pixels of flags are made.")
    resamplingPreset: str | None = param(None, "Name of a set of methods, which SNAP keeps in its own folder.")
    bandResamplings: Annotated[tuple[BandResampling, ...], BeforeValidator(_listed)] = param(
        (), "Methods of single bands."
    )
    resampleOnPyramidLevels: bool = param(True, "How SNAP shows the result; pixels are the same.")
