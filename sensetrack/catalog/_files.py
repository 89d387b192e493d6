"""Small files that appear when they are complete."""

from __future__ import annotations

import os
from pathlib import Path

from sensetrack.catalog._part import writing


def write_text(path: Path, text: str) -> None:
    """Write a text, in place of what is there.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
