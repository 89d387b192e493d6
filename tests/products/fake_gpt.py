"""A program that answers as SNAP's ``gpt`` does, also when SNAP fails; and `install`, which puts it into a folder.

As a program it knows nothing of the package and needs the standard library alone. What it shall do wrong stands in the
environment variable ``FAKE_GPT``, words parted by blanks; the calls it got are kept, one JSON list a line, in the file
that ``FAKE_GPT_CALLS`` names.
"""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import unescape

WRONG = os.environ.get("FAKE_GPT", "").split()
VERSION = "9.0.0"
READER = "No product reader found for file "
OPERATORS: dict[str, dict[str, str]] = {
    "Read": {"file": "file", "formatName": "string"},
    "Write": {"file": "file", "formatName": "string", "deleteOutputOnFailureError": "boolean"},
    "Subset": {"region": "rectangle", "geoRegion": "geometry", "copyMetadata": "boolean"},
    "ThermalNoiseRemoval": {"selectedPolarisations": "string,string,string,...", "removeThermalNoise": "boolean"},
    "Terrain-Correction": {"demName": "string", "pixelSpacingInMeter": "double", "saveDEM": "boolean"},
    "Speckle-Filter": {"filter": "string", "filterSizeX": "int"},
    "Terrain-Flattening": {"demName": "string", "outputSimulatedImage": "boolean"},
    "Apply-Orbit-File": {"orbitType": "string", "continueOnFail": "boolean"},
    "BandMaths": {},
}
NESTED = {"BandMaths": ("targetBands", "variables")}
SAID = {
    ("Terrain-Correction", "demName"): ["The digital elevation model.", "Default value is 'SRTM 3Sec'."],
    ("Terrain-Correction", "pixelSpacingInMeter"): ["The pixel spacing in meters", "Default value is '0'."],
    ("Speckle-Filter", "filter"): [
        "Sets parameter 'filter' to <string>.",
        "Value must be one of 'None', 'Boxcar', 'Lee Sigma', 'Refined Lee'.",
        "Default value is 'Lee Sigma'.",
    ],
    ("Speckle-Filter", "filterSizeX"): [
        "The kernel x dimension",
        "Valid interval is (1, 100].",
        "Default value is '3'.",
        "Parameter unit is 'pixels'.",
    ],
    ("Read", "file"): [
        "The file from which the data product is read.",
        "This is a mandatory parameter.",
        "The value must not be empty.",
    ],
}
FAILURES = {
    "heap": "java.lang.OutOfMemoryError: Java heap space",
    "buffer": "Cannot construct DataBuffer.",
    "orbit": "[NodeId: Apply-Orbit-File] No valid orbit file found for 04-JAN-2022 17:05:57.000000\n"
    "Orbit files may be downloaded from https://scihub.copernicus.eu/gnss/odata/v1/\nand placed in ~/.snap/auxdata",
    "cosmo": "[NodeId: Apply-Orbit-File] Orbit file is not suitable for a CSKS4 product",
    "reader": READER + "'scene.zip'",
    "spi": "SPI not found for operator 'Calibartion'",
    "srtm": "[NodeId: Terrain-Correction] Entire image is outside of SRTM valid area.\nPlease use another DEM.",
    "version": "Wrong version given in the graph XML. Must be 1.0.",
    "bigtiff": "File size too big. TIFF file size is limited to [4294967296] bytes!",
    "xml": "javax.xml.parsers.FactoryConfigurationError: Provider for class javax.xml.parsers.SAXParserFactory "
    "cannot be created, not found",
    "strange": "Operator 'SubsetOp': Value for 'Region' is negative.",
}
REMARKS = {
    "outside": "WARNING: org.esa.snap.core.gpf.common.SubsetOp: No intersection with source product boundary S1A_IW",
    "dem": "WARNING: org.esa.s1tbx: no valid output was produced. Please verify the DEM",
    "offline": "SEVERE: org.esa.snap: Unable to download https://step.esa.int/auxdata/dem/egm96/ww15mgh_b.zip 404",
    "retrieving": "INFO: org.esa.snap.dem: ElevationFile: http retrieving http://srtm.csi.cgiar.org/srtm_38_03.zip",
    "gdal": "INFO: org.esa.snap.lib: GDAL 3.4 not found on system. Internal GDAL 3.2 from distribution will be used.",
    "latin": "WARNING: Zugriff auf Stra\udce4e verweigert",
}


def install(home: Path) -> Path:
    """Make a folder that looks like that of SNAP and return its ``gpt``, a script that starts this file as a child."""
    for folder in ("bin", "etc"):
        (home / folder).mkdir(parents=True)
    (home / "etc" / "snap.properties").write_text("#snap.home=\n")
    gpt = home / "bin" / "gpt"
    gpt.write_text(f'#!/bin/sh\n"{sys.executable}" -I "{Path(__file__).resolve()}" "$0" "$@"\n')
    gpt.chmod(0o755)
    return gpt


def say(text: str, *, error: bool = False) -> None:
    stream = sys.stderr.buffer if error else sys.stdout.buffer
    stream.write(text.encode("utf-8", "surrogateescape"))
    stream.flush()


