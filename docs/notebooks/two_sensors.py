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
# # Two sensors, one series
#
# The notebook of `examples/prisma_cosmo`: scenes of two sensors on one grid, pairs within each, and one series from
# both. Both are made up of the same ground.

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
lines = ["name,sensor"]
for sensor, later in (("prisma", 0), ("cosmo-skymed", 5)):
    made = write_series(work / "scenes", days=range(later, later + 60, 20), name=f"{sensor}_", shape=(160, 192))
    lines += [f"{path.stem},{sensor}" for path in made.images]
(work / "scenes.csv").write_text("\n".join(lines) + "\n")
shutil.copy(examples / "prisma_cosmo/project.yaml", work)
outcome = run_project(work / "project.yaml", engine=Threads())
print(len(outcome.pairs), "pairs, complete:", outcome.complete)

# %% [markdown]
# No pair ties the dates of one sensor to those of the other; that motion is smooth does (`smoothness`). Each pair with
# its own rule, and the series of both at the fastest place:

# %%
for job in outcome.plan.jobs:
    print(f"{job.label}  {job.reference.epoch.sensor:<13}{job.params.tracker}")

cube = Cube.open(outcome.results / "series.nc")
speed = cube.read(["v_mean"])["v_mean"]
place = cube.at(*cube.header.grid.xy(*np.unravel_index(np.nanargmax(speed), speed.shape)))
figure, ax = plt.subplots(figsize=(7, 3.2))
ax.errorbar(cube.header.middles, place["v"], place["v_error"], fmt="o")
ax.set_ylabel("speed, m/yr")
ax.set_ylim(0)
figure.autofmt_xdate()
plt.show()

# %%
shutil.rmtree(work)
