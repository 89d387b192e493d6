"""The page's script, run by a real browser: the map appears and reads out the values of the file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sensetrack.displacement import Displacement, Flag
from sensetrack.report.html import report
from sensetrack.report.words import FLAG_WORDS

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --remote-debugging-pipe --window-size=1280,1000"
)

LAUNCH = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for number, end in zip((3, 4), ends):
    os.dup2(end, number)
os.execvp(sys.argv[3], sys.argv[3:])
"""
# The protocol's pipes are the file descriptors 3 and 4 of the browser.


class Browser:
    """Chromium on a pipe, as its DevTools protocol has it: one JSON message after the other, each ended by a zero."""

    def __init__(self, program: str, profile: Path) -> None:
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        quiet = [*QUIET.split(), f"--user-data-dir={profile}"]
        self.process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(read_commands), str(write_answers), program, *quiet, "about:blank"],
            pass_fds=(read_commands, write_answers),
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)
        self._buffer = b""
        self._count = 0
        self._session: dict[str, str] = {}

    def open_page(self) -> None:
        """Speak to the first page from now on."""
        (target,) = [t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page"]
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = {"sessionId": attached["sessionId"]}

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters} | self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._buffer:
                part = os.read(self._answers, 65536)
                assert part, "the browser ended"
                self._buffer += part
            text, _, self._buffer = self._buffer.partition(b"\0")
            answer = json.loads(text)
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                found: dict[str, Any] = answer["result"]
                return found

    def evaluate(self, script: str) -> Any:
        """Return the value of a script; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        os.close(self._commands)
        os.close(self._answers)


READY = """new Promise((done, fail) => {
  let tries = 0;
  const look = () => document.getElementById("map").style.width ? done(true)
    : ++tries > 200 ? fail(new Error("no map: " + document.body.innerText.slice(0, 300))) : setTimeout(look, 50);
  look();
})"""


WIDEST = """new Promise((done) => {
  let tries = 0;
  const look = () => {
    const all = [document.documentElement, ...document.querySelectorAll("section, dl, canvas")];
    const widest = Math.max(...all.map((node) => node.scrollWidth));
    widest <= 380 || ++tries > 100 ? done(widest) : setTimeout(look, 50);
  };
  look();
})"""
# The map follows the window in the next frame, so it is looked at until it fits.


@pytest.fixture(scope="module")
def browser(tongue_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser that shows the report."""
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed, so the page's script is not run")
    folder = tmp_path_factory.mktemp("browser")
    page = report(tongue_files, folder / "report.html")
    shown = Browser(program, folder / "profile")
    try:
        shown.open_page()
        shown.call("Page.navigate", url=page.as_uri())
        shown.evaluate("new Promise((done) => setTimeout(done, 300))")
        shown.evaluate(READY)
        yield shown
    finally:
        shown.close()


def point_at(browser: Browser, shape: tuple[int, int], row: int, col: int) -> str:
    """Move the pointer to a cell of the map and return the read-out."""
    script = f"""(() => {{
      const map = document.getElementById("map"), box = map.getBoundingClientRect();
      const x = box.left + box.width * {(col + 0.5) / shape[1]}, y = box.top + box.height * {(row + 0.5) / shape[0]};
      map.dispatchEvent(new PointerEvent("pointermove", {{ clientX: x, clientY: y, bubbles: true }}));
      return document.getElementById("readout").innerText;
    }})()"""
    return str(browser.evaluate(script))


def value_of(text: str, name: str) -> float:
    lines = text.split("\n")
    return float(lines[lines.index(name) + 1].split()[0].replace("\N{MINUS SIGN}", "-"))


def test_the_map_appears(browser: Browser) -> None:
    options = browser.evaluate("[...document.querySelectorAll('#layer option')].map((option) => option.value)")
    assert options[:3] == ["v", "vx", "vy"]
    assert options[-1] == "flags"
    assert browser.evaluate("document.getElementById('scale-title').textContent") == "Speed"
    colours = browser.evaluate(
        "new Set(new Uint32Array(document.getElementById('map').getContext('2d')"
        ".getImageData(0, 0, 400, 400).data.buffer)).size"
    )
    assert colours > 1000


PLACES = """(() => {
  const panel = document.getElementById("map-panel"), map = document.getElementById("map");
  const still = document.getElementById("still"), ready = document.querySelectorAll(".scripted");
  const look = (shown, other) => {
    const box = shown.getBoundingClientRect(), foot = document.querySelector("footer").getBoundingClientRect();
    return { place: [box.left, box.top, box.width, box.height, foot.top], other: other.getBoundingClientRect().width,
      controls: new Set([...ready].map((node) => getComputedStyle(node).visibility)).size === 1
        && getComputedStyle(ready[0]).visibility };
  };
  const after = look(map, still);
  panel.classList.remove("live");
  const before = look(still, map);
  panel.classList.add("live");
  return { before, after };
})()"""


