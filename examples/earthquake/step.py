"""Print the step across a straight fault, in bins of distance from it.

Usage: step.py FILTERED.tif [ROW COL STRIKE]; ROW and COL of a point on the fault in image pixels, STRIKE in degrees.
Without them: the fault of the synthetic scene.
"""

import itertools
import math
import sys

import numpy as np

import sensetrack as st

displacement = st.Displacement.open(sys.argv[1])
field, spacing = displacement.field, displacement.spacing
row, col, strike = (float(text) for text in sys.argv[2:5]) if len(sys.argv) > 2 else (468.0, 550.0, 68.0)

rows, cols = np.indices(field.shape)
rows, cols = ((index + 0.5) * spacing + origin for index, origin in zip((rows, cols), displacement.origin, strict=True))
along = -math.cos(math.radians(strike)), math.sin(math.radians(strike))
distance = (rows - row) * along[1] - (cols - col) * along[0]
slip = field.dy * along[0] + field.dx * along[1]

print("distance from the fault [px]   along-strike displacement [px]: median, spread, points")
edges = np.array([-400, -200, -100, -50, -25, 0, 25, 50, 100, 200, 400])
for low, high in itertools.pairwise(edges):
    inside = field.measured & (distance >= low) & (distance < high)
    if inside.any():
        values = slip[inside]
        spread = 1.4826 * np.median(np.abs(values - np.median(values)))
        print(f"{low:8d} to {high:4d} {np.median(values):24.3f} {spread:10.3f} {values.size:8d}")
