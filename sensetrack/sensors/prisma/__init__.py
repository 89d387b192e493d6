"""PRISMA: hyperspectral cubes and the panchromatic image of Level 1, 2B, 2C and 2D."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.raster.methods import Method
from sensetrack.raster.source import Source
from sensetrack.sensors._base import RAW, BandImage, Product, Reading, file_name
from sensetrack.sensors._container import Container
from sensetrack.sensors._geolocation import Geolocation, MappedSource
from sensetrack.sensors._hdf5 import Attributes
from sensetrack.sensors._hdf5_sensor import Hdf5Sensor
from sensetrack.sensors._metadata import Band, View
from sensetrack.sensors.prisma._bands import CUBES, Kind, bands_of, covered, spectrum
from sensetrack.sensors.prisma._header import SIZES, SWATHS, image_shapes, map_grid, outline_of, time_of
from sensetrack.sensors.prisma._pixels import ArrayPlaces, CubeSource

if TYPE_CHECKING:
    import h5py

FILES = r"[^/]*\.he5"
NAME = r"PRS_L(1|2B|2C|2D)_[^/]*\.he5"
_LEVELS = ("1", "2B", "2C", "2D")
_LARGEST = 1e20


@dataclass(frozen=True, eq=False, kw_only=True)
class PrismaProduct(Product):
    """A PRISMA product.

    Bands are ``pan``, ``vnir:1`` to ``vnir:66`` and ``swir:1`` to ``swir:173``, numbered in the order of the file, in
    which wavelengths fall. Level 1 and 2B become radiance (W m-2 sr-1 um-1), Level 2C and 2D reflectance.

    Level 2D is on a map. The others are put on one by the latitude and longitude of all their pixels: UTM, north up,
    30 m (5 m for ``pan``). Their stored numbers (`raw`) are left in the geometry of the sensor.

    `mask` leaves out what the product's error matrices flag; without `clouds`, what the cloud mask of Level 1 calls
    cloudy is left out too. A number 0 is no measurement at Level 2.

    Attributes
    ----------
    product_id : str
        As the product names itself.
    file : str
        The HDF5 file in the container.
    attributes : Attributes
        Of its root.
    shapes : mapping of str to tuple of int
        Size of the images of ``vnir``, ``swir`` and ``pan`` in the file.
    map_grids : mapping of str to Grid
        Where they lie on a map, by the same names; Level 2D only.
    """

    product_id: str
    file: str
    attributes: Attributes = field(repr=False)
    shapes: dict[Kind, tuple[int, int]]
    map_grids: dict[Kind, Grid]
    _located: dict[Kind, Geolocation] = field(default_factory=dict, repr=False)

    @property
    def is_mapped(self) -> bool:
        """Whether the product itself lies on a map."""
        return self.level == "L2D"

    @property
    def default_band(self) -> Band:
        """The panchromatic band, else red."""
        bands = self.available or self.bands
        return next((band for name in ("pan", "red") for band in bands if band.common_name == name), bands[0])

    @property
    def grid(self) -> Grid | None:
        """Where the pixels of `default_band` lie on the map."""
        return self.image(mask=False).grid if self.available else None

    def rows(self) -> list[tuple[str, str]]:
        """Return the product's own name, its EPSG code and the wavelengths that were acquired."""
        shown = [("product id", self.product_id)]
        if self.is_mapped and self.map_grids:
            shown.append(("EPSG", f"{self.attributes.number('Epsg_Code'):.0f}"))
        for kind in CUBES:
            own = [band for band in self.bands if band.name.startswith(f"{kind}:")]
            known = [band.wavelength for band in own if band.wavelength]
            if known:
                shown.append(
                    (f"{kind} bands", f"{min(known):.1f} to {max(known):.1f} nm, {len(known)} of {len(own)} acquired")
                )
        return shown

    def band(self, band: int | str | None = None) -> Band:
        """Return the band of a name, a number from 1, or a colour.

        Raises
        ------
        InputError
            There is none.
        """
        if isinstance(band, str) and (match := re.fullmatch(r"(vnir|swir)[:_ -]?(\d+)", band.strip(), re.IGNORECASE)):
            kind, number = match[1].lower(), int(match[2])
            count = sum(each.name.startswith(f"{kind}:") for each in self.bands)
            if not 1 <= number <= count:
                raise InputError(f"{self.path}: no band '{band}'; {kind} has bands {kind}:1 to {kind}:{count}")
            band = f"{kind}:{number}"
        return super().band(band)

    def _absence(self, band: Band) -> str:
        if band.name == "pan":
            return "the image of band pan is not there"
        return f"band {band.name} was not acquired, its wavelength is 0; choose another number, or a wavelength"

    def select(self, text: str) -> tuple[Band, ...]:
        """Return bands by a name, or by a range of numbers or wavelengths.

        Parameters
        ----------
        text : str
            As `band` takes it; ``vnir:30-40``, of which bands that were not acquired are left out; or ``450-900nm``,
            by rising wavelength: where the two cubes overlap, bands of VNIR only.

        Raises
        ------
        InputError
            No band is there.
        """
        if match := re.fullmatch(r"(vnir|swir):(\d+)\s*-\s*(\d+)", text.strip(), re.IGNORECASE):
            kind, first, last = match[1].lower(), int(match[2]), int(match[3])
            names = {f"{kind}:{number}" for number in range(min(first, last), max(first, last) + 1)}
            found = tuple(band for band in self.available if band.name in names)
        elif match := re.fullmatch(r"(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)\s*nm", text.strip(), re.IGNORECASE):
            found = covered(self.available, *sorted((float(match[1]), float(match[2]))))
        else:
            return (self.band(text),)
        if not found:
            raise InputError(f"{self.path}: no band that was acquired is in '{text}'")
        return found

    def geolocation(self, kind: Kind) -> Geolocation:
        """Return what finds the pixels of ``vnir``, ``swir`` or ``pan`` on the map.

        Raises
        ------
        InputError
            The product has no latitudes and longitudes that are any.
        """
        if kind in self._located:
            return self._located[kind]
        group = f"{SWATHS}/PRS_{self.level}_{'PCO' if kind == 'pan' else 'HCO'}/Geolocation Fields"
        suffix = f"_{kind.upper()}" if self.level == "L1" and kind != "pan" else ""
        names = (f"{group}/Latitude{suffix}", f"{group}/Longitude{suffix}")
        places = ArrayPlaces(self.container, self.file, *names)
        places.check(self.shapes[kind])
        found = Geolocation.of(places, self.shapes[kind], None, f"{self.path}: {names[0]}")
        self._located[kind] = found
        return found

    def _source(self, band: Band, reading: Reading) -> BandImage:
        kind, number = spectrum(band.name)
        swath = f"{SWATHS}/PRS_{self.level}_{'PCO' if kind == 'pan' else 'HCO'}/Data Fields"
        cube = f"{swath}/{'' if kind == 'pan' else f'{kind.upper()}_'}Cube"
        gain, offset = self._scaling(kind)
        nodata = reading.nodata
        if nodata is None and self.level != "L1":
            nodata = 0.0
        inner = CubeSource(
            self.container,
            self.file,
            cube,
            number,
            None if reading.quantity == RAW else (gain, offset),
            nodata,
            self._errors(swath, kind) if reading.mask else None,
            None if reading.clouds else self._clouds(swath, kind),
        )
        tags = {"unit": "1" if self.level in ("L2C", "L2D") else "W m-2 sr-1 um-1"}
        if reading.quantity == RAW:
            tags = {"scale": repr(gain), "offset": repr(offset), "scaled": band.quantities[0]}
            tags |= {} if nodata is None else {"nodata": f"{nodata:g}"}
        dtype = "uint16" if reading.quantity == RAW else "float32"
        source: Source = inner
        if self.is_mapped:
            return BandImage(source, self.map_grids[kind], dtype, tags)
        if reading.quantity == RAW:
            return BandImage(source, Grid(self.shapes[kind]), dtype, tags)
        geolocation = self.geolocation(kind)
        grid = geolocation.target(SIZES[kind])
        method: Method = "spline"
        return BandImage(MappedSource(inner, geolocation, grid, method), grid, dtype, tags | {"resampling": method})

    def _scaling(self, kind: Kind) -> tuple[float, float]:
        """Return gain and offset of the numbers: L1 ``DN / factor - offset``, L2 from the range of 16 bits."""
        name, of = kind.capitalize(), self.attributes
        if self.level == "L1":
            factor = of.number(f"ScaleFactor_{name}")
            if factor == 0:
                raise InputError(f"{of.place}: the attribute 'ScaleFactor_{name}' is 0")
            gain, offset = 1 / factor, -of.number(f"Offset_{name}")
        else:
            offset, high = of.number(f"L2Scale{name}Min"), of.number(f"L2Scale{name}Max")
            gain = (high - offset) / 65535
        if max(abs(gain), abs(offset)) > _LARGEST:
            raise InputError(f"{of.place}: numbers of {kind} cannot be scaled by {gain:g} and {offset:g}")
        return gain, offset

    def _errors(self, swath: str, kind: Kind) -> str:
        matrix = "PIXEL_SAT_ERR_MATRIX" if self.level == "L1" else "PIXEL_L2_ERR_MATRIX"
        return f"{swath}/{matrix}" if kind == "pan" else f"{swath}/{kind.upper()}_{matrix}"

    def _clouds(self, swath: str, kind: Kind) -> str:
        if self.level != "L1" or kind == "pan":
            has = "at this level" if self.level != "L1" else "for its panchromatic image"
            raise ParameterError(f"clouds = False: {self.name} has no cloud mask {has}")
        return f"{swath}/Cloud_Mask"


