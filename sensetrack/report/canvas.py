"""Figures without any global state: Agg only, the same settings and the same bytes everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sensetrack.errors import ParameterError
from sensetrack.raster.write import atomic
from sensetrack.types import PathLike

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".pdf", ".svg")

INK = "#1c2430"
FAINT = "#5d6977"


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with matplotlib's defaults and ours, whatever the user's own settings are."""
    import matplotlib

    settings = {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith("backend")}
    settings |= {
        "font.size": 9.0,
        "axes.titlesize": 10.0,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.titlepad": 6.0,
        "axes.labelsize": 8.5,
        "axes.labelcolor": FAINT,
        "axes.edgecolor": "#9aa5b1",
        "axes.linewidth": 0.7,
        "axes.formatter.useoffset": False,
        "text.color": INK,
        "text.parse_math": False,  # a dollar in a title or a file's name is a dollar
        "xtick.color": "#9aa5b1",
        "ytick.color": "#9aa5b1",
        "xtick.labelcolor": FAINT,
        "ytick.labelcolor": FAINT,
        "xtick.labelsize": 8.0,
        "ytick.labelsize": 8.0,
        "legend.fontsize": 8.0,
        "legend.frameon": False,
        "image.interpolation": "nearest",
        "svg.hashsalt": "sensetrack",
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
    }
    with matplotlib.rc_context(settings):
        yield


def check_suffix(output: PathLike) -> str:
    """Return the lower-case suffix of a figure's name.

    Raises
    ------
    ParameterError
        It is not one of `SUFFIXES`.
    """
    suffix = Path(output).suffix.lower()
    if suffix not in SUFFIXES:
        raise ParameterError(f"{output}: a figure is written as {', '.join(SUFFIXES)}; got '{suffix or 'no suffix'}'")
    return suffix


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of that many inches, drawn by Agg."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, output: PathLike, dpi: float, *, overwrite: bool) -> Path:
    """Write a figure atomically, as its suffix says, without dates, so that equal figures give equal bytes.

    Raises
    ------
    ParameterError
        As `check_suffix`.
    OutputError
        It cannot be written, or exists and ``overwrite`` is off.
    """
    suffix = check_suffix(output)
    metadata: dict[str, dict[str, str | None]] = {
        ".png": {"Software": "sensetrack"},
        ".pdf": {"Creator": "sensetrack", "CreationDate": None},
        ".svg": {"Creator": "sensetrack", "Date": None},
    }
    with atomic(output, overwrite=overwrite) as part:
        figure.savefig(part, format=suffix[1:], dpi=dpi, metadata=metadata[suffix])
    return Path(output)
