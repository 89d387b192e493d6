"""What gpt prints is understood in whatever pieces it comes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensetrack.graph.snap import explain
from sensetrack.graph.snap._listen import Listener, Log
from sensetrack.graph.snap.explain import SIGNS, last_words
from sensetrack.graph.snap.progress import Percent
from sensetrack.graph.snap.values import as_text

RUN = "Executing processing graph\n....10%....20%....30%....40%....50%....60%....70%....80%....90% done.\n"


@given(st.lists(st.integers(0, len(RUN)), max_size=30))
def test_progress_in_any_pieces(cuts: list[int]) -> None:
    percent, seen = Percent(), [0]
    edges = [0, *sorted(cuts), len(RUN)]
    for start, end in pairwise(edges):
        seen.append(percent.feed(RUN[start:end]))
    assert seen == sorted(seen) and percent.done == 90


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("INFO: 80% of the tiles were skipped", 0),
        ("....10%....20%Killed", 20),
        ("....20%....10%", 20),
        ("100% done.", 100),
        ("....950%", 100),
        ("99.....10%", 0),
    ],
)
def test_what_counts_as_progress(text: str, done: int) -> None:
    assert Percent().feed(text) == done


@given(st.binary(max_size=400), st.integers(1, 9))
def test_any_bytes_are_heard_and_kept(tmp_path_factory: pytest.TempPathFactory, noise: bytes, size: int) -> None:
    path = tmp_path_factory.getbasetemp() / "noise.log"
    said = noise + "\n[NodeId: Ä] SPI not found for operator 'Ö'\n".encode()
    with Log(path) as log:
        listener = Listener(log)
        for start in range(0, len(said), size):
            listener.take("stderr", said[start : start + size])
        listener.close()
    assert path.read_bytes() == said
    cause = listener.heard["unknown operator"]
    assert cause.node == "Ä" and cause.groups["name"] == "Ö"


def test_a_last_line_without_a_break_is_heard(tmp_path: Path) -> None:
    with Log(tmp_path / "log") as log:
        listener = Listener(log)
        listener.take("stdout", b"....10%....20%Killed")
        listener.close()
    assert listener.surest is not None and listener.surest.sign.name == "killed"


def test_every_sign_fills_in_its_text() -> None:
    for sign in SIGNS:
        assert "{" not in sign.text.format(**dict.fromkeys(sign.pattern.groupindex, "x"))
        assert "\n" not in sign.text


def test_every_sign_is_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "snap.md").read_text()
    assert [sign.name for sign in SIGNS if f"\n| {sign.name} |" not in page] == []


def test_the_surest_sign_explains() -> None:
    text = "ElevationFile: http retrieving x\nNo valid orbit file found for 2-MAY-2020\nOutOfMemoryError"
    assert explain(text).startswith("the heap of Java")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Mandatory source product (field 'sourceProduct') not set.",
            "the source 'sourceProduct' of a node is missing",
        ),
        ("No data product writer for the 'Zarr' format available.", "cannot write the format 'Zarr'"),
        ("java.io.IOException: No space left on device", "the disk is full"),
        ("Invalid maximum heap size: -Xmx999999G", "lower memory"),
        ("Error: something new", "something new"),
    ],
)
def test_more_signs(text: str, message: str) -> None:
    assert message in explain(text)


def test_last_words_leave_out_traces_and_progress() -> None:
    lines = [
        "INFO: org.esa: started",
        "....10%",
        "Error: outer",
        "\tat org.esa.snap.Main.run(Main.java:1)",
        "Caused by: java.lang.IllegalStateException: inner",
        "\t... 12 more",
        "Error: outer",
        "bye",
    ]
    assert last_words(lines) == "outer | Caused by: java.lang.IllegalStateException: inner"
    assert last_words(["INFO: nothing else"]) == "" and len(last_words(["x" * 9999])) < 500


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (0.1, "0.1"), (3, "3"), ("a,b", "a,b"), (["a", False, 2], "a,false,2"), (Path("x y"), "x y")],
)
def test_values_as_graphs_spell_them(value: object, text: str) -> None:
    assert as_text(value) == text
