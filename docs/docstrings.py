"""Docstrings are reStructuredText, pages are Markdown: mends the two things that differ, tables and literal blocks."""

from __future__ import annotations

import re
from typing import Any

import griffe

TABLE = re.compile(r"^(=+(?: +=+)+)\n(?:.+\n)+?\1\n(?:.+\n)*?\1$", re.M)


class Mend(griffe.Extension):
    """Shows tables as they are typed, and literal blocks without their second colon."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of an object before it is parsed."""
        if obj.docstring is not None:
            text = TABLE.sub(lambda found: f"```text\n{found[0]}\n```", obj.docstring.value)
            obj.docstring.value = re.sub(r"::(?=\n\n {4})", ":", text)
