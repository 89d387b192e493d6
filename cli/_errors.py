"""What goes wrong becomes one line on stderr and an exit status."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from sensetrack.errors import ParameterError, SensetrackError

WRONG_USE = 2
FAILED = 1
INTERRUPTED = 130

VERBOSE = "sensetrack.verbose"
"""Key of the context's metadata under which a command keeps how often ``-v`` was given."""


@contextmanager
def reported(ctx: click.Context) -> Iterator[None]:
    """Turn exceptions into one line and an exit status: 2 wrong use, 130 interrupted, 1 anything else.

    click's own usage errors pass through, and so does a broken pipe, about which click is quiet.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit):
        raise
    except (KeyboardInterrupt, click.Abort) as error:
        line = str(error) or "Interrupted; no half-written file is left."
        raise _stopped(ctx, error, line, INTERRUPTED) from None
    except ParameterError as error:
        raise _stopped(ctx, error, f"Error: {error}", WRONG_USE) from None
    except SensetrackError as error:
        raise _stopped(ctx, error, f"Error: {error}", FAILED) from None
    except MemoryError as error:
        line = "Error: the memory is full; use fewer --workers, a smaller --block or .tif output, which is streamed"
        raise _stopped(ctx, error, line, FAILED) from None
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise _stopped(ctx, error, f"Error: {error}", FAILED) from None
    except Exception as error:
        line = f"Error: unexpected {type(error).__name__}: {error}; -v shows where"
        raise _stopped(ctx, error, line, FAILED) from None


def _stopped(ctx: click.Context, error: BaseException, line: str, status: int) -> click.exceptions.Exit:
    """Print the line, with the traceback before it under ``-v``, and return what ends the program."""
    if ctx.meta.get(VERBOSE, 0) and status != INTERRUPTED:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    click.echo(" ".join(line.split()), err=True)
    return click.exceptions.Exit(status)
