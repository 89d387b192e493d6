"""What the operators share that only SNAP runs."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict

from sensetrack.graph.operators._base import Operator

DemResampling = Literal[
    "NEAREST_NEIGHBOUR",
    "BILINEAR_INTERPOLATION",
    "CUBIC_CONVOLUTION",
    "BISINC_5_POINT_INTERPOLATION",
    "BISINC_11_POINT_INTERPOLATION",
    "BISINC_21_POINT_INTERPOLATION",
    "BICUBIC_INTERPOLATION",
    "DELAUNAY_INTERPOLATION",
]
"""How heights are interpolated, in SNAP's words."""

ImageResampling = Literal[
    "NEAREST_NEIGHBOUR",
    "BILINEAR_INTERPOLATION",
    "CUBIC_CONVOLUTION",
    "BISINC_5_POINT_INTERPOLATION",
    "BISINC_11_POINT_INTERPOLATION",
    "BISINC_21_POINT_INTERPOLATION",
    "BICUBIC_INTERPOLATION",
]
"""How images are interpolated."""


def _number(value: Any) -> Any:
    """Return text as the number that it is, for choices of numbers."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


Number = BeforeValidator(_number)
"""For ``Annotated[Literal[1, 2], Number]``: graphs write numbers as text."""

WindowSize = Annotated[Literal[32, 64, 128, 256, 512, 1024, 2048], Number]
"""Sides of correlation windows that SNAP knows."""

FineSize = Annotated[Literal[8, 16, 32, 64, 128, 256, 512], Number]
"""Sides of fine correlation windows that SNAP knows."""

Power = Annotated[Literal[2, 4, 8, 16, 32, 64], Number]
"""Accuracies and factors that SNAP knows."""


class Loose(Operator):
    """An operator of which not all parameters are known here: any others are passed on to SNAP unchecked."""

    model_config = ConfigDict(extra="allow")
    any_parameter: ClassVar[bool] = True
