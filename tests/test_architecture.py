"""The rules of the house that no linter knows. The layers of imports are checked by import-linter (`make lint`)."""

from __future__ import annotations

import ast
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted([*(ROOT / "sensetrack").rglob("*.py"), *(ROOT / "cli").glob("*.py"), *(ROOT / "graphs").glob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("*.py"))
LONGEST = 350
Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
HEAVY = ("torch", "cv2", "dask", "distributed", "numba", "matplotlib", "xarray", "skimage", "pyarrow", "lxml", "h5py")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules_of(tree: ast.Module) -> Iterator[str]:
    """All modules that a file names in an import, wherever it stands; relative ones without their dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def public_definitions(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, Documented]]:
    """All public functions, classes and methods, by name; those that a decorator documents elsewhere are left out."""
    for node in tree.body:
        if isinstance(node, Documented) and not node.name.startswith("_") and not is_exempt(node):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node, f"{prefix}{node.name}.")


def is_exempt(node: Documented) -> bool:
    """Overloads, and stubs of protocols whose body is an ellipsis."""
    last = node.body[-1]
    stub = isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant) and last.value.value is Ellipsis
    return stub or any("overload" in ast.unparse(item) for item in node.decorator_list)


def test_every_package_is_in_the_distribution() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    in_tree = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "sensetrack").rglob("__init__.py")}
    assert sorted(settings["packages"]) == sorted(in_tree | {"sensetrack.cli", "sensetrack.graphs"})


def test_files_stay_short() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in [*SOURCES, *TESTS]}
    too_long = {name: length for name, length in lengths.items() if length > LONGEST}
    assert not too_long, "they are telling you about missing rooms"


def test_public_names_are_documented() -> None:
    bare = []
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        definitions = [("", tree), *public_definitions(tree)]
        bare += [f"{name_of(path)} {name}" for name, node in definitions if not ast.get_docstring(node)]
    assert bare == []


def test_nobody_imports_what_is_mapped_from_elsewhere() -> None:
    """`sensetrack.cli` and `sensetrack.graphs` lie in folders of other names, which type checkers do not follow."""
    mapped = ("sensetrack.cli", "sensetrack.graphs")
    trees = {name_of(path): ast.parse(path.read_text()) for path in [*SOURCES, *TESTS]}
    found = {name for name, tree in trees.items() if any(module.startswith(mapped) for module in modules_of(tree))}
    assert not found, "import siblings relatively, or load the module with importlib"


def test_rasters_are_opened_for_reading_in_one_room() -> None:
    """GDAL's cache, its errors and its masks are tamed in `sensetrack.raster`; elsewhere an open would leak them."""
    found = []
    for path in (path for path in SOURCES if path.parent.name != "raster"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        opens = [ast.unparse(call) for call in calls if ast.unparse(call.func) == "rasterio.open"]
        found += [f"{name_of(path)}: {call}" for call in opens if "'w'" not in call]
    assert found == []


def test_nothing_is_left_over() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error", "pragma: no " + "cover")
    found = []
    for path in [*SOURCES, *TESTS]:
        with path.open("rb") as file:
            words = [token.string for token in tokenize.tokenize(file.readline)]
        found += [f"{name_of(path)}: {mark}" for mark in marks if any(mark in word for word in words)]
        comments = [word for word in words if word.startswith("#") and "type: ignore" in word]
        found += [f"{name_of(path)}: {comment}" for comment in comments if "ignore[" not in comment]
    assert found == []


MAIN = "from importlib import import_module; main = import_module('sensetrack.cli.main').main"
HELP = f"{MAIN}; import sys; sys.argv = ['sensetrack', '--help']\ntry:\n    main()\nexcept SystemExit: pass"


@pytest.mark.parametrize("code", ["import sensetrack", MAIN, HELP])
def test_imports_are_light(code: str) -> None:
    assert heavy_modules(code) == []


def heavy_modules(code: str) -> list[str]:
    """Which heavy modules a fresh interpreter has loaded after some code."""
    report = f"import sys; print('heavy:', *sorted(set({HEAVY!r}) & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    return run.stdout.rpartition("heavy:")[2].split()


def test_the_public_names_exist() -> None:
    import sensetrack

    assert [name for name in sensetrack.__all__ if getattr(sensetrack, name, None) is None] == []
    assert set(dir(sensetrack)) == set(sensetrack.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(sensetrack, "nothing")  # noqa: B009
