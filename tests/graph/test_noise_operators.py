"""The operators ThermalNoiseRemoval and Remove-GRD-Border-Noise."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from products.cosmo import write_cosmo
from products.operators import band, opened, piecewise, read, run
from products.sentinel1 import write_sentinel1

from sensetrack.errors import GraphError
from sensetrack.graph.scene import Scene
from sensetrack.radar.noise import without_noise
from sensetrack.sensors import open_product
from sensetrack.sensors.sentinel1 import Sentinel1Product


def made_by(scene: Scene, baseline: str) -> Scene:
    """Return a scene whose product says that another version of the processor made it."""
    assert scene.product is not None
    return dataclasses.replace(scene, product=dataclasses.replace(scene.product, baseline=baseline))


def denoised(scene: Scene) -> Scene:
    """Return a scene whose annotations say that the noise was taken out."""
    product = scene.product
    assert isinstance(product, Sentinel1Product)
    known = {name: dataclasses.replace(each, is_denoised=True) for name, each in product.annotations.items()}
    return dataclasses.replace(scene, product=dataclasses.replace(product, annotations=known))


def test_by_hand() -> None:
    power, noise = np.array([9.0, 4.0, 1.0, 7.0]), np.array([2.0, 4.0, 5.0, 0.0])
    assert without_noise(power, noise).tolist() == [7.0, 0.0, 1e-5, 7.0]
    assert without_noise(power, noise, clips=False).tolist() == [7.0, 0.0, -4.0, 7.0]


@pytest.mark.parametrize("noise", ["azimuth", "old"])
def test_grd(tmp_path: Path, noise: str) -> None:
    truth = write_sentinel1(tmp_path, noise=noise).images["IW", "VV"]
    scene = opened(truth.path.parents[1])
    clipped = run("ThermalNoiseRemoval", scene)
    expected = truth.dn.astype(float) ** 2 - truth.noise
    pixels, valid = piecewise(band(clipped, "Intensity_VV").image, 31, 50)
    assert np.array_equal(valid, truth.valid)
    assert (expected[valid] < 0).any()
    assert np.allclose(pixels[valid], np.where(expected < 0, 1e-5, expected)[valid], rtol=1e-6)
    free = read(run("ThermalNoiseRemoval", scene, clipNegativeValues=False), "Intensity_VV")[0]
    assert np.allclose(free[valid], expected[valid], rtol=1e-6, atol=1e-4)
    assert clipped.name.endswith("_NR")


def test_after_calibration_and_before_it_is_the_same(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, polarisations=("VV",))
    scene, both = opened(truth.path), {"outputGammaBand": True}
    first = run("Calibration", run("ThermalNoiseRemoval", scene, clipNegativeValues=False), **both)
    last = run("ThermalNoiseRemoval", run("Calibration", scene, **both), clipNegativeValues=False)
    for name in ("Sigma0_VV", "Gamma0_VV"):
        a, b = read(first, name)[0], read(last, name)[0]
        assert np.allclose(a, b, rtol=1e-5, atol=1e-8)
        assert (a != 0).any()
    product = truth.images["IW", "VV"]
    expected = (product.dn.astype(float) ** 2 - product.noise) / product.tables.lut["sigmaNought"] ** 2
    assert np.allclose(read(last, "Sigma0_VV")[0][product.valid], expected[product.valid], rtol=1e-5, atol=1e-8)


def test_the_noise_itself_and_bands_as_they_were(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, polarisations=("VV",)).images["IW", "VV"]
    scene = run("ThermalNoiseRemoval", opened(truth.path.parents[1]), removeThermalNoise=False, outputNoise=True)
    assert [each.name for each in scene.bands] == ["Amplitude_VV", "Noise_VV"]
    pixels, valid = read(scene, "Noise_VV")
    assert np.allclose(pixels[valid], truth.noise[valid], rtol=1e-6)


def test_every_burst_has_a_range_vector_of_its_own(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC", shape=(30, 90), polarisations=("VV",))
    image, scene = truth.images["IW2", "VV"], opened(truth.path)
    product = scene.product
    assert isinstance(product, Sentinel1Product)
    noise = product.noise("IW2-VV")
    ranges, along = noise.range_vectors, noise.azimuth[0]
    cols = np.arange(90)
    pixels, valid = read(run("ThermalNoiseRemoval", scene, clipNegativeValues=False), "Intensity_IW2_VV")
    for row in (2, 29, 31, 45, 63, 88):
        vector = row // 30
        power = np.interp(cols, ranges.samples[vector], ranges.values[vector])
        expected = np.abs(image.dn[row]) ** 2 - power * np.interp(row, along.lines, along.factors)
        assert np.allclose(pixels[row][valid[row]], expected[valid[row]], rtol=1e-5, atol=1e-3)
    assert valid.any()


def test_real_noise_at_its_nodes(shared_data: Path) -> None:
    """Of a real SLC: the first vector belongs to the first burst by its time, whatever its line says."""
    product = open_product(next((shared_data / "sentinel1" / "s1-reader").glob("*.zip")))
    assert isinstance(product, Sentinel1Product)
    for name, line in (("IW1-VV", -2994), ("IW2-VH", -1509), ("IW3-VV", -1515)):
        noise, lines = product.noise(name), product.annotation(name).lines_per_burst
        ranges, along = noise.range_vectors, noise.azimuth[0]
        assert (noise.first, ranges.lines[0]) == (0, line)
        for burst in (0, 4, 8):
            place = np.searchsorted(along.lines, burst * lines)
            found = noise.at(along.lines[[place]], ranges.samples[burst])[0]
            assert np.allclose(found, ranges.values[burst] * along.factors[place], rtol=1e-12)
        assert not product.annotation(name).is_denoised


def test_real_grd_noise_at_its_nodes(shared_data: Path) -> None:
    product = open_product(next((shared_data / "sentinel1" / "sarsen").glob("*GRDH*.SAFE")))
    assert isinstance(product, Sentinel1Product)
    noise = product.noise("VV")
    ranges = noise.range_vectors
    for vector in (0, 13, len(ranges.lines) - 1):
        row, samples = ranges.lines[vector], ranges.samples[vector]
        found = noise.at(np.array([row]), samples)[0]
        for block in noise.azimuth:
            inside = (samples >= block.first_sample) & (samples <= block.last_sample)
            factor = np.interp(row, block.lines, block.factors)
            assert np.allclose(found[inside], ranges.values[vector][inside] * factor, rtol=1e-12)


def test_noise_is_taken_out_once_and_put_back(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, polarisations=("VV",))
    scene = opened(truth.path)
    with pytest.raises(GraphError, match="never taken out"):
        run("ThermalNoiseRemoval", scene, removeThermalNoise=False, reIntroduceThermalNoise=True)
    once = run("ThermalNoiseRemoval", scene, clipNegativeValues=False)
    with pytest.raises(GraphError, match="taken out already, by a node"):
        run("ThermalNoiseRemoval", once)
    with pytest.raises(GraphError, match="taken out already, when the product was made"):
        run("ThermalNoiseRemoval", denoised(scene))
    back = run("ThermalNoiseRemoval", once, removeThermalNoise=False, reIntroduceThermalNoise=True)
    image = truth.images["IW", "VV"]
    pixels, valid = read(back, "Intensity_VV")
    assert np.allclose(pixels[valid], image.dn[valid].astype(float) ** 2, rtol=1e-5, atol=1e-2)
    with pytest.raises(GraphError, match="contradict"):
        run("ThermalNoiseRemoval", once, reIntroduceThermalNoise=True)


def test_refusals(tmp_path: Path) -> None:
    slc = opened(write_sentinel1(tmp_path, "SLC", shape=(30, 60), polarisations=("VV",)).path)
    with pytest.raises(GraphError, match="belongs before TOPSAR-Deburst"):
        run("ThermalNoiseRemoval", run("TOPSAR-Deburst", slc))
    with pytest.raises(GraphError, match="before LinearToFromdB"):
        run("ThermalNoiseRemoval", run("LinearToFromdB", slc))
    with pytest.raises(GraphError, match="for GRD products"):
        run("Remove-GRD-Border-Noise", slc)
    with pytest.raises(GraphError, match="selectedPolarisations = 'HH'"):
        run("ThermalNoiseRemoval", slc, selectedPolarisations="HH")
    for place in ("cosmo", "bare"):
        (tmp_path / place).mkdir()
    with pytest.raises(GraphError, match="for Sentinel-1 only"):
        run("ThermalNoiseRemoval", opened(write_cosmo(tmp_path / "cosmo").path))
    with pytest.raises(GraphError, match=r"noise file of band V. is not there"):
        run("ThermalNoiseRemoval", opened(write_sentinel1(tmp_path / "bare", noise=None).path))


def test_clean_borders_stay(tmp_path: Path) -> None:
    scene = opened(write_sentinel1(tmp_path).path)
    cleaned = run("Remove-GRD-Border-Noise", scene)
    assert cleaned.bands == scene.bands


def test_noise_at_the_border_of_older_products(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, shape=(60, 80), noise="old")
    scene = made_by(opened(truth.path), "IPF 002.72")
    cleaned = run("Remove-GRD-Border-Noise", scene, borderLimit=15, trimThreshold=60.0)
    co, cross = truth.images["IW", "VV"], truth.images["IW", "VH"]
    border = np.ones(co.dn.shape, bool)
    border[15:-15, 15:-15] = False
    noisy = border & (co.dn.astype(float) ** 2 - co.noise < 60**2)
    assert noisy[co.valid].sum() > 20
    for name, image in (("Amplitude_VV", co), ("Amplitude_VH", cross)):
        pixels, valid = piecewise(band(cleaned, name).image, 22, 31)
        assert np.array_equal(valid, image.valid & ~noisy)
        assert np.array_equal(pixels[valid], image.dn[valid])
    with pytest.raises(GraphError, match="belongs before"):
        run("Remove-GRD-Border-Noise", made_by(run("Calibration", opened(truth.path)), "IPF 002.72"))
