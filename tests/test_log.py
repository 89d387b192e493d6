"""The loggers hang below the package's own, and the command line's flags choose their level."""

from __future__ import annotations

import logging

import pytest

from sensetrack.log import logger, verbosity_level


def test_loggers_hang_below_the_package() -> None:
    assert logger("sensetrack.stream").name == "sensetrack.stream"
    assert logger("plugin").name == "sensetrack.plugin"


@pytest.mark.parametrize(
    ("verbose", "quiet", "level"),
    [
        (0, False, logging.WARNING),
        (1, False, logging.INFO),
        (2, False, logging.DEBUG),
        (5, False, logging.DEBUG),
        (3, True, logging.ERROR),
    ],
)
def test_flags_choose_the_level(verbose: int, quiet: bool, level: int) -> None:
    assert verbosity_level(verbose, quiet) == level
