"""What the neighbours of a pixel say: medians, spreads, counts and sums over square windows, with gaps.

A window holds ``size`` x ``size`` output pixels around its centre and is cut at the edges of the array; only values
that are not NaN take part. All results are exact in the sense that they depend on the set of values in a window
and not on its order, so an array and its blocks, read with a margin of ``size // 2``, give the same bits.
"""

from sensetrack.neighbours.windows import Medians as Medians
from sensetrack.neighbours.windows import agreeing as agreeing
from sensetrack.neighbours.windows import only_usable as only_usable
from sensetrack.neighbours.windows import window_medians as window_medians
from sensetrack.neighbours.windows import window_sum as window_sum
