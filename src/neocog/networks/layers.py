"""Layers that torch lacks, the tables of named activations and poolings, and the checks that every model shares.

Letters: B images, C channels, H × W pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from neocog.errors import UserError

Activation = Literal["sigmoid", "tanh", "relu", "leaky_relu", "maxout", "elu", "gelu"]
Pooling = Literal["max", "mean", "min", "lp"]
Size = tuple[int, ...]  # of an image or a volume: H × W, D × H × W
Widths = tuple[int, ...]  # channels of each stage


class Maxout(nn.Module):
    """The largest of ``pieces`` neighbouring channels: (B, C·pieces, …) → (B, C, …). Goodfellow et al. 2013."""

    def __init__(self, pieces: int = 2) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.unflatten(inputs, 1, (-1, self.pieces)).amax(2)

    def extra_repr(self) -> str:
        return f"pieces={self.pieces}"


class Scale(nn.Module):
    """Its input times ``factor``."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.factor

    def extra_repr(self) -> str:
        return f"factor={self.factor:.3g}"


class MinPool2d(nn.MaxPool2d):
    """The smallest of each window: the dark details that maximum pooling drops. Arguments as ``MaxPool2d``."""

    def forward(self, inputs: Tensor) -> Tensor:
        smallest: Tensor = -super().forward(-inputs)
        return smallest


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "maxout": Maxout,
    "elu": nn.ELU,
    "gelu": nn.GELU,
}

POOLINGS: dict[str, Callable[[], nn.Module]] = {  # 2 × 2 windows, stride 2
    "max": lambda: nn.MaxPool2d(2),
    "mean": lambda: nn.AvgPool2d(2),
    "min": lambda: MinPool2d(2),
    "lp": lambda: nn.LPPool2d(2, 2),  # √Σx²
}


def pieces(activation: str) -> int:
    """How many channels the layer before must give for each one that the activation returns."""
    return 2 if activation == "maxout" else 1


def mean_and_linear(width: int, outputs: int) -> dict[str, nn.Module]:
    """The end of a network: the mean over each of ``width`` maps, and a linear layer."""
    return {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "output": nn.Linear(width, outputs)}


def check_input(model: str, channels: int, size: tuple[int, ...], outputs: int, minimum: int = 1) -> None:
    """Raise unless there is a channel, an output, and at least ``minimum`` pixels along H and W."""
    if channels < 1 or outputs < 1:
        raise UserError(f"{model} needs at least 1 channel and 1 output, not {channels} and {outputs}")
    if len(size) != 2 and minimum > 1:  # what takes any size takes any number of sides
        what = f"{model} is for images, not for volumes of {' × '.join(map(str, size))}"
        raise UserError(what, fix="a model for volumes, such as resnet3d")
    if min(size) < minimum:
        sides, found = " × ".join([str(minimum)] * len(size)), " × ".join(map(str, size))
        raise UserError(
            f"{model} needs images of at least {sides} pixels, not {found}",
            fix=f"--size {minimum} (enlarges the images), or a model for smaller ones, such as mlp",
        )


def check_volume(model: str, channels: int, size: tuple[int, ...], outputs: int, minimum: int = 1) -> None:
    """Raise unless there is a channel, an output, and three sides of at least ``minimum`` voxels."""
    if channels < 1 or outputs < 1:
        raise UserError(f"{model} needs at least 1 channel and 1 output, not {channels} and {outputs}")
    shown = " × ".join(map(str, size))
    if len(size) != 3:
        raise UserError(
            f"{model} is for volumes, not for images of {shown}", fix="another model, such as cnn or resnet"
        )
    if min(size) < minimum:
        raise UserError(
            f"{model} needs volumes of at least {minimum} voxels a side, not {shown}",
            fix=f"--size {minimum} (enlarges the volumes), or fewer --widths",
        )


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise unless low ≤ value < high."""
    if not low <= value < high:
        raise UserError(f"option {name} = {value} is outside {low} … {high}", fix=f"--{name} {low}")


def check_widths(name: str, widths: tuple[int, ...], empty: bool = False) -> None:
    """Raise unless all widths are at least 1, and (without ``empty``) there is one."""
    if any(width < 1 for width in widths) or not (widths or empty):
        raise UserError(f"option {name} = {widths} needs one or more widths of at least 1", fix=f"--{name} 32,64")


def pooled(size: tuple[int, int], times: int) -> int:
    """Pixels that are left of H × W after ``times`` halvings, rounded down."""
    return (size[0] >> times) * (size[1] >> times)


def he_normal(model: nn.Module) -> None:
    """He et al. 2015: convolutions from a normal distribution of variance 2 / fan-out, no bias."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                with torch.no_grad():
                    module.bias.zero_()
