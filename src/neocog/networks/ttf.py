"""Objects as points: a heat map for each class, and at each point the four distances to the edges of a box.

Down: a convolution 3 × 3 of stride 2 and its norm, five times, each level but the first with residual blocks of two convolutions
3 × 3. Up to the stride of the answer: enlarged, and added to what a convolution 1 × 1 makes of the level there. Last two heads.
With width 24 and stride 4 on (B, 3, 240, 320): (24, 120 × 160), (48, 60 × 80), (96, 30 × 40), (192, 15 × 20), (256, 8 × 10) and
back to (48, 60 × 80) → (B, classes + 4, 60, 80).

Liu, Zheng, Xu, Yang & Cai 2020 (TTFNet), after Zhou, Wang & Krähenbühl 2019 (CenterNet); plain 3 × 3 convolutions throughout, as
processors' matrix units like them, no depthwise ones.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from neocog.errors import UserError
from neocog.networks.layers import check_input, check_widths, he_normal
from neocog.networks.padding import padded

STRIDES = (4, 8)
LEVELS = 5
RARE = 0.1  # probability of an object at any point before anything is learned: fewer, and the many empty points drown the few


class TTF(nn.Module):
    """``width``: maps of the first level; ``stride``: pixels between two points of the answer, 4 or 8."""

    paper: ClassVar[str] = "Liu et al. 2020"
    counted: ClassVar = ((3, 512, 512), 80)

    def __init__(self, channels: int, size: tuple[int, ...], outputs: int, *, width: int = 24, stride: int = 4) -> None:
        check_widths("width", (width,))
        if stride not in STRIDES:
            raise UserError(f"option stride = {stride} is none of {', '.join(map(str, STRIDES))}", fix="--stride 4")
        check_input("ttf", channels, size, outputs, minimum=16)
        super().__init__()
        widths = [width, 2 * width, 4 * width, 8 * width, 32 * width // 3]
        self.skipped = int(math.log2(stride)) - 1  # levels before that of the answer
        self.down = nn.ModuleList(
            nn.Sequential(conv(before, after, 2), *(Residual(after) for _ in range(blocks)))
            for before, after, blocks in zip([channels, *widths], widths, (0, 1, 2, 2, 1), strict=False)
        )
        self.beside = nn.ModuleList(nn.Conv2d(w, widths[self.skipped], 1) for w in widths[self.skipped :])
        self.up = nn.ModuleList(conv(widths[self.skipped], widths[self.skipped]) for _ in widths[self.skipped + 1 :])
        self.heat = head(widths[self.skipped], outputs)
        self.edges = head(widths[self.skipped], 4)
        he_normal(self)
        for last, spread in ((self.heat[-1], 0.01), (self.edges[-1], 0.01)):
            assert isinstance(last, nn.Conv2d)
            nn.init.normal_(last.weight, std=spread)
        nn.init.constant_(self.heat[-1].bias, -math.log(1 / RARE - 1))  # type: ignore[arg-type]

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) → (B, outputs + 4, ⌈H / stride⌉, ⌈W / stride⌉): logits, and logarithms of the distances to the left, upper,
        right and lower edge, in strides."""
        maps, levels = padded(inputs, 1 << LEVELS), []
        for down in self.down:
            maps = down(maps)
            levels.append(maps)
        *lower, maps = (beside(level) for beside, level in zip(self.beside, levels[self.skipped :], strict=True))
        for up, level in zip(self.up, reversed(lower), strict=True):
            maps = up(level + F.interpolate(maps, scale_factor=2.0, mode="nearest"))
        stride = 2 << self.skipped
        height, width = (-(-side // stride) for side in inputs.shape[-2:])
        return torch.cat([self.heat(maps), self.edges(maps)], dim=1)[..., :height, :width]


class Residual(nn.Module):
    """x + two convolutions 3 × 3 of it; the size stays (He et al. 2015)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = conv(width, width), nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, inputs: Tensor) -> Tensor:
        return F.relu(inputs + self.norm(self.second(self.first(inputs))))


def conv(before: int, after: int, stride: int = 1) -> nn.Sequential:
    """A convolution 3 × 3, its norm and ReLU."""
    layers = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)
    return nn.Sequential(*layers)


def head(width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(conv(width, width), nn.Conv2d(width, outputs, 1))
