"""esa-snappy is recognised without being imported, and used where it is configured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sensetrack.errors import MissingExtraError, OutputError, SnapError
from sensetrack.graph.snap import explain_exit, open_snappy, snappy_state
from sensetrack.raster.image import Image

MODULE = """
import os, pathlib, sys
sys.path.insert(0, {tests!r})
from products.fake_gpt import write_product
pathlib.Path({mark!r}).touch()
if os.environ.get("FAKE_SNAPPY") == "java":
    raise RuntimeError("jpy: failed to create Java VM")
if os.environ.get("FAKE_SNAPPY") == "exit":
    sys.exit(30)

class Product:
    def __init__(self, name, history=()): self.name, self.history = name, history
    def getName(self): return self.name
    def getBandNames(self): return ["band"]
    def getSceneRasterWidth(self): return 4
    def getSceneRasterHeight(self): return 3
    def dispose(self): self.name = ""

class HashMap:
    def __init__(self): self.values = {{}}
    def put(self, key, value): self.values[key] = value

class ProductIO:
    @staticmethod
    def readProduct(path):
        if path.endswith(".bad"): raise RuntimeError("java.io.IOException: No product reader found for file " + path)
        return None if path.endswith(".odd") else Product(pathlib.Path(path).stem)
    @staticmethod
    def writeProduct(product, path, format):
        if product.getName() == "heavy": raise RuntimeError("java.lang.OutOfMemoryError: Java heap space")
        write_product(pathlib.Path(path), format, [])

class GPF:
    @staticmethod
    def createProduct(operator, parameters, sources):
        if operator == "Nothing": raise RuntimeError("org.esa: SPI not found for operator 'Nothing'")
        given = sources.values if isinstance(sources, HashMap) else sources
        return Product(operator, (parameters.values, given))
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that looks like esa-snappy, installed but not configured."""
    folder = tmp_path / "site" / "esa_snappy"
    folder.mkdir(parents=True)
    tests = str(Path(__file__).resolve().parents[2])
    (folder / "__init__.py").write_text(MODULE.format(tests=tests, mark=str(tmp_path / "imported")))
    monkeypatch.syspath_prepend(str(folder.parent))
    before = list(sys.path)
    yield folder
    sys.path[:] = before
    sys.modules.pop("esa_snappy", None)


@pytest.fixture
def configured(package: Path, tmp_path: Path) -> Path:
    """The same, configured."""
    home = tmp_path / "snap"
    home.mkdir()
    (package / "jpyutil.py").touch()
    (package / "esa_snappy.ini").write_text(f"[DEFAULT]\nsnap_home = {home}\njava_max_mem: 3G\n# debug: False\n")
    return package


def test_it_is_not_installed() -> None:
    state = snappy_state()
    assert not state.installed and not state.configured and 'pip install "sensetrack[snap]"' in state.why
    with pytest.raises(MissingExtraError, match=r"sensetrack\[snap\]"):
        open_snappy()


def test_it_is_not_configured(package: Path, tmp_path: Path) -> None:
    state = snappy_state()
    assert state.installed and not state.configured and state.folder == package and state.snap_home is None
    assert f"run SNAP's bin/snappy-conf {sys.executable}" in state.why
    with pytest.raises(SnapError, match=r"not configured, its Java bridge is not unpacked; run SNAP's bin/snappy-conf"):
        open_snappy()
    assert not (tmp_path / "imported").exists()


def test_a_configuration(configured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = snappy_state()
    assert state.configured and state.snap_home == tmp_path / "snap" and state.max_memory == "3G" and not state.why
    assert state.ini == configured / "esa_snappy.ini"
    # One in the folder where it is started has the last word, as in the package.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "esa_snappy.ini").write_text("[DEFAULT]\njava_max_mem = 9G\n")
    assert snappy_state().max_memory == "9G" and snappy_state().snap_home == tmp_path / "snap"
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize(
    ("ini", "message"),
    [
        ("[DEFAULT]\n", "does not know where SNAP is"),
        ("[DEFAULT]\nsnap_home = /nowhere/snap\n", "looks for SNAP in /nowhere/snap, which does not exist"),
        ("snap_home = x\n", "cannot be read"),
        ("[DEFAULT]\nsnap_home = %x%\n", "looks for SNAP in %x%"),
    ],
)
def test_broken_configurations(configured: Path, ini: str, message: str) -> None:
    (configured / "esa_snappy.ini").write_text(ini)
    assert message in snappy_state().why and "\n" not in snappy_state().why
    with pytest.raises(SnapError, match="snappy-conf"):
        open_snappy()


@pytest.mark.parametrize(
    ("how", "message"),
    [("java", "failed to create Java VM"), ("exit", "SystemExit: it is configured but cannot be imported")],
)
def test_java_does_not_start(configured: Path, how: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_SNAPPY", how)
    with pytest.raises(SnapError, match=f"does not start .*{message}.*snappy-conf"):
        open_snappy()
    assert "esa_snappy" not in sys.modules


def test_read_run_and_write(configured: Path, out: Path) -> None:
    (out / "scene.zip").touch()
    snappy = open_snappy()
    scene = snappy.read(out / "scene.zip")
    assert scene.getName() == "scene"
    cut = snappy.run_operator("Subset", {"region": [0, 0, 9, 9], "copyMetadata": True, "x": None}, scene)
    assert cut.history == ({"region": "0,0,9,9", "copyMetadata": "true"}, scene)  # type: ignore[attr-defined]
    stack = snappy.run_operator("CreateStack", {}, {"a": scene, "b": cut})
    assert stack.history[1] == {"a": scene, "b": cut}  # type: ignore[attr-defined]
    written = snappy.write(cut, out / "cut", "GeoTIFF")
    assert written == out / "cut.tif" and np.array_equal(Image.open(written).read()[0].ravel(), np.arange(1, 13))
    with pytest.raises(OutputError, match="exists already"):
        snappy.write(cut, out / "cut", "GeoTIFF", overwrite=False)
    assert sorted(path.name for path in out.iterdir()) == ["cut.tif", "scene.zip"]


def test_what_goes_wrong_inside(
    configured: Path, out: Path, left_behind: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.bad", "a.odd", "heavy.zip"):
        (out / name).touch()
    snappy = open_snappy()
    with pytest.raises(SnapError, match="no such file"):
        snappy.read(out / "b.zip")
    with pytest.raises(SnapError, match=r"a\.bad: SNAP cannot read it: no reader knows"):
        snappy.read(out / "a.bad")
    with pytest.raises(SnapError, match="no reader of SNAP knows it"):
        snappy.read(out / "a.odd")
    product = snappy.read(out / "heavy.zip")
    with pytest.raises(SnapError, match="Nothing: SNAP cannot run it: it has no operator 'Nothing'"):
        snappy.run_operator("Nothing", {}, product)
    with pytest.raises(SnapError, match="the heap of Java is too small"):
        snappy.write(product, out / "c.tif")
    assert left_behind() == ["a.bad", "a.odd", "heavy.zip"]


def test_only_its_own_codes_are_explained() -> None:
    assert explain_exit(0) == "esa-snappy is configured"
    assert len({explain_exit(code) for code in (0, 10, 20, 30, 40, 50, 99)}) == 7
    assert "none of its own" in explain_exit(99)


def test_nothing_imports_it(configured: Path, tmp_path: Path) -> None:
    code = "import sensetrack.graph.snap as s; print(s.snappy_state().configured)"
    environment = {"PYTHONPATH": str(configured.parent), "HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert run.stdout.strip() == "True" and not (tmp_path / "imported").exists()
