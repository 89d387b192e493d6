"""SNAP, where it is installed: found, run, watched, and explained when it fails."""

from __future__ import annotations

from sensetrack.graph.snap._document import Dropped
from sensetrack.graph.snap.explain import explain
from sensetrack.graph.snap.find import Snap, find_snap
from sensetrack.graph.snap.parameters import GptParameter, known_operators, known_parameters
from sensetrack.graph.snap.run import GptRun, run_gpt, run_operator
from sensetrack.graph.snap.settings import GptSettings
from sensetrack.graph.snap.snappy import Snappy, SnappyState, explain_exit, open_snappy, snappy_state

__all__ = [
    "Dropped",
    "GptParameter",
    "GptRun",
    "GptSettings",
    "Snap",
    "Snappy",
    "SnappyState",
    "explain",
    "explain_exit",
    "find_snap",
    "known_operators",
    "known_parameters",
    "open_snappy",
    "run_gpt",
    "run_operator",
    "snappy_state",
]
