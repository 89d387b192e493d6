"""Filters: one file each, found by the registry. They flag; they never drop or alter."""

from sensetrack.filters._base import Filter, apply_all
from sensetrack.registry import Registry

registry: Registry[Filter] = Registry("sensetrack.filters", Filter, "filter")  # type: ignore[type-abstract]

__all__ = ["Filter", "apply_all", "registry"]
