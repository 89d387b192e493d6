"""Where the pixels of a COSMO-SkyMed image lie, and the attributes that say so."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyproj import Transformer

from products.cosmo_attributes import Scene, corners
from products.orbit import LIGHT, SEMIMAJOR, Orbit, cartesian

FIRST_RANGE_TIME, RANGE_INTERVAL = 5.06104e-3, 8.60215e-9
LINE_INTERVAL = 2.77867e-4
NAMES = ("Top Left", "Top Right", "Bottom Left", "Bottom Right")


class CosmoGeometry:
    """Where the pixels of one image lie."""

    def __init__(
        self, scene: Scene, shape: tuple[int, int], number: int, stretch: float, spacing: tuple[float, float]
    ) -> None:
        self.scene, self.shape = scene, shape
        self.lines, self.columns = shape
        self.line_interval = LINE_INTERVAL * stretch
        self.column_interval = RANGE_INTERVAL * stretch
        swath = number if scene.mode in ("WR", "HR", "SC1") else 0
        self.range_time = FIRST_RANGE_TIME + swath * 0.9 * self.columns * self.column_interval
        self.last_time = scene.first_time + (self.lines - 1) * self.line_interval
        self.epsg: int | None = None
        self.origin: tuple[float, float] | None = None
        orbit = scene.orbit
        self.slant_range = LIGHT / 2 * (self.range_time + np.arange(self.columns) * self.column_interval)
        self.spacing = (float(6800 * self.line_interval), LIGHT / 2 * self.column_interval)
        if scene.kind != "SCS":
            self.spacing = spacing
            self._to_ground(orbit)
        near, far = self.slant_range[[0, -1]]
        seconds = np.array([0.0, 0.0, *[(self.lines - 1) * self.line_interval] * 2])
        lat, lon = orbit.ground(seconds, np.array([near, far, near, far]))
        self.corners = dict(zip(NAMES, zip(lat.tolist(), lon.tolist(), strict=True), strict=True))
        angles = orbit.incidence(seconds[:2], lat[:2], lon[:2])
        self.incidence = (float(angles[0]), float(angles[1]))
        looks = orbit.look(seconds[:2], lat[:2], lon[:2])
        self.look = (float(looks[0]), float(looks[1]))
        if scene.kind in ("GEC", "GTC"):
            self._to_map()

    def _to_ground(self, orbit: Orbit) -> None:
        """Fit the slant range to the pixel number, for columns spaced evenly on the ground."""
        reach = self.columns * self.spacing[1]
        slant = self.slant_range[0] + np.linspace(0, reach, 400)
        lat, lon = orbit.ground(np.zeros(400), slant)
        chord = np.linalg.norm(cartesian(lat, lon) - cartesian(lat[0], lon[0]), axis=-1)
        ground = 2 * SEMIMAJOR * np.arcsin(chord / (2 * SEMIMAJOR))
        pixel = ground / self.spacing[1]
        inside = pixel <= self.columns
        shorter = np.polynomial.Polynomial.fit(pixel[inside], slant[inside] - slant[0], 5).convert()
        self.reference_range = float(slant[0])
        self.to_slant = shorter.coef
        self.to_ground = np.polynomial.Polynomial.fit(slant[inside] - slant[0], pixel[inside], 5).convert().coef
        self.slant_range = self.reference_range + shorter(np.arange(self.columns, dtype=float))

    def _to_map(self) -> None:
        """Place the image on a UTM grid with its upper left corner at that of the scene."""
        lat, lon = self.corners["Top Left"]
        zone = int((lon + 180) // 6) + 1
        self.epsg = (32600 if lat > 0 else 32700) + zone
        easting, northing = Transformer.from_crs(4326, self.epsg, always_xy=True).transform(lon, lat)
        west, north = round(easting / 10) * 10.0, round(northing / 10) * 10.0
        self.origin = (west, north)
        line, column = self.spacing
        to_degrees = Transformer.from_crs(self.epsg, 4326, always_xy=True).transform
        east, south = west + self.columns * column, north - self.lines * line
        self.plane = dict(zip(NAMES, ((west, north), (east, north), (west, south), (east, south)), strict=True))
        self.corners = {name: to_degrees(*place)[::-1] for name, place in self.plane.items()}

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the image dataset."""
        values: dict[str, Any] = {
            **corners(self.corners),
            "Near Incidence Angle": self.incidence[0],
            "Far Incidence Angle": self.incidence[1],
            "Near Look Angle": self.look[0],
            "Far Look Angle": self.look[1],
            "Line Spacing": self.spacing[0],
            "Column Spacing": self.spacing[1],
            "Equivalent Number of Looks": 1.0,
        }
        if self.origin is not None:
            return values | {f"{name} East-North": np.array(place) for name, place in self.plane.items()}
        ranges = self.slant_range[[0, -1]] * 2 / LIGHT
        if self.scene.kind == "SCS":
            values["Column Time Interval"] = self.column_interval
        return values | {
            "Line Time Interval": self.line_interval,
            "Zero Doppler Azimuth First Time": self.scene.first_time,
            "Zero Doppler Azimuth Last Time": self.last_time,
            "Zero Doppler Range First Time": ranges[0],
            "Zero Doppler Range Last Time": ranges[1],
        }

    def root_attributes(self) -> dict[str, Any]:
        """Return what detected products have at the root beside the rest."""
        if self.origin is None or self.epsg is None:
            return {
                "Ground Projection Polynomial Reference Range": self.reference_range,
                "Ground to Slant Polynomial": self.to_slant,
                "Slant to Ground Polynomial": self.to_ground,
            }
        zone, south = self.epsg % 100, self.epsg > 32700
        return {
            "Map Projection Centre": np.array([0.0, zone * 6.0 - 183]),
            "Map Projection False East-North": np.array([500000.0, 1e7 if south else 0.0]),
            "Map Projection Scale Factor": 0.9996,
            "Map Projection Zone": np.int32(zone),
        }

    def quicklook_attributes(self) -> dict[str, Any]:
        """Return the attributes of the quicklook, every fourth pixel."""
        return {
            "Quick Look Lines Order": "EARLY-LATE",
            "Quick Look Columns Order": "NEAR-FAR",
            "Quick Look Line Spacing": 4 * self.spacing[0],
            "Quick Look Column Spacing": 4 * self.spacing[1],
            "Quick Look Projection ID": "UTM" if self.origin is not None else "SLANT RANGE/AZIMUTH",
        }
