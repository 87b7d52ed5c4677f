"""Darknet-19: Redmon & Farhadi, "YOLO9000: better, faster, stronger", 2017, table 6.

Shapes for 256 × 256, 3 channels and 1000 classes; 20,842,376 parameters in 19 convolutions:

    input   (B, 3, 256, 256)
    stage1  3 × 3                                  (B,   32, 256, 256)    maximum of 2 × 2 between the stages
    stage2  3 × 3                                  (B,   64, 128, 128)
    stage3  3 × 3, 1 × 1, 3 × 3                    (B,  128,  64,  64)
    stage4  3 × 3, 1 × 1, 3 × 3                    (B,  256,  32,  32)
    stage5  3 × 3, 1 × 1, 3 × 3, 1 × 1, 3 × 3      (B,  512,  16,  16)
    stage6  the same                               (B, 1024,   8,   8)
    output  1 × 1 with bias                        (B, 1000,   8,   8), then the mean over the map (B, 1000)

Each convolution but the last: no bias, batch norm, leaky ReLU of slope 0.1. The 1 × 1 ones halve the channels.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

from torch import nn

from neocog.networks.layers import check_input, he_normal

STAGES = ((32, 1), (64, 1), (128, 3), (256, 3), (512, 5), (1024, 5))  # channels, convolutions


class Darknet19(nn.Sequential):
    """Images of at least 64 × 64 pixels: five halvings leave 2 × 2, so that batch norm has a variance."""

    paper: ClassVar[str] = "Redmon & Farhadi 2017"
    counted: ClassVar = ((3, 256, 256), 1000)
    least: ClassVar[int] = 64  # pixels a side: they are halved five times

    def __init__(self, channels: int, size: tuple[int, int], outputs: int) -> None:
        check_input("darknet19", channels, size, outputs, minimum=self.least)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        before = channels
        for number, (width, count) in enumerate(STAGES, start=1):
            if number > 1:
                layers[f"pool{number - 1}"] = nn.MaxPool2d(2)
            layers[f"stage{number}"] = stage(before, width, count)
            before = width
        layers["output"] = nn.Conv2d(before, outputs, 1)
        layers["pool"] = nn.AdaptiveAvgPool2d(1)
        layers["flatten"] = nn.Flatten()
        super().__init__(layers)
        he_normal(self)


def stage(channels: int, width: int, count: int) -> nn.Sequential:
    """``count`` convolutions (B, channels, H, W) → (B, width, H, W), every second one 1 × 1 to half the width."""
    layers: list[nn.Module] = []
    for number in range(count):
        narrow = number % 2
        after = width // 2 if narrow else width
        convolution = nn.Conv2d(channels, after, 1 if narrow else 3, padding=0 if narrow else 1, bias=False)
        layers += [convolution, nn.BatchNorm2d(after), nn.LeakyReLU(0.1)]
        channels = after
    return nn.Sequential(*layers)
