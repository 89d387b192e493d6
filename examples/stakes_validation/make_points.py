"""Makes up surveyed points from the truth of a made-up series, with errors of 2 cm."""

import csv
import sys
from pathlib import Path

import numpy as np

from sensetrack.raster.layers import LayerFile

scenes, output = Path(sys.argv[1]), sys.argv[2]
truth = LayerFile.open(scenes / "truth.tif")
motion = truth.read()
width, height = truth.grid.pixel_size
with (scenes / "history.csv").open() as file:
    history = [(row["date"], float(row["share"])) for row in csv.DictReader(file)]

rng = np.random.default_rng(7)
length = np.hypot(motion["dx"], motion["dy"])
moving = np.argwhere(length > 0.7 * length.max())
with Path(output).open("w", newline="") as file:
    lines = csv.writer(file)
    lines.writerow(["name", "x", "y", "date", "east", "north"])
    for number, (row, col) in enumerate(moving[rng.choice(len(moving), 12, replace=False)]):
        x, y = truth.grid.xy(row, col)
        for date, share in history:
            east = share * motion["dx"][row, col] * width + rng.normal(0, 0.02)
            north = -share * motion["dy"][row, col] * height + rng.normal(0, 0.02)
            lines.writerow([f"stake{number}", f"{x:.2f}", f"{y:.2f}", date, f"{east:.3f}", f"{north:.3f}"])
