"""Options from parameters: one per field of a `Params` class, with its help, range and default."""

from __future__ import annotations

import enum
import json
import types
import typing
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, Generic, Literal, TypeVar, Union

import click
import yaml
from pydantic_core import PydanticUndefined

from sensetrack.errors import ParameterError
from sensetrack.params import Params, describe, read_mapping

from ._command import DUMPING, Option
from ._types import NONE, AnyType, Date, OneOf, OptionalType, YamlValue, text_of

P = TypeVar("P", bound=Params)

PREFIX = "param_"
"""Before the names of generated values, so that they cannot be mistaken for those of common options."""


class ParamsOptions(Generic[P]):
    """The generated options of one `Params` class, and the way back from their values to an instance.

    Parameters
    ----------
    cls : type of Params
    section : str
        Heading of the options in the help.
    reserved : collection of str
        Flags that the command has already; a parameter of such a name becomes ``--set-NAME``.
    skip : collection of str
        Parameters that get no option.
    """

    def __init__(
        self, cls: type[P], section: str = "Parameters", reserved: Collection[str] = (), skip: Collection[str] = ()
    ) -> None:
        self.cls = cls
        self.options: list[click.Option] = [
            _option(cls, name, section, reserved) for name in cls.model_fields if name not in skip
        ]
        self.options += [
            Option(
                ["--params", f"{PREFIX}_file"],
                type=click.Path(),
                metavar="FILE",
                section=section,
                help="Read parameters from a YAML or JSON file; options given here win over it.",
            ),
            dump_option(section),
        ]

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters that the user gave on the command line."""
        found = {}
        for name in self.cls.model_fields:
            value = values.get(PREFIX + name)
            if value is None or value == ():
                continue
            found[name] = None if value is NONE or value == (NONE,) else value
        return found

    def build(self, values: dict[str, Any], beside: Collection[str] = ()) -> P:
        """Take the generated values out of ``values`` and build the parameters: default < file < option.

        Parameters
        ----------
        values : dict
            Of the command; what the file says of the names in ``beside`` goes there, unless the user gave it.
        beside : collection of str
            What the file may hold besides parameters of the class.

        Raises
        ------
        ParameterError
            A value does not fit; when it stands in the file, the file is named.
        InputError
            The file cannot be read.
        """
        path = values.get(f"{PREFIX}_file")
        from_file = read_mapping(path) if path else {}
        for name in beside:
            found = from_file.pop(name, None)
            values[name] = values.get(name) or found or ()
        from_options = self.given(values)
        for name in [key for key in values if key.startswith(PREFIX)]:
            del values[name]
        try:
            return self.cls(**{**from_file, **from_options})
        except ParameterError:
            if path:
                _check_file(self.cls, path, from_file)
            raise


def with_params(cls: type[Params], section: str = "Parameters", skip: Collection[str] = ()) -> Callable[..., Any]:
    """Give a command the options of ``cls``; its function receives the built instance as ``params``."""
    made = ParamsOptions(cls, section, skip=skip)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def run(**values: Any) -> Any:
            params = made.build(values)
            return None if dumped(params) else function(params=params, **values)

        for item in reversed(made.options):
            _attach(run, item)
        return run

    return decorate


def dump_option(section: str) -> Option:
    """Return the option ``--dump-params``, which `dumped` obeys."""
    return Option(
        ["--dump-params"],
        is_flag=False,
        flag_value="yaml",
        type=click.Choice(["yaml", "json"]),
        is_eager=True,
        expose_value=False,
        callback=lambda ctx, _, value: ctx.meta.__setitem__(DUMPING, value),
        section=section,
        help="Print the parameters as a file that --params reads, and do nothing else.",
    )


def dumped(params: Params | None, beside: Mapping[str, tuple[str, Any]] | None = None) -> bool:
    """Print the parameters if ``--dump-params`` asks for it, and return whether it did.

    Parameters
    ----------
    params : Params or None
        None where there are none but those beside.
    beside : mapping, optional
        What else belongs into the file: by name, a comment and a value; empty values are left out.
    """
    form = click.get_current_context().meta.get(DUMPING)
    more = {name: item for name, item in (beside or {}).items() if item[1]}
    if form == "yaml":
        click.echo(params.to_yaml() if params is not None else "", nl=False)
        for name, (comment, value) in more.items():
            click.echo(f"# {comment}\n{name}: {yaml.safe_dump(value, default_flow_style=True).strip()}")
    elif form:
        content = json.loads(params.to_json() if params is not None else "{}") | {
            name: value for name, (_, value) in more.items()
        }
        click.echo(json.dumps(content, sort_keys=True))
    return bool(form)


_WORDS: dict[Any, str] = {int: "N", float: "X", str: "TEXT", datetime: "DATE"}
"""What stands for a value in the help."""


def _attach(function: Callable[..., Any], item: click.Parameter) -> None:
    """Put an option where click's own decorators put theirs."""
    function.__dict__.setdefault("__click_params__", []).append(item)


