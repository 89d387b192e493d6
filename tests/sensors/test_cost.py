"""What it costs to open a product of a gigabyte, and to read a window of it."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from products.landsat import write_landsat
from rasterio.windows import Window

import sensetrack
from sensetrack.raster.tiles import Block
from sensetrack.sensors import Product

SIDE = 23_000
IO = Path("/proc/self/io")


def bytes_read() -> int:
    """Bytes that this process has asked of the system so far."""
    return int(IO.read_text().split("rchar:")[1].split()[0])


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Landsat product whose band 4 takes a gigabyte, as a folder and packed."""
    if not IO.exists():
        pytest.skip("the system does not count bytes")
    folder = tmp_path_factory.mktemp("large")
    if shutil.disk_usage(folder).free < 4 * 10**9:
        pytest.skip("the disk has no room for it")
    truth = write_landsat(folder)
    options = {"driver": "GTiff", "count": 1, "height": SIDE, "width": SIDE, "dtype": "uint16", "tiled": True}
    place = {"crs": f"EPSG:{truth.epsg}", "transform": rasterio.Affine(*truth.transform)}
    with rasterio.open(truth.path / f"{truth.name}_B4.TIF", "w", **options, **place) as ds:
        ds.write(np.full((1, 512, 512), 9000, np.uint16), window=Window(10_240, 10_240, 512, 512))
    with tarfile.open(folder / "packed.tar", "w") as archive:
        for file in truth.path.iterdir():
            archive.add(file, file.name)
    return truth.path


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
def test_metadata_to_open_and_blocks_to_read(large: Path, packed: bool) -> None:
    path = large.parent / "packed.tar" if packed else large
    assert sum(file.stat().st_size for file in large.iterdir()) > 10**9
    before = bytes_read()
    product = sensetrack.open(path)
    opening = bytes_read() - before
    assert isinstance(product, Product) and opening < 500_000, f"{opening} bytes to open it"
    image = product.image("B4", mask=False)
    before = bytes_read()
    pixels, valid = image.read(Block(10_300, 10_300, 300, 300))
    reading = bytes_read() - before
    assert valid.all() and len(np.unique(pixels)) == 1
    # Tiles of 256 x 256 pixels of 2 bytes, at most 3 x 3 of them, and the header with the places of 8100 tiles.
    assert reading < 9 * 256 * 256 * 2 + 500_000, f"{reading} bytes to read a window"
