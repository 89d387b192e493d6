"""The report in a real browser: it draws, answers a click, asks the network for nothing, and says no errors."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from products.history import position

from sensetrack.errors import OutputError
from sensetrack.project import charts
from sensetrack.project.page import page_data, thinning, write_page
from sensetrack.project.pictures import write_animation, write_speed
from sensetrack.timeseries import Cube, series_file

DAYS = [0.0, 12.0, 24.0, 36.0, 48.0, 60.0]
PAIRS = [(i, j) for i in range(6) for j in range(i + 1, 6) if j - i <= 3]


@pytest.fixture
def cube(write_pairs, tmp_path: Path) -> Cube:
    paths = write_pairs(DAYS, PAIRS, bad=(4,), missing=np.s_[:3])
    series_file(paths, tmp_path / "series.nc")
    return Cube.open(tmp_path / "series.nc")


def rows_of(cube: Cube) -> list[dict[str, Any]]:
    """A row per pair, as a run makes them; one of them failed."""
    values = cube.header.pair_values
    rows = []
    for number, (i, j) in enumerate(cube.header.pairs):
        first, second = cube.header.dates[i], cube.header.dates[j]
        row = {
            "first": f"{first:%Y-%m-%dT%H:%M:%SZ}",
            "second": f"{second:%Y-%m-%dT%H:%M:%SZ}",
            "days": (second - first).total_seconds() / 86400,
            "state": "measured",
            "reason": "",
            "usable": 0.9,
            "shift_dx": 0.1,
            "shift_dy": -0.2,
            "stable_x": 3.0,
            "stable_y": 4.0,
            "error_x": 5.0,
            "error_y": 5.0,
        }
        row |= {name: float(values[f"pair_{name}"][number]) for name in ("weight", "rejected", "closure")}
        rows.append(row)
    failed = {"state": "failed", "reason": "track: nothing <here>", "usable": None, "weight": None, "closure": None}
    rows[-1] |= failed
    return rows


@pytest.fixture
def page(cube: Cube, tmp_path: Path) -> Path:
    return write_page(
        cube, rows_of(cube), tmp_path / "report.html", title="A <glacier> & more", failures=[("20200401", "is broken")]
    )


def test_page_is_self_contained_and_escapes(page: Path, cube: Cube, tmp_path: Path) -> None:
    text = page.read_text()
    assert "A &lt;glacier&gt; &amp; more" in text
    assert "nothing &lt;here&gt;" in text
    assert "<b>20200401</b>: is broken" in text
    assert not re.findall(r"(?:src|href)=\"(?!data:)[^\"]*\"", text)
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "default-src 'none'" in text
    other = write_page(
        cube, rows_of(cube), tmp_path / "again.html", title="A <glacier> & more", failures=[("20200401", "is broken")]
    )
    assert other.read_bytes() == page.read_bytes()


def test_data_holds_the_series(cube: Cube) -> None:
    from sensetrack.report.embed import unpack

    data = page_data(cube, 2, None)
    assert (data["rows"], data["cols"], len(data["speed"]["v"]), len(data["way"]["v"])) == (10, 12, 5, 6)
    speed = unpack(data["speed"]["v"][2], (10, 12))
    np.testing.assert_allclose(speed, cube.read(["v"], step=2)["v"][2], atol=data["speed"]["v"][2]["scale"])
    way = unpack(data["way"]["v"][-1], (10, 12))
    moved = position(60 / 365.25) - position(0.0)
    assert np.nanmedian(way) == pytest.approx(np.hypot(*moved), rel=0.02)
    assert thinning((1000, 1000), 100, 4_000_000) == 5
    assert thinning((100, 100), 100, 4_000_000) == 1


def test_charts_show_every_pair(cube: Cube) -> None:
    rows = rows_of(cube)
    assert charts.network(rows).count('<path class="good"') == len(rows) - 2
    assert charts.network(rows).count('<path class="date"') == len(DAYS)
    assert charts.network(rows).count('<path class="rejected"') == 1
    assert charts.network(rows).count('<path class="failed"') == 1
    assert charts.closure(rows).count("<circle ") == len(rows) - 1
    assert charts.stable(rows).count("<circle ") == len(rows)
    assert charts.table(rows).count("<tr") == len(rows) + 1
    assert "nothing closes" in charts.closure([row | {"closure": None} for row in rows])


def test_pictures(cube: Cube, tmp_path: Path) -> None:
    write_speed(cube, tmp_path / "speed.png")
    write_animation(cube, tmp_path / "velocity.gif", seconds=0.4)
    with Picture.open(tmp_path / "velocity.gif") as movie:
        assert movie.n_frames == 5
        assert movie.info["duration"] == 400
        frames = []
        for number in range(5):
            movie.seek(number)
            frames.append(np.asarray(movie.convert("RGB")))
    assert all((frames[0] != frame).any() for frame in frames[1:])
    with Picture.open(tmp_path / "speed.png") as still:
        assert still.width > 500
    first = (tmp_path / "velocity.gif").read_bytes()
    write_animation(cube, tmp_path / "velocity.gif", seconds=0.4)
    assert (tmp_path / "velocity.gif").read_bytes() == first


def test_video_shows_what_the_animation_shows(cube: Cube, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    for name in ("velocity.gif", "velocity.mp4"):
        write_animation(cube, tmp_path / name, seconds=0.4)
    with av.open(str(tmp_path / "velocity.mp4")) as movie:
        shown = [frame.to_ndarray(format="rgb24").astype(float) for frame in movie.decode(video=0)]
        stream = movie.streams.video[0]
        assert stream.average_rate == pytest.approx(2.5)
        assert stream.codec_context.pix_fmt == "yuv420p"
    assert len(shown) == 5
    with Picture.open(tmp_path / "velocity.gif") as still:
        for number, picture in enumerate(shown):
            still.seek(number)
            drawn = np.asarray(still.convert("RGB")).astype(float)
            rows, cols = drawn.shape[:2]
            assert np.abs(picture[:rows, :cols] - drawn).mean() < 6
    with pytest.raises(OutputError, match=r"cannot write '.avi' animations; use .gif or .mp4"):
        write_animation(cube, tmp_path / "velocity.avi")


@pytest.fixture
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no chromium; install Debian's package to test the report in a browser")
    with playwright.sync_playwright() as session:
        found = session.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_in_a_browser(browser: Any, page: Path, cube: Cube, width: int, height: int) -> None:
    view = browser.new_page(viewport={"width": width, "height": height})
    said: list[str] = []
    asked: list[str] = []
    view.on("console", lambda message: said.append(message.text))
    view.on("pageerror", lambda error: said.append(str(error)))
    view.on("request", lambda request: asked.append(request.url))
    view.goto(page.as_uri())
    view.wait_for_selector("body[data-ready=yes]", timeout=60_000)
    # Nothing sticks out to the side.
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    drawn = view.locator(".network").bounding_box()
    assert 0.8 * width < drawn["width"] < width - drawn["x"]

    box = view.locator("#map").bounding_box()
    assert box["width"] > 250
    assert box["height"] == pytest.approx(box["width"] * 20 / 24, rel=0.02)
    view.locator("#map").scroll_into_view_if_needed()
    row, col = 12, 7
    view.locator("#map").click(position={"x": (col + 0.5) * box["width"] / 24, "y": (row + 0.5) * box["height"] / 20})
    assert view.locator("#place").inner_text() == "x 500075, y 4999875"
    read = view.locator("#readout dd").first.inner_text()
    value, error = (float(text) for text in re.match(r"([\d.]+) ± ([\d.]+) m/yr", read).groups())
    found = cube.read(["v", "v_error"])
    assert value == pytest.approx(found["v"][-1, row, col], rel=0.01)
    assert error == pytest.approx(found["v_error"][-1, row, col], rel=0.06)

    view.locator("#slider").fill("0")
    assert view.locator("#when").inner_text() == "2020-01-05 – 01-17"
    read = view.locator("#readout dd").first.inner_text()
    assert float(read.split(" ")[0]) == pytest.approx(found["v"][0, row, col], rel=0.01)
    view.locator("#map").press("ArrowRight")
    assert view.locator("#place").inner_text() == "x 500085, y 4999875"
    # Where there is no value, it says so.
    view.locator("#map").click(position={"x": 0.5 * box["width"], "y": 0.5 * box["height"] / 20})
    assert view.locator("#readout dd").first.inner_text().startswith("–")

    colours = "document.getElementById('map').toDataURL()"
    before = view.evaluate(colours)
    view.locator("#layer").select_option("v_mean_error")
    assert view.evaluate(colours) != before
    assert view.locator("#time").is_hidden()
    view.locator("#pairs th").nth(6).click()
    weights = view.locator("#pairs tbody tr td:nth-child(7)").all_inner_texts()
    numbers = [float(text) for text in weights if text != "–"]
    assert numbers == sorted(numbers)
    view.locator("#quantity").select_option("way")
    view.locator("#layer").select_option("time")
    view.locator("#play").click()
    for _ in range(150):
        if view.locator("#slider").input_value() != "0":
            break
        view.wait_for_timeout(200)
    assert view.locator("#slider").input_value() != "0"
    assert said == []
    assert asked == [page.as_uri()]
