"""EDSR: residual blocks without norms, and pixel shuffling at the end; what it gives is added to the enlarged image.

Convolution 3 × 3 to ``width`` maps → ``blocks`` residual blocks of two convolutions 3 × 3 → a convolution 3 × 3, added to the first
maps → a convolution 3 × 3 to s² maps for each channel, shuffled to s times the height and width. With the defaults and scale 2 on
(B, 3, 48, 48): (32, 48²) throughout → (12, 48²) → (3, 96²).

Lim, Son, Kim, Nah & Lee 2017, made small; the global skip is Kim, Lee & Lee's (2016).
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from neocog.networks.layers import check_widths, he_normal
from neocog.networks.restorer import BICUBIC, Restorer, conv, silent


class EDSR(Restorer):
    """``width``: maps; ``blocks``: residual blocks; ``scale``: times larger, 1 to 4; ``luma``: restore brightness alone."""

    paper: ClassVar[str] = "Lim et al. 2017"
    counted: ClassVar = ((3, 48, 48), 3)

    def __init__(
        self, channels: int, size: tuple[int, ...], outputs: int, *, width: int = 32, blocks: int = 6, scale: int = 1,
        luma: bool = False,
    ) -> None:  # fmt: skip
        check_widths("width", (width,))
        check_widths("blocks", (blocks,))
        super().__init__(channels, size, outputs, scale, luma, "edsr")
        self.first = conv(self.seen, width)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.after = conv(width, width)
        self.last = conv(width, self.seen * scale**2)
        self.shuffle = nn.PixelShuffle(scale)
        he_normal(self)
        for block in self.blocks:
            nn.init.normal_(block.second.weight, std=0.1 * (2 / (9 * width)) ** 0.5)  # type: ignore[union-attr, arg-type]
        silent(self.last)
        self.reach = max(BICUBIC, 3 + 2 * blocks)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, s·H, s·W)."""
        maps = self.first(self.restorable(inputs))
        maps = maps + self.after(self.blocks(maps))
        found: Tensor = self.enlarged(inputs) + self.shuffle(self.last(maps))
        return found


class Block(nn.Module):
    """x + two convolutions 3 × 3 of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = conv(width, width), conv(width, width)

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = inputs + self.second(F.relu(self.first(inputs)))
        return found
