"""Train the networks of trackers that have one."""

from __future__ import annotations

from ._command import group
from ._train_cnn import cnn
from ._train_faultdeform import faultdeform_data
from ._train_flow import deep_lk, geoflownet
from ._train_raft import raft, raft_tiles


@group("train", example="sensetrack train cnn -o weights.npz")
def command() -> None:
    """Train the networks of trackers that have one; needs the extra "deep" (PyTorch)."""


command.add_command(cnn)
command.add_command(faultdeform_data)
command.add_command(deep_lk)
command.add_command(geoflownet)
command.add_command(raft_tiles)
command.add_command(raft)
