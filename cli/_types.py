"""Types of option values beyond click's own, and how values are written on a command line."""

from __future__ import annotations

import enum
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, TypeAlias

import click
import yaml

from sensetrack.errors import ParameterError
from sensetrack.raster.dates import parse_time

if TYPE_CHECKING:
    AnyType: TypeAlias = click.ParamType[Any, Any]
else:
    AnyType = click.ParamType  # not generic at run time before click 8.5

NONE = object()
"""What the word ``none`` becomes: a None that was asked for, unlike an option that was not given."""


class OptionalType(AnyType):
    """Any type, or the word ``none``."""

    def __init__(self, inner: AnyType) -> None:
        self.inner = inner
        self.name = inner.name

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:
        """Return the inner type's."""
        return self.inner.get_metavar(param, ctx)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the inner type's value, or the mark of None."""
        if isinstance(value, str) and value.lower() == "none":
            return NONE
        return self.inner.convert(value, param, ctx)


class OneOf(AnyType):
    """One of a few values, which need not be text."""

    name = "choice"

    def __init__(self, values: Collection[Any]) -> None:
        self.values = {text_of(value): value for value in values}

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return all the values."""
        return f"[{'|'.join(self.values)}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the value that a word names."""
        if text_of(value) not in self.values:
            self.fail(f"'{value}' is not one of {', '.join(self.values)}", param, ctx)
        return self.values[text_of(value)]


class YamlValue(AnyType):
    """Anything else, written as in a YAML file: ``[1, 2]``, ``{a: 1}``."""

    name = "value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return what the text means in YAML."""
        try:
            return yaml.safe_load(value) if isinstance(value, str) else value
        except yaml.YAMLError:
            self.fail(f"'{value}' cannot be read as YAML", param, ctx)


class Date(AnyType):
    """A date or time, UTC."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse ISO 8601 or ``YYYYMMDD``."""
        try:
            return parse_time(value) if isinstance(value, str) else value
        except ParameterError as error:
            self.fail(str(error), param, ctx)


def text_of(value: Any) -> str:
    """Return a value as it is written on a command line."""
    if value is None:
        return "none"
    if isinstance(value, enum.Enum):
        return text_of(value.value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list, set, frozenset)):
        return " ".join(text_of(item) for item in value) or "none"
    return str(value)