@pytest.mark.parametrize("width", [400, 1280])
def test_the_canvas_takes_the_place_of_the_still(browser: Browser, width: int) -> None:
    size = {"height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.call("Emulation.setDeviceMetricsOverride", width=width, **size)
    browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")
    found = browser.evaluate(PLACES)
    browser.call("Emulation.clearDeviceMetricsOverride")
    before, after = found["before"], found["after"]
    assert (before["other"], after["other"]) == (0, 0)
    assert (before["controls"], after["controls"]) == ("hidden", "visible")
    # The canvas has whole pixels.
    np.testing.assert_allclose(before["place"], after["place"], atol=1.01)
    assert after["place"][2] > 300


def test_the_read_out_is_the_file(browser: Browser, tongue_files: Path) -> None:
    known = Displacement.open(tongue_files / "displacement.tif")
    rows, cols = np.nonzero(known.field.usable)
    for index in np.random.default_rng(0).choice(rows.size, 5):
        row, col = int(rows[index]), int(cols[index])
        text = point_at(browser, known.grid.shape, row, col)
        assert f"{col}, {row}" in text.split("\n")
        x, y = known.grid.xy(row, col)
        assert (value_of(text, "x"), value_of(text, "y")) == (pytest.approx(x, abs=0.6), pytest.approx(y, abs=0.6))
        assert value_of(text, "dx") == pytest.approx(known.field.dx[row, col], abs=0.006)
        assert value_of(text, "dy") == pytest.approx(known.field.dy[row, col], abs=0.006)
        assert value_of(text, "quality") == pytest.approx(known.field.quality[row, col], abs=0.0006)


def test_flags_are_read_out_in_words(browser: Browser, tongue: Any) -> None:
    field = tongue.displacement.field
    for flag in (Flag.NODATA, Flag.OUTLIER):
        row, col = (int(axis[0]) for axis in np.nonzero(field.flags == flag))
        assert FLAG_WORDS[flag].meaning in point_at(browser, field.shape, row, col)


def test_the_legend_of_the_flags_counts_right(browser: Browser, tongue: Any) -> None:
    choose = (
        "const menu = document.getElementById('layer'); menu.value = '{}'; menu.dispatchEvent(new Event('change'));"
    )
    browser.evaluate("{" + choose.format("flags") + "}")
    text = browser.evaluate("document.getElementById('classes').innerText").replace("\n", " ")
    assert f"Measured {100 * np.mean(tongue.displacement.field.flags == 0):.1f} %" in " ".join(text.split())
    browser.evaluate("{" + choose.format("dx") + "}")
    low, high = (browser.evaluate(f"+document.getElementById('{end}').value") for end in ("low", "high"))
    assert low == -high < 0


def test_keys_move_pin_and_release(browser: Browser) -> None:
    press = "document.getElementById('map').dispatchEvent(new KeyboardEvent('keydown', {{ key: '{}' }}));"
    read = "document.getElementById('readout').innerText"
    browser.evaluate(press.format("Escape") + press.format("ArrowRight") + press.format("Enter"))
    pinned = browser.evaluate(read)
    assert pinned.startswith("Pinned pixel")
    browser.evaluate(press.format("ArrowDown"))
    assert browser.evaluate(read) == pinned
    browser.evaluate(press.format("Escape"))
    assert not browser.evaluate(read).startswith("Pinned")
    assert browser.evaluate(read) != pinned


def test_nothing_sticks_out_on_a_phone(browser: Browser) -> None:
    size = {"height": 800, "deviceScaleFactor": 1}
    browser.call("Emulation.setDeviceMetricsOverride", width=380, mobile=True, **size)
    widest = browser.evaluate(WIDEST)
    browser.call("Emulation.clearDeviceMetricsOverride")
    assert widest <= 380


def test_without_scripts_there_is_a_picture_and_a_note(browser: Browser) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.call("Page.reload")
    panel = "document.getElementById('map-panel')"
    text = ""
    for _ in range(100):
        text = browser.evaluate(f"document.readyState === 'complete' && {panel} ? {panel}.innerText : ''")
        if "still picture" in text:
            break
        time.sleep(0.05)
    assert "still picture" in text
    assert "Drag to move" not in text
    assert browser.evaluate("document.querySelector('#still img').getBoundingClientRect().width") > 300
    assert browser.evaluate("document.getElementById('layer').getBoundingClientRect().width") == 0
