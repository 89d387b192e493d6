"""SNAP inside this process, through ESA's package esa-snappy: what is configured, reading, operators, writing.

Importing ``esa_snappy`` starts a Java machine in this process, which stays until it ends, or fails where the package is
not configured. So nothing here imports it before `open_snappy` does, and `snappy_state` says what to expect.
"""

from __future__ import annotations

import configparser
import importlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from sensetrack.errors import MissingExtraError, SnapError
from sensetrack.graph.snap.explain import explain
from sensetrack.graph.snap.values import as_text
from sensetrack.types import PathLike

MODULE = "esa_snappy"

_CONFIGURE = "run SNAP's bin/snappy-conf {python}"
_EXIT = {
    10: "esa-snappy holds no Java bridge (jpy) for this Python and system; use a Python of which it does, 3.9 to 3.13 "
    "on Linux, Windows or macOS",
    20: "jpyutil is missing, so the Java bridge was not unpacked; can the folder of esa-snappy be written to?",
    30: "it is configured but cannot be imported; is the Java of SNAP there, and of the same architecture as Python?",
    40: "its part snapista cannot be imported; install esa-snappy again",
    50: "the configuration failed; snappyutil.log beside it says why",
}


class Product(Protocol):
    """A product of SNAP: the part of the Java class that is used here."""

    def getName(self) -> str:  # noqa: N802 - Java's spelling
        """Return its name."""
        ...

    def getBandNames(self) -> Any:  # noqa: N802
        """Return the names of its bands, as an array of Java."""
        ...

    def getSceneRasterWidth(self) -> int:  # noqa: N802
        """Return its width in pixels."""
        ...

    def getSceneRasterHeight(self) -> int:  # noqa: N802
        """Return its height in pixels."""
        ...

    def dispose(self) -> None:
        """Let go of its files and memory."""
        ...


class _ProductIO(Protocol):
    def readProduct(self, path: str) -> Product | None: ...  # noqa: N802

    def writeProduct(self, product: Product, path: str, format: str) -> None: ...  # noqa: N802


class _HashMap(Protocol):
    def put(self, key: str, value: object) -> object: ...


class _GPF(Protocol):
    def createProduct(self, operator: str, parameters: _HashMap, sources: Any) -> Product: ...  # noqa: N802


class _Module(Protocol):
    ProductIO: _ProductIO
    GPF: _GPF

    def HashMap(self) -> _HashMap: ...  # noqa: N802


@dataclass(frozen=True)
class SnappyState:
    """What there is of esa-snappy, found out without importing it.

    Attributes
    ----------
    installed, configured : bool
        Whether the package is there, and whether it is tied to a SNAP.
    version : str
    folder : Path or None
        Of the package.
    ini : Path or None
        The configuration that counts.
    snap_home : Path or None
        The SNAP it names.
    max_memory : str
        Heap of the Java machine, such as ``"3G"``.
    why : str
        Why it cannot be used, and what to do; empty where it can.
    """

    installed: bool
    configured: bool
    version: str = ""
    folder: Path | None = None
    ini: Path | None = None
    snap_home: Path | None = None
    max_memory: str = ""
    why: str = ""


def snappy_state() -> SnappyState:
    """Return what there is of esa-snappy, without importing it."""
    try:
        spec = importlib.util.find_spec(MODULE)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        return SnappyState(False, False, why='esa-snappy is not installed: pip install "sensetrack[snap]"')
    folder = Path(spec.origin).resolve().parent
    config = configparser.ConfigParser(interpolation=None)
    # The package reads them in this order, and the last word counts.
    read = list[Path]()
    configure = _CONFIGURE.format(python=sys.executable)
    why = ""
    for ini in (folder / f"{MODULE}.ini", folder.parent / f"{MODULE}.ini", Path(f"{MODULE}.ini").absolute()):
        try:
            read += [ini] if config.read(ini, encoding="utf-8") else []
        except (configparser.Error, UnicodeDecodeError) as error:
            why = f"{ini} cannot be read ({' '.join(str(error).split())}); {configure}"
    settings = config.defaults()
    home = settings.get("snap_home") or os.environ.get("SNAP_HOME", "")
    if not why and not (folder / "jpyutil.py").is_file() and importlib.util.find_spec("jpyutil") is None:
        why = f"esa-snappy is installed but not configured, its Java bridge is not unpacked; {configure}"
    if not why and not home:
        why = f"esa-snappy does not know where SNAP is; {configure}, or set SNAP_HOME"
    if not why and not Path(home).is_dir():
        why = f"esa-snappy looks for SNAP in {home}, which does not exist; {configure} of the SNAP that is installed"
    try:
        version = importlib.metadata.version("esa-snappy")
    except importlib.metadata.PackageNotFoundError:
        version = ""
    return SnappyState(
        installed=True,
        configured=not why,
        version=version,
        folder=folder,
        ini=read[-1] if read else None,
        snap_home=Path(home) if home else None,
        max_memory=settings.get("java_max_mem", ""),
        why=why,
    )


