"""Landsat 1-9: Level 1 and 2 of Collection 2, and Level 1 of Collection 1."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.sensors._base import RAW, BandImage, Product, Reading, Sensor, file_name
from sensetrack.sensors._container import Container
from sensetrack.sensors._metadata import Band, Orbit, View
from sensetrack.sensors._source import BandSource, Bits, Calibration, Linear, PixelMask, QualityBand
from sensetrack.sensors.landsat._bands import spectrum
from sensetrack.sensors.landsat._mtl import Metadata, is_mtl, parse_mtl
from sensetrack.types import DoubleArray, Mask, PixelArray

MTL = r"[^/]*MTL\.(txt|xml|json)"
_CONTENTS = ("PRODUCT_CONTENTS", "PRODUCT_METADATA", "METADATA_FILE_INFO")
_IMAGE = ("IMAGE_ATTRIBUTES", "PRODUCT_METADATA")
_RESCALING = ("LEVEL1_RADIOMETRIC_RESCALING", "RADIOMETRIC_RESCALING")
_CONSTANTS = ("LEVEL1_THERMAL_CONSTANTS", "THERMAL_CONSTANTS", "TIRS_THERMAL_CONSTANTS")
_MAP = ("PROJECTION_ATTRIBUTES", "PROJECTION_PARAMETERS", "PRODUCT_METADATA")
_CORNERS = ("UL", "UR", "LR", "LL")

FILL = 1 << 0
CLOUDS = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4
"""Bits of QA_PIXEL: dilated cloud, cirrus, cloud, cloud shadow."""

DROPPED = 1 << 9
OCCLUDED = 1 << 11
"""Bits of QA_RADSAT, beside bit ``n - 1``: band ``n`` is saturated."""


@dataclass(frozen=True)
class Brightness:
    """Temperature of a black body of the same radiance, kelvin: ``k2 / ln(k1 / radiance + 1)``.

    Attributes
    ----------
    radiance : Linear
    k1, k2 : float
        W m-2 sr-1 um-1, and kelvin.
    """

    radiance: Linear
    k1: float
    k2: float

    def __call__(
        self, pixels: PixelArray, valid: Mask, rows: DoubleArray, cols: DoubleArray
    ) -> tuple[PixelArray, Mask]:
        """Return the temperature; where the radiance is not above 0 there is none."""
        radiance = np.asarray(self.radiance(pixels, valid, rows, cols)[0], np.float64)
        good = valid & (radiance > 0)
        kelvin = self.k2 / np.log(self.k1 / np.where(good, radiance, 1.0) + 1)
        return kelvin.astype(np.float32), good


@dataclass(frozen=True, eq=False, kw_only=True)
class LandsatProduct(Product):
    """A Landsat scene.

    Level 1 bands become top-of-atmosphere reflectance (with the sun's elevation at the scene's centre), radiance, or
    brightness temperature of the thermal ones; Level 2 bands surface reflectance or surface temperature in kelvin.
    `mask` leaves out what QA_PIXEL calls fill, and what QA_RADSAT calls saturated in that band, dropped, or hidden by
    terrain; without `clouds`, what QA_PIXEL calls cloud, dilated cloud, cirrus or cloud shadow is left out as well. The
    transform is the file's.

    Attributes
    ----------
    metadata : Metadata
    collection : int
        1 or 2; of Collection 1, whose quality bits mean other things, only the fill bit is used.
    category : str
        Tier: T1, T2 or RT.
    """

    metadata: Metadata = field(repr=False)
    collection: int
    category: str

    @property
    def default_band(self) -> Band:
        """The panchromatic band, else red, else the first that is there."""
        bands = self.available or self.bands
        return next((band for name in ("pan", "red") for band in bands if band.common_name == name), bands[0])

    def rows(self) -> list[tuple[str, str]]:
        """Return the collection and tier."""
        return [("collection", f"{self.collection}, {self.category}")]

    def properties(self) -> dict[str, object]:
        """Return the properties of the STAC extension ``landsat``."""
        path, row = self.orbit.path_row or (None, None)
        return {
            "landsat:collection_number": f"{self.collection:02d}",
            "landsat:collection_category": self.category,
            "landsat:correction": self.product_type,
            "landsat:wrs_path": None if path is None else f"{path:03d}",
            "landsat:wrs_row": None if row is None else f"{row:03d}",
            "landsat:wrs_type": self.metadata.optional("WRS_TYPE", *_IMAGE),
            "landsat:scene_id": self.metadata.optional("LANDSAT_SCENE_ID", "LEVEL1_PROCESSING_RECORD", *_CONTENTS),
        }

    def _source(self, band: Band, reading: Reading) -> BandImage:
        nodata = 0.0 if reading.nodata is None else reading.nodata
        raw = Image.open(self.container.gdal_path(band.files[0]), band=1, nodata=nodata)
        number = band.name.removeprefix("ST_").removeprefix("B")
        calibration = None if reading.quantity == RAW else self._calibration(band, number, reading.quantity)
        source = BandSource(raw, calibration, tuple(self._masks(number, reading)))
        tags = {"unit": _UNITS.get(reading.quantity, "1")}
        if reading.quantity == RAW:
            tags = {"nodata": f"{nodata:g}"} | self._scaling(band, number)
        dtype = raw.dtype if reading.quantity == RAW else "float32"
        return BandImage(source, raw.grid, dtype, tags)

    def _scaling(self, band: Band, number: str) -> dict[str, str]:
        """Return what makes the band's first quantity of its numbers, as far as a gain and an offset do."""
        quantity = band.quantities[0]
        if quantity == "brightness_temperature" or (quantity == "reflectance" and self._is_dark):
            quantity = band.quantities[-1]
        linear = self._linear(band, number, quantity)
        return {"scale": repr(linear.gain), "offset": repr(linear.offset), "scaled": quantity}

    @property
    def _is_dark(self) -> bool:
        """Whether there is no top-of-atmosphere reflectance, for want of sun."""
        return self.level != "L2" and (self.view.sun_elevation is None or self.view.sun_elevation <= 0)

    def _masks(self, number: str, reading: Reading) -> list[PixelMask]:
        pixel, saturated = (self._quality(name) for name in ("QA_PIXEL|BQA|BQ_PIXEL", "QA_RADSAT"))
        masks: list[PixelMask] = []
        if not reading.clouds and (self.collection == 1 or pixel is None):
            why = "the bits of Collection 1 are not read" if self.collection == 1 else "its file QA_PIXEL is not there"
            raise ParameterError(f"clouds = False: clouds of {self.name} cannot be left out, {why}")
        unusable = (FILL if reading.mask else 0) | (0 if reading.clouds else CLOUDS)
        if pixel is not None and unusable:
            masks.append(QualityBand(pixel, Bits(unusable)))
        digits = number.partition("_")[0]
        if reading.mask and saturated is not None and self.collection == 2:
            own = 1 << (int(digits) - 1) if digits.isdigit() and int(digits) <= 9 else 0
            masks.append(QualityBand(saturated, Bits(own | DROPPED | OCCLUDED)))
        return masks

    def _quality(self, name: str) -> Image | None:
        found = self.container.find(rf"[^/]*_({name})\.TIFF?")
        return Image.open(self.container.gdal_path(found[0]), band=1) if found else None

    def _calibration(self, band: Band, number: str, quantity: str) -> Calibration:
        if quantity == "brightness_temperature":
            radiance = self._linear(band, number, "radiance")
            k1, k2 = (self.metadata.number(f"{key}_CONSTANT_BAND_{number}", *_CONSTANTS) for key in ("K1", "K2"))
            return Brightness(radiance, k1, k2)
        return self._linear(band, number, quantity)

    def _linear(self, band: Band, number: str, quantity: str) -> Linear:
        """Return gain and offset; the groups of Level 1 and 2 hold the same keys and are kept apart."""
        groups: tuple[str, ...]
        if quantity == "radiance":
            key, groups = f"BAND_{number}", _RESCALING
        elif quantity == "temperature":
            key, groups = f"BAND_{band.name}", ("LEVEL2_SURFACE_TEMPERATURE_PARAMETERS",)
        else:
            key = f"BAND_{number}"
            groups = ("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS",) if self.level == "L2" else _RESCALING
        gain, offset = (self.metadata.number(f"{quantity.upper()}_{part}_{key}", *groups) for part in ("MULT", "ADD"))
        if quantity != "reflectance" or self.level == "L2":
            return Linear(gain, offset)
        elevation = self.view.sun_elevation
        if elevation is None or self._is_dark:
            raise InputError(
                f"{self.name}: there is no reflectance at night, with the sun at an elevation of {elevation} degrees; "
                "take quantity = 'radiance', or a thermal band"
            )
        sine = math.sin(math.radians(elevation))
        return Linear(gain / sine, offset / sine)


