"""Filters and trackers from one line of text."""

from __future__ import annotations

import pytest

from sensetrack.errors import ParameterError
from sensetrack.filters import registry as filters
from sensetrack.specs import filter_of, tracker_of


@pytest.mark.parametrize(
    ("text", "name", "values"),
    [
        ("mad", "mad", {}),
        ("median-test:threshold=3", "median-test", {"threshold": 3}),
        (" median-test : threshold = 3.5 , min-neighbours=7", "median-test", {"threshold": 3.5, "min_neighbours": 7}),
        ("magnitude:factor=none,maximum=20", "magnitude", {"factor": None, "maximum": 20}),
        ("mad:isolated=remove", "mad", {"isolated": "remove"}),
    ],
)
def test_filter_of(text, name, values):
    assert filter_of(text) == filters.get(name)(**values)


def test_tracker_of():
    assert tracker_of("pcc:window=32,step=8").model_dump()["window"] == 32


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("medain-test", "no filter 'medain-test'; did you mean 'median-test'?"),
        ("mad:treshold=3", "Mad has no parameter 'treshold'; did you mean 'threshold'?"),
        ("mad:threshold", "filter 'mad:threshold': 'threshold' is not parameter=value, such as mad:window=5"),
        ("mad:threshold=[3", "'mad:threshold=[3': '[3' cannot be read"),
        ("mad:threshold=x", "Mad: threshold = 'x': input should be a valid number"),
        ("", "no filter ''"),
    ],
)
def test_bad_specs_name_what_would_work(text, message):
    with pytest.raises(ParameterError) as caught:
        filter_of(text)
    assert message in str(caught.value)


def test_unknown_tracker():
    with pytest.raises(ParameterError, match="no tracker 'pc'; did you mean 'pcc'"):
        tracker_of("pc")
