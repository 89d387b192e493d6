"""Train learned trackers, on data that are made for it."""

from __future__ import annotations

from ._command import group
from ._train_faultdeform import faultdeform_data
from ._train_flow import deep_lk


@group("train", example="sensetrack train deep-lk --minutes 30 -o deep-lk.pt")
def command() -> None:
    """Train learned trackers, on data that are made for it."""


command.add_command(faultdeform_data)
command.add_command(deep_lk)
