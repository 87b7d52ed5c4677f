"""FSRCNN: SRCNN made quick by working on the small image with few maps, and enlarging last, by a transposed convolution.

Convolution 5 × 5 to 56 maps → 1 × 1 to 12 → four of 3 × 3 → 1 × 1 to 56 → transposed convolution 9 × 9 of stride s, PReLU between;
added to the enlarged image. Dong, Loy & Tang 2016: 12,464 weights for one channel.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from neocog.networks.layers import check_widths, he_normal
from neocog.networks.restorer import Restorer, conv, silent


class FSRCNN(Restorer):
    """``width``: maps at both ends (d); ``shrunk``: maps between (s); ``depth``: layers between (m); ``scale``: times larger, 1 to
    4; ``luma``: restore brightness alone."""

    paper: ClassVar[str] = "Dong et al. 2016"
    counted: ClassVar = ((3, 48, 48), 3)

    def __init__(
        self, channels: int, size: tuple[int, ...], outputs: int, *, width: int = 56, shrunk: int = 12, depth: int = 4,
        scale: int = 2, luma: bool = False,
    ) -> None:  # fmt: skip
        for name, value in (("width", width), ("shrunk", shrunk), ("depth", depth)):
            check_widths(name, (value,))
        super().__init__(channels, size, outputs, scale, luma, "fsrcnn")
        steps = [(self.seen, width, 5), (width, shrunk, 1), *[(shrunk, shrunk, 3)] * depth, (shrunk, width, 1)]
        self.layers = nn.Sequential(*(layer for step in steps for layer in (conv(*step), nn.PReLU(step[1]))))
        self.last = nn.ConvTranspose2d(width, self.seen, 9, scale, padding=4, output_padding=scale - 1)
        he_normal(self)
        silent(self.last)
        self.reach = 2 + depth + 5

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, s·H, s·W)."""
        found: Tensor = self.enlarged(inputs) + self.last(self.layers(self.restorable(inputs)))
        return found
