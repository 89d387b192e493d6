"""Phase correlation on real and standard pairs whose motion is published or independently checked."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from sensetrack.displacement import Displacement
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.stream import track
from sensetrack.trackers.pcc import Pcc


def measure(first: Path, second: Path, **settings: object) -> Displacement:
    """Track two files."""
    return track(ImagePair.open(first, second), Pcc(**settings))


def centres(displacement: Displacement) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the window centres in the images."""
    grid = displacement.grid
    x, y = grid.xy(*np.mgrid[: grid.height, : grid.width])
    return y - 0.5, x - 0.5


@pytest.fixture(scope="module")
def moreno(shared_data: Path) -> dict[str, Displacement]:
    """Perito Moreno, three dates in 2020, each against each."""
    folder = shared_data / "pairs" / "giv-perito-moreno"
    pairs = {"early": ("0101", "0131"), "late": ("0131", "0220"), "long": ("0101", "0220")}
    return {
        name: measure(*(folder / f"2020{date}.jpg" for date in dates), forward_backward=0)
        for name, dates in pairs.items()
    }


def test_perito_moreno_speeds(shared_data: Path, moreno: dict[str, Displacement]) -> None:
    """Over windows that lie wholly on the glacier, as the reference values were taken."""
    mask = Image.open(shared_data / "pairs" / "giv-perito-moreno" / "mask.jpg").read()[0] > 128
    inside = binary_erosion(mask, np.ones((3, 3)), iterations=32)
    row, col = (axis.round().astype(int) for axis in centres(moreno["long"]))
    field = moreno["long"].field
    where = inside[row, col] & field.measured
    assert where.sum() > 0.95 * inside[row, col].sum()
    speed = np.percentile(field.length[where] / 50, [50, 90, 95])
    np.testing.assert_allclose(speed, [0.224, 0.299, 0.329], rtol=0.05)
    assert np.median(field.dx[where]) > 0, "the ice moves to the right"
    assert np.median(field.dy[where]) < 0, "and up"


def test_perito_moreno_triple_closes(shared_data: Path, moreno: dict[str, Displacement]) -> None:
    mask = Image.open(shared_data / "pairs" / "giv-perito-moreno" / "mask.jpg").read()[0] > 128
    row, col = (axis.round().astype(int) for axis in centres(moreno["long"]))
    early, late, long = (moreno[name].field for name in ("early", "late", "long"))
    where = mask[row, col] & early.measured & late.measured & long.measured
    for component in ("dx", "dy"):
        closure = getattr(early, component) + getattr(late, component) - getattr(long, component)
        assert np.median(np.abs(closure[where])) < 0.1


@pytest.mark.parametrize(("column", "level"), [(1, "L1"), (3, "L3"), (5, "L5")])
def test_dic_challenge_against_its_exact_truth(shared_data: Path, column: int, level: str) -> None:
    folder = shared_data / "pairs" / "dic-challenge-sample14"
    truth = np.genfromtxt(folder / "command.csv", delimiter=",", skip_header=1)
    images = (folder / "images" / f"Sample14 {name}.tif" for name in ("Reference", f"{level} Amp0.1b"))
    displacement = measure(*images, forward_backward=0)
    field = displacement.field
    _, col = centres(displacement)
    assert field.measured.mean() > 0.99
    error = (field.dx - np.interp(col, truth[:, 0], truth[:, column]))[field.measured]
    assert np.sqrt(np.mean(error**2)) < 0.02
    assert np.sqrt(np.mean(field.dy[field.measured] ** 2)) < 0.02


@pytest.mark.parametrize("pixels", [1, 5, 15])
def test_whole_pixel_shifts(shared_data: Path, pixels: int) -> None:
    folder = shared_data / "pairs" / "dice-pixel-shift"
    field = measure(folder / "ref.tif", folder / f"def_{pixels}.tif").field
    assert field.measured.mean() > 0.9
    for component in (field.dx, field.dy):
        assert abs(np.median(component[field.measured]) - pixels) < 0.02
    assert np.percentile(np.hypot(field.dx - pixels, field.dy - pixels)[field.measured], 99) < 0.1


@pytest.mark.parametrize(
    ("names", "dy", "dx"),
    [
        (("pivlab-karman/PIVlab_Karman_01.bmp", "pivlab-karman/PIVlab_Karman_02.bmp"), 0.006, -1.877),
        (("openpiv-test1/exp1_001_a.bmp", "openpiv-test1/exp1_001_b.bmp"), 5.1, -0.08),
    ],
)
def test_particle_images(shared_data: Path, names: tuple[str, str], dy: float, dx: float) -> None:
    """The references come from correlation with a parabola, which locks to whole pixels on particles this small."""
    files = [shared_data / "pairs" / name for name in names]
    field = measure(*files, window=32, step=8).field
    assert np.median(field.dy[field.measured]) == pytest.approx(dy, abs=0.12)
    assert np.median(field.dx[field.measured]) == pytest.approx(dx, abs=0.12)


def test_no_peak_locking_on_small_particles_where_a_parabola_locks(shared_data: Path) -> None:
    image = Image.open(shared_data / "pairs" / "pivlab-karman" / "PIVlab_Karman_01.bmp").read()[0]
    lag = 0.7
    ramp = np.exp(-2j * np.pi * np.fft.fftfreq(image.shape[1]) * lag)
    moved = np.fft.ifft2(np.fft.fft2(image) * ramp).real.astype(np.float32)
    field = Pcc(window=32, step=16, forward_backward=0).track(image, moved)
    assert np.median(field.dx[field.measured]) == pytest.approx(lag, abs=0.01)

    found = []
    for row in range(40, 700, 60):
        for col in range(40, 960, 60):
            chip = image[row - 16 : row + 17, col - 16 : col + 17]
            area = moved[row - 20 : row + 21, col - 20 : col + 21]
            before, top, after = cv2.matchTemplate(area, chip, cv2.TM_CCOEFF_NORMED)[4, 4:7]
            found.append(1 + 0.5 * (before - after) / (before - 2 * top + after))
    assert abs(np.median(found) - lag) > 0.05
