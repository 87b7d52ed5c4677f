"""A multilayer perceptron, which does not know that its input is a picture. Rumelhart, Hinton & Williams 1986.

(B, C, H, W) or (B, C, D, H, W) → flatten (B, C·H·W) → [linear → activation → dropout] per hidden width → linear (B, outputs)
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import ClassVar

from torch import nn

from neocog.networks.layers import ACTIVATIONS, Activation, check_input, check_range, check_widths, pieces


class MLP(nn.Sequential):
    """``hidden``: widths of the hidden layers (none: logistic regression); ``dropout``: 0 ≤ p < 1 after each."""

    paper: ClassVar[str] = "Rumelhart, Hinton & Williams 1986"
    counted: ClassVar = ((1, 28, 28), 10)

    def __init__(
        self,
        channels: int,
        size: tuple[int, ...],
        outputs: int,
        *,
        hidden: tuple[int, ...] = (512, 256),
        activation: Activation = "relu",
        dropout: float = 0.0,
    ) -> None:
        check_input("mlp", channels, size, outputs)
        check_widths("hidden", hidden, empty=True)
        check_range("dropout", dropout, 0, 1)
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        features = channels * math.prod(size)
        for number, width in enumerate(hidden, start=1):
            layers[f"linear{number}"] = nn.Linear(features, width * pieces(activation))
            layers[f"{activation}{number}"] = ACTIVATIONS[activation]()
            if dropout:
                layers[f"dropout{number}"] = nn.Dropout(dropout)
            features = width
        layers["output"] = nn.Linear(features, outputs)
        super().__init__(layers)
