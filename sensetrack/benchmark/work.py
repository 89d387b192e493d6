"""What is timed: the whole of a tracker's work, and of a peer's its own function only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sensetrack.benchmark.peers import Peer
from sensetrack.device import core_share
from sensetrack.trackers import Tracker
from sensetrack.types import FloatArray


def work_of(
    tracker: Tracker, reference: FloatArray, secondary: FloatArray, device: str = "cpu"
) -> Callable[[], FloatArray]:
    """Return a function that tracks a pair, and returns the displacements along columns.

    What a peer wants done to the images beforehand is done here and now, in its favour.

    Parameters
    ----------
    tracker : Tracker
    reference, secondary : ndarray of float32
    device : str
        Where trackers of ours work.
    """
    if isinstance(tracker, Peer):
        images = tracker.prepare(reference, secondary)
        return lambda: tracker.flow(*images)[0]
    return lambda: tracker.track(reference, secondary, device=device).dx


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let trackers and OpenCV use that many threads within the context."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        with core_share(count):
            yield
    finally:
        cv2.setNumThreads(before)
