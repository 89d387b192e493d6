"""Functions of other packages, called plainly, as contenders: scikit-image, OpenCV, OpenPIV.

They look like trackers to whoever measures them, but are not registered: nothing else of the toolkit uses them. They
give ``dx`` and ``dy``, no errors, no quality, and know neither masks nor blocks.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
from abc import abstractmethod
from collections.abc import Sequence
from importlib import metadata
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sensetrack.benchmark.measure import Contender
from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError, did_you_mean
from sensetrack.params import param
from sensetrack.trackers import Tracker
from sensetrack.types import FloatArray, Mask, PixelArray

Pair = tuple[NDArray[Any], NDArray[Any]]
"""Reference and secondary."""


class Peer(Tracker):
    """A function of another package that takes two images and returns displacements of them."""

    package: ClassVar[str]
    """Name of the distribution."""

    module: ClassVar[str]
    """Name under which it is imported."""

    twin: ClassVar[str] = ""
    """Tracker of ours that does the same, which pictures show in the same hue."""

    @property
    def spacing(self) -> int:
        """A displacement at every pixel."""
        return 1

    @property
    def margin(self) -> int:
        """Unknown; it sees whole images only."""
        return 0

    def prepare(self, reference: PixelArray, secondary: PixelArray) -> Pair:
        """Return both images as the function wants them: stretched together to 0..1, as float32."""
        low, high = np.percentile(np.stack([np.abs(reference), np.abs(secondary)]), (0.1, 99.9))
        scale = np.float32(1 / max(float(high - low), 1e-12))
        first, second = ((np.abs(image) - np.float32(low)) * scale for image in (reference, secondary))
        return first, second

    @abstractmethod
    def flow(self, reference: NDArray[Any], secondary: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Return ``(dx, dy)`` of prepared images on the output grid, NaN where the function has no value."""

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        if pad:
            raise ParameterError(f"pad = {pad}: {type(self).__name__} sees whole images only; use 0")
        dx, dy = self.flow(*self.prepare(reference, secondary))
        layers = {name: np.full(dx.shape, np.nan, np.float32) for name in ("quality", "sigma_dx", "sigma_dy", "rho")}
        flags = np.where(np.isfinite(dx) & np.isfinite(dy), 0, int(Flag.NODATA)).astype(np.uint8)
        return Field.from_layers(layers | {"dx": dx, "dy": dy, "flags": flags})


