"""The registry finds plug-ins by their files and entry points, and loads what is asked for."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sensetrack import registry as module
from sensetrack.errors import ParameterError
from sensetrack.registry import Registry, summary_of


class Animal(ABC):
    """Base of the plug-ins in these tests."""

    @abstractmethod
    def sound(self) -> str:
        """Make it."""


class Parrot(Animal):
    """A plug-in of another distribution."""

    def sound(self) -> str:
        """Make it."""
        return "hello"


HEADER = "from abc import ABC\nfrom test_registry_base import Animal\n"


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, str]], Registry[Animal]]]:
    """Make a package of plug-ins from file names and texts."""
    package = f"zoo_{tmp_path.name}".replace("-", "_")

    def make(files: dict[str, str]) -> Registry[Animal]:
        folder = tmp_path / package
        folder.mkdir()
        for name, text in {"__init__.py": "", **files}.items():
            (folder / name).write_text(text, encoding="utf-8")
        return Registry(package, Animal, "animal")  # type: ignore[type-abstract]

    base = type(sys)("test_registry_base")
    base.Animal = Animal  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "test_registry_base", base)
    monkeypatch.syspath_prepend(tmp_path)
    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


def entry_points(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    monkeypatch.setattr(
        module, "entry_points", lambda group: [EntryPoint(name, value, group) for name, value in values.items()]
    )


DOG = f'"""Barks.\n\nMore on it.\n"""\n{HEADER}\nclass Dog(Animal):\n    def sound(self): return "wuff"\n'


def test_files_are_plug_ins(zoo: Callable[[dict[str, str]], Registry[Animal]]) -> None:
    animals = zoo({"dog.py": DOG, "red_fox.py": '"""Red."""', "_base.py": "", "notes.txt": ""})
    assert animals.names() == ["dog", "red-fox"]
    assert animals.summary("dog") == "Barks"
    assert not any(name.endswith(".dog") for name in sys.modules)
    dog = animals.get("dog")
    assert dog().sound() == "wuff"
    assert animals.name_of(dog) == "dog"


def test_an_unknown_name_offers_the_nearest(zoo: Callable[[dict[str, str]], Registry[Animal]]) -> None:
    animals = zoo({"dog.py": DOG, "red_fox.py": ""})
    with pytest.raises(ParameterError, match=r"^no animal 'dgo'; did you mean 'dog'\?$"):
        animals.get("dgo")
    with pytest.raises(ParameterError, match=r"^no animal 'x'; known: dog, red-fox$"):
        animals.get("x")


@pytest.mark.parametrize(("text", "count"), [("", 0), (DOG + DOG.replace("Dog", "Cat").partition("Animal\n")[2], 2)])
def test_a_module_defines_exactly_one(zoo: Callable[[dict[str, str]], Registry[Animal]], text: str, count: int) -> None:
    animals = zoo({"dog.py": text})
    with pytest.raises(ParameterError, match=f"dog must define exactly one animal, it has {count}"):
        animals.get("dog")


def test_other_distributions_add_theirs_but_replace_none(
    zoo: Callable[[dict[str, str]], Registry[Animal]], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry_points(monkeypatch, parrot=f"{__name__}:Parrot", dog=f"{__name__}:Parrot")
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or type(sys)(__name__))
    monkeypatch.setattr(sys.modules[__name__], "Parrot", Parrot, raising=False)
    animals = zoo({"dog.py": DOG})
    assert animals.names() == ["dog", "parrot"]
    assert animals.get("parrot") is Parrot
    assert animals.name_of(Parrot) == "parrot"
    assert animals.get("dog").__name__ == "Dog"
    assert "from" in animals.summary("parrot")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("absent_distribution.animals:Parrot", "'parrot' of absent_distribution.animals:Parrot cannot be loaded"),
        ("pathlib:Path", "animal 'parrot': its entry point is no Animal class"),
        ("math:pi", "animal 'parrot': its entry point is no Animal class"),
    ],
)
def test_a_broken_entry_point_is_one_line(
    zoo: Callable[[dict[str, str]], Registry[Animal]], monkeypatch: pytest.MonkeyPatch, value: str, says: str
) -> None:
    entry_points(monkeypatch, parrot=value)
    with pytest.raises(ParameterError) as error:
        zoo({}).get("parrot")
    assert str(error.value).startswith(says)
    assert "\n" not in str(error.value)


def test_every_registered_plug_in_loads_under_its_name() -> None:
    from sensetrack.filters import registry as filters
    from sensetrack.preprocess import registry as image_filters
    from sensetrack.trackers import registry as trackers

    for plug_ins in (trackers, filters, image_filters):
        assert plug_ins.names()
        for name in plug_ins.names():
            assert plug_ins.name_of(plug_ins.get(name)) == name
            assert plug_ins.summary(name)


def test_the_summary_is_the_first_line() -> None:
    assert summary_of('"""Phase correlation.\n\nLong text."""') == "Phase correlation"
    assert summary_of("x = 1") == ""
