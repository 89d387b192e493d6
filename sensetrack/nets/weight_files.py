"""Weights of nets as files: half precision, with what it takes to build the net; beside them where they come from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from sensetrack.errors import InputError
from sensetrack.nets.extra import need_torch
from sensetrack.raster.write import atomic


class Weights(NamedTuple):
    """What a file of weights holds.

    Attributes
    ----------
    shape : dict
        What it takes to build the net.
    state : dict
        Tensors by name, float32.
    """

    shape: dict[str, Any]
    state: dict[str, Any]


def shipped(name: str) -> Path:
    """Return the path of weights that come with the package, by the name of the file."""
    return Path(str(files("sensetrack.nets").joinpath("weights", name)))


def save_weights(path: Path, kind: str, weights: Weights, record: Mapping[str, Any]) -> None:
    """Write weights, and where they come from as JSON beside them.

    Parameters
    ----------
    path : Path
        Ends in ``.pt``.
    kind : str
        Name of the tracker they are for.
    weights : Weights
    record : mapping
        Command, seed, device, hours, scores; the file's SHA-256 and its size are added.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    import torch

    state = {name: tensor.detach().cpu().to(torch.float16) for name, tensor in weights.state.items()}
    with atomic(path) as part:
        torch.save({"kind": kind, "shape": weights.shape, "state": state}, part)
    content = path.read_bytes()
    full = {**record, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    with atomic(path.with_suffix(".json")) as part:
        part.write_text(json.dumps(full, indent=2) + "\n", encoding="utf-8")


def load_weights(path: Path, kind: str) -> Weights:
    """Read weights; nothing in the file is executed.

    Parameters
    ----------
    path : Path
    kind : str
        Name of the tracker they must be for.

    Raises
    ------
    MissingExtraError
        PyTorch is not installed.
    InputError
        There is no such file, it is damaged (its SHA-256 is not that of the JSON beside it), or for another tracker.
    """
    need_torch(f"the tracker {kind}")
    import torch

    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot read the weights ({error.strerror or error})") from error
    _check_hash(path, content)
    try:
        held = torch.load(path, map_location="cpu", weights_only=True)
        found, shape, state = held["kind"], dict(held["shape"]), dict(held["state"])
    except Exception as error:  # whatever a file that is none of ours makes PyTorch raise
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path}: not weights that `sensetrack train` has written ({reason})") from error
    if found != kind:
        raise InputError(
            f"{path}: weights of '{found}' do not fit '{kind}'; choose weights of `sensetrack train {kind}`"
        )
    return Weights(shape, {name: tensor.float() for name, tensor in state.items()})


def _check_hash(path: Path, content: bytes) -> None:
    """Raise when the record beside a file knows another hash."""
    record = path.with_suffix(".json")
    if not record.exists():
        return
    try:
        expected = json.loads(record.read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{record}: cannot read the record of the weights ({error})") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise InputError(f"{path}: its SHA-256 is not the {expected[:12]}... of {record.name}; get the file again")
