"""What flows along the edges of a graph: named bands that are read lazily, with their geometry. SNAP's "product"."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Self

from sensetrack.errors import GraphError, did_you_mean
from sensetrack.radar.grid import RadarGrid
from sensetrack.radar.state_vectors import StateVectors
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.sensors import Product

Unit = Literal[
    "complex", "amplitude", "intensity", "intensity_db", "amplitude_db", "reflectance", "digital number", "degrees", ""
]
"""What the pixels of a band mean; those that end in ``_db`` are decibel. ``""``: something else, or unknown."""


@dataclass(frozen=True, eq=False, kw_only=True)
class SceneBand:
    """One band of a scene.

    A complex band is one band here, named by its stem (``IW1_VV``). SNAP shows it as two, ``i_IW1_VV`` and
    ``q_IW1_VV``, and a virtual one, ``Intensity_IW1_VV``: `Scene.select` takes those names for it too, as it takes
    ``Intensity_VV`` for ``Amplitude_VV``.

    Attributes
    ----------
    name : str
        As SNAP names it: ``Amplitude_VV``, ``Sigma0_IW1_VV``, ``B4``.
    image : Image
        Its pixels, float32 or complex64, with where they are valid.
    unit : str
        See `Unit`.
    radar : RadarGrid or None
        For bands in the geometry of a radar; None on a map, and for bursts that are not put together yet.
    channel : str
        Name of the product's band that it was made of, such as ``IW1-VV``; ``""`` where it was made of several.
    swath, polarisation : str
        ``IW1``, ``VV``; ``""`` where it has none.
    lines : tuple of int or None
        Of bursts that are not put together: first line of the file, and the one behind the last.
    dtype : str
        In which type `Write` stores it.
    nodata : float
        What `Write` stores where nothing is valid.
    scale, offset : float
        ``number * scale + offset`` is the quantity, where numbers are stored as they are.
    wavelength : float or None
        nm.
    is_class : bool
        Whether its numbers are classes or flags, between which nothing lies.
    """

    name: str
    image: Image
    unit: Unit = ""
    radar: RadarGrid | None = None
    channel: str = ""
    swath: str = ""
    polarisation: str = ""
    lines: tuple[int, int] | None = None
    dtype: str = "float32"
    nodata: float = math.nan
    scale: float = 1.0
    offset: float = 0.0
    wavelength: float | None = None
    is_class: bool = False

    @property
    def grid(self) -> Grid:
        """Where its pixels lie: on a map, or lines and samples without a CRS."""
        return self.image.grid

    @property
    def names(self) -> tuple[str, ...]:
        """All names by which graphs may ask for it."""
        if self.unit == "amplitude" and self.name.startswith("Amplitude_"):
            return self.name, f"Intensity_{self.name.removeprefix('Amplitude_')}"
        if self.unit != "complex":
            return (self.name,)
        return self.name, f"i_{self.name}", f"q_{self.name}", f"Intensity_{self.name}"

    def replace(self, **changes: object) -> Self:
        """Return the band with some attributes changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scene:
    """Bands and what is known of them.

    Attributes
    ----------
    name : str
        That of the product, with the suffixes of what was done to it (``_Orb_Cal_TC``).
    bands : tuple of SceneBand
        Their names differ.
    product : Product or None
        The product of a sensor that was read; None for plain rasters, and after several were put together.
    start : datetime or None
        Of the acquisition, UTC.
    tags : mapping of str to str
        What `Write` puts into the file beside the tags of the first image.
    done : tuple of str
        Names of the operators that were applied, in order.
    orbit : StateVectors or None
        In place of the product's own, for bursts that are not put together and so have no `RadarGrid` yet.
    """

    name: str
    bands: tuple[SceneBand, ...]
    product: Product | None = None
    start: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    done: tuple[str, ...] = ()
    orbit: StateVectors | None = None

    @property
    def grid(self) -> Grid:
        """That of the first band.

        Raises
        ------
        GraphError
            There are no bands.
        """
        if not self.bands:
            raise GraphError(f"{self.name} has no bands")
        return self.bands[0].grid

    @property
    def is_radar(self) -> bool:
        """Whether it lies in the geometry of a radar."""
        return any(band.radar is not None or band.lines is not None for band in self.bands)

    def band(self, name: str) -> SceneBand:
        """Return the band of a name, in any of the spellings of `SceneBand.names`.

        Raises
        ------
        GraphError
            There is none; the nearest known one is named.
        """
        for band in self.bands:
            if name in band.names:
                return band
        raise GraphError(f"{self.name} has no band '{name}'{did_you_mean(name, [b.name for b in self.bands])}")

    def select(self, names: Iterable[str], what: str = "sourceBands") -> tuple[SceneBand, ...]:
        """Return the bands of some names, each once and in their own order; all where no name is given.

        Raises
        ------
        GraphError
            There is no band of a name.
        """
        wanted = tuple(names)
        if not wanted:
            return self.bands
        for name in wanted:
            if not any(name in band.names for band in self.bands):
                known = [band.name for band in self.bands]
                raise GraphError(f"{what} = '{name}': {self.name} has no such band{did_you_mean(name, known)}")
        return tuple(band for band in self.bands if set(wanted) & set(band.names))

    def of_polarisations(self, names: Iterable[str]) -> tuple[SceneBand, ...]:
        """Return the bands of some polarisations; all where none is given.

        Raises
        ------
        GraphError
            There is no band of a polarisation.
        """
        wanted = {name.upper() for name in names}
        have = {band.polarisation for band in self.bands}
        if wanted - have:
            raise GraphError(
                f"selectedPolarisations = '{','.join(sorted(wanted))}': {self.name} has {', '.join(sorted(have))}"
            )
        return tuple(band for band in self.bands if not wanted or band.polarisation in wanted)

    def after(
        self, operator: str, bands: Iterable[SceneBand], *, suffix: str = "", prefix: str = "", **changes: object
    ) -> Self:
        """Return the scene as an operator leaves it.

        Parameters
        ----------
        operator : str
            Its name, which goes into `done`.
        bands : iterable of SceneBand
        suffix, prefix : str
            What the scene's name gets.
        **changes
            Other attributes.
        """
        return dataclasses.replace(
            self,
            name=f"{prefix}{self.name}{suffix}",
            bands=tuple(bands),
            done=(*self.done, operator),
            **changes,  # type: ignore[arg-type]
        )

    def each(self, change: Callable[[SceneBand], SceneBand]) -> tuple[SceneBand, ...]:
        """Return all bands, changed one by one."""
        return tuple(change(band) for band in self.bands)
