"""A plain network of random weights, whose maps tell textures apart though it has learned nothing (Ustyuzhaninov et al. 2017)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256)  # two convolutions each, then an average pool: VGG's shape (Simonyan & Zisserman 2015)


class Plain(nn.Module):
    """(1, 3, H, W) in 0 … 1 → eight maps (1, C, h, w), each after its ReLU. Weights: He et al. (2015), of ``seed`` alone."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        drawn, before = torch.Generator().manual_seed(seed), 3
        self.convolutions, self.pool = nn.ModuleList(), nn.AvgPool2d(2, ceil_mode=True)
        for width in (width for width in WIDTHS for _ in range(2)):
            layer = nn.utils.skip_init(nn.Conv2d, before, width, 3, padding=1)  # type: ignore[no-untyped-call]
            with torch.no_grad():
                layer.weight.normal_(0, math.sqrt(2 / (9 * before)), generator=drawn)
                layer.bias.normal_(0, 0.1, generator=drawn)
            self.convolutions.append(layer)
            before = width
        self.requires_grad_(False)

    @property
    def names(self) -> tuple[str, ...]:
        """VGG's: conv1_1, conv1_2, conv2_1 …"""
        return tuple(f"conv{block}_{number}" for block in range(1, len(WIDTHS) + 1) for number in (1, 2))

    def forward(self, images: Tensor, layers: int = 2 * len(WIDTHS)) -> list[Tensor]:
        """The maps of the first ``layers``."""
        maps, found = (images - 0.5) / 0.25, list[Tensor]()
        for number, layer in enumerate(self.convolutions[:layers]):
            maps = self.pool(maps) if number and number % 2 == 0 else maps
            maps = torch.relu(layer(maps))
            found.append(maps)
        return found
