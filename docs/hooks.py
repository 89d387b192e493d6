"""Fills in tables of parameters: ``<!-- parameters: package.module:Class -->`` becomes one made from the class."""

from __future__ import annotations

import importlib
import re
from typing import Any

from sensetrack.params import Params, limits_of

PLACE = re.compile(r"<!-- parameters: ([\w.]+):(\w+) -->")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the placeholders of a page; called by mkdocs."""
    return PLACE.sub(lambda found: table(getattr(importlib.import_module(found[1]), found[2])), markdown)


def table(cls: type[Params]) -> str:
    """Return the parameters of a class as a Markdown table."""
    lines = ["| Parameter | Default | Unit | Range | |", "|-|-|-|-|-|"]
    for name, field in cls.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        default = "required" if field.is_required() else f"`{field.default}`"
        cells = [f"`{name}`", default, str(extra.get("unit", "")), limits_of(cls, name), field.description or ""]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
