"""The metadata file of Landsat in its three forms, whole and broken."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensetrack.errors import InputError
from sensetrack.sensors.landsat._mtl import is_mtl, parse_mtl

TEXT = b"""GROUP = LANDSAT_METADATA_FILE
  GROUP = IMAGE_ATTRIBUTES
    DATE_ACQUIRED = 2020-02-29
    SCENE_CENTER_TIME = "23:59:59.5000000Z"
    GAIN = 2.0E-05
  END_GROUP = IMAGE_ATTRIBUTES
  GROUP = OTHER
    GAIN = "3"
  END_GROUP = OTHER
END_GROUP = LANDSAT_METADATA_FILE
END
"""
GROUPS = {
    "IMAGE_ATTRIBUTES": {"DATE_ACQUIRED": "2020-02-29", "SCENE_CENTER_TIME": "23:59:59.5000000Z", "GAIN": "2.0E-05"},
    "OTHER": {"GAIN": "3"},
}
XML = b"<LANDSAT_METADATA_FILE><OTHER><GAIN>3</GAIN></OTHER></LANDSAT_METADATA_FILE>"


def test_groups_are_kept_apart() -> None:
    found = parse_mtl(TEXT, "x.txt")
    assert found.groups == GROUPS and found.collection == 2
    assert found.number("GAIN", "OTHER") == 3 and found.number("GAIN", "IMAGE_ATTRIBUTES") == 2e-5
    assert found.number("GAIN", "NOTHING", "OTHER") == 3 and found.optional("GAIN", "NOTHING") is None
    assert found.acquired("IMAGE_ATTRIBUTES") == datetime(2020, 2, 29, 23, 59, 59, 500000, tzinfo=UTC)
    assert found.acquired("OTHER") is None and found.group("NOTHING") == {}


def test_forms_agree() -> None:
    as_json = json.dumps({"LANDSAT_METADATA_FILE": GROUPS}).encode()
    assert parse_mtl(as_json, "x.json").groups == GROUPS
    assert parse_mtl(b"\xef\xbb\xbf" + TEXT.replace(b"\n", b"\r\n"), "x.txt").groups == GROUPS
    assert parse_mtl(XML, "x.xml").groups == {"OTHER": {"GAIN": "3"}}


def test_real_forms_agree(shared_data: Path) -> None:
    folder = shared_data / "landsat/LC08_L2SP_008059_20191201_20200825_02_T1"
    text, xml, as_json = (
        parse_mtl(next(folder.glob(f"*MTL.{form}")).read_bytes(), form).groups for form in ("txt", "xml", "json")
    )
    assert text == xml == as_json
    assert text["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"]["REFLECTANCE_MULT_BAND_4"] == "2.75e-05"
    assert text["LEVEL1_RADIOMETRIC_RESCALING"]["REFLECTANCE_MULT_BAND_4"] == "2.0000E-05"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (TEXT[:-5], "cut off"),
        (TEXT[: len(TEXT) // 2], "cut off|no 'KEY = VALUE'"),
        (TEXT.replace(b"END_GROUP = OTHER", b"END_GROUP = ANOTHER"), "line 9 ends the group ANOTHER"),
        (TEXT.replace(b'GAIN = "3"', b"GAIN"), "line 8 is no 'KEY = VALUE'"),
        (TEXT.replace(b"LANDSAT_METADATA_FILE", b"OTHER_FILE"), "begins with 'OTHER_FILE'"),
        (b"", "cut off"),
        (b"\xff\xfe\x00", "cannot be read as text"),
        (b"{", "cannot be read as JSON"),
        (b"{" * 100_000, "cannot be read as JSON"),
        (b"{}", "begins with ''"),
        (b'{"LANDSAT_METADATA_FILE": [1]}', "groups are no objects"),
        (b'{"LANDSAT_METADATA_FILE": {"A": 1}}', "groups are no objects"),
        (b"<a/>", "begins with 'a'"),
        (b"<a", "cannot be read as XML"),
    ],
)
def test_what_is_broken_is_one_error(content: bytes, why: str) -> None:
    with pytest.raises(InputError, match=why) as error:
        parse_mtl(content, "x_MTL.txt")
    assert str(error.value).startswith("x_MTL.txt: ")


def test_values_that_are_none() -> None:
    found = parse_mtl(TEXT.replace(b"2.0E-05", b"much").replace(b"02-29", b"02-30"), "x")
    with pytest.raises(InputError, match="GAIN = 'much' is no number"):
        found.number("GAIN", "IMAGE_ATTRIBUTES")
    with pytest.raises(InputError, match="lacks LOSS in its group A or OTHER"):
        found.text("LOSS", "A", "OTHER")
    with pytest.raises(InputError, match="DATE_ACQUIRED = '2020-02-30'"):
        found.acquired("IMAGE_ATTRIBUTES")


def test_what_begins_like_one() -> None:
    assert is_mtl(TEXT) and is_mtl(XML) and is_mtl(b"GROUP = L1_METADATA_FILE") and not is_mtl(b"GROUP = X")


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: f"GROUP = A\n{text}".encode("utf-8", "replace"))
)
def test_anything_parses_or_is_an_input_error(content: bytes) -> None:
    with pytest.raises(InputError):
        parse_mtl(content, "x")


WORD = st.text(st.characters(categories=("Lu", "Nd")), min_size=1, max_size=8)
VALUE = st.text(st.characters(categories=("Lu", "Ll", "Nd"), include_characters="-.: /"), max_size=12).map(str.strip)


@given(st.dictionaries(WORD, st.dictionaries(WORD.filter(lambda key: key != "GROUP"), VALUE, max_size=4), max_size=4))
def test_what_is_written_is_read(groups: dict[str, dict[str, str]]) -> None:
    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for name, values in groups.items():
        lines += [f"GROUP = {name}", *(f'{key} = "{value}"' for key, value in values.items()), f"END_GROUP = {name}"]
    lines += ["END_GROUP = LANDSAT_METADATA_FILE", "END"]
    assert parse_mtl("\n".join(lines).encode(), "x").groups == groups
    assert parse_mtl(json.dumps({"LANDSAT_METADATA_FILE": groups}).encode(), "x").groups == groups
