"""Filters, image filters and trackers from one line of text, as command lines and project files write them."""

from __future__ import annotations

import re
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from sensetrack.errors import ParameterError
from sensetrack.filters import Filter
from sensetrack.filters import registry as filters
from sensetrack.preprocess import ImageFilter
from sensetrack.preprocess import registry as image_filters
from sensetrack.registry import Registry
from sensetrack.trackers import Tracker
from sensetrack.trackers import registry as trackers


def filter_of(text: str) -> Filter:
    """Build a filter from ``name`` or ``name:parameter=value,parameter=value``.

    Parameters
    ----------
    text : str
        Such as ``"median-test:threshold=3,window=7"``; values are written as in YAML, lists in brackets.

    Raises
    ------
    ParameterError
        There is no such filter or parameter, or a value does not fit.
    """
    name, values = _parse(text, filters)
    return filters.get(name)(**values)


def tracker_of(text: str) -> Tracker:
    """Build a tracker from text as `filter_of` does, such as ``"pcc:window=128"``.

    Raises
    ------
    ParameterError
        There is no such tracker or parameter, or a value does not fit.
    """
    name, values = _parse(text, trackers)
    return trackers.get(name)(**values)


def image_filter_of(text: str | Mapping[str, Any]) -> ImageFilter:
    """Build an image filter from text as `filter_of` does, or from a mapping of its name to its parameters.

    Parameters
    ----------
    text : str or mapping
        Such as ``"highpass:sigma=8"`` or, as project files may write it, ``{"highpass": {"sigma": 8}}``.

    Raises
    ------
    ParameterError
        There is no such image filter or parameter, or a value does not fit.
    """
    if isinstance(text, str):
        name, values = _parse(text, image_filters)
        return image_filters.get(name)(**values)
    if len(text) != 1 or not isinstance(values := next(iter(text.values())) or {}, Mapping):
        raise ParameterError(
            f"image filter {dict(text)!r}: give one name with its parameters, {{highpass: {{sigma: 8}}}}"
        )
    return image_filters.get(next(iter(text)))(**values)


def image_filters_of(
    chain: str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]], band: int | str | None = None
) -> list[ImageFilter]:
    """Build the image filters of a chain, each as `image_filter_of` does.

    Parameters
    ----------
    chain : str, mapping, or sequence of them
        The first one comes first; a single one stands for itself.
    band : int or str, optional
        The band of the images that the user has chosen.

    Raises
    ------
    ParameterError
        As `image_filter_of`; a filter that must be the first is not; or it chooses the bands, and ``band`` does too.
    """
    texts = [chain] if isinstance(chain, str | Mapping) else chain
    if not isinstance(texts, Sequence) or not all(isinstance(text, str | Mapping) for text in texts):
        raise ParameterError(f"preprocess = {chain!r}: give a list of image filters, such as [clahe, highpass:sigma=8]")
    filters = [image_filter_of(text) for text in texts]
    for number, each in enumerate(filters):
        name = image_filters.name_of(type(each))
        if each.is_first and number:
            raise ParameterError(f"image filter {name} must come first, as it reads the bands of the file; move it up")
        if each.is_first and band is not None:
            raise ParameterError(f"band = {band} and the image filter {name} both choose bands; leave one of them out")
    return filters


def _parse(text: str, registry: Registry[Any]) -> tuple[str, dict[str, object]]:
    """Split ``name:parameter=value,...``."""
    name, _, rest = (part.strip() for part in text.partition(":"))
    fields = registry.get(name).model_fields
    values = {}
    for part in re.split(r",(?![^\[{]*[\]}])", rest) if rest else ():
        key, sign, value = part.partition("=")
        if not sign or not key.strip():
            first = next(iter(fields), None)
            example = f", such as {name}:{first}={fields[first].default}" if first else ""
            raise ParameterError(f"{registry.kind} '{text}': '{part}' is not parameter=value{example}")
        field = key.strip().replace("-", "_")
        values[field] = _value(text, value, _takes_none(fields, field))
    return name, values


def _takes_none(fields: Mapping[str, Any], name: str) -> bool:
    """Whether the word ``none`` stands for the absence of a value, and not for a choice of that name."""
    return name not in fields or "none" not in typing.get_args(fields[name].annotation)


def _value(text: str, value: str, takes_none: bool) -> object:
    if takes_none and value.strip().lower() == "none":
        return None
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise ParameterError(f"'{text}': '{value}' cannot be read; write it as in YAML") from None
