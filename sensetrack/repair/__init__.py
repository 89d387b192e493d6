"""Repairs that change values: smoothing and filling. Filters only judge; nothing here runs unless asked for."""

from sensetrack.repair.gaps import LARGEST_GAP as LARGEST_GAP
from sensetrack.repair.gaps import check_fill as check_fill
from sensetrack.repair.gaps import fill_gaps as fill_gaps
from sensetrack.repair.gaps import fill_margin as fill_margin
from sensetrack.repair.median import check_smooth as check_smooth
from sensetrack.repair.median import median_smooth as median_smooth
