"""Splits the bursts of Sentinel-1 TOPS images, puts them together, and merges subswaths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from sensetrack.graph.operators._base import MANY, Names, Operator
from sensetrack.params import param


class TopsarSplit(Operator):
    """Takes one subswath, and some bursts of it, out of a Sentinel-1 TOPS image."""

    alias = "TOPSAR-Split"
    suffix = "_split"
    since: ClassVar[Mapping[str, int]] = {"enableSingleSwathMode": 13}

    subswath: str = param("", "The subswath, such as IW1; none: the first.")
    selectedPolarisations: Names = param((), "Polarisations to keep; none: all.")
    firstBurstIndex: int = param(1, "First burst, from 1.", ge=1)
    lastBurstIndex: int = param(9999, "Last burst; the last there is where there are fewer.", ge=1)
    wktAoi: str = param("", "Area, WKT in longitude and latitude, whose bursts are kept.")
    enableSingleSwathMode: bool = param(False, "Whether one subswath alone is written; it is in any case.")


class TopsarDeburst(Operator):
    """Puts the bursts of Sentinel-1 TOPS images together, and their subswaths side by side."""

    alias = "TOPSAR-Deburst"
    suffix = "_Deb"

    selectedPolarisations: Names = param((), "Polarisations to keep; none: all.")


class TopsarMerge(Operator):
    """Puts subswaths side by side that were made from bursts one by one."""

    alias = "TOPSAR-Merge"
    slots = MANY
    suffix = "_mrg"

    selectedPolarisations: Names = param((), "Polarisations to keep; none: all.")
