"""The report is one sound page that needs nothing else, holds the field, and says the right numbers."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from lxml import html

from sensetrack.displacement import Displacement, Field, Flag
from sensetrack.errors import CorruptFileError, OutputError
from sensetrack.raster.grid import Grid
from sensetrack.raster.mask import AreaMask
from sensetrack.report.embed import unpack
from sensetrack.report.furniture import percent
from sensetrack.report.html import BUDGET, LARGEST_SIDE, map_side, report
from sensetrack.report.scan import find
from sensetrack.report.still import map_parts
from sensetrack.report.view import load, page_data
from sensetrack.velocity import VelocityParams, velocity_file


@pytest.fixture(scope="module")
def page(tongue_files: Path, tongue: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    output = tmp_path_factory.mktemp("report") / "report.html"
    stable = AreaMask.from_array(tongue.stable, tongue.displacement.grid)
    return report(tongue_files, output, stable=stable).read_text(encoding="utf-8")


def data_of(page: str) -> list[dict[str, Any]]:
    return [json.loads(node.text) for node in html.fromstring(page).xpath("//script[@class='view']")]


def test_the_page_is_sound_and_needs_nothing_else(page: str) -> None:
    tree = html.fromstring(page)
    assert page.startswith("<!DOCTYPE html>")
    assert tree.get("lang") == "en"
    assert not re.search(r"https?://|//[a-z]+\.[a-z]+/|url\(|@import", page)
    assert not tree.xpath("//link[not(starts-with(@href, 'data:'))] | //iframe | //object | //form")
    assert all(address.startswith("data:") for address in tree.xpath("//@src | //@srcset"))
    assert "[[" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert len(page) < 3_000_000
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert all(tree.xpath(f"//*[@id='{name}']") for name in set(re.findall(r'byId\("([a-z-]+)"\)', page)))


def test_only_its_own_script_may_run(page: str) -> None:
    tree = html.fromstring(page)
    (script,) = tree.xpath("//script[@type='module']")
    digest = base64.b64encode(hashlib.sha256(script.text.encode()).digest()).decode()
    (policy,) = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_every_control_has_a_name(page: str) -> None:
    for control in html.fromstring(page).xpath("//input | //select | //button | //canvas[@tabindex]"):
        named = control.get("aria-label") or control.text_content().strip() or control.xpath("ancestor::label")
        assert named, html.tostring(control)


def test_the_map_is_there_before_any_script(page: str) -> None:
    (still,) = html.fromstring(page).xpath("//picture")
    stills = still.xpath(".//@srcset | .//@src")
    assert len(stills) == 2
    assert sum(map(len, stills)) < 250_000
    (view,) = data_of(page)
    for uri in stills:
        kind, _, data = uri.partition(",")
        assert kind == "data:image/webp;base64"
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)
        rows, cols, bands = picture.shape
        assert (bands, rows / cols) == (4, pytest.approx(view["ratio"], abs=2 / cols))
        assert len(np.unique(picture.reshape(-1, 4), axis=0)) > 1000
        # The left edge of the scene has no data, the right half an image.
        assert (picture[rows // 4 : rows // 2, : cols // 60, 3] == 0).all()
        assert (picture[:, cols // 2 :, 3] == 255).all()


def test_the_map_shows_its_colours_before_any_script(page: str) -> None:
    tree = html.fromstring(page)
    (view,) = data_of(page)
    layer = view["layers"][0]
    assert tree.xpath("string(//*[@id='scale-title'])") == layer["title"] == "Speed"
    ends = tree.xpath("//*[contains(@class, 'ends') and contains(@class, 'until')]/span/text()")
    assert [float(ends[0]), ends[1], float(ends[2])] == [layer["low"], layer["unit"], layer["high"]]
    assert tree.xpath("//*[@id='layer']//option/@value") == [one["name"] for one in view["layers"]] + ["flags"]
    assert "still picture" in tree.xpath("string(//noscript/p)")
    for control in tree.xpath("//input | //select | //button"):
        assert control.xpath("ancestor-or-self::*[contains(@class, 'scripted')]"), html.tostring(control)


def test_stills_of_noise_keep_within_their_bytes(
    tmp_path: Path, make_field: Callable[..., Field], utm_grid: Callable[..., Grid]
) -> None:
    rng = np.random.default_rng(2)
    dx, dy = rng.normal(size=(2, 470, 450)).astype(np.float32)
    Displacement(utm_grid((470, 450)), make_field(dx, dy), 8).save(tmp_path / "d.tif")
    view = load(find(tmp_path).groups[0])
    data = page_data(view, 480)
    parts = map_parts(view, data, 480)
    assert len(parts["still"]) < 250_000
    assert parts["no-image"] == " hidden"


def test_the_field_can_be_read_back(page: str, tongue: Any) -> None:
    (view,) = data_of(page)
    field, shape = tongue.displacement.field, (view["rows"], view["cols"])
    assert (shape, view["step"], view["first"]) == (field.shape, 1, 0)
    layers = {layer["name"]: layer for layer in view["layers"]}
    for name in ("dx", "dy", "quality", "sigma_dx", "rho"):
        stored, right = unpack(layers[name], shape), field.layers()[name]
        np.testing.assert_array_equal(np.isnan(stored), np.isnan(right))
        np.testing.assert_allclose(stored, right, atol=layers[name]["scale"] * 0.51 + 1e-6)
    np.testing.assert_array_equal(
        np.frombuffer(zlib.decompress(base64.b64decode(view["flags"])), np.uint8).reshape(shape), field.flags
    )
    assert layers["length"]["of"] == ["dx", "dy"]
    assert layers["v"]["of"] == ["vx", "vy"]
    assert layers["vx"]["unit"] == "m/yr"
    difference = unpack(layers["dx − truth"], shape)
    good = field.usable
    np.testing.assert_allclose(difference[good], (field.dx - tongue.truth[0])[good], atol=1e-3)


def test_large_files_are_decimated_to_pixels_that_the_page_can_name(
    tmp_path: Path, make_field: Callable[..., Field], utm_grid: Callable[..., Grid]
) -> None:
    rows, cols = np.mgrid[:500, :900].astype(np.float32)
    flags = np.zeros((500, 900), np.uint8)
    flags[:50] = Flag.MASKED
    grid = utm_grid((500, 900), size=80.0)
    Displacement(grid, make_field(cols, rows, flags=flags), 8).save(tmp_path / "d.tif")
    view = load(find(tmp_path).groups[0])
    stored = page_data(view, 300)
    assert max(stored["rows"], stored["cols"]) <= 300
    layers = {layer["name"]: layer for layer in stored["layers"]}
    at_rows, at_cols = (stored["first"] + stored["step"] * np.arange(stored[name]) for name in ("rows", "cols"))
    dx = unpack(layers["dx"], (stored["rows"], stored["cols"]))
    np.testing.assert_allclose(dx[-1], at_cols, atol=layers["dx"]["scale"])
    dy = unpack(layers["dy"], (stored["rows"], stored["cols"]))
    np.testing.assert_allclose(dy[:, 0], at_rows, atol=layers["dy"]["scale"])
    a, _, c, _, e, f = stored["transform"]
    x, y = grid.xy(at_rows[3], at_cols[5])
    assert (a * (at_cols[5] + 0.5) + c, e * (at_rows[3] + 0.5) + f) == (pytest.approx(x), pytest.approx(y))
    text = report(tmp_path, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "90.0 %" in text
    assert "of 450\u2009000 pixels" in text


def test_maps_share_the_budget(tongue_files: Path) -> None:
    view = load(find(tongue_files).groups[0])
    sides = [map_side(view, count) for count in (1, 5, 20)]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] <= LARGEST_SIDE
    layers = len(view.displacement.layers) + len(view.velocity.layers) + 2  # type: ignore[union-attr]
    for count, side in zip((1, 5, 20), sides, strict=True):
        assert count * side * side * 0.8 * (2 * layers + 1) <= 1.05 * BUDGET


def test_the_numbers_are_those_of_the_field(page: str, tongue: Any, tongue_files: Path) -> None:
    text = " ".join(html.fromstring(page).text_content().split())
    field: Field = tongue.displacement.field
    assert f"Measured{percent(np.mean(field.flags == 0))}" in text
    for flag in (Flag.NODATA, Flag.OUTLIER, Flag.SEARCH_EDGE):
        assert percent(np.mean((field.flags & flag) != 0)) in text
    assert "2021-07-03 → 2021-07-23" in text
    assert "filter: median (size 5, threshold 3)" in text
    assert "on stable ground" in text
    assert "Against the truth" in text
    assert str(tongue_files / "reference.tif") in text
    cells = html.fromstring(page).xpath("//h2[text()='Against the truth']/..//tr[th='dx']/td/text()")
    error = (field.dx - tongue.truth[0])[field.usable]
    assert float(cells[0]) == pytest.approx(np.median(error), abs=0.0006)
    assert float(cells[2]) == pytest.approx(np.sqrt(np.mean(error**2)), abs=0.0006)


def test_arrows_point_where_the_ice_goes(page: str, tongue: Any) -> None:
    (view,) = data_of(page)
    field = tongue.displacement.field
    arrows = np.array(view["arrows"]["list"])
    at = arrows[:, 1].round().astype(int), arrows[:, 0].round().astype(int)
    good = field.usable[at] & (np.hypot(field.dx, field.dy)[at] > 2)
    assert good.sum() > 20
    cosine = (arrows[:, 2] * field.dx[at] + arrows[:, 3] * field.dy[at])[good]
    cosine /= (np.hypot(*arrows[:, 2:].T) * np.hypot(field.dx, field.dy)[at])[good]
    assert np.median(cosine) > 0.98


def test_nothing_from_a_file_becomes_markup(tongue: Any, tmp_path: Path) -> None:
    evil = "</script><script>alert(1)</script><img src=x onerror=alert(2)>[[data]]&amp;"
    provenance = dataclasses.replace(
        tongue.displacement.provenance,
        tracker=evil,
        reference=f"/x/{evil}",
        parameters=json.dumps({evil: evil}),
        history=(evil,),
        version=evil,
        reference_date=None,
        secondary_date=None,
    )
    folder = tmp_path / "<b>&"
    folder.mkdir()
    dataclasses.replace(tongue.displacement, provenance=provenance).save(folder / "d<i>.tif")
    page = report(folder, tmp_path / "r.html", title=evil).read_text(encoding="utf-8")
    tree = html.fromstring(page)
    assert [node.get("type") for node in tree.xpath("//script")] == ["application/json", "application/json", "module"]
    assert not tree.xpath("//img[not(ancestor::picture)] | //b[not(ancestor::li)] | //*[@onerror]")
    assert tree.xpath("string(//h1)") == evil
    assert evil in tree.xpath("string(//table[@class='parameters'])")
    assert evil in tree.xpath("string(//ol)")
    assert data_of(page)[0]["title"] == "d<i>.tif"


def test_several_measurements_can_be_chosen(tongue: Any, tongue_files: Path, tmp_path: Path) -> None:
    known = tongue.displacement.provenance
    for number in range(3):
        date = known.reference_date.replace(day=4 + number)
        item = dataclasses.replace(known, reference_date=date)
        dataclasses.replace(tongue.displacement, provenance=item).save(tmp_path / f"d{number}.tif")
    tree = html.fromstring(report(tmp_path, tmp_path / "r.html").read_text(encoding="utf-8"))
    assert tree.xpath("//button/@data-show") == ["0", "1", "2"]
    assert len(tree.xpath("//script[@class='view']")) == 3
    shown = tree.xpath("//*[@data-view and not(@hidden)]/@data-view")
    assert set(shown) == {"0"}
    assert tree.xpath("string(//h1)") == tmp_path.name


def test_equal_inputs_give_equal_bytes_and_outputs_are_kept(tongue_files: Path, tmp_path: Path) -> None:
    files = [tongue_files / "velocity.tif", tongue_files / "displacement.tif"]
    pages = [report(files, tmp_path / f"{name}.html").read_bytes() for name in "ab"]
    assert pages[0] == pages[1]
    with pytest.raises(OutputError, match="exists already"):
        report(files, tmp_path / "a.html")
    with pytest.raises(OutputError, match=r"a report is written as \.html"):
        report(files, tmp_path / "a.pdf")


def test_fields_without_values_and_without_georeference(tmp_path: Path, make_field: Callable[..., Field]) -> None:
    Displacement(Grid((12, 9)), Field.empty((12, 9), Flag.NODATA), 4).save(tmp_path / "empty.tif")
    Displacement(Grid((12, 9)), make_field(np.ones((12, 9))), 4).save(tmp_path / "plain.nc")
    views = data_of(report(tmp_path, tmp_path / "r.html").read_text(encoding="utf-8"))
    assert [view["axes"] for view in views] == [["input column", "input row"]] * 2
    assert [view["arrows"] is None for view in views] == [True, False]
    assert all(view["metres"] is None and view["north"] is None and view["image"] is None for view in views)


def test_a_damaged_file_in_a_folder_is_left_out(
    tongue_files: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, cut = tmp_path / "displacement.tif", tmp_path / "zcut.tif"
    content = (tongue_files / "displacement.tif").read_bytes()
    cut.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(CorruptFileError, match=r"zcut\.tif: its pixels cannot be read, is it cut off\?"):
        report(tmp_path, tmp_path / "none.html")
    good.write_bytes(content)
    text = report(tmp_path, tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(data_of(text)) == 1
    assert "left out of the report" in caplog.text and "zcut.tif" in caplog.text
    with pytest.raises(CorruptFileError, match="zcut"):
        report([good, cut], tmp_path / "named.html")
    assert not (tmp_path / "named.html").exists()


def test_a_velocity_without_stable_ground_states_no_shift(tongue_files: Path, tmp_path: Path) -> None:
    velocity_file(tongue_files / "displacement.tif", tmp_path / "none.nc", VelocityParams(stable_from="none"))
    text = report([tongue_files / "displacement.tif", tmp_path / "none.nc"], tmp_path / "r.html").read_text("utf-8")
    assert "Shift [px]" not in text
    assert "No stable ground was given" in text
