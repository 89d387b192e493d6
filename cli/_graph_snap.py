"""The command ``snap`` of the group ``graph``: which SNAP is used."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from sensetrack.errors import SnapError
from sensetrack.graph.snap import GptParameter, Snap, SnappyState, find_snap, known_parameters, snappy_state

from ._command import command as declare
from ._command import option
from ._console import busy, say, say_rows


def add_to(group: click.Group) -> None:
    """Add the command to a group."""
    group.add_command(command)


@declare(
    "snap",
    short_help="Which SNAP is used",
    example="sensetrack graph snap\nsensetrack graph snap --operator Terrain-Correction --json",
)
@option("--gpt", metavar="PATH", help="gpt or the folder of SNAP, in place of looking for it.")
@option("--operator", metavar="NAME", help="Show the parameters of an operator, as this version of SNAP has them.")
@option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(gpt: str | None, operator: str | None, as_json: bool) -> None:
    """Say which SNAP is used: where it is, its version, its memory; or where it was looked for.

    Without SNAP this is no error: graphs whose operators all run without it need none.
    """
    snap, why = _find(gpt)
    if operator is None:
        return _show(snap, why, snappy_state(), as_json)
    if snap is None:
        raise SnapError(why)
    with busy("asking SNAP"):
        known = known_parameters(snap, operator)
    return _show_parameters(list(known.values()), as_json)


def _find(gpt: str | None) -> tuple[Snap | None, str]:
    try:
        with busy("looking for SNAP"):
            return find_snap(gpt), ""
    except SnapError as error:
        return None, str(error)


def _show(snap: Snap | None, why: str, snappy: SnappyState, as_json: bool) -> None:
    if as_json:
        found = None if snap is None else _plain(asdict(snap))
        click.echo(json.dumps({"snap": found, "why": why, "esa_snappy": _plain(asdict(snappy))}, indent=2))
        return
    if snap is None:
        say(why)
    else:
        say(f"SNAP {snap.version}")
        say_rows(
            [
                ("folder", str(snap.home)),
                ("gpt", f"{snap.gpt} ({snap.found_by})"),
                ("Java", snap.java_version),
                ("memory", f"{_size(snap.max_memory)}, of it {_size(snap.cache_size)} cache ({snap.settings_file})"),
                ("tiles", f"{snap.parallelism or 'an unknown number'} at a time, {snap.tile_size}"),
                ("user folder", str(snap.user_dir)),
            ]
        )
    say("esa-snappy")
    rows = [("state", "configured" if snappy.configured else snappy.why)]
    if snappy.configured:
        rows += [("SNAP", str(snappy.snap_home)), ("memory", snappy.max_memory or "512M")]
    say_rows(rows)


def _show_parameters(known: list[GptParameter], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(each) for each in known], indent=2))
        return
    for each in known:
        facts = [each.type]
        facts += [f"default {each.default}"] if each.default is not None else []
        facts += ["required"] if each.required else []
        facts += [each.interval] if each.interval else []
        facts += ["one of " + ", ".join(each.values)] if each.values else []
        say(f"{each.name}: {'; '.join(facts)}")
        if each.description:
            say(f"  {each.description}")


def _size(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 2**30:.1f} GB"


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}
