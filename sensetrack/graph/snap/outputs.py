"""What SNAP writes: in a hidden folder beside its place until it is whole and was looked at."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sensetrack.errors import OutputError, SensetrackError, SnapError
from sensetrack.raster.write import check_target, is_running
from sensetrack.types import Mask, PixelArray

EXTENSIONS = {
    "beam-dimap": (".dim",),
    "geotiff": (".tif", ".tiff"),
    "geotiff-bigtiff": (".tif", ".tiff"),
    "netcdf4-cf": (".nc",),
    "netcdf4-beam": (".nc",),
    "hdf5": (".h5",),
    "envi": (".hdr",),
    "znap": (".znap", ".znap.zip"),
    "png": (".png",),
    "jpeg": (".jpg", ".jpeg"),
    "bmp": (".bmp",),
}
"""Extensions of the formats, in small letters; SNAP adds the first where a name has none of them."""

_LOOK = 512
_BLOCK = 2048


@dataclass(frozen=True)
class Stage:
    """Where outputs are written before they get to their place.

    Attributes
    ----------
    folders : dict of Path to Path
        The hidden folder in each folder of outputs.
    finals : dict of Path to Path
        The name that each output gets, with the extension of its format.
    """

    folders: dict[Path, Path]
    finals: dict[Path, Path]

    def place(self, output: Path) -> Path:
        """Return where an output is to be written."""
        return self.folders[output.parent] / self.finals[output].name


def with_extension(path: Path, format: str) -> Path:
    """Return a file's name as SNAP completes it.

    Parameters
    ----------
    path : Path
    format : str
        As SNAP names it, in any case; of an unknown one the name stays.
    """
    known = EXTENSIONS.get(format.lower(), ())
    if not known or path.name.lower().endswith(known):
        return path
    return path.with_name(path.name + known[0])


@contextlib.contextmanager
def staged(outputs: Sequence[Path], formats: Sequence[str], *, overwrite: bool) -> Iterator[Stage]:
    """Yield hidden folders for outputs, which are moved to their places on success and removed on failure.

    Folders are made where they are missing. What processes left that were killed on this machine is removed first.

    Parameters
    ----------
    outputs : sequence of Path
    formats : sequence of str
        One for each, as SNAP names it, or empty.
    overwrite : bool
        Whether existing files may be replaced.

    Raises
    ------
    OutputError
        One exists and may not be replaced, or cannot be written.
    """
    finals = {path: with_extension(path, format) for path, format in zip(outputs, formats, strict=True)}
    folders: dict[Path, Path] = {}
    mark = f".gpt.{socket.gethostname()}-"
    try:
        for final in finals.values():
            _make(final.parent)
            check_target(final, overwrite=overwrite)
            if final.parent not in folders:
                _remove_abandoned(final.parent, mark)
                folders[final.parent] = Path(
                    tempfile.mkdtemp(prefix=f"{mark}{os.getpid()}.", suffix=".partial", dir=final.parent)
                )
        yield Stage(folders, finals)
        for parent, folder in folders.items():
            # Folders first: what is looked for is the file that goes with them.
            for made in sorted(folder.iterdir(), key=lambda entry: not entry.is_dir()):
                _move(made, parent / made.name, overwrite=overwrite)
    except OSError as error:
        where = ", ".join(str(final) for final in finals.values())
        raise OutputError(f"{where}: cannot be written ({error.strerror or error}); is the disk full?") from error
    finally:
        for folder in folders.values():
            shutil.rmtree(folder, ignore_errors=True)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: the folder cannot be made ({error.strerror or error})") from error


def _move(made: Path, final: Path, *, overwrite: bool) -> None:
    """Put a file or folder in its place; a folder that is there steps aside and goes with the hidden one."""
    if final.exists() and not overwrite:
        raise OutputError(f"{final}: exists already; choose another name or pass --overwrite")
    if final.is_dir():
        final.rename(made.with_name(f".{made.name}.old"))
    made.replace(final)


def _remove_abandoned(parent: Path, mark: str) -> None:
    for folder in parent.glob(f"{mark}*.partial"):
        pid = folder.name.removeprefix(mark).partition(".")[0]
        if pid.isdigit() and int(pid) != os.getpid() and not is_running(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def check(stage: Stage, output: Path, *, accept_empty: bool) -> Path:
    """Look at a staged output and return its final name.

    Parameters
    ----------
    stage : Stage
    output : Path
        One of those that it was made for.
    accept_empty : bool
        Whether pixels that are all 0, NaN or nodata are a result.

    Raises
    ------
    SnapError
        It is not there, holds no bytes, cannot be read, or holds no data.
    """
    final, place = stage.finals[output], _made(stage, output)
    if place is None:
        there = ", ".join(sorted(entry.name for entry in stage.folders[output.parent].iterdir())) or "nothing"
        raise SnapError(f"{final}: SNAP did not write it (it wrote {there})")
    final = final.with_name(place.name)
    rasters = list(_rasters(place))
    if not all(_size(path) for path in [place, *rasters]):
        raise SnapError(f"{final}: SNAP wrote a file without content")
    if place.suffix.lower() in (".nc", ".h5") and place.is_file() and not _is_hdf(place):
        raise SnapError(f"{final}: SNAP wrote what is no {place.suffix[1:]} file")
    if place.suffix.lower() == ".dim" and not rasters:
        raise SnapError(f"{final}: SNAP wrote no band (no image in {place.with_suffix('.data').name})")
    try:
        if rasters and not _holds_data(rasters) and not accept_empty:
            raise SnapError(f"{final}: SNAP wrote only zeros or nodata")
    except SnapError:
        raise
    except SensetrackError as error:
        said = str(error).replace(str(place.parent), str(final.parent))
        raise SnapError(f"{final}: SNAP wrote what cannot be read ({said})") from error
    return final


def _made(stage: Stage, output: Path) -> Path | None:
    """Return what was written for an output; a writer may choose another extension, or a folder of that name."""
    place = stage.place(output)
    if place.exists():
        return place
    others = [stage.place(other) for other in stage.finals if other != output]
    like = [
        entry
        for entry in place.parent.iterdir()
        if entry.stem in (place.stem, output.name) and entry.suffix != ".data" and entry not in others
    ]
    return like[0] if len(like) == 1 else None


def _size(place: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = place.rglob("*") if place.is_dir() else [place]
    return sum(path.stat().st_size for path in files if path.is_file())


def _is_hdf(path: Path) -> bool:
    """Whether a file begins as HDF5, which netCDF 4 is too, or as an older netCDF."""
    with path.open("rb") as file:
        return file.read(4) in (b"\x89HDF", b"CDF\x01", b"CDF\x02", b"CDF\x05")


def _rasters(place: Path) -> Iterator[Path]:
    """Yield the files of an output whose pixels can be looked at."""
    kind = place.suffix.lower()
    if kind in (".tif", ".tiff"):
        yield place
    elif kind == ".dim":
        yield from sorted(place.with_suffix(".data").glob("*.img"))


def _holds_data(rasters: Sequence[Path]) -> bool:
    """Whether any band has a pixel that is neither 0, NaN nor nodata."""
    from sensetrack.raster._gdal import describe
    from sensetrack.raster.image import Image
    from sensetrack.raster.tiles import plan_blocks

    images = [Image.open(path, band=number) for path in rasters for number in range(1, describe(str(path)).count + 1)]
    # A coarse look at every band, because the last may be cut off; all pixels only where none of these holds data.
    coarse = [_shows(*image.read_overview(_LOOK)) for image in images]
    if True in coarse:
        return True
    return any(_shows(*image.read(block)) for image in images for block in plan_blocks(image.grid.shape, _BLOCK))


def _shows(pixels: PixelArray, valid: Mask) -> bool:
    return bool((valid & (pixels != 0)).any())
