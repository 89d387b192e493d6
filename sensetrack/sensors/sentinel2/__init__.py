"""Sentinel-2: Level-1C and Level-2A of every baseline, as SAFE or as public buckets keep it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.bands import with_bands
from sensetrack.raster.image import Image
from sensetrack.sensors._base import RAW, BandImage, Product, Reading, Sensor
from sensetrack.sensors._container import Container
from sensetrack.sensors._metadata import Band, Orbit
from sensetrack.sensors._source import BandSource, Linear, NotAmong, PixelMask, Polygons, QualityBand
from sensetrack.sensors._xml import Node, parse_xml
from sensetrack.sensors.sentinel2._bands import BANDS, LAYERS
from sensetrack.sensors.sentinel2._item import item_of, read_item
from sensetrack.sensors.sentinel2._product import (
    band_id,
    baseline_of,
    cloud_cover_of,
    direction_of,
    layer_scales_of,
    mission_of,
    name_of,
    offsets_of,
    outline_of,
    quantification_of,
    text_of,
    view_of,
)
from sensetrack.sensors.sentinel2._tile import AngleGrid, grid_of, polygons_of, sun_angles, view_angles

_PRODUCT_XML = r"(MTD_MSIL(1C|2A)|S2[A-D]_[^/]*MTD_SAFL(1C|2A)[^/]*)\.xml"
_TILE_XML = (
    r"(MTD_TL|metadata|granule_metadata|S2[A-D]_[^/]*_MTD_L(1C|2A)_TL_[^/]*|S2[A-D]_[^/]*_L(1C|2A)_TL_[^/]*)\.xml"
)
_PRODUCT_ROOT = re.compile(rb"Level-(1C|2A)_User_Product")
_TILE_ROOT = re.compile(rb"Level-(1C|2A)_Tile_ID")

SATURATED = 65535.0
DEFECTS = (3, 5, 6, 8)
"""Planes of MSK_QUALIT that make a pixel unusable: lost packets of the instrument, defective, no data, saturated."""

CLOUD_PLANES = (1, 2)
"""Planes of MSK_CLASSI: opaque cloud, cirrus."""

CLOUD_CLASSES = frozenset({3, 8, 9, 10})
"""Classes of the scene classification: cloud shadow, cloud of medium and of high probability, thin cirrus."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Sentinel2Product(Product):
    """One tile of Sentinel-2.

    Bands become reflectance: at the top of the atmosphere for Level-1C, at the surface for Level-2A, as
    ``(number + offset) / quantification``; offsets are taken where the metadata have them, whatever the date. Of a band
    that a Level-2A product holds in several sizes, the finest is read. `mask` leaves out what the masks call saturated,
    defective, lost or outside of the detectors; without `clouds`, what the scene classification (L2A) or the cloud mask
    (L1C) calls cloud, cirrus or shadow is left out too.

    Attributes
    ----------
    tile : str
        Such as ``33XWJ``.
    tile_file : str or None
        The tile's metadata, in the container; None where a STAC Item stands for them.
    quantification : float
    earth_sun : float or None
        Factor ``U`` of the distance between earth and sun, inverse square.
    offsets : mapping of str to float
        Added to the numbers of a band; 0 where the metadata have none.
    layer_scales : mapping of str to float
        What the numbers of AOT and WVP are multiplied with.
    """

    tile: str
    tile_file: str | None
    quantification: float
    offsets: dict[str, float] = field(repr=False)
    earth_sun: float | None = None
    layer_scales: dict[str, float] = field(default_factory=lambda: layer_scales_of(None), repr=False)

    @property
    def default_band(self) -> Band:
        """B08, else the first of B04, B03 and B02 that is there, else any."""
        bands = self.available or self.bands
        order = ("B08", "B04", "B03", "B02")
        return next((band for name in order for band in bands if band.name == name), bands[0])

    def rows(self) -> list[tuple[str, str]]:
        """Return the tile and the offset."""
        offset = sorted(set(self.offsets.values()))
        return [
            ("tile", self.tile),
            ("offset", f"{', '.join(f'{each:g}' for each in offset)}, divided by {self.quantification:g}"),
        ]

    def properties(self) -> dict[str, object]:
        """Return the properties of the STAC extension ``s2``."""
        return {
            "s2:processing_baseline": self.baseline,
            "s2:product_type": self.product_type,
            "s2:mgrs_tile": self.tile,
            "s2:product_uri": self.name,
            "s2:reflectance_conversion_factor": self.earth_sun,
        }

    def sun_angles(self) -> AngleGrid:
        """Return zenith and azimuth of the sun over the tile."""
        return sun_angles(self._tile_metadata())

    def view_angles(self, band: int | str | None = None) -> AngleGrid:
        """Return zenith and azimuth of the sensor over the tile for a band."""
        return view_angles(self._tile_metadata(), band_id(self.band(band).name))

    def _tile_metadata(self) -> Node:
        if self.tile_file is None:
            raise InputError(f"{self.path}: has no metadata of its tile, which hold the angles")
        return parse_xml(self.container.read(self.tile_file), f"{self.path}: {PurePosixPath(self.tile_file).name}")

    def _source(self, band: Band, reading: Reading) -> BandImage:
        nodata = 0.0 if reading.nodata is None else reading.nodata
        raw = Image.open(self.container.gdal_path(band.files[0]), band=1, nodata=nodata)
        kind = band.quantities[0]
        if kind != "reflectance":
            # Layers: what is written is what is meant, but for the two with a scale of their own.
            scale = None if reading.quantity == RAW else self.layer_scales.get(band.name)
            source = BandSource(raw, None if scale is None else Linear(scale, 0.0))
            return BandImage(source, raw.grid, raw.dtype if scale is None else "float32", {"nodata": f"{nodata:g}"})
        gain, offset = 1 / self.quantification, self.offsets.get(band.name, 0.0) / self.quantification
        is_raw = reading.quantity == RAW
        source = BandSource(
            raw,
            None if is_raw else Linear(gain, offset),
            tuple(self._masks(band.name, reading)),
            (SATURATED,) if reading.mask else (),
        )
        tags = {"unit": "1"}
        if is_raw:
            tags = {"nodata": f"{nodata:g}", "scale": repr(gain), "offset": repr(offset), "scaled": "reflectance"}
        return BandImage(source, raw.grid, raw.dtype if is_raw else "float32", tags)

    def _masks(self, band: str, reading: Reading) -> list[PixelMask]:
        masks: list[PixelMask] = []
        if reading.mask:
            footprint = self._file(rf"MSK_DETFOO_{band}\.(jp2|tiff?)")
            if footprint is not None:
                masks.append(QualityBand(Image.open(footprint, band=1), NotAmong(frozenset({0}))))
            quality = self._planes(rf"MSK_QUALIT_{band}\.(jp2|tiff?)", DEFECTS)
            if quality is not None:
                masks.append(QualityBand(quality, NotAmong(frozenset(range(1, len(DEFECTS) + 1)))))
            for kind in ("SATURA", "DEFECT", "NODATA"):
                masks += self._polygons(rf"[^/]*MSK_{kind}_{band}[^/]*\.gml", frozenset())
        return masks if reading.clouds else [*masks, *self._clouds()]

    def _clouds(self) -> list[PixelMask]:
        scene = next((each for each in self.available if each.name == "SCL"), None)
        if scene is not None:
            return [QualityBand(Image.open(self.container.gdal_path(scene.files[0]), band=1), NotAmong(CLOUD_CLASSES))]
        planes = self._planes(r"MSK_CLASSI_B00\.(jp2|tiff?)", CLOUD_PLANES)
        if planes is not None:
            return [QualityBand(planes, NotAmong(frozenset(range(1, len(CLOUD_PLANES) + 1))))]
        found = self._polygons(r"[^/]*MSK_CLOUDS_B00[^/]*\.gml", frozenset({"OPAQUE", "CIRRUS"}))
        if not found:
            raise ParameterError(f"clouds = False: the product {self.name} has no mask of clouds here")
        return found

    def _file(self, pattern: str) -> str | None:
        found = self.container.filled(pattern)
        return self.container.gdal_path(found[0]) if found else None

    def _planes(self, pattern: str, planes: tuple[int, ...]) -> Image | None:
        """Return the image that counts how many of some planes of a mask are set."""
        path = self._file(pattern)
        return None if path is None else with_bands(Image.open(path, band=1), planes, (1.0,) * len(planes))

    def _polygons(self, pattern: str, kinds: frozenset[str]) -> list[PixelMask]:
        found: list[PixelMask] = []
        for name in self.container.filled(pattern)[:1]:
            mask = parse_xml(self.container.read(name), f"{self.path}: {PurePosixPath(name).name}")
            found.append(Polygons(polygons_of(mask, kinds)))
        return found


