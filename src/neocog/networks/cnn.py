"""A convolutional network to take apart: each choice of its blocks is an option, to try what it does.

Per width: convolution k × k (the size stays) → [batch norm] → activation → [dropout of maps] → pooling 2 × 2
(H/2, W/2); then flatten → linear → activation → [dropout] → linear (B, outputs). With widths 32, 64, 128 on
(B, 3, 32, 32): (B, 32, 16, 16), (B, 64, 8, 8), (B, 128, 4, 4), 2048, 128, outputs.

Convolution and pooling: Fukushima 1980, LeCun 1989; maxout: Goodfellow 2013; batch norm: Ioffe & Szegedy 2015;
dropout: Srivastava 2014; ELU: Clevert 2016; GELU: Hendrycks 2016; Lᵖ pooling: Sermanet 2012.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

from torch import nn

from neocog.errors import UserError
from neocog.networks.layers import (
    ACTIVATIONS,
    POOLINGS,
    Activation,
    Pooling,
    check_input,
    check_range,
    check_widths,
    pieces,
    pooled,
)


class CNN(nn.Sequential):
    """``widths``: one block each; ``kernel``: odd side; ``hidden``: width before the output; ``dropout``: 0 ≤ p < 1."""

    paper: ClassVar[str] = "LeCun et al. 1989"

    def __init__(
        self,
        channels: int,
        size: tuple[int, int],
        outputs: int,
        *,
        widths: tuple[int, ...] = (32, 64, 128),
        kernel: int = 3,
        activation: Activation = "relu",
        pooling: Pooling = "max",
        batch_norm: bool = True,
        dropout: float = 0.0,
        hidden: int = 128,
    ) -> None:
        check_widths("widths", widths)
        check_widths("hidden", (hidden,))
        check_range("dropout", dropout, 0, 1)
        if kernel < 1 or kernel % 2 == 0:
            raise UserError(f"option kernel = {kernel} is not odd, so that no padding keeps the size", fix="--kernel 3")
        check_input(f"cnn with {len(widths)} blocks", channels, size, outputs, minimum=2 ** len(widths))
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        before = channels
        for number, width in enumerate(widths, start=1):
            layers[f"conv{number}"] = nn.Conv2d(before, width * pieces(activation), kernel, padding=kernel // 2)
            if batch_norm:
                layers[f"norm{number}"] = nn.BatchNorm2d(width * pieces(activation))
            layers[f"{activation}{number}"] = ACTIVATIONS[activation]()
            if dropout:
                layers[f"dropout{number}"] = nn.Dropout2d(dropout)
            layers[f"pool{number}"] = POOLINGS[pooling]()
            before = width
        layers["flatten"] = nn.Flatten()
        layers["linear"] = nn.Linear(before * pooled(size, len(widths)), hidden * pieces(activation))
        layers[activation] = ACTIVATIONS[activation]()
        if dropout:
            layers["dropout"] = nn.Dropout(dropout)
        layers["output"] = nn.Linear(hidden, outputs)
        super().__init__(layers)
