"""Options from parameters: every kind of field, parameter files, and who wins."""

from __future__ import annotations

import importlib
import json
from enum import Enum
from typing import Literal

import click
import pytest
import yaml
from click.testing import CliRunner

from sensetrack.errors import ParameterError
from sensetrack.params import Params, param

generate = importlib.import_module("sensetrack.cli._generate")
commands = importlib.import_module("sensetrack.cli._command")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Everything(Params):
    """One field of each kind."""

    window: int = param(64, "Side of the window", unit="px", ge=8, le=512)
    sigma: float | None = param(None, "Width of the blur", unit="px", gt=0)
    fast: bool = param(True, "Whether to hurry")
    maybe: bool | None = param(None, "Whether, or left open")
    peak: Literal["parabola", "gauss"] = param("parabola", "How the peak is fitted")
    power: Literal[1, 2] = param(1, "Exponent of the weights")
    colour: Colour = param(Colour.RED, "Band to look at")
    sizes: tuple[int, ...] = param((32, 16), "Windows of the passes", unit="px")
    names: list[str] = param([], "Names to keep")
    maximum: tuple[float, float] = param((4.0, 5.0), "Largest dx and dy", unit="px")
    optional_sizes: tuple[int, ...] | None = param(None, "Windows, or none")
    table: dict[str, float] = param({}, "Weights by name")


class Needy(Params):
    """A field without a default."""

    size: int = param(..., "Size that nobody can guess", unit="px")


def command_of(cls, **options):
    @commands.command("try", example="sensetrack try")
    @commands.argument("file", help="Something.")
    @generate.with_params(cls, **options)
    def run(file, params):
        """Try it."""
        click.echo(params.to_json())

    return run


def call(*words, cls=Everything, status=0, standalone=True):
    result = CliRunner().invoke(command_of(cls), ["file", *map(str, words)], standalone_mode=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == status, result.output
    return json.loads(result.stdout) if status == 0 else result.stderr


def test_defaults():
    assert call() == json.loads(Everything().to_json())


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--window", "32"], "window", 32),
        (["--sigma", "1.5"], "sigma", 1.5),
        (["--sigma", "none"], "sigma", None),
        (["--no-fast"], "fast", False),
        (["--fast"], "fast", True),
        (["--no-maybe"], "maybe", False),
        (["--peak", "gauss"], "peak", "gauss"),
        (["--power", "2"], "power", 2),
        (["--colour", "blue"], "colour", "blue"),
        (["--sizes", "64", "--sizes", "32", "--sizes", "8"], "sizes", [64, 32, 8]),
        (["--names", "a", "--names", "b"], "names", ["a", "b"]),
        (["--maximum", "1", "2.5"], "maximum", [1.0, 2.5]),
        (["--optional-sizes", "4"], "optional_sizes", [4]),
        (["--optional-sizes", "none"], "optional_sizes", None),
        (["--table", "{a: 1, b: 2.5}"], "table", {"a": 1.0, "b": 2.5}),
    ],
)
def test_every_kind_of_option(words, name, value):
    assert call(*words) == json.loads(Everything().to_json()) | {name: value}


def test_help_has_every_parameter_with_range_unit_and_default():
    text = " ".join(CliRunner().invoke(command_of(Everything), ["--help"]).stdout.split())
    for name in Everything.model_fields:
        assert f"--{name.replace('_', '-')}" in text
    assert "Side of the window [px, >= 8, <= 512] [default: 64]" in text
    assert "Width of the blur [px, > 0] [default: none]" in text
    assert "--fast / --no-fast Whether to hurry [default: yes]" in text
    assert "--peak [parabola|gauss]" in text
    assert "--power [1|2]" in text
    assert "Repeat for several. [default: 32 16]" in text


def test_required_parameter():
    assert "Size that nobody can guess [px] [required]" in CliRunner().invoke(command_of(Needy), ["--help"]).stdout
    assert call("--size", 3, cls=Needy) == {"size": 3}
    with pytest.raises(ParameterError, match="Needy needs 'size': Size that nobody can guess"):
        call(cls=Needy)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--window", "x"], "'x' is not a valid integer"),
        (["--peak", "spline"], "'spline' is not one of parabola, gauss"),
        (["--power", "3"], "'3' is not one of 1, 2"),
        (["--table", "{a"], "'{a' cannot be read as YAML"),
        (["--windo", "4"], "Did you mean"),
        (["--dump-params", "xml"], "'xml' is not one of 'yaml', 'json'"),
    ],
)
def test_words_that_do_not_parse(words, message):
    assert message in call(*words, status=2)


def test_values_out_of_range_name_the_parameter():
    with pytest.raises(ParameterError, match="window = 4: input should be greater than or equal to 8"):
        call("--window", "4")


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_dumped_parameters_are_read_back(tmp_path, form):
    words = ["--window", "32", "--sigma", "2", "--no-fast", "--sizes", "8", "--colour", "blue", "--table", "{a: 1}"]
    text = CliRunner().invoke(command_of(Everything), [*words, "--dump-params", form]).stdout
    path = tmp_path / f"p.{form}"
    path.write_text(text, encoding="utf-8")
    assert (yaml.safe_load if form == "yaml" else json.loads)(text)["window"] == 32
    assert call("--params", path) == call(*words)


def test_dumping_needs_no_arguments_and_explains_every_parameter():
    text = CliRunner().invoke(command_of(Everything), ["--dump-params"]).stdout
    assert "# Side of the window [px, >= 8, <= 512]\nwindow: 64" in text


def test_option_wins_over_file_and_file_over_default(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("window: 32\nsigma: 2.0\nfast: false\n", encoding="utf-8")
    found = call("--params", path, "--window", "16", "--sigma", "none", "--fast")
    assert (found["window"], found["sigma"], found["fast"]) == (16, None, True)
    found = call("--params", path)
    assert (found["window"], found["sigma"], found["fast"], found["power"]) == (32, 2.0, False, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("windw: 3\n", "p.yaml: Everything has no parameter 'windw'; did you mean 'window'?"),
        ("window: 3\n", "p.yaml: Everything: window = 3: input should be greater than or equal to 8"),
        ("- 1\n", "p.yaml: expected a mapping of parameter names to values"),
        ("a: [1\n", "p.yaml: not valid YAML or JSON"),
    ],
)
def test_bad_file_is_named(tmp_path, text, message):
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Exception, match=r"p\.yaml") as caught:
        call("--params", path)
    assert message in str(caught.value)


def test_absent_file_is_named():
    with pytest.raises(Exception, match=r"nowhere\.yaml: cannot read the parameter file"):
        call("--params", "nowhere.yaml")


def test_option_that_mends_a_bad_file(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("window: 3\n", encoding="utf-8")
    assert call("--params", path, "--window", "9")["window"] == 9


def test_taken_names_are_set_otherwise():
    made = generate.ParamsOptions(Everything, reserved={"--window"})
    flags = [flag for item in made.options for flag in item.opts]
    assert "--set-window" in flags
    assert "--window" not in flags


def test_skipped_parameters_have_no_option_but_a_file_may_set_them(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("window: 32\n", encoding="utf-8")
    command = command_of(Everything, skip=("window",))
    assert "--window" not in CliRunner().invoke(command, ["--help"]).stdout
    result = CliRunner().invoke(command, ["file", "--params", str(path)])
    assert json.loads(result.stdout)["window"] == 32
