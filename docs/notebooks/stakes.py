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
# # A series beside surveyed stakes
#
# The notebook of `examples/stakes_validation`: the motion of stakes between their first and last survey, against that
# of the pixels around them. Scenes and stakes are made up, from one truth; the stakes have errors of 2 cm.

# %%
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from sensetrack.engine import Threads
from sensetrack.project import run_project
from sensetrack.scene import write_series
from sensetrack.timeseries.stakes import stakes_file

examples = next(folder / "examples" for folder in [Path.cwd(), *Path.cwd().parents] if (folder / "examples").is_dir())
example = examples / "stakes_validation"
work = Path(tempfile.mkdtemp())
write_series(work / "scenes", kind="glacier", days=range(0, 75, 15), shape=(160, 192))
shutil.copy(examples / "glacier_sentinel2/project.yaml", work)
outcome = run_project(work / "project.yaml", engine=Threads())

# %% [markdown]
# `sensetrack stakes`, here as a function, takes any cube and any CSV file with the columns
# `name, x, y, date, east, north`:

# %%
points, compared = work / "points.csv", work / "comparison.csv"
subprocess.run([sys.executable, example / "make_points.py", work / "scenes", points], check=True)
rows = stakes_file(outcome.results / "series.nc", points, compared)
print(f"{len({row.name for row in rows})} points")

# %%
found = pd.read_csv(compared)
figure, ax = plt.subplots(figsize=(4.5, 4.5))
ax.errorbar(found["surveyed"], found["series"], found["error"], fmt="o")
ends = [found["surveyed"].min(), found["surveyed"].max()]
ax.plot(ends, ends, "k--")
ax.set(xlabel="surveyed, m", ylabel="series, m")
plt.show()

# %%
shutil.rmtree(work)
