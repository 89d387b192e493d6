"""How nets are trained; known without PyTorch."""

from __future__ import annotations

from typing import Literal

from sensetrack.nets.faultdeform.stream import StreamSettings
from sensetrack.params import Params, param


class TrainSettings(Params):
    """How a net is trained."""

    steps: int = param(20_000, "Steps in all; the learning rate is planned over them.", ge=1)
    hours: float | None = param(
        None, "Hours in all over which the learning rate is planned, where they are over before the steps are.", gt=0
    )
    minutes: float = param(60.0, "Minutes after which this run ends; the same command goes on later.", gt=0)
    batch: int = param(8, "Samples per step.", ge=1, le=4096)
    rate: float = param(1.2e-3, "Largest learning rate.", gt=0)
    schedule: Literal["cosine", "halving"] = param(
        "cosine", "How the learning rate falls: as a cosine after a short rise, or by half every `halve_every` steps."
    )
    halve_every: int = param(25_000, "Steps after which the learning rate is halved.", ge=1)
    decay: float = param(1e-4, "Weight decay; 0 makes AdamW plain Adam.", ge=0)
    precision: Literal["float32", "bfloat16"] = param("bfloat16", "Numbers in which the net computes.")
    device: str = param("auto", "Where it runs: auto, cpu, cuda or cuda:0.")
    threads: int = param(0, "CPU threads of PyTorch; 0 leaves its own choice.", ge=0)
    workers: int = param(
        1, "Threads that make samples ahead; as many as there are cores where a GPU trains.", ge=1, le=256
    )
    save_every: float = param(2.0, "Minutes between checkpoints.", gt=0)
    log_every: int = param(100, "Steps between lines of the log.", ge=1)


class FlowTraining(TrainSettings, StreamSettings):
    """How a dense net is trained on made-up pairs."""

    @property
    def stream(self) -> StreamSettings:
        """What the samples are made of."""
        return StreamSettings(**{name: getattr(self, name) for name in StreamSettings.model_fields})


class DeepLkTraining(FlowTraining):
    """How the net of `deep-lk` is trained."""

    size: int = param(128, "Side of most training images; some have twice that.", unit="px", ge=64, le=1024)
    smooth: float = param(
        0.4, "Share of samples that move smoothly, as ice and slopes do, without a fault.", ge=0, le=1
    )
    logarithmic: float = param(
        0.5, "Share of samples whose longest vector is spread evenly over its logarithm instead of itself.", ge=0, le=1
    )
    channels: tuple[int, ...] = param(
        (24, 48, 96, 128), "Channels of the net from full to coarsest resolution; more learn more and take longer."
    )


class GeoFlowTraining(FlowTraining):
    """How GeoFlowNet is trained; defaults are those of the paper, but for the number of scenes and faults.

    It has 40 000 samples per epoch, 32 a step: 1 250 steps are an epoch, and 50 000 make its 40 epochs.
    """

    variant: Literal["A", "B"] = param("A", "A for FlowNet2-SD with a full-resolution decoder, B for StrainNet-F.")
    width: float = param(1.0, "Channels relative to the paper; 0.25 trains on a CPU.", gt=0, le=4)
    aligned: bool = param(
        False,
        "Take the whole-pixel shift out of each sample first, as the tracker does of each tile; the paper does not.",
    )
    steps: int = param(50_000, "Steps in all.", ge=1)
    batch: int = param(32, "Samples per step.", ge=1, le=4096)
    rate: float = param(5e-4, "Learning rate at the beginning.", gt=0)
    schedule: Literal["cosine", "halving"] = param(
        "halving", "How the learning rate falls: as a cosine after a short rise, or by half every `halve_every` steps."
    )
    decay: float = param(0.0, "Weight decay; 0 makes AdamW plain Adam.", ge=0)


class RaftTraining(TrainSettings):
    """How RAFT is trained."""

    seed: int = param(0, "Seed of the weights and of the order of tiles.", ge=0)
    small: bool = param(False, "The small version, with a fifth of the parameters.")
    iterations: int = param(12, "Updates of the flow per pair.", ge=1, le=64)
    steps: int = param(20_000, "Steps in all.", ge=1)
    batch: int = param(6, "Tiles per step.", ge=1, le=256)
    rate: float = param(2.5e-4, "Largest learning rate.", gt=0)
    matching: float = param(
        0.0,
        "What a loss counts that teaches features to match, beside that of the flow; 1 helps short trainings.",
        ge=0,
    )
    crop: int = param(
        0, "Side of the part of a tile that is learned from, drawn anew each time; 0 for all of it.", unit="px", ge=0
    )
    shift: int = param(
        0,
        "The secondary's part lies up to this much beside the reference's, which adds to the motion.",
        unit="px",
        ge=0,
    )
    masked: float = param(1.0, "Share of tiles whose images show nothing outside the outlines.", ge=0, le=1)
    made_up: float = param(
        0.0,
        "Share of samples that are FaultDeform pairs with exact truth, which few tiles need beside them.",
        ge=0,
        le=1,
    )
    scenes: int = param(32, "Made-up scenes.", ge=1, le=100_000)
    faults: int = param(12, "Faults of the made-up pairs; each takes about a second to compute.", ge=1, le=100_000)
    farthest: int = param(
        3, "How many of the ranges 0.01-1, 1-5, 5-15 and 15-50 px the made-up pairs have.", ge=1, le=4
    )
