"""HDF5 products that are cut, empty or spoilt: one clear error each, and never anything else."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from products.broken import tiny_hdf5, truncate
from products.cosmo import write_cosmo
from products.prisma import write_prisma

import sensetrack
from sensetrack.errors import CorruptFileError, InputError, SensetrackError
from sensetrack.sensors import open_product

FUZZ = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def products(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small product of each kind."""
    folder = tmp_path_factory.mktemp("products")
    return {
        "cosmo": write_cosmo(folder, shape=(16, 20)).path,
        "cosmo map": write_cosmo(folder, "GEC_B", shape=(16, 20)).path,
        "prisma": write_prisma(folder, "1", shape=(12, 14), with_pan=False).path,
        "prisma map": write_prisma(folder, "2D", shape=(12, 14), with_pan=False).path,
    }


def use(path: Path) -> None:
    """Open a product and read all that a user could ask for."""
    product = open_product(path)
    product.rows()
    product.properties()
    product.tags()
    assert product.outline is None or len(product.outline) == 4
    for band in product.available[:: max(1, len(product.available) // 3)]:
        product.image(band.name).read()


@pytest.mark.parametrize("kind", ["cosmo", "prisma"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_cut_file_is_called_cut(tmp_path: Path, products: dict[str, Path], kind: str, share: float) -> None:
    path = Path(shutil.copy(products[kind], tmp_path))
    with pytest.raises(CorruptFileError, match=r"is it cut off\?"):
        open_product(truncate(path, share))


def test_a_cut_file_of_any_name_is_called_cut(tmp_path: Path) -> None:
    """Before GDAL prints its own lines about it."""
    path = tmp_path / "anything.h5"
    with h5py.File(path, "w") as file:
        file["values"] = np.zeros((100, 100))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(CorruptFileError, match="cut off"):
        sensetrack.open(path)


def test_one_attribute_is_not_enough(tmp_path: Path) -> None:
    path = tiny_hdf5(tmp_path / "tiny.h5")
    assert path.stat().st_size == 912
    with pytest.raises(InputError, match="a container without bands of its own"):
        sensetrack.open(path)
    with pytest.raises(InputError, match="Product Type = '' is none of"):
        open_product(tiny_hdf5(tmp_path / "csk.h5", "Mission ID", "CSK"))
    with pytest.raises(InputError, match="lacks the attribute 'Processing_Level'"):
        open_product(tiny_hdf5(tmp_path / "prs.he5", "Product_ID", "PRS_L1_STD"))


def test_several_products_in_a_folder(tmp_path: Path, products: dict[str, Path]) -> None:
    folder = products["cosmo"].parent
    with pytest.raises(InputError, match="holds several products; name the file of one: CSKS4"):
        open_product(folder)


@FUZZ
@given(kind=st.sampled_from(["cosmo", "cosmo map", "prisma", "prisma map"]), data=st.data())
def test_spoilt_bytes_end_in_our_errors(
    tmp_path: Path, products: dict[str, Path], kind: str, data: st.DataObject
) -> None:
    path = Path(shutil.copy(products[kind], tmp_path))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(content) - 9))
        content[place : place + 8] = data.draw(st.binary(min_size=8, max_size=8))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    with contextlib.suppress(SensetrackError):
        use(path)


VALUES = st.one_of(
    st.floats(width=64),
    st.integers(-(2**40), 2**40),
    st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=12),
    st.lists(st.floats(-1e9, 1e9), max_size=4).map(np.array),
    st.sampled_from([np.array(["a", "b"], "S3"), h5py.Empty("f8"), np.bytes_(b"\xff\xfe"), np.array([[1.0], [2.0]])]),
)


@FUZZ
@given(kind=st.sampled_from(["cosmo", "cosmo map", "prisma", "prisma map"]), data=st.data())
def test_any_attribute_may_hold_anything(
    tmp_path: Path, products: dict[str, Path], kind: str, data: st.DataObject
) -> None:
    path = Path(shutil.copy(products[kind], tmp_path))
    with h5py.File(path, "r+") as file:
        items: list[Any] = [file]
        file.visititems(lambda _, item: items.append(item))
        known = sorted((item.name, name) for item in items for name in item.attrs)
        place, name = data.draw(st.sampled_from(known))
        value = data.draw(st.one_of(st.none(), VALUES))
        del file[place].attrs[name]
        if value is not None:
            file[place].attrs[name] = value
    with contextlib.suppress(SensetrackError):
        use(path)
