"""What ends up in the wheel and in the source distribution."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOT_SOURCE = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "build", "dist", "site", "demo-out", "out", "*.partial*"
)
PACKAGES = {"sensetrack": "sensetrack", "cli": "sensetrack/cli", "graphs": "sensetrack/graphs"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both from a copy, with the setuptools that is installed, so that no network is needed."""
    source = tmp_path_factory.mktemp("build") / "sensetrack"
    shutil.copytree(ROOT, source, ignore=NOT_SOURCE)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(source / "dist"), str(source)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return source / "dist"


def files_of_packages() -> set[str]:
    """Every file of the packages, under the name that it has once installed."""
    found = set()
    for folder, target in PACKAGES.items():
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found.add(f"{target}/{path.relative_to(ROOT / folder).as_posix()}")
    return found


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        info = {name.rpartition(".dist-info/")[2]: name for name in wheel.namelist() if ".dist-info/" in name}
        entry_points = wheel.read(info["entry_points.txt"]).decode()
        metadata = wheel.read(info["METADATA"]).decode()
    assert names == files_of_packages()
    assert "sensetrack = sensetrack.cli.main:main" in entry_points
    assert "licenses/LICENSE" in info
    assert "License-Expression: Apache-2.0" in metadata


def test_the_source_distribution_can_be_tested(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = ["Makefile", "mkdocs.yml", "CHANGELOG.md", "CITATION.cff", "tests/conftest.py", "docs/index.md"]
    assert [name for name in wanted if name not in names] == []
    assert any(name.startswith("examples/") for name in names)


def test_one_version() -> None:
    import sensetrack

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert settings["version"] == sensetrack.__version__
    assert f"version: {sensetrack.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## [{sensetrack.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_import_is_a_dependency() -> None:
    """The base install holds what the base imports: checked on the names that pyproject.toml asks for."""
    import ast

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    other_names = {"opencv-python-headless": "cv2", "scikit-image": "skimage", "pyyaml": "yaml", "pillow": "PIL"}
    optional = {"torch", "distributed", "dask", "openpiv", "sentinelsat", "zarr", "av", "fsspec"}
    asked = {entry.partition(">")[0].lower() for entry in settings["dependencies"]}
    allowed = {other_names.get(name, name) for name in asked} | optional | set(sys.stdlib_module_names)
    allowed |= {"sensetrack", "pydantic_core"}
    imported: dict[str, str] = {}
    for folder in PACKAGES:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0]: path.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                    imported[node.module.partition(".")[0]] = path.name
    assert {name: where for name, where in imported.items() if name not in allowed} == {}
