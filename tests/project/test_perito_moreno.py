"""Eight dates of Perito Moreno glacier, all pairs of 10 to 60 days: the series against a pair that it does not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from sensetrack.engine import Threads
from sensetrack.project import run_project
from sensetrack.raster.image import Image
from sensetrack.timeseries import Cube
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
    paths = {}
    for name, network in (
        ("series", {"min_days": 10, "max_days": 60}),
        ("direct", {"pairs": [["2020-01-01", "2020-03-28"]]}),
    ):
        paths[name] = tmp_path / f"{name}.yaml"
        paths[name].write_text(yaml.safe_dump(settings | {"network": network, "output": name}))
    outcome = run_project(paths["series"], engine=Threads())
    assert outcome.complete
    assert len(outcome.pairs) == 23
    direct = run_project(paths["direct"], engine=Threads())
    long_pair = Velocity.open(direct.pairs[0].velocity)

    cube = Cube.open(outcome.series)
    inside = (
        Image.open(folder / "mask.jpg").read()[0][16::32, 16::32][: long_pair.v.shape[0], : long_pair.v.shape[1]] > 128
    )
    mean = cube.read(["v_mean", "displacement_x"])
    whole = np.isfinite(mean["displacement_x"][-1])
    good = inside & whole & np.isfinite(long_pair.v) & (long_pair.v > 0.1 * 365.25)
    assert good.sum() > 150
    ratio = mean["v_mean"][good] / long_pair.v[good]
    assert mean["v_mean"][good].mean() == pytest.approx(long_pair.v[good].mean(), rel=0.03)
    assert 1.4826 * np.median(np.abs(ratio - np.median(ratio))) < 0.03
    # Published by eye of the data: half of the glacier moves by 0.21 to 0.23 px a day.
    assert np.nanmedian(mean["v_mean"][inside]) / 365.25 == pytest.approx(0.22, abs=0.03)
    closure = cube.header.pair_values["pair_closure"]
    assert (closure < 1.18).all()
    assert (cube.header.pair_values["pair_weight"] > 0.5).all()