class Sentinel2(Sensor):
    """Sentinel-2's tiles by the metadata of the product or of the tile."""

    def recognises(self, container: Container) -> bool:
        """Whether there is metadata of a Level-1C or Level-2A product or tile."""
        if container.kind == "file":
            return False
        found = (look(container) for look in (_of_product, _of_tile, item_of))
        return any(name is not None for name in found)

    def open(self, container: Container) -> Sentinel2Product:
        """Read the metadata of the product and of its tile."""
        product_file = _of_product(container)
        tile_file = _of_tile(container)
        item = item_of(container) if product_file is None else None
        if item is not None:
            fields = read_item(container, item)
            missing = tuple(f"band {band.name}" for band in fields["bands"] if not band.files)
            return Sentinel2Product(
                container=container,
                sensor="sentinel2",
                instrument="MSI",
                missing=missing,
                tile_file=tile_file,
                **fields,
            )
        if tile_file is None:
            raise InputError(f"{container.path}: lacks the metadata of its tile (GRANULE/*/MTD_TL.xml)")
        tile = parse_xml(container.read(tile_file), f"{container.path}: {PurePosixPath(tile_file).name}")
        product = None
        if product_file is not None:
            product = parse_xml(container.read(product_file), f"{container.path}: {PurePosixPath(product_file).name}")
        level = "L2A" if "2A" in tile.tag else "L1C"
        tile_id = tile.string(".//TILE_ID")
        baseline = baseline_of(product, tile_id)
        bands = _bands(container, str(PurePosixPath(tile_file).parent), level, tile)
        time = tile.time(".//SENSING_TIME")
        orbit = re.search(r"_A(\d{6})_", tile_id)
        mgrs = re.search(r"_T?(\d{2}[A-Z]{3})(_|$)", tile_id)
        name = name_of(product, tile_id, container)
        track = re.search(r"_R(\d{3})_", name)
        return Sentinel2Product(
            container=container,
            sensor="sentinel2",
            name=name,
            mission=mission_of(product, tile_id),
            instrument="MSI",
            product_type=text_of(product, "PRODUCT_TYPE") or f"S2MSI{level[1:]}",
            level=level,
            start=time,
            stop=time,
            bands=bands,
            orbit=Orbit(
                absolute=int(orbit[1]) if orbit else None,
                relative=product.integer(".//SENSING_ORBIT_NUMBER") if product else int(track[1]) if track else None,
                direction=direction_of(product),
            ),
            view=view_of(tile),
            baseline=baseline,
            cloud_cover=cloud_cover_of(product, tile),
            outline=outline_of(product),
            stated_grid=grid_of(tile, 10),
            missing=tuple(f"band {band.name}" for band in bands if not band.files),
            tile=mgrs[1] if mgrs else "",
            tile_file=tile_file,
            quantification=quantification_of(product, level),
            offsets=offsets_of(product, level, baseline),
            layer_scales=layer_scales_of(product),
            earth_sun=None if product is None else product.optional_number(".//Reflectance_Conversion/U"),
        )


