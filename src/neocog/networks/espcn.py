"""ESPCN: convolutions on the small image, and pixel shuffling at the end, which made super-resolution quick.

Convolution 5 × 5 to 64 maps, tanh → 3 × 3 to 32, tanh → 3 × 3 to s² maps for each channel, shuffled; added to the enlarged image.
Shi, Caballero, Huszár, Totz, Aitken, Bishop, Rueckert & Wang 2016.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from neocog.networks.restorer import Restorer, conv, silent


class ESPCN(Restorer):
    """``scale``: times larger, 1 to 4; ``luma``: restore brightness alone."""

    paper: ClassVar[str] = "Shi et al. 2016"
    counted: ClassVar = ((3, 48, 48), 3)

    def __init__(
        self, channels: int, size: tuple[int, ...], outputs: int, *, scale: int = 2, luma: bool = False
    ) -> None:
        super().__init__(channels, size, outputs, scale, luma, "espcn")
        self.layers = nn.Sequential(
            conv(self.seen, 64, 5), nn.Tanh(), conv(64, 32), nn.Tanh(), conv(32, self.seen * scale**2)
        )
        silent(self.layers[-1])  # type: ignore[arg-type]
        self.shuffle = nn.PixelShuffle(scale)
        self.reach = 4

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, s·H, s·W)."""
        found: Tensor = self.enlarged(inputs) + self.shuffle(self.layers(self.restorable(inputs)))
        return found
