"""The loop that trains a net: in pieces of any length, in half precision, with a log; resumes where it ended."""

from __future__ import annotations

import contextlib
import csv
import math
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sensetrack.device import resolve
from sensetrack.errors import InputError
from sensetrack.nets.settings import TrainSettings

COLUMNS = ("step", "samples", "hours", "rate", "loss", "epe")
"""Of the log."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples as tensors, ``(sample, channel, row, col)``: images, flow (dx, dy), and 1 where it counts."""

    reference: Tensor
    secondary: Tensor
    truth: Tensor
    inside: Tensor

    def to(self, device: str) -> Batch:
        """Return it on a device."""
        parts = (part.to(device) for part in (self.reference, self.secondary, self.truth, self.inside))
        return Batch(*parts)


@dataclass(frozen=True)
class Trained:
    """What a run has come to: steps and samples in all, hours in all, and the loss of its last steps."""

    step: int
    samples: int
    hours: float
    loss: float
    device: str

    def record(
        self, command: str, net: nn.Module, scores: Mapping[str, float], settings: TrainSettings
    ) -> dict[str, Any]:
        """Return what is told of weights beside them.

        Parameters
        ----------
        command : str
            That trained them.
        net : Module
        scores : mapping
            Mean end-point error in pixels on the validation split, by range.
        settings : TrainSettings
        """
        return {
            "command": command,
            "seed": getattr(settings, "seed", 0),
            "device": self.device,
            "hours": round(self.hours, 3),
            "steps": self.step,
            "samples": self.samples,
            "parameters": sum(part.numel() for part in net.parameters()),
            "validation_epe_px": dict(scores),
            "settings": settings.model_dump(mode="json"),
            "licence": "Apache-2.0",
        }


Step = Callable[[nn.Module, Batch], tuple[Tensor, Tensor]]
"""From a net and a batch to its loss and its end-point error."""


def train(
    net: nn.Module,
    batches: Callable[[int], Batch],
    step: Step,
    settings: TrainSettings,
    checkpoint: Path,
    *,
    said: Callable[[str], None] = lambda line: None,
) -> Trained:
    """Train until the steps or the minutes are over, and leave a checkpoint from which the same call goes on.

    Parameters
    ----------
    net : Module
        Trained in place.
    batches : callable
        From the number of a step to its batch; called in other threads, some batches ahead.
    step : callable
        From the net and a batch to loss and end-point error.
    settings : TrainSettings
    checkpoint : Path
        Holds the net, the optimiser and how far they are; the log lies beside it, with the suffix ``.csv``.
    said : callable
        Given a line from time to time.

    Raises
    ------
    InputError
        The checkpoint is damaged, or of another net.
    DeviceError
        The device is not there.
    """
    device = resolve(settings.device, ("cpu", "cuda"))
    if settings.threads:
        torch.set_num_threads(settings.threads)
    net.to(device).train()
    optimiser = torch.optim.AdamW(net.parameters(), settings.rate, weight_decay=settings.decay)
    done, samples, before = _restore(checkpoint, net, optimiser, device)
    begun = saved = time.monotonic()
    recent: list[tuple[float, float]] = []

    def hours() -> float:
        return before + (time.monotonic() - begun) / 3600

    with ThreadPoolExecutor(settings.workers) as ahead:
        coming = deque(ahead.submit(batches, done + number) for number in range(settings.workers))
        while done < settings.steps and time.monotonic() - begun < 60 * settings.minutes:
            if settings.hours is not None and hours() >= settings.hours:
                break
            batch = coming.popleft().result().to(device)
            coming.append(ahead.submit(batches, done + settings.workers))
            rate = _rate(settings, done, hours())
            for group in optimiser.param_groups:
                group["lr"] = rate
            with _precision(settings, device):
                loss, error = step(net, batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            done, samples = done + 1, samples + len(batch.reference)
            recent.append((float(loss.detach()), float(error.detach())))
            if done % settings.log_every == 0:
                line = _log(checkpoint, (done, samples, hours(), rate), recent)
                recent = []
                said(line)
            if time.monotonic() - saved > 60 * settings.save_every:
                _save(checkpoint, net, optimiser, done, samples, hours())
                saved = time.monotonic()
        for batch_ahead in coming:
            batch_ahead.cancel()
    _save(checkpoint, net, optimiser, done, samples, hours())
    loss_now = sum(item[0] for item in recent) / len(recent) if recent else math.nan
    return Trained(done, samples, hours(), loss_now, device)


def _rate(settings: TrainSettings, step: int, hours: float) -> float:
    """Return the learning rate of a step after some hours."""
    if settings.schedule == "halving":
        return float(settings.rate * 0.5 ** (step // settings.halve_every))
    rise = min(100.0, 0.05 * settings.steps)
    if step < rise:
        return settings.rate * (step + 1) / (rise + 1)
    part = max(step / settings.steps, hours / settings.hours if settings.hours else 0.0)
    return settings.rate * max(0.5 * (1 + math.cos(math.pi * min(part, 1.0))), 1e-3)


def _precision(settings: TrainSettings, device: str) -> contextlib.AbstractContextManager[Any]:
    """Return the context in which the net computes."""
    if settings.precision == "float32":
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[Any] = torch.autocast(device.partition(":")[0], torch.bfloat16)
    return context


def _restore(checkpoint: Path, net: nn.Module, optimiser: Any, device: str) -> tuple[int, int, float]:
    """Read a checkpoint, if there is one, into net and optimiser."""
    if not checkpoint.exists():
        return 0, 0, 0.0
    try:
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"]), int(state["samples"]), float(state["hours"])
    except Exception as error:  # whatever a file that is none of ours makes PyTorch raise
        reason = str(error).partition("\n")[0]
        raise InputError(f"{checkpoint}: not a checkpoint of this net ({reason}); choose another name") from error


def _save(checkpoint: Path, net: nn.Module, optimiser: Any, step: int, samples: int, hours: float) -> None:
    """Write a checkpoint, all or nothing."""
    state = {
        "net": net.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "samples": samples,
        "hours": hours,
    }
    part = checkpoint.with_name(f".{checkpoint.name}.{os.getpid()}.partial")
    try:
        torch.save(state, part)
        part.replace(checkpoint)
    finally:
        part.unlink(missing_ok=True)


def _log(checkpoint: Path, row: tuple[float, ...], recent: list[tuple[float, float]]) -> str:
    """Append a line to the log, and return it as text."""
    means = [sum(item[k] for item in recent) / len(recent) for k in (0, 1)]
    path = checkpoint.with_suffix(".csv")
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(COLUMNS)
        writer.writerow([f"{value:.6g}" for value in (*row, *means)])
    return f"step {row[0]:.0f}, {row[2] * 60:.1f} min, rate {row[3]:.2e}, loss {means[0]:.4f}, epe {means[1]:.3f} px"
