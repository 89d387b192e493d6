"""Landsat's metadata file (MTL) in its three forms: text, XML and JSON."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

from sensetrack.errors import InputError
from sensetrack.sensors._xml import parse_xml

ROOTS = ("LANDSAT_METADATA_FILE", "L1_METADATA_FILE")
"""What the metadata of Collection 2 and of Collection 1 begin with."""


class Metadata:
    """The groups of an MTL file, kept apart: the same key stands in several of them with other values.

    Parameters
    ----------
    root : str
        One of `ROOTS`.
    groups : mapping of str to mapping of str to str
    file : str
        For messages.
    """

    def __init__(self, root: str, groups: dict[str, dict[str, str]], file: str) -> None:
        self.root = root
        self.groups = groups
        self.file = file

    @property
    def collection(self) -> int:
        """1 or 2."""
        return 1 if self.root == ROOTS[1] else 2

    def group(self, *names: str) -> dict[str, str]:
        """Return the first group of some names that is there, or an empty one."""
        return next((self.groups[name] for name in names if name in self.groups), {})

    def optional(self, key: str, *names: str) -> str | None:
        """Return a value from the first of some groups that holds it, or None."""
        return next((self.groups[name][key] for name in names if key in self.groups.get(name, {})), None)

    def text(self, key: str, *names: str) -> str:
        """Return a value from the first of some groups that holds it.

        Raises
        ------
        InputError
            None does.
        """
        found = self.optional(key, *names)
        if found is None:
            raise InputError(f"{self.file}: lacks {key} in its group {' or '.join(names)}")
        return found

    def number(self, key: str, *names: str) -> float:
        """Return a number from the first of some groups that holds it.

        Raises
        ------
        InputError
            None does, or it is no number.
        """
        text = self.text(key, *names)
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError(f"{self.file}: {key} = '{text}' is no number")
        return number

    def optional_number(self, key: str, *names: str) -> float | None:
        """Return a number from the first of some groups that holds it, or None."""
        return None if self.optional(key, *names) is None else self.number(key, *names)

    def acquired(self, *names: str) -> datetime | None:
        """Return the time of the scene's centre, UTC, to the microsecond."""
        date = self.optional("DATE_ACQUIRED", *names)
        if date is None:
            return None
        try:
            day = datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC)
            clock = (self.optional("SCENE_CENTER_TIME", *names) or "0:0:0").strip('"').removesuffix("Z").split(":")
            hours, minutes, seconds = (float(part) for part in clock)
            return day + timedelta(hours=hours, minutes=minutes, seconds=seconds)
        except (ValueError, OverflowError):
            raise InputError(f"{self.file}: DATE_ACQUIRED = '{date}' or SCENE_CENTER_TIME is no time") from None


def parse_mtl(content: bytes, file: str) -> Metadata:
    """Read an MTL file.

    Parameters
    ----------
    content : bytes
        Text (ODL), XML or JSON, told by how it begins.
    file : str
        For messages.

    Raises
    ------
    InputError
        It is none of them, is cut off, or is not Landsat's.
    """
    head = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if head == b"<":
        root = parse_xml(content, file)
        groups = {group.tag: {item.tag: item.text for item in group.children} for group in root.children}
        return _checked(root.tag, groups, file)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: cannot be read as text ({error})") from error
    if head == b"{":
        return _from_json(text, file)
    return _from_text(text, file)


def is_mtl(head: bytes) -> bool:
    """Whether a file that begins like this is an MTL."""
    return any(root.encode() in head[:400] for root in ROOTS)


def _from_json(text: str, file: str) -> Metadata:
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: cannot be read as JSON ({error})") from error
    root = next(iter(found), "") if isinstance(found, dict) else ""
    content = found[root] if root else {}
    if not isinstance(content, dict) or not all(isinstance(group, dict) for group in content.values()):
        raise InputError(f"{file}: not the metadata of a Landsat product: its groups are no objects")
    groups = {name: {key: str(value) for key, value in group.items()} for name, group in content.items()}
    return _checked(root, groups, file)


def _from_text(text: str, file: str) -> Metadata:
    root, groups, stack = "", {}, []  # type: str, dict[str, dict[str, str]], list[str]
    ended = False
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip(" \t\r\0")
        if not stripped:
            continue
        if stripped == "END":
            ended = True
            break
        key, equals, value = (part.strip() for part in stripped.partition("="))
        if not equals:
            raise InputError(f"{file}: line {number} is no 'KEY = VALUE': '{stripped[:40]}'")
        if key == "GROUP":
            stack.append(value)
            root = root or value
            if len(stack) == 2:
                groups[value] = {}
        elif key == "END_GROUP":
            if not stack or stack.pop() != value:
                raise InputError(f"{file}: line {number} ends the group {value}, which is not open")
        elif len(stack) >= 2:
            groups[stack[1]][key] = value.strip('"')
    if stack or not ended:
        raise InputError(f"{file}: is cut off: its last line is not END")
    return _checked(root, groups, file)


def _checked(root: str, groups: dict[str, dict[str, str]], file: str) -> Metadata:
    if root not in ROOTS:
        raise InputError(f"{file}: not the metadata of a Landsat product: it begins with '{root}'")
    return Metadata(root, groups, file)
