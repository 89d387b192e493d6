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
# # A glacier over a season
#
# The notebook of `examples/glacier_sentinel2`: a folder of scenes becomes a series of velocities with errors. The
# scenes are made up, smaller and fewer than those of the script, and their motion is known; with real ones, put
# Sentinel-2 zips into `scenes` and leave out the cell that writes some.

# %%
import shutil
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Image

from sensetrack.engine import Threads
from sensetrack.project import Project, run_project
from sensetrack.raster.layers import LayerFile
from sensetrack.scene import write_series
from sensetrack.timeseries import Cube

examples = next(folder / "examples" for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "examples").is_dir())
work = Path(tempfile.mkdtemp())
scenes = write_series(work / "scenes", kind="glacier", days=range(0, 75, 15), shape=(160, 192))
shutil.copy(examples / "glacier_sentinel2/project.yaml", work)
print((work / "project.yaml").read_text())

# %% [markdown]
# `Project.plan` says what would be done, `run_project` does it. What is done already is not done again.

# %%
plan = Project(work / "project.yaml").plan(dry=True)
print(len(plan.scenes), "scenes,", len(plan.jobs), "pairs")

outcome = run_project(work / "project.yaml", engine=Threads())
print("complete:", outcome.complete)

# %% [markdown]
# Each pair, with its weight in the series and how well its triplets close, in units of their stated errors:

# %%
pairs = pd.read_csv(outcome.results / "pairs.csv")
pairs[["reference", "secondary", "days", "usable", "error_x", "weight", "closure"]].round(2)

# %% [markdown]
# The mean speed over the first scene:

# %%
Image(outcome.results / "speed.png", width=560)

# %% [markdown]
# Speed over time at the fastest place, with the errors that the series states, and the truth of the scenes:

# %%
cube = Cube.open(outcome.results / "series.nc")
truth = LayerFile.open(scenes.truth)
motion = truth.read()
length = np.hypot(motion["dx"], motion["dy"]) * truth.grid.pixel_size[0]
row, col = np.unravel_index(np.argmax(length), length.shape)
place = cube.at(*truth.grid.xy(row, col))

history = pd.read_csv(scenes.history, parse_dates=["date"])
years = (history["date"] - history["date"][0]).dt.total_seconds() / (365.25 * 86400)
true_speed = length[row, col] * np.diff(history["share"]) / np.diff(years)
middles = (history["date"] + history["date"].diff().shift(-1) / 2)[:-1]

figure, ax = plt.subplots(figsize=(7, 3.2))
ax.errorbar(cube.header.middles, place["v"], place["v_error"], fmt="o", label="series")
ax.plot(middles, true_speed, "k--", label="truth")
ax.set_ylabel("speed, m/yr")
ax.set_ylim(0)
ax.legend()
figure.autofmt_xdate()
plt.show()

# %% [markdown]
# `report.html` in the same folder shows all of it at a click, without a network.

# %%
sorted(path.name for path in outcome.results.iterdir())

# %%
shutil.rmtree(work)
