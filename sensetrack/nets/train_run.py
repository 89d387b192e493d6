"""A whole training of the embedding: from a seed or from other weights to a file of weights and the note beside it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sensetrack.errors import InputError
from sensetrack.nets.embedding import Weights, begin, load, save, write_note
from sensetrack.nets.extra import share_of_cores
from sensetrack.nets.samples import GROUND, Maker
from sensetrack.nets.train_embedding import RATE, Progress, calibrate, train
from sensetrack.raster.write import atomic
from sensetrack.types import FloatArray, PathLike

KEEP_EVERY = 25
"""Steps between states that a killed run goes on from."""

CALIBRATED = 40
"""Batches on which the probabilities are calibrated; as many as there were steps, where these are fewer."""

AGAIN = 0.25
"""Learning rate of weights that are trained further, over that of new ones."""


@dataclass(frozen=True)
class Plan:
    """What to train.

    Attributes
    ----------
    steps : int
        Batches.
    seed : int
        The same seed, images and number of threads give the same weights on a CPU.
    device : str
        ``cpu`` or ``cuda:n``.
    images : sequence of ndarray of float32
        Real images ``(row, col)`` without holes, of which 0.7 of the pairs are made.
    start : path-like or None
        Weights to go on from; None begins anew.
    command : str
        What the note says of how it came about.
    """

    steps: int
    seed: int = 0
    device: str = "cpu"
    images: Sequence[FloatArray] = ()
    start: PathLike | None = None
    command: str = ""


def train_file(output: PathLike, plan: Plan, report: Callable[[Progress], None] | None = None) -> dict[str, object]:
    """Train, calibrate, write the weights and the note beside them; return the note.

    A run that was killed goes on where its last state, ``OUTPUT.state`` beside the output, was kept, if plan and
    images are the same.

    Parameters
    ----------
    output : path-like
        A ``.npz``.
    plan : Plan
    report : callable, optional

    Raises
    ------
    InputError
        An image is too small or has holes, or the weights to start from cannot be read.
    OutputError
        The weights cannot be written.
    """
    images = [_checked(image) for image in plan.images]
    weights = begin(plan.seed) if plan.start is None else load(plan.start).weights
    weights = {name: array.to(plan.device) for name, array in weights.items()}
    maker = Maker(plan.seed + 1, plan.device, images)
    shown = hashlib.sha256(b"".join(image.numpy().tobytes() for image in images)).hexdigest()
    keeper = _Keeper(Path(f"{output}.state"), [plan.steps, plan.seed, plan.device, shown, str(plan.start)])
    first, state, before = keeper.find(weights)
    rate = RATE if plan.start is None else AGAIN * RATE
    started = time.perf_counter()
    with share_of_cores():
        threads = torch.get_num_threads()
        for reached in train(
            weights, maker, plan.steps, rate=rate, start=first, state=state, every=KEEP_EVERY, keep=keeper.keep
        ):
            keeper.seconds = before + time.perf_counter() - started
            if report is not None:
                report(reached)
        calibration, scores = calibrate(weights, Maker(plan.seed + 2, plan.device, images), min(CALIBRATED, plan.steps))
    with atomic(output) as part:
        digest = save(part, weights, calibration)
    note: dict[str, object] = {
        "command": plan.command,
        "seed": plan.seed,
        "steps": plan.steps,
        "started_from": None if plan.start is None else Path(plan.start).name,
        "images": len(images),
        "device": plan.device if plan.device != "cpu" else f"cpu, {threads} thread{'s' if threads > 1 else ''}",
        "hours": round(keeper.seconds / 3600, 2),
        "torch": torch.__version__,
        "scores": {name: round(value, 4) for name, value in scores.items()},
        "calibration": {name: round(value, 4) for name, value in calibration._asdict().items()},
        "sha256": digest,
    }
    write_note(output, note)
    keeper.path.unlink(missing_ok=True)
    return note


class _Keeper:
    """Keeps the state of a run, so that it goes on after it was killed."""

    def __init__(self, path: Path, plan: list[object]) -> None:
        self.path = path
        self.plan = plan
        self.seconds = 0.0

    def find(self, weights: Weights) -> tuple[int, dict[str, object] | None, float]:
        """Return where to go on, with which state, and after how many seconds; fill in the weights."""
        if not self.path.is_file():
            return 0, None, 0.0
        try:
            content = torch.load(self.path, weights_only=True)
            plan = content["plan"]
        except Exception as error:  # whatever the loader makes of a file that is none of ours
            reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            raise InputError(f"{self.path}: cannot read the state of a run ({reason}); remove it") from error
        if plan != self.plan:
            return 0, None, 0.0
        for name, array in content["weights"].items():
            weights[name].copy_(array)
        return content["step"], content["state"], content["seconds"]

    def keep(self, step: int, weights: Weights, state: dict[str, object]) -> None:
        """Write the state; it appears when it is complete."""
        arrays = {name: array.detach() for name, array in weights.items()}
        part = self.path.with_name(self.path.name + ".partial")
        content = {"plan": self.plan, "step": step, "weights": arrays, "state": state, "seconds": self.seconds}
        torch.save(content, part)
        part.replace(self.path)


def _checked(image: FloatArray) -> torch.Tensor:
    if image.ndim != 2 or min(image.shape) < GROUND or not np.isfinite(image).all():
        raise InputError(
            f"an image of {' x '.join(map(str, image.shape))} pixels cannot be trained on: it needs {GROUND} x "
            f"{GROUND} and no holes; crop it"
        )
    return torch.as_tensor(np.ascontiguousarray(image, np.float32))
