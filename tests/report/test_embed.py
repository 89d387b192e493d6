"""What a page holds can be read back, and nothing in it can become markup; charts are right and round."""

from __future__ import annotations

import base64
import json
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from lxml import etree

from sensetrack.report.charts import histogram, number, ticks, with_error
from sensetrack.report.embed import pack, pack_flags, palette, picture_uri, to_json, unpack
from sensetrack.report.numbers import spread_of

floats = st.one_of(st.just(float("nan")), st.floats(-1e6, 1e6, width=32))


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=floats))
def test_layers_survive_to_half_a_step(values: np.ndarray) -> None:
    packed = pack(values)
    back = unpack(packed, values.shape)
    np.testing.assert_array_equal(np.isnan(back), np.isnan(values))
    known = np.isfinite(values)
    worst = np.abs(back[known] - values[known]).max(initial=0)
    assert worst <= 0.5 * packed["scale"] * 1.01 + 1e-6 * np.abs(values[known]).max(initial=0)


def test_constant_and_empty_layers() -> None:
    for fill in (3.5, np.nan):
        values = np.full((3, 4), fill, np.float32)
        np.testing.assert_array_equal(unpack(pack(values), (3, 4)), values)


def test_flags_are_their_bytes() -> None:
    flags = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert zlib.decompress(base64.b64decode(pack_flags(flags))) == bytes(range(12))


def test_pictures_are_webp_with_opacity() -> None:
    picture = np.zeros((20, 30, 2), np.uint8)
    picture[:, 15:] = (200, 255)
    kind, _, text = picture_uri(picture).partition(",")
    assert kind == "data:image/webp;base64"
    back = cv2.imdecode(np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_UNCHANGED)
    assert back is not None
    assert back.shape == (20, 30, 4)
    np.testing.assert_array_equal(back[..., 3], picture[..., 1])
    assert abs(int(back[10, 25, 0]) - 200) < 6


def test_palettes_are_the_colours_of_matplotlib() -> None:
    table = np.frombuffer(base64.b64decode(palette("viridis")), np.uint8).reshape(256, 3)
    np.testing.assert_array_equal(table[[0, 255]], [[68, 1, 84], [253, 231, 37]])


@given(st.text())
def test_no_text_can_end_a_script(text: str) -> None:
    stored = to_json({"a": [text]})
    assert json.loads(stored) == {"a": [text]}
    assert not set("<>&") & set(stored)


def test_numbers_without_a_value_are_null() -> None:
    assert (
        to_json([float("nan"), np.float32("inf"), np.float64(0.5), np.int64(3), (1, None)])
        == "[null,null,0.5,3,[1,null]]"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.0005, "0.00050"),
        (0.0123, "0.0123"),
        (-0.5, "−0.500"),
        (12.34, "12.3"),
        (999.6, "1000"),
        (12345.6, "12\u2009346"),
    ],
)
def test_numbers_for_readers(value: float, text: str) -> None:
    assert number(value) == text


def test_errors_set_the_digits_of_values() -> None:
    assert with_error(0.35904, 0.0034) == "+0.3590 ± 0.0034"
    assert with_error(-1234.5, 56.0) == "−1234 ± 56"
    assert with_error(1.5, float("nan")) == "1.50"
    assert number(float("nan")) == "–"


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5))
def test_ticks_are_few_round_and_inside(low: float, span: float) -> None:
    found = ticks(low, low + span)
    assert 1 <= len(found) <= 7
    assert all(low - 1e-6 * span <= tick <= low + span * (1 + 1e-6) for tick in found)
    assert ticks(2.0, 2.0) == [2.0]


def test_histograms_are_drawn_to_scale_and_escaped() -> None:
    spread = spread_of("dx", np.random.default_rng(0).normal(0, 1, 5000).astype(np.float32), np.ones(5000, np.float32))
    picture = etree.fromstring(histogram(spread, "a<b & c", "px"))
    assert picture.xpath("string(text[@class='label'])") == "a<b & c [px]"
    points = [tuple(map(float, pair.split(","))) for pair in picture.xpath("string(polyline/@points)").split()]
    heights = np.array([point[1] for point in points])
    assert np.argmin(heights) == len(points) // 2
    assert np.diff([point[0] for point in points]).min() > 0
