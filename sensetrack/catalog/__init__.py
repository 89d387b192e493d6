"""Search and download: catalogues of scenes, orbit files, elevation models, and the transfer of files."""

from sensetrack.catalog._http import Client as Client
from sensetrack.catalog._http import StoppedError as StoppedError
from sensetrack.catalog._part import Checksum as Checksum
from sensetrack.catalog._retry import Retry as Retry
from sensetrack.catalog.access import Credentials as Credentials
from sensetrack.catalog.cdse import DataSpace as DataSpace
from sensetrack.catalog.dem import find_tiles as find_tiles
from sensetrack.catalog.dem import tile_names as tile_names
from sensetrack.catalog.dem import write_vrt as write_vrt
from sensetrack.catalog.orbits import DataSpaceOrbits as DataSpaceOrbits
from sensetrack.catalog.orbits import OrbitBucket as OrbitBucket
from sensetrack.catalog.orbits import OrbitSource as OrbitSource
from sensetrack.catalog.orbits import Pass as Pass
from sensetrack.catalog.orbits import check_orbit as check_orbit
from sensetrack.catalog.orbits import find_orbit_file as find_orbit_file
from sensetrack.catalog.orbits import pass_of as pass_of
from sensetrack.catalog.query import Catalogue as Catalogue
from sensetrack.catalog.query import Entry as Entry
from sensetrack.catalog.query import Query as Query
from sensetrack.catalog.query import boxes_of as boxes_of
from sensetrack.catalog.sources import SOURCES as SOURCES
from sensetrack.catalog.sources import cache_folder as cache_folder
from sensetrack.catalog.sources import catalogue_of as catalogue_of
from sensetrack.catalog.stac import Stac as Stac
from sensetrack.catalog.transfer import Outcome as Outcome
from sensetrack.catalog.transfer import Wanted as Wanted
from sensetrack.catalog.transfer import fetch as fetch
from sensetrack.catalog.transfer import fetch_all as fetch_all

__all__ = [
    "Catalogue",
    "Checksum",
    "Client",
    "Credentials",
    "DataSpace",
    "DataSpaceOrbits",
    "Entry",
    "OrbitBucket",
    "OrbitSource",
    "Outcome",
    "Pass",
    "Query",
    "Retry",
    "SOURCES",
    "Stac",
    "StoppedError",
    "Wanted",
    "boxes_of",
    "cache_folder",
    "catalogue_of",
    "check_orbit",
    "fetch",
    "fetch_all",
    "find_orbit_file",
    "find_tiles",
    "pass_of",
    "tile_names",
    "write_vrt",
]
