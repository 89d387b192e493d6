"""The stages of the main job as functions of files."""

from __future__ import annotations

import re

import yaml

from sensetrack.errors import ParameterError
from sensetrack.filters import Filter
from sensetrack.filters import registry as filters

DEFAULT_FILTERS = ("ndc", "median-test")
"""Filters that judge when none is named: agreement with the neighbours, then the normalised median test."""


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
    name, _, rest = text.partition(":")
    cls = filters.get(name.strip())
    values = {}
    for part in re.split(r",(?![^\[{]*[\]}])", rest) if rest.strip() else ():
        key, sign, value = part.partition("=")
        if not sign or not key.strip():
            raise ParameterError(f"filter '{text}': '{part}' is not parameter=value, such as {_example(cls, name)}")
        values[key.strip().replace("-", "_")] = _value(text, value)
    return cls(**values)


def _value(text: str, value: str) -> object:
    if value.strip().lower() == "none":
        return None
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise ParameterError(f"filter '{text}': '{value}' cannot be read; write it as in YAML") from None


def _example(cls: type[Filter], name: str) -> str:
    first = next(iter(cls.model_fields), None)
    return name if first is None else f"{name}:{first}={cls.model_fields[first].default}"
