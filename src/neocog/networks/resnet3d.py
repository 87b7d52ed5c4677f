"""A residual network for small volumes: the one of He et al. 2016 with 3-D convolutions (Hara, Kataoka & Satoh 2018).

Shapes for 30 × 30 × 30, widths 16, 32, 64, 128 and 1 block a stage:

    input  (B, 1, 30, 30, 30)
    stem   convolution 5 × 5 × 5 with stride 2, batch norm, ReLU     (B,  16, 15, 15, 15)
    stage1 [conv, BN, ReLU, conv, BN, + shortcut, ReLU]              (B,  16, 15, 15, 15)
    stage2 the same, the first convolution with stride 2             (B,  32,  8,  8,  8)
    stage3 the same                                                  (B,  64,  4,  4,  4)
    stage4 the same                                                  (B, 128,  2,  2,  2)
    mean over the map (B, 128), dropout, linear (B, outputs)

The stem halves each side, since most of the time of a 3-D network is spent on its largest maps.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn

from neocog.networks.layers import check_range, check_volume, check_widths, he_normal


class ResNet3d(nn.Sequential):
    """``widths``: channels of each stage; ``blocks``: residual blocks in each; ``dropout``: 0 ≤ p < 1, before the output."""

    paper: ClassVar[str] = "Hara, Kataoka & Satoh 2018"
    counted: ClassVar = ((1, 32, 32, 32), 10)

    def __init__(
        self,
        channels: int,
        size: tuple[int, ...],
        outputs: int,
        *,
        widths: tuple[int, ...] = (16, 32, 64, 128),
        blocks: int = 1,
        dropout: float = 0.2,
    ) -> None:
        check_widths("widths", widths)
        check_range("blocks", blocks, 1, 1000)
        check_range("dropout", dropout, 0, 1)
        # The last maps keep 2 voxels a side, so that batch normalisation has a variance even for one volume.
        check_volume("resnet3d", channels, size, outputs, minimum=2 ** len(widths) + 1)
        before = widths[0]
        stem = nn.Conv3d(channels, before, 5, stride=2, padding=2, bias=False)
        layers: OrderedDict[str, nn.Module] = OrderedDict(stem=nn.Sequential(stem, nn.BatchNorm3d(before), nn.ReLU()))
        for number, width in enumerate(widths, start=1):
            first = Block3d(before, width, stride=1 if number == 1 else 2)
            layers[f"stage{number}"] = nn.Sequential(first, *(Block3d(width, width) for _ in range(blocks - 1)))
            before = width
        layers["pool"] = nn.AdaptiveAvgPool3d(1)
        layers["flatten"] = nn.Flatten()
        layers["dropout"] = nn.Dropout(dropout)
        layers["output"] = nn.Linear(before, outputs)
        super().__init__(layers)
        he_normal(self)
        self.to(memory_format=torch.channels_last_3d)  # a third faster on processors


class Block3d(nn.Module):
    """ReLU(F(x) + x): (B, channels, D, H, W) → (B, width, D / stride, H / stride, W / stride), rounded up."""

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv3d(channels, width, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(),
            nn.Conv3d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm3d(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != width:
            projection = nn.Conv3d(channels, width, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm3d(width))
        self.relu = nn.ReLU()

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.relu(self.residual(inputs) + self.shortcut(inputs))
        return outputs
