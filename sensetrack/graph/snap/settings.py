"""How ``gpt`` is run: memory, cache, cores, limits."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from sensetrack.params import Params, param


def _size(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d*[KMG]", text.upper()):
        raise ValueError("write a number and K, M or G, such as 12G")
    return text.upper()


Size = Annotated[str, AfterValidator(_size)]
"""A number of bytes as Java takes it: ``"12G"``."""


class GptSettings(Params):
    """How ``gpt`` is run. What is left out stays as SNAP is configured.

    The heap of Java belongs at about 75 % of the machine's memory and the cache at 50 to 75 % of the heap; more tiles
    at a time need more of both.
    """

    memory: Size | None = param(None, "Heap of Java, such as 12G; else as bin/gpt.vmoptions says.")
    cache: Size | None = param(None, "Cache for tiles, a part of the heap, such as 8G.")
    parallelism: int | None = param(None, "Tiles computed at a time; at most the number of cores.", ge=1)
    clear_cache: bool = param(False, "Empty the cache after each row of tiles; for large rasters and little memory.")
    user_dir: Path | None = param(
        None, "User folder of SNAP, in place of ~/.snap; runs at the same time need one each."
    )
    timeout: float | None = param(None, "How long it may run before it is ended.", unit="s", gt=0)
    stall: float | None = param(
        10_800.0, "How long it may say nothing before it is ended; None: for ever.", unit="s", gt=0
    )
    drop_unknown: bool = param(
        False, "Leave out parameters that this version of SNAP does not know, and say which; SNAP's default holds then."
    )
    accept_empty: bool = param(False, "Take an output of zeros and nodata alone for a result.")

    def arguments(self) -> list[str]:
        """Return what ``gpt`` is given for it."""
        given = []
        if self.memory:
            given.append(f"-J-Xmx{self.memory}")
        if self.user_dir is not None:
            given.append(f"-Dsnap.userdir={self.user_dir.expanduser().absolute()}")
        if self.cache:
            given += ["-c", self.cache]
        if self.parallelism is not None:
            given += ["-q", str(self.parallelism)]
        if self.clear_cache:
            given.append("-x")
        return given
