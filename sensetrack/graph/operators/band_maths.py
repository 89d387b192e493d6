"""Computes bands from others by expressions."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
from pydantic import BeforeValidator

from sensetrack.errors import GraphError, did_you_mean
from sensetrack.graph.expression import Tree, names_in, parse
from sensetrack.graph.expression.evaluate import CONSTANTS, PLACES
from sensetrack.graph.expression.pixels import Evaluated, Place
from sensetrack.graph.expression.tree import Name
from sensetrack.graph.operators._base import MANY, Context, Operator, Slot, Sources
from sensetrack.graph.pixels import is_float, part_of, quantity
from sensetrack.graph.scene import Scene, SceneBand, Unit
from sensetrack.graph.source import cached, derived
from sensetrack.params import Params, param
from sensetrack.raster.image import Image

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

    targetBands: Annotated[tuple[TargetBand, ...], BeforeValidator(_listed)] = param(..., "Bands to compute.")
    variables: Annotated[tuple[Variable, ...], BeforeValidator(_listed)] = param((), "Numbers that expressions use.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Work out all bands from the quantities of others; see `sensetrack.graph.expression.evaluate`.

        Pixels are computed in double precision and kept as float32. Those without a result hold ``noDataValue``, or
        where there is none NaN, or of whole numbers the largest of an unsigned type and the smallest of a signed one.
        Whole numbers are rounded, and have no value where they do not fit their type.
        """
        numbers = {variable.name: _number(variable) for variable in self.variables}
        names = [target.name for target in self.targetBands]
        if not names:
            raise GraphError("targetBands: no band is to be computed")
        for name in names:
            if names.count(name) > 1:
                raise GraphError(f"targetBands: two bands are called '{name}'")
        library = _Library(sources, numbers, keeps=len(names) > 1)
        return sources.one.after(self.alias, (library.band(target) for target in self.targetBands))


