"""What every operator of a graph is: checked parameters, named sources, and what it does to scenes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from sensetrack.engine import Engine
from sensetrack.errors import GraphError
from sensetrack.graph.scene import Scene
from sensetrack.params import Params
from sensetrack.types import Progress


def _listed(value: Any) -> Any:
    """Split text at commas, as graphs write lists."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""A list of names, written with commas in a graph."""

Numbers = Annotated[tuple[int, ...], BeforeValidator(_listed)]
"""A list of whole numbers, written with commas in a graph."""


@dataclass(frozen=True)
class Slot:
    """A place of an operator that takes a scene.

    Attributes
    ----------
    name : str
        Of the element in ``<sources>``.
    aliases : tuple of str
        Other names that graphs use.
    many : bool
        Whether it takes any number: ``sourceProduct``, ``sourceProduct.1``, ``sourceProducts`` ...
    optional : bool
    """

    name: str
    aliases: tuple[str, ...] = ()
    many: bool = False
    optional: bool = False


ONE = (Slot("sourceProduct", ("source",)),)
"""What most operators take."""

MANY = (Slot("sourceProducts", ("sourceProduct", "source"), many=True),)
"""What operators take that put scenes together."""


@dataclass(frozen=True, eq=False)
class Sources:
    """The scenes that a node gets.

    Attributes
    ----------
    named : mapping of str to Scene
        By what the graph calls them inside the node (``sourceProduct``, ``sourceProduct.1``), in its order.
    nodes : mapping of str to str
        The node that each comes from.
    """

    named: Mapping[str, Scene]
    nodes: Mapping[str, str] = field(default_factory=dict)

    @property
    def one(self) -> Scene:
        """The first."""
        return next(iter(self.named.values()))

    def __iter__(self) -> Iterator[Scene]:
        return iter(self.named.values())

    def __len__(self) -> int:
        return len(self.named)


@dataclass(frozen=True, eq=False)
class Context:
    """What an operator may use beside its parameters.

    Attributes
    ----------
    node : str
        The node it runs for.
    folder : Path
        What file names in a graph are relative to.
    orbits : Path or None
        Folder, or file, with orbit files that are there already.
    geoid : Path or None
        Raster with the heights of the geoid above the ellipsoid, in place of one that is looked for.
    download : bool
        Whether orbit files and elevation models may be downloaded.
    engine : Engine or None
        For what writes; None: in this thread.
    progress : callable or None
        For what writes.
    overwrite : bool
        Whether outputs may be replaced.
    """

    node: str = ""
    folder: Path = Path()
    orbits: Path | None = None
    geoid: Path | None = None
    download: bool = False
    engine: Engine | None = None
    progress: Progress | None = None
    overwrite: bool = False

    def path(self, name: str) -> Path:
        """Return a file that a parameter names."""
        return self.folder / Path(name).expanduser()

    def place(self, name: str) -> str:
        """Return what a parameter names to read: a file, or a URL or GDAL path as it is."""
        return name if "://" in name or name.startswith("/vsi") else str(self.path(name))


class Operator(Params):
    """An operator of a graph: its fields are its parameters, spelled and with defaults as SNAP declares them.

    A subclass that overrides `apply` runs without SNAP.
    """

    alias: ClassVar[str] = ""
    """Name in graphs; a class without one is a base of others."""
    also: ClassVar[tuple[str, ...]] = ()
    """Other names that graphs use."""
    slots: ClassVar[tuple[Slot, ...]] = ONE
    suffix: ClassVar[str] = ""
    """What it adds to the name of a scene."""
    since: ClassVar[Mapping[str, int]] = {}
    """Parameters that older versions of SNAP do not know, and the version that brought them."""
    renamed: ClassVar[Mapping[str, str]] = {}
    """Other spellings of parameters that graphs use, such as those of older versions, and ours."""
    ours: ClassVar[frozenset[str]] = frozenset()
    """Parameters that SNAP does not know in any version."""
    any_parameter: ClassVar[bool] = False
    """Whether it takes parameters that are not listed here, since not all of them are known."""

    @classmethod
    def is_native(cls) -> bool:
        """Whether it runs without SNAP."""
        return cls.apply is not Operator.apply

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Return what the operator makes of its sources; nothing is computed before the result is read.

        Raises
        ------
        GraphError
            It cannot be applied to these sources; or only SNAP can run it.
        """
        raise GraphError(
            f"{self.alias} runs in SNAP only: install SNAP and use --engine gpt, or take it out of the graph"
        )
