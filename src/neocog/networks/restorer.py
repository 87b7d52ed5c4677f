"""What networks that give images share: the enlarged input that they add to, brightness alone or all channels, how far they see.

Letters: B images, C channels, H × W pixels, s the scale. Inputs and outputs are shares of the range from black to white.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from neocog.errors import UserError, count
from neocog.networks.layers import check_input

SCALES = (1, 2, 3, 4)
BRIGHTNESS = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R 601
BICUBIC = 3  # pixels that enlarging looks at, to each side


class Restorer(nn.Module):
    """A network from images (B, C, H, W) to images (B, C, s·H, s·W).

    ``reach``: how many input pixels to each side an output pixel depends on. With ``luma`` only the brightness of three colours is
    restored, and the same is added to all three: their differences are those of the enlarged input.
    """

    purpose: ClassVar[str] = "images"
    scales: ClassVar[tuple[int, ...]] = SCALES  # that it is made for
    least: ClassVar[int] = 1
    reach: int

    def __init__(self, channels: int, size: tuple[int, ...], outputs: int, scale: int, luma: bool, name: str) -> None:
        if scale not in self.scales:
            known = ", ".join(map(str, self.scales))
            raise UserError(f"{name} is for a scale of {known}, not {scale}", fix="another --model, such as edsr")
        if luma and channels != 3:
            raise UserError(f"--luma is for three colours, not for {count(channels, 'channel')}", fix="leave it out")
        check_input(name, channels, size, outputs)
        super().__init__()
        self.scale, self.luma = scale, luma
        self.seen = 1 if luma else channels  # channels that are restored

    def restorable(self, inputs: Tensor) -> Tensor:
        """(B, seen, H, W): brightness, or all channels."""
        if not self.luma:
            return inputs
        return weighted(inputs, BRIGHTNESS)

    def enlarged(self, inputs: Tensor) -> Tensor:
        """(B, C, s·H, s·W), bicubic."""
        if self.scale == 1:
            return inputs
        return F.interpolate(inputs, scale_factor=float(self.scale), mode="bicubic", align_corners=False)


def weighted(images: Tensor, weights: Sequence[float]) -> Tensor:
    """(n, 3, h, w) → (n, 1, h, w)."""
    return (images * images.new_tensor(weights).view(1, 3, 1, 1)).sum(1, keepdim=True)


def conv(before: int, after: int, kernel: int = 3) -> nn.Conv2d:
    """A convolution that keeps the size."""
    return nn.Conv2d(before, after, kernel, padding=kernel // 2)


def silent(layer: nn.Conv2d | nn.ConvTranspose2d) -> None:
    """Let a last layer say 0, so that what is learned begins at the enlarged input."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
