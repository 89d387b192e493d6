"""Filters and trackers from one line of text."""

from __future__ import annotations

import pytest

from sensetrack.errors import ParameterError
from sensetrack.filters import registry as filters
from sensetrack.preprocess.bands import Bands
from sensetrack.preprocess.clip import Clip
from sensetrack.preprocess.highpass import Highpass
from sensetrack.specs import filter_of, image_filter_of, image_filters_of, tracker_of


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


def test_none_is_a_choice_where_one_is_called_so():
    assert tracker_of("pcc:normalization=none").model_dump()["normalization"] == "none"


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("highpass:sigma=3,shape=box", Highpass(sigma=3, shape="box")),
        ({"highpass": {"sigma": 3}}, Highpass(sigma=3)),
        ({"clip": None}, Clip()),
        ("bands:method=pca,among=[1, nir]", Bands(method="pca", among=(1, "nir"))),
        ("bands:band=3", Bands(method="one", band=3)),
    ],
)
def test_image_filter_of(text, expected):
    assert image_filter_of(text) == expected


@pytest.mark.parametrize(
    ("chain", "count"), [("clip", 1), ({"clip": {}}, 1), (["clip", {"highpass": {"sigma": 3}}], 2), ((), 0)]
)
def test_chains(chain, count):
    assert len(image_filters_of(chain)) == count


@pytest.mark.parametrize(
    ("chain", "band", "message"),
    [
        (["clip", "clihp"], None, "no image filter 'clihp'; did you mean 'clip'?"),
        ({"clip": {}, "log": {}}, None, "give one name with its parameters, {highpass: {sigma: 8}}"),
        ({"clip": 3}, None, "give one name with its parameters"),
        (5, None, "preprocess = 5: give a list of image filters, such as [clahe, highpass:sigma=8]"),
        ([5], None, "preprocess = [5]: give a list"),
        (["clip", "bands"], None, "image filter bands must come first"),
        (["bands"], "nir", "band = nir and the image filter bands both choose bands; leave one of them out"),
    ],
)
def test_bad_chains_say_what_would_work(chain, band, message):
    with pytest.raises(ParameterError) as caught:
        image_filters_of(chain, band)
    assert message in str(caught.value)