_UNITS = {"radiance": "W m-2 sr-1 um-1", "brightness_temperature": "K", "temperature": "K"}


class Landsat(Sensor):
    """Landsat's products by their metadata file, in a folder or a tar archive."""

    def recognises(self, container: Container) -> bool:
        """Whether there is an MTL file that begins as Landsat's do."""
        names = [container.entry] if container.entry is not None else container.find(MTL)[:3]
        return any(is_mtl(container.head(name)) for name in names if container.kind != "file")

    def open(self, container: Container) -> LandsatProduct:
        """Read the MTL file: the text where there are several forms."""
        entry = container.entry or _metadata_file(container)
        found = parse_mtl(container.read(entry), f"{container.path}: {file_name(entry)}")
        kind = found.optional("PROCESSING_LEVEL", "PRODUCT_CONTENTS") or found.text("DATA_TYPE", *_CONTENTS)
        name = found.text("LANDSAT_PRODUCT_ID", *_CONTENTS)
        acquired = found.acquired(*_IMAGE)
        path, row = (found.optional_number(f"WRS_{key}", *_IMAGE) for key in ("PATH", "ROW"))
        number = found.optional_number
        bands = _bands(container, found, kind)
        if not bands:
            raise InputError(f"{found.file}: names no band (FILE_NAME_BAND_...)")
        cloud = number("CLOUD_COVER", "IMAGE_ATTRIBUTES")
        return LandsatProduct(
            container=container,
            sensor="landsat",
            name=name,
            mission=found.text("SPACECRAFT_ID", *_IMAGE).replace("_", "-").title(),
            instrument=found.text("SENSOR_ID", *_IMAGE),
            product_type=kind,
            level=kind[:2],
            start=acquired,
            stop=acquired,
            bands=bands,
            orbit=Orbit(path_row=(int(path), int(row)) if path is not None and row is not None else None),
            view=View(number("SUN_ELEVATION", "IMAGE_ATTRIBUTES"), number("SUN_AZIMUTH", "IMAGE_ATTRIBUTES")),
            baseline=found.optional("PROCESSING_SOFTWARE_VERSION", "LEVEL2_PROCESSING_RECORD", *_RECORDS),
            # Scenes without an assessment of clouds say -1.
            cloud_cover=None if cloud is None or cloud < 0 else cloud,
            outline=_outline(found),
            stated_grid=_grid(found),
            missing=tuple(f"band {band.name}" for band in bands if not band.files),
            metadata=found,
            collection=found.collection,
            category=found.optional("COLLECTION_CATEGORY", *_CONTENTS) or "",
        )


