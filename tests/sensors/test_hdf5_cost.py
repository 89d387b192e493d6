"""What opening and reading costs: bytes, counted by the system, of products of a gigabyte."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
from products.cosmo import write_cosmo
from products.prisma import write_prisma

from sensetrack.raster.tiles import Block
from sensetrack.sensors import open_product

COUNTER = Path("/proc/self/io")
pytestmark = pytest.mark.skipif(not COUNTER.is_file(), reason="the system does not count the bytes that are read")


def bytes_of(work: Callable[[], object]) -> int:
    """Return the bytes that are read meanwhile."""

    def count() -> int:
        return int(COUNTER.read_text().split("rchar: ")[1].split()[0])

    before = count()
    work()
    return count() - before


def enlarge(path: Path, name: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> None:
    """Replace a dataset by a large one of ones, in chunks, without compression; the file takes no room for holes."""
    with h5py.File(path, "r+") as file:
        old = file[name]
        attributes, dtype = dict(old.attrs), old.dtype
        del file[name]
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_chunk(chunks)
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple(shape)
        h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(dtype), space, layout)
        for key, value in attributes.items():
            file[name].attrs[key] = value


def test_a_gigabyte_of_cosmo(tmp_path: Path) -> None:
    truth = write_cosmo(tmp_path)
    enlarge(truth.path, "S01/SBI", (16384, 16384, 2), (128, 256, 2))
    assert truth.path.stat().st_size > 1e9
    assert bytes_of(lambda: open_product(truth.path)) < 1_000_000
    image = open_product(truth.path).image()
    image.read(Block(0, 0, 8, 8))
    chunk = 128 * 256 * 2 * 2
    assert bytes_of(lambda: image.read(Block(5000, 5000, 128, 256))) < 4 * chunk + 1_000_000


def test_a_gigabyte_of_prisma(tmp_path: Path) -> None:
    truth = write_prisma(tmp_path, "1", with_pan=False)
    swath = "HDFEOS/SWATHS/PRS_L1_HCO/Data Fields"
    for kind in ("VNIR", "SWIR"):
        bands = 66 if kind == "VNIR" else 173
        enlarge(truth.path, f"{swath}/{kind}_Cube", (1500, bands, 1500), (50, 1, 1500))
        enlarge(truth.path, f"{swath}/{kind}_PIXEL_SAT_ERR_MATRIX", (1500, bands, 1500), (50, 1, 1500))
    assert truth.path.stat().st_size > 1e9
    assert bytes_of(lambda: open_product(truth.path)) < 1_000_000
    image = open_product(truth.path).image("swir:100", raw=True, mask=False)
    image.read(Block(0, 0, 8, 8))
    assert bytes_of(lambda: image.read(Block(500, 0, 100, 1500))) < 3 * 100 * 1500 * 2 + 1_000_000
    assert image.grid.shape == (1500, 1500)
