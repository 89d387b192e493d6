"""Finds plug-ins: one module per plug-in in a package of ours, or an entry point of another distribution.

Names and summaries come from file names and the first docstring line, without importing the modules, so that
``sensetrack --help`` stays fast; a plug-in's code is imported when it is asked for.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from typing import Generic, TypeVar

from sensetrack.errors import ParameterError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """The plug-ins of one kind.

    Parameters
    ----------
    package : str
        Package whose public modules are plug-ins, and name of the entry-point group, such as
        ``"sensetrack.trackers"``.
    base : type
        Each module defines exactly one concrete subclass of it.
    kind : str
        What to call one in messages, such as ``"tracker"``.
    """

    def __init__(self, package: str, base: type[T], kind: str) -> None:
        self.package = package
        self.base = base
        self.kind = kind

    @cached_property
    def _modules(self) -> dict[str, str]:
        found = (entry.name for entry in files(self.package).iterdir())
        stems = (name.removesuffix(".py") for name in found if name.endswith(".py") and not name.startswith("_"))
        return {stem.replace("_", "-"): f"{self.package}.{stem}" for stem in sorted(stems)}

    @cached_property
    def _foreign(self) -> dict[str, EntryPoint]:
        points = entry_points(group=self.package)
        return {point.name: point for point in points if point.name not in self._modules}

    def names(self) -> list[str]:
        """Return the names of all plug-ins, ours first."""
        return [*self._modules, *sorted(self._foreign)]

    def summary(self, name: str) -> str:
        """Return one line on a plug-in, without importing it."""
        if name in self._foreign:
            point = self._foreign[name]
            return f"(from {point.dist.name if point.dist else point.value})"
        stem = self._modules[name].rpartition(".")[2]
        source = files(self.package).joinpath(f"{stem}.py").read_text(encoding="utf-8")
        return summary_of(source)

    def get(self, name: str) -> type[T]:
        """Return the class registered under ``name``.

        Raises
        ------
        ParameterError
            There is none of that name; the nearest known one is offered.
        """
        if name in self._foreign:
            loaded = self._foreign[name].load()
            if not (inspect.isclass(loaded) and issubclass(loaded, self.base)):
                raise ParameterError(f"{self.kind} '{name}': its entry point is not a {self.base.__name__} class")
            return loaded
        if name not in self._modules:
            raise ParameterError(f"no {self.kind} '{name}'{did_you_mean(name, self.names())}")
        module = importlib.import_module(self._modules[name])
        own = [
            member
            for member in vars(module).values()
            if inspect.isclass(member)
            and issubclass(member, self.base)
            and not inspect.isabstract(member)
            and member.__module__ == module.__name__
        ]
        if len(own) != 1:
            raise ParameterError(f"{module.__name__} must define exactly one {self.kind}, it has {len(own)}")
        return own[0]

    def name_of(self, cls: type[T]) -> str:
        """Return the name under which a class is registered."""
        for name, module in self._modules.items():
            if cls.__module__ == module:
                return name
        for name, point in self._foreign.items():
            if point.value == f"{cls.__module__}:{cls.__qualname__}":
                return name
        return cls.__name__.lower()


def summary_of(source: str) -> str:
    """Return the first docstring line of Python source text, without its final full stop."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return docstring.partition("\n")[0].removesuffix(".")
