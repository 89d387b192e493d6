"""COSMO-SkyMed of both generations: SCS, DGM, GEC and GTC of all modes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from sensetrack.errors import InputError, ParameterError
from sensetrack.radar.ground_range import GroundRange
from sensetrack.radar.state_vectors import StateVectors
from sensetrack.radar.timing import Timing
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.sensors._base import RAW, BandImage, Product, Reading, file_name
from sensetrack.sensors._container import Container
from sensetrack.sensors._hdf5 import Attributes, opened
from sensetrack.sensors._hdf5_sensor import Hdf5Sensor
from sensetrack.sensors._metadata import Band, Orbit, View
from sensetrack.sensors.cosmo_skymed import _geometry
from sensetrack.sensors.cosmo_skymed._calibration import backscatter_factor, source_of
from sensetrack.sensors.cosmo_skymed._layers import Layer, find_layers
from sensetrack.sensors.cosmo_skymed._names import TYPES, ProductName, parse_name
from sensetrack.types import DoubleArray

if TYPE_CHECKING:
    import h5py

__all__ = ["CosmoProduct", "CosmoSkymed", "ProductName", "parse_name"]

FILES = r"[^/]*\.h5"
COMPLEX = "complex"
_LEVELS = {"RAW": "L0", "SCS": "L1A", "DGM": "L1B", "GEC": "L1C", "GTC": "L1D"}


@dataclass(frozen=True, eq=False, kw_only=True)
class CosmoProduct(Product):
    """A COSMO-SkyMed scene.

    Bands carry the name of their polarisation, with the subswath before it where several share one (``S02-HH``). They
    become sigma or beta nought (linear power), or amplitude; SCS images can stay complex. SCS_U is not calibrated.
    SCS and DGM lie in the geometry of the sensor, lines from early to late and columns from near to far; GEC and GTC
    on a map. Pixels of the product's invalid value, 0, are left out in any case.

    Attributes
    ----------
    generation : {1, 2}
    mode : str
        Acquisition mode: ``HIMAGE``, ``PINGPONG``, ``ENHANCED SPOTLIGHT`` ...
    parsed_name : ProductName or None
        What the name says; None where the file was renamed.
    file : str
        The HDF5 file in the container.
    layers : mapping of str to Layer
        The images, by band.
    """

    generation: Literal[1, 2]
    mode: str
    parsed_name: ProductName | None
    file: str
    layers: Mapping[str, Layer] = field(repr=False)

    @property
    def default_band(self) -> Band:
        """The first image that is there."""
        return (self.available or self.bands)[0]

    @property
    def grid(self) -> Grid | None:
        """Where the pixels of `default_band` lie; without CRS in the geometry of the sensor."""
        layer = self.layers[self.default_band.name]
        if layer.shape is None:
            return None
        return _geometry.map_grid(layer.attributes, layer.shape) or Grid(layer.shape)

    def attributes(self, band: int | str | None = None) -> Attributes:
        """Return the attributes that hold for the image of a band, those of its groups and of the file among them."""
        return self.layers[self.band(band).name].attributes

    def state_vectors(self) -> StateVectors:
        """Return the orbit.

        Raises
        ------
        InputError
            It is not there.
        """
        return _geometry.state_vectors(self.attributes())

    def timing(self, band: int | str | None = None) -> Timing:
        """Return when and how far the pixels of a band were seen.

        Raises
        ------
        InputError
            An attribute is not there, as in products on a map.
        """
        return _geometry.timing(self.attributes(band))

    def ground_range(self, band: int | str | None = None) -> GroundRange | None:
        """Return the polynomials of a band in ground range (DGM); None for one in slant range."""
        layer = self.layers[self.band(band).name]
        return _geometry.ground_range(layer.attributes, layer.shape[1] if layer.shape else 1)

    def slant_range(self, columns: object, band: int | str | None = None) -> DoubleArray:
        """Return the distance of columns of a band from the antenna, m; in slant range and in ground range.

        Parameters
        ----------
        columns : array of float
            From 0 at the centre of the first.

        Raises
        ------
        InputError
            The band is on a map, or attributes are not there.
        """
        return _geometry.slant_range(self.attributes(band), columns)

    def multilook(self, band: int | str | None = None) -> tuple[int, int] | None:
        """Return looks in azimuth and in range for pixels that are about square on the ground; one of them is 1."""
        return _geometry.multilook(self.attributes(band), in_slant_range=self.product_type.startswith("SCS"))

    def height(self, band: int | str | None = None) -> float:
        """Return the height of the scene above the ellipsoid, about, m: the mean of its corners; 0 if not stated."""
        return _geometry.mean_height(self.attributes(band))

    def backscatter_factor(self, band: int | str | None = None, *, is_sigma: bool = True) -> float:
        """Return what the power of a band is multiplied with to give sigma nought, linear; see `_calibration`.

        Parameters
        ----------
        band : int, str or None
        is_sigma : bool
            False gives beta nought.

        Raises
        ------
        InputError
            An attribute is not there or makes no sense; subswaths of one mosaic have different constants; or the
            product is SCS_U, which is not calibrated.
        """
        if self.product_type == "SCS_U":
            raise InputError(f"{self.path}: is SCS_U, which is not calibrated; order SCS_B")
        layer = self.layers[self.band(band).name]
        return backscatter_factor(layer.attributes, layer.constants, is_sigma=is_sigma)

    def preview(self) -> Image | None:
        """Return the quicklook that the product brings, as an image of grey values; None where it brings none."""
        layer = self.layers[self.default_band.name]
        if layer.quicklook is None:
            return None
        with opened(self.container, self.file) as file:
            found = np.asarray(file[layer.quicklook][()])
        if found.ndim != 2 or found.size == 0:
            return None
        return Image.from_array(found, nodata=0, acquired=self.start)

    def rows(self) -> list[tuple[str, str]]:
        """Return the mode, beam, polarisations, spacing and looks."""
        about = self.attributes()
        rows = [("mode", self.mode), ("beam", about.text("Multi-Beam ID", ""))]
        rows.append(("polarisation", ", ".join(dict.fromkeys(band.polarisation or "" for band in self.bands))))
        line, column = (about.optional_number(f"{name} Spacing") for name in ("Line", "Column"))
        if line and column:
            place = {"L1A": "in slant range", "L1B": "in ground range"}.get(self.level, "between columns")
            rows.append(("spacing", f"{line:.5g} m between lines, {column:.5g} m {place}"))
        looks = self.multilook()
        if looks is not None and self.level in ("L1A", "L1B"):
            rows.append(("square pixels", f"{looks[0]} x {looks[1]} looks (azimuth x range)"))
        return rows

    def properties(self) -> dict[str, object]:
        """Return the properties of the STAC extension ``sar``."""
        about = self.attributes()
        frequency = about.optional_number("Radar Frequency")
        spacing = [about.optional_number(f"{name} Spacing") for name in ("Column", "Line")]
        return {
            "sar:polarizations": list(dict.fromkeys(band.polarisation for band in self.bands)),
            "sar:instrument_mode": self.mode,
            "sar:frequency_band": "X",
            "sar:center_frequency": None if frequency is None else frequency / 1e9,
            "sar:observation_direction": self.view.look_side,
            "sar:pixel_spacing_range": spacing[0],
            "sar:pixel_spacing_azimuth": spacing[1],
        }

    def _source(self, band: Band, reading: Reading) -> BandImage:
        if not reading.clouds:
            raise ParameterError(f"clouds = False: {self.name} is a radar image, which sees through clouds")
        if reading.denoise:
            raise ParameterError(f"denoise = True: {self.name} does not state its thermal noise")
        layer = self.layers[band.name]
        shape = layer.shape or (1, 1)
        source, dtype = source_of(self.container, self.file, layer, reading.quantity, reading.nodata)
        grid = _geometry.map_grid(layer.attributes, shape) or Grid(shape)
        tags = {"nodata": f"{source.nodata:g}"} if reading.quantity == RAW else {"unit": "1"}
        return BandImage(source, grid, dtype, tags)


class CosmoSkymed(Hdf5Sensor):
    """COSMO-SkyMed's HDF5 files, alone, in a folder or in an archive."""

    files = FILES

    def _is_named(self, name: str) -> bool:
        return parse_name(name) is not None

    def _is_own(self, file: h5py.File, name: str) -> bool:
        about = Attributes.of(file, name)
        named = parse_name(about.text("Product Filename", "")) is not None
        return named or about.text("Mission ID", "").upper() in ("CSK", "CSG")

    def _product(self, container: Container, name: str, file: h5py.File) -> CosmoProduct:
        return _product(container, name, file)


