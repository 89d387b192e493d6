"""The catalogues by name."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sensetrack.catalog._http import Client
from sensetrack.catalog._url import check_url
from sensetrack.catalog.access import UrlSignature
from sensetrack.catalog.cdse import DataSpace
from sensetrack.catalog.dhus import Dhus
from sensetrack.catalog.query import Catalogue
from sensetrack.catalog.stac import Stac
from sensetrack.errors import ParameterError, did_you_mean

SOURCES = {
    "cdse": "Copernicus Data Space: Sentinel-1 and Sentinel-2 as delivered; download with credentials",
    "earth-search": "Earth Search on AWS: Sentinel-2 L2A as cloud-optimised GeoTIFF, read in place",
    "planetary-computer": "Planetary Computer: Sentinel-2 L2A and Landsat Level 2, band by band",
}
"""What is known by name, and what it has."""

_L2 = {"sentinel-2": "sentinel-2-l2a", "landsat": "landsat-c2-l2"}


def catalogue_of(source: str, client: Client) -> Catalogue:
    """Return a catalogue.

    Parameters
    ----------
    source : str
        A name of `SOURCES`, the URL of a STAC API, or ``dhus:`` and the URL of a DHuS mirror.
    client : Client

    Raises
    ------
    ParameterError
        There is no such source.
    MissingExtraError
        A DHuS mirror, and sentinelsat is not installed.
    """
    if source == "cdse":
        return DataSpace(client)
    if source == "earth-search":
        url = "https://earth-search.aws.element84.com/v1"
        return Stac(client, url, name=source, collections={"sentinel-2": "sentinel-2-l2a"})
    if source == "planetary-computer":
        root = "https://planetarycomputer.microsoft.com/api"
        access = UrlSignature(client, f"{root}/sas/v1/token", ("blob.core.windows.net",))
        return Stac(client, f"{root}/stac/v1", name=source, collections=_L2, access=access)
    if source.startswith("dhus:"):
        return Dhus(client, source.removeprefix("dhus:"))
    if "://" in source:
        return Stac(client, check_url(source), name=source, collections=_L2)
    near = did_you_mean(source, SOURCES)
    raise ParameterError(f"source = '{source}': is no name, no URL of a STAC API and no dhus:URL{near}")


def cache_folder(kind: str) -> Path:
    """Return the folder where files that many projects need are kept: ``$SENSETRACK_CACHE``, else the user's cache.

    Parameters
    ----------
    kind : str
        Name of a folder in it.
    """
    own = os.environ.get("SENSETRACK_CACHE")
    if own:
        return Path(own) / kind
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "sensetrack" / kind
