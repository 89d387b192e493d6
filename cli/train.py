"""Train the networks of trackers that have one."""

from __future__ import annotations

from ._command import group
from ._train_cnn import cnn


@group("train", example="sensetrack train cnn -o weights.npz")
def command() -> None:
    """Train the networks of trackers that have one; needs the extra "deep" (PyTorch)."""


command.add_command(cnn)
