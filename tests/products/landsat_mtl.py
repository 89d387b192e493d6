"""The metadata file (MTL) of a Landsat Collection 2 product, as text, XML and JSON."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from products.xml import element, save


class Bare(str):
    """A value that stands without quotation marks in the text form: a number, a date."""


Groups = dict[str, dict[str, str]]
REFLECTIVE = {
    "LC": ("1", "2", "3", "4", "5", "6", "7", "8", "9"),
    "LE": ("1", "2", "3", "4", "5", "7", "8"),
    "LT": ("1", "2", "3", "4", "5", "7"),
}
THERMAL = {"LC": ("10", "11"), "LE": ("6_VCID_1", "6_VCID_2"), "LT": ("6",)}
SURFACE = {"LC": ("1", "2", "3", "4", "5", "6", "7"), "LE": ("1", "2", "3", "4", "5", "7"), "LT": REFLECTIVE["LT"]}
TEMPERATURE = {"LC": "10", "LE": "6", "LT": "6"}
CONSTANTS = {
    "LC08": ("774.8853", "1321.0789"),
    "LC09": ("799.0284", "1329.2405"),
    "LE07": ("666.09", "1282.71"),
    "LT05": ("607.76", "1260.56"),
    "LT04": ("671.62", "1284.30"),
}


def radiance(band: str) -> tuple[str, str]:
    """Return RADIANCE_MULT and RADIANCE_ADD of a band as they stand in the file: one pair for each."""
    number = int(band.partition("_")[0])
    if number in (10, 11):
        return ("3.8000E-04" if number == 10 else "3.4900E-04"), "0.10000"
    return f"{1.3e-2 / number:.4E}", f"{-64.5 / number:.5f}"


def metadata(
    name: str,
    files: dict[str, str],
    *,
    acquired: datetime,
    projection: dict[str, str],
    corners: dict[str, tuple[float, float]],
    shape: tuple[int, int],
    sun_elevation: str,
    cloud_cover: float,
    level1_name: str,
    has_temperature: bool,
) -> Groups:
    """Return the groups of a product.

    Parameters
    ----------
    name : str
        Product identifier, such as ``LC08_L1TP_016037_20170813_20200903_02_T1``.
    files : dict
        File names by their keys.
    corners : dict
        x and y of the centres of the corner pixels of the reflective bands, by UL, UR, LL, LR.
    level1_name : str
        Identifier of the level 1 product that an L2 product was made from; the same as ``name`` at level 1.
    """
    sensor, level = name[:2], name[5:9]
    second = level.startswith("L2")
    product: dict[str, str] = {
        "ORIGIN": "Image courtesy of the U.S. Geological Survey",
        "LANDSAT_PRODUCT_ID": name,
        "PROCESSING_LEVEL": level,
        "COLLECTION_NUMBER": Bare("02"),
        "COLLECTION_CATEGORY": name[-2:],
        "OUTPUT_FORMAT": "GEOTIFF",
        **files,
    }
    image: dict[str, str] = {
        "SPACECRAFT_ID": f"LANDSAT_{int(name[2:4])}",
        "SENSOR_ID": {"LC": "OLI_TIRS", "LE": "ETM", "LT": "TM"}[sensor],
        "WRS_TYPE": Bare("2"),
        "WRS_PATH": Bare(int(name[10:13])),
        "WRS_ROW": Bare(int(name[13:16])),
        "DATE_ACQUIRED": Bare(f"{acquired:%Y-%m-%d}"),
        "SCENE_CENTER_TIME": f"{acquired:%H:%M:%S.%f}0Z",
        "STATION_ID": "LGN",
        "CLOUD_COVER": Bare(cloud_cover),
        "SUN_AZIMUTH": Bare("136.31696044"),
        "SUN_ELEVATION": Bare(sun_elevation),
        "EARTH_SUN_DISTANCE": Bare("0.9860755"),
    }
    rows, cols = (Bare(n) for n in shape)
    sizes = {"GRID_CELL_SIZE_REFLECTIVE": Bare("30.00"), "GRID_CELL_SIZE_THERMAL": Bare("30.00")}
    if "8" in REFLECTIVE[sensor] and not second:
        sizes = {"GRID_CELL_SIZE_PANCHROMATIC": Bare("15.00"), **sizes}
    plane: dict[str, str] = {**projection, **sizes, "REFLECTIVE_LINES": rows, "REFLECTIVE_SAMPLES": cols}
    plane["ORIENTATION"] = "NORTH_UP"
    for corner, (x, y) in corners.items():
        plane[f"CORNER_{corner}_PROJECTION_X_PRODUCT"] = Bare(f"{x:.3f}")
        plane[f"CORNER_{corner}_PROJECTION_Y_PRODUCT"] = Bare(f"{y:.3f}")
    groups: Groups = {"PRODUCT_CONTENTS": product, "IMAGE_ATTRIBUTES": image, "PROJECTION_ATTRIBUTES": plane}
    if second:
        groups |= _level2(name, sensor, has_temperature)
    groups["LEVEL1_PROCESSING_RECORD"] = {
        "LANDSAT_PRODUCT_ID": level1_name,
        "PROCESSING_LEVEL": level1_name[5:9],
        **{f"FILE_NAME_BAND_{band}": f"{level1_name}_B{band}.TIF" for band in (*REFLECTIVE[sensor], *THERMAL[sensor])},
    }
    rescaling: dict[str, str] = {}
    for place, word in enumerate(("MULT", "ADD")):
        for band in (*REFLECTIVE[sensor], *THERMAL[sensor]):
            rescaling[f"RADIANCE_{word}_BAND_{band}"] = Bare(radiance(band)[place])
    for word, value in (("MULT", "2.0000E-05"), ("ADD", "-0.100000")):
        for band in REFLECTIVE[sensor]:
            rescaling[f"REFLECTANCE_{word}_BAND_{band}"] = Bare(value)
    groups["LEVEL1_RADIOMETRIC_RESCALING"] = rescaling
    first, other = CONSTANTS[name[:4]]
    constants: dict[str, str] = {}
    for number, band in enumerate(THERMAL[sensor]):
        constants[f"K1_CONSTANT_BAND_{band}"] = Bare(first if number == 0 or sensor == "LE" else "475.6581")
        constants[f"K2_CONSTANT_BAND_{band}"] = Bare(other if number == 0 or sensor == "LE" else "1198.3494")
    groups["LEVEL1_THERMAL_CONSTANTS"] = constants
    groups["LEVEL1_PROJECTION_PARAMETERS"] = {**projection, **sizes, "ORIENTATION": "NORTH_UP"}
    return groups


def _level2(name: str, sensor: str, has_temperature: bool) -> Groups:
    """Return the groups of level 2, whose keys return in those of level 1 with other values."""
    record = {
        "LANDSAT_PRODUCT_ID": name,
        "PROCESSING_LEVEL": name[5:9],
        "ALGORITHM_SOURCE_SURFACE_REFLECTANCE": "LaSRC_1.5.0",
    }
    surface: dict[str, str] = {}
    for word, value in (("MULT", "2.75e-05"), ("ADD", "-0.2")):
        for band in SURFACE[sensor]:
            surface[f"REFLECTANCE_{word}_BAND_{band}"] = Bare(value)
    groups: Groups = {"LEVEL2_PROCESSING_RECORD": record, "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": surface}
    if has_temperature:
        band = f"ST_B{TEMPERATURE[sensor]}"
        groups["LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"] = {
            f"TEMPERATURE_MULT_BAND_{band}": Bare("0.00341802"),
            f"TEMPERATURE_ADD_BAND_{band}": Bare("149.0"),
        }
    return groups


def write_text(path: Path, groups: Groups, root: str = "LANDSAT_METADATA_FILE") -> None:
    """Write the text form (ODL)."""
    lines = [f"GROUP = {root}"]
    for group, values in groups.items():
        lines.append(f"  GROUP = {group}")
        lines += [f"    {key} = {text if isinstance(text, Bare) else _quoted(text)}" for key, text in values.items()]
        lines.append(f"  END_GROUP = {group}")
    path.write_text("\n".join([*lines, f"END_GROUP = {root}", "END", ""]))


def _quoted(text: str) -> str:
    return f'"{text}"'


def write_xml(path: Path, groups: Groups) -> None:
    """Write the XML form."""
    parts = [element(group, [element(key, text) for key, text in values.items()]) for group, values in groups.items()]
    save(path, element("LANDSAT_METADATA_FILE", parts))


def write_json(path: Path, groups: Groups) -> None:
    """Write the JSON form, in which all values are strings."""
    path.write_text(json.dumps({"LANDSAT_METADATA_FILE": groups}))
