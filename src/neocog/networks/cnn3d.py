"""A plain convolutional network for volumes, after VoxNet (Maturana & Scherer 2015), with batch normalisation.

Shapes for 30 × 30 × 30 and widths 32, 64, 128:

    input                                                            (B, 1, 30, 30, 30)
    conv1  5 × 5 × 5 with stride 2, batch norm, ReLU                 (B,  32, 15, 15, 15)
    conv2  3 × 3 × 3 with stride 2, batch norm, ReLU                 (B,  64,  8,  8,  8)
    conv3  the same                                                  (B, 128,  4,  4,  4)
    flatten (B, 8192), dropout, linear, ReLU (B, 128), dropout, linear (B, outputs)

Strides in place of VoxNet's pooling (Springenberg et al. 2015): faster, and exactly repeatable on GPUs too.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

import torch
from torch import nn

from neocog.networks.layers import Size, Widths, check_range, check_volume, check_widths


class CNN3d(nn.Sequential):
    """``widths``: channels of each convolution; ``hidden``: width before the output; ``dropout``: 0 ≤ p < 1, before both."""

    paper: ClassVar[str] = "Maturana & Scherer 2015"
    counted: ClassVar = ((1, 32, 32, 32), 10)

    def __init__(
        self, channels: int, size: Size, outputs: int, *, widths: Widths = (32, 64, 128), hidden: int = 128,
        dropout: float = 0.3,
    ) -> None:  # fmt: skip
        check_widths("widths", widths)
        check_widths("hidden", (hidden,))
        check_range("dropout", dropout, 0, 1)
        # The last maps keep 2 voxels a side, so that batch normalisation has a variance even for one volume.
        check_volume("cnn3d", channels, size, outputs, minimum=2 ** len(widths) + 1)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        before, sides = channels, list(size)
        for number, width in enumerate(widths, start=1):
            kernel = 5 if number == 1 else 3
            layers[f"conv{number}"] = nn.Conv3d(before, width, kernel, stride=2, padding=kernel // 2, bias=False)
            layers[f"norm{number}"] = nn.BatchNorm3d(width)
            layers[f"relu{number}"] = nn.ReLU()
            before, sides = width, [-(-side // 2) for side in sides]
        layers["flatten"] = nn.Flatten()
        layers["dropout1"] = nn.Dropout(dropout)
        layers["linear"] = nn.Linear(before * sides[0] * sides[1] * sides[2], hidden)
        layers["relu"] = nn.ReLU()
        layers["dropout2"] = nn.Dropout(dropout)
        layers["output"] = nn.Linear(hidden, outputs)
        super().__init__(layers)
        self.to(memory_format=torch.channels_last_3d)  # a third faster on processors
