"""Acquisition times and time bases."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sensetrack.errors import ParameterError
from sensetrack.raster.dates import ACQUIRED_TAG, acquisition_time, days_between, parse_time


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("20200131.jpg", datetime(2020, 1, 31, tzinfo=UTC)),
        ("glacier_2020-01-31.tif", datetime(2020, 1, 31, tzinfo=UTC)),
        (
            "S2A_MSIL1C_20220125T151701_N0400_R125_T18LTM_20220125T190036.tif",
            datetime(2022, 1, 25, 15, 17, 1, tzinfo=UTC),
        ),
        ("LC08_L1TP_016037_20170813_20170814_01_RT_B8.TIF", datetime(2017, 8, 13, tzinfo=UTC)),
        ("s1b-iw-grd-vv-20211223t051122-001.tiff", datetime(2021, 12, 23, 5, 11, 22, tzinfo=UTC)),
        ("scene_20209999_20200301.tif", datetime(2020, 3, 1, tzinfo=UTC)),
        ("tile_120200131.tif", None),
        ("image.tif", None),
        ("12345678.tif", None),
    ],
)
def test_the_first_date_in_a_name_is_taken(name: str, expected: datetime | None) -> None:
    assert acquisition_time({}, name) == expected


def test_the_tag_wins_over_the_name_and_a_processing_date_is_not_used() -> None:
    tags = {ACQUIRED_TAG: "2019-05-06T07:08:09Z", "TIFFTAG_DATETIME": "2021:01:01 00:00:00"}
    assert acquisition_time(tags, "20200131.tif") == datetime(2019, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert acquisition_time({"TIFFTAG_DATETIME": "2021:01:01 00:00:00"}, "image.tif") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-01-31", datetime(2020, 1, 31, tzinfo=UTC)),
        ("20200131", datetime(2020, 1, 31, tzinfo=UTC)),
        ("2020-01-31T12:00:00", datetime(2020, 1, 31, 12, tzinfo=UTC)),
        ("2020-01-31T12:00:00+02:00", datetime(2020, 1, 31, 10, tzinfo=UTC)),
    ],
)
def test_times_without_a_zone_are_utc(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "31.01.2020", "2020-02-30"])
def test_what_is_no_date_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ParameterError, match=f"'{text}' is not a date; write 2020-01-31 or"):
        parse_time(text)


def test_days_are_86400_seconds() -> None:
    assert days_between(parse_time("2020-01-01"), parse_time("2020-01-13T12:00:00")) == 12.5


@pytest.mark.parametrize("second", ["2020-01-01", "2019-12-31"])
def test_equal_or_reversed_dates_are_refused(second: str) -> None:
    with pytest.raises(ParameterError, match=f"{second} must be after the reference's 2020-01-01; swap the images"):
        days_between(parse_time("2020-01-01"), parse_time(second))
