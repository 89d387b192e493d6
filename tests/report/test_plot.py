"""Figures are written as asked, are not blank, are the same every time, and say the right numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from sensetrack.displacement import Displacement, Field, Flag
from sensetrack.errors import GridError, InputError, OutputError, ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.raster.mask import AreaMask
from sensetrack.report.arrows import arrow_grid
from sensetrack.report.canvas import drawing
from sensetrack.report.furniture import percent
from sensetrack.report.numbers import flag_table
from sensetrack.report.plot import FIGURES, check_layer, map_figure, panels_of, plot_file, title_of
from sensetrack.report.sheet import Sheet


def pixels_of(path: Path) -> np.ndarray:
    with rasterio.open(path) as ds:
        return np.asarray(ds.read([1, 2, 3]))


def texts_of(figure: Any) -> Iterator[str]:
    from matplotlib.text import Text

    return (item.get_text() for item in figure.findobj(Text))


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("layer", [None, "overview", "histogram", "rho"])
def test_displacement_figures(layer: str | None, tongue_files: Path, tmp_path: Path) -> None:
    output = plot_file(tongue_files / "displacement.tif", tmp_path / "a.png", layer=layer, dpi=50)
    picture = pixels_of(output)
    assert min(picture.shape[1:]) > 150
    assert len(np.unique(picture.reshape(3, -1), axis=1).T) > 15


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_size_follows_dpi_and_the_map(tongue_files: Path, tmp_path: Path) -> None:
    shapes = [
        pixels_of(plot_file(tongue_files / "velocity.tif", tmp_path / f"{dpi}.png", dpi=dpi)).shape for dpi in (50, 100)
    ]
    np.testing.assert_allclose(np.divide(shapes[1][1:], shapes[0][1:]), 2, rtol=0.01)


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_equal_inputs_give_equal_bytes(suffix: str, start: bytes, tongue_files: Path, tmp_path: Path) -> None:
    outputs = [
        plot_file(tongue_files / "velocity.tif", tmp_path / f"{n}{suffix}", dpi=40).read_bytes() for n in range(2)
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].startswith(start)


def test_settings_of_the_user_have_no_say(tongue_files: Path, tmp_path: Path) -> None:
    import matplotlib

    first = plot_file(tongue_files / "velocity.tif", tmp_path / "a.png", dpi=40).read_bytes()
    with matplotlib.rc_context({"font.size": 30, "image.cmap": "hot", "axes.facecolor": "black"}):
        assert plot_file(tongue_files / "velocity.tif", tmp_path / "b.png", dpi=40).read_bytes() == first
        assert matplotlib.rcParams["font.size"] == 30


def test_no_global_state_and_no_screen(tongue_files: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from sensetrack.report.plot import plot_file;"
        "assert 'matplotlib' not in sys.modules;"
        f"plot_file({str(tongue_files / 'truth.tif')!r}, {str(tmp_path / 'a.png')!r}, dpi=30);"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"MPLBACKEND": "tkagg"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_legend_of_the_flags_tells_their_shares(tongue: Any) -> None:
    sheet = Sheet.of(tongue.displacement)
    rows = [row for row in flag_table(sheet.flag_bytes) if row.shown]
    total = tongue.displacement.field.flags.size
    with drawing():
        texts = set(texts_of(map_figure(sheet, ["flags"])))
    assert {f"{row.title}  {percent(row.shown / total)}" for row in rows} <= texts
    measured = np.mean(tongue.displacement.field.flags == 0)
    assert f"Measured  {100 * measured:.1f} %" in texts


def test_rare_flags_are_not_rounded_away() -> None:
    assert [percent(share) for share in (0, 1e-5, 0.0005, 0.25, 1)] == ["0.0 %", "<0.1 %", "0.1 %", "25.0 %", "100.0 %"]


def test_empty_pixels_are_transparent_and_doubtful_ones_too(tongue: Any) -> None:
    from matplotlib.image import AxesImage

    sheet = Sheet.of(tongue.displacement)
    with drawing():
        images = map_figure(sheet, ["dx"]).axes[0].findobj(AxesImage)
    shown = np.asarray(images[0].get_array().mask)
    np.testing.assert_array_equal(~shown, tongue.displacement.field.usable)


def test_limits_are_those_that_were_given(tongue: Any) -> None:
    from matplotlib.image import AxesImage

    with drawing():
        figure = map_figure(Sheet.of(tongue.displacement), ["dx"], limits=(-2.0, 5.0))
    assert figure.axes[0].findobj(AxesImage)[0].get_clim() == (-2.0, 5.0)


def test_colour_bars_mark_values_beyond_their_ends(tongue: Any) -> None:
    with drawing():
        figure = map_figure(Sheet.of(tongue.displacement), ["dx", "quality"])
        bars = [child for ax in figure.axes for child in ax.child_axes]
    assert [bar._colorbar.extend for bar in bars] == ["both", "neither"]  # type: ignore[attr-defined]


def test_titles_tell_dates_days_and_tracker(tongue: Any, make_field: Callable[..., Field]) -> None:
    assert title_of(Sheet.of(tongue.displacement)) == "2021-07-03 to 2021-07-23 · 20 days · pcc"
    bare = Sheet.of(Displacement(Grid((2, 2)), make_field(np.ones((2, 2)))), "bare.tif")
    assert title_of(bare) == "bare.tif"


def test_panels_of_each_kind_of_file(tongue_files: Path) -> None:
    displacement, velocity, truth = (
        Sheet.open(tongue_files / f"{name}.tif", 50) for name in ("displacement", "velocity", "truth")
    )
    assert panels_of(displacement, "overview") == ["length", "dx", "dy", "quality", "sigma", "flags"]
    assert panels_of(velocity, "overview") == ["v", "vx", "vy", "vx_error", "vy_error", "flags"]
    assert panels_of(truth, "overview") == ["length", "dx", "dy"]
    assert [check_layer(sheet, None) for sheet in (displacement, velocity, truth)] == ["components", "v", "components"]
    assert "flags" in FIGURES


def test_arrows_are_medians_of_usable_cells(make_field: Callable[..., Field]) -> None:
    dx = np.full((40, 60), 2.0)
    dx[:, 30:] = 4.0
    dx[3, 3] = 500.0
    flags = np.zeros((40, 60), np.uint8)
    flags[:20, :20] = Flag.MASKED
    flags[20:, 40:] = Flag.OUTLIER
    flags[20:25, 40:45] = 0
    sheet = Sheet.of(Displacement(Grid((40, 60)), make_field(dx, 0.0, flags=flags)))
    rows, cols, first, second = arrow_grid(sheet, 6)
    assert set(zip(rows, cols, first, strict=True)) == {
        (4.5, 24.5, 2), (4.5, 34.5, 4), (4.5, 44.5, 4), (4.5, 54.5, 4),
        (14.5, 24.5, 2), (14.5, 34.5, 4), (14.5, 44.5, 4), (14.5, 54.5, 4),
        (24.5, 4.5, 2), (24.5, 14.5, 2), (24.5, 24.5, 2), (24.5, 34.5, 4), (24.5, 44.5, 4),
        (34.5, 4.5, 2), (34.5, 14.5, 2), (34.5, 24.5, 2), (34.5, 34.5, 4),
    }  # fmt: skip
    assert not second.any()


def test_fields_without_any_value_can_be_drawn(tmp_path: Path) -> None:
    field = Field.empty((20, 30), Flag.NODATA)
    Displacement(Grid((20, 30)), field).save(tmp_path / "empty.tif")
    for layer in ("overview", "histogram", "length"):
        assert plot_file(tmp_path / "empty.tif", tmp_path / f"{layer}.png", layer=layer, dpi=40).stat().st_size > 3000


def test_netcdf_and_tables(tongue: Any, tmp_path: Path) -> None:
    tongue.displacement.save(tmp_path / "d.nc")
    assert plot_file(tmp_path / "d.nc", tmp_path / "d.png", dpi=40).is_file()
    tongue.displacement.save(tmp_path / "d.csv")
    with pytest.raises(InputError, match="a table of points is not read back"):
        plot_file(tmp_path / "d.csv", tmp_path / "e.png")


def test_the_histogram_uses_stable_ground(tongue: Any, tongue_files: Path, tmp_path: Path) -> None:
    area = AreaMask.from_array(tongue.stable, tongue.displacement.grid)
    path = tongue_files / "displacement.tif"
    output = plot_file(path, tmp_path / "a.svg", layer="histogram", stable=area).read_text(encoding="utf-8")
    count = np.count_nonzero(tongue.stable & (tongue.displacement.field.flags == 0))
    assert f"stable ground, {count:,} pixels" in output
    assert "all measured pixels" in plot_file(path, tmp_path / "b.svg", layer="histogram").read_text(encoding="utf-8")


def test_the_backdrop_is_the_reference_and_may_be_left_out(tongue_files: Path, tmp_path: Path) -> None:
    path = tongue_files / "velocity.tif"
    with_image = plot_file(path, tmp_path / "a.png", dpi=40).read_bytes()
    assert plot_file(path, tmp_path / "b.png", image=tongue_files / "reference.tif", dpi=40).read_bytes() == with_image
    assert plot_file(path, tmp_path / "c.png", use_image=False, dpi=40).read_bytes() != with_image


def test_bad_input_is_told_in_one_line(
    tongue_files: Path, tmp_path: Path, write_raster: Callable[..., Path], utm_grid: Callable[..., Grid]
) -> None:
    path, output = tongue_files / "displacement.tif", tmp_path / "a.png"
    with pytest.raises(ParameterError, match=r"a\.jpg: a figure is written as \.png, \.pdf, \.svg; got '\.jpg'"):
        plot_file(path, tmp_path / "a.jpg")
    with pytest.raises(ParameterError, match=r"displacement\.tif has no layer 'qualty'; did you mean 'quality'"):
        plot_file(path, output, layer="qualty")
    with pytest.raises(ParameterError, match=r"limits = \(2, 1\)"):
        plot_file(path, output, limits=(2, 1))
    with pytest.raises(ParameterError, match=r"opacity = 3: must be from 0 to 1"):
        plot_file(path, output, opacity=3)
    elsewhere = write_raster(np.ones((9, 9), np.float32), grid=utm_grid((9, 9)))
    with pytest.raises(GridError, match="overlap"):
        plot_file(path, output, image=elsewhere)
    with pytest.raises(InputError, match=r"nothing\.tif: no such file"):
        plot_file(tmp_path / "nothing.tif", output)
    with pytest.raises(InputError, match="neither a displacement"):
        plot_file(elsewhere, output)
    assert not output.exists()
    output.write_bytes(b"kept")
    with pytest.raises(OutputError, match="exists already"):
        plot_file(path, output)
    assert output.read_bytes() == b"kept"


def test_a_dollar_in_a_title_is_a_dollar(tongue_files: Path, tmp_path: Path) -> None:
    title = r"$\frac of 5 $"
    path = plot_file(tongue_files / "velocity.tif", tmp_path / "a.svg", title=title, dpi=40)
    assert title in path.read_text(encoding="utf-8")