class SkimagePcc(Peer):
    """``skimage.registration.phase_cross_correlation``, window by window."""

    package, module, twin = "scikit-image", "skimage", "pcc"

    window: int = param(64, "Side of the windows.", unit="px", ge=8, multiple_of=2)
    step: int = param(8, "Distance between windows.", unit="px", ge=2, multiple_of=2)
    upsampling: int = param(10, "Steps per pixel of the refined peak.", ge=1)

    @property
    def spacing(self) -> int:
        """Input pixels per window."""
        return self.step

    def prepare(self, reference: PixelArray, secondary: PixelArray) -> Pair:
        """Return both images as they are: scale does not matter here."""
        return np.abs(reference), np.abs(secondary)

    def flow(self, reference: NDArray[Any], secondary: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Return ``(dx, dy)`` at the middles of cells of ``step`` pixels, around which the window fits."""
        from skimage.registration import phase_cross_correlation

        rows, cols = (size // self.step for size in reference.shape)
        dx, dy = (np.full((rows, cols), np.nan, np.float32) for _ in range(2))
        lead = (self.window - self.step) // 2
        for row in range(rows):
            top = row * self.step - lead
            for col in range(cols):
                left = col * self.step - lead
                bottom, right = top + self.window, left + self.window
                if min(top, left) < 0 or bottom > reference.shape[0] or right > reference.shape[1]:
                    continue
                place = np.s_[top:bottom, left:right]
                # The function returns what moves the second image back onto the first.
                shift, _, _ = phase_cross_correlation(
                    reference[place], secondary[place], upsample_factor=self.upsampling
                )
                dy[row, col], dx[row, col] = -shift[0], -shift[1]
        return dx, dy


class SkimageIlk(Peer):
    """``skimage.registration.optical_flow_ilk``."""

    package, module, twin = "scikit-image", "skimage", "ilk"

    radius: int = param(15, "Radius of its windows.", unit="px", ge=1)

    def flow(self, reference: NDArray[Any], secondary: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Return ``(dx, dy)`` at every pixel."""
        from skimage.registration import optical_flow_ilk

        down, right = optical_flow_ilk(reference, secondary, radius=self.radius)
        return right, down


class SkimageTvl1(Peer):
    """``skimage.registration.optical_flow_tvl1``, with its defaults."""

    package, module, twin = "scikit-image", "skimage", "tvl1"

    def flow(self, reference: NDArray[Any], secondary: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Return ``(dx, dy)`` at every pixel."""
        from skimage.registration import optical_flow_tvl1

        down, right = optical_flow_tvl1(reference, secondary)
        return right, down


class _OfBytes(Peer):
    """A function that wants 8 bit."""

    package, module = "opencv-python-headless", "cv2"

    def prepare(self, reference: PixelArray, secondary: PixelArray) -> Pair:
        """Return both images stretched together to 0..255, as bytes."""
        first, second = (np.rint(255 * np.clip(image, 0, 1)) for image in super().prepare(reference, secondary))
        return first.astype(np.uint8), second.astype(np.uint8)


class OpencvFarneback(_OfBytes):
    """``cv2.calcOpticalFlowFarneback``, with the wider of the two neighbourhoods that its documentation names.

    The narrower one, of 5 px and 1.2, errs by more on 30 px, and by less where there is little texture.
    """

    twin = "farneback"

    winsize: int = param(31, "Side of its windows.", unit="px", ge=3)
    levels: int = param(5, "Levels of its pyramid; the tutorial's 3 do not reach 30 px.", ge=1)

    def flow(self, reference: NDArray[Any], secondary: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Return ``(dx, dy)`` at every pixel."""
        import cv2

        found: Any = np.zeros((*reference.shape, 2), np.float32)
        found = cv2.calcOpticalFlowFarneback(reference, secondary, found, 0.5, self.levels, self.winsize, 3, 7, 1.5, 0)
        return found[..., 0], found[..., 1]


class OpencvDis(_OfBytes):
    """``cv2.DISOpticalFlow`` with its preset ``medium``."""

    twin = "dis"

    def flow(self, reference: NDArray[Any], secondary: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Return ``(dx, dy)`` at every pixel."""
        import cv2

        method: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        found = method.calc(reference, secondary, None)
        return found[..., 0], found[..., 1]


class OpenpivWidim(Peer):
    """``openpiv.windef``: windows of 64, 32 and 32 pixels that are deformed from pass to pass."""

    package, module = "openpiv", "openpiv"

    longest: float = param(40.0, "Largest component that its validation admits.", unit="px", gt=0)

    @property
    def spacing(self) -> int:
        """Input pixels per window of the last pass."""
        return 8

    @property
    def centre_offset(self) -> float:
        """Windows of 32 pixels start at multiples of 8."""
        return 4.0

    def flow(self, reference: NDArray[Any], secondary: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Return ``(dx, dy)`` at the middles of the windows of the last pass."""
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")  # of masked arrays and of empty windows; it prints, too
            from openpiv.settings import PIVSettings
            from openpiv.windef import simple_multipass

            settings = PIVSettings(windowsizes=(64, 32, 32), overlap=(32, 16, 24), num_iterations=3)
            settings.min_max_u_disp = settings.min_max_v_disp = (-self.longest, self.longest)
            _, _, right, up, _ = simple_multipass(reference, secondary, settings)
        shape = tuple(size // self.spacing for size in reference.shape)
        dx, dy = (np.full(shape, np.nan, np.float32) for _ in range(2))
        place = np.s_[1 : 1 + right.shape[0], 1 : 1 + right.shape[1]]
        dx[place], dy[place] = right, -up  # rows stay as in the image, only the sign says that up is positive
        return dx, dy


PEERS: dict[str, type[Peer]] = {
    "skimage-pcc": SkimagePcc,
    "skimage-ilk": SkimageIlk,
    "skimage-tvl1": SkimageTvl1,
    "opencv-farneback": OpencvFarneback,
    "opencv-dis": OpencvDis,
    "openpiv-widim": OpenpivWidim,
}
"""The peers by name."""


def peers(names: Sequence[str] = ()) -> list[Contender]:
    """Return peers as contenders; one whose package is not installed takes part with the reason.

    Parameters
    ----------
    names : sequence of str
        Names in `PEERS`; default: all.

    Raises
    ------
    ParameterError
        There is no peer of a name.
    """
    found = []
    for name in names or PEERS:
        if name not in PEERS:
            raise ParameterError(f"no peer '{name}'{did_you_mean(name, PEERS)}; there are {', '.join(PEERS)}")
        peer = PEERS[name]
        if importlib.util.find_spec(peer.module) is None:
            found.append(Contender(name, None, f"{peer.package} is not installed; pip install {peer.package}"))
        else:
            found.append(Contender(name, peer()))
    return found


def versions() -> dict[str, str]:
    """Return the versions of the packages of all peers that are installed."""
    known = {}
    for peer in PEERS.values():
        if importlib.util.find_spec(peer.module) is None:
            continue
        try:
            known[peer.package] = metadata.version(peer.package)
        except metadata.PackageNotFoundError:  # installed under another name, as opencv-python is
            known[peer.package] = str(getattr(importlib.import_module(peer.module), "__version__", "unknown"))
    return known
