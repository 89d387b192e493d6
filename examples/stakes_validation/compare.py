"""Compares a series with surveyed points: motion of each point since its first survey, against the pixel around it.

Points are a CSV file with the columns name, x, y (where the point was at first, in the CRS of the series), date
(ISO 8601) and east, north (metres from any origin).
"""

import csv
import math
import sys
from pathlib import Path

import numpy as np

from sensetrack.errors import InputError
from sensetrack.raster.dates import parse_time
from sensetrack.timeseries import Cube

series, points, output = sys.argv[1:4]
cube = Cube.open(series)
surveys: dict[str, list[dict[str, str]]] = {}
with Path(points).open(newline="") as file:
    for row in csv.DictReader(file):
        surveys.setdefault(row["name"], []).append(row)

found = []
for name, rows in surveys.items():
    rows.sort(key=lambda row: parse_time(row["date"]))
    try:
        pixel = cube.at(float(rows[0]["x"]), float(rows[0]["y"]))
    except InputError:
        print(f"{name}: outside of the series")
        continue
    days = np.array([(date - cube.header.dates[0]).total_seconds() / 86400 for date in cube.header.dates])
    at = [(parse_time(row["date"]) - cube.header.dates[0]).total_seconds() / 86400 for row in rows]
    within = [number for number, day in enumerate(at) if -0.5 <= day <= days[-1] + 0.5]
    if len(within) < 2:
        continue
    first, last = within[0], within[-1]
    for axis, column in (("x", "east"), ("y", "north")):
        known = np.isfinite(pixel[f"displacement_{axis}"])
        if known.sum() < 2:
            continue
        way = np.interp([at[first], at[last]], days[known], pixel[f"displacement_{axis}"][known])
        error = np.interp([at[first], at[last]], days[known], pixel[f"displacement_{axis}_error"][known])
        surveyed = float(rows[last][column]) - float(rows[first][column])
        found.append((name, column, surveyed, way[1] - way[0], math.hypot(*error)))

with Path(output).open("w", newline="") as file:
    lines = csv.writer(file)
    lines.writerow(["name", "component", "surveyed", "series", "error"])
    lines.writerows([*row[:2], *(f"{value:.3f}" for value in row[2:])] for row in found)
if not found:
    sys.exit("no point has two surveys within the time of the series and a value there")
misses = np.array([row[3] - row[2] for row in found])
errors = np.array([row[4] for row in found])
print(f"{len(found)} components of {len({row[0] for row in found})} points")
spread = 1.4826 * np.median(np.abs(misses - np.median(misses)))
inside = 100 * np.mean(np.abs(misses) < errors)
print(f"median difference {np.median(misses):+.2f} m, spread {spread:.2f} m")
print(f"stated errors: median {np.median(errors):.2f} m; {inside:.0f} % within one, 68 % expected")
