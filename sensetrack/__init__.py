"""sensetrack: how the ground moves, from pairs of satellite images.

The names below are the whole public API; what is heavy loads when it is first used.

Examples
--------
>>> import sensetrack as st
>>> pair = st.ImagePair.open("2020-01-01.tif", "2020-02-20.tif")   # doctest: +SKIP
>>> displacement = st.track(pair, st.tracker_of("pcc:window=32,step=8"))   # doctest: +SKIP
>>> displacement.save("displacement.tif")   # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "AreaMask": "raster.mask",
    "Dask": "engine",
    "Displacement": "displacement",
    "ErrorScale": "error_scale",
    "Field": "displacement",
    "Filter": "filters",
    "Flag": "displacement",
    "Grid": "raster.grid",
    "Image": "raster.image",
    "ImageFilter": "preprocess",
    "ImagePair": "pair",
    "SensetrackError": "errors",
    "Product": "sensors",
    "Serial": "engine",
    "Threads": "engine",
    "Tracker": "trackers",
    "Velocity": "velocity",
    "VelocityParams": "velocity",
    "align_file": "align",
    "apply_all": "filters",
    "calibrate_errors": "calibrate",
    "fill_gaps": "repair",
    "filter_file": "filter_stream",
    "filter_of": "specs",
    "image_filter_of": "specs",
    "median_smooth": "repair",
    "open": "sensors",
    "open_engine": "engine",
    "preprocess_image": "preprocess",
    "preprocess_pair": "preprocess",
    "track": "stream",
    "track_file": "stream",
    "tracker_of": "specs",
    "velocity_file": "velocity",
}

__all__ = ["__version__", *sorted(_HOMES)]

if TYPE_CHECKING:
    from sensetrack.align import align_file as align_file
    from sensetrack.calibrate import calibrate_errors as calibrate_errors
    from sensetrack.displacement import Displacement as Displacement
    from sensetrack.displacement import Field as Field
    from sensetrack.displacement import Flag as Flag
    from sensetrack.engine import Dask as Dask
    from sensetrack.engine import Serial as Serial
    from sensetrack.engine import Threads as Threads
    from sensetrack.engine import open_engine as open_engine
    from sensetrack.error_scale import ErrorScale as ErrorScale
    from sensetrack.errors import SensetrackError as SensetrackError
    from sensetrack.filter_stream import filter_file as filter_file
    from sensetrack.filters import Filter as Filter
    from sensetrack.filters import apply_all as apply_all
    from sensetrack.pair import ImagePair as ImagePair
    from sensetrack.preprocess import ImageFilter as ImageFilter
    from sensetrack.preprocess import preprocess_image as preprocess_image
    from sensetrack.preprocess import preprocess_pair as preprocess_pair
    from sensetrack.raster.grid import Grid as Grid
    from sensetrack.raster.image import Image as Image
    from sensetrack.raster.mask import AreaMask as AreaMask
    from sensetrack.repair import fill_gaps as fill_gaps
    from sensetrack.repair import median_smooth as median_smooth
    from sensetrack.sensors import Product as Product
    from sensetrack.sensors import open as open
    from sensetrack.specs import filter_of as filter_of
    from sensetrack.specs import image_filter_of as image_filter_of
    from sensetrack.specs import tracker_of as tracker_of
    from sensetrack.stream import track as track
    from sensetrack.stream import track_file as track_file
    from sensetrack.trackers import Tracker as Tracker
    from sensetrack.velocity import Velocity as Velocity
    from sensetrack.velocity import VelocityParams as VelocityParams
    from sensetrack.velocity import velocity_file as velocity_file


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'sensetrack' has no attribute '{name}'")
    return getattr(importlib.import_module(f"sensetrack.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
