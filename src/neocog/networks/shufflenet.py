"""ShuffleNet: Zhang, Zhou, Lin & Sun, "ShuffleNet: an extremely efficient convolutional neural network …", 2018.

Shapes for 224 × 224, 3 channels, groups 4 and widths 136, 272, 544; B images:

    input  (B, 3, 224, 224)
    stem   3 × 3, stride 2, batch norm, ReLU; maximum of 3 × 3, stride 2    (B,  24, 56, 56)
    stage1 1 unit of stride 2, 3 of stride 1                                (B, 136, 28, 28)
    stage2 1 unit of stride 2, 7 of stride 1                                (B, 272, 14, 14)
    stage3 1 unit of stride 2, 3 of stride 1                                (B, 544,  7,  7)
    mean over the map (B, 544), linear (B, outputs)

A unit: 1 × 1 in groups, BN, ReLU, channels shuffled between the groups, 3 × 3 depthwise, BN, 1 × 1 in groups, BN; then
ReLU of the sum with its input, or, where the stride is 2, beside the input's means of 3 × 3. The first 1 × 1 of all is not
in groups, since its input has few channels.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn

from neocog.errors import UserError
from neocog.networks.layers import Size, Widths, check_input, check_range, check_widths, he_normal, mean_and_linear

STEM, UNITS = 24, (4, 8, 4)


class ShuffleNet(nn.Sequential):
    """``widths``: channels of the three stages; ``groups``: of the 1 × 1 convolutions; ``narrow``: how many times fewer
    channels there are inside a unit (4 in the paper, whose widths at 4 groups are 272, 544, 1088).
    """

    paper: ClassVar[str] = "Zhang, Zhou, Lin & Sun 2018"
    counted: ClassVar = ((3, 224, 224), 1000)
    least: ClassVar[int] = 64  # pixels a side: they are halved five times

    def __init__(
        self, channels: int, size: Size, outputs: int, *, widths: Widths = (136, 272, 544), groups: int = 4,
        narrow: int = 1,
    ) -> None:  # fmt: skip
        check_widths("widths", widths)
        check_range("groups", groups, 1, 1000)
        check_range("narrow", narrow, 1, 1000)
        faults = [width for width in widths if width % (narrow * groups) or width <= STEM]
        if len(widths) != len(UNITS) or faults:
            what = (
                f"option widths = {widths} are not three multiples of narrow × groups = {narrow * groups} above {STEM}"
            )
            raise UserError(what, fix="--widths 136,272,544 --groups 4 --narrow 1")
        check_input("shufflenet", channels, size, outputs, minimum=self.least)
        stem = (nn.Conv2d(channels, STEM, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(STEM), nn.ReLU())
        layers: OrderedDict[str, nn.Module] = OrderedDict(stem=nn.Sequential(*stem, nn.MaxPool2d(3, 2, 1)))
        before = STEM
        for number, (width, count) in enumerate(zip(widths, UNITS, strict=True), start=1):
            inside = width // narrow
            first = Unit(before, width, inside, groups, stride=2, first_groups=1 if number == 1 else groups)
            rest = (Unit(width, width, inside, groups) for _ in range(count - 1))
            layers[f"stage{number}"] = nn.Sequential(first, *rest)
            before = width
        layers.update(mean_and_linear(before, outputs))
        super().__init__(layers)
        he_normal(self)


class Unit(nn.Module):
    """(B, channels, H, W) → (B, width, H / stride, W / stride), with ``inside`` channels between the 1 × 1 convolutions."""

    def __init__(
        self, channels: int, width: int, inside: int, groups: int, stride: int = 1, first_groups: int | None = None
    ) -> None:
        super().__init__()
        added = width if stride == 1 else width - channels  # the input's channels are kept beside the new ones
        self.residual = nn.Sequential(
            nn.Conv2d(channels, inside, 1, groups=first_groups or groups, bias=False),
            nn.BatchNorm2d(inside),
            nn.ReLU(),
            nn.ChannelShuffle(groups),
            nn.Conv2d(inside, inside, 3, stride=stride, padding=1, groups=inside, bias=False),
            nn.BatchNorm2d(inside),
            nn.Conv2d(inside, added, 1, groups=groups, bias=False),
            nn.BatchNorm2d(added),
        )
        self.shortcut = nn.Identity() if stride == 1 else nn.AvgPool2d(3, 2, 1)
        self.beside = stride != 1

    def forward(self, inputs: Tensor) -> Tensor:
        kept, added = self.shortcut(inputs), self.residual(inputs)
        return torch.relu(torch.cat([kept, added], 1) if self.beside else kept + added)
