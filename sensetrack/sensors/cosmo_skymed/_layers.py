"""The images of a COSMO-SkyMed file, each with the attributes that hold for it."""

from __future__ import annotations

import re
from collections import ChainMap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sensetrack.errors import InputError
from sensetrack.sensors._hdf5 import Attributes

if TYPE_CHECKING:
    import h5py

_SUBSWATH = re.compile(r"S\d{2}")
_BURST = re.compile(r"B\d{3,4}")
_IMAGES = ("SBI", "IMG", "MBI")


@dataclass(frozen=True, eq=False)
class Layer:
    """One image, or the place of one that is not there.

    Attributes
    ----------
    group : str
        ``S01`` ..., or ``""`` for a mosaic of all subswaths.
    dataset : str or None
        Of the image; None where the file has none.
    shape : tuple of int or None
        Lines and columns.
    is_complex : bool
        Whether it has I and Q on its last axis.
    attributes : Attributes
        Those of the image, then of its group, its first burst and the root: generations and repackaged files keep the
        same attribute in different places.
    constants : tuple of float
        Calibration constants of the subswaths it is made of.
    quicklook : str or None
        Dataset of the picture beside it.
    """

    group: str
    dataset: str | None
    shape: tuple[int, int] | None
    is_complex: bool
    attributes: Attributes
    constants: tuple[float, ...]
    quicklook: str | None


def find_layers(file: h5py.File, path: str) -> tuple[Layer, ...]:
    """Return the images of a file.

    Raises
    ------
    InputError
        There is no group of a subswath and no image, or an image has a shape that none has.
    """
    groups = [name for name in sorted(file) if _SUBSWATH.fullmatch(name) and hasattr(file[name], "keys")]
    mosaic = next((name for name in ("MBI", "IMG", "SBI") if name in file), None)
    if mosaic is not None:
        return (_layer(file, "", mosaic, groups, path),)
    layers = []
    for group in groups:
        image = next((f"{group}/{name}" for name in _IMAGES if f"{group}/{name}" in file), None)
        layers.append(_layer(file, group, image, [group], path))
    if not layers:
        raise InputError(f"{path}: holds no image of COSMO-SkyMed: it has no group S01 and no MBI")
    return tuple(layers)


def _layer(file: h5py.File, group: str, image: str | None, subswaths: list[str], path: str) -> Layer:
    places = [] if image is None else [file[image]]
    for name in [group] if group else subswaths[:1]:
        places.append(file[name])
        places += [file[name][burst] for burst in sorted(file[name]) if _BURST.fullmatch(burst)][:1]
    found: list[dict[str, Any]] = [dict(Attributes.of(place, path).values) for place in [*places, file]]
    merged = Attributes(ChainMap(*found), f"{path}: {image or group}")
    shape, is_complex = (None, False) if image is None else _shape(file[image], f"{path}: {image}")
    if image is None:
        is_complex = merged.text("Product Type", "").startswith("SCS")
    constants = tuple(
        Attributes.of(file[name], path).number("Calibration Constant")
        for name in subswaths
        if "Calibration Constant" in file[name].attrs
    )
    beside = f"{group}/" if group else ""
    return Layer(
        group,
        image,
        shape,
        is_complex,
        merged,
        constants,
        f"{beside}QLK" if f"{beside}QLK" in file else None,
    )


def _shape(dataset: h5py.Dataset, place: str) -> tuple[tuple[int, int], bool]:
    shape: tuple[int, ...] = getattr(dataset, "shape", ())
    if len(shape) == 3 and shape[2] == 2:
        return (int(shape[0]), int(shape[1])), True
    if len(shape) == 2:
        return (int(shape[0]), int(shape[1])), False
    raise InputError(f"{place} has the shape {shape}; images are (lines, columns) or (lines, columns, 2)")
