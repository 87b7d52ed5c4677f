"""The network of fast style transfer: a picture is made a quarter as wide and high, changed, and made large again.

Convolution 5 × 5, stride 2, to ``width`` / 2 maps → 3 × 3, stride 2, to ``width`` maps → ``blocks`` residual blocks → enlarged by
repeating pixels (no checkerboards: Odena et al. 2016), 3 × 3 to ``width`` / 2 maps → 3 × 3 to four maps for each channel, shuffled
to the whole size; to that the picture itself is added, its colours mixed anew. Instance norm follows each convolution but the last:
each picture loses its own contrast there (Ulyanov et al. 2016). It begins as the picture itself. With the defaults and
(B, 3, 256, 256): (16, 128²) → (32, 64²) throughout → (16, 128²) → (12, 128²) → (3, 256²).

Johnson, Alahi & Fei-Fei 2016, made small, with the picture added at the end, and faster.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from neocog.networks.layers import check_input, check_range, check_widths, he_normal
from neocog.networks.restorer import silent


class Johnson(nn.Module):
    """``width``: maps in the middle, even; ``blocks``: residual blocks. (B, C, H, W) → (B, C, H, W) in shares of the range."""

    purpose: ClassVar[str] = "pictures"
    paper: ClassVar[str] = "Johnson et al. 2016"
    counted: ClassVar = ((3, 256, 256), 3)
    least: ClassVar[int] = 16

    def __init__(self, channels: int, size: tuple[int, ...], outputs: int, *, width: int = 32, blocks: int = 5) -> None:
        check_range("width", width, 2, 1 << 16)
        check_widths("blocks", (blocks,))
        check_input("johnson", channels, size, outputs, self.least)
        super().__init__()
        half = width // 2
        self.smaller = nn.Sequential(*normed(channels, half, 5, 2), *normed(half, width, 3, 2))
        self.blocks = nn.Sequential(*(Block(width) for _ in range(blocks)))
        self.larger = nn.Sequential(nn.Upsample(scale_factor=2), *normed(width, half, 3))
        self.last = nn.Conv2d(half, 4 * channels, 3, padding=1, padding_mode="reflect")
        self.shuffle = nn.PixelShuffle(2)
        self.colours = nn.Conv2d(channels, channels, 1)
        he_normal(self)
        silent(self.last)
        nn.init.dirac_(self.colours.weight)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        high, wide = inputs.shape[-2:]
        small = self.smaller(inputs)  # a quarter of each side, rounded up
        strokes = self.shuffle(self.last(self.larger(self.blocks(small))))
        found: Tensor = self.colours(inputs) + strokes[..., :high, :wide]
        return found


def normed(before: int, after: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Convolution, instance norm and ReLU; the border is mirrored, so that no frame is painted."""
    layer = nn.Conv2d(before, after, kernel, stride, kernel // 2, padding_mode="reflect")
    return [layer, nn.InstanceNorm2d(after, affine=True), nn.ReLU()]


class Block(nn.Module):
    """x + two convolutions 3 × 3 of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*normed(width, width, 3), *normed(width, width, 3)[:2])

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = inputs + self.layers(inputs)
        return found
