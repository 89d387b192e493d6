"""The plot and explain commands hand over what was asked and end bad input well."""

from __future__ import annotations

import pytest

PNG = b"\x89PNG\r\n\x1a\n"


def test_plot(run, field_file, tmp_path):
    out = tmp_path / "p.png"
    options = ["--layer", "dx", "--limits", -1, 3, "--opacity", 0.5, "--title", "T", "--dpi", 40, "--no-image"]
    assert run("plot", field_file, "-o", out, *options).stdout == f"{out}\n"
    assert out.read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["-o", "{p}", "--layer", "qualiti"], 2, "has no layer 'qualiti'; did you mean 'quality'?"),
        (["-o", "{p}", "--limits", "3", "1"], 2, "the first must be below the second"),
        (["-o", "{p}", "--image", "x.tif", "--no-image"], 2, "--image or --no-image"),
        (["-o", "{p}.bmp"], 1, "cannot write '.bmp' files; use .png, .pdf, .svg"),
        (["-o", "{p}", "--image", "nowhere.tif"], 1, "nowhere.tif: no such file"),
    ],
)
def test_bad_plots(run, field_file, tmp_path, words, status, message):
    words = [word.format(p=tmp_path / "p.png") for word in words]
    assert message in run("plot", field_file, *words, status=status).stderr
    assert not (tmp_path / "p.png").exists()


def test_explain(run, oracle, pair, tmp_path):
    run("oracle", *pair, "-o", tmp_path / "d.tif")
    text = run("explain", tmp_path / "d.tif", 8, 6, "-o", tmp_path / "why.png", "--window", 16).stdout
    assert text.startswith("d.tif: column 8, row 6 (x 500680, y 4999480)")
    assert "dx          +1.500 ± 0.100 px" in text
    assert text.endswith(f"{tmp_path / 'why.png'}\n")
    assert (tmp_path / "why.png").read_bytes().startswith(PNG)
    by_map = run("explain", tmp_path / "d.tif", 500680, 4999480, "--map", "--window", 16).stdout
    assert by_map == text.rpartition(f"{tmp_path}")[0]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["99", "0"], 2, "column 99, row 0 lies outside; columns are 0 to 15, rows 0 to 11"),
        (["-1", "0"], 2, "column -1, row 0 lies outside"),
        (["-100.5", "0", "--map"], 2, "x -100.5, y 0"),
        (["a", "0"], 2, "'a' is not a valid float"),
        (["1", "1", "--reference", "nowhere.tif"], 1, "nowhere.tif: no such file"),
        (["1"], 2, "Missing argument 'ROW'"),
    ],
)
def test_bad_explanations(run, oracle, pair, tmp_path, words, status, message):
    run("oracle", *pair, "-o", tmp_path / "d.tif")
    assert message in run("explain", tmp_path / "d.tif", *words, status=status).stderr
