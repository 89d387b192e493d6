"""Projects whose scenes lie in an object store, and whose results go to one: a local imitation of S3."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time

import pytest
import yaml

from sensetrack.errors import InputError, MissingExtraError, ParameterError
from sensetrack.project import run_project
from sensetrack.project.stores import check_target, find_stored, publish

s3fs = pytest.importorskip("s3fs")
pytest.importorskip("moto")
pytest.importorskip("flask")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A server in another process: GDAL does not let this one answer while it asks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path_factory.mktemp("moto") / "log.txt").open("wb")
    run = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log
    )
    try:
        for _ in range(600):
            with socket.socket() as asking:
                if asking.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert run.poll() is None
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        run.terminate()
        run.wait()
        log.close()


@pytest.fixture
def bucket(address, monkeypatch):
    """A new bucket, and the environment in which all find it."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{address}",
        "AWS_S3_ENDPOINT": address,
        "AWS_HTTPS": "NO",
        "AWS_VIRTUAL_HOSTING": "FALSE",
        "no_proxy": "*",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem()
    name = f"b{time.time_ns()}"
    files.mkdir(name)
    return files, name


def names(files: s3fs.S3FileSystem, root: str) -> set[str]:
    files.invalidate_cache()
    return {path.removeprefix(f"{root}/") for path in files.find(root)}


def test_from_a_bucket_to_a_bucket(make_project, bucket):
    files, name = bucket
    path = make_project(
        days=(0, 10), scenes={"paths": [f"s3://{name}/in/*.tif"]}, publish=f"s3://{name}/results", series={}
    )
    for scene in (path.parent / "scenes").iterdir():
        files.put_file(str(scene), f"{name}/in/{scene.name}")
    shutil.rmtree(path.parent / "scenes")
    outcome = run_project(path)
    assert outcome.complete, (outcome.failures, outcome.failed)
    here = {each.relative_to(outcome.results).as_posix() for each in outcome.results.rglob("*") if each.is_file()}
    assert "series.nc" in here
    assert names(files, f"{name}/results") == here
    assert files.cat(f"{name}/results/series.nc") == (outcome.results / "series.nc").read_bytes()


def test_only_what_changed_is_copied(bucket, tmp_path):
    files, name = bucket
    folder, target = tmp_path / "results", f"s3://{name}/deep/er"
    (folder / "velocity").mkdir(parents=True)
    for each in ("manifest.json", "velocity/a.nc", "velocity/b.nc"):
        (folder / each).write_text(each)
    record = tmp_path / "published.json"
    assert publish(folder, target, record) == 3
    assert publish(folder, target, record) == 0
    (folder / "velocity" / "a.nc").write_text("other")
    (folder / "velocity" / "b.nc").unlink()
    files.pipe_file(f"{name}/deep/er/notes.txt", b"of somebody else")
    assert publish(folder, target, record) == 1
    assert names(files, f"{name}/deep/er") == {"manifest.json", "velocity/a.nc", "notes.txt"}
    assert files.cat(f"{name}/deep/er/velocity/a.nc") == b"other"
    # What went missing there comes again.
    files.rm_file(f"{name}/deep/er/manifest.json")
    assert publish(folder, target, record) == 1


def test_a_store_that_refuses_is_a_failure_of_its_own(make_project, bucket):
    path = make_project(days=(0, 10), publish="s3://nobody-has-this/results")
    outcome = run_project(path)
    assert [failure.what for failure in outcome.failures] == ["publish"]
    assert "s3://nobody-has-this/results: cannot be written" in outcome.failures[0].reason
    assert not outcome.failed
    assert not outcome.complete
    with pytest.raises(InputError, match=r"s3://nobody-has-this/\*.tif"):
        find_stored("s3://nobody-has-this/*.tif")


def test_what_is_no_store(make_project, monkeypatch):
    with pytest.raises(ParameterError, match="publish = 'somewhere': is no URL"):
        check_target("somewhere")
    with pytest.raises(ParameterError, match="nowhere"):
        check_target("nowhere://x/y")
    assert find_stored("gs://bucket/a.tif") == ["/vsigs/bucket/a.tif"]
    # Without the extra, nothing is measured first.
    path = make_project(days=(0, 10), publish="s3://bucket/results")
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r's3:// needs the extra "cloud"'):
        run_project(path)
    assert not (path.parent / yaml.safe_load(path.read_text())["output"]).exists()
