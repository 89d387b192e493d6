"""The commands that list what is installed."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import click

from sensetrack.errors import ParameterError
from sensetrack.params import describe
from sensetrack.registry import Catalogue, Registry

from ._command import Command, Note, Option
from ._console import say, say_rows
from ._types import text_of


@dataclass(frozen=True)
class Plugins:
    """Plug-ins of one kind.

    Attributes
    ----------
    kind : str
        What they are, such as ``"trackers"``.
    package : str
        Such as ``"sensetrack.trackers"``.
    usage : str
        How one of them is used.
    """

    kind: str
    package: str
    usage: str

    def found(self) -> list[tuple[str, str]]:
        """Return names and summaries of all that are installed."""
        catalogue = Catalogue(self.package)
        return [(name, _summary(catalogue, name)) for name in catalogue.names()]


def _summary(catalogue: Catalogue, name: str) -> str:
    """Return one line on a plug-in; of other distributions' the first of its docstring, and where it comes from."""
    summary = catalogue.summary(name)
    if not catalogue.is_foreign(name):
        return summary
    try:
        first = (inspect.getdoc(catalogue.load_foreign(name)) or "").partition("\n")[0].removesuffix(".")
    except ParameterError:
        return f"cannot be loaded {summary}"
    return f"{first} {summary}".strip()


def listing_command(name: str, groups: Sequence[Plugins]) -> click.Command:
    """Return the command that lists the plug-ins of some kinds."""
    kinds = " and the ".join(group.kind for group in groups)

    def run(as_json: bool) -> None:
        if as_json:
            rows = [
                {"kind": group.kind.removesuffix("s"), "name": name, "summary": summary}
                for group in groups
                for name, summary in group.found()
            ]
            click.echo(json.dumps(rows, indent=2))
            return
        for number, group in enumerate(groups):
            if len(groups) > 1:
                say(("\n" if number else "") + f"{group.kind.capitalize()}")
            say_rows(group.found(), indent=0 if len(groups) == 1 else 2)
            say()
            say(group.usage)

    return Command(
        name,
        callback=run,
        params=[Option(["--json", "as_json"], is_flag=True, section="Output", help="Print JSON.")],
        short_help=f"List the {kinds} that are installed",
        help=f"List the {kinds} that are installed, one line each.",
        example=f"sensetrack {name}",
    )


def parameter_notes(registry: Registry[Any], option: str) -> Iterator[Note]:
    """Yield every plug-in of a registry with its parameters, for the end of a command's help.

    Parameters
    ----------
    registry : Registry
    option : str
        That takes it, such as ``"--filter"``.
    """
    for name in registry.names():
        cls = registry.get(name)
        rows = []
        for key, field in cls.model_fields.items():
            default = text_of(field.get_default(call_default_factory=True, validated_data={}))
            rows.append((key, f"{describe(cls, key)} [default: {default}]"))
        yield f"{option} {name}  ({registry.summary(name)})", rows or [("-", "No parameters.")]
