"""The manifest of a Sentinel-1 product."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lxml import etree

from products.sentinel1_annotation import ImageSpec, text

NAMESPACES = {
    "xfdu": "urn:ccsds:schema:xfdu:1",
    "safe": "http://www.esa.int/safe/sentinel-1.0",
    "s1sarl1": "http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1",
    "gml": "http://www.opengis.net/gml",
}
TABLES = {"calibration": "Calibration", "noise": "Noise"}


def manifest(product: Path, specs: list[ImageSpec], footprint: str, version: str) -> etree._Element:
    """Return ``manifest.safe``: where, when, what, and all files of the product so far with their checksums.

    Parameters
    ----------
    footprint : str
        ``lat,lon`` pairs parted by blanks.
    version : str
        Of the processor, such as ``003.40``.
    """
    first = specs[0]
    polarisations = dict.fromkeys(spec.polarisation for spec in specs)
    swaths = dict.fromkeys(spec.swath for spec in specs)
    known = "".join(
        f"<s1sarl1:transmitterReceiverPolarisation>{p}</s1sarl1:transmitterReceiverPolarisation>" for p in polarisations
    )
    sections = {
        "processing": '<safe:processing name="Post Processing"><safe:facility name="TLS">'
        f'<safe:software name="Sentinel-1 IPF" version="{version}"/></safe:facility></safe:processing>',
        "platform": "<safe:platform><safe:familyName>SENTINEL-1</safe:familyName>"
        f"<safe:number>{first.mission[-1]}</safe:number><safe:instrument><safe:extension><s1sarl1:instrumentMode>"
        f"<s1sarl1:mode>{first.mode}</s1sarl1:mode>"
        + "".join(f"<s1sarl1:swath>{swath}</s1sarl1:swath>" for swath in swaths)
        + "</s1sarl1:instrumentMode></safe:extension></safe:instrument></safe:platform>",
        "measurementOrbitReference": "<safe:orbitReference>"
        f'<safe:orbitNumber type="start">{first.orbit_number}</safe:orbitNumber>'
        f'<safe:relativeOrbitNumber type="start">{(first.orbit_number - 73) % 175 + 1}</safe:relativeOrbitNumber>'
        "</safe:orbitReference>",
        "generalProductInformation": f"<s1sarl1:standAloneProductInformation>{known}"
        f"<s1sarl1:productType>{first.kind}</s1sarl1:productType></s1sarl1:standAloneProductInformation>",
        "acquisitionPeriod": "<safe:acquisitionPeriod>"
        f"<safe:startTime>{text(min(spec.start for spec in specs))}</safe:startTime>"
        f"<safe:stopTime>{text(max(spec.stop for spec in specs))}</safe:stopTime></safe:acquisitionPeriod>",
        "measurementFrameSet": "<safe:frameSet><safe:frame>"
        '<safe:footPrint srsName="http://www.opengis.net/gml/srs/epsg.xml#4326">'
        f"<gml:coordinates>{footprint}</gml:coordinates></safe:footPrint></safe:frame></safe:frameSet>",
    }
    units, described, objects = [], [], []
    for file in sorted(path for path in product.rglob("*") if path.is_file()):
        compact = file.stem.replace("-", "")
        digest, size = hashlib.md5(file.read_bytes()).hexdigest(), file.stat().st_size
        if file.suffix == ".tiff":
            identity, kind = compact, "Measurement"
            parts = " ".join(f"{prefix}{compact}Annotation" for prefix in ("product", "noise", "calibration"))
            unit = f'unitType="Measurement Data Unit" repID="s1Level1MeasurementSchema" dmdID="{parts}"'
        else:
            kind = TABLES.get(file.name.partition("-")[0], "Product")
            identity = compact if kind != "Product" else f"product{compact}"
            unit = f'unitType="Metadata Unit" repID="s1Level1{kind}Schema"'
            described.append(
                f'<metadataObject ID="{identity}Annotation" classification="DESCRIPTION" category="DMD">'
                f'<dataObjectPointer dataObjectID="{identity}"/></metadataObject>'
            )
        units.append(f'<xfdu:contentUnit {unit}><dataObjectPointer dataObjectID="{identity}"/></xfdu:contentUnit>')
        mime = "application/octet-stream" if kind == "Measurement" else "text/xml"
        objects.append(
            f'<dataObject ID="{identity}" repID="s1Level1{kind}Schema">'
            f'<byteStream mimeType="{mime}" size="{size}">'
            f'<fileLocation locatorType="URL" href="./{file.relative_to(product).as_posix()}"/>'
            f'<checksum checksumName="MD5">{digest}</checksum></byteStream></dataObject>'
        )
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
    wrapped = "".join(
        f'<metadataObject ID="{name}" classification="DESCRIPTION" category="DMD"><metadataWrap mimeType="text/xml">'
        f"<xmlData>{section}</xmlData></metadataWrap></metadataObject>"
        for name, section in sections.items()
    )
    kind = f"{first.kind.lower()}/standard/{first.mode.lower()}sp"
    return etree.fromstring(
        f'<xfdu:XFDU {names} version="esa/safe/sentinel-1.0/sentinel-1/sar/level-1/{kind}">'
        f'<informationPackageMap><xfdu:contentUnit unitType="SAFE Archive Information Package" '
        f'textInfo="Sentinel-1 {first.mode} Level-1 {first.kind} Product">{"".join(units)}</xfdu:contentUnit>'
        f"</informationPackageMap><metadataSection>{''.join(described)}{wrapped}</metadataSection>"
        f"<dataObjectSection>{''.join(objects)}</dataObjectSection></xfdu:XFDU>"
    )
