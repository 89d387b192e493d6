"""One logger for the package. The library only emits; the command line decides what is shown."""

from __future__ import annotations

import logging


def logger(name: str) -> logging.Logger:
    """Return the logger of a module, below the package's own."""
    return logging.getLogger(name if name.startswith("sensetrack") else f"sensetrack.{name}")


def verbosity_level(verbose: int, quiet: bool) -> int:
    """Return the logging level for ``-v`` (given ``verbose`` times) and ``-q``."""
    if quiet:
        return logging.ERROR
    return {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
