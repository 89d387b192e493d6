"""Fixtures that every test may use: real data, raster files, and textures whose motion is known exactly."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning

from sensetrack.displacement import Field, Flag
from sensetrack.engine import Engine, open_engine
from sensetrack.errors import InputError
from sensetrack.pair import ImagePair
from sensetrack.params import param
from sensetrack.raster.grid import Grid
from sensetrack.trackers import Tracker
from sensetrack.types import Mask, PixelArray

UTM = CRS.from_epsg(32633)

if "PYTEST_XDIST_WORKER" in os.environ:  # workers have the cores already: threads of theirs would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real sample data beside the checkout; tests that need it are skipped where it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real sample data are not there: {folder}")
    return folder


@pytest.fixture(scope="session")
def utm_grid() -> Callable[..., Grid]:
    """Make a north-up UTM 33N grid: ``utm_grid((rows, cols), size=10.0, x=500_000.0, y=5_000_000.0)``."""

    def make(
        shape: tuple[int, int],
        size: float = 10.0,
        x: float = 500_000.0,
        y: float = 5_000_000.0,
        crs: CRS | None = UTM,
    ) -> Grid:
        return Grid(shape, Affine(size, 0.0, x, 0.0, -size, y), crs)

    return make


@pytest.fixture
def write_raster(tmp_path: Path) -> Callable[..., Path]:
    """Write an array as a raster file and return its path.

    ``write_raster(array, name="image.tif", *, grid=None, nodata=None, names=(), colours=(), tags=None, mask=None,
    colour_table=None, **profile)``: the array is ``(row, col)`` or ``(band, row, col)``; a relative name goes to the
    test's own folder; ``mask`` (bool, True = valid) becomes a per-dataset mask; more profile entries go to rasterio.
    """

    def write(
        array: np.ndarray,
        name: str | Path = "image.tif",
        *,
        grid: Grid | None = None,
        nodata: float | None = None,
        names: Sequence[str] = (),
        colours: Sequence[ColorInterp] = (),
        tags: dict[str, str] | None = None,
        mask: np.ndarray | None = None,
        colour_table: dict[int, tuple[int, ...]] | None = None,
        **profile: Any,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        bands = array[None] if array.ndim == 2 else array
        options: dict[str, Any] = {
            "driver": "GTiff" if path.suffix.lower() in (".tif", ".tiff") else None,
            "count": bands.shape[0],
            "height": bands.shape[1],
            "width": bands.shape[2],
            "dtype": str(bands.dtype),
            "nodata": nodata,
        }
        if grid is not None:
            options |= {"crs": grid.crs, "transform": grid.transform}
        with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", **(options | profile)) as ds:
                if colours:
                    ds.colorinterp = list(colours)
                if colour_table:
                    ds.write_colormap(1, colour_table)
                ds.write(bands)
                for number, text in enumerate(names, start=1):
                    ds.set_band_description(number, text)
                if tags:
                    ds.update_tags(**tags)
                if mask is not None:
                    ds.write_mask(mask)
        return path

    return write


@pytest.fixture(scope="session")
def texture() -> Callable[..., np.ndarray]:
    """Make a smooth random texture, moved by exactly what is asked, without any resampling.

    ``texture(shape, *, dx=0.0, dy=0.0, seed=0, shortest=4.0, longest=40.0, waves=300, mean=100.0, std=20.0,
    is_complex=False)``: a sum of plane waves with wavelengths of ``shortest`` to ``longest`` pixels, evaluated at
    ``(row - dy, col - dx)``. So with ``dx = dy = 0`` it is the reference, and with any other values it is the
    secondary in which the content of ``(row, col)`` is found at ``(row + dy, col + dx)``; arrays of ``shape`` give
    a varying displacement, as seen from the pixels of the secondary. float32; complex64 speckle of zero mean when
    ``is_complex``.
    """

    def make(
        shape: tuple[int, int],
        *,
        dx: float | np.ndarray = 0.0,
        dy: float | np.ndarray = 0.0,
        seed: int = 0,
        shortest: float = 4.0,
        longest: float = 40.0,
        waves: int = 300,
        mean: float = 100.0,
        std: float = 20.0,
        is_complex: bool = False,
    ) -> np.ndarray:
        rng = np.random.default_rng(seed)
        angle = rng.uniform(0, 2 * np.pi, waves)
        k = 2 * np.pi / np.exp(rng.uniform(np.log(shortest), np.log(longest), waves))
        k_row, k_col = k * np.sin(angle), k * np.cos(angle)
        phase = np.exp(1j * rng.uniform(0, 2 * np.pi, waves))
        rows, cols = np.arange(shape[0], dtype=np.float64), np.arange(shape[1], dtype=np.float64)
        if np.ndim(dx) == 0 and np.ndim(dy) == 0:
            along_rows = np.exp(1j * np.outer(rows - dy, k_row)) * phase
            total = along_rows @ np.exp(1j * np.outer(k_col, cols - dx))
        else:
            at_row, at_col = rows[:, None] - dy, cols[None, :] - dx
            total = np.zeros(shape, np.complex128)
            for wave in range(waves):
                total += phase[wave] * np.exp(1j * (k_row[wave] * at_row + k_col[wave] * at_col))
        scale = std * np.sqrt(1.0 if is_complex else 2.0) / np.sqrt(waves)
        return (total * scale).astype(np.complex64) if is_complex else (mean + total.real * scale).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def make_field() -> Callable[..., Field]:
    """Make a displacement field from its components; pixels with NaN in either are flagged ``nodata``.

    ``make_field(dx, dy=0.0, *, quality=0.8, sigma=0.1, rho=0.0, flags=None, extra=None)``: numbers fill the shape of
    ``dx``; ``sigma`` is that of both components.
    """

    def make(
        dx: np.ndarray,
        dy: np.ndarray | float = 0.0,
        *,
        quality: np.ndarray | float = 0.8,
        sigma: np.ndarray | float = 0.1,
        rho: np.ndarray | float = 0.0,
        flags: np.ndarray | None = None,
        extra: dict[str, np.ndarray] | None = None,
    ) -> Field:
        values = {"dx": dx, "dy": dy, "quality": quality, "sigma_dx": sigma, "sigma_dy": sigma, "rho": rho}
        layers: dict[str, np.ndarray] = {
            name: np.broadcast_to(np.asarray(value, np.float32), np.shape(dx)).copy() for name, value in values.items()
        }
        if flags is None:
            empty = np.isnan(layers["dx"]) | np.isnan(layers["dy"])
            flags = np.where(empty, np.uint8(Flag.NODATA), np.uint8(0))
        return Field.from_layers(layers | {"flags": flags} | (extra or {}))

    return make


class Brightness(Tracker):
    """Gives the mean difference in brightness over a window as ``dx``: no displacement, but all that streams."""

    extra_layers = ("count",)

    reach: int = param(6, "Pixels around a cell that the window covers.", unit="px", ge=0)
    fails_above: float = param(1e9, "Brightness from which it fails.")

    @property
    def spacing(self) -> int:
        """Input pixels per output pixel."""
        return 4

    @property
    def margin(self) -> int:
        """Input pixels around a cell that count."""
        return self.reach

    @property
    def smallest_image(self) -> int:
        """Side of the window."""
        return self.spacing + 2 * self.reach

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        if float(np.abs(reference).max()) > self.fails_above:
            raise InputError("too bright")
        both = reference_valid & secondary_valid
        difference = np.where(both, np.abs(secondary) - np.abs(reference), 0.0).astype(np.float64)
        rows, cols = ((size - 2 * pad) // self.spacing for size in both.shape)
        total, count = np.zeros((rows, cols)), np.zeros((rows, cols))
        side = self.spacing + 2 * self.reach
        for i in range(side):
            for j in range(side):
                top, left = pad - self.reach + i, pad - self.reach + j
                part = slice(top, top + rows * 4 - 3, 4), slice(left, left + cols * 4 - 3, 4)
                total += difference[part]
                count += both[part]
        field = Field.empty((rows, cols), Flag.NODATA, self.extra_layers)
        layers = dict(field.layers())
        known = count > 0
        for name in ("dx", "dy", "quality", "sigma_dx", "sigma_dy", "rho"):
            layers[name] = np.where(known, total / np.maximum(count, 1), np.nan).astype(np.float32)
        layers["count"] = count.astype(np.float32)
        layers["flags"] = np.where(known, 0, int(Flag.NODATA)).astype(np.uint8)
        return Field.from_layers(layers)


@pytest.fixture(scope="session")
def brightness() -> type[Brightness]:
    """Return the tracker `Brightness`."""
    return Brightness


@pytest.fixture(scope="session")
def default_tracker() -> Callable[[str], Tracker]:
    """Make the tracker of a name with its defaults; skips where the extra that it needs is not installed."""
    from sensetrack.trackers import registry

    modules = {"deep": "torch"}

    def make(name: str) -> Tracker:
        cls = registry.get(name)
        if cls.needs_extra is not None:
            pytest.importorskip(modules[cls.needs_extra], reason=f"{name} needs the extra '{cls.needs_extra}'")
        return cls()

    return make


@pytest.fixture
def pair_files(
    write_raster: Callable[..., Path], utm_grid: Callable[..., Grid], texture: Callable[..., np.ndarray]
) -> tuple[Path, Path]:
    """A pair of 403 x 510 with a hole in each image."""
    grid = utm_grid((403, 510))
    first, second = texture((403, 510)), texture((403, 510), seed=1)
    first[50:90, 100:200] = -1
    second[:, 300:310] = -1
    return (
        write_raster(first, "20200101.tif", grid=grid, nodata=-1),
        write_raster(second, "20200111.tif", grid=grid, nodata=-1),
    )


@pytest.fixture
def image_pair(pair_files: tuple[Path, Path]) -> ImagePair:
    """The pair of `pair_files`."""
    return ImagePair.open(*pair_files)


@pytest.fixture(scope="module")
def dask_engine() -> Iterator[Engine]:
    """Two processes, which can import the trackers and functions of the tests."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    try:
        with open_engine("dask", 2) as engine:
            yield engine
    finally:
        del sys.path[0]
