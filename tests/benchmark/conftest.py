"""A tracker whose errors are known, and pairs that are made quickly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.measure import Contender
from sensetrack.benchmark.pairs import KnownPair, PairMaker
from sensetrack.benchmark.truths import FIELDS
from sensetrack.displacement import Field, Flag
from sensetrack.params import param
from sensetrack.trackers import Tracker
from sensetrack.types import Mask, PixelArray


class Sayer(Tracker):
    """Says everywhere what it is told, and flags a share of what it says."""

    step: int = param(4, "Spacing.", unit="px", ge=1)
    dx: float = param(0.37, "What it says.", unit="px")
    dy: float = param(-0.62, "What it says.", unit="px")
    sigma: float = param(0.1, "What it states.", unit="px", gt=0)
    dropped: int = param(0, "Every so manyth column is flagged; 0 is none.", ge=0)
    search: int = param(3, "How far it would look.", unit="px", ge=1, le=20)
    fails: bool = param(False, "Whether it breaks.")

    @property
    def spacing(self) -> int:
        """Input pixels per output pixel."""
        return self.step

    @property
    def margin(self) -> int:
        """None."""
        return 0

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        if self.fails:
            raise RuntimeError("it broke\nin two lines")
        shape = tuple((size - 2 * pad) // self.step for size in reference.shape)
        values = {
            "dx": self.dx,
            "dy": self.dy,
            "quality": 0.9,
            "sigma_dx": self.sigma,
            "sigma_dy": self.sigma,
            "rho": 0,
        }
        flags = np.zeros(shape, np.uint8)
        if self.dropped:
            flags[:, :: self.dropped] = int(Flag.LOW_QUALITY)
        layers = {name: np.full(shape, value, np.float32) for name, value in values.items()}
        return Field.from_layers(layers | {"flags": flags})


@pytest.fixture(scope="session")
def sayer() -> Callable[..., Contender]:
    """Make a contender that says what it is told: ``sayer("name", dx=0.5, ...)``."""
    return lambda name="sayer", **values: Contender(name, Sayer(**values))


@pytest.fixture(scope="session")
def shifted() -> KnownPair:
    """A pair of 128 x 128 pixels with the constant displacement."""
    return PairMaker(128).make("radar", FIELDS["shift"], CONDITIONS["noise-20db"])
