"""The command, option and argument classes of every command: sections in the help, -v and -q, --dump-params."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any, TypeVar

import click

from sensetrack.log import verbosity_level

from ._errors import VERBOSE

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

QUIET = "sensetrack.quiet"
"""Key of the context's metadata under which ``-q`` is kept."""

Note = tuple[str, list[tuple[str, str]]]
"""A section of the help: its heading, and names with what they mean."""

DUMPING = "sensetrack.dump"
"""Key of the context's metadata: the format in which parameters are printed instead of being used, or None."""


class _Required(click.Parameter):
    """A parameter that may be left out while parameters are only printed."""

    def handle_parse_result(
        self, ctx: click.Context, opts: Mapping[str, Any], args: list[str]
    ) -> tuple[Any, list[str]]:
        """Take the value, as click does."""
        try:
            return super().handle_parse_result(ctx, opts, args)
        except click.MissingParameter:
            if not ctx.meta.get(DUMPING):
                raise
            if self.name is not None and self.expose_value:
                ctx.params[self.name] = None
            return None, args


class Option(_Required, click.Option):
    """An option that knows under which heading of the help it belongs."""

    def __init__(self, *args: Any, section: str = "Options", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.section = section


class Argument(_Required, click.Argument):
    """A positional argument with a line in the help."""

    def __init__(self, *args: Any, help: str = "", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.help = help

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Return the name and what it is."""
        return self.make_metavar(ctx), self.help or ""


class Command(click.Command):
    """A command with ``-v`` and ``-q`` whose help groups the options under headings.

    Parameters
    ----------
    example : str
        Command lines that end the help.
    notes : callable, optional
        Returns more sections of the help: a heading, and names with what they mean.
    """

    def __init__(
        self, *args: Any, example: str = "", notes: Callable[[], Iterable[Note]] = tuple, **attributes: Any
    ) -> None:
        if example:
            attributes["epilog"] = _epilog(example)
        attributes["params"] = [*(attributes.get("params") or []), *_verbosity()]
        super().__init__(*args, **attributes)
        self.notes = notes

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write nothing: `format_options` writes the arguments, in every version of click."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, then the options section by section, the general ones last."""
        rows = [item.get_help_record(ctx) for item in self.params if isinstance(item, Argument)]
        if rows:
            with formatter.section("Arguments"):
                formatter.write_dl(rows)
        options = [item for item in self.get_params(ctx) if isinstance(item, click.Option)]
        general = "General"
        first = {heading_of(item): number for number, item in reversed(list(enumerate(options)))}
        ordered = sorted(options, key=lambda item: (heading_of(item) == general, first[heading_of(item)]))
        for section, members in groupby(ordered, key=heading_of):
            records = [record for record in (item.get_help_record(ctx) for item in members) if record]
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)
        for heading, lines in self.notes():
            with formatter.section(heading):
                formatter.write_dl(lines)

    def invoke(self, ctx: click.Context) -> Any:
        """Set up logging as ``-v`` and ``-q`` ask, and run."""
        _show_log(verbosity_level(ctx.meta.get(VERBOSE, 0), bool(ctx.meta.get(QUIET))))
        return super().invoke(ctx)


def heading_of(option: click.Option) -> str:
    """Return the heading under which an option is shown."""
    return option.section if isinstance(option, Option) else "General"


def option(*names: str, section: str = "Options", **attributes: Any) -> Callable[[Decorated], Decorated]:
    """Declare an option under a heading."""
    return click.option(*names, cls=Option, section=section, **attributes)


def argument(*names: str, help: str, **attributes: Any) -> Callable[[Decorated], Decorated]:
    """Declare a positional argument with a line in the help."""
    return click.argument(*names, cls=Argument, help=help, **attributes)


def command(name: str, *, example: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command; its docstring is its help, ``example`` ends it."""
    return click.command(name, cls=Command, example=example, **attributes)


def group(name: str, *, example: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Group]:
    """Declare a group of commands, which `subcommand` adds to; its docstring is its help, ``example`` ends it."""
    return click.group(name, epilog=_epilog(example), **attributes)


def subcommand(
    parent: click.Group, name: str, *, example: str, **attributes: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command of a group, as `command` does."""
    return parent.command(name, cls=Command, example=example, **attributes)


def is_quiet() -> bool:
    """Whether ``-q`` was given to the running command."""
    ctx = click.get_current_context(silent=True)
    return bool(ctx and ctx.meta.get(QUIET))


def _epilog(example: str) -> str:
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in example.splitlines())


def _verbosity() -> list[click.Option]:
    def keep(key: str) -> Callable[[click.Context, click.Parameter, Any], None]:
        return lambda ctx, _, value: ctx.meta.__setitem__(key, value)

    return [
        Option(
            ["-v", "--verbose"],
            count=True,
            expose_value=False,
            is_eager=True,
            callback=keep(VERBOSE),
            section="General",
            help="Say more; with an error, show where it arose. Twice for still more.",
        ),
        Option(
            ["-q", "--quiet"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=keep(QUIET),
            section="General",
            help="Say nothing but errors.",
        ),
    ]


class _Echo(logging.Handler):
    """Writes records to the stderr of the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


def _show_log(level: int) -> None:
    """Show our own log from ``level`` on, and of other libraries nothing: what fails there comes as an exception."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    handler = _Echo()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    package = logging.getLogger("sensetrack")
    package.handlers = [handler]
    package.setLevel(level)