class _Library:
    """What expressions may refer to.

    Parameters
    ----------
    sources : Sources
    numbers : mapping of str to float
        Variables.
    keeps : bool
        Whether tiles of bands are kept, since several expressions read them.
    """

    def __init__(self, sources: Sources, numbers: Mapping[str, float], keeps: bool) -> None:
        self.sources = sources
        self.numbers = numbers
        self.keeps = keeps
        self.images: dict[tuple[SceneBand, str, bool], Image] = {}

    def band(self, target: TargetBand) -> SceneBand:
        """Return a band that is computed."""
        try:
            tree = parse(target.expression)
            condition = None if target.validExpression is None else parse(target.validExpression)
            bands, images = self._refer([tree, *([] if condition is None else [condition])])
        except GraphError as error:
            raise GraphError(f"band '{target.name}': {error}") from None
        first = bands[0] if bands else self.sources.one.bands[0]
        for band in bands:
            if difference := first.grid.difference(band.grid):
                raise GraphError(
                    f"band '{target.name}': bands {first.name} and {band.name} lie on different grids ({difference}); "
                    "bring them onto one with Resample, Collocate or Reproject"
                )
        place = Place(grid=first.grid, radar=first.radar, start=self.sources.one.start)
        for name in _names([tree, condition]):
            if name.text in PLACES and name.text not in images and name.text not in {*self.numbers, *place.known}:
                raise GraphError(f"band '{target.name}': {name.text} is not known of {self.sources.one.name}")
        whole = None if is_float(target.type) else np.iinfo(target.type)
        scale, offset = target.scalingFactor or 1.0, target.scalingOffset or 0.0
        source = Evaluated(
            tree=tree,
            condition=condition,
            images=images,
            numbers=self.numbers,
            place=place,
            seed=zlib.crc32(f"{target.name}={target.expression}".encode()),
            scale=scale,
            offset=offset,
            limits=None if whole is None else (float(whole.min), float(whole.max)),
        )
        nodata = target.noDataValue
        if nodata is None:
            nodata = math.nan if whole is None else float(whole.max if whole.min == 0 else whole.min)
        return SceneBand(
            name=target.name,
            image=derived(first.image, source),
            unit=target.unit if target.unit in get_args(Unit) else "",  # type: ignore[arg-type]
            radar=first.radar,
            dtype="float32" if whole is None else target.type,
            nodata=nodata,
            scale=scale,
            offset=offset,
            wavelength=target.spectralWavelength,
        )

    def _refer(self, trees: list[Tree]) -> tuple[list[SceneBand], dict[str, Image]]:
        """Return the bands that expressions refer to, and their images by the names that they are called there."""
        bands, images = [], {}
        for name in _names(trees):
            found = self._find(name.text)
            if found is None:
                if not name.quoted and (name.text in self.numbers or name.text in (*CONSTANTS, *PLACES)):
                    continue
                known = [*self._known(), *self.numbers, *CONSTANTS, *PLACES]
                raise GraphError(
                    f"expression, character {name.position}: no band '{name.text}'{did_you_mean(name.text, known)}"
                )
            band, called, is_raw = found
            bands.append(band)
            if (band, called, is_raw) not in self.images:
                image = _image(band, called, is_raw)
                self.images[band, called, is_raw] = cached(image) if self.keeps else image
            images[name.text] = self.images[band, called, is_raw]
        return bands, images

    def _find(self, text: str) -> tuple[SceneBand, str, bool] | None:
        """Return the band that a name means, what it is called, and whether its stored numbers are meant."""
        for scenes, rest in self._places(text):
            for is_raw, name in ((False, rest), (True, rest.removesuffix(".raw"))):
                if is_raw and name == rest:
                    continue
                for scene in scenes:
                    # Bands of this very name before virtual ones.
                    for band in sorted(scene.bands, key=lambda band: band.name != name):
                        if name in band.names:
                            return band, name, is_raw
        return None

    def _places(self, text: str) -> Iterator[tuple[list[Scene], str]]:
        """Yield where a name may mean a band: the scenes, and the name there."""
        scenes = list(self.sources)
        if not text.startswith("$"):
            yield scenes, text
            return
        named = {
            **{node: slot for slot, node in self.sources.nodes.items()},
            **{slot: slot for slot in self.sources.named},
        }
        for name in sorted(named, key=len, reverse=True):
            if text.startswith(f"${name}."):
                yield [self.sources.named[named[name]]], text[len(name) + 2 :]
        parts = text[1:].split(".")
        slots = ("sourceProduct", "sourceProducts", "source")
        if len(parts) > 2 and parts[0] in slots and parts[1].isdigit() and int(parts[1]) < len(scenes):
            yield [scenes[int(parts[1])]], ".".join(parts[2:])
        if len(parts) > 1 and parts[0] in slots:
            yield scenes[:1], ".".join(parts[1:])

    def _known(self) -> list[str]:
        several = len(self.sources) > 1
        plain = [name for scene in self.sources for band in scene.bands for name in band.names]
        long = [f"${slot}.{band.name}" for slot, scene in self.sources.named.items() for band in scene.bands]
        return [*plain, *long] if several else plain


def _names(trees: list[Tree | None] | list[Tree]) -> Iterator[Name]:
    for tree in trees:
        if tree is not None:
            yield from names_in(tree)


def _image(band: SceneBand, name: str, is_raw: bool) -> Image:
    """Return the pixels of a band under one of its names: its quantity, or its stored numbers."""
    if band.unit == "complex":
        part = name.removesuffix(band.name)
        if part not in ("i_", "q_", "Intensity_"):
            raise GraphError(f"band '{name}' is complex; write i_{band.name}, q_{band.name} or Intensity_{band.name}")
        return part_of(band.image, "intensity" if part == "Intensity_" else "i" if part == "i_" else "q")
    image = band.image if is_raw else quantity(band)
    return part_of(image, "intensity") if name != band.name and name.startswith("Intensity_") else image


def _number(variable: Variable) -> float:
    text = variable.value.strip()
    if variable.type == "boolean" and text.lower() in ("true", "false"):
        return float(text.lower() == "true")
    try:
        return float(text)
    except ValueError:
        raise GraphError(f"variable '{variable.name}' = '{variable.value}': is no number") from None
