"""Computes bands from others by expressions."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from sensetrack.graph.operators._base import MANY, Operator, Slot
from sensetrack.params import Params, param

Type = Literal["int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64"]


class TargetBand(Params):
    """A band to compute."""

    name: str = param(..., "Name of the band.", min_length=1)
    expression: str = param(..., "What its pixels are.", min_length=1)
    type: Type = param("float32", "Type in which it is stored.")
    description: str | None = param(None, "What the band shows.")
    unit: str | None = param(None, "Unit of its pixels.")
    validExpression: str | None = param(None, "Where this is not true, nothing is valid.")
    noDataValue: float | None = param(None, "What pixels without a value hold.")
    spectralBandIndex: int | None = param(None, "Number of the sensor's band.")
    spectralWavelength: float | None = param(None, "Wavelength.", unit="nm")
    spectralBandwidth: float | None = param(None, "Width of the band.", unit="nm")
    scalingOffset: float | None = param(None, "Added to stored numbers times scalingFactor to get the quantity.")
    scalingFactor: float | None = param(None, "Multiplies stored numbers to get the quantity.")


class Variable(Params):
    """A number that expressions may use by its name."""

    name: str = param(..., "Name of the variable.", min_length=1)
    type: Literal["boolean", "int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64"] = param(
        "float64", "Type of the value."
    )
    value: str = param(..., "Its value.", min_length=1)


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class BandMaths(Operator):
    """Bands that are computed from those of other scenes."""

    alias: ClassVar[str] = "BandMaths"
    slots: ClassVar[tuple[Slot, ...]] = MANY

    targetBands: Annotated[tuple[TargetBand, ...], BeforeValidator(_listed)] = param(
        ..., "Bands to compute.", min_length=1
    )
    variables: Annotated[tuple[Variable, ...], BeforeValidator(_listed)] = param((), "Numbers that expressions use.")
