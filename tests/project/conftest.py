"""Small projects whose motion is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from products.pairs import write_pairs

__all__ = ["make_project", "write_pairs"]

SHAPE = (96, 112)
FAST = {
    "tracker": "pcc:window=32,step=16,search=8",
    "preprocess": ["none"],
    "shift": "none",
    "filters": ["magnitude:maximum=20"],
    "passes": 1,
}
DAYS = (0, 10, 20, 30)


@pytest.fixture
def make_project(tmp_path: Path, write_raster, texture, utm_grid) -> Callable[..., Path]:
    """Write scenes that move by 0.05 and -0.03 px a day, and a project file: ``make_project(days, **settings)``."""

    def make(days=DAYS, *, folder: str = "p", rate=(0.05, -0.03), shape=SHAPE, broken=(), **settings: Any) -> Path:
        root = tmp_path / folder
        for day in days:
            name = f"{folder}/scenes/{date(2020, 1, 1) + timedelta(days=day):%Y%m%d}.tif"
            pixels = texture(shape, dx=rate[0] * day, dy=rate[1] * day, waves=80)
            if day in broken:
                pixels = np.full(shape, 7.0, np.float32)
            write_raster(pixels.astype(np.float32), name, grid=utm_grid(shape))
        values = {
            "name": "test",
            "output": "out",
            "scenes": {"paths": ["scenes/*.tif"]},
            "pair": FAST | settings.pop("pair", {}),
            "report": {"animation": False},
            **settings,
        }
        path = root / "project.yaml"
        path.write_text(yaml.safe_dump(values), encoding="utf-8")
        return path

    return make
