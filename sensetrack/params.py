"""Checked parameters: each described once, on its field, for the API, the command line and the files.

A tracker, a filter and the settings of every stage are frozen `Params`. Invalid settings cannot be constructed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sensetrack.errors import InputError, ParameterError, did_you_mean
from sensetrack.types import PathLike


def param(default: Any, description: str, *, unit: str | None = None, **constraints: Any) -> Any:
    """Declare one parameter: its default, what it does, its unit and its range.

    Parameters
    ----------
    default : object
        Default value; ``...`` makes the parameter required.
    description : str
        One sentence for the help, the docs and the parameter files.
    unit : str, optional
        Unit as printed beside the value, such as ``"px"``.
    **constraints
        pydantic constraints: ``ge``, ``gt``, ``le``, ``lt``, ``multiple_of``, ``min_length``.

    Returns
    -------
    object
        A pydantic field.
    """
    extra: dict[str, Any] | None = {"unit": unit} if unit else None
    return Field(default, description=description, json_schema_extra=extra, **constraints)


class Params(BaseModel):
    """Frozen, fully checked settings that load from and dump to YAML and JSON.

    Raises
    ------
    ParameterError
        On construction with an unknown name, a wrong type or a value out of range. The message names the
        parameter, the value and what would work.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise ParameterError(_explain(type(self), error)) from None

    def with_changes(self, **changes: Any) -> Self:
        """Return a copy with some values changed, checked again."""
        return type(self)(**{**self.model_dump(), **changes})

    def to_json(self) -> str:
        """Return all parameters as one line of JSON, keys sorted."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    def to_yaml(self) -> str:
        """Return all parameters as YAML, each under a comment with its description, unit and range."""
        lines: list[str] = []
        for name, value in self.model_dump(mode="json").items():
            lines.append(f"# {describe(type(self), name)}")
            text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10**6)
            lines.append(f"{name}: {text.removesuffix('...' + chr(10)).rstrip()}")
        return "\n".join(lines) + "\n"

    @classmethod
    def from_file(cls, path: PathLike, **overrides: Any) -> Self:
        """Build from a YAML or JSON file; ``overrides`` win over the file.

        Raises
        ------
        InputError
            The file cannot be read, is not YAML or JSON, or is not a mapping.
        ParameterError
            A value does not fit.
        """
        return cls(**{**read_mapping(path), **overrides})


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that is given twice, which YAML forbids and PyYAML lets pass."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping of which every key is there once."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"'{twice}' is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read_mapping(path: PathLike) -> dict[str, Any]:
    """Read a YAML or JSON file that holds a mapping (JSON is a subset of YAML).

    Raises
    ------
    InputError
        The file cannot be read, does not parse, or is not a mapping.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot read the parameter file ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot read the parameter file (it is not text in UTF-8)") from error
    try:
        content = yaml.load(text, _StrictLoader)
    except yaml.YAMLError as error:
        where = str(error).replace("\n", " ")
        raise InputError(f"{path}: not valid YAML or JSON: {where}") from error
    if content is None:
        return {}
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(f"{path}: expected a mapping of parameter names to values, such as 'window: 64'")
    return content


def describe(cls: type[Params], name: str) -> str:
    """Return one line on a parameter: description, unit and range.

    Parameters
    ----------
    cls : type of Params
    name : str
        Field name.
    """
    field = cls.model_fields[name]
    text = field.description or name
    extra = field.json_schema_extra
    unit = extra.get("unit") if isinstance(extra, dict) else None
    notes = [str(unit)] if unit else []
    limits = limits_of(cls, name)
    if limits:
        notes.append(limits)
    return f"{text} [{', '.join(notes)}]" if notes else text


def limits_of(cls: type[Params], name: str) -> str:
    """Return the range of a numeric parameter as text, such as ``">= 8, <= 512"``, or ``""``."""
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "multiple_of": "multiple of"}
    parts = []
    for item in cls.model_fields[name].metadata:
        for key, sign in signs.items():
            bound = getattr(item, key, None)
            if bound is not None:
                parts.append(f"{sign} {bound}")
    return ", ".join(parts)


def _explain(cls: type[Params], error: ValidationError) -> str:
    """One line that names each bad knob, its value and what would work."""
    # Parts of settings are known by their place in the file, plug-ins by their name.
    own = cls.__name__
    lead, has, needs = (
        ("", "there is", "it needs") if own.endswith("Params") else (f"{own}: ", f"{own} has", f"{own} needs")
    )
    sentences = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            sentences.append(f"{has} no parameter '{name}'{did_you_mean(name, cls.model_fields)}")
        elif item["type"] == "missing":
            sentences.append(f"{needs} '{name}': {describe(cls, name)}")
        elif not name:
            sentences.append(f"{lead}{item['msg'].removeprefix('Value error, ')}")
        elif isinstance(item["input"], dict) and item["type"] == "value_error":
            # Settings of a part: what is wrong with them names the value.
            sentences.append(f"{lead}{name}: {item['msg'].removeprefix('Value error, ')}")
        else:
            message = item["msg"].removeprefix("Value error, ")
            sentences.append(f"{lead}{name} = {item['input']!r}: {message[:1].lower()}{message[1:]}")
    return "; ".join(sentences)
