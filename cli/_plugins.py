"""The commands that list what is installed."""

from __future__ import annotations

import json

import click

from sensetrack.registry import Catalogue

from ._command import Command, Option
from ._console import say, say_rows


def listing_command(kind: str, package: str, usage: str) -> click.Command:
    """Return the command that lists the plug-ins of a package.

    Parameters
    ----------
    kind : str
        What they are, such as ``"trackers"``; the name of the command.
    package : str
        Such as ``"sensetrack.trackers"``.
    usage : str
        How one of them is used.
    """

    def run(as_json: bool) -> None:
        catalogue = Catalogue(package)
        found = [(name, catalogue.summary(name)) for name in catalogue.names()]
        if as_json:
            click.echo(json.dumps([{"name": name, "summary": summary} for name, summary in found], indent=2))
            return
        say_rows(found, indent=0)
        say()
        say(usage)

    return Command(
        kind,
        callback=run,
        params=[Option(["--json", "as_json"], is_flag=True, section="Output", help="Print JSON.")],
        short_help=f"List the {kind} that are installed",
        help=f"List the {kind} that are installed, one line each.",
        example=f"sensetrack {kind}",
    )
