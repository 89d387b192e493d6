"""Sentinel-1: GRD and SLC of all modes, as SAFE or as the folders of public buckets."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.sensors._base import RAW, BandImage, Product, Reading, Sensor
from sensetrack.sensors._container import MANIFEST, Container
from sensetrack.sensors._metadata import Band, Orbit, View
from sensetrack.sensors._source import BandSource, PixelMask
from sensetrack.sensors._xml import Node, parse_xml
from sensetrack.sensors.sentinel1._annotation import Annotation, read_annotation
from sensetrack.sensors.sentinel1._bursts import Debursted, lines_of_bursts, valid_samples
from sensetrack.sensors.sentinel1._luts import LUTS, Backscatter, Noise, Vectors, read_calibration, read_noise
from sensetrack.sensors.sentinel1._orbit import find_orbit, read_orbit
from sensetrack.sensors.sentinel1._product import (
    COMPLEX,
    INFO,
    band_name,
    band_of,
    band_of_stem,
    expected_stems,
    infos_of,
    name_of,
    outline_of,
    polarisations,
    read_info,
    software_of,
    times_of,
)
from sensetrack.types import PathLike

_ANNOTATION = r"annotation/[^/]+\.xml"


@dataclass(frozen=True, eq=False, kw_only=True)
class Sentinel1Product(Product):
    """A Sentinel-1 scene.

    Bands become sigma, beta or gamma nought (linear power), or the uncalibrated amplitude; complex images can stay
    complex. All lie in the geometry of the sensor: rows are azimuth lines, columns range samples, and there is no CRS.
    The bursts of TOPS images are put together, for which lines are picked but not resampled; ``raw`` leaves them as
    they stand in the file. `mask` leaves out the samples that the bursts call invalid; number 0 is nodata in any case.

    Attributes
    ----------
    mode : str
        IW, EW, SM or WV.
    annotations : mapping of str to Annotation
        By band; of bands whose annotation is there.
    stems : mapping of str to str
        What the files of a band are called, without folder and suffix.
    """

    mode: str
    annotations: dict[str, Annotation] = field(repr=False)
    stems: dict[str, str] = field(repr=False)

    @property
    def default_band(self) -> Band:
        """The first band in VV or HH that is there, else the first."""
        bands = self.available or self.bands
        return next((band for band in bands if band.polarisation in ("VV", "HH")), bands[0])

    @property
    def grid(self) -> Grid | None:
        """Lines and samples of `default_band`; there is no CRS."""
        shape = self.default_band.shape
        return super().grid if shape is None else Grid(shape)

    def annotation(self, band: int | str | None = None) -> Annotation:
        """Return timing, orbit, tie points, bursts and polynomials of a band.

        Raises
        ------
        InputError
            Its annotation is not there.
        """
        name = self.band(band).name
        if name not in self.annotations:
            raise InputError(f"{self.path}: the annotation of band {name} is not there")
        return self.annotations[name]

    def with_orbit(self, path: PathLike) -> Sentinel1Product:
        """Return the product with the state vectors of an orbit file in place of those of the annotation.

        Parameters
        ----------
        path : path-like
            An ``.EOF`` file, or a folder, of which the best one that covers the product is taken.

        Raises
        ------
        InputError
            None covers it, or the file cannot be read.
        """
        if self.start is None or self.stop is None:
            raise InputError(f"{self.path}: no time is known to look for an orbit")
        mission = self.mission.replace("Sentinel-", "S")
        orbit = read_orbit(find_orbit(path, mission, self.start, self.stop))
        if not orbit.covers(self.start, self.stop):
            raise InputError(f"{orbit.source}: its state vectors do not cover {self.name}")
        found = {name: dataclasses.replace(each, orbit=orbit) for name, each in self.annotations.items()}
        return dataclasses.replace(self, annotations=found)

    def noise(self, band: int | str | None = None) -> Noise:
        """Return the thermal noise of a band.

        Raises
        ------
        ParameterError
            Its noise file is not there.
        """
        name = self.band(band).name
        root = self._file(f"annotation/calibration/noise-{self.stems[name]}")
        if root is None:
            raise ParameterError(f"denoise = True: the noise file of band {name} of {self.name} is not there")
        about = self.annotations.get(name)
        if about is None or not about.bursts:
            return read_noise(root)
        return read_noise(root, about.bursts[0].time, about.lines_per_burst)

    def calibration(self, band: int | str | None = None, quantity: str = "sigma0") -> Vectors:
        """Return the table of a band whose square divides the power.

        Parameters
        ----------
        band : int, str or None
        quantity : {"sigma0", "beta0", "gamma0", "dn"}

        Raises
        ------
        InputError
            Its calibration file is not there, or lacks the table.
        """
        name = self.band(band).name
        root = self._file(f"annotation/calibration/calibration-{self.stems[name]}")
        if root is None:
            raise InputError(f"{self.path}: the calibration file of band {name} is not there")
        return read_calibration(root, quantity)

    def rows(self) -> list[tuple[str, str]]:
        """Return the mode, polarisations, spacing, and bursts."""
        rows = [("mode", self.mode), ("polarisation", ", ".join(polarisations(self.bands)))]
        about = self.annotations.get(self.default_band.name)
        if about is not None:
            spacing = about.timing.range_spacing, about.timing.azimuth_spacing
            where = "slant range" if about.ground_range is None else "ground range"
            rows.append(("spacing", f"{spacing[0]:.4g} m in {where}, {spacing[1]:.4g} m in azimuth"))
            rows.append(("heading", f"{about.heading:.2f} degrees"))
        counts = {name: len(each.bursts) for name, each in self.annotations.items() if each.bursts}
        rows.append(("bursts", ", ".join(f"{name} {count}" for name, count in counts.items())))
        return rows

    def properties(self) -> dict[str, object]:
        """Return the properties of the STAC extension ``sar``."""
        about = self.annotations.get(self.default_band.name)
        found: dict[str, object] = {
            "sar:polarizations": polarisations(self.bands),
            "sar:instrument_mode": self.mode,
            "sar:frequency_band": "C",
            "sar:observation_direction": "right",
        }
        if about is not None:
            found["sar:center_frequency"] = about.frequency / 1e9
            found["sar:pixel_spacing_range"] = about.timing.range_spacing
            found["sar:pixel_spacing_azimuth"] = about.timing.azimuth_spacing
        return found

    def _source(self, band: Band, reading: Reading) -> BandImage:
        nodata = 0.0 if reading.nodata is None else reading.nodata
        raw = Image.open(self.container.gdal_path(band.files[0]), band=1, nodata=nodata)
        if not reading.clouds:
            raise ParameterError(f"clouds = False: {self.name} is a radar image, which sees through clouds")
        about = self.annotations.get(band.name)
        size = raw.grid.shape
        if about is not None and size != about.shape:
            raise InputError(
                f"{self.path}: {band.files[0]} has {size[0]} x {size[1]} pixels, its annotation says "
                f"{about.shape[0]} x {about.shape[1]}"
            )
        masks: tuple[PixelMask, ...] = (valid_samples(about),) if about and about.bursts and reading.mask else ()
        if reading.quantity == RAW:
            return BandImage(BandSource(raw, None, masks), Grid(size), raw.dtype, {"nodata": f"{nodata:g}"})
        calibration = None if reading.quantity == COMPLEX else self._calibration(band, reading)
        source = BandSource(raw, calibration, masks)
        dtype = "complex64" if reading.quantity == COMPLEX else "float32"
        tags = {"unit": "1", "denoised": str(reading.denoise)}
        if about is None or not about.bursts:
            return BandImage(source, Grid(size), dtype, tags)
        lines = lines_of_bursts(about)
        return BandImage(Debursted(source, lines), Grid((len(lines), size[1])), dtype, tags)

    def _calibration(self, band: Band, reading: Reading) -> Backscatter:
        noise = self.noise(band.name) if reading.denoise else None
        if reading.quantity not in LUTS:
            return Backscatter(None, noise)
        return Backscatter(self.calibration(band.name, reading.quantity), noise)

    def _file(self, stem: str) -> Node | None:
        found = self.container.filled(re.escape(stem) + r"\.xml")
        if not found:
            return None
        return parse_xml(self.container.read(found[0]), f"{self.path}: {PurePosixPath(found[0]).name}")


class Sentinel1(Sensor):
    """Sentinel-1 by its annotation, or by the ``productInfo.json`` of the public bucket."""

    def recognises(self, container: Container) -> bool:
        """Whether there is an annotation of a mission S1, or the table of contents of one."""
        if container.kind == "file" or container.entry not in (None, INFO):
            return False
        heads = (container.head(name) for name in container.find(_ANNOTATION)[:1])
        if any(b"<missionId>S1" in head and b"<adsHeader>" in head for head in heads):
            return True
        return any(b'"missionId"' in (head := container.head(name)) and b'"S1' in head for name in infos_of(container))

    def open(self, container: Container) -> Sentinel1Product:
        """Read the annotation of every image, and the manifest where there is one."""
        folders = {str(PurePosixPath(name).parent.parent) for name in container.find(_ANNOTATION)}
        if len(folders) > 1:
            raise InputError(f"{container.path}: holds several products; name one of {', '.join(sorted(folders))}")
        annotations: dict[str, Annotation] = {}
        stems: dict[str, str] = {}
        for name in container.filled(_ANNOTATION):
            place = PurePosixPath(name)
            about = read_annotation(parse_xml(container.read(name), f"{container.path}: {place.name}"))
            band = band_name(about)
            if band in annotations:
                raise InputError(f"{container.path}: holds several images of {band}; wave mode (WV) is not read")
            annotations[band], stems[band] = about, place.stem
        infos = [read_info(container, name) for name in infos_of(container)]
        manifests = container.filled(re.escape(MANIFEST))
        manifest = parse_xml(container.read(manifests[0]), f"{container.path}: {MANIFEST}") if manifests else None
        for stem in expected_stems(container, manifest, infos):
            known = band_of_stem(stem)
            if known is not None and stem not in stems.values():
                stems.setdefault(known, stem)
        if not stems:
            raise InputError(f"{container.path}: holds no image and no annotation of one")
        return _product(container, annotations, stems, manifest, infos[0] if infos else {})


def _product(
    container: Container,
    annotations: dict[str, Annotation],
    stems: dict[str, str],
    manifest: Node | None,
    info: dict[str, Any],
) -> Sentinel1Product:
    first = next(iter(annotations.values()), None)
    if first is None and "missionId" not in info:
        raise InputError(f"{container.path}: its annotation is empty")
    bands = tuple(band_of(container, name, stem, annotations.get(name)) for name, stem in sorted(stems.items()))
    name = name_of(container, manifest, info)
    start, stop = times_of(annotations, info)
    relative = None if manifest is None else manifest.optional_number(".//relativeOrbitNumber[@type='start']")
    kind = first.product_type if first else str(info.get("productType", ""))
    direction: Literal["ascending", "descending"] | None = None
    if first is not None:
        direction = "ascending" if first.direction == "ascending" else "descending"
    mission = first.mission if first else str(info["missionId"])
    absolute = first.absolute_orbit if first else info.get("absoluteOrbitNumber")
    return Sentinel1Product(
        container=container,
        sensor="sentinel1",
        name=name,
        mission=f"Sentinel-{mission[1:]}",
        instrument="C-SAR",
        product_type=kind,
        level="L1",
        start=start,
        stop=stop,
        bands=bands,
        orbit=Orbit(absolute, None if relative is None else int(relative), direction),
        view=View(
            incidence=first.incidence if first else None,
            azimuth=(first.heading - 90.0) % 360.0 if first else None,
            look_side="right",
        ),
        baseline=software_of(manifest),
        outline=outline_of(annotations, manifest, info),
        missing=tuple(f"band {band.name}" for band in bands if not band.files),
        mode=first.mode if first else str(info.get("mode", "")),
        annotations=annotations,
        stems=stems,
    )
