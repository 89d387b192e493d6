"""What every sensor gives: how a product is recognised, what is known of it, and its bands as images."""

from __future__ import annotations

import dataclasses
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sensetrack.errors import InputError, ParameterError, did_you_mean
from sensetrack.raster.dates import ACQUIRED_TAG
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.source import Source
from sensetrack.sensors._container import Container
from sensetrack.sensors._metadata import Band, Orbit, Ring, View

RAW = "raw"
"""Quantity of numbers as they are stored."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Product(ABC):
    """A product of a sensor, of which the metadata are read and the pixels are not.

    A reader makes one subclass that turns its bands into images (`_source`), with what only that sensor knows in
    fields of its own. It holds no open file and pickles.

    Attributes
    ----------
    container : Container
        The files.
    sensor : str
        Name under which the reader is registered.
    name : str
        The product's own name, also where its folder was renamed.
    mission, instrument : str
    product_type, level : str
        As the agency names them: ``S2MSI2A`` and ``L2A``, ``GRD`` and ``L1``.
    start, stop : datetime or None
        Of the acquisition, UTC.
    bands : tuple of Band
        All that the product should hold.
    orbit : Orbit
    view : View
    baseline : str or None
        Version of the processing.
    cloud_cover : float or None
        Percent.
    outline : tuple of tuple of float or None
        ``(longitude, latitude)`` of the corners; where None, the grid of the bands tells it.
    stated_grid : Grid or None
        Of the image bands, as the metadata have it, for products whose files are not there; what counts is `grid`.
    missing : tuple of str
        What the product should hold and does not.
    """

    container: Container
    sensor: str
    name: str
    mission: str
    instrument: str
    product_type: str
    level: str
    start: datetime | None
    stop: datetime | None
    bands: tuple[Band, ...]
    orbit: Orbit = dataclasses.field(default_factory=Orbit)
    view: View = dataclasses.field(default_factory=View)
    baseline: str | None = None
    cloud_cover: float | None = None
    outline: Ring | None = None
    stated_grid: Grid | None = None
    missing: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """What was opened."""
        return self.container.path

    @property
    def available(self) -> tuple[Band, ...]:
        """The bands whose files are there."""
        return tuple(band for band in self.bands if band.files)

    @property
    def grid(self) -> Grid | None:
        """Where the pixels of `default_band` lie: as its file says, or where that is absent, as the metadata do."""
        return self.image(mask=False, raw=True).grid if self.default_band.files else self.stated_grid

    @property
    @abstractmethod
    def default_band(self) -> Band:
        """The band that is best to track: one whose files are there, if any is."""

    @abstractmethod
    def _source(self, band: Band, reading: Reading) -> BandImage:
        """Return how a band, whose files are there, is read."""

    def rows(self) -> list[tuple[str, str]]:
        """Return what only this sensor knows, as names and values to show."""
        return []

    def properties(self) -> dict[str, object]:
        """Return STAC properties of extensions that only this sensor uses."""
        return {}

    def image(
        self,
        band: int | str | None = None,
        *,
        quantity: str | None = None,
        raw: bool = False,
        mask: bool = True,
        clouds: bool = True,
        denoise: bool = False,
        nodata: float | None = None,
    ) -> Image:
        """Return one band as an image, whose pixels are calibrated and masked as they are read.

        Parameters
        ----------
        band : int, str or None
            See `band`; None takes `default_band`. ``BAND:QUANTITY``, such as ``VV:amplitude``, names both, for where
            only a band can be given.
        quantity : str, optional
            What to turn the pixels into; default: the first of the band's own.
        raw : bool
            Leave the numbers as they are stored.
        mask : bool
            Leave out pixels that the product itself calls defective: saturated, lost, outside of the detectors. What
            holds no data at all is left out in any case.
        clouds : bool
            Whether clouds and their shadows, as the product sees them, are kept; such masks often take snow for cloud.
        denoise : bool
            Subtract the thermal noise that the product states; of radar only.
        nodata : float, optional
            Stored number that means missing, in place of the sensor's own.

        Raises
        ------
        InputError
            There is no such band, or its file is not there.
        ParameterError
            The band has no such quantity, or the product no such mask.
        """
        if isinstance(band, str) and quantity is None and not raw:
            name, _, last = band.rpartition(":")
            if name and last in {RAW, *(each for item in self.bands for each in item.quantities)}:
                band, quantity, raw = name, None if last == RAW else last, last == RAW
        chosen = self.band(band)
        if not chosen.files:
            raise InputError(f"{self.path}: {self._absence(chosen)}")
        if raw and (quantity is not None or denoise):
            raise ParameterError("raw = True leaves the numbers as they are; leave out quantity and denoise")
        wanted = RAW if raw else quantity or chosen.quantities[0]
        if wanted not in (RAW, *chosen.quantities):
            known = ", ".join(chosen.quantities)
            raise ParameterError(f"quantity = '{wanted}': band {chosen.name} of {self.name} can be {known} or {RAW}")
        found = self._source(chosen, Reading(wanted, mask, clouds, denoise, nodata))
        return Image(
            grid=found.grid,
            path=self.path,
            band_names=(chosen.name,),
            dtype=found.dtype,
            acquired=self.start,
            metadata=self.tags() | {"band": chosen.name, "quantity": wanted} | found.tags,
            driver=self.sensor,
            source=found.source,
        )

    def images(self, *, nodata: float | None = None) -> list[Image]:
        """Return all bands that lie on the grid of `default_band`, in their first quantity."""
        first = self.image(nodata=nodata)
        found = (self.image(band.name, nodata=nodata) for band in self.available)
        return [image for image in found if image.grid.difference(first.grid) is None]

    def _absence(self, band: Band) -> str:
        """Say why a band has no image, and which have."""
        have = ", ".join(each.name for each in self.available) or "no band at all"
        return f"the file of band {band.name} is not there; there is {have}"

    def preview(self) -> Image | None:
        """Return the small picture that the product brings, as an image of grey values; None where it brings none."""
        return None

    def band(self, band: int | str | None = None) -> Band:
        """Return the band of a name, a number from 1, or a colour.

        Names match in any case and without leading zeros (``b8`` is ``B08``, and so is ``8``, as a text).

        Raises
        ------
        InputError
            There is none.
        """
        if band is None:
            return self.default_band
        if isinstance(band, int):
            if not 1 <= band <= len(self.bands):
                raise InputError(f"{self.path}: band {band} is not there; it has bands 1 to {len(self.bands)}")
            return self.bands[band - 1]
        wanted = _plain(band)
        for key in _KEYS:
            found = [each for each in self.bands if _plain(key(each)) == wanted]
            if found:
                return next((each for each in found if each.files), found[0])
        known = [each.name for each in self.bands] + [each.common_name for each in self.bands if each.common_name]
        raise InputError(f"{self.path}: no band '{band}'{did_you_mean(band, dict.fromkeys(known))}")

    def select(self, text: str) -> tuple[Band, ...]:
        """Return the bands that a text names; sensors of many bands take ranges too.

        Raises
        ------
        InputError
            There is none.
        """
        return (self.band(text),)

    def band_at(self, wavelength: float) -> Band:
        """Return the band, of those that are there, whose centre is nearest to a wavelength in nm.

        Raises
        ------
        ParameterError
            No band has a wavelength, or none reaches within its own width of it.
        """
        known = [each for each in self.available if each.wavelength is not None]
        if not known:
            raise ParameterError(f"wavelength = {wavelength:g} nm: no band of {self.name} that is there has one")
        best = min(known, key=lambda each: abs((each.wavelength or 0.0) - wavelength))
        centre, width = best.wavelength or 0.0, best.width or 0.1 * (best.wavelength or 0.0)
        if abs(centre - wavelength) > max(width, 20.0):
            raise ParameterError(
                f"wavelength = {wavelength:g} nm: the nearest band of {self.name} is {best.name} at {centre:g} nm"
            )
        return best

    def tags(self) -> dict[str, str]:
        """Return the metadata that go into the tags of files made of the product."""
        orbit, view = self.orbit, self.view
        values: dict[str, object] = {
            "scene": self.name,
            "mission": self.mission,
            "instrument": self.instrument,
            "product_type": self.product_type,
            "level": self.level,
            ACQUIRED_TAG: self.start.isoformat() if self.start else None,
            "acquisition_stop": self.stop.isoformat() if self.stop else None,
            "absolute_orbit": orbit.absolute,
            "relative_orbit": orbit.relative,
            "orbit_direction": orbit.direction,
            "path_row": "{:03d}/{:03d}".format(*orbit.path_row) if orbit.path_row else None,
            "sun_elevation": view.sun_elevation,
            "sun_azimuth": view.sun_azimuth,
            "incidence": view.incidence,
            "view_azimuth": view.azimuth,
            "look_side": view.look_side,
            "processing_baseline": self.baseline,
            "cloud_cover": self.cloud_cover,
        }
        return {key: str(value) for key, value in values.items() if value is not None}


_KEYS: tuple[Callable[[Band], str], ...] = (
    lambda band: band.name,
    lambda band: band.name.removeprefix("B"),
    lambda band: band.common_name or "",
    lambda band: (band.common_name or "").rstrip("0123456789"),
)
"""What people call a band, the most exact first."""


@dataclass(frozen=True)
class Reading:
    """How the pixels of a band are wanted; see `Product.image`.

    Attributes
    ----------
    quantity : str
        One of the band's own, or `RAW`.
    mask, clouds, denoise : bool
    nodata : float or None
    """

    quantity: str
    mask: bool = True
    clouds: bool = True
    denoise: bool = False
    nodata: float | None = None


@dataclass(frozen=True)
class BandImage:
    """How a band is read.

    Attributes
    ----------
    source : Source
    grid : Grid
        Where the file's pixels lie.
    dtype : str
        ``complex64`` where its pixels are complex, else the type in the file.
    tags : mapping of str to str
        What is to be said of the pixels: unit, scale and offset.
    """

    source: Source
    grid: Grid
    dtype: str = "float32"
    tags: dict[str, str] = dataclasses.field(default_factory=dict)


class Sensor(ABC):
    """Recognises the products of one family of sensors and opens them."""

    @abstractmethod
    def recognises(self, container: Container) -> bool:
        """Whether the container holds a product of this sensor, by the content of its metadata."""

    @abstractmethod
    def open(self, container: Container) -> Product:
        """Read the metadata of a product that was recognised.

        Raises
        ------
        InputError
            The metadata lack what is needed, contradict themselves, or are of a version that is not read.
        """


def file_name(name: str) -> str:
    """Return the last part of a name in a container."""
    return Path(name).name


def _plain(text: str) -> str:
    """Return a name without what people leave out or write in another way."""
    return re.sub(r"(?<=[A-Za-z])0+(?=\d)|^0+(?=\d)", "", text).lower().replace("_", "-")
