"""Sentinel-1 against products written from the format alone, and against real ones."""

from __future__ import annotations

import pickle
import shutil
from datetime import UTC, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from products.archive import tarred, zipped
from products.eof import write_orbit_file
from products.sentinel1 import LINE_INTERVAL, ORBIT, START, write_sentinel1

import sensetrack
from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.tiles import Block
from sensetrack.sensors.sentinel1 import Sentinel1Product
from sensetrack.sensors.sentinel1._orbit import find_orbit, read_orbit

SARSEN = "sentinel1/sarsen"
GRD = f"{SARSEN}/S1B_IW_GRDH_1SDV_20211223T051122_20211223T051147_030148_039993_5371.SAFE"
SLC = f"{SARSEN}/S1A_IW_SLC__1SDV_20220104T170557_20220104T170624_041314_04E951_F1F1.SAFE"
ZIP = "sentinel1/s1-reader/S1A_IW_SLC__1SDV_20200511T135117_20200511T135144_032518_03C421_7768.zip"
EOF = "S1A_OPER_AUX_RESORB_OPOD_20230823T162050_V20230823T123139_20230823T154909.EOF"
BUCKET = (
    "sentinel1/rio-tiler-pds/GRD/2018/7/16/IW/DV/S1A_IW_GRDH_1SDV_20180716T004042_20180716T004107_022812_02792A_FD5B"
)


def opened(path: Path) -> Sentinel1Product:
    found = sensetrack.open(path)
    assert isinstance(found, Sentinel1Product)
    return found


def as_array(product: Sentinel1Product, band: str, **options: object) -> np.ndarray:
    image = pickle.loads(pickle.dumps(product.image(band, **options)))  # type: ignore[arg-type]
    pixels, valid = image.read()
    return np.where(valid, pixels, np.nan)


@pytest.mark.parametrize("mode", ["IW", "EW", "SM"])
@pytest.mark.parametrize("noise", ["azimuth", "old"])
@pytest.mark.parametrize("georeference", ["gcps", "crs"])
def test_ground_range_images(tmp_path: Path, mode: str, noise: str, georeference: str) -> None:
    truth = write_sentinel1(tmp_path, "GRD", mode=mode, noise=noise, georeference=georeference)
    product = opened(truth.path)
    assert [band.name for band in product.bands] == ["VH", "VV"] and product.missing == ()
    for (_, polarisation), image in truth.images.items():
        for quantity, values in image.calibrated.items():
            found = as_array(product, polarisation, quantity=quantity)
            np.testing.assert_allclose(found, values, rtol=1e-5)
        power = np.where(image.valid, np.maximum(np.square(image.dn.astype(float)) - image.noise, 0), np.nan)
        clean = as_array(product, polarisation, denoise=True)
        np.testing.assert_allclose(clean, power / image.tables.lut["sigmaNought"] ** 2, rtol=1e-5, atol=1e-9)
        assert clean[10, 20] == 0, "what lies below the noise is no power, and no void"
        amplitude = as_array(product, polarisation, quantity="amplitude")
        np.testing.assert_allclose(amplitude, np.where(image.valid, image.dn, np.nan), rtol=1e-6)
        raw = product.image(polarisation, raw=True)
        assert np.array_equal(raw.read()[0], image.dn) and raw.dtype == "uint16"
        assert raw.grid.crs is None and raw.grid.transform.is_identity, "rows are lines, whatever the file claims"
    about = product.annotation("VV")
    slant = truth.images[about.swath, "VV"].slant_range
    assert about.ground_range is not None
    ground = np.arange(len(slant)) * about.timing.range_spacing
    np.testing.assert_allclose(about.ground_range.slant_range(ground, about.start), slant, atol=1e-3)
    back = about.ground_range.ground_range(slant, about.start)
    np.testing.assert_allclose(back, ground, atol=0.5)


