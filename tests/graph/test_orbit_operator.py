"""The operator Apply-Orbit-File."""

from __future__ import annotations

import logging
import zipfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from products.cosmo import write_cosmo
from products.eof import write_orbit_file
from products.operators import band, opened, plain_scene, run
from products.orbit import Orbit
from products.sentinel1 import ORBIT, START, write_sentinel1

from sensetrack import catalog
from sensetrack.errors import DownloadError, GraphError, InputError, ParameterError
from sensetrack.graph.operators._base import Context
from sensetrack.graph.operators.orbit import ApplyOrbitFile
from sensetrack.graph.scene import Scene

OTHER = Orbit(altitude=693_100.0, inclination=98.18, latitude=41.0, node=20.0)
PRECISE, RESTITUTED = "Sentinel Precise (Auto Download)", "Sentinel Restituted (Auto Download)"


@pytest.fixture(scope="module")
def grd(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A GRD as a scene."""
    return opened(write_sentinel1(tmp_path_factory.mktemp("grd"), polarisations=("VV",)).path)


def snap_folder(folder: Path, kind: str = "POEORB") -> Path:
    """Make the folder in which SNAP keeps the orbits of the month."""
    place = folder / "Orbits" / "Sentinel-1" / kind / "S1A" / "2022" / "01"
    place.mkdir(parents=True)
    return place


def zipped(path: Path) -> Path:
    """Pack a file alone, and remove it."""
    target = path.with_name(f"{path.name}.zip")
    with zipfile.ZipFile(target, "w") as archive:
        archive.write(path, path.name)
    path.unlink()
    return target


def height_of(scene: Scene) -> float:
    """Return how high the satellite of a scene flies above that of the annotation, m."""
    radar = scene.bands[0].radar
    orbit = scene.orbit if radar is None else radar.orbit
    assert orbit is not None
    position, _ = orbit.at((START - orbit.reference.replace(tzinfo=None)).total_seconds())
    return float(np.linalg.norm(position) - np.linalg.norm(ORBIT.state(0.0)[0]))


def test_a_file_in_the_folder_of_snap(tmp_path: Path, grd: Scene) -> None:
    file = write_orbit_file(snap_folder(tmp_path), OTHER, START).path
    made = run("Apply-Orbit-File", grd, context=Context(orbits=tmp_path))
    assert height_of(grd) == pytest.approx(0, abs=0.01)
    assert height_of(made) == pytest.approx(100, abs=0.01)
    assert made.name.endswith("_Orb")
    radar = made.bands[0].radar
    assert radar is not None and radar.orbit.source == str(file)
    assert 20 < len(radar.orbit.seconds) < 40  # those about the scene, not those of the day


@pytest.mark.parametrize("direct", [True, False])
def test_a_zipped_file(tmp_path: Path, grd: Scene, direct: bool) -> None:
    file = zipped(write_orbit_file(tmp_path, OTHER, START).path)
    made = run("Apply-Orbit-File", grd, context=Context(orbits=file if direct else tmp_path))
    assert height_of(made) == pytest.approx(100, abs=0.01)


def test_a_file_of_any_name(tmp_path: Path, grd: Scene) -> None:
    file = write_orbit_file(tmp_path, OTHER, START).path.rename(tmp_path / "orbit.eof")
    made = run("Apply-Orbit-File", grd, context=Context(orbits=file))
    assert height_of(made) == pytest.approx(100, abs=0.01)
    late = write_orbit_file(tmp_path, OTHER, START + timedelta(days=1)).path.rename(tmp_path / "late.eof")
    with pytest.raises(GraphError, match=r"no precise or restituted orbit covers .* in .*late\.eof"):
        run("Apply-Orbit-File", grd, context=Context(orbits=late))


def test_of_several_the_one_made_last(tmp_path: Path, grd: Scene) -> None:
    old = write_orbit_file(tmp_path, ORBIT, START, after=400.0).path
    new = write_orbit_file(tmp_path, OTHER, START, after=300.0).path
    made = (START + timedelta(days=800)).strftime("%Y%m%dT%H%M%S")
    parts = new.name.split("_")
    assert parts[5][0] != "V"
    parts[5] = made
    new.rename(new.with_name("_".join(parts)))
    assert old.exists()
    assert height_of(run("Apply-Orbit-File", grd, context=Context(orbits=tmp_path))) == pytest.approx(100, abs=0.01)


def test_a_restituted_orbit_is_the_second_choice(tmp_path: Path, grd: Scene, caplog: pytest.LogCaptureFixture) -> None:
    write_orbit_file(tmp_path, OTHER, START, kind="AUX_RESORB")
    write_orbit_file(tmp_path, ORBIT, START, mission="S1B")
    context = Context(orbits=tmp_path)
    with caplog.at_level(logging.WARNING):
        made = run("Apply-Orbit-File", grd, context=context, orbitType=PRECISE)
    assert "its restituted one is taken" in caplog.text
    assert height_of(made) == pytest.approx(100, abs=0.01)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        run("Apply-Orbit-File", grd, context=context, orbitType=RESTITUTED)
    assert not caplog.text


def test_bursts_keep_it_until_they_are_put_together(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC", shape=(30, 60), polarisations=("VV",), swath_step=50)
    orbits = tmp_path / "orbits"
    orbits.mkdir()
    write_orbit_file(orbits, OTHER, START)
    made = run("Apply-Orbit-File", opened(truth.path), context=Context(orbits=orbits))
    assert made.orbit is not None
    done = run("TOPSAR-Deburst", run("Calibration", made))
    assert done.orbit is None
    assert height_of(done) == pytest.approx(100, abs=0.01)


def test_without_a_file(tmp_path: Path, grd: Scene, caplog: pytest.LogCaptureFixture) -> None:
    write_orbit_file(tmp_path, ORBIT, START + timedelta(days=3))
    with pytest.raises(GraphError, match=r"no precise or restituted orbit covers S1A.* in .*--orbits.*--download"):
        run("Apply-Orbit-File", grd, context=Context(orbits=tmp_path))
    with pytest.raises(GraphError, match="no folder of orbit files is given"):
        run("Apply-Orbit-File", grd)
    with pytest.raises(InputError, match="is not there"):
        run("Apply-Orbit-File", grd, context=Context(orbits=tmp_path / "nowhere"))
    with caplog.at_level(logging.WARNING):
        kept = run("Apply-Orbit-File", grd, continueOnFail=True)
    assert "the product's own orbit is kept" in caplog.text
    assert kept.bands == grd.bands


def test_files_that_do_not_hold_what_they_say(tmp_path: Path, grd: Scene) -> None:
    file = write_orbit_file(tmp_path, OTHER, START).path
    archive = file.with_name(f"{file.name}.zip")
    file.rename(archive)
    with pytest.raises(InputError, match="cannot be read as a zip archive"):
        run("Apply-Orbit-File", grd, context=Context(orbits=tmp_path))
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("readme.txt", "no orbit")
    with pytest.raises(InputError, match="holds 0 orbit files"):
        run("Apply-Orbit-File", grd, context=Context(orbits=tmp_path))
    archive.unlink()
    wrong = write_orbit_file(tmp_path, OTHER, START + timedelta(days=1)).path
    wrong.rename(file)
    with pytest.raises(InputError, match="do not cover"):
        run("Apply-Orbit-File", grd, context=Context(orbits=tmp_path))


def test_downloads_where_that_is_allowed(tmp_path: Path, grd: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "server"
    source.mkdir()
    there = write_orbit_file(source, OTHER, START, kind="AUX_RESORB").path

    class Shelf:
        def __init__(self, client: object) -> None:
            pass

        def find(self, over: object, kind: str) -> list[catalog.Wanted]:
            return [catalog.Wanted("https://there", Path(there.name))] if kind in there.name else []

    def fetch(wanted: catalog.Wanted, client: object) -> str:
        wanted.path.write_bytes(there.read_bytes())
        return "fetched"

    monkeypatch.setattr(catalog, "OrbitBucket", Shelf)
    monkeypatch.setattr(catalog, "fetch", fetch)
    monkeypatch.setattr(catalog, "cache_folder", lambda name: tmp_path / "cache" / name)
    made = run("Apply-Orbit-File", grd, context=Context(download=True))
    assert height_of(made) == pytest.approx(100, abs=0.01)
    assert (tmp_path / "cache" / "orbits" / there.name).exists()

    def fail(wanted: object, client: object) -> str:
        raise DownloadError("the server is down")

    monkeypatch.setattr(catalog, "fetch", fail)
    monkeypatch.setattr(catalog, "cache_folder", lambda name: tmp_path / "other" / name)
    with pytest.raises(GraphError, match=r"nor on the server.*the server is down"):
        run("Apply-Orbit-File", grd, context=Context(download=True))


def test_other_products(tmp_path: Path, grd: Scene, caplog: pytest.LogCaptureFixture) -> None:
    cosmo = opened(write_cosmo(tmp_path).path)
    with pytest.raises(GraphError, match="for Sentinel-1 only"):
        run("Apply-Orbit-File", cosmo)
    with caplog.at_level(logging.WARNING):
        assert run("Apply-Orbit-File", cosmo, continueOnFail=True).bands == cosmo.bands
    assert "it is left as it is" in caplog.text
    with pytest.raises(GraphError, match="for Sentinel-1 only"):
        run("Apply-Orbit-File", plain_scene(np.ones((3, 3), np.float32), "intensity"))
    with pytest.raises(GraphError, match="DORIS"):
        run("Apply-Orbit-File", grd, orbitType="DORIS Preliminary POR (ENVISAT)")
    with pytest.raises(ParameterError, match="orbitType"):
        ApplyOrbitFile(orbitType="Sentinel Precise")
    with pytest.raises(ParameterError, match="polyDegree"):
        ApplyOrbitFile(polyDegree=0)


def test_the_real_orbit_file_covers_no_product(shared_data: Path) -> None:
    scene = opened(next((shared_data / "sentinel1" / "sarsen").glob("*GRDH*.SAFE")))
    orbits = shared_data / "sentinel1" / "s1-reader" / "orbits"
    with pytest.raises(GraphError, match="no restituted orbit covers S1B"):
        run("Apply-Orbit-File", scene, context=Context(orbits=orbits), orbitType=RESTITUTED)
    assert band(scene, "Amplitude_VV").radar is not None
