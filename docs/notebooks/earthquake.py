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
# # An earthquake between two dates
#
# The notebook of `examples/earthquake_landsat`: every scene is paired with every other, so that what happened between
# two dates is seen by many pairs. The scenes are made up; their ground moves all at once after the third.

# %%
import shutil
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from sensetrack.engine import Threads
from sensetrack.project import run_project
from sensetrack.raster.layers import LayerFile
from sensetrack.scene import write_series
from sensetrack.timeseries import Cube

examples = next(folder / "examples" for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "examples").is_dir())
work = Path(tempfile.mkdtemp())
scenes = write_series(work / "scenes", kind="earthquake", days=range(0, 80, 16), per_year=2.0, shape=(224, 256))
shutil.copy(examples / "earthquake_landsat/project.yaml", work)
outcome = run_project(work / "project.yaml", engine=Threads())
print(len(outcome.pairs), "pairs, complete:", outcome.complete)

# %% [markdown]
# The step, as the mean after the event less the mean before it, and its error by the scatter of the dates:

# %%
cube = Cube.open(outcome.results / "series.nc")
moved = cube.read(["displacement_x", "displacement_y"])
shares = np.loadtxt(scenes.history, delimiter=",", skiprows=1, usecols=1)
after = shares > 0.5
step = {
    axis: moved[f"displacement_{axis}"][after].mean(0) - moved[f"displacement_{axis}"][~after].mean(0) for axis in "xy"
}

truth = LayerFile.open(scenes.truth).read()
metres = LayerFile.open(scenes.truth).grid.pixel_size[0]
figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.4), constrained_layout=True)
span = float(np.nanpercentile(np.abs(step["y"]), 99))
for ax, values, title in (
    (axes[0], step["y"], "measured, m to the north"),
    (axes[1], -truth["dy"] * metres, "truth"),
):
    figure.colorbar(ax.imshow(values, vmin=-span, vmax=span, cmap="RdBu_r"), ax=ax)
    ax.set_title(title)
plt.show()

# %% [markdown]
# On either side of the fault, over time:

# %%
rows, cols = cube.header.grid.shape
figure, ax = plt.subplots(figsize=(7, 3.2))
for col in (cols // 4, 3 * cols // 4):
    series = cube.at(*cube.header.grid.xy(rows // 2, col))
    ax.errorbar(
        cube.header.dates, series["displacement_y"], series["displacement_y_error"], fmt="o-", label=f"column {col}"
    )
ax.set_ylabel("way to the north, m")
ax.legend()
figure.autofmt_xdate()
plt.show()

# %%
shutil.rmtree(work)
