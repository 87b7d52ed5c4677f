"""SRCNN, the first network for super-resolution: three convolutions on the enlarged image.

Bicubic enlargement → convolution 9 × 9 to 64 maps → 5 × 5 to 32 → 5 × 5 to the image. Here with padding, so that what comes out has
the size of what went in. Dong, Loy, He & Tang 2014 (its 9-5-5 of 2015: 57,184 weights for one channel).
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from neocog.networks.layers import he_normal
from neocog.networks.restorer import BICUBIC, Restorer, conv, silent


class SRCNN(Restorer):
    """``scale``: times larger, 1 to 4; ``luma``: restore brightness alone."""

    paper: ClassVar[str] = "Dong et al. 2014"
    counted: ClassVar = ((3, 48, 48), 3)

    def __init__(
        self, channels: int, size: tuple[int, ...], outputs: int, *, scale: int = 1, luma: bool = False
    ) -> None:
        super().__init__(channels, size, outputs, scale, luma, "srcnn")
        self.layers = nn.Sequential(
            conv(self.seen, 64, 9), nn.ReLU(), conv(64, 32, 5), nn.ReLU(), conv(32, self.seen, 5)
        )
        he_normal(self)
        silent(self.layers[-1])  # type: ignore[arg-type]
        self.reach = -(-8 // scale) + BICUBIC

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, s·H, s·W)."""
        large = self.enlarged(inputs)
        found: Tensor = large + self.layers(self.restorable(large))
        return found
