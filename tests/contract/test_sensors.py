"""What every registered sensor must do, whatever it reads; a new one is tested before it has a test of its own."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import numpy as np
import pytest
from products.archive import tarred, zipped
from products.cosmo import write_cosmo
from products.landsat import write_landsat
from products.prisma import write_prisma
from products.sentinel1 import write_sentinel1
from products.sentinel2 import write_sentinel2

import sensetrack
from sensetrack.errors import InputError, ParameterError, SensetrackError
from sensetrack.info import product_item
from sensetrack.info.product import SCHEMAS
from sensetrack.raster import _gdal
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import plan_blocks
from sensetrack.sensors import Container, Product, registry

SAMPLES: dict[str, Callable[[Path], Path]] = {
    "cosmo-skymed": lambda folder: write_cosmo(folder, mode="PP", polarisations=("HH", "VV")).path,
    "landsat": lambda folder: write_landsat(folder, "L2SP").path,
    "prisma": lambda folder: write_prisma(folder, "2D").path,
    "sentinel1": lambda folder: write_sentinel1(folder, "SLC", shape=(40, 60)).path,
    "sentinel2": lambda folder: write_sentinel2(folder, "2A", rows=72).path,
}
"""Writes a small product of each sensor, from `tests/products`."""

LONGEST = 5_000_000


@pytest.fixture(scope="module", params=registry.names())
def sample(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The name of a sensor and a product of it."""
    name: str = request.param
    assert name in SAMPLES, f"write a product of {name} in tests/products and name its writer in SAMPLES"
    return name, SAMPLES[name](tmp_path_factory.mktemp(name))


@pytest.fixture
def product(sample: tuple[str, Path]) -> Product:
    found = sensetrack.open(sample[1])
    assert isinstance(found, Product)
    return found


def metadata_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [file for file in path.rglob("*") if file.suffix.lower() in (".xml", ".txt", ".json", ".safe")]
    return sorted(file for file in found if file.stat().st_size < LONGEST)


def test_it_recognises_its_own_and_nothing_else(sample: tuple[str, Path], tmp_path: Path) -> None:
    container = Container.open(sample[1])
    takers = [name for name in registry.names() if registry.get(name)().recognises(container)]
    assert takers == [sample[0]]
    (tmp_path / "notes.txt").write_text("GROUP = NOTES")
    (tmp_path / "page.xml").write_text("<page/>")
    (tmp_path / "list.json").write_text("{}")
    for path in (tmp_path, *tmp_path.iterdir()):
        assert not registry.get(sample[0])().recognises(Container.open(path))


def test_metadata_are_typed_and_complete(sample: tuple[str, Path], product: Product) -> None:
    assert product.sensor == sample[0] and product.path == str(sample[1])
    assert product.name and product.mission and product.instrument and product.product_type and product.level
    assert product.start is not None and product.stop is not None and product.start <= product.stop
    assert product.start.tzinfo is UTC
    names = [band.name for band in product.bands]
    assert len(names) == len(set(names)) and product.default_band in product.bands
    assert all(band.quantities for band in product.bands) and product.available
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in product.tags().items())
    assert product.missing == ()
    assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in product.outline or ())
    assert product.grid is not None and (product.outline or product.grid.crs)
    assert product.grid.shape == product.image().grid.shape
    for band in product.bands:
        assert product.band(band.name) is band and product.band(band.name.lower()) is band


def test_products_and_images_pickle(product: Product) -> None:
    again = pickle.loads(pickle.dumps(product))
    assert again.bands == product.bands and again.tags() == product.tags()
    first, second = (each.image().read() for each in (product, again))
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])


def test_every_quantity_of_every_band_reads_alike_in_blocks(product: Product) -> None:
    for band in product.available:
        for quantity in (*band.quantities, "raw"):
            options = {"raw": True} if quantity == "raw" else {"quantity": quantity}
            image = pickle.loads(pickle.dumps(product.image(band.name, **options)))
            pixels, valid = image.read()
            assert pixels.dtype == (np.complex64 if image.is_complex else np.float32)
            assert np.isfinite(pixels).all() and not pixels[~valid].any() and valid.any()
            for block in plan_blocks(image.grid.shape, 17):
                part, known = image.read(block)
                assert np.array_equal(part, pixels[block.slices]) and np.array_equal(known, valid[block.slices])
            coarse, seen = image.read_overview(13)
            assert coarse.shape == seen.shape and max(coarse.shape) <= 13
            assert image.metadata["quantity"] == quantity and image.metadata["band"] == band.name
            assert image.acquired == product.start and image.path == product.path


def test_masks_only_ever_take_away(product: Product) -> None:
    for band in product.available:
        plain = product.image(band.name, mask=False).read()
        masked = product.image(band.name).read()
        assert not (masked[1] & ~plain[1]).any()
        assert np.array_equal(masked[0][masked[1]], plain[0][masked[1]])


