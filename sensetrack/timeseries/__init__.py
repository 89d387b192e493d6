"""Series over time from overlapping pairs: networks, inversion, closure, products, alerts, cubes on disk; and views."""

from sensetrack.timeseries.alerts import Alerts as Alerts
from sensetrack.timeseries.alerts import find_alerts as find_alerts
from sensetrack.timeseries.combine import Combined as Combined
from sensetrack.timeseries.combine import combine_files as combine_files
from sensetrack.timeseries.cube import Cube as Cube
from sensetrack.timeseries.enu import geocoded_rows as geocoded_rows
from sensetrack.timeseries.enu import local_incidence as local_incidence
from sensetrack.timeseries.enu import look_vector as look_vector
from sensetrack.timeseries.enu import to_enu as to_enu
from sensetrack.timeseries.filters import is_spike as is_spike
from sensetrack.timeseries.filters import running_mean as running_mean
from sensetrack.timeseries.filters import running_median as running_median
from sensetrack.timeseries.invert import Inversion as Inversion
from sensetrack.timeseries.invert import invert as invert
from sensetrack.timeseries.network import Epoch as Epoch
from sensetrack.timeseries.network import NetworkParams as NetworkParams
from sensetrack.timeseries.network import find_triplets as find_triplets
from sensetrack.timeseries.network import select_pairs as select_pairs
from sensetrack.timeseries.params import CombineParams as CombineParams
from sensetrack.timeseries.params import SeriesParams as SeriesParams
from sensetrack.timeseries.stack import Stack as Stack
from sensetrack.timeseries.stream import series_file as series_file
from sensetrack.timeseries.views import OpticalView as OpticalView
from sensetrack.timeseries.views import RadarView as RadarView

__all__ = [
    "Alerts",
    "CombineParams",
    "Combined",
    "Cube",
    "Epoch",
    "Inversion",
    "NetworkParams",
    "OpticalView",
    "RadarView",
    "SeriesParams",
    "Stack",
    "combine_files",
    "find_alerts",
    "find_triplets",
    "geocoded_rows",
    "invert",
    "is_spike",
    "local_incidence",
    "look_vector",
    "running_mean",
    "running_median",
    "select_pairs",
    "series_file",
    "to_enu",
]
