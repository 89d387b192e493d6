"""The operators Calibration and LinearToFromdB."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from products.cosmo import write_cosmo
from products.operators import band, opened, piecewise, plain_scene, read, run
from products.sentinel1 import write_sentinel1

from sensetrack.errors import GraphError, InputError
from sensetrack.graph.scene import Scene

NAMES = {"Sigma0": "sigma0", "Beta0": "beta0", "Gamma0": "gamma0"}
ALL = {"outputBetaBand": True, "outputGammaBand": True}


def cropped(scene: Scene, name: str, row: int, col: int, shape: tuple[int, int]) -> Scene:
    """Return one band of a scene, cut out as Subset does it."""
    from sensetrack.graph.pixels import window

    whole = band(scene, name)
    assert whole.radar is not None
    image = window(whole.image, row, col, shape)
    return scene.after("Subset", [whole.replace(image=image, radar=whole.radar.crop(row, col, shape))])


@pytest.mark.parametrize(("kind", "key", "stem"), [("GRD", "IW", "VV"), ("SLC", "IW2", "IW2_VV")])
def test_all_quantities_of_sentinel1(tmp_path: Path, kind: str, key: str, stem: str) -> None:
    truth = write_sentinel1(tmp_path, kind, shape=(60, 90)).images[key, "VV"]
    scene = run("Calibration", opened(truth.path.parents[1]), selectedPolarisations="VV", **ALL)
    assert scene.name.endswith("_Cal")
    for prefix, quantity in NAMES.items():
        pixels, valid = read(scene, f"{prefix}_{stem}")
        assert np.array_equal(valid, truth.valid)
        assert np.allclose(pixels[valid], truth.calibrated[quantity][valid], rtol=1e-6, atol=0)
        assert band(scene, f"{prefix}_{stem}").unit == "intensity"


def test_a_window_takes_the_table_of_its_place(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path).images["IW", "VV"]
    scene = cropped(opened(truth.path.parents[1]), "Amplitude_VV", 20, 40, (50, 100))
    pixels, valid = piecewise(band(run("Calibration", scene), "Sigma0_VV").image, 17, 33)
    expected = truth.calibrated["sigma0"][20:70, 40:140]
    assert np.allclose(pixels[valid], expected[valid], rtol=1e-6, atol=0)
    assert np.array_equal(valid, ~np.isnan(expected))


def test_numbers_before_they_were_scaled(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path).images["IW", "VV"]
    scene = run("Calibration", opened(truth.path.parents[1]), outputSigmaBand=False, outputDNBand=True)
    pixels, valid = read(scene, "DN_VV")
    expected = truth.dn.astype(float) ** 2 / truth.tables.lut["dn"] ** 2
    assert np.allclose(pixels[valid], expected[valid], rtol=1e-6)


def test_complex_stays_complex(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC", shape=(30, 60)).images["IW1", "VV"]
    scene = run("Calibration", opened(truth.path.parents[1]), outputImageInComplex=True)
    pixels, valid = read(scene, "IW1_VV")
    assert np.allclose(np.abs(pixels[valid]) ** 2, truth.calibrated["sigma0"][valid], rtol=1e-5)
    assert np.allclose(np.angle(pixels[valid]), np.angle(truth.dn[valid]), atol=1e-6)
    beta = run("Calibration", opened(truth.path.parents[1]), outputImageInComplex=True, outputSigmaBand=False, **ALL)
    assert np.allclose(np.abs(read(beta, "IW1_VV")[0][valid]) ** 2, truth.calibrated["beta0"][valid], rtol=1e-5)


def test_decibel_at_once_and_by_a_node_of_its_own(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, polarisations=("VV",)).images["IW", "VV"]
    scene = opened(truth.path.parents[1])
    at_once = run("Calibration", scene, outputImageScaleInDb=True)
    later = run("LinearToFromdB", run("Calibration", scene))
    for each in (at_once, later):
        pixels, valid = read(each, "Sigma0_VV_dB")
        assert np.allclose(pixels[valid], 10 * np.log10(truth.calibrated["sigma0"][valid]), atol=1e-5)
        assert band(each, "Sigma0_VV_dB").unit == "intensity_db"
    assert later.name.endswith("_Cal_dB")
    back = run("LinearToFromdB", later)
    pixels, valid = read(back, "Sigma0_VV")
    assert np.allclose(pixels[valid], truth.calibrated["sigma0"][valid], rtol=1e-6)
    assert band(back, "Sigma0_VV").unit == "intensity"


@pytest.mark.parametrize("level", ["SCS_B", "DGM_B", "GTC_B"])
@pytest.mark.parametrize(
    "options", [{}, {"range_compensation": "NONE", "incidence_compensation": "NONE"}, {"constant_flag": 1}]
)
def test_cosmo(tmp_path: Path, level: str, options: dict) -> None:
    truth = write_cosmo(tmp_path, level, **options)
    scene = opened(truth.path)
    pixels, valid = read(run("Calibration", scene), "Sigma0_HH")
    assert np.array_equal(valid, truth.valid["S01"])
    assert np.allclose(pixels[valid], truth.sigma0["S01"][valid], rtol=1e-6)
    # What is in decibel already is turned back: the cosine of phases is lost, the power is not.
    decibel = run("LinearToFromdB", scene)
    assert np.allclose(read(run("Calibration", decibel), "Sigma0_HH")[0], pixels, rtol=1e-5)
    if level == "SCS_B":
        complex_pixels = read(run("Calibration", scene, outputImageInComplex=True), "HH")[0]
        assert np.allclose(np.abs(complex_pixels) ** 2, pixels, rtol=1e-5)


def test_what_cosmo_cannot_be(tmp_path: Path) -> None:
    scene = opened(write_cosmo(tmp_path).path)
    with pytest.raises(GraphError, match="outputGammaBand"):
        run("Calibration", scene, outputGammaBand=True)
    folder = tmp_path / "uncalibrated"
    folder.mkdir()
    with pytest.raises(InputError, match="SCS_U"):
        run("Calibration", opened(write_cosmo(folder, "SCS_U").path))


def test_refusals(tmp_path: Path) -> None:
    scene = opened(write_sentinel1(tmp_path, "SLC", shape=(30, 60), polarisations=("VV",)).path)
    done = run("Calibration", scene)
    with pytest.raises(GraphError, match="calibrated already"):
        run("Calibration", done)
    with pytest.raises(GraphError, match="belongs before TOPSAR-Deburst"):
        run("Calibration", run("TOPSAR-Deburst", scene))
    with pytest.raises(GraphError, match="outputGammaBand"):
        run("Calibration", scene, createGammaBand=True)
    with pytest.raises(GraphError, match="contradict"):
        run("Calibration", scene, outputImageInComplex=True, outputImageScaleInDb=True)
    with pytest.raises(GraphError, match="for Sentinel-1 and COSMO-SkyMed"):
        run("Calibration", plain_scene(np.ones((4, 4), np.float32), "intensity"))
    with pytest.raises(GraphError, match="no such band"):
        run("Calibration", scene, sourceBands="IW4_VV")
    bare = tmp_path / "bare"
    bare.mkdir()
    without = opened(write_sentinel1(bare, without=("annotation/calibration/calibration-*",)).path)
    with pytest.raises(InputError, match=r"calibration file of band V. is not there"):
        run("Calibration", without)


def test_decibel_of_what_has_none_and_of_nodata() -> None:
    values = np.array([[100.0, 1.0, 1e-31, -3.0, 0.0]], np.float32)
    scene = run("LinearToFromdB", plain_scene(values, "intensity"))
    pixels, valid = read(scene, "Sigma0_VV_dB")
    assert pixels.tolist() == [[20.0, 0.0, np.float32(-1e-30), np.float32(-1e-30), 0.0]]
    assert valid.tolist() == [[True, True, True, True, False]]


def test_amplitude_takes_the_factor_of_10_too() -> None:
    scene = run("LinearToFromdB", plain_scene(np.full((2, 2), 100, np.float32), "amplitude", name="Amplitude_VV"))
    assert (read(scene, "Amplitude_VV_dB")[0] == 20).all()
    assert band(scene, "Amplitude_VV_dB").unit == "amplitude_db"
    assert band(run("LinearToFromdB", scene), "Amplitude_VV").unit == "amplitude"


def test_complex_becomes_the_decibel_of_its_intensity() -> None:
    scene = run("LinearToFromdB", plain_scene(np.full((2, 2), 6 + 8j, np.complex64), "complex", name="VV"))
    assert (read(scene, "Intensity_VV_dB")[0] == 20).all()


def test_pixels_pickle_with_their_tables(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, polarisations=("VV",))
    image = band(run("Calibration", opened(truth.path)), "Sigma0_VV").image
    assert np.array_equal(pickle.loads(pickle.dumps(image)).read()[0], image.read()[0])


def test_real_tables_at_their_nodes(shared_data: Path) -> None:
    """Without pixels (all are 0), the table that divides them, at lines and samples that the file states."""
    path = next((shared_data / "sentinel1" / "sarsen").glob("*GRDH*.SAFE"))
    product = opened(path).product
    vectors = product.calibration("VV", "sigma0")  # type: ignore[union-attr]
    table = vectors.at(vectors.lines, vectors.samples[0])
    assert np.array_equal(table, np.stack(vectors.values))
    assert (table.min(), table.max()) == pytest.approx((558.37, 663.86), abs=0.01)
    beta = product.calibration("VV", "beta0").at(np.array([0.0, 999.5]), np.array([0.0, 12345.6]))  # type: ignore[union-attr]
    dn = product.calibration("VV", "dn").at(np.array([0.0, 999.5]), np.array([0.0, 12345.6]))  # type: ignore[union-attr]
    assert np.allclose(beta, 473.9733, atol=1e-4)
    assert np.allclose(beta / dn, 1.393**0.5, rtol=1e-6)