class Prisma(Hdf5Sensor):
    """PRISMA's HDF-EOS5 files, alone, in a folder or in an archive."""

    files = FILES

    def _is_named(self, name: str) -> bool:
        return re.fullmatch(NAME, name, re.IGNORECASE) is not None

    def _is_own(self, file: h5py.File, name: str) -> bool:
        swaths = file.get(SWATHS)
        has_swath = swaths is not None and any(str(each).startswith("PRS_L") for each in swaths)
        return has_swath or str(Attributes.of(file, name).values.get("Product_ID", "")).startswith("PRS_")

    def _product(self, container: Container, name: str, file: h5py.File) -> PrismaProduct:
        return _product(container, name, file)


def _product(container: Container, name: str, file: h5py.File) -> PrismaProduct:
    about = Attributes.of(file, container.path)
    level = about.text("Processing_Level")
    if level not in _LEVELS:
        raise InputError(f"{about.place}: Processing_Level = '{level}' is none of {', '.join(_LEVELS)}")
    shapes, counts = image_shapes(file, level, container.path)
    quantity = "reflectance" if level in ("2C", "2D") else "radiance"
    own = re.sub(r"\.he5$", "", file_name(name), flags=re.IGNORECASE)
    zenith = about.optional_number("Sun_zenith_angle")
    return PrismaProduct(
        container=container,
        sensor="prisma",
        name=own,
        mission="PRISMA",
        instrument="HYC/PAN",
        product_type=f"PRS_L{level}",
        level=f"L{level}",
        start=time_of(about, "Product_StartTime"),
        stop=time_of(about, "Product_StopTime"),
        bands=bands_of(about, name, shapes, counts, quantity),
        view=View(None if zenith is None else 90 - zenith, about.optional_number("Sun_azimuth_angle")),
        baseline=about.text("Processor_Version", ""),
        cloud_cover=about.optional_number("Cloudy_pixels_percentage"),
        outline=outline_of(about),
        missing=() if "pan" in shapes else ("band pan",),
        product_id=about.text("Product_ID", own),
        file=name,
        attributes=about,
        shapes=shapes,
        map_grids={kind: map_grid(file, about, shape, kind) for kind, shape in shapes.items()} if level == "2D" else {},
    )
