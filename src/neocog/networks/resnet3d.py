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
from torch import nn

from neocog.networks.layers import Size, Widths, check_range, check_volume, check_widths, he_normal
from neocog.networks.residual import stages


class ResNet3d(nn.Sequential):
    """``widths``: channels of each stage; ``blocks``: residual blocks in each; ``dropout``: 0 ≤ p < 1, before the output."""

    paper: ClassVar[str] = "Hara, Kataoka & Satoh 2018"
    counted: ClassVar = ((1, 32, 32, 32), 10)

    def __init__(
        self, channels: int, size: Size, outputs: int, *, widths: Widths = (16, 32, 64, 128), blocks: int = 1,
        dropout: float = 0.2,
    ) -> None:  # fmt: skip
        check_widths("widths", widths)
        check_range("blocks", blocks, 1, 1000)
        check_range("dropout", dropout, 0, 1)
        # The last maps keep 2 voxels a side, so that batch normalisation has a variance even for one volume.
        check_volume("resnet3d", channels, size, outputs, minimum=2 ** len(widths) + 1)
        before = widths[0]
        stem = nn.Conv3d(channels, before, 5, stride=2, padding=2, bias=False)
        layers: OrderedDict[str, nn.Module] = OrderedDict(stem=nn.Sequential(stem, nn.BatchNorm3d(before), nn.ReLU()))
        layers.update(stages(widths, blocks, sides=3))
        layers["pool"] = nn.AdaptiveAvgPool3d(1)
        layers["flatten"] = nn.Flatten()
        layers["dropout"] = nn.Dropout(dropout)
        layers["output"] = nn.Linear(widths[-1], outputs)
        super().__init__(layers)
        he_normal(self)
        self.to(memory_format=torch.channels_last_3d)  # a third faster on processors