def _metadata_file(container: Container) -> str:
    """Return the MTL file of the one product that is there: the text where it has several forms."""
    found = [name for name in container.find(MTL) if is_mtl(container.head(name))]
    products = {name.rpartition(".")[0]: name for name in found}
    if len(products) > 1:
        raise InputError(f"{container.path}: holds several products; name the MTL file of one: {', '.join(products)}")
    order = ("txt", "xml", "json")
    return min(found, key=lambda name: order.index(name.rpartition(".")[2].lower()))


_RECORDS = ("LEVEL1_PROCESSING_RECORD", "METADATA_FILE_INFO")


def _bands(container: Container, found: Metadata, kind: str) -> tuple[Band, ...]:
    """Return the bands that the product's own contents name, not those of the Level 1 behind it."""
    spacecraft, instrument = (found.text(key, *_IMAGE) for key in ("SPACECRAFT_ID", "SENSOR_ID"))
    bands = []
    for key, file in found.group("PRODUCT_CONTENTS", "PRODUCT_METADATA").items():
        match = re.fullmatch(r"FILE_NAME_BAND_((?:ST_B)?)(\d+(?:_VCID_\d)?)", key)
        if match is None:
            continue
        number = match[2]
        about = spectrum(spacecraft, instrument, number)
        thermal = about is not None and about.low > 10_000
        if kind.startswith("L2"):
            quantities: tuple[str, ...] = ("temperature",) if match[1] else ("reflectance",)
        else:
            quantities = ("brightness_temperature",) if thermal else ("reflectance",)
            quantities = (*quantities, "radiance")
        size = "PANCHROMATIC" if about and about.name == "pan" else "THERMAL" if thermal else "REFLECTIVE"
        lines, samples = (found.optional_number(f"{size}_{side}", *_MAP) for side in ("LINES", "SAMPLES"))
        bands.append(
            Band(
                name=f"{match[1] or 'B'}{number}",
                quantities=quantities,
                files=tuple(container.find(re.escape(file)))[:1],
                common_name=about.name if about else None,
                wavelength=(about.low + about.high) / 2 if about else None,
                width=about.high - about.low if about else None,
                resolution=found.optional_number(f"GRID_CELL_SIZE_{size}", *_MAP),
                shape=(int(lines), int(samples)) if lines and samples else None,
            )
        )
    return tuple(bands)


