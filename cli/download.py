"""Search catalogues and download scenes, orbit files and elevation models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from sensetrack.catalog import (
    SOURCES,
    Catalogue,
    Client,
    DataSpace,
    DataSpaceOrbits,
    Entry,
    OrbitBucket,
    OrbitSource,
    Outcome,
    Pass,
    Query,
    Wanted,
    boxes_of,
    cache_folder,
    catalogue_of,
    check_orbit,
    find_orbit_file,
    find_tiles,
    pass_of,
    write_vrt,
)
from sensetrack.errors import ParameterError, SensetrackError

from ._command import argument, group, option, subcommand
from ._console import busy, say, say_table
from ._download import Transfer, close, outcome_json, place, size_of, size_text, total_text
from ._generate import with_params
from ._options import with_settings

CREDENTIALS = [
    (
        "CDSE_USERNAME, CDSE_PASSWORD",
        "Copernicus Data Space; or ~/.netrc, machine identity.dataspace.copernicus.eu.",
    ),
    ("DHUS_USERNAME, DHUS_PASSWORD", "DHuS mirror; or ~/.netrc, its machine."),
]


@group(
    "download",
    example="sensetrack download scenes --aoi 10.5,46.7,10.9,46.9 --start 2022-01-01 --end 2022-02-28 --dry-run\n"
    "sensetrack download orbits S1A_IW_SLC__1SDV_20220104T170557_20220104T170624_041314_04E951_F1F1.zip\n"
    "sensetrack download dem --aoi 10.5,46.7,10.9,46.9 -o dem",
)
def command() -> None:
    """Search catalogues and download scenes, orbit files and elevation models.

    A download that was cut goes on where it ended when the same command is given again.
    """


@subcommand(
    command,
    "scenes",
    short_help="Scenes of Sentinel-1, Sentinel-2 and Landsat",
    notes=lambda: [("Sources", list(SOURCES.items())), ("Credentials (environment)", CREDENTIALS)],
    example="sensetrack download scenes --sensor sentinel-1 --product-type SLC --track 117 --direction ascending "
    "--start 2022-01-01 --end 2022-02-28 --aoi glacier.gpkg -o slc\n"
    "sensetrack download scenes --source earth-search --aoi 10.5,46.7,10.9,46.9 --start 2022-07-01 --end 2022-08-31 "
    "--cloud-cover 20 -o items\n"
    "sensetrack download scenes --source planetary-computer --sensor landsat --track 193 --row 27 --start 2022-07-01 "
    "--end 2022-07-31 --band nir08 -o landsat",
)
@option(
    "--source",
    default="cdse",
    show_default=True,
    metavar="NAME|URL",
    section="Search",
    help="Where to search: a name below, the URL of a STAC API, or dhus:URL.",
)
@with_params(Query, "Search")
@option(
    "--band",
    "bands",
    multiple=True,
    metavar="B",
    section="Output",
    help="Band to download from a STAC catalogue, by the key, name or colour it has there; repeat for several. "
    "[default: none, scenes are read in place]",
)
@option(
    "-o", "--output", default=".", show_default=True, metavar="DIR", section="Output", help="Folder for the scenes."
)
@with_settings("transfer", Transfer)
def scenes(source: str, params: Query, bands: tuple[str, ...], output: str, transfer: Transfer) -> None:
    """Search a catalogue and download what it has.

    Of the Copernicus Data Space and DHuS mirrors, products come as zip, checked. Of STAC catalogues each scene becomes
    a folder with its STAC Item, which every command takes as a scene and reads by window from where its bands lie, and
    with the bands that are asked for.
    """
    client = Client()
    catalogue = catalogue_of(source, client)
    with busy("searching"):
        entries = catalogue.search(params)
    if entries and not transfer.dry_run:
        catalogue.login()
    plans, errors = _plans(catalogue, entries, Path(output), bands, transfer)
    if transfer.dry_run:
        _list(plans, client, transfer)
        return close(errors)
    outcomes = transfer.run([item for _, wanted in plans for item in wanted], client)
    by_path = {outcome.wanted.path: outcome for outcome in outcomes}
    rows = []
    for entry, wanted in plans:
        own = [by_path[item.path] for item in wanted]
        product = None
        errors += [str(outcome.error) for outcome in own if outcome.error is not None]
        if all(outcome.error is None for outcome in own):
            try:
                product = str(catalogue.complete(entry, Path(output), wanted))
            except SensetrackError as error:
                errors.append(str(error))
        if product and not transfer.as_json:
            say(product)
        rows.append(entry.to_json() | {"product": product, "files": [outcome_json(outcome) for outcome in own]})
    if transfer.as_json:
        click.echo(json.dumps({"scenes": rows, "errors": errors}, indent=2))
    elif not entries:
        say("no scene is met by that; widen the area, the dates or the cloud cover")
    return close(errors)


@subcommand(
    command,
    "orbits",
    short_help="Orbit files of Sentinel-1 scenes",
    notes=lambda: [("Credentials (environment), for --source cdse", CREDENTIALS[:1])],
    example="sensetrack download orbits S1A_IW_SLC__1SDV_20220104T170557_20220104T170624_041314_04E951_F1F1.zip",
)
@argument("scenes", nargs=-1, required=True, help="Scenes, or only their names.")
@option(
    "--source",
    type=click.Choice(["aws", "cdse"]),
    default="aws",
    show_default=True,
    section="Search",
    help="The public bucket, or the Copernicus Data Space, which wants credentials.",
)
@option("--precise", is_flag=True, section="Search", help="Take nothing less than precise orbits.")
@option("-o", "--output", metavar="DIR", section="Output", help="Folder for the files. [default: the user's cache]")
@with_settings("transfer", Transfer)
def orbits(scenes: tuple[str, ...], source: str, precise: bool, output: str | None, transfer: Transfer) -> None:
    """Download the orbit files that cover scenes of Sentinel-1: precise ones, or else restituted ones.

    A file that is there already is taken without asking. Each that comes is read: it must hold the time of the scene.
    """
    client = Client()
    folder = place(output, cache_folder("orbits"))
    space = DataSpace(client)
    shelf: OrbitSource = OrbitBucket(client) if source == "aws" else DataSpaceOrbits(space)
    if source == "cdse" and not transfer.dry_run:
        space.login()
    errors: list[str] = []
    passes: dict[Path, list[Pass]] = {}
    wanted: dict[Path, Wanted] = {}
    for scene in scenes:
        try:
            over = pass_of(scene)
            with busy("searching"):
                found = find_orbit_file(over, shelf, folder, precise=precise)
        except SensetrackError as error:
            errors.append(str(error))
            continue
        wanted[found.path] = found
        passes.setdefault(found.path, []).append(over)
    if transfer.dry_run:
        _list_files(list(wanted.values()), client, transfer, "orbit file")
        close(errors)
        return
    outcomes = transfer.run(list(wanted.values()), client)
    for outcome in outcomes:
        path = outcome.wanted.path
        try:
            if outcome.error is not None:
                raise outcome.error
            check_orbit(path, passes[path])
        except SensetrackError as error:
            errors.append(str(error))
        else:
            _say_path(path, transfer)
    _close_files(outcomes, errors, transfer)


@subcommand(
    command,
    "dem",
    short_help="Tiles of the Copernicus DEM",
    example="sensetrack download dem --aoi 10.5,46.7,10.9,46.9 -o dem\n"
    "sensetrack download dem --aoi glacier.gpkg --model glo-90 --dry-run",
)
@option(
    "--aoi",
    required=True,
    metavar="W,S,E,N|FILE",
    section="Search",
    help="West,south,east,north in degrees, or the extent of a vector file.",
)
@option(
    "--model",
    type=click.Choice(["glo-30", "glo-90"]),
    default="glo-30",
    show_default=True,
    section="Search",
    help="Heights every 30 m or every 90 m.",
)
@option("-o", "--output", metavar="DIR", section="Output", help="Folder for the tiles. [default: the user's cache]")
@with_settings("transfer", Transfer)
def dem(aoi: str, model: Any, output: str | None, transfer: Transfer) -> None:
    """Download the tiles of the Copernicus DEM that an area touches, and write one virtual raster over them.

    Heights are in metres above the geoid (EGM2008), of the surface. Over the sea there are no tiles; there they are 0.
    """
    client = Client()
    folder = place(output, cache_folder("dem"))
    with busy("looking for tiles"):
        tiles = find_tiles(boxes_of(aoi), folder, client, model)
    if tiles.missing and not transfer.as_json:
        say(f"no tile, over the sea or not released: {', '.join(tiles.missing)}")
    if transfer.dry_run:
        return _list_files(list(tiles.wanted), client, transfer, "tile", {"missing": list(tiles.missing)})
    outcomes = transfer.run(tiles.wanted, client)
    errors = [str(outcome.error) for outcome in outcomes if outcome.error is not None]
    came = [outcome.wanted.path for outcome in outcomes if outcome.error is None]
    more: dict[str, Any] = {"missing": list(tiles.missing)}
    if came and not errors:
        corners = sorted(path.stem for path in came)
        target = folder / f"{model}_{_corner(corners[0])}_{_corner(corners[-1])}_{len(corners)}.vrt"
        write_vrt(came, target)
        more["vrt"] = str(target)
        _say_path(target, transfer)
    return _close_files(outcomes, errors, transfer, more)


def _corner(name: str) -> str:
    """Return the corner in the name of a tile."""
    parts = name.split("_")
    return parts[4] + parts[6]


def _plans(
    catalogue: Catalogue, entries: list[Entry], folder: Path, bands: tuple[str, ...], transfer: Transfer
) -> tuple[list[tuple[Entry, list[Wanted]]], list[str]]:
    """Return what is to come of each scene, and what cannot."""
    plans, errors = [], []
    for entry in entries:
        try:
            plans.append((entry, catalogue.wanted(entry, folder, bands)))
        except ParameterError:
            if bands or not transfer.dry_run:
                raise
            # Which bands there are is seen in a listing, so that one needs none.
            plans.append((entry, []))
        except SensetrackError as error:
            errors.append(str(error))
    return plans, errors


def _list(plans: list[tuple[Entry, list[Wanted]]], client: Client, transfer: Transfer) -> None:
    sizes = [[size_of(item, client) for item in wanted] for _, wanted in plans]
    if transfer.as_json:
        rows = []
        for (entry, wanted), own in zip(plans, sizes, strict=True):
            files = [{"path": str(item.path), "size": size} for item, size in zip(wanted, own, strict=True)]
            rows.append(entry.to_json() | {"files": files})
        click.echo(json.dumps({"scenes": rows}, indent=2))
        return
    table = []
    for (entry, wanted), own in zip(plans, sizes, strict=True):
        known = [size for size in own if size is not None]
        table.append(
            (
                entry.name,
                "" if entry.start is None else f"{entry.start:%Y-%m-%d %H:%M}",
                "" if entry.track is None else str(entry.track),
                entry.direction or "",
                "" if entry.cloud_cover is None else f"{entry.cloud_cover:.0f} %",
                size_text(sum(known) if len(known) == len(own) else None) if wanted else "in place",
                "" if entry.online else "archive",
            )
        )
    if table:
        say_table("", ("scene", "acquired", "track", "orbit", "clouds", "size", ""), table)
    total = total_text([size for own in sizes for size in own], "file")
    say(f"{len(plans)} scene{'' if len(plans) == 1 else 's'}: {total}")


def _list_files(
    wanted: list[Wanted], client: Client, transfer: Transfer, what: str, more: dict[str, Any] | None = None
) -> None:
    sizes = [size_of(item, client) for item in wanted]
    if transfer.as_json:
        files = [{"path": str(item.path), "size": size} for item, size in zip(wanted, sizes, strict=True)]
        click.echo(json.dumps({"files": files, **(more or {})}, indent=2))
        return
    for item, size in zip(wanted, sizes, strict=True):
        say(f"{item.path}  {size_text(size)}" + ("  (there)" if item.path.exists() else ""))
    say(total_text(sizes, what))


def _say_path(path: Path, transfer: Transfer) -> None:
    if not transfer.as_json:
        say(str(path))


def _close_files(
    outcomes: list[Outcome], errors: list[str], transfer: Transfer, more: dict[str, Any] | None = None
) -> None:
    if transfer.as_json:
        files = [outcome_json(outcome) for outcome in outcomes]
        click.echo(json.dumps({"files": files, **(more or {}), "errors": errors}, indent=2))
    close(errors)
