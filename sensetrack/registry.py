"""Finds plug-ins: modules or sub-packages of a package of ours, or entry points of other distributions.

Names and summaries come from file names and the first docstring line, without importing the modules or even their
package, so that ``sensetrack --help`` stays fast; a plug-in's code is imported when it is asked for.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar

from sensetrack.errors import ParameterError, did_you_mean

T = TypeVar("T")


class Catalogue:
    """The names and summaries of the plug-ins of one kind, found without importing any.

    Parameters
    ----------
    package : str
        Package whose public modules and sub-packages are plug-ins, and name of the entry-point group, such as
        ``"sensetrack.trackers"``.
    """

    def __init__(self, package: str) -> None:
        self.package = package

    @cached_property
    def _sources(self) -> dict[str, Path]:
        spec = find_spec(self.package)
        folders = spec.submodule_search_locations if spec is not None else None
        named: dict[str, Path] = {}
        for folder in folders or ():
            named |= {path.stem: path for path in Path(folder).glob("*.py")}
            named |= {path.parent.name: path for path in Path(folder).glob("*/__init__.py")}
        return {name.replace("_", "-"): named[name] for name in sorted(named) if not name.startswith("_")}

    @cached_property
    def _foreign(self) -> dict[str, EntryPoint]:
        points = entry_points(group=self.package)
        return {point.name: point for point in points if point.name not in self._sources}

    def names(self) -> list[str]:
        """Return the names of all plug-ins, ours first."""
        return [*self._sources, *sorted(self._foreign)]

    def is_foreign(self, name: str) -> bool:
        """Whether another distribution brings it."""
        return name in self._foreign

    def load_foreign(self, name: str) -> Any:
        """Return what the entry point of another distribution names.

        Raises
        ------
        ParameterError
            It cannot be imported.
        """
        point = self._foreign[name]
        try:
            return point.load()
        except Exception as error:  # whatever a module of somebody else raises while it is imported
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise ParameterError(f"'{name}' of {point.value} cannot be loaded ({reason})") from error

    def summary(self, name: str) -> str:
        """Return one line on a plug-in, without importing it."""
        if self.is_foreign(name):
            point = self._foreign[name]
            return f"(from {point.dist.name if point.dist else point.value})"
        return summary_of(self._sources[name].read_text(encoding="utf-8"))

    def module_of(self, name: str) -> str:
        """Return the dotted name of the module of one of our own plug-ins."""
        path = self._sources[name]
        return f"{self.package}.{path.parent.name if path.name == '__init__.py' else path.stem}"


class Registry(Catalogue, Generic[T]):
    """The plug-ins of one kind, with their classes.

    Parameters
    ----------
    package : str
        As in `Catalogue`.
    base : type
        Each module, or the ``__init__`` of a sub-package, defines exactly one concrete subclass of it.
    kind : str
        What to call one in messages, such as ``"tracker"``.
    """

    def __init__(self, package: str, base: type[T], kind: str) -> None:
        super().__init__(package)
        self.base = base
        self.kind = kind

    def get(self, name: str) -> type[T]:
        """Return the class registered under ``name``.

        Raises
        ------
        ParameterError
            There is none of that name (the nearest known one is offered), or another distribution's cannot be
            loaded.
        """
        if self.is_foreign(name):
            loaded = self.load_foreign(name)
            if not (inspect.isclass(loaded) and issubclass(loaded, self.base)):
                raise ParameterError(f"{self.kind} '{name}': its entry point is no {self.base.__name__} class")
            return loaded
        if name not in self._sources:
            raise ParameterError(f"no {self.kind} '{name}'{did_you_mean(name, self.names())}")
        module = importlib.import_module(self.module_of(name))
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
        for name in self._sources:
            if cls.__module__ == self.module_of(name):
                return name
        for name, point in self._foreign.items():
            if point.value == f"{cls.__module__}:{cls.__qualname__}":
                return name
        return cls.__name__.lower()


def summary_of(source: str) -> str:
    """Return the first docstring line of Python source text, without its final full stop."""
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return docstring.partition("\n")[0].removesuffix(".")
