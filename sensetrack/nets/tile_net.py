"""A classifier of tiles after AlexNet (Krizhevsky, Sutskever & Hinton 2012), and its training.

Five convolutions with maxima over 3 x 3 at every other place between them, and three dense layers with dropout. One
band instead of three, half the channels, and dense layers of 1024 units, as there are hundreds of classes and not a
thousand. The first convolution follows the tile's side (11 by 4 from 96 px on, 7 by 2 from 48, 5 by 2 below), and the
last maximum is left out where the map is small: candidates differ by a pixel, which coarse maps do not see.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
from torch.nn import functional

CHANNELS = (32, 96, 192, 128, 128)
UNITS = 1024
POOLED = 6
"""Side of the last map, beyond which it is averaged."""

COARSE = 13
"""Side from which on the last map is halved by a maximum."""

DROPOUT = 0.5

TESTED = 0.25
"""Share of the altered tiles that only test."""

VALIDATED = 0.2
"""Share of the others that only choose the best weights."""

Net = dict[str, torch.Tensor]


class Training(NamedTuple):
    """How to train.

    Attributes
    ----------
    epochs, batch : int
    rate : float
        Of Adam.
    """

    epochs: int
    batch: int
    rate: float


class Trained(NamedTuple):
    """A trained classifier.

    Attributes
    ----------
    net : dict of str to Tensor
        The weights of the epoch that was best on the validation set.
    accuracy : float
        On the test set.
    """

    net: Net
    accuracy: float


def first_layer(side: int) -> tuple[int, int, int]:
    """Return kernel, stride and padding of the first convolution for tiles of a side."""
    if side >= 96:
        return 11, 4, 2
    return (7, 2, 2) if side >= 48 else (5, 2, 2)


def last_side(side: int) -> int:
    """Return the side of the map that the dense layers see, for tiles of a side."""
    kernel, stride, padding = first_layer(side)
    side = (side + 2 * padding - kernel) // stride + 1
    for _ in range(2):
        side = (side - 3) // 2 + 1
    return min((side - 3) // 2 + 1 if side >= COARSE else side, POOLED)


def new_net(side: int, classes: int, chance: torch.Generator) -> Net:
    """Return weights to start from."""
    kernels = (first_layer(side)[0], 5, 3, 3, 3)
    before = (1, *CHANNELS[:-1])
    shapes: dict[str, tuple[int, ...]] = {
        f"c{n}": (after, fan, size, size)
        for n, (fan, after, size) in enumerate(zip(before, CHANNELS, kernels, strict=True))
    }
    shapes |= {"d0": (UNITS, CHANNELS[-1] * last_side(side) ** 2), "d1": (UNITS, UNITS), "d2": (classes, UNITS)}
    net = {}
    for name, shape in shapes.items():
        fan = torch.Size(shape[1:]).numel()
        gain = (1.0 if name == "d2" else 2.0) / fan
        net[name] = torch.randn(shape, generator=chance, device=chance.device) * gain**0.5
        net[f"{name}_bias"] = torch.zeros(shape[0], device=chance.device)
    return net


def logits(net: Net, tiles: torch.Tensor, chance: torch.Generator | None = None) -> torch.Tensor:
    """Return the logits of the classes, ``(n, classes)``.

    Parameters
    ----------
    net : dict of str to Tensor
    tiles : Tensor
        ``(n, t, t)``, of any level and contrast.
    chance : Generator, optional
        Drops units, for training.
    """
    mean, spread = tiles.mean((1, 2), keepdim=True), tiles.std((1, 2), keepdim=True)
    values = ((tiles - mean) / spread.clamp_min(1e-3))[:, None]
    _, stride, padding = first_layer(tiles.shape[-1])
    for number in range(len(CHANNELS)):
        edge = padding if number == 0 else net[f"c{number}"].shape[-1] // 2
        step = stride if number == 0 else 1
        values = functional.conv2d(values, net[f"c{number}"], net[f"c{number}_bias"], stride=step, padding=edge)
        values = functional.relu(values)
        if number < 2 or (number == 4 and values.shape[-1] >= COARSE):
            values = functional.max_pool2d(values, 3, 2)
    values = functional.adaptive_avg_pool2d(values, min(values.shape[-1], POOLED)).flatten(1)
    for number in range(3):
        if chance is not None and number < 2:
            kept = torch.rand(values.shape, generator=chance, device=values.device) >= DROPOUT
            values = values * kept / (1 - DROPOUT)
        values = functional.linear(values, net[f"d{number}"], net[f"d{number}_bias"])
        if number < 2:
            values = functional.relu(values)
    return values


def fit(tiles: torch.Tensor, training: Training, chance: torch.Generator) -> Trained:
    """Train a classifier of candidates on their alterations.

    Parameters
    ----------
    tiles : Tensor
        ``(classes, alterations, t, t)``.
    training : Training
    chance : Generator
        On the device of the tiles.
    """
    classes, alterations, side, _ = tiles.shape
    images, labels = tiles.flatten(0, 1), torch.arange(classes, device=tiles.device).repeat_interleave(alterations)
    order = torch.randperm(len(images), generator=chance, device=tiles.device)
    tested = int(TESTED * len(order))
    validated = int(VALIDATED * (len(order) - tested))
    test, check, learn = order[:tested], order[tested : tested + validated], order[tested + validated :]
    net = new_net(side, classes, chance)
    for array in net.values():
        array.requires_grad_(True)
    optimizer = torch.optim.Adam(net.values(), lr=training.rate)
    best, least = _frozen(net), float("inf")
    for _ in range(training.epochs):
        mixed = learn[torch.randperm(len(learn), generator=chance, device=tiles.device)]
        for part in mixed.split(training.batch):
            loss = functional.cross_entropy(logits(net, images[part], chance), labels[part])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        found, _ = _judge(net, images, labels, check if len(check) else learn, training.batch)
        if found < least:
            best, least = _frozen(net), found
    _, accuracy = _judge(best, images, labels, test if len(test) else learn, training.batch)
    return Trained(best, accuracy)


def _frozen(net: Net) -> Net:
    return {name: copy.deepcopy(array.detach()) for name, array in net.items()}


def _judge(
    net: Net, images: torch.Tensor, labels: torch.Tensor, which: torch.Tensor, batch: int
) -> tuple[float, float]:
    """Return the mean loss and the share of right answers."""
    loss = right = 0.0
    with torch.no_grad():
        for part in which.split(batch):
            found = logits(net, images[part])
            loss += float(functional.cross_entropy(found, labels[part], reduction="sum"))
            right += float((found.argmax(1) == labels[part]).sum())
    return loss / len(which), right / len(which)
