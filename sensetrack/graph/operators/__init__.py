"""The operators that graphs may use: families of them, one file each, found when they are asked for."""

from __future__ import annotations

import importlib
import inspect
from functools import cache
from types import ModuleType

from sensetrack.errors import GraphError, did_you_mean
from sensetrack.graph.operators._base import Operator
from sensetrack.registry import Catalogue


@cache
def operators() -> dict[str, type[Operator]]:
    """Return all operators by their name in graphs.

    Other distributions add theirs with entry points of the group ``sensetrack.graph.operators``, which name a module or
    a class.
    """
    found: dict[str, type[Operator]] = {}
    catalogue = Catalogue(__name__)
    for name in catalogue.names():
        if catalogue.is_foreign(name):
            loaded = catalogue.load_foreign(name)
            members = list(vars(loaded).values()) if isinstance(loaded, ModuleType) else [loaded]
        else:
            module = importlib.import_module(catalogue.module_of(name))
            members = [each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__]
        for member in members:
            if inspect.isclass(member) and issubclass(member, Operator) and member.alias:
                found[member.alias] = member
    return dict(sorted(found.items()))


def operator(name: str) -> type[Operator]:
    """Return the operator of a name, in any spelling that graphs use.

    Raises
    ------
    GraphError
        There is none; the nearest known one is named.
    """
    known = operators()
    if name in known:
        return known[name]
    for each in known.values():
        if name in each.also:
            return each
    raise GraphError(f"no operator '{name}'{did_you_mean(name, known)}")