def _outline(found: Metadata) -> tuple[tuple[float, float], ...] | None:
    points = [
        tuple(found.optional_number(f"CORNER_{corner}_{axis}_PRODUCT", *_MAP) for axis in ("LON", "LAT"))
        for corner in _CORNERS
    ]
    complete = [(lon, lat) for lon, lat in points if lon is not None and lat is not None]
    return tuple(complete) if len(complete) == len(_CORNERS) else None


def _grid(found: Metadata) -> Grid | None:
    """Return the grid of the 30 m bands as the MTL has it: its corners are centres of pixels."""
    keys = ("CORNER_UL_PROJECTION_X_PRODUCT", "CORNER_UL_PROJECTION_Y_PRODUCT", "GRID_CELL_SIZE_REFLECTIVE")
    x, y, size = (found.optional_number(key, *_MAP) for key in keys)
    lines, samples = (found.optional_number(f"REFLECTIVE_{side}", *_MAP) for side in ("LINES", "SAMPLES"))
    projection = found.optional("MAP_PROJECTION", *_MAP)
    zone = found.optional_number("UTM_ZONE", *_MAP)
    if x is None or y is None or not size or not lines or not samples:
        return None
    if projection == "UTM" and zone is not None and 1 <= abs(zone) <= 60:
        # Northern zones also south of the equator, with negative northings.
        crs = CRS.from_epsg(32600 + int(abs(zone)))
    elif projection == "PS":
        crs = CRS.from_epsg(3031)
    else:
        return None
    origin = Affine(size, 0.0, x - size / 2, 0.0, -size, y + size / 2)
    return Grid((int(lines), int(samples)), origin, crs)
