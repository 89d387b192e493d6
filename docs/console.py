"""Runs the commands that a page shows, in a folder of its own, and takes the pictures and numbers that they make.

``python docs/console.py README.md docs/tutorial.md`` renews the pages' numbers and ``docs/images``; the tests run the
same commands on a smaller scene. In a page,

- each ``$ sensetrack ...`` line of a ```` ```console ```` block is run, as is each ```` ```python ```` block;
- what a block shows below a command has to be printed by it, numbers aside; ``...`` stands for anything;
- ``<!-- not run: why -->`` above a block leaves it out, ``<!-- slow: why -->`` leaves it out in the tests.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

BLOCK = re.compile(r"(?:<!-- (not run|slow): [^>]*-->\n)?^```(console|python)[^\n]*\n(.*?)^```$", re.M | re.S)
IMAGE = re.compile(r"!\[[^\]]*\]\((?:docs/)?images/([\w.-]+)\)")
NUMBER = re.compile(r"[-+±]*\s*\d[\d,.]*(?:e[-+]?\d+)?")
WIDEST = 1000


@dataclass(frozen=True)
class Block:
    """One fenced block of a page: ``console`` or ``python``, its text, and ``not run``, ``slow`` or nothing."""

    language: str
    text: str
    mark: str

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each command of a console block and the output that is shown below it."""
        command, shown = "", list[str]()
        for line in self.text.replace("\\\n", "").splitlines():
            if line.startswith("$ "):
                if command:
                    yield command, shown
                command, shown = line[2:], []
            elif line.strip():
                shown.append(line)
        if command:
            yield command, shown


def blocks_of(page: str) -> list[Block]:
    """Return the console and python blocks of a page."""
    return [Block(language, text, mark or "") for mark, language, text in BLOCK.findall(page)]


def run_page(page: str, folder: Path, *, slow: bool = False) -> str:
    """Run the blocks of a page in a folder and return the page with the numbers that they print now.

    Raises
    ------
    AssertionError
        A command failed, or did not print what the page shows.
    """
    names: dict[str, object] = {"__name__": "page"}
    for block in blocks_of(page):
        if block.mark == "not run" or (block.mark == "slow" and not slow):
            continue
        text = block.text
        with contextlib.chdir(folder):
            if block.language == "python":
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(text, "<page>", "exec"), names)
                continue
            for command, shown in block.commands():
                if command.startswith("sensetrack "):
                    for old, new in _compare(command, shown, _run(command)):
                        text = text.replace(f"\n{old}\n", f"\n{new}\n", 1)
        page = page.replace(block.text, text)
    return page


def _run(command: str) -> str:
    cli = importlib.import_module("sensetrack.cli.main").cli
    line, _, target = command.partition(" > ")
    result = CliRunner().invoke(cli, shlex.split(line)[1:], prog_name="sensetrack")
    assert result.exit_code == 0, f"$ {command}\n{result.output}"
    if target:
        Path(target).write_text(result.stdout, encoding="utf-8")
    return result.output


def _compare(command: str, shown: list[str], output: str) -> Iterator[tuple[str, str]]:
    """Yield each shown line and the printed one with the same words."""
    printed = output.splitlines()
    for line in shown:
        if line.strip() != "...":
            same = [number for number, each in enumerate(printed) if _words(each) == _words(line)]
            assert same, f"$ {command}\ndoes not print\n{line}\nbut\n{output}"
            yield line, printed[same[0]].rstrip()
            printed = printed[same[0] + 1 :]


def _words(line: str) -> str:
    """Return a line without its numbers and its spacing."""
    return " ".join(NUMBER.sub(" # ", line).split())


def take_pictures(page: str, folder: Path, target: Path) -> list[str]:
    """Copy the images that a page shows from the folder where its commands made them, made smaller."""
    from PIL import Image

    taken = []
    for name in dict.fromkeys(IMAGE.findall(page)):
        if (folder / name).is_file():
            with Image.open(folder / name) as picture:
                small = picture.convert("RGB")
                small.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
                small.save(target / name, optimize=True)
            taken.append(name)
    return taken


def main() -> None:
    """Run pages and renew their pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+", type=Path)
    parser.add_argument("--keep", type=Path, help="run in folders in here instead of temporary ones")
    options = parser.parse_args()
    target = Path(__file__).resolve().parent / "images"
    with tempfile.TemporaryDirectory() as scratch:
        os.environ.setdefault("MPLBACKEND", "agg")
        for page in options.pages:
            folder = (options.keep or Path(scratch)) / page.stem
            folder.mkdir(parents=True, exist_ok=True)
            text = run_page(page.read_text(encoding="utf-8"), folder, slow=True)
            page.write_text(text, encoding="utf-8")
            taken = take_pictures(text, folder, target)
            sys.stdout.write(f"{page}: {', '.join(taken) or 'no pictures'}\n")


if __name__ == "__main__":
    main()
