"""The errors that sensetrack raises on purpose.

::

    SensetrackError
    ├── InputError              a file, or what is in it, cannot be used
    │   ├── NotARasterError     GDAL does not open it as a raster
    │   ├── CorruptFileError    it opens, but its pixels cannot be read
    │   └── UnusableImageError  it reads, but holds nothing to track (all nodata, constant)
    ├── GridError               two grids differ, do not overlap, or lack a CRS that is needed
    ├── ParameterError          a setting is unknown, of the wrong type or out of range
    ├── OutputError             a result cannot be written
    ├── DownloadError           a catalogue or a server did not give what was asked for
    │   └── CredentialsError    it wants a name and a password that are missing, broken or refused
    ├── GraphError              a processing graph is wrong, or cannot be run
    │   └── SnapError           SNAP is not there, or failed
    ├── DeviceError             a device was asked for that is not there
    ├── EngineError             the workers of an engine were lost
    └── MissingExtraError       an optional dependency is not installed

Every message names the knob or the file, the value it was given, and what would work.
The command line prints it as one line; ``-v`` adds the traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SensetrackError(Exception):
    """Base of every error that sensetrack raises on purpose."""


class InputError(SensetrackError):
    """A file, or what is in it, cannot be used."""


class NotARasterError(InputError):
    """The file is not a raster that GDAL can open."""


class CorruptFileError(InputError):
    """The file opens as a raster, but its pixels cannot be read."""


class UnusableImageError(InputError):
    """The image reads well but holds nothing to track."""


class GridError(SensetrackError):
    """Two grids differ, do not overlap, or lack a CRS that is needed."""


class ParameterError(SensetrackError, ValueError):
    """A setting is unknown, of the wrong type or out of range."""


class OutputError(SensetrackError):
    """A result cannot be written."""


class DownloadError(SensetrackError):
    """A catalogue or a server did not give what was asked for."""


class CredentialsError(DownloadError):
    """A service wants a name and a password that are missing, broken or refused."""


class GraphError(SensetrackError):
    """A processing graph is wrong, or cannot be run."""


class SnapError(GraphError):
    """SNAP is not there, or failed."""


class DeviceError(SensetrackError):
    """A compute device was asked for that is not there."""


class EngineError(SensetrackError):
    """The workers of an engine were lost."""


class MissingExtraError(SensetrackError, ImportError):
    """An optional dependency is not installed.

    Parameters
    ----------
    extra : str
        Name of the extra in ``pyproject.toml`` that brings it.
    what : str
        What needs it, as the subject of the sentence.
    """

    def __init__(self, extra: str, what: str) -> None:
        self.extra = extra
        self.what = what
        super().__init__(f'{what} needs the extra "{extra}": pip install "sensetrack[{extra}]"')

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """Pickle as the two arguments, so that it travels from a worker."""
        return type(self), (self.extra, self.what)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the nearest known name, or the list of names.

    Parameters
    ----------
    name : str
        What the user wrote.
    known : iterable of str
        What would have worked.

    Returns
    -------
    str
        A tail for an error message, starting with ``"; "``, or ``""`` when nothing is known.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; known: {', '.join(names)}" if names else ""
