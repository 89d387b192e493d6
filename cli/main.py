"""The group of all commands: finds them by file name, loads one only when it is asked for."""

from __future__ import annotations

import importlib
import signal
from typing import Any, NoReturn

import click

from sensetrack import __version__
from sensetrack.errors import did_you_mean
from sensetrack.registry import Catalogue

from ._errors import reported

EPILOG = """\b
Start here:
  sensetrack demo                                  a synthetic glacier, measured and judged
  sensetrack pcc EARLIER.tif LATER.tif -o D.tif    displacements of your own pair
  sensetrack COMMAND --help                        every option, with an example
"""


class Commands(click.Group):
    """Commands from the files beside this one, and one from every registered tracker."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.own = Catalogue("sensetrack.cli")
        self.trackers = Catalogue("sensetrack.trackers")

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, without importing any."""
        return [*self._own_names(), *self._tracker_names()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command, or generate it from a tracker's parameters."""
        if cmd_name in self._own_names():
            if self.own.is_foreign(cmd_name):
                found = self.own.load_foreign(cmd_name)
            else:
                found = importlib.import_module(self.own.module_of(cmd_name)).command
            if not isinstance(found, click.Command):
                raise click.UsageError(f"the entry point of command '{cmd_name}' is not a click command", ctx)
            return found
        if cmd_name in self._tracker_names():
            from ._track import tracker_command

            return tracker_command(cmd_name)
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the first argument, or name the nearest one."""
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx):
            raise click.UsageError(f"no command '{name}'{did_you_mean(name, self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and their summaries, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.own.summary(name)) for name in self._own_names()])
        if self._tracker_names():
            with formatter.section("Trackers (sensetrack TRACKER REFERENCE SECONDARY -o OUT)"):
                formatter.write_dl([(name, self.trackers.summary(name)) for name in self._tracker_names()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what goes wrong becomes one line and an exit status."""
        with reported(ctx):
            return super().invoke(ctx)

    def _own_names(self) -> list[str]:
        return [name for name in self.own.names() if name != "main"]

    def _tracker_names(self) -> list[str]:
        return [name for name in self.trackers.names() if name not in self._own_names()]


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EPILOG,
)
@click.version_option(__version__, prog_name="sensetrack", message="%(prog)s %(version)s")
def cli() -> None:
    """How the ground moves, from pairs of satellite images.

    Every stage reads and writes ordinary files: a tracker measures displacements, `filter` flags the outliers,
    `velocity` turns pixels into metres per year with errors, `plot`, `explain` and `report` show what came out.
    """


def main() -> None:
    """Run the command line; the entry point of the ``sensetrack`` script.

    A polite request to end, as job schedulers send it, is taken as an interrupt, so that it too leaves nothing behind.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    cli(prog_name="sensetrack")


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