class FailureError(Exception):
    """What the real one says and ends with 1."""


def diagnose(gpt: str) -> None:
    say("INFO: org.esa.snap.core.gpf.operators.tooladapter: Initializing external tool adapters\n", error=True)
    say(
        f"SNAP Release version {VERSION}\nSNAP home: {Path(gpt).parent}//..\nSNAP debug: null\n"
        "SNAP log level: WARNING\nJava home: /usr/local/snap/jre\nJava version: 1.8.0_242\n"
        "Processors: 16\nMax memory: 53.3 GB\nCache size: 1,007.5 MB\nTile parallelism: 14\n"
        "Tile size: 512 x 512 pixels\n\nTo configure your gpt memory usage:\nEdit snap/bin/gpt.vmoptions\n"
    )


def describe(operator: str) -> None:
    if operator not in OPERATORS:
        say(f"Unknown operator '{operator}'.")
        return
    say(f"Usage:\n  gpt {operator} [options] \n\nDescription:\n  What it does\n\n\nParameter Options:\n")
    options = OPERATORS[operator]
    width = max((len(f"-P{name}=<{kind}>") for name, kind in options.items()), default=0)
    for name, kind in sorted(options.items()):
        lines = SAID.get((operator, name), [f"Sets parameter '{name}' to <{kind}>."])
        say(f"  {f'-P{name}=<{kind}>':<{width}}    {lines[0]}\n")
        say("".join(f"  {'':<{width}}    {line}\n" for line in lines[1:]))
    say('\nGraph XML Format:\n  <graph id="someGraphId">\n    <version>1.0</version>\n    <node id="someNodeId">\n')
    say(
        f"      <operator>{operator}</operator>\n"
        "      <sources>\n        <source>${source}</source>\n      </sources>\n"
    )
    say("      <parameters>\n" + "".join(f"        <{name}>{kind}</{name}>\n" for name, kind in options.items()))
    for name in NESTED.get(operator, ()):
        say(
            f"        <{name}>\n          <inner>\n            <name>string</name>\n"
            f"          </inner>\n        </{name}>\n"
        )
    say("      </parameters>\n    </node>\n  </graph>\n")


