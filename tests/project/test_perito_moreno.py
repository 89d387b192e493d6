"""Eight dates of Perito Moreno glacier, all pairs of 10 to 60 days: the series against the direct long pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from sensetrack.engine import Threads
from sensetrack.project import run_project
from sensetrack.raster.image import Image
from sensetrack.timeseries import Cube
from sensetrack.types import Mask
from sensetrack.velocity import Velocity

TRACKER = "pcc:window=64,step=32,search=36"


@pytest.mark.slow
def test_series_agrees_with_the_direct_long_pair(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "pairs" / "giv-perito-moreno"
    settings = {
        "scenes": {"paths": [str(folder / "2020*.jpg")]},
        "stable": str(folder / "mask.jpg"),
        "stable_inverse": True,
        "pair": {
            "tracker": TRACKER,
            "shift_tracker": "pcc:window=64,search=10",
            # The pictures have no georeference: velocities are in pixels per year.
            "velocity": {"pixel_size": 1.0},
        },
    }
    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(settings | {"network": {"min_days": 10, "max_days": 60}}))
    outcome = run_project(path, engine=Threads())
    assert outcome.complete
    assert len(outcome.pairs) == 23
    direct = next(pair for pair in outcome.pairs if pair.label == "20200101_20200220")
    assert direct.velocity is not None
    long_pair = Velocity.open(direct.velocity)
    shape = long_pair.v.shape
    mask = Image.open(folder / "mask.jpg").read()[0][16::32, 16::32][: shape[0], : shape[1]] > 128
    assert outcome.series is not None
    cube = Cube.open(outcome.series)
    check(cube, long_pair, mask)
    # Half of the glacier moves by 0.21 to 0.23 px a day, as correlation by hand has shown.
    assert np.nanmedian(cube.read(["v_mean"])["v_mean"][mask]) / 365.25 == pytest.approx(0.22, abs=0.03)
    assert (cube.header.pair_values["pair_closure"] < 1.18).all()
    assert (cube.header.pair_values["pair_weight"] > 0.5).all()

    # The same from pairs of 10 to 40 days, which do not know that pair; no pair is measured again for it.
    path.write_text(yaml.safe_dump(settings | {"network": {"min_days": 10, "max_days": 40}}))
    shorter = run_project(path, engine=Threads())
    assert not any(pair.made for pair in shorter.pairs)
    assert shorter.series is not None
    check(Cube.open(shorter.series), long_pair, mask)


def check(cube: Cube, direct: Velocity, mask: Mask) -> None:
    """Compare the mean speed between the dates of a pair with that of the pair."""
    ends = [
        next(k for k, date in enumerate(cube.header.dates) if date == end)
        for end in (direct.provenance.reference_date, direct.provenance.secondary_date)
    ]
    found = cube.read(["displacement_x", "displacement_y"])
    years = direct.days / 365.25
    x, y = ((found[name][ends[1]] - found[name][ends[0]]) / years for name in ("displacement_x", "displacement_y"))
    speed = np.hypot(x, y)
    good = mask & np.isfinite(speed) & (direct.v > 0.1 * 365.25)
    assert good.sum() > 200
    assert speed[good].mean() == pytest.approx(direct.v[good].mean(), rel=0.03)
    ratio = speed[good] / direct.v[good]
    assert 1.4826 * np.median(np.abs(ratio - np.median(ratio))) < 0.03
