"""Trackers: one file per algorithm, found by the registry."""

from sensetrack.registry import Registry
from sensetrack.trackers._base import Tracker
from sensetrack.trackers._prior import Prior

registry: Registry[Tracker] = Registry("sensetrack.trackers", Tracker, "tracker")  # type: ignore[type-abstract]

__all__ = ["Prior", "Tracker", "registry"]
