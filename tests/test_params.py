"""Parameters: what cannot work cannot be constructed, and every refusal says what would work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, Self

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensetrack.errors import InputError, ParameterError, SensetrackError
from sensetrack.params import Params, describe, limits_of, param, read_mapping


class Matcher(Params):
    """Parameters as a tracker has them."""

    window: int = param(64, "Side of the matched window.", unit="px", ge=8, le=512)
    step: int = param(16, "Spacing of the output.", unit="px", ge=1)
    threshold: float = param(0.5, "Least quality: a share.", gt=0.0, lt=1.0)
    surface: Literal["parabola", "gaussian"] = param("gaussian", "Fit of the peak.")
    scales: tuple[int, ...] = param((1, 2), "Pyramid levels.")
    name: str | None = param(None, "Label.")

    @pydantic.model_validator(mode="after")
    def _check(self) -> Self:
        if self.step > self.window:
            raise ValueError(f"step = {self.step} must not exceed window = {self.window}")
        return self


class Needy(Params):
    """One parameter without a default."""

    days: float = param(..., "Time base.", unit="d", gt=0)


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"windw": 32}, "Matcher has no parameter 'windw'; did you mean 'window'?"),
        ({"zzz": 1}, "Matcher has no parameter 'zzz'; known: name, scales, step, surface, threshold, window"),
        ({"window": 4}, "Matcher: window = 4: input should be greater than or equal to 8"),
        (
            {"window": 64.5},
            "Matcher: window = 64.5: input should be a valid integer, got a number with a fractional part",
        ),
        ({"window": "wide"}, "Matcher: window = 'wide': input should be a valid integer"),
        ({"threshold": float("nan")}, "Matcher: threshold = nan: input should be "),
        ({"surface": "cubic"}, "Matcher: surface = 'cubic': input should be 'parabola' or 'gaussian'"),
        ({"window": 8, "step": 9}, "Matcher: step = 9 must not exceed window = 8"),
    ],
)
def test_a_refusal_names_the_knob_the_value_and_what_works(values: dict[str, object], says: str) -> None:
    with pytest.raises(ParameterError) as error:
        Matcher(**values)
    assert message(error).startswith(says)


def test_all_faults_are_said_at_once() -> None:
    with pytest.raises(ParameterError) as error:
        Matcher(window=4, thresold=0.5)
    assert message(error) == (
        "Matcher: window = 4: input should be greater than or equal to 8; "
        "Matcher has no parameter 'thresold'; did you mean 'threshold'?"
    )


def test_a_missing_value_is_described() -> None:
    with pytest.raises(ParameterError) as error:
        Needy()
    assert message(error) == "Needy needs 'days': Time base. [d, > 0]"


def test_parameters_are_frozen_and_changes_are_checked() -> None:
    matcher = Matcher(window=32)
    with pytest.raises(pydantic.ValidationError):
        matcher.window = 4  # type: ignore[misc]
    assert matcher.with_changes(step=8) == Matcher(window=32, step=8)
    with pytest.raises(ParameterError, match="step = 33 must not exceed window = 32"):
        matcher.with_changes(step=33)


@given(
    st.builds(
        Matcher,
        window=st.integers(64, 512),
        step=st.integers(1, 64),
        threshold=st.floats(0.001, 0.999),
        scales=st.lists(st.integers(1, 9), max_size=4).map(tuple),
        name=st.none() | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20),
    )
)
def test_files_read_back_what_was_dumped(matcher: Matcher) -> None:
    import yaml

    assert Matcher(**json.loads(matcher.to_json())) == matcher
    assert Matcher(**yaml.safe_load(matcher.to_yaml())) == matcher
    assert "\n" not in matcher.to_json()


def test_a_dumped_file_explains_itself(tmp_path: Path) -> None:
    text = Matcher().to_yaml()
    assert "# Side of the matched window. [px, >= 8, <= 512]\nwindow: 64\n" in text
    path = tmp_path / "matcher.yaml"
    path.write_text(text, encoding="utf-8")
    assert Matcher.from_file(path, step=8) == Matcher(step=8)
    path.write_text('{"window": 32}', encoding="utf-8")
    assert Matcher.from_file(path) == Matcher(window=32)


def test_an_unknown_key_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "matcher.yaml"
    path.write_text("windo: 32\n", encoding="utf-8")
    with pytest.raises(ParameterError) as error:
        Matcher.from_file(path)
    assert message(error) == "Matcher has no parameter 'windo'; did you mean 'window'?"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"window: [1, 2", "not valid YAML or JSON: while parsing a flow sequence"),
        (b"window: 1\n\twindow: 2", "not valid YAML or JSON"),
        (b"- 1\n- 2\n", "expected a mapping of parameter names to values, such as 'window: 64'"),
        (b"just text", "expected a mapping"),
        (b"1: 2", "expected a mapping"),
        (b"\xff\xfe\x00", "cannot read the parameter file"),
        (b"a: !!python/object/apply:os.system ['true']", "not valid YAML or JSON: could not determine a constructor"),
    ],
)
def test_a_file_that_is_no_mapping(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        read_mapping(path)
    assert message(error).startswith(f"{path}: {says}")


def test_an_absent_file_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the parameter file"):
        read_mapping(tmp_path / "absent.yaml")
    (tmp_path / "empty.yaml").write_text("# nothing\n", encoding="utf-8")
    assert read_mapping(tmp_path / "empty.yaml") == {}


@pytest.mark.parametrize("content", ["window: 8\nwindow: 16\n", '{"window": 8, "window": 16}'])
def test_a_key_given_twice_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_mapping(path)
    assert "'window' is given twice" in message(error)


def test_descriptions_carry_unit_and_range() -> None:
    assert describe(Matcher, "threshold") == "Least quality: a share. [> 0.0, < 1.0]"
    assert describe(Matcher, "name") == "Label."
    assert limits_of(Matcher, "window") == ">= 8, <= 512"
