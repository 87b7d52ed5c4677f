"""Residual blocks, of images and of volumes: He, Zhang, Ren & Sun 2016, with the shortcut's option B."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

CONVOLUTIONS: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}  # by the number of a map's sides
NORMS: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


class Block(nn.Module):
    """ReLU(F(x) + x): (B, channels, …) → (B, width, …), each of ``sides`` sides divided by the stride and rounded up."""

    def __init__(self, channels: int, width: int, stride: int = 1, sides: int = 2) -> None:
        super().__init__()
        convolution, norm = CONVOLUTIONS[sides], NORMS[sides]
        self.residual = nn.Sequential(
            convolution(channels, width, 3, stride=stride, padding=1, bias=False),
            norm(width),
            nn.ReLU(),
            convolution(width, width, 3, padding=1, bias=False),
            norm(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels != width:
            projection = convolution(channels, width, 1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(projection, norm(width))
        self.relu = nn.ReLU()

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.relu(self.residual(inputs) + self.shortcut(inputs))
        return outputs


def stages(widths: tuple[int, ...], blocks: int, sides: int = 2) -> Iterator[tuple[str, nn.Module]]:
    """(name, layers) of each stage: as many blocks, the first of which halves the maps from the second stage on."""
    before = widths[0]
    for number, width in enumerate(widths, start=1):
        first = Block(before, width, 1 if number == 1 else 2, sides)
        yield f"stage{number}", nn.Sequential(first, *(Block(width, width, 1, sides) for _ in range(blocks - 1)))
        before = width
