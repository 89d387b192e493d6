"""Tiles recognised by a convolutional network, with the probability that each match is right.

Tiles of the reference lie on a grid; the tiles of the secondary at every whole displacement up to ``search`` are the
candidates, and the network says how probable each is (the method of Łucka 2025, Remote Sensing Applications: Society
and Environment, 101476).

``mode = shared``: one network for all pixels, trained beforehand (``sensetrack train cnn``; weights are included). It
gives every pixel features by which ground is recognised under other light, in fresh speckle, or where part of it has
changed. Features of tile and candidate are correlated, a calibrated softmax makes probabilities of the scores, one of
them that of "none of the candidates", and the top of the surface of scores, interpolated between the lags, gives the
fraction of a pixel. Quality is the probability of the best candidate and the eight around it: of being right to about a
pixel. The covariance is that of the top's position, from how features misfit in parts of the tile (sandwich), with a
factor from the calibration.

``mode = per-tile``: the published method. For every tile a network like AlexNet is trained from nothing on its
candidates, altered in many ways, and classifies the tile; displacements are whole pixels, quality is the softmax of the
best. Minutes per tile on a CPU: for comparison, or for a handful of points.

The filter `probability` keeps what stands out among its own candidates, as published.

When not to use it: where intensities correlate well, `pcc`, `ncc` and `adaptive-lk` place a match better and sooner;
for displacements that change by more than a pixel or two across a tile; for complex images, of which it sees the
amplitude only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import model_validator

from sensetrack.displacement import EMPTY, Field, Flag
from sensetrack.nets.extra import need_torch, share_of_cores
from sensetrack.params import param
from sensetrack.trackers._base import Tracker
from sensetrack.trackers._place import origin
from sensetrack.trackers._source import amplitude
from sensetrack.types import Mask, PixelArray

if TYPE_CHECKING:
    from sensetrack.nets.tiles import Grid, Measured

AUGMENTATIONS = ("contour", "edges", "emboss", "detail", "sharpen", "smooth", "blur", "scale", "rotate")
"""What candidates are altered by in training, in mode per-tile."""

FLAT = 1e-6
"""Relative standard deviation below which a tile has no texture but rounding errors."""

SURROUNDINGS = 40
"""Pixels around a tile and its search that its features depend on: the window of brightness, the layers, bridged holes
and the lags around the best."""

_OF_TILES = ("candidate_step", "augmentations", "epochs", "batch", "rate", "seed", "checkpoints")
"""Parameters of mode per-tile only."""


class Cnn(Tracker):
    """Tiles recognised by a convolutional network, with probabilities."""

    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    extra_layers: ClassVar[tuple[str, ...]] = ("probability_mean", "probability_std")
    needs_extra: ClassVar[str | None] = "deep"

    mode: Literal["shared", "per-tile"] = param(
        "shared", "One network for all tiles, or, as published, one trained for each (minutes per tile on a CPU)."
    )
    window: int = param(64, "Side of the tiles.", unit="px", ge=16, le=256)
    step: int = param(16, "Distance between tile centres.", unit="px", ge=1, le=1024)
    search: int = param(10, "Largest displacement along rows and columns among the candidates.", unit="px", ge=1, le=64)
    min_probability: float = param(
        0.5, "Matches of a lower probability are low_quality; 0 leaves the judgement to filters.", ge=0, le=1
    )
    min_valid: float = param(
        0.5, "Least share of a tile that is valid in both images; a candidate with less is none.", gt=0, le=1
    )
    weights: str | None = param(
        None, "Weights of mode shared, as 'sensetrack train cnn' writes them; default: those included."
    )
    candidate_step: int = param(1, "Distance between candidates, in mode per-tile.", unit="px", ge=1, le=16)
    augmentations: tuple[
        Literal["contour", "edges", "emboss", "detail", "sharpen", "smooth", "blur", "scale", "rotate"], ...
    ] = param(
        AUGMENTATIONS, "What candidates are altered by in training, in mode per-tile; none trains on them as they are."
    )
    epochs: int = param(30, "Passes over the altered candidates, in mode per-tile.", ge=1, le=1000)
    batch: int = param(128, "Images per step of training, in mode per-tile.", ge=1, le=4096)
    rate: float = param(1e-3, "Learning rate of Adam, in mode per-tile.", gt=0, le=1)
    seed: int = param(0, "Of all chance in mode per-tile; the same seed gives the same result on a CPU.", ge=0)
    checkpoints: str | None = param(
        None,
        "Folder in which mode per-tile keeps every tile that is done, with the probability of each candidate, so that "
        "a run that was stopped goes on; default: keep nothing.",
    )

    @model_validator(mode="after")
    def _check_plan(self) -> Self:
        if self.search % self.candidate_step:
            raise ValueError(
                f"candidate_step = {self.candidate_step} must divide search = {self.search}, so that standing still "
                "is among the candidates"
            )
        if self.mode == "per-tile":
            if self.weights is not None:
                raise ValueError("weights are for mode = shared; mode = per-tile trains its own")
            return self
        fields = type(self).model_fields
        given = [name for name in _OF_TILES if getattr(self, name) != fields[name].default]
        if given:
            raise ValueError(f"{', '.join(given)} need mode = per-tile; leave them out in mode = shared")
        return self

    @property
    def spacing(self) -> int:
        """Input pixels per output pixel."""
        return self.step

    @property
    def margin(self) -> int:
        """Half a tile, the search, and what features depend on or alterations look at."""
        from sensetrack.nets.tiles import rim_of

        around = SURROUNDINGS if self.mode == "shared" else rim_of(self.window)
        return (self.window + 1) // 2 + self.search + around

    @property
    def centre_offset(self) -> float:
        """Half a pixel when tile and step differ in parity."""
        return (self.step - self.window) // 2 - (self.step - self.window) / 2

    @property
    def smallest_image(self) -> int:
        """A tile, or a step."""
        return max(self.window, self.step)

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        need_torch("the tracker cnn")
        from sensetrack.nets.tiles import Grid, spread

        images = amplitude(reference), amplitude(secondary)
        valid = reference_valid, secondary_valid
        shape = (reference.shape[0] - 2 * pad) // self.step, (reference.shape[1] - 2 * pad) // self.step
        grid = Grid(shape, pad + (self.step - self.window) // 2, self.window, self.step, self.search)
        with share_of_cores():
            found = self._measure(images, valid, grid, device)
        texture = [spread(image, mask, grid.corners(), self.window) for image, mask in zip(images, valid, strict=True)]
        flags = np.zeros(len(found.dx), np.uint8)
        for where, flag in (
            (~(found.probability >= self.min_probability), Flag.LOW_QUALITY),
            (found.on_edge, Flag.SEARCH_EDGE),
            (~found.converged, Flag.NOT_CONVERGED),
        ):
            flags[where] |= np.uint8(flag)
        flags[np.minimum(*texture) < FLAT] = Flag.FLAT
        flags[found.share < self.min_valid] = Flag.NODATA
        return _to_field(found, flags, shape)

    def _measure(
        self, images: tuple[np.ndarray, np.ndarray], valid: tuple[Mask, Mask], grid: Grid, device: str
    ) -> Measured:
        if self.mode == "shared":
            from sensetrack.nets.embedding import load
            from sensetrack.nets.tile_embedding import Limits, measure

            return measure(load(self.weights, device), images, valid, grid, Limits(self.min_valid))
        from sensetrack.nets.tile_classes import Plan, classify

        plan = Plan(
            self.candidate_step,
            self.augmentations,
            self.epochs,
            self.batch,
            self.rate,
            self.seed,
            self.min_valid,
            self.checkpoints,
        )
        return classify(images, valid, grid, plan, device, origin())


def _to_field(found: Measured, flags: np.ndarray, shape: tuple[int, int]) -> Field:
    def layer(values: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(values.reshape(shape), dtype=np.float32)

    field = Field(
        dx=layer(found.dx),
        dy=layer(found.dy),
        quality=layer(found.probability),
        sigma_dx=layer(found.sigma_dx),
        sigma_dy=layer(found.sigma_dy),
        rho=layer(found.rho),
        flags=flags.reshape(shape),
        extra={
            "probability_mean": layer(found.mean),
            "probability_std": layer(found.deviation),
        },
    )
    return field.blank((field.flags & np.uint8(EMPTY)) != 0)