def write_tiff(path: Path, values: list[float], width: int) -> None:
    """Write float32 pixels as the smallest GeoTIFF there is, without any tag of GDAL, as SNAP does."""
    pixels = struct.pack(f"<{len(values)}f", *values)
    scale, tie = struct.pack("<3d", 10, 10, 0), struct.pack("<6d", 0, 0, 0, 500_000, 5_000_000, 0)
    keys = struct.pack("<16H", 1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
    after, entries = 8 + 2 + 13 * 12 + 4, []
    data = b""
    for tag, kind, count, value in (
        *((256, 4, 1, width), (257, 4, 1, len(values) // width), (258, 3, 1, 32), (259, 3, 1, 1), (262, 3, 1, 1)),
        *((273, 4, 1, pixels), (277, 3, 1, 1), (278, 4, 1, len(values) // width), (279, 4, 1, len(pixels))),
        *((339, 3, 1, 3), (33550, 12, 3, scale), (33922, 12, 6, tie), (34735, 3, 16, keys)),
    ):
        place = value if isinstance(value, int) else after + len(data)
        data += b"" if isinstance(value, int) else value
        entries.append(struct.pack("<HHII", tag, kind, count, place))
    path.write_bytes(b"II*\0\x08\0\0\0" + struct.pack("<H", 13) + b"".join(entries) + b"\0" * 4 + data)


def write_product(path: Path, form: str, sources: list[str]) -> None:
    """Write what the real one would, or what it writes when it fails quietly."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = [0.0 if "zeros" in WRONG else float("nan") if "nans" in WRONG else 1.0 + i for i in range(12)]
    if "nothing" in WRONG:
        return
    if form.lower() == "beam-dimap":
        path = path if path.suffix == ".dim" else Path(f"{path}.dim")
        folder = path.with_suffix(".data")
        folder.mkdir(exist_ok=True)
        if "bandless" not in WRONG:
            (folder / "band.img").write_bytes(b"" if "empty" in WRONG else struct.pack(">12f", *values))
            header = "samples = 4\nlines = 3\nbands = 1\nheader offset = 0\nfile type = ENVI Standard\n"
            (folder / "band.hdr").write_text(f"ENVI\n{header}data type = 4\ninterleave = bsq\nbyte order = 1\n")
        path.write_text(f"<Dimap_Document><sources>{sources}</sources></Dimap_Document>")
        return
    if form.lower().startswith("netcdf"):
        path.write_bytes(b"GRIB" if "broken" in WRONG else b"\x89HDF\r\n\x1a\n")
        return
    if form.lower() == "envi":
        folder = path.with_suffix("")
        folder.mkdir()
        (folder / "band.img").write_bytes(b"" if "empty" in WRONG else struct.pack("<12f", *values))
        return
    path = path if path.suffix == ".tif" else Path(f"{path}.tif")
    if "empty" in WRONG:
        path.write_bytes(b"")
    else:
        write_tiff(path, values, 4)
        if "broken" in WRONG:
            path.write_bytes(path.read_bytes()[:40])


def check(node: str, operator: str, given: list[str]) -> None:
    if operator not in OPERATORS:
        raise FailureError(f"[NodeId: {node}] SPI not found for operator '{operator}'")
    for name in given:
        if name not in OPERATORS[operator] and name not in NESTED.get(operator, ()):
            where = "" if "nameless" in WRONG else f"[NodeId: {node}] "
            raise FailureError(f"{where}Operator '{operator}Op': Unknown element '{name}'")


def run_graph(path: str, options: dict[str, str], variables: dict[str, str], sources: dict[str, str]) -> None:
    text = Path(path).read_text()
    known = variables | {name: f"ReadOp@{name}" for name in sources}
    text = re.sub(r"\$\{([\w.]+)\}|\$([\w.]+)", lambda found: known.get(found[1] or found[2], found[0]), text)
    root = ElementTree.fromstring(text)
    if root.findtext("version") != "1.0":
        raise FailureError("No version is specified in the graph XML.")
    writes = []
    for node in root.iter("node"):
        operator = node.findtext("operator") or ""
        given = {item.tag: item.text or "" for item in node.iterfind("parameters/*")}
        check(node.get("id", ""), operator, list(given))
        if operator == "Read" and not Path(given.get("file", "")).exists():
            raise FailureError(f"[NodeId: {node.get('id')}] Specified 'file' [{given.get('file')}] does not exist.")
        if operator == "Write":
            writes.append((Path(given["file"]), given.get("formatName", "BEAM-DIMAP")))
    work(writes or [(Path(options.get("-t", "target.dim")), options.get("-f", ""))], sources)


def work(writes: list[tuple[Path, str]], sources: dict[str, str]) -> None:
    for word in WRONG:
        if word in REMARKS:
            say(f"{REMARKS[word]}\n", error=True)
        if word in FAILURES:
            raise FailureError(FAILURES[word])
    say("Executing processing graph\n....10%....20%")
    begin()
    for path, form in writes:
        write_product(path, form or ("GeoTIFF" if path.suffix == ".tif" else "BEAM-DIMAP"), list(sources.values()))
    say("....30%....40%....50%....60%....70%....80%....90% done.\n")


def begin() -> None:
    """Do what goes wrong in the middle of the work, after some of an output was written."""
    if "deaf" in WRONG:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "child" in WRONG:
        code = "import os, pathlib, time; pathlib.Path(os.environ['FAKE_GPT_CHILD']).write_text(str(os.getpid()))\n"
        child = subprocess.Popen([sys.executable, "-c", f"{code}time.sleep(600)"])
        while not Path(os.environ["FAKE_GPT_CHILD"]).exists() and child.poll() is None:
            time.sleep(0.01)
    if "flood" in WRONG:
        piece = "x" * 100_000
        for _ in range(30):
            say(piece)
            say(piece, error=True)
    while "endless" in WRONG:
        say("x" * 100_000)
    if "killed" in WRONG:
        os.kill(os.getpid(), signal.SIGKILL)
    if "hang" in WRONG:
        time.sleep(600)


def main() -> None:
    gpt, *arguments = sys.argv[1:]
    if calls := os.environ.get("FAKE_GPT_CALLS"):
        with Path(calls).open("a") as file:
            file.write(json.dumps(arguments) + "\n")
    flags, free, options = [], [], {}
    variables, sources = dict[str, str](), dict[str, str]()
    while arguments:
        word = arguments.pop(0)
        if word in ("-t", "-f", "-c", "-q"):
            options[word] = arguments.pop(0)
        elif word[:2] in ("-P", "-S"):
            name, _, value = word[2:].partition("=")
            (variables if word[1] == "P" else sources)[name] = value
        elif word in ("-h", "-e", "-x", "--diag") or word.startswith(("-D", "-J")):
            flags.append(word)
        elif word.startswith("-"):
            raise FailureError(f"Unknown option '{word}'")
        else:
            free.append(word)
    if "--diag" in flags:
        diagnose(gpt)
    elif "-h" in flags and free:
        describe(free[0])
    elif "-h" in flags:
        say("Usage:\n  gpt <op>|<graph-file> [options]\n\nOperators:\n")
        say("".join(f"  {name:<30}What {name} does.\n" for name in OPERATORS))
    elif "/" in free[0]:
        run_graph(free[0], options, variables, sources)
    else:
        unknown = [name for name in variables if name not in OPERATORS.get(free[0], variables)]
        if free[0] not in OPERATORS:
            raise FailureError(f"Unknown operator name '{free[0]}'")
        if unknown:
            raise FailureError(f"Operator '{free[0]}': unknown parameter '{unknown[0]}'.")
        work([(Path(unescape(options["-t"])), options["-f"])], sources)


if __name__ == "__main__":
    try:
        main()
    except FailureError as failure:
        say(f"{failure}\n")
        say(f"\nError: {failure}\n\tat org.esa.snap.core.gpf.main.GPT.run(GPT.java:58)\n", error=True)
        sys.exit(1)