def _of_product(container: Container) -> str | None:
    found = [
        name
        for name in container.find(_PRODUCT_XML)
        if container.entry in (None, name) and _PRODUCT_ROOT.search(container.head(name))
    ]
    nearest = [name for name in found if name.count("/") == found[0].count("/")]
    if len(nearest) > 1:
        raise InputError(f"{container.path}: holds several products; name one, such as {nearest[0]}")
    return nearest[0] if nearest else None


def _of_tile(container: Container) -> str | None:
    """Return the metadata of the one tile; those named by the user alone where that is what was named."""
    is_product = container.entry is None or re.fullmatch(_PRODUCT_XML, container.entry, re.IGNORECASE)
    found = [
        name
        for name in container.find(_TILE_XML)
        if (is_product or name == container.entry) and _TILE_ROOT.search(container.head(name))
    ]
    if len(found) > 1:
        raise InputError(
            f"{container.path}: holds {len(found)} tiles; name the metadata of one, such as {container.root}/{found[0]}"
        )
    return found[0] if found else None


def _bands(container: Container, folder: str, level: str, tile: Node) -> tuple[Band, ...]:
    below = "" if folder == "." else folder
    bands = []
    for about in BANDS:
        if level == "L2A" and about.name == "B10":
            continue
        files = _files(container, about.name, below)
        size = _pixel(files[0], about.size) if files else about.size
        grid = grid_of(tile, size)
        bands.append(
            Band(
                name=about.name,
                quantities=("reflectance",),
                files=tuple(files[:1]),
                common_name=about.colour,
                wavelength=about.centre,
                width=about.width,
                resolution=float(size),
                shape=None if grid is None else grid.shape,
            )
        )
    for name, quantity in LAYERS.items() if level == "L2A" else ():
        files = _files(container, name, below)
        size = _pixel(files[0], 20) if files else 20
        grid = grid_of(tile, size)
        shape = None if grid is None else grid.shape
        bands.append(Band(name, (quantity,), tuple(files[:1]), resolution=float(size), shape=shape))
    footprints = container.filled(r"MSK_DETFOO_B\w\w\.(jp2|tiff?)", below)
    return (*bands, *(Band(PurePosixPath(file).stem, ("detector",), (file,)) for file in footprints))


def _files(container: Container, name: str, below: str) -> list[str]:
    """Return the files of a band, the finest first; masks and previews bear the same endings."""
    found = [
        file
        for file in container.filled(rf"([^/]*_)?{name}(_\d\dm)?\.(jp2|tiff?)", below)
        if not PurePosixPath(file).name.startswith("MSK_") and "preview" not in PurePosixPath(file).parts
    ]
    return sorted(found, key=lambda file: _pixel(file, 0))


def _pixel(file: str, otherwise: int) -> int:
    """Return the pixel size that a file or its folder names, in m."""
    match = re.search(r"_(\d\d)m\.\w+$|(?:^|/)R(\d\d)m/", file)
    return int(match[1] or match[2]) if match else otherwise