def _product(container: Container, name: str, file: h5py.File) -> CosmoProduct:
    root = Attributes.of(file, container.path)
    own = re.sub(r"\.h5$", "", root.text("Product Filename", file_name(name)), flags=re.IGNORECASE)
    parsed = parse_name(own) or parse_name(file_name(name))
    kind = root.text("Product Type", parsed.product_type if parsed else "")
    if kind not in TYPES:
        raise InputError(f"{root.place}: Product Type = '{kind}' is none of {', '.join(TYPES)}")
    if kind == "RAW_B":
        raise InputError(f"{container.path}: is RAW_B, which holds echoes and no image; order SCS_B or higher")
    layers = find_layers(file, container.path)
    names = _band_names(layers)
    first = layers[0].attributes
    mission = root.text("Mission ID", "CSG" if parsed and parsed.generation == 2 else "CSK").upper()
    side = root.text("Look Side", parsed.look_side if parsed else "").lower()
    direction = root.text("Orbit Direction", parsed.direction if parsed else "").lower()
    orbit_number = root.optional_number("Orbit Number")
    return CosmoProduct(
        container=container,
        sensor="cosmo-skymed",
        name=own,
        mission=root.text("Satellite ID", mission),
        instrument="SAR-2000",
        product_type=kind,
        level=_LEVELS[kind[:3]],
        start=_geometry.time_of(root, "Scene Sensing Start UTC"),
        stop=_geometry.time_of(root, "Scene Sensing Stop UTC"),
        bands=tuple(_band(layer, band, kind, name) for layer, band in zip(layers, names, strict=True)),
        orbit=Orbit(
            absolute=None if orbit_number is None else int(orbit_number),
            direction="ascending" if direction == "ascending" else "descending" if direction == "descending" else None,
        ),
        view=View(
            incidence=_geometry.mean_incidence(first),
            look_side="right" if side == "right" else "left" if side == "left" else None,
        ),
        baseline=root.text("L1A Software Version", "") or None,
        outline=_geometry.outline(first),
        missing=tuple(f"image of {band}" for layer, band in zip(layers, names, strict=True) if layer.dataset is None),
        generation=2 if mission == "CSG" else 1,
        mode=root.text("Acquisition Mode", parsed.mode if parsed else ""),
        parsed_name=parsed,
        file=name,
        layers=dict(zip(names, layers, strict=True)),
    )


def _band_names(layers: tuple[Layer, ...]) -> list[str]:
    """Name images by their polarisation, with the subswath before it where several have the same."""
    polarisations = [layer.attributes.text("Polarisation") for layer in layers]
    count = Counter(polarisations)
    return [
        polarisation if count[polarisation] == 1 else f"{layer.group}-{polarisation}"
        for layer, polarisation in zip(layers, polarisations, strict=True)
    ]


def _band(layer: Layer, name: str, kind: str, file: str) -> Band:
    quantities = ("amplitude",) if kind == "SCS_U" else ("sigma0", "beta0", "amplitude")
    line, column = (layer.attributes.optional_number(f"{side} Spacing") for side in ("Line", "Column"))
    return Band(
        name=name,
        quantities=(*quantities, COMPLEX) if layer.is_complex else quantities,
        files=(file,) if layer.dataset else (),
        resolution=max(line, column) if line and column else None,
        shape=layer.shape,
        polarisation=layer.attributes.text("Polarisation"),
        swath=layer.group if "-" in name else None,
    )
