"""Functions of other packages find a known displacement, with the sign and at the places that they should."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.measure import measure
from sensetrack.benchmark.pairs import KnownPair, PairMaker, centres
from sensetrack.benchmark.peers import PEERS, Peer, peers, versions
from sensetrack.benchmark.truths import FIELDS
from sensetrack.errors import ParameterError


@pytest.fixture(scope="module")
def bumpy() -> KnownPair:
    return PairMaker(256, seed=2).make("radar", FIELDS["bumps-3"], CONDITIONS["noise-20db"])


def installed(name: str) -> Peer:
    peer = PEERS[name]
    if importlib.util.find_spec(peer.module) is None:
        pytest.skip(f"{peer.package} is not installed")
    return peer()


@pytest.mark.parametrize("name", PEERS)
def test_a_known_shift_is_found(name: str) -> None:
    pair = PairMaker(192, seed=1).make("radar", FIELDS["shift"], CONDITIONS["noise-20db"])
    # Content moved by whole pixels on top of the known shift: (dy, dx) = (-0.62 + 3, 0.37 - 2).
    found = installed(name).track(pair.reference, np.roll(pair.secondary, (3, -2), axis=(0, 1)))
    quarter = found.shape[0] // 4
    inner = np.s_[quarter:-quarter, quarter:-quarter]
    assert np.median(found.dx[inner]) == pytest.approx(-1.63, abs=0.15)
    assert np.median(found.dy[inner]) == pytest.approx(2.38, abs=0.15)


@pytest.mark.parametrize("name", PEERS)
def test_displacements_are_given_where_they_belong(name: str, bumpy: KnownPair) -> None:
    """Values of other places have errors like the slope of the truth times the distance."""
    peer = installed(name)
    if name == "skimage-pcc":
        peer = peer.with_changes(window=32)  # larger ones see too much of the curvature to tell
    found = peer.track(bumpy.reference, bumpy.secondary)
    row, col = centres(peer, bumpy.size)
    slopes = [np.subtract(bumpy.truth(row + y, col + x), bumpy.truth(row, col)) for y, x in ((1, 0), (0, 1))]
    inside = (np.minimum(row, col) > 64) & (np.maximum(row, col) < 192) & np.isfinite(found.dx)
    error = np.stack([found.dy, found.dx]) - bumpy.truth(row, col)
    columns = np.stack([slope[:, inside].ravel() for slope in slopes], axis=1)
    distance, *_ = np.linalg.lstsq(columns, error[:, inside].ravel())
    assert np.abs(distance).max() < 1.2, "half a window step is 4 px"
    assert np.mean(np.hypot(*error[:, inside])) < 0.5


def test_windows_that_do_not_fit_have_no_value() -> None:
    image = np.random.default_rng(0).random((128, 128))
    found = PEERS["skimage-pcc"](window=64, step=8).track(image, image)
    filled = np.isfinite(found.dx)
    assert filled[4:12, 4:12].all(), "a cell in the middle of 8 x 8 pixels has 28 pixels around it"
    assert filled.sum() == 64 == found.measured.sum()
    assert np.abs(found.dx[filled]).max() == 0
    assert np.isnan(found.sigma_dx).all()


def test_peers_are_measured_like_trackers(shifted: KnownPair) -> None:
    (contender,) = peers(["opencv-dis"])
    run = measure(contender, shifted)
    assert run.reason == ""
    assert run.accuracy is not None
    assert run.accuracy.mean < 0.3
    assert np.isnan(run.accuracy.within_68)
    assert (run.share, run.spacing) == (1.0, 1)


def test_one_that_is_not_installed_keeps_its_place(shifted: KnownPair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PEERS["openpiv-widim"], "module", "openpiv_that_is_not_there")
    absent = peers()[-1]
    assert measure(absent, shifted).reason == "openpiv is not installed; pip install openpiv"
    assert "openpiv" not in versions()
    assert {"scikit-image", "opencv-python-headless"} <= versions().keys()


def test_bad_input_is_named() -> None:
    with pytest.raises(ParameterError, match="no peer 'skimage-pc'"):
        peers(["skimage-pc"])
    image = np.zeros((64, 64))
    with pytest.raises(ParameterError, match="OpencvDis sees whole images only"):
        PEERS["opencv-dis"]().track(image, image, pad=8)
