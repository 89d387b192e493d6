"""Parameters that ask for what scenes here do not have."""

from __future__ import annotations

from sensetrack.graph.operators._base import Context, Operator
from sensetrack.log import logger

_log = logger(__name__)

_NOT_HERE = ("sourceMasks", "tiePointGrids")


def say_ignored(operator: Operator, context: Context) -> None:
    """Warn of masks and grids of tie points that an operator is asked for: scenes have bands only."""
    for name in _NOT_HERE:
        if getattr(operator, name, ()):
            _log.warning("node '%s': %s is passed over; scenes have bands only here", context.node, name)
