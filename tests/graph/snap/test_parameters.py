"""What SNAP says of its operators is understood."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensetrack.errors import SnapError
from sensetrack.graph.snap import GptParameter, Snap, known_operators, known_parameters
from sensetrack.graph.snap.parameters import parse_help


def test_parameters_of_an_operator(snap: Snap, calls: Callable[[], list[list[str]]]) -> None:
    known = known_parameters(snap, "Speckle-Filter")
    assert known["filter"].values == ("None", "Boxcar", "Lee Sigma", "Refined Lee")
    assert known["filter"].default == "Lee Sigma" and known["filter"].type == "string"
    size = known["filterSizeX"]
    assert size == GptParameter("filterSizeX", "int", "The kernel x dimension", "3", interval="(1, 100]", unit="pixels")
    assert known_parameters(snap, "Speckle-Filter") is known and calls() == [["Speckle-Filter", "-h"]]
    file = known_parameters(snap, "Read")["file"]
    assert file.required and file.not_empty and file.default is None


def test_nested_parameters_stand_in_the_sample_only(snap: Snap) -> None:
    assert {name: known.type for name, known in known_parameters(snap, "BandMaths").items()} == {
        "targetBands": "nested",
        "variables": "nested",
    }


def test_an_operator_that_is_not_there(snap: Snap) -> None:
    with pytest.raises(SnapError, match=r"SNAP 9\.0\.0 has no operator 'Terain-Correction'; did you mean 'Terrain-Cor"):
        known_parameters(snap, "Terain-Correction")
    assert known_operators(snap)["Subset"] == "What Subset does."


def test_text_of_a_description_that_looks_like_a_fact() -> None:
    text = (
        "Usage:\n  gpt X [options] \n\nParameter Options:\n"
        "  -Pa.b=<string,string,string,...>    The default value is 'x'. Say\r\n"
        "                                      -Pb=<c> or so.\n"
        "                                      Default value is 'it's, \"so\"'.\n"
        "  -Pc=<double>    \n\nGraph XML Format:\n"
    )
    known = parse_help(text)
    assert list(known) == ["a.b", "c"]
    assert known["a.b"].default == 'it\'s, "so"' and known["a.b"].type == "string,string,string,..."
    assert known["a.b"].description == "The default value is 'x'. Say -Pb=<c> or so."


@given(st.text(st.sampled_from("-P=<>'. \n\r\tab1&/")))
def test_any_text_is_parsed(text: str) -> None:
    for name, known in parse_help(f"Parameter Options:\n{text}\nGraph XML Format:\n{text}").items():
        assert name == known.name and name