def test_nodata_can_be_named(product: Product) -> None:
    raw = product.image(raw=True, mask=False)
    pixels, valid = raw.read()
    if raw.is_complex:
        return
    number = float(np.sort(pixels[valid])[valid.sum() // 2])
    other = product.image(raw=True, mask=False, nodata=number).read()[1]
    assert not other[pixels == number].any() and (pixels == number).any()


def test_what_cannot_be_asked_for(product: Product) -> None:
    with pytest.raises(InputError, match="no band 'nothing'"):
        product.band("nothing")
    with pytest.raises(InputError, match="band 0 is not there"):
        product.band(0)
    with pytest.raises(ParameterError, match=r"can be .* or raw"):
        product.image(quantity="beauty")
    with pytest.raises(ParameterError, match="leave out"):
        product.image(raw=True, quantity=product.default_band.quantities[0])


def test_archives_hold_the_same_product(sample: tuple[str, Path], tmp_path: Path, product: Product) -> None:
    if sample[1].is_file():
        return
    place = shutil.copytree(sample[1], tmp_path / sample[1].name)
    pixels, valid = product.image().read()
    for path in (zipped(place, lead="x/", mac=True), tarred(place), tarred(place, compressed=True)):
        other = sensetrack.open(path)
        assert isinstance(other, Product)
        assert [band.name for band in other.available] == [band.name for band in product.available]
        found, known = other.image().read()
        assert np.array_equal(found, pixels) and np.array_equal(known, valid)


def test_opening_opens_no_image(sample: tuple[str, Path], product: Product, monkeypatch: pytest.MonkeyPatch) -> None:
    images = {file for band in product.bands for file in band.files}
    read: list[str] = []
    content = Container._content

    def noted(self: Container, name: str, length: int) -> bytes:
        read.append(name)
        return content(self, name, length)

    def refused(path: str) -> None:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr(Container, "_content", noted)
    monkeypatch.setattr(_gdal, "opened", refused)
    sensetrack.open(sample[1])
    assert sample[1].is_file() or not images & set(read)


def test_every_door_leads_to_the_same_image(sample: tuple[str, Path], product: Product) -> None:
    image = Image.open(sample[1], band=product.default_band.name)
    assert np.array_equal(image.read()[0], product.image().read()[0])
    assert Image.open(sample[1]).band_names == image.band_names == (product.default_band.name,)
    assert Image.open(sample[1], band=1).band_names == (product.bands[0].name,)


def test_a_band_may_come_with_its_quantity(product: Product) -> None:
    for band in product.available:
        for quantity in (*band.quantities, "raw"):
            assert product.image(f"{band.name}:{quantity}").metadata["quantity"] == quantity
    with pytest.raises(InputError, match="no band"):
        product.image(f"{product.default_band.name}:beauty")


def test_the_stac_item_says_what_the_product_is(product: Product) -> None:
    item = product_item(product)
    assert item["id"] == product.name and item["type"] == "Feature" and item["stac_version"] == "1.1.0"
    properties = item["properties"]
    assert properties["platform"] == product.mission.lower() and properties["datetime"].endswith("Z")
    assert None not in [value for key, value in properties.items() if key != "datetime"]
    assert set(item["assets"]) == {band.name for band in product.available}
    assert item["geometry"]["type"] in ("Polygon", "MultiPolygon") and len(item["bbox"]) == 4
    used = {f"{key.partition(':')[0]}:" for key in properties if ":" in key}
    assert {SCHEMAS[prefix] for prefix in used} <= set(item["stac_extensions"])


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.97])
def test_cut_metadata_are_one_error(sample: tuple[str, Path], tmp_path: Path, share: float) -> None:
    for number, file in enumerate(metadata_files(sample[1])):
        place = tmp_path / str(number)
        copy = shutil.copytree(sample[1], place) if sample[1].is_dir() else Path(shutil.copy(sample[1], place))
        target = copy / file.relative_to(sample[1]) if sample[1].is_dir() else copy
        data = target.read_bytes()
        target.write_bytes(data[: int(len(data) * share)])
        survive(copy)


def test_spoilt_metadata_are_one_error(sample: tuple[str, Path], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number, file in enumerate(metadata_files(sample[1])[:6]):
        data = np.frombuffer(file.read_bytes(), np.uint8)
        copy = shutil.copytree(sample[1], tmp_path / str(number)) if sample[1].is_dir() else tmp_path / file.name
        for _ in range(12):
            spoilt = data.copy()
            places = rng.integers(0, len(data), rng.integers(1, 30))
            spoilt[places] = rng.choice(np.frombuffer(b'<>/0x\xff -="', np.uint8), len(places))
            (copy / file.relative_to(sample[1]) if sample[1].is_dir() else copy).write_bytes(spoilt.tobytes())
            survive(copy)


def survive(path: Path) -> None:
    """Open a product and read every band of it, or fail with an error of ours."""
    try:
        found = sensetrack.open(path)
        if isinstance(found, Product):
            for band in found.available:
                found.image(band.name).read_overview(10)
    except SensetrackError as error:
        assert str(error)
