"""Dense displacement by Gauss-Newton in windows that adapt to it, with an error at every pixel.

Both images lose their slow changes of brightness. At the coarsest level of a pyramid (a quarter of the size) windows
are correlated at every lag up to ``search``; from there to the finest, Gauss-Newton steps move each pixel's window to
where it fits best (Lucas & Kanade 1981; Le Besnerais & Champagnat 2005), held by a prior where there is no texture, and
displacements of pixels nearby are tried where they differ. In the end windows of several sizes are solved at once, and
each pixel takes the largest that no smaller one contradicts (intersection of confidence intervals, Katkovnik 1999):
wide where motion is even, narrow beside a fault. Further passes seek only what is missing, which takes out what wide
windows have flattened.

Ground that has changed (clouds, melt, water) is recognised by what is left of the difference beside the noise around,
flagged, and kept out of the windows beside it in a second go.

Quality is the correlation of the reference with the secondary moved back, lowered where the way back, found on its own
at half the size, misses the start. The covariance is that of the match of the chosen window, from the misfit that is
left (clustered sandwich), plus the roughness of the flow and what the way back misses; factors are fitted per preset.

When not to use it: where light and shadow change within a few pixels (`pcc` with the image filter `orientation` stands
more); for complex images, of which it follows the amplitude only; where only few independent values are wanted, because
errors of neighbouring pixels hang together over the chosen window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from pydantic import model_validator

from sensetrack.displacement import Field, Flag
from sensetrack.flow.tiling import STRIP
from sensetrack.params import param
from sensetrack.trackers._base import Tracker
from sensetrack.trackers._dense import FLAT, LARGEST_REST, SIGNIFICANCE
from sensetrack.trackers._source import HALF, amplitude, halved, moderate, prepare
from sensetrack.types import Mask, PixelArray

if TYPE_CHECKING:
    from sensetrack.flow.assess import Calibration
    from sensetrack.flow.lk import Settings
    from sensetrack.flow.sample import Limits
    from sensetrack.flow.tensors.track import Plan

PRESETS: dict[str, dict[str, int]] = {
    "fast": {
        "halve": 1,
        "highpass": 16,
        "coarse_steps": 3,
        "fine_steps": 0,
        "smallest": 6,
        "largest": 40,
        "windows": 3,
        "passes": 2,
        "reach": 12,
    },
    "balanced": {
        "halve": 0,
        "highpass": 12,
        "coarse_steps": 4,
        "fine_steps": 2,
        "smallest": 5,
        "largest": 28,
        "windows": 3,
        "passes": 2,
        "reach": 6,
    },
    "full": {
        "halve": 0,
        "highpass": 12,
        "coarse_steps": 6,
        "fine_steps": 2,
        "smallest": 4,
        "largest": 45,
        "windows": 6,
        "passes": 3,
        "reach": 16,
    },
}
"""What each preset sets."""

CALIBRATIONS: dict[str, dict[str, float]] = {
    "fast": {"noise": 1.15, "roughness": 0.0, "way_back": 0.1, "floor": 0.004},
    "balanced": {"noise": 0.7, "roughness": 0.004, "way_back": 0.16, "floor": 0.001},
    "full": {"noise": 0.7, "roughness": 0.0, "way_back": 0.1, "floor": 0.001},
}
"""How errors follow from what can be seen, `sensetrack.flow.assess.Calibration`, in pixels of the finest level: fitted
to the errors on gravel, the Moon and radar with noise of 10 and 20 dB and speckle of 10 looks; constant displacement,
bumps and faults."""

TEXTURE_SIDE = 5
"""Cells along the window over which texture is judged."""


class AdaptiveLk(Tracker):
    """Dense displacement by Gauss-Newton in windows that adapt to it."""

    devices = ("cpu", "cuda")

    preset: Literal["fast", "balanced", "full"] = param(
        "balanced", "How much is done; it sets what is not set itself: coarse_steps, fine_steps, windows and the rest."
    )
    step: int = param(
        1, "Distance between output pixels; each holds the displacement at its centre.", unit="px", ge=1, le=1024
    )
    search: int = param(
        32,
        "Largest displacement along rows or columns that is sought; what exceeds it is flagged.",
        unit="px",
        ge=4,
        le=256,
    )
    levels: int = param(
        3,
        "Levels of the pyramid, each half as large as the last; more are faster with a long search, and follow what "
        "stands still at large scales, such as shaded slopes under moving ice.",
        ge=2,
        le=5,
    )
    halve: bool | None = param(
        None,
        "Halve the images first, and draw the displacement at half the size; four times faster where motion is smooth.",
    )
    highpass: int | None = param(
        None,
        "Half the side of the window whose mean brightness is taken out; wider where texture is coarse and light even.",
        unit="px",
        ge=5,
        le=100,
    )
    smallest: int | None = param(None, "Half the side of the smallest window to choose from.", unit="px", ge=2, le=64)
    largest: int | None = param(None, "Half the side of the largest window to choose from.", unit="px", ge=2, le=64)
    windows: int | None = param(
        None, "Windows to choose from, each larger than the last by the same factor.", ge=1, le=9
    )
    bound: float = param(
        12.0,
        "Squared distance, in standard deviations, by which a larger window may differ from a smaller one.",
        gt=0,
        le=100,
    )
    coarse_steps: int | None = param(None, "Gauss-Newton steps at all levels but the finest.", ge=1, le=20)
    fine_steps: int | None = param(
        None, "Gauss-Newton steps at the finest level before windows are chosen.", ge=0, le=20
    )
    passes: int | None = param(None, "Passes in the end that seek what is missing.", ge=0, le=10)
    reach: int | None = param(
        None,
        "How far off other displacements are looked for at the finest level; 0 for not at all.",
        unit="px",
        ge=0,
        le=32,
    )
    min_valid: float = param(0.5, "Least share of the window around a pixel that is valid in both images.", gt=0, le=1)
    forward_backward: float = param(
        1.0, "Flag pixels whose way back misses the start by more than this; 0 skips the check.", unit="px", ge=0
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        smallest, largest, windows = (self._setting(name) for name in ("smallest", "largest", "windows"))
        highpass = self._setting("highpass")
        if smallest > largest:
            raise ValueError(
                f"smallest = {smallest} is larger than largest = {largest}; use smallest = {largest} or less"
            )
        if len(set(self.radii)) < windows:
            raise ValueError(
                f"windows = {windows} do not fit between smallest = {smallest} and largest = {largest}; use "
                f"windows = {len(set(self.radii))}, or a larger largest"
            )
        if highpass < smallest:
            raise ValueError(
                f"highpass = {highpass} takes out what windows of smallest = {smallest} see; use highpass = "
                f"{smallest} or more"
            )
        return self

    def _setting(self, name: str) -> int:
        """Return a parameter, or what the preset says of it."""
        value = getattr(self, name)
        return int(PRESETS[self.preset][name] if value is None else value)

    @property
    def _scale(self) -> int:
        """Pixels of the image per pixel of the finest level."""
        return 2 if self._setting("halve") else 1

    @property
    def radii(self) -> tuple[int, ...]:
        """Half the sides of the windows to choose from, in pixels of the finest level."""
        smallest, largest = (max(1, round(self._setting(name) / self._scale)) for name in ("smallest", "largest"))
        windows = self._setting("windows")
        if windows == 1:
            return (largest,)
        return tuple(round(smallest * (largest / smallest) ** (k / (windows - 1))) for k in range(windows))

    @property
    def settings(self) -> Settings:
        """What the parameters mean to `sensetrack.flow.lk.adaptive_lk`."""
        from sensetrack.flow.lk import Settings

        is_full, reach = self.preset == "full", round(self._setting("reach") / self._scale)
        return Settings(
            levels=self.levels + 1 - self._scale,
            search=-(-self.search // self._scale),
            highpass=round(self._setting("highpass") / self._scale),
            coarse_steps=self._setting("coarse_steps"),
            coarse_distances=(3, 8) if is_full else (3,),
            coarse_propagations=3 if is_full else 1,
            fine_steps=self._setting("fine_steps"),
            fine_distances=(max(1, reach // 2),) if is_full and reach else (),
            radii=self.radii,
            bound=self.bound,
            rest_passes=self._setting("passes"),
            whole_distances=tuple(reach >> k for k in range(3 if is_full else 2) if reach >> k > 1),
            rest_distances=(3,) if reach else (),
        )

    @property
    def calibration(self) -> Calibration:
        """How its errors follow from what can be seen."""
        from sensetrack.flow.assess import Calibration

        return Calibration(**CALIBRATIONS[self.preset])

    @property
    def limits(self) -> Limits:
        """What a pixel must keep to count as a measurement."""
        from sensetrack.flow.sample import Limits

        return Limits(
            self.min_valid, FLAT, self.forward_backward, SIGNIFICANCE, LARGEST_REST, longest=float(self.search)
        )

    @property
    def plan(self) -> Plan:
        """What the parameters mean to `sensetrack.flow.tensors.track.track_on`."""
        from sensetrack.flow.tensors.track import Plan

        return Plan(self.settings, self.calibration, self.limits, STRIP, TEXTURE_SIDE, self.step, self._scale, HALF)

    @property
    def spacing(self) -> int:
        """Input pixels per output pixel."""
        return self.step

    @property
    def alignment(self) -> int:
        """Strips and tiles, whose places the sums depend on in the last digits."""
        return STRIP * self._scale

    @property
    def margin(self) -> int:
        """Measured: with more, seams do not shrink any further; fine levels leave out most of it."""
        widest = 2 * max(self.radii) * self._scale
        return max(128 * self._scale, self.search + widest, 32 << (self.levels - 1))

    @property
    def smallest_image(self) -> int:
        """The window of the search, or a step."""
        return max(self.step, 11 << (self.levels - 1))

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        if device != "cpu":
            from sensetrack.flow.tensors.track import track_on

            pair, masks = (amplitude(reference), amplitude(secondary)), (reference_valid, secondary_valid)
            return track_on(device, pair, masks, pad, self.plan)

        from sensetrack.flow.lattice import CELL
        from sensetrack.flow.lk import begin, cropped, views, way_back
        from sensetrack.flow.lk_errors import judge
        from sensetrack.flow.lk_goes import in_goes
        from sensetrack.flow.sample import at_centres, sample

        settings, scale = self.settings, self._scale
        shape = (reference.shape[0] - 2 * pad) // self.step, (reference.shape[1] - 2 * pad) // self.step
        images = (reference, reference_valid), (secondary, secondary_valid)
        if scale == 2:
            images = halved(*images[0]), halved(*images[1])
        first, second = (prepare(pixels, valid, STRIP, TEXTURE_SIDE) for pixels, valid in images)
        outer, pad = pad, pad // scale
        pyramid = views(
            moderate(first.image, first.valid),
            moderate(second.image, second.valid),
            first.weight,
            second.weight,
            settings.levels,
            settings.highpass,
        )
        start = begin(pyramid, settings)
        back = way_back(pyramid, settings, start, pad) if self.forward_backward else None
        found, sums, miss, change = in_goes(pyramid, (first.weight, second.weight), back, settings, start, pad)
        away = cropped(pad, 0)
        miss[~first.known[_inside(first.known.shape, away)]] = np.nan
        cells = _inside(first.texture.shape, away // CELL)
        textures = first.texture[cells], second.texture[cells]
        known = judge(sums, change, found.number, self.radii, self.calibration)
        field = sample(found.flow, miss, known, textures, self.limits, self.step, pad - away, shape, scale)
        if scale == 1 or reference_valid.all():
            return field
        return field.with_flag(~at_centres(reference_valid, outer, self.step, shape), Flag.NODATA)


def _inside(shape: tuple[int, ...], border: int) -> tuple[slice, slice]:
    """Return the index of what lies ``border`` inside an array."""
    return slice(border, shape[0] - border), slice(border, shape[1] - border)
