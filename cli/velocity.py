"""Turn a displacement file into velocity in m/yr or m/d, with errors from stable ground."""

from __future__ import annotations

import time

import click

from sensetrack.info import Statistics, flag_array, shares_of, usable_mask
from sensetrack.raster.layers import SUFFIXES, LayerFile
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.sample import open_sample
from sensetrack.velocity import Summary, VelocityParams, velocity_file

from ._command import argument, option
from ._command import command as declare
from ._console import progress, say, say_rows, share_rows
from ._generate import with_params
from ._options import Target, with_settings
from ._outcome import summary_rows


@declare(
    "velocity",
    example="sensetrack velocity displacement.tif -o velocity.nc --stable rock.gpkg\n"
    "sensetrack velocity displacement.tif -o velocity.tif --days 30 --pixel-size 10",
)
@argument("file", help="A displacement file, .tif or .nc.")
@with_settings("target", Target)
@option(
    "--stable",
    type=click.Path(),
    metavar="FILE",
    section="Stable ground",
    help="Where nothing moves: a raster (non-zero) or polygons; its apparent motion is subtracted and its scatter "
    "becomes part of the errors.",
)
@option("--invert-stable", is_flag=True, section="Stable ground", help="Nothing moves outside of it instead.")
@option("--packed", is_flag=True, section="Output", help="Store netCDF as int16, as ITS_LIVE does (rounds to 1 unit).")
@with_params(VelocityParams, "Parameters")
def command(
    file: str, target: Target, stable: str | None, invert_stable: bool, packed: bool, params: VelocityParams
) -> None:
    """Turn a displacement file into velocity along map x (east) and map y (north), with errors.

    The suffix of the output chooses its format: .nc (CF-1.8, in the schema of ITS_LIVE pairs), .tif, or points as
    .csv, .parquet, .gpkg.
    """
    if invert_stable and stable is None:
        raise click.UsageError("--invert-stable needs --stable FILE")
    suffix = target.check(SUFFIXES, [file, stable])
    if packed and suffix != ".nc":
        raise click.UsageError("--packed is for .nc files only")
    start = time.perf_counter()
    with progress("converting") as bar:
        summary, counts = velocity_file(
            file,
            target.output,
            params,
            None if stable is None else AreaMask.open(stable, inverse=invert_stable),
            overwrite=target.overwrite,
            packed=packed,
            progress=bar,
        )
    say(f"{target.output}: {time.perf_counter() - start:.1f} s")
    height, width = LayerFile.open(file).grid.shape
    shares = share_rows(shares_of(counts, height * width))
    say_rows([*summary_rows(summary), *_speed_rows(target.output, summary), *shares])


def _speed_rows(path: str, summary: Summary) -> list[tuple[str, str]]:
    """Return the median and the fastest speed, where the file can be read back."""
    if not path.lower().endswith((".tif", ".tiff", ".nc")):
        return []
    file = open_sample(path)
    speed, valid = file.read("v")
    values = Statistics.of(speed, valid & usable_mask(flag_array(file.read("flags")[0])))
    return [("speed", f"median {values.median:.4g}, largest {values.maximum:.4g} {summary.units}")]
