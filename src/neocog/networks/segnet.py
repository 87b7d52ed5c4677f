"""SegNet: the way up puts each value back where the way down found the maximum, so that edges need no learned enlarging.

Down, once per width: convolutions 3 × 3 with batch norm and ReLU → pooling 2 × 2, which remembers where each maximum was.
Up, in reverse: unpooling to those places, zeros elsewhere → the same convolutions mirrored. The last one gives
(B, outputs, H, W). Widths 64, 128, 256, 512, 512 with 2, 2, 3, 3, 3 convolutions are the paper's (VGG-16).

Badrinarayanan, Kendall & Cipolla 2017.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from neocog.errors import UserError
from neocog.networks.layers import Size, Widths, check_input, check_widths, he_normal
from neocog.networks.padding import cropped, padded


class SegNet(nn.Module):
    """``widths``: maps of each level; ``convolutions``: how many in each."""

    paper: ClassVar[str] = "Badrinarayanan et al. 2017"
    counted: ClassVar = ((3, 360, 480), 11)

    def __init__(
        self, channels: int, size: Size, outputs: int, *, widths: Widths = (16, 32, 64, 128),
        convolutions: Widths = (2, 2, 2, 2),
    ) -> None:  # fmt: skip
        check_widths("widths", widths)
        check_widths("convolutions", convolutions)
        if len(convolutions) != len(widths):
            what = f"{len(convolutions)} numbers of convolutions for {len(widths)} widths"
            raise UserError(what, fix=f"--convolutions {','.join(['2'] * len(widths))}")
        check_input("segnet", channels, size, outputs, minimum=2)
        super().__init__()
        befores = (channels, *widths[:-1])
        afters = (widths[0], *widths[:-1])  # of each level on the way up
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.down = nn.ModuleList(
            nn.Sequential(*(unit(before if n == 0 else width, width) for n in range(count)))
            for before, width, count in zip(befores, widths, convolutions, strict=True)
        )
        self.up = nn.ModuleList(
            nn.Sequential(*(unit(width, after if n == count - 1 else width) for n in range(count)))
            for width, after, count in zip(widths[::-1], afters[::-1], convolutions[::-1], strict=True)
        )
        self.output = nn.Conv2d(widths[0], outputs, 3, padding=1)
        he_normal(self)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) → (B, outputs, H, W) logits."""
        maps, places = padded(inputs, 1 << len(self.down)), []
        for down in self.down:
            maps, where = self.pool(down(maps))
            places.append(where)
        for up in self.up:
            maps = up(unpooled(maps, places.pop()))
        return cropped(self.output(maps), inputs)


def unpooled(maps: Tensor, places: Tensor) -> Tensor:
    """(B, C, H, W) values at their ``places`` in (B, C, 2H, 2W), zeros elsewhere; any float type, one result always."""
    batch, channels, height, width = maps.shape
    empty = maps.new_zeros(batch, channels, 4 * height * width)
    return empty.scatter(2, places.flatten(2), maps.flatten(2)).view(batch, channels, 2 * height, 2 * width)


def unit(before: int, after: int) -> nn.Sequential:
    """Convolution 3 × 3, batch norm, ReLU."""
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True))