def _check_file(cls: type[Params], path: str, values: Mapping[str, Any]) -> None:
    """Raise with the file's name if its own content does not fit."""
    try:
        cls(**values)
    except ParameterError as error:
        raise ParameterError(f"{path}: {error}") from None


def _option(cls: type[Params], name: str, section: str, reserved: Collection[str]) -> Option:
    field = cls.model_fields[name]
    flag = f"--{name.replace('_', '-')}"
    if flag in reserved:
        flag = f"--set-{name.replace('_', '-')}"
    inner, optional = _without_none(field.annotation)
    attributes = _shape(inner, optional)
    names = [f"{flag}/--no-{flag[2:]}" if attributes.get("is_flag") else flag, PREFIX + name]
    return Option(names, section=section, help=_help(cls, name, inner), default=None, **attributes)


def _help(cls: type[Params], name: str, inner: Any) -> str:
    field = cls.model_fields[name]
    parts = [describe(cls, name)]
    if _repeats(inner):
        parts.append("Repeat for several.")
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        parts.append("[required]")
    elif default is not None or "default:" not in parts[0]:
        parts.append(f"[default: {text_of(default)}]")
    return " ".join(parts)


def _shape(inner: Any, optional: bool) -> dict[str, Any]:
    """Return the click attributes of an annotation: its type, whether it repeats, how many words it takes."""
    if inner is bool:
        return {"is_flag": True}
    origin, arguments = typing.get_origin(inner), typing.get_args(inner)
    if origin is tuple and not _repeats(inner):
        words = " ".join(_WORDS.get(item, "VALUE") for item in arguments)
        return {"type": tuple(_type(item) for item in arguments), "nargs": len(arguments), "metavar": words}
    if _repeats(inner):
        element = _type(arguments[0]) if arguments else click.STRING
        word = _WORDS.get(arguments[0]) if arguments else None
        return {"type": OptionalType(element) if optional else element, "multiple": True, "metavar": word}
    kind = _type(inner)
    return {"type": OptionalType(kind) if optional else kind, "metavar": _WORDS.get(inner)}


def _type(annotation: Any) -> AnyType:
    annotation, optional = _without_none(annotation)
    if optional:
        return OptionalType(_type(annotation))
    if typing.get_origin(annotation) is typing.Annotated:
        return _type(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) is Literal:
        return OneOf(typing.get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return OneOf([member.value for member in annotation])
    simple: dict[Any, AnyType] = {int: click.INT, float: click.FLOAT, str: click.STRING, datetime: Date()}
    return simple.get(annotation, YamlValue())


def _repeats(annotation: Any) -> bool:
    origin, arguments = typing.get_origin(annotation) or annotation, typing.get_args(annotation)
    if origin is tuple:
        return not arguments or arguments[-1] is Ellipsis
    return origin in (list, set, frozenset)


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """Return an annotation without ``None``, and whether it allowed it."""
    if typing.get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    members = typing.get_args(annotation)
    rest = tuple(item for item in members if item is not type(None))
    inner = rest[0] if len(rest) == 1 else Union[rest]  # noqa: UP007
    return inner, len(rest) < len(members)
