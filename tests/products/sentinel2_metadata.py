"""The XML files of a Sentinel-2 product."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from lxml import etree

from products.xml import element, fields

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
"""In the order of band_id: 8 is B8A."""
RESOLUTION = dict(zip(BANDS, (60, 10, 10, 10, 20, 20, 20, 10, 20, 60, 60, 20, 20), strict=True))
CENTRES = (442.7, 492.7, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 945.1, 1373.5, 1613.7, 2202.4)
L2A_BANDS = {
    10: ("B02", "B03", "B04", "B08"),
    20: ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12"),
    60: ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09", "B11", "B12"),
}


@dataclass(frozen=True)
class TileSpec:
    """What the metadata of one tile say."""

    level: str
    baseline: str
    tile: str
    epsg: int
    west: float
    north: float
    rows: int
    start: datetime
    sensing: datetime
    relative_orbit: int
    absolute_orbit: int
    offsets: dict[str, int]
    quantification: int
    namespace: str
    cloud_cover: float
    extension: str

    @property
    def made(self) -> datetime:
        """Generation time."""
        return self.start + timedelta(hours=3, minutes=43, seconds=35)

    @property
    def product(self) -> str:
        """Name of the product's folder."""
        number = self.baseline.replace(".", "")
        orbit = f"R{self.relative_orbit:03d}"
        return (
            f"S2A_MSIL{self.level}_{self.start:%Y%m%dT%H%M%S}_N{number}_{orbit}_T{self.tile}_"
            f"{self.made:%Y%m%dT%H%M%S}.SAFE"
        )

    @property
    def granule(self) -> str:
        """Name of the granule's folder."""
        return f"L{self.level}_T{self.tile}_A{self.absolute_orbit:06d}_{self.sensing:%Y%m%dT%H%M%S}"

    @property
    def stem(self) -> str:
        """Start of the names of image files."""
        return f"T{self.tile}_{self.start:%Y%m%dT%H%M%S}"


def product_metadata(spec: TileSpec, images: list[str], footprint: str) -> etree._Element:
    """Return ``MTD_MSIL1C.xml`` or ``MTD_MSIL2A.xml``."""
    level = f"Level-{spec.level}"
    uri = f"https://{spec.namespace}.sentinel2.eo.esa.int/PSD/User_Product_{level}.xsd"
    number = spec.baseline
    stamp = f"{spec.start:%Y-%m-%dT%H:%M:%S}.024Z"
    take = [
        *fields(
            SPACECRAFT_NAME="Sentinel-2A",
            DATATAKE_TYPE="INS-NOBS",
            DATATAKE_SENSING_START=stamp,
            SENSING_ORBIT_NUMBER=spec.relative_orbit,
            SENSING_ORBIT_DIRECTION="DESCENDING",
        )
    ]
    identity = f"GS2A_{spec.start:%Y%m%dT%H%M%S}_{spec.absolute_orbit:06d}_N{number}"
    form = "JPEG2000" if spec.extension == "jp2" else "GeoTIFF"
    granule = element(
        "Granule",
        [element("IMAGE_FILE", image) for image in images],
        datastripIdentifier=f"S2A_OPER_MSI_L{spec.level}_DS_VGS2_{spec.made:%Y%m%dT%H%M%S}_N{number}",
        granuleIdentifier=f"S2A_OPER_MSI_L{spec.level}_TL_VGS2_A{spec.absolute_orbit:06d}_T{spec.tile}_N{number}",
        imageFormat=form,
    )
    product = [
        *fields(
            PRODUCT_START_TIME=stamp,
            PRODUCT_STOP_TIME=stamp,
            PRODUCT_URI=spec.product,
            PROCESSING_LEVEL=level,
            PRODUCT_TYPE=f"S2MSI{spec.level}",
            PROCESSING_BASELINE=number,
            GENERATION_TIME=f"{spec.made:%Y-%m-%dT%H:%M:%S}.000000Z",
        ),
        element("Datatake", take, datatakeIdentifier=identity),
        element("Query_Options", element("PRODUCT_FORMAT", "SAFE_COMPACT"), completeSingleTile="true"),
        element("Product_Organisation", element("Granule_List", granule)),
    ]
    general = [element("Product_Info", product), _characteristics(spec)]
    foot = element(
        "Product_Footprint", element("Product_Footprint", element("Global_Footprint", fields(EXT_POS_LIST=footprint)))
    )
    quality = fields(Cloud_Coverage_Assessment=spec.cloud_cover)
    root = etree.Element(f"{{{uri}}}{level}_User_Product", nsmap={"n1": uri})
    for name, parts in (
        ("General_Info", general),
        ("Geometric_Info", [foot]),
        ("Quality_Indicators_Info", quality),
    ):
        part = element(f"{{{uri}}}{name}", parts)
        root.append(part)
    return root