@pytest.mark.parametrize("mode", ["IW", "EW"])
def test_bursts_are_put_together(tmp_path: Path, mode: str) -> None:
    truth = write_sentinel1(tmp_path, "SLC", mode=mode, polarisations=("VV",), shape=(40, 60))
    product = opened(truth.path)
    for (swath, polarisation), image in truth.images.items():
        band = f"{swath}-{polarisation}"
        about = product.annotation(band)
        assert image.scene is not None and len(about.bursts) == len(image.bursts) == 3
        assert product.band(band).shape == image.scene.shape
        joined = product.image(band, quantity="complex")
        pixels, valid = joined.read()
        assert np.array_equal(pixels[valid], image.scene[valid]), "each line is where its time says"
        assert valid[2:-1].all(axis=0)[8:-10].all() and not valid[:2].any()
        raw = product.image(band, raw=True)
        assert np.array_equal(raw.read()[0], image.dn) and raw.is_complex
        power = as_array(product, band)
        # The middle of the last burst, whose lines end both the scene and the file.
        np.testing.assert_allclose(power[-30:-5], image.calibrated["sigma0"][-30:-5], rtol=1e-5)
        for block in (Block(0, 0, 50, 60), Block(30, 10, 45, 13), Block(60, 5, 3, 3)):
            part, known = joined.read(block)
            assert np.array_equal(part, pixels[block.slices]) and np.array_equal(known, valid[block.slices])
        assert joined.read_overview(30)[0].shape == tuple(-(-n // 4) for n in image.scene.shape)
        for burst, true in zip(about.bursts, image.bursts, strict=True):
            assert burst.identifier is not None and burst.first_line == true.first_line
            assert np.array_equal(burst.first_valid, true.first_valid)
            assert np.array_equal(burst.last_valid, true.last_valid)


def test_older_bursts_have_no_identifier(tmp_path: Path) -> None:
    product = opened(write_sentinel1(tmp_path, "SLC", burst_ids=False, noise="old", shape=(40, 60)).path)
    assert {burst.identifier for burst in product.annotation("IW1-VV").bursts} == {None}
    assert product.baseline == "IPF 003.20"


def test_noise_of_complex_images(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC", mode="SM", shape=(50, 70))
    product = opened(truth.path)
    image = truth.images["S3", "VV"]
    power = np.maximum(np.abs(image.dn.astype(complex)) ** 2 - image.noise, 0)
    found = as_array(product, "VV", quantity="beta0", denoise=True)
    np.testing.assert_allclose(found, power / image.tables.lut["betaNought"] ** 2, rtol=1e-5, atol=1e-9)
    assert product.band("VV").shape == (50, 70) and not product.annotation("VV").bursts


@pytest.mark.parametrize("pack", [lambda p: zipped(p, lead="safe/", mac=True), zipped, tarred])
def test_archives_are_read_in_place(tmp_path: Path, pack: object) -> None:
    truth = write_sentinel1(tmp_path, "GRD")
    path = pack(truth.path)  # type: ignore[operator]
    name = truth.path.name.removesuffix(".SAFE")
    shutil.rmtree(truth.path)
    product = opened(path)
    found = as_array(product, "VH")
    np.testing.assert_allclose(found, truth.images["IW", "VH"].calibrated["sigma0"], rtol=1e-5)
    assert product.name.startswith(name[:30])


def test_what_is_not_there_is_reported(tmp_path: Path) -> None:
    truth = write_sentinel1(
        tmp_path, "SLC", shape=(40, 60), without=("*/*iw2*", "*/calibration/*iw3*", "measurement/*iw3*vh*")
    )
    product = opened(truth.path)
    assert product.missing == ("band IW2-VH", "band IW2-VV", "band IW3-VH")
    assert product.band("IW3-VV").quantities == ("amplitude", "complex"), "without calibration there is no sigma0"
    assert product.image("IW3-VV").read()[1].any()
    with pytest.raises(InputError, match="the file of band IW2-VV is not there; there is IW1-VH, IW1-VV, IW3-VV"):
        product.image("IW2-VV")
    with pytest.raises(InputError, match="the annotation of band IW2-VV is not there"):
        product.annotation("IW2-VV")
    with pytest.raises(ParameterError, match="noise file of band IW3-VV"):
        product.image("IW3-VV", denoise=True)
    with pytest.raises(InputError, match="no band 'IW1-HH'; did you mean 'IW1-VH'"):
        product.image("IW1-HH")
    with pytest.raises(ParameterError, match="sees through clouds"):
        product.image("IW1-VV", clouds=False)


def test_gdal_agrees_on_numbers(tmp_path: Path) -> None:
    """GDAL's driver of the format gives the stored numbers too, uncalibrated."""
    truth = write_sentinel1(tmp_path, "GRD", polarisations=("VV",))
    with rasterio.open(f"SENTINEL1_CALIB:UNCALIB:{truth.path}/manifest.safe:IW_VV:AMPLITUDE") as ds:
        theirs = ds.read(1)
    assert np.array_equal(opened(truth.path).image("VV", raw=True).read()[0], theirs)


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "GRD", polarisations=("VV",))
    path = truth.images["IW", "VV"].path
    options = {"width": 10, "height": 12, "transform": rasterio.Affine(2, 0, 0, 0, -2, 0)}
    with rasterio.open(path, "w", driver="GTiff", count=1, dtype="uint16", crs="EPSG:4326", **options) as ds:
        ds.write(np.ones((1, 12, 10), np.uint16))
    with pytest.raises(InputError, match="has 12 x 10 pixels, its annotation says 90 x 170"):
        opened(truth.path).image("VV")


def test_orbits_are_chosen_by_what_they_cover(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC", polarisations=("VV",), shape=(40, 60))
    product = opened(truth.path)
    folder = tmp_path / "orbits"
    folder.mkdir()
    restituted = write_orbit_file(folder, ORBIT, truth.epoch, kind="AUX_RESORB")
    with_restituted = product.with_orbit(folder).annotation("IW1-VV").orbit
    assert with_restituted.source == str(restituted.path)
    precise = write_orbit_file(folder, ORBIT, truth.epoch, kind="AUX_POEORB", before=500)
    write_orbit_file(folder, ORBIT, truth.epoch + timedelta(hours=3), kind="AUX_POEORB")
    write_orbit_file(folder, ORBIT, truth.epoch, kind="AUX_POEORB", mission="S1B", before=400)
    best = product.with_orbit(folder).annotation("IW2-VV").orbit
    assert best.source == str(precise.path)
    time = START + timedelta(seconds=20 * LINE_INTERVAL)
    position, velocity = best.at(time.replace(tzinfo=UTC))
    expected = ORBIT.state([(time - truth.epoch).total_seconds()])
    np.testing.assert_allclose(position, np.ravel(expected[0]), atol=5e-3)
    np.testing.assert_allclose(velocity, np.ravel(expected[1]), atol=1e-3)
    own = product.annotation("IW1-VV").orbit
    np.testing.assert_allclose(own.positions, truth.positions, atol=1e-6)
    with pytest.raises(InputError, match=r"none of the 1 orbit files in .* covers S1A"):
        other = tmp_path / "other"
        other.mkdir()
        write_orbit_file(other, ORBIT, truth.epoch + timedelta(hours=3))
        product.with_orbit(other)


def test_real_ground_range_metadata(shared_data: Path) -> None:
    product = opened(shared_data / GRD)
    assert product.baseline == "IPF 003.40" and product.orbit.absolute == 30148 and product.missing == ("band VH",)
    assert product.orbit.direction == "descending" and product.orbit.relative == 22
    about = product.annotation("VV")
    assert about.shape == (16705, 26102) and about.timing.range_spacing == 10
    ties = about.ties
    assert ties.latitude.shape == (10, 21)
    assert (ties.latitude.min(), ties.latitude.max()) == pytest.approx((40.8789, 42.7812), abs=1e-4)
    assert (ties.longitude.min(), ties.longitude.max()) == pytest.approx((11.8680, 15.3221), abs=1e-4)
    first = (ties.latitude[0, 0], ties.longitude[0, 0], ties.incidence[0, 0], ties.slant_time[0, 0])
    assert first == pytest.approx((42.37675281, 15.32209673, 30.30945, 0.005332632114), abs=1e-5)
    assert ties.at("latitude", 0, 0) == pytest.approx(42.37675281, abs=1e-8)
    assert len(about.orbit.seconds) == 16
    assert about.ground_range is not None and about.ground_range.to_slant.shape == (28, 9)
    near = float(about.ground_range.slant_range(0.0, about.start))
    assert near == pytest.approx(float(about.timing.slant_range(0)), abs=1.0)
    pixels = product.image("VV")
    assert pixels.grid.shape == (16705, 26102) and not pixels.read(Block(5, 5, 20, 20))[1].any(), "all are zero"


def test_real_complex_metadata(shared_data: Path) -> None:
    product = opened(shared_data / SLC)
    assert product.missing == tuple(f"band {name}" for name in ("IW1-VH", "IW2-VH", "IW2-VV", "IW3-VH", "IW3-VV"))
    about = product.annotation("IW1-VV")
    assert len(about.bursts) == 9 and about.lines_per_burst == 1501 and about.shape == (13509, 22694)
    assert about.timing.line_interval == pytest.approx(2.0555563e-3, abs=1e-10)
    assert about.timing.first_sample == pytest.approx(5.336535883e-3, abs=1e-12)
    assert (about.bursts[0].identifier, about.bursts[0].absolute_identifier) == (249402, 88737586)
    assert about.bursts[0].first_valid[0] == -1 and about.bursts[0].first_valid[20] == 536
    starts = [
        (burst.time - about.bursts[0].time).total_seconds() / about.timing.line_interval for burst in about.bursts
    ]
    assert np.allclose(starts, np.rint(starts), atol=1e-3), "bursts lie on one raster of lines"
    assert product.band("IW1-VV").shape == (10735 + 1501, 22694)
    assert about.orbit.covers(about.start, about.stop) and product.orbit.direction == "ascending"
    assert len(about.fm_rates) == len(about.doppler) == 10 and len(about.doppler[0].coefficients) == 3
    with pytest.raises(ParameterError, match="noise file"):
        product.image("IW1-VV", denoise=True)


def test_real_footprints_tell_where_a_terrain_model_lies(shared_data: Path) -> None:
    terrain = sensetrack.Image.open(shared_data / SARSEN / "Rome-30m-DEM.tif")
    west, south, east, north = terrain.grid.bounds
    assert (west, east, south, north) == pytest.approx((12.44986, 12.54986, 41.95014, 42.05014), abs=1e-5)
    ground = opened(shared_data / GRD).annotation("VV").ties
    assert ground.longitude.min() < west < east < ground.longitude.max()
    assert ground.latitude.min() < south < north < ground.latitude.max()
    first = opened(shared_data / SLC).annotation("IW1-VV").ties
    assert first.longitude.max() == pytest.approx(12.2079, abs=1e-4) and first.longitude.max() < west


def test_real_zip_with_a_leading_folder(shared_data: Path) -> None:
    product = opened(shared_data / ZIP)
    assert product.name == Path(ZIP).stem and len(product.missing) == 6, "its images are placeholders of no length"
    lines = {swath: product.annotation(f"{swath}-VV").lines_per_burst for swath in ("IW1", "IW2", "IW3")}
    assert lines == {"IW1": 1497, "IW2": 1509, "IW3": 1515}
    for band in product.bands:
        about = product.annotation(band.name)
        assert len(about.bursts) == 9 and about.bursts[0].identifier is None
        noise = product.noise(band.name)
        assert len(noise.range_vectors.lines) == 10 and len(noise.azimuth) == 1
    heights = [product.annotation(band.name).ties.height for band in product.bands]
    assert min(h.min() for h in heights) == pytest.approx(1290, abs=1)
    assert max(h.max() for h in heights) == pytest.approx(3336, abs=1)


def test_real_pixels_of_a_public_bucket(shared_data: Path) -> None:
    for path in (shared_data / BUCKET, shared_data / BUCKET / "productInfo.json"):
        product = opened(path)
        pixels = product.image("VV", raw=True, mask=False).read()[0]
        assert pixels.shape == (837, 1280) and (pixels.min(), pixels.max()) == (0, 2759)
        assert pixels.mean() == pytest.approx(224.4, abs=0.05)
        assert product.name == Path(BUCKET).name and product.band("VV").quantities == ("amplitude",)
        assert product.outline is not None and len(product.outline) == 4 and product.missing == ("band VH",)
        assert product.grid is not None and product.grid.shape == (837, 1280)


def test_real_orbit_file(shared_data: Path) -> None:
    path = shared_data / "sentinel1/s1-reader/orbits" / EOF
    orbit = read_orbit(path)
    assert len(orbit.seconds) == 1186 and set(np.diff(orbit.seconds)) == {10.0}
    kept = type(orbit)(orbit.reference, orbit.seconds[::2], orbit.positions[::2], orbit.velocities[::2], "half")
    inside = slice(1, len(orbit.seconds) - 1, 2)
    found = kept.at(orbit.seconds[inside])[0]
    assert np.linalg.norm(found - orbit.positions[inside], axis=1).max() < 5e-3
    product = opened(shared_data / SLC)
    for place in (path, path.parent):
        with pytest.raises(InputError, match="cover"):
            product.with_orbit(place)
    assert find_orbit(path, "S1A", orbit.start + timedelta(hours=1), orbit.start + timedelta(hours=2)) == path
    with pytest.raises(InputError, match="do not cover 2022-01-04"):
        orbit.at(product.annotation("IW1-VV").start)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"<a/>", "is no orbit file"),
        (b"no xml", "cannot be read as XML"),
        (b"<a><Ref_Frame>GM2000</Ref_Frame><Data_Block><List_of_OSVs><OSV/></List_of_OSVs></Data_Block></a>", "GM2000"),
    ],
)
def test_what_is_no_orbit_file(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / EOF
    path.write_bytes(content)
    with pytest.raises(InputError, match=why):
        read_orbit(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_orbit(tmp_path / "none.EOF")
