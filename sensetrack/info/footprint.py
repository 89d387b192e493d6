"""The outline of a product as a vector file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sensetrack.errors import InputError, OutputError
from sensetrack.info.product import product_item
from sensetrack.raster.write import atomic
from sensetrack.sensors import Product
from sensetrack.types import PathLike

DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON"}
"""Formats by suffix."""


def write_footprint(product: Product, output: PathLike, *, overwrite: bool = False) -> Path:
    """Write the outline of a product, in longitude and latitude, with what is known of it as columns.

    Outlines that cross the antimeridian are cut there. Corners of radar products are those that the product states.

    Parameters
    ----------
    product : Product
    output : path-like
        ``.gpkg`` or ``.geojson``.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        The product does not say where it lies.
    OutputError
        The suffix is another one; or as `sensetrack.raster.write.atomic`.
    """
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError
    from shapely.geometry import shape

    final = Path(output)
    driver = DRIVERS.get(final.suffix.lower())
    if driver is None:
        raise OutputError(f"{output}: footprints are written as {' or '.join(DRIVERS)}")
    item = product_item(product)
    if item["geometry"] is None:
        raise InputError(f"{product.path}: does not say where it lies, so it has no footprint")
    geometry = shape(item["geometry"])
    tags = product.tags()
    columns: list[Any] = [np.array([text], object) for text in tags.values()]
    with atomic(final, overwrite=overwrite) as part:
        try:
            pyogrio.raw.write(
                part,
                np.array([geometry.wkb], object),
                columns,
                list(tags),
                layer="footprint",
                driver=driver,
                geometry_type=geometry.geom_type,
                crs="EPSG:4326",
            )
        except (DataLayerError, DataSourceError, FeatureError) as error:
            raise OutputError(f"{output}: cannot be written ({error})") from error
    return final
