"""What the documentation shows is true: its commands run, its links lead somewhere, its pages are in the menu."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml

from sensetrack.displacement import Field, Flag
from sensetrack.filters import Filter
from sensetrack.preprocess import ImageFilter
from sensetrack.scene import write_scene
from sensetrack.trackers import Tracker

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
PAGES += sorted((ROOT / "examples").rglob("*.md"))
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.py"))
TUTORIAL = DOCS / "tutorial.md"
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
TITLED = re.compile(r'^```python title="([^"]+)"\n(.*?)^```$', re.M | re.S)


@pytest.fixture(scope="module")
def console() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("docs_console", DOCS / "console.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def after_tutorial(console: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tutorial has been followed, on a smaller scene."""
    folder = tmp_path_factory.mktemp("tutorial")
    write_scene(folder / "demo-out", shape=(450, 550))
    console.run_page(TUTORIAL.read_text(), folder)
    return folder


def test_the_tutorial_runs(console: ModuleType, after_tutorial: Path) -> None:
    pictures = set(console.IMAGE.findall(TUTORIAL.read_text()))
    assert pictures and all((after_tutorial / name).stat().st_size > 10_000 for name in pictures)
    assert (after_tutorial / "velocity.nc").is_file()


@pytest.mark.parametrize("page", [page for page in PAGES if page != TUTORIAL], ids=lambda page: page.name)
def test_commands_run(page: Path, console: ModuleType, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    text = page.read_text()
    blocks = [block for block in console.blocks_of(text) if not block.mark]
    if page.name == "CONTRIBUTING.md" or not blocks:
        assert "```console\n$ sensetrack" not in text
        return
    folder = tmp_path / "page"
    shutil.copytree(request.getfixturevalue("after_tutorial"), folder)
    console.run_page(text, folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(page.read_text()):
        path, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = page.parent / path if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_the_menu_holds_every_page() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert settings["theme"]["font"] is False, "pages must not fetch fonts"

    def leaves(item: object) -> list[str]:
        if isinstance(item, str):
            return [item]
        parts = item.values() if isinstance(item, dict) else item
        return [leaf for part in parts for leaf in leaves(part)]  # type: ignore[attr-defined]

    pages = [page.name for page in DOCS.glob("*.md")] + [f"notebooks/{page.name}" for page in NOTEBOOKS]
    assert sorted(leaves(settings["nav"])) == sorted(pages)


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda notebook: notebook.stem)
def test_notebooks_run(notebook: Path) -> None:
    """As the build of the pages runs them."""
    jupytext, nbclient = pytest.importorskip("jupytext"), pytest.importorskip("nbclient")
    sheet = jupytext.read(notebook)
    nbclient.NotebookClient(sheet, timeout=600, resources={"metadata": {"path": notebook.parent}}).execute()
    shown = [output for cell in sheet.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert not any("complete: False" in output.get("text", "") for output in shown)


def test_every_monitoring_example_has_a_notebook() -> None:
    text = "".join(notebook.read_text() for notebook in NOTEBOOKS)
    examples = [path.parent.name for path in (ROOT / "examples").glob("*/project.yaml")] + ["stakes_validation"]
    assert [name for name in examples if f"`examples/{name}`" not in text] == []


def test_every_flag_is_explained() -> None:
    for page in (DOCS / "concepts.md", DOCS / "troubleshooting.md"):
        rows = [line for line in page.read_text().splitlines() if line.startswith("|")]
        assert [flag.label for flag in Flag if not any(f"| `{flag.label}` |" in row for row in rows)] == []


def test_every_filter_is_described() -> None:
    from sensetrack.registry import Catalogue

    page = (DOCS / "filters.md").read_text()
    assert [name for name in Catalogue("sensetrack.filters").names() if f"\n## {name}\n" not in page] == []


def test_every_command_is_named() -> None:
    from sensetrack.registry import Catalogue

    page = (DOCS / "commands.md").read_text()
    names = [*Catalogue("sensetrack.cli").names(), *Catalogue("sensetrack.trackers").names()]
    assert [name for name in names if name != "main" and f"`{name}" not in page] == []


@pytest.fixture(scope="module")
def plug_ins() -> dict[str, str]:
    return dict(TITLED.findall((ROOT / "CONTRIBUTING.md").read_text()))


def test_the_example_filter_filters(plug_ins: dict[str, str]) -> None:
    judge = the_class(plug_ins["sensetrack/filters/speed_limit.py"], Filter)(longest=2.0)
    ramp = np.tile(np.arange(5, dtype=np.float32), (3, 1))
    zero = np.zeros_like(ramp)
    field = judge.apply(Field(ramp, zero, zero, zero, zero, zero, np.zeros(ramp.shape, np.uint8)))
    assert np.array_equal(field.flags[0], [0, 0, 0, Flag.OUTLIER, Flag.OUTLIER])


def test_the_example_image_filter_filters(plug_ins: dict[str, str]) -> None:
    root = the_class(plug_ins["sensetrack/preprocess/root.py"], ImageFilter)(dark=10.0)
    pixels, valid = root.apply(np.array([[10.0, 14.0, 26.0, 9.0, np.nan]]))
    assert np.array_equal(pixels, [[0, 2, 4, 0, 0]])
    assert np.array_equal(valid, [[True, True, True, False, False]])


def test_the_example_tracker_tracks(plug_ins: dict[str, str]) -> None:
    tracker = the_class(plug_ins["sensetrack/trackers/still.py"], Tracker)(step=4, sigma=0.5)
    image = np.random.default_rng(0).random((24, 32))
    image[:8, :8] = np.nan
    field = tracker.track(image, image, pad=4)
    assert field.shape == (4, 6)
    assert field.flags[0, 0] == Flag.NODATA and np.isnan(field.dx[0, 0])
    assert field.measured.sum() == 23 and (field.sigma_dx[field.measured] == 0.5).all()


def test_the_example_sensor_reads(plug_ins: dict[str, str], tmp_path: Path, write_raster: Callable[..., Path]) -> None:
    from sensetrack.errors import InputError
    from sensetrack.sensors import Container, Sensor

    sensor = the_class(plug_ins["sensetrack/sensors/snapshot.py"], Sensor)()
    numbers = np.array([[0, 20], [35, 100]], np.uint8)
    write_raster(numbers, "kite/picture.tif")
    note = tmp_path / "kite" / "note.json"
    assert not sensor.recognises(Container.open(note.parent))
    note.write_text('{"snapshot": {"name": "first", "time": "2020-01-02T03:04:05Z"}}')
    container = Container.open(note.parent)
    product = sensor.open(container)
    assert sensor.recognises(container) and product.name == "first" and product.start.day == 2
    pixels, valid = product.image().read()
    assert np.allclose(pixels, [[0, 0.2], [0.35, 1]]) and valid.tolist() == [[False, True], [True, True]]
    assert np.array_equal(product.image("grey", raw=True).read()[0], numbers)
    note.write_text('{"snapshot": {}}')
    with pytest.raises(InputError, match="its note cannot be read"):
        sensor.open(container)


def test_the_example_command_counts(
    plug_ins: dict[str, str], after_tutorial: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    names: dict[str, object] = {"__name__": "sensetrack.cli.count", "__package__": "sensetrack.cli"}
    exec(compile(plug_ins["cli/count.py"], "count.py", "exec"), names)
    result = CliRunner().invoke(names["command"], [str(after_tutorial / "filtered.tif")])  # type: ignore[arg-type]
    assert result.exit_code == 0 and "measurements" in result.output


def the_class(source: str, base: type) -> type:
    names: dict[str, object] = {"__name__": "example"}
    exec(compile(source, "example.py", "exec"), names)
    return next(
        item for item in names.values() if isinstance(item, type) and issubclass(item, base) and item is not base
    )
