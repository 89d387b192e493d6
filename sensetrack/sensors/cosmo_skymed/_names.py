"""The names of COSMO-SkyMed products, parsed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

TYPES = ("RAW_B", "SCS_B", "SCS_U", "DGM_B", "GEC_B", "GTC_B")
_PAIRS = {"CO": ("HH", "VV"), "CH": ("HH", "HV"), "CV": ("VV", "VH")}
_KIND = "|".join(TYPES)
_END = r"(?P<start>\d{14})_(?P<stop>\d{14})"
_FIRST = re.compile(
    rf"CSKS(?P<number>\d)_(?P<type>{_KIND})_(?P<mode>[A-Z0-9]{{2}})_(?P<beam>[A-Z0-9]{{2}})_(?P<pol>[HVC][HVO])_"
    rf"(?P<side>[RL])(?P<pass>[AD])_(?P<delivery>[FS])(?P<availability>[FN])_{_END}$"
)
_SECOND = re.compile(
    rf"CSG_SSAR(?P<number>\d)_(?P<type>{_KIND})_\d+_(?P<mode>[A-Z0-9]+)_(?P<beam>[A-Z0-9]+)_(?P<pol>[HVC][HVO])_"
    rf"(?P<side>[RL])(?P<pass>[AD])_(?P<delivery>[A-Z])_{_END}(_.*)?$"
)


@dataclass(frozen=True)
class ProductName:
    """What the name of a product says.

    Attributes
    ----------
    generation : {1, 2}
    satellite : str
        ``CSKS1`` to ``CSKS4``, or ``SSAR1`` and up.
    product_type : str
        ``SCS_B``, ``DGM_B`` ...
    mode, beam : str
        ``HI``, ``PP``, ``WR``, ``HR`` or ``S2`` of the first generation; ``STR``, ``SC1`` ... of the second.
    polarisations : tuple of str
        One, or the two of PINGPONG.
    look_side : {"left", "right"}
    direction : {"ascending", "descending"}
    delivery : str
        ``F`` fast, ``S`` standard.
    start, stop : datetime
        UTC, whole seconds.
    """

    generation: Literal[1, 2]
    satellite: str
    product_type: str
    mode: str
    beam: str
    polarisations: tuple[str, ...]
    look_side: Literal["left", "right"]
    direction: Literal["ascending", "descending"]
    delivery: str
    start: datetime
    stop: datetime


def parse_name(name: str) -> ProductName | None:
    """Parse the name of a product or of its file; None where it is none of COSMO-SkyMed.

    Examples
    --------
    >>> parse_name("CSKS2_SCS_B_HI_07_HH_RA_FF_20230502035109_20230502035116.h5").polarisations
    ('HH',)
    """
    plain = re.sub(r"\.h5$", "", name, flags=re.IGNORECASE).upper()
    match, generation = _FIRST.match(plain), 1
    if match is None:
        match, generation = _SECOND.match(plain), 2
    if match is None:
        return None
    try:
        start, stop = (datetime.strptime(match[key], "%Y%m%d%H%M%S").replace(tzinfo=UTC) for key in ("start", "stop"))
    except ValueError:
        return None
    return ProductName(
        1 if generation == 1 else 2,
        f"{'CSKS' if generation == 1 else 'SSAR'}{match['number']}",
        match["type"],
        match["mode"],
        match["beam"],
        _PAIRS.get(match["pol"], (match["pol"],)),
        "right" if match["side"] == "R" else "left",
        "ascending" if match["pass"] == "A" else "descending",
        match["delivery"],
        start,
        stop,
    )
