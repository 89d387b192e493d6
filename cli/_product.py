"""What is said of a product of a sensor, and of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rasterio.crs import CRS

from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.sensors import Band, Product

from ._console import say, say_rows

_MANY = 30
"""Bands from which a table gets too long to read."""


def say_product(product: Product) -> None:
    """Print what matters of a product, and its bands as a table."""
    say(f"{product.path}: {product.mission} {product.product_type} product")
    grid = product.grid
    rows = [
        ("name", product.name if product.name not in product.path else ""),
        ("sensor", f"{product.mission}, {product.instrument}"),
        ("product", f"{product.product_type}, level {product.level}"),
        ("processing", product.baseline or ""),
        *_time_rows(product),
        *_orbit_rows(product),
        *_view_rows(product),
        ("cloud cover", "" if product.cloud_cover is None else f"{product.cloud_cover:.4g} %"),
        *product.rows(),
        *([] if grid is None else grid_rows(grid)),
        *_corner_rows(product),
        ("missing", ", ".join(product.missing)),
    ]
    say_rows([(name, value) for name, value in rows if value])
    say()
    _say_bands(product.bands, product.default_band)


def grid_rows(grid: Grid) -> list[tuple[str, str]]:
    """Return the size, CRS, pixel and extent of a grid."""
    rows = [("size", f"{grid.height} rows x {grid.width} columns")]
    if not grid.is_georeferenced:
        return [*rows, ("CRS", "none: coordinates are pixels")]
    width, height = grid.pixel_size
    unit = " degrees" if grid.is_geographic else " m" if grid.crs and grid.crs.linear_units == "metre" else ""
    xmin, ymin, xmax, ymax = grid.bounds
    return [
        *rows,
        ("CRS", crs_name(grid.crs)),
        ("pixel", f"{width:.10g} x {height:.10g}{unit}"),
        ("extent", f"x {xmin:.10g} to {xmax:.10g}, y {ymin:.10g} to {ymax:.10g}"),
    ]


def _time_rows(product: Product) -> list[tuple[str, str]]:
    if product.start is None:
        return []
    if product.stop is None or product.stop == product.start:
        return [("acquired", f"{product.start:%Y-%m-%d %H:%M:%S} UTC")]
    return [("acquired", f"{product.start:%Y-%m-%d %H:%M:%S} to {product.stop:%H:%M:%S} UTC")]


def _orbit_rows(product: Product) -> list[tuple[str, str]]:
    orbit = product.orbit
    parts = [
        f"absolute {orbit.absolute}" if orbit.absolute is not None else "",
        f"relative {orbit.relative} (track)" if orbit.relative is not None else "",
        orbit.direction or "",
    ]
    rows = [("orbit", ", ".join(part for part in parts if part))]
    if orbit.path_row is not None:
        rows.append(("path, row", "{:03d}, {:03d}".format(*orbit.path_row)))
    return rows


def _view_rows(product: Product) -> list[tuple[str, str]]:
    view = product.view
    sun = [
        f"elevation {view.sun_elevation:.2f}" if view.sun_elevation is not None else "",
        f"azimuth {view.sun_azimuth:.2f}" if view.sun_azimuth is not None else "",
    ]
    look = [
        f"{view.look_side} looking" if view.look_side else "",
        f"incidence {view.incidence:.2f}" if view.incidence is not None else "",
        f"azimuth to the sensor {view.azimuth:.2f}" if view.azimuth is not None else "",
    ]
    return [(name, _joined(parts)) for name, parts in (("sun", sun), ("view", look))]


def _joined(parts: Sequence[str]) -> str:
    text = ", ".join(part for part in parts if part)
    return f"{text} degrees" if any(character.isdigit() for character in text) else text


def _corner_rows(product: Product) -> list[tuple[str, str]]:
    outline = product.outline
    if outline is None or len(outline) > 8:
        # An outline of many points follows the edge of the swath; its tile has four corners.
        grid = product.grid
        if grid is None or grid.crs is None:
            return []
        bottom, right = grid.height - 0.5, grid.width - 0.5
        x, y = grid.xy([-0.5, -0.5, bottom, bottom], [-0.5, right, right, -0.5])
        outline = tuple(
            zip(*(each.tolist() for each in transform_points(grid.crs, CRS.from_epsg(4326), x, y)), strict=True)
        )
    points = [f"{abs(lat):.4f} {'NS'[lat < 0]} {abs(lon):.4f} {'EW'[lon < 0]}" for lon, lat in outline]
    return [("corners", "; ".join(points))]


def _say_bands(bands: Sequence[Band], default: Band) -> None:
    """Print one aligned line per band; of very many only the first and last of every swath."""
    heads = ("band", "colour", "nm", "m", "pixels", "gives", "")
    table: list[tuple[str, ...]] = [heads]
    for _, members in groupby(bands, key=lambda band: band.swath):
        group = list(members)
        shown = group if len(bands) <= _MANY else [group[0], group[-1]]
        table += [_cells(band, default) for band in shown]
    # Columns that no band fills are left out.
    kept = [column for column in range(len(heads)) if any(row[column] for row in table[1:])]
    table = [tuple(row[column] for column in kept) for row in table]
    widths = [max(len(row[column]) for row in table) for column in range(len(kept))]
    for row in table:
        say("  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
    if len(table) - 1 < len(bands):
        say(f"  {len(bands)} bands in all; shown are the first and the last of each part")


def _cells(band: Band, default: Band) -> tuple[str, ...]:
    return (
        band.name,
        band.common_name or band.polarisation or "",
        f"{band.wavelength:.6g}" if band.wavelength else "",
        f"{band.resolution:.4g}" if band.resolution else "",
        "{} x {}".format(*band.shape) if band.shape else "",
        ", ".join(band.quantities),
        "not there" if not band.files else "taken by default" if band is default else "",
    )
