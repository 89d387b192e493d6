"""The preprocess command and the option of that name: what they write and say, and how bad input ends."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
import yaml

from sensetrack.preprocess import preprocess_image
from sensetrack.raster.image import Image
from sensetrack.specs import image_filters_of

CHAIN = ["clip:low=1,high=99", "highpass:sigma=4"]


def pixels_of(path):
    with rasterio.open(path) as ds:
        return ds.read(1), ds.tags()


def options(chain, flag="--filter"):
    return [word for text in chain for word in (flag, text)]


def test_writes_what_the_filters_make_of_it(run, pair, tmp_path):
    out = tmp_path / "sharp.tif"
    text = run("preprocess", pair[0], "-o", out, *options(CHAIN)).stdout
    expected, _ = preprocess_image(Image.open(pair[0]), image_filters_of(CHAIN)).read()
    written, tags = pixels_of(out)
    np.testing.assert_array_equal(written, expected)
    steps = json.loads(tags["preprocess"])
    assert [step.split()[0] for step in steps] == ["clip", "highpass"]
    assert '"sigma": 4.0' in steps[1]
    assert text.startswith(
        f"{out}\n  size    96 rows x 128 columns\n  pixels  float32, 100.0 % valid\n  filter  clip {{"
    )
    assert "preprocess  highpass" in run("info", out).stdout
    assert Image.open(out).acquired == Image.open(pair[0]).acquired
    with rasterio.open(out) as new, rasterio.open(pair[0]) as old:
        assert (new.crs, new.transform) == (old.crs, old.transform)


def test_filters_of_a_filtered_file_are_remembered(run, pair, tmp_path):
    run("preprocess", pair[0], "-o", tmp_path / "a.tif", "--filter", "clip")
    run("preprocess", tmp_path / "a.tif", "-o", tmp_path / "b.tif", "--filter", "minmax")
    steps = json.loads(pixels_of(tmp_path / "b.tif")[1]["preprocess"])
    assert [step.split()[0] for step in steps] == ["clip", "minmax"]


def test_holes_stay_holes(run, write_raster, texture, tmp_path, utm_grid):
    image = texture((96, 128))
    image[20:50, 30:60] = -1
    path = write_raster(image, nodata=-1, grid=utm_grid((96, 128)))
    text = run("preprocess", path, "-o", tmp_path / "f.tif", "--filter", "wallis", "--filter", "fill").stdout
    np.testing.assert_array_equal(np.isnan(pixels_of(tmp_path / "f.tif")[0]), image == -1)
    assert "92.7 % valid" in text


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_chains_go_round_through_files(run, pair, tmp_path, form):
    file = tmp_path / f"chain.{form}"
    file.write_text(run("preprocess", *options(CHAIN), "--dump-params", form).stdout, encoding="utf-8")
    assert yaml.safe_load(file.read_text(encoding="utf-8")) == {"preprocess": CHAIN}
    again = run("preprocess", "--params", file, "--dump-params", form).stdout
    assert again == file.read_text(encoding="utf-8")
    run("preprocess", pair[0], "-o", tmp_path / "a.tif", *options(CHAIN))
    run("preprocess", pair[0], "-o", tmp_path / "b.tif", "--params", file)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    run("preprocess", pair[0], "-o", tmp_path / "c.tif", "--params", file, "--filter", "minmax")
    assert json.loads(pixels_of(tmp_path / "c.tif")[1]["preprocess"]) == ["minmax {}"]


@pytest.mark.parametrize(
    "text",
    [
        "preprocess: [clip, {highpass: {sigma: 3}}]",
        "preprocess:\n- clip:\n- highpass:\n    sigma: 3\n",
        "window: 32\npreprocess: [clip, 'highpass:sigma=3']",
    ],
)
def test_files_may_write_filters_as_texts_or_mappings(run, pair, tmp_path, text):
    file = tmp_path / "p.yaml"
    file.write_text(text, encoding="utf-8")
    run("preprocess", pair[0], "-o", tmp_path / "a.tif", "--params", file)
    run("preprocess", pair[0], "-o", tmp_path / "b.tif", "--filter", "clip", "--filter", "highpass:sigma=3")
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


@pytest.mark.parametrize("engine", [("serial",), ("threads", "--workers", "3")])
def test_engines_write_the_same_bytes(run, pair, tmp_path, engine):
    words = options(["fill", "clahe", "svd", "lee", "highpass"])
    run("preprocess", pair[0], "-o", tmp_path / "a.tif", *words)
    run("preprocess", pair[0], "-o", tmp_path / "b.tif", *words, "--engine", *engine)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_complex_results_are_files_that_trackers_read(run, pair, tmp_path):
    files = [tmp_path / f"{path.stem}-o.tif" for path in pair]
    for path, out in zip(pair, files, strict=True):
        assert "complex64" in run("preprocess", path, "-o", out, "--filter", "orientation").stdout
    with rasterio.open(files[0]) as ds:
        assert ds.dtypes == ("complex64",)
        length = np.abs(ds.read(1))[4:-4, 4:-4]
        assert (length <= 1.001).all()
        assert np.median(length) > 0.5
    words = ("--window", 32, "--step", 16, "--search", 8)
    run("pcc", *files, "-o", tmp_path / "d.tif", *words)
    dx, tags = pixels_of(tmp_path / "d.tif")
    assert np.nanmedian(dx) == pytest.approx(2.0, abs=0.05)
    assert json.loads(tags["preprocess"]) == []
    # On the way, without files between, it is the same.
    run("pcc", *pair, "-o", tmp_path / "e.tif", *words, "--preprocess", "orientation")
    np.testing.assert_allclose(pixels_of(tmp_path / "e.tif")[0], dx, atol=1e-4)


@pytest.fixture
def bands(write_raster, texture, utm_grid):
    """Two images of two bands in other orders; content moves by dx 2, dy -1."""
    grid, paths = utm_grid((96, 128)), []
    for name, names, dx, dy in (("20200101.tif", ["red", "nir"], 0, 0), ("20200111.tif", ["nir", "red"], 2, -1)):
        ground = texture((96, 128), dx=dx, dy=dy)
        layers = {"red": ground, "nir": 1000 + 30 * ground}
        paths.append(write_raster(np.stack([layers[key] for key in names]), name, grid=grid, names=names))
    return paths


def test_like_learns_of_the_partner(run, bands, tmp_path):
    text = run("preprocess", bands[0], "-o", tmp_path / "a.tif", "--filter", "bands").stdout
    assert "bands   0.968 x red + 0.0323 x nir" in text
    text = run("preprocess", bands[1], "-o", tmp_path / "b.tif", "--filter", "bands", "--like", bands[0]).stdout
    assert "bands   0.968 x red + 0.0323 x nir" in text
    said = run("preprocess", bands[1], "-o", tmp_path / "c.tif", "--filter", "bands:band=nir").stdout
    assert "bands   1 x nir" in said
    run("pcc", *bands, "-o", tmp_path / "d.tif", "--preprocess", "bands", "--window", 32, "--step", 16, "--search", 8)
    assert np.nanmedian(pixels_of(tmp_path / "d.tif")[0]) == pytest.approx(2.0, abs=0.05)


def test_trackers_pass_pairs_through_filters(run, oracle, pair, tmp_path):
    out = tmp_path / "d.tif"
    run("oracle", *pair, "-o", out, *options(["clahe", "highpass:sigma=8"], "--preprocess"))
    steps = json.loads(pixels_of(out)[1]["preprocess"])
    assert [step.split()[0] for step in steps] == ["clahe", "highpass"]
    assert "preprocess  clahe {" in run("info", out).stdout
    run("filter", out, "-o", tmp_path / "f.tif", "--filter", "quality:minimum=0.1")
    assert json.loads(pixels_of(tmp_path / "f.tif")[1]["preprocess"]) == steps


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_parameter_files_of_trackers_hold_filters(run, oracle, pair, tmp_path, form):
    file = tmp_path / f"p.{form}"
    dumped = run("oracle", "--step", 16, "--preprocess", "clip:low=2", "--dump-params", form).stdout
    file.write_text(dumped, encoding="utf-8")
    assert yaml.safe_load(dumped)["preprocess"] == ["clip:low=2"]
    assert run("oracle", "--params", file, "--dump-params", form).stdout == dumped
    run("oracle", *pair, "-o", tmp_path / "d.tif", "--params", file)
    layer, tags = pixels_of(tmp_path / "d.tif")
    assert layer.shape == (6, 8)
    assert json.loads(tags["preprocess"])[0].startswith('clip {"high": 99.5, "low": 2.0')
    run("oracle", *pair, "-o", tmp_path / "e.tif", "--params", file, "--preprocess", "minmax")
    assert json.loads(pixels_of(tmp_path / "e.tif")[1]["preprocess"]) == ["minmax {}"]
    plain = run("oracle", "--dump-params", form).stdout
    assert "preprocess" not in plain


def test_filters_of_other_distributions(run, oracle, pair, tmp_path):
    text = run("filters").stdout
    first, second = text.split("Image filters\n")
    assert first.startswith("Filters\n")
    assert "  median-test" in first
    assert "  highpass" in second
    assert "halve        Divides pixels by a number, two by default (from oracle-of-delphi)" in second
    assert "--preprocess NAME" in second
    kinds = {item["name"]: item["kind"] for item in json.loads(run("filters", "--json").stdout)}
    assert (kinds["halve"], kinds["mad"]) == ("image filter", "filter")
    assert "cannot be loaded (from oracle-of-delphi)" in run("trackers").stdout
    run("preprocess", pair[0], "-o", tmp_path / "h.tif", "--filter", "halve:by=4")
    written, tags = pixels_of(tmp_path / "h.tif")
    np.testing.assert_allclose(written, pixels_of(pair[0])[0] / 4, rtol=1e-6)
    assert json.loads(tags["preprocess"]) == ['halve {"by": 4.0}']
    assert "--filter halve" in run("preprocess", "--help").stdout


def test_coregister_measures_filtered_and_writes_unfiltered(run, bands, tmp_path):
    words = ("--preprocess", "bands:band=nir", "--preprocess", "orientation")
    text = run("coregister", *bands, "-o", tmp_path / "s.tif", "--all-bands", *words).stdout
    assert "dx = +2.0" in text
    with rasterio.open(tmp_path / "s.tif") as ds:
        assert ds.descriptions == ("nir", "red")
        assert np.nanmean(ds.read(1)) == pytest.approx(4000, rel=0.02)
    assert "dx = +2.0" in run("coregister", *bands, "--report-only", *words).stdout


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ([], 2, "name at least one image filter with --filter"),
        (["--filter", "clahx"], 2, "no image filter 'clahx'; did you mean 'clahe'?"),
        (["--filter", "highpass:sigma=0"], 2, "Highpass: sigma = 0: input should be greater than or equal to 0.5"),
        (["--filter", "highpass:sigm=2"], 2, "Highpass has no parameter 'sigm'; did you mean 'sigma'?"),
        (["--filter", "orientation", "--filter", "lee"], 1, "is complex after orientation, which Lee has no meaning"),
        (["--filter", "clip", "--filter", "bands"], 2, "image filter bands must come first"),
        (["--filter", "bands", "--band", "1"], 2, "band = 1 and the image filter bands both choose bands"),
        (["--filter", "bands:band=nir"], 1, "no band 'nir'"),
        (["--filter", "clip", "--nodata", "7"], 1, "no valid pixel"),
        (["--filter", "clip", "-o", "{old}"], 1, "exists already; choose another name or pass --overwrite"),
        (["--filter", "clip", "-o", "{image}", "--overwrite"], 1, "is also an input"),
        (["--filter", "clip", "-o", "x.png"], 1, "cannot write '.png' files; use .tif"),
        (["--params", "no.yaml"], 1, "no.yaml: cannot read the parameter file"),
        (["--params", "{misspelt}"], 2, "lists no image filters under 'preprocess'; did you mean 'preproces'?"),
        (["--params", "{number}"], 2, "preprocess = [5]: give a list of image filters"),
        (["--params", "{two}"], 2, "give one name with its parameters"),
    ],
)
def test_bad_input_is_one_line(run, write_raster, tmp_path, words, status, message):
    texts = {"misspelt": "preproces: [clip]", "number": "preprocess: 5", "two": "preprocess: [{clip: {}, log: {}}]"}
    places = {"image": write_raster(np.full((40, 50), 7.0)), "old": tmp_path / "old.tif", "out": tmp_path / "out.tif"}
    places["old"].touch()
    for name, text in texts.items():
        places[name] = tmp_path / f"{name}.yaml"
        places[name].write_text(text, encoding="utf-8")
    target = [] if "-o" in words else ["-o", "{out}"]
    call = [str(word).format(**places) for word in ["{image}", *target, *words]]
    result = run("preprocess", *call, status=status)
    assert message in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert not places["out"].exists()
    assert result.stdout == ""


@pytest.mark.parametrize("text", ["preprocess: 5", "preprocess: [5]", "preprocess: {clip: {}, log: {}}"])
def test_bad_chains_in_a_trackers_file(run, oracle, pair, tmp_path, text):
    file = tmp_path / "p.yaml"
    file.write_text(text, encoding="utf-8")
    result = run("oracle", *pair, "-o", tmp_path / "d.tif", "--params", file, status=2)
    assert "give " in result.stderr
