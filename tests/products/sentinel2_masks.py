"""Masks of Sentinel-2 tiles: pictures from baseline 04.00 on, polygons in GML before.

The description of the formats names the GML files and not their inside, which follows OGC 10-157r4 (EOP) and GML 3.2.1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lxml import etree

from products.xml import save

GML, EOP = "http://www.opengis.net/gml/3.2", "http://www.opengis.net/eop/2.0"
Rectangle = tuple[int, int, int, int]
"""First row, first column, end row and end column, in pixels of 60 m."""


def gml_mask(
    path: Path, name: str, epsg: int, features: list[tuple[str, str, Rectangle]], west: float, north: float, size: float
) -> None:
    """Write a mask of rectangles.

    Parameters
    ----------
    name : str
        Such as ``MSK_CLOUDS_pixel_level``.
    features : list of (identity, type, rectangle)
        None at all leaves ``maskMembers`` out, as the products do.
    west, north, size : float
        Outer corner of the tile and size of the rectangles' pixels, m.
    """
    root = etree.Element(f"{{{EOP}}}Mask", {f"{{{GML}}}id": path.stem}, nsmap={"gml": GML, "eop": EOP})
    etree.SubElement(root, f"{{{GML}}}name").text = name
    if features:
        bounds = etree.SubElement(root, f"{{{GML}}}boundedBy")
        envelope = etree.SubElement(bounds, f"{{{GML}}}Envelope", srsName=f"urn:ogc:def:crs:EPSG:8.7.1:{epsg}")
        etree.SubElement(envelope, f"{{{GML}}}lowerCorner").text = f"{west:.0f} {north - 109800:.0f}"
        etree.SubElement(envelope, f"{{{GML}}}upperCorner").text = f"{west + 109800:.0f} {north:.0f}"
        members = etree.SubElement(root, f"{{{EOP}}}maskMembers")
    for identity, kind, (top, left, bottom, right) in features:
        item = etree.SubElement(members, f"{{{EOP}}}MaskFeature", {f"{{{GML}}}id": identity})
        etree.SubElement(item, f"{{{EOP}}}maskType", codeSpace="urn:gs2:S2PDGS:maskType").text = kind
        extent = etree.SubElement(item, f"{{{EOP}}}extentOf")
        polygon = etree.SubElement(extent, f"{{{GML}}}Polygon", {f"{{{GML}}}id": f"{identity}_Polygon"})
        exterior = etree.SubElement(polygon, f"{{{GML}}}exterior")
        ring = etree.SubElement(exterior, f"{{{GML}}}LinearRing")
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        places = [(west + x * size, north - y * size) for x, y in corners]
        positions = etree.SubElement(ring, f"{{{GML}}}posList")
        deep = kind == "DETECTOR_FOOTPRINT"
        positions.set("srsDimension", "3" if deep else "2")
        positions.text = " ".join(f"{x:.1f} {y:.1f}{' 0' if deep else ''}" for x, y in places)
    save(path, root)


def footprints(rows: int) -> list[tuple[int, Rectangle]]:
    """Return detector numbers and where they see, in pixels of 60 m of a tile of so many: two strips, then nothing."""
    half, end = rows // 2, rows - rows // 6
    return [(4, (0, 0, rows, half)), (5, (0, half, rows, end))]


def clouds(rows: int) -> list[tuple[str, Rectangle]]:
    """Return types and places of clouds, in pixels of 60 m."""
    return [("OPAQUE", (1, 1, 5, 6)), ("CIRRUS", (rows // 2, 2, rows // 2 + 3, 9))]


def drawn(shape: tuple[int, int], rectangles: list[tuple[int, Rectangle]], factor: int) -> np.ndarray:
    """Return a uint8 image with rectangles in 60 m pixels, each ``factor`` pixels of the image."""
    image = np.zeros(shape, np.uint8)
    for value, (top, left, bottom, right) in rectangles:
        image[top * factor : bottom * factor, left * factor : right * factor] = value
    return image
