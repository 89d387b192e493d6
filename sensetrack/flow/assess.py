"""Says how far a dense flow can be trusted: what is left after it, how it agrees with the way back, its errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensetrack.types import FloatArray, Mask, PixelArray


@dataclass(frozen=True, eq=False)
class Assessment:
    """What is known of a flow at every pixel, all float32 ``(row, col)``.

    Attributes
    ----------
    share : ndarray
        Share of the window that is valid in both images, 0..1; 0 where the pixel or what it shows in the secondary is
        invalid.
    correlation : ndarray
        Correlation coefficient of the reference and the secondary moved back by the flow, -1..1.
    way_back : ndarray
        Pixels by which the way there and back misses its start; 0 where that was not asked for.
    rest : ndarray
        Length of the Lucas-Kanade step that what is left in the window still asks for, in pixels.
    variance_dx, variance_dy, covariance : ndarray
        Of the flow's error, px^2.
    """

    share: FloatArray
    correlation: FloatArray
    way_back: FloatArray
    rest: FloatArray
    variance_dx: FloatArray
    variance_dy: FloatArray
    covariance: FloatArray


def assess(
    reference: FloatArray,
    secondary: FloatArray,
    reference_weight: FloatArray,
    secondary_weight: FloatArray,
    there: tuple[FloatArray, FloatArray],
    back: tuple[FloatArray, FloatArray] | None,
    window: int,
) -> Assessment:
    """Compare a flow with the images and with the flow of the way back.

    Parameters
    ----------
    reference, secondary : ndarray of float32
        ``(row, col)``, evened out.
    reference_weight, secondary_weight : ndarray of float32
        0..1, 0 where invalid.
    there, back : tuple of ndarray of float32
        dx and dy at every pixel of the reference, and from the secondary to the reference.
    window : int
        Side of the window, odd, over which errors hang together.

    Returns
    -------
    Assessment
    """
    import cv2

    def mean(values: PixelArray) -> FloatArray:
        return np.asarray(cv2.blur(values, (window, window), borderType=cv2.BORDER_CONSTANT), np.float32)

    dx, dy = there
    rows, cols = np.indices(dx.shape, np.float32)
    at_row, at_col = rows + dy, cols + dx

    def moved(values: FloatArray, order: int) -> FloatArray:
        return np.asarray(cv2.remap(values, at_col, at_row, order, borderMode=cv2.BORDER_CONSTANT), np.float32)

    target = moved(secondary_weight, cv2.INTER_LINEAR)
    weight = reference_weight * target
    second = moved(secondary, cv2.INTER_CUBIC)
    gy, gx = np.gradient(reference)
    energy, other = mean(weight * reference**2), mean(weight * second**2)
    correlation = mean(weight * reference * second) / np.sqrt(np.maximum(energy * other, 1e-12))
    gain = np.sqrt(other / np.maximum(energy, 1e-6))
    rest = second - gain * reference
    hxx, hyy, hxy = mean(weight * gx * gx), mean(weight * gy * gy), mean(weight * gx * gy)
    px, py = mean(weight * gx * rest), mean(weight * gy * rest)
    det = np.maximum(hxx * hyy - hxy * hxy, 1e-12)
    step_x, step_y = (hyy * px - hxy * py) / det, (hxx * py - hxy * px) / det
    scatter = mean(weight * rest**2) / np.maximum(mean(weight) * window**2, 1e-3)
    miss = np.zeros_like(dx)
    if back is not None:
        miss = np.hypot(dx + moved(back[0], cv2.INTER_LINEAR), dy + moved(back[1], cv2.INTER_LINEAR))
    spread = miss * miss / 4
    return Assessment(
        share=np.where(weight > 0, mean(weight), 0).astype(np.float32),
        correlation=correlation,
        way_back=miss,
        rest=np.hypot(step_x, step_y),
        variance_dx=(scatter * hyy / det + spread).astype(np.float32),
        variance_dy=(scatter * hxx / det + spread).astype(np.float32),
        covariance=(-scatter * hxy / det).astype(np.float32),
    )


def texture_level(image: FloatArray, valid: Mask, window: int) -> FloatArray:
    """Return how much neighbouring pixels differ in a window, relative to how large they are.

    Parameters
    ----------
    image : ndarray of float32
        As it was read.
    valid : ndarray of bool
    window : int

    Returns
    -------
    ndarray of float32
        Root mean square difference over root mean square value.
    """
    import cv2

    wide = np.where(valid, image, 0).astype(np.float64)
    change = np.zeros_like(wide)
    change[:, 1:] += np.where(valid[:, 1:] & valid[:, :-1], np.diff(wide, axis=1) ** 2, 0)
    change[1:] += np.where(valid[1:] & valid[:-1], np.diff(wide, axis=0) ** 2, 0)
    level = cv2.blur(wide * wide, (window, window), borderType=cv2.BORDER_CONSTANT)
    change = np.asarray(cv2.blur(change, (window, window), borderType=cv2.BORDER_CONSTANT), np.float64)
    out = np.zeros_like(wide)
    np.divide(change, level, out=out, where=(change > 0) & (level > 1e-12 * float(level.max())))
    return np.sqrt(out).astype(np.float32)
