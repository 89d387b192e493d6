"""What a Sentinel-1 product is put together from: names of its files, manifest, annotations, table of contents."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.dates import parse_time
from sensetrack.sensors._container import Container
from sensetrack.sensors._metadata import Band, Ring
from sensetrack.sensors._xml import Node
from sensetrack.sensors.sentinel1._annotation import Annotation
from sensetrack.sensors.sentinel1._bursts import lines_of_bursts
from sensetrack.sensors.sentinel1._luts import LUTS

INFO = "productInfo.json"
COMPLEX = "complex"
"""Quantity of complex numbers as they are, with the bursts put together."""

_STEM = re.compile(r"(?:s1[a-d]-)?([a-z]{1,2})(\d?)-(?:[a-z]{3}-)?([hv]{2})(-|$)", re.IGNORECASE)


def band_of_stem(stem: str) -> str | None:
    """Return the band that files of a name belong to: ``s1a-iw2-slc-vv-...`` and ``iw2-vv`` hold IW2-VV.

    None where the name is another one.
    """
    match = _STEM.match(stem)
    if match is None:
        return None
    # The number of a stripmap beam is no part of a swath: there is one per product.
    swath = f"{match[1]}{match[2]}".upper() if match[2] and match[1].upper() != "S" else ""
    return f"{swath}-{match[3].upper()}".lstrip("-")


def band_of(container: Container, name: str, stem: str, about: Annotation | None) -> Band:
    """Return a band from its annotation, or from its file alone."""
    quantities: tuple[str, ...] = ("amplitude",)
    shape = None
    if about is not None:
        shape = (len(lines_of_bursts(about)), about.shape[1]) if about.bursts else about.shape
        if container.filled(rf"annotation/calibration/calibration-{re.escape(stem)}\.xml"):
            quantities = (*LUTS, *quantities)
        quantities = (*quantities, COMPLEX) if about.is_complex else quantities
    swath, _, polarisation = name.rpartition("-")
    return Band(
        name=name,
        quantities=quantities,
        files=tuple(container.filled(rf"measurement/{re.escape(stem)}\.tiff?")[:1]),
        resolution=about.timing.range_spacing if about and about.ground_range else None,
        shape=shape,
        polarisation=polarisation,
        swath=swath or (about.swath if about else None),
    )


def band_name(about: Annotation) -> str:
    """Return ``VV`` where a product has one image per polarisation, else ``IW1-VV``."""
    is_whole = about.product_type == "GRD" or about.mode in ("SM", *(f"S{number}" for number in range(1, 7)))
    return about.polarisation if is_whole else f"{about.swath}-{about.polarisation}"


def expected_stems(container: Container, manifest: Node | None, infos: list[dict[str, Any]]) -> list[str]:
    """Return the stems of all images that the product should hold, or does."""
    stems = [PurePosixPath(name).stem for name in container.find(r"measurement/[^/]+\.tiff?")]
    if manifest is not None:
        hrefs = (node.attribute("href") or "" for node in manifest.all(".//fileLocation"))
        stems += [PurePosixPath(href).stem for href in hrefs if "/measurement/" in href]
    for info in infos:
        files = info.get("filenameMap")
        names = files.values() if isinstance(files, dict) else ()
        stems += [PurePosixPath(name).stem for name in names if str(name).startswith("measurement/")]
    return list(dict.fromkeys(stems))


def infos_of(container: Container) -> list[str]:
    """Return the tables of contents of the public bucket, one at most."""
    return container.find(re.escape(INFO))[:1]


def read_info(container: Container, name: str) -> dict[str, Any]:
    """Return the table of contents of the public bucket."""
    try:
        found = json.loads(container.read(name))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{container.path}: {name} cannot be read as JSON ({error})") from error
    if not isinstance(found, dict):
        raise InputError(f"{container.path}: {name} is no JSON object")
    return found


def name_of(container: Container, manifest: Node | None, info: dict[str, Any]) -> str:
    """Return the product's name: as listed, or that of the SAFE folder."""
    if "id" in info:
        return str(info["id"])
    places = [part for name in container.names for part in PurePosixPath(name).parts if part.endswith(".SAFE")]
    return PurePosixPath(places[0] if places else container.path).name.removesuffix(".SAFE").removesuffix(".zip")


def times_of(annotations: dict[str, Annotation], info: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Return when the first image begins and the last one ends."""
    if annotations:
        return min(each.start for each in annotations.values()), max(each.stop for each in annotations.values())
    try:
        return parse_time(str(info["startTime"])), parse_time(str(info["stopTime"]))
    except (KeyError, ParameterError):
        return None, None


def software_of(manifest: Node | None) -> str | None:
    """Return the version of the processor."""
    nodes = [] if manifest is None else manifest.all(".//software")
    versions = [node.attribute("version") for node in nodes if "IPF" in (node.attribute("name") or "")]
    return f"IPF {versions[0]}" if versions else None


def outline_of(annotations: dict[str, Annotation], manifest: Node | None, info: dict[str, Any]) -> Ring | None:
    """Return the footprint of the product, or else of its first image."""
    text = None if manifest is None else manifest.optional_string(".//coordinates")
    if text is not None:
        try:
            pairs = [tuple(map(float, pair.split(","))) for pair in text.split()]
            points = tuple((lon, lat) for lat, lon in pairs)
            if len(points) < 3 or not np.isfinite(points).all():
                raise ValueError(text)
            return points
        except ValueError:
            raise InputError(f"{manifest and manifest.file}: its footprint cannot be read: '{text[:40]}'") from None
    for about in annotations.values():
        ties = about.ties
        corners = ((0, 0), (0, -1), (-1, -1), (-1, 0))
        return tuple((float(ties.longitude[corner]), float(ties.latitude[corner])) for corner in corners)
    rings = info.get("footprint", {}).get("coordinates") or []
    return tuple((float(point[0]), float(point[1])) for point in rings[0][:-1]) if rings else None


def polarisations(bands: tuple[Band, ...]) -> list[str]:
    """Return the polarisations of some bands, each once."""
    return list(dict.fromkeys(band.polarisation or "" for band in bands))