def _characteristics(spec: TileSpec) -> etree._Element:
    """Return what the numbers of the images mean."""
    parts = [
        element("Special_Values", fields(SPECIAL_VALUE_TEXT=text, SPECIAL_VALUE_INDEX=value))
        for text, value in (("NODATA", 0), ("SATURATED", 65535))
    ]
    parts.append(element("Image_Display_Order", fields(RED_CHANNEL=3, GREEN_CHANNEL=2, BLUE_CHANNEL=1)))
    if spec.level == "1C":
        parts.append(element("QUANTIFICATION_VALUE", spec.quantification, unit="none"))
        names = ("Radiometric_Offset_List", "RADIO_ADD_OFFSET")
    else:
        values = [
            element("BOA_QUANTIFICATION_VALUE", spec.quantification, unit="none"),
            element("AOT_QUANTIFICATION_VALUE", "1000.0", unit="none"),
            element("WVP_QUANTIFICATION_VALUE", "1000.0", unit="cm"),
        ]
        parts.append(element("QUANTIFICATION_VALUES_LIST", values))
        names = ("BOA_ADD_OFFSET_VALUES_LIST", "BOA_ADD_OFFSET")
    if spec.offsets:
        offsets = [element(names[1], spec.offsets[band], band_id=number) for number, band in enumerate(BANDS)]
        parts.append(element(names[0], offsets))
    irradiances = [element("SOLAR_IRRADIANCE", 1884.69 - 100 * number, bandId=number) for number in range(13)]
    conversion = [element("U", 1.03256721071865), element("Solar_Irradiance_List", irradiances)]
    parts.append(element("Reflectance_Conversion", conversion))
    spectra = []
    for number, (band, centre) in enumerate(zip(BANDS, CENTRES, strict=True)):
        physical = band.replace("B0", "B")
        wavelength = [
            element(tag, value, unit="nm")
            for tag, value in (("MIN", centre - 15), ("MAX", centre + 15), ("CENTRAL", centre))
        ]
        content = [element("RESOLUTION", RESOLUTION[band]), element("Wavelength", wavelength)]
        spectra.append(element("Spectral_Information", content, bandId=number, physicalBand=physical))
    parts.append(element("Spectral_Information_List", spectra))
    return element("Product_Image_Characteristics", parts)


def _angles(zenith: np.ndarray, azimuth: np.ndarray) -> list[etree._Element]:
    grids = []
    for name, values in (("Zenith", zenith), ("Azimuth", azimuth)):
        rows = [element("VALUES", " ".join("NaN" if np.isnan(v) else f"{v:.6g}" for v in row)) for row in values]
        steps = [element("COL_STEP", 5000, unit="m"), element("ROW_STEP", 5000, unit="m")]
        grids.append(element(name, [*steps, element("Values_List", rows)]))
    return grids


def tile_metadata(spec: TileSpec, masks: list[tuple[str, str, int | None]]) -> etree._Element:
    """Return ``MTD_TL.xml``; masks are (type, path, band_id)."""
    uri = f"https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-{spec.level}_Tile_Metadata.xsd"
    zone, side = spec.epsg % 100, "N" if spec.epsg < 32700 else "S"
    geocoding = fields(HORIZONTAL_CS_NAME=f"WGS84 / UTM zone {zone}{side}", HORIZONTAL_CS_CODE=f"EPSG:{spec.epsg}")
    for size in (10, 20, 60):
        count = spec.rows * 10 // size
        geocoding.append(element("Size", fields(NROWS=count, NCOLS=count), resolution=size))
    for size in (10, 20, 60):
        place = fields(ULX=int(spec.west), ULY=int(spec.north), XDIM=size, YDIM=-size)
        geocoding.append(element("Geoposition", place, resolution=size))
    down, across = np.indices((23, 23))
    angles = [element("Sun_Angles_Grid", _angles(28.5 - 0.04 * across, 107.8 + 0.015 * down))]
    angles.append(element("Mean_Sun_Angle", fields(ZENITH_ANGLE=28.3757146482271, AZIMUTH_ANGLE=107.109006113059)))
    for detector, inside in ((4, across < 12), (5, across >= 11)):
        zenith = np.where(inside, 9.0 - 0.3 * across, np.nan)
        grid = _angles(zenith, np.where(inside, 103.0 + down * 0.1, np.nan))
        angles.append(element("Viewing_Incidence_Angles_Grids", grid, bandId=0, detectorId=detector))
    means = [
        element(
            "Mean_Viewing_Incidence_Angle",
            fields(ZENITH_ANGLE=9.279 + number / 100, AZIMUTH_ANGLE=103.44),
            bandId=number,
        )
        for number in range(13)
    ]
    angles.append(element("Mean_Viewing_Incidence_Angle_List", means))
    names = []
    for kind, path, number in masks:
        extra = {} if number is None else {"bandId": number}
        names.append(element("MASK_FILENAME", path, **extra, type=kind))
    cloud = element("Image_Content_QI", fields(CLOUDY_PIXEL_PERCENTAGE=spec.cloud_cover))
    tile_id = f"S2A_OPER_MSI_L{spec.level}_TL_VGS2_{spec.made:%Y%m%dT%H%M%S}_A{spec.absolute_orbit:06d}_T{spec.tile}"
    general = fields(
        TILE_ID=f"{tile_id}_N{spec.baseline}",
        SENSING_TIME=f"{spec.sensing:%Y-%m-%dT%H:%M:%S.%f}Z",
    )
    root = etree.Element(f"{{{uri}}}Level-{spec.level}_Tile_ID", nsmap={"n1": uri})
    geometry = [element("Tile_Geocoding", geocoding), element("Tile_Angles", angles)]
    quality = [cloud, element("Pixel_Level_QI", names, geometry="FULL_RESOLUTION")]
    for name, parts in (
        ("General_Info", general),
        ("Geometric_Info", geometry),
        ("Quality_Indicators_Info", quality),
    ):
        root.append(element(f"{{{uri}}}{name}", parts))
    return root