def explain_exit(code: int) -> str:
    """Return what an exit status of SNAP's ``snappy-conf`` means and what to do.

    Parameters
    ----------
    code : int
        10, 20, 30, 40 or 50; 0 is success.
    """
    if code == 0:
        return "esa-snappy is configured"
    return _EXIT.get(code, f"snappy-conf ended with {code}, which is none of its own; {_EXIT[50]}")


class Snappy:
    """SNAP in this process; made by `open_snappy`.

    Not for graphs of many nodes over whole scenes: the heap is fixed when it starts, a crash of Java ends Python too,
    and nothing can be timed out. `run_gpt` has none of these.
    """

    def __init__(self, module: object) -> None:
        self._module = cast(_Module, module)

    def read(self, path: PathLike) -> Product:
        """Open a product.

        Parameters
        ----------
        path : path-like
            Whatever SNAP has a reader for.

        Raises
        ------
        SnapError
            It is not there, or no reader knows it.
        """
        if not Path(path).exists():
            raise SnapError(f"{path}: no such file")
        try:
            product = self._module.ProductIO.readProduct(str(path))
        except Exception as error:
            raise SnapError(f"{path}: SNAP cannot read it: {explain(str(error))}") from error
        if product is None:
            raise SnapError(f"{path}: no reader of SNAP knows it; is it damaged, or a toolbox missing?")
        return product

    def run_operator(
        self, operator: str, parameters: Mapping[str, object], sources: Product | Mapping[str, Product]
    ) -> Product:
        """Return what an operator makes of products; it is computed when it is written.

        Parameters
        ----------
        operator : str
            Such as ``"Terrain-Correction"``.
        parameters : mapping
            By their names in graphs; numbers, booleans, text and lists of them. None leaves the default.
        sources : Product, or mapping of str to Product
            The source, or several by the names that the operator gives them.

        Raises
        ------
        SnapError
            There is no such operator or parameter, or it does not take these sources.
        """
        values = self._module.HashMap()
        for name, value in parameters.items():
            if value is not None:
                values.put(name, as_text(value))
        given: object = sources
        if isinstance(sources, Mapping):
            given = self._module.HashMap()
            for name, product in sources.items():
                given.put(name, product)
        try:
            return self._module.GPF.createProduct(operator, values, given)
        except Exception as error:
            raise SnapError(f"{operator}: SNAP cannot run it: {explain(str(error))}") from error

    def write(
        self,
        product: Product,
        path: PathLike,
        format: str = "GeoTIFF-BigTIFF",
        *,
        overwrite: bool = True,
        accept_empty: bool = False,
    ) -> Path:
        """Compute a product and write it, under another name until it is whole.

        Parameters
        ----------
        product : Product
        path : path-like
            Its extension is added where it is missing.
        format : str
            As SNAP names it.
        overwrite : bool
            Whether an existing file may be replaced.
        accept_empty : bool
            Whether a result without any data is one.

        Returns
        -------
        Path
            What was written.

        Raises
        ------
        SnapError
            SNAP fails, or writes nothing, or nothing but nodata.
        OutputError
            The file exists and may not be replaced, or cannot be written.
        """
        from sensetrack.graph.snap.outputs import check, staged

        final = Path(path)
        with staged([final], [format], overwrite=overwrite) as stage:
            try:
                self._module.ProductIO.writeProduct(product, str(stage.place(final)), format)
            except Exception as error:
                raise SnapError(f"{path}: SNAP cannot write it: {explain(str(error))}") from error
            return check(stage, final, accept_empty=accept_empty)


def open_snappy() -> Snappy:
    """Start SNAP in this process.

    Raises
    ------
    MissingExtraError
        esa-snappy is not installed.
    SnapError
        It is not configured, or Java does not start; the message says what to do.
    """
    state = snappy_state()
    if not state.installed:
        raise MissingExtraError("snap", "SNAP inside Python")
    if not state.configured:
        raise SnapError(state.why)
    try:
        module = importlib.import_module(MODULE)
    except (Exception, SystemExit) as error:
        sys.modules.pop(MODULE, None)
        known = isinstance(error, SystemExit) and isinstance(error.code, int)
        why = explain_exit(int(str(error))) if known else explain(str(error))
        raise SnapError(
            f"esa-snappy is configured ({state.ini}) but does not start ({type(error).__name__}: {why}); "
            f"{_CONFIGURE.format(python=sys.executable)}"
        ) from error
    return Snappy(module)
