"""Writes Sentinel-1 orbit files: AUX_POEORB and AUX_RESORB."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from products.orbit import Doubles, Orbit
from products.xml import counted, element, fields, save

LEAP_SECONDS = timedelta(seconds=37)
SLOWER = timedelta(seconds=-0.002521)


@dataclass(frozen=True)
class OrbitFileTruth:
    """What an orbit file holds: path, validity, times (UTC) and state vectors."""

    path: Path
    start: datetime
    stop: datetime
    times: list[datetime]
    positions: Doubles
    velocities: Doubles


def write_orbit_file(
    folder: Path,
    orbit: Orbit,
    epoch: datetime,
    *,
    kind: str = "AUX_POEORB",
    mission: str = "S1A",
    before: float = 300.0,
    after: float = 300.0,
    quality: str = "NOMINAL",
) -> OrbitFileTruth:
    """Write an orbit file with a vector every 10 s.

    Parameters
    ----------
    orbit : Orbit
        Whose time 0 is ``epoch``.
    before, after : float
        Seconds about the epoch that it covers; negative ``before`` starts after the epoch.
    """
    start, stop = epoch - timedelta(seconds=before), epoch + timedelta(seconds=after)
    seconds = np.arange(-before, after + 5, 10.0)
    positions, velocities = orbit.state(seconds)
    positions, velocities = positions.round(6), velocities.round(6)
    times = [epoch + timedelta(seconds=float(second)) for second in seconds]
    made = stop + timedelta(hours=20)
    name = f"{mission}_OPER_{kind}_OPOD_{made:%Y%m%dT%H%M%S}_V{start:%Y%m%dT%H%M%S}_{stop:%Y%m%dT%H%M%S}"
    vectors = []
    for time, position, velocity in zip(times, positions, velocities, strict=True):
        clocks = fields(
            TAI=f"TAI={(time + LEAP_SECONDS).isoformat(timespec='microseconds')}",
            UTC=f"UTC={time.isoformat(timespec='microseconds')}",
            UT1=f"UT1={(time + SLOWER).isoformat(timespec='microseconds')}",
            Absolute_Orbit="+41314",
        )
        places = [element(tag, f"{value:.6f}", unit="m") for tag, value in zip("XYZ", position, strict=True)]
        speeds = [element(f"V{tag}", f"{value:.6f}", unit="m/s") for tag, value in zip("XYZ", velocity, strict=True)]
        vectors.append(element("OSV", [*clocks, *places, *speeds, element("Quality", quality)]))
    validity = fields(
        Validity_Start=f"UTC={start.isoformat(timespec='seconds')}",
        Validity_Stop=f"UTC={stop.isoformat(timespec='seconds')}",
    )
    fixed = [
        *fields(
            File_Name=name,
            File_Description="Precise Orbit Ephemerides (POE) Orbit File",
            Notes="",
            Mission=f"Sentinel-{mission[1:]}",
            File_Class="OPER",
            File_Type=kind,
        ),
        element("Validity_Period", validity),
        element("File_Version", "0001"),
    ]
    variable = fields(Ref_Frame="EARTH_FIXED", Time_Reference="UTC")
    header = element("Earth_Explorer_Header", [element("Fixed_Header", fixed), element("Variable_Header", variable)])
    block = element("Data_Block", counted("List_of_OSVs", vectors), type="xml")
    path = folder / f"{name}.EOF"
    save(path, element("Earth_Explorer_File", [header, block]))
    return OrbitFileTruth(path, start, stop, times, positions, velocities)
