# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A landslide that accelerates
#
# The notebook of `examples/landslide_sentinel1`: motion far below a pixel between two dates, so pairs are long, and an
# alert where the latest months are faster than the ones before beyond chance. The scenes are made up.

# %%
import shutil
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sensetrack.engine import Threads
from sensetrack.project import run_project
from sensetrack.scene import write_series
from sensetrack.timeseries import Cube

examples = next(folder / "examples" for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "examples").is_dir())
work = Path(tempfile.mkdtemp())
scenes = write_series(work / "scenes", kind="landslide", days=range(0, 360, 45), per_year=1.5, shape=(160, 192))
shutil.copy(examples / "landslide_sentinel1/project.yaml", work)
outcome = run_project(work / "project.yaml", engine=Threads())
print(len(outcome.pairs), "pairs, complete:", outcome.complete)

# %% [markdown]
# Way since the first date along the motion, at the fastest place and on ground that stands still:

# %%
cube = Cube.open(outcome.results / "series.nc")
maps = cube.read(["v_mean", "vx_mean", "vy_mean", "alert"])
grid = cube.header.grid


def way(row, col):
    series = cube.at(*grid.xy(row, col))
    along = np.array([maps["vx_mean"][row, col], maps["vy_mean"][row, col]]) / maps["v_mean"][row, col]
    moved = along[0] * series["displacement_x"] + along[1] * series["displacement_y"]
    return moved, np.hypot(along[0] * series["displacement_x_error"], along[1] * series["displacement_y_error"])


fastest = np.unravel_index(np.nanargmax(maps["v_mean"]), grid.shape)
slowest = np.unravel_index(np.nanargmin(maps["v_mean"]), grid.shape)
figure, ax = plt.subplots(figsize=(7, 3.2))
for place, name in ((fastest, "on the slide"), (slowest, "beside it")):
    moved, error = way(*place)
    ax.errorbar(cube.header.dates, moved, error, fmt="o-", label=name)
ax.set_ylabel("way, m")
ax.legend()
figure.autofmt_xdate()
plt.show()

# %% [markdown]
# Alerts: 1 is accelerating, 2 failing by inverse velocity, 3 slowing. They are reasons to look, not forecasts.

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), constrained_layout=True)
for ax, name, title in zip(axes, ("v_mean", "alert"), ("mean speed, m/yr", "alert"), strict=True):
    figure.colorbar(ax.imshow(np.where(np.isfinite(maps["v_mean"]), maps[name], np.nan)), ax=ax)
    ax.set_title(title)
plt.show()

# %%
shutil.rmtree(work)
