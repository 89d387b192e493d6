"""The store of a project: a folder per finished step, named by its key."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensetrack.errors import OutputError
from sensetrack.project.keys import SHORT
from sensetrack.raster.write import atomic

RECORD = "record.json"


@dataclass(frozen=True)
class Store:
    """Where the results of steps lie. A step is done when its record is there; that is written last.

    Attributes
    ----------
    root : Path
    """

    root: Path

    def folder(self, step: str, key: str) -> Path:
        """Return the folder of a step."""
        return self.root / step / key[:SHORT]

    def make(self, step: str, key: str) -> Path:
        """Return the folder of a step, made.

        Raises
        ------
        OutputError
            It cannot be made.
        """
        folder = self.folder(step, key)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made ({error.strerror or error})") from error
        return folder

    def done(self, step: str, key: str) -> dict[str, Any] | None:
        """Return the record of a step that is done, with all its files as they were written, or None."""
        folder = self.folder(step, key)
        try:
            record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
            sizes = {name: (folder / name).stat().st_size for name in record["files"]}
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return record if record.get("key") == key and sizes == record["files"] else None

    def finish(self, step: str, key: str, names: list[str], **values: Any) -> dict[str, Any]:
        """Write the record of a step whose files are complete, and return it.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        folder = self.folder(step, key)
        sizes = {name: (folder / name).stat().st_size for name in names}
        record = {"key": key, "step": step, "files": sizes, **values}
        write_json(folder / RECORD, record)
        for leftover in folder.glob(".*.partial*"):  # of a worker that was lost on the way
            leftover.unlink(missing_ok=True)
        return record

    def prune(self, keep: Mapping[str, Collection[str]]) -> int:
        """Remove the folders of steps that are not kept, and return how many bytes that frees.

        Parameters
        ----------
        keep : mapping of str to collection of str
            Names of the folders to keep, of each kind of step; kinds that are not named are left alone.
        """
        freed = 0
        for step, names in keep.items():
            for folder in (self.root / step).glob("*"):
                if folder.is_dir() and folder.name not in names:
                    freed += sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
                    shutil.rmtree(folder, ignore_errors=True)
        return freed

    def records(self, step: str) -> list[dict[str, Any]]:
        """Return all records of a kind of step, in order of their keys."""
        found = []
        for path in sorted((self.root / step).glob(f"*/{RECORD}")):
            try:
                found.append(json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError):
                continue
        return found


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON, atomically."""
    with atomic(path) as part:
        part.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the disk knows no links; the old one of that name goes.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    if target.exists() and target.samefile(source):
        return
    with atomic(target) as part:
        try:
            os.link(source, part)
        except OSError:
            shutil.copyfile(source, part)
