"""U-Net: a path down that sees what, a path up that says where, and bridges that keep the detail.

Down, ``depth`` times: two convolutions 3 × 3 (the size stays) → pooling 2 × 2, the width doubled each time. Up: transposed
convolution 2 × 2 (doubles the size, halves the width) → beside it the map of the same size from the way down → two
convolutions 3 × 3. Last a convolution 1 × 1 to (B, outputs, H, W). With width 64 and depth 4 on (B, 3, 256, 256):
(64, 256²), (128, 128²), (256, 64²), (512, 32²), (1024, 16²) and back.

Ronneberger, Fischer & Brox 2015; here with padding, so that what comes out has the size of what went in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from neocog.networks.layers import check_input, check_range, check_widths, he_normal
from neocog.networks.padding import cropped, padded

Norm = Literal["batch", "last", "instance", "group", "none"]
NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": nn.BatchNorm2d,
    "last": nn.BatchNorm2d,
    "instance": lambda width: nn.InstanceNorm2d(width, affine=True),
    "group": lambda width: nn.GroupNorm(next(groups for groups in (8, 4, 2, 1) if width % groups == 0), width),
}


class UNet(nn.Module):
    """``width``: maps of the first level; ``depth``: halvings; ``norm``: after both convolutions of a level (batch,
    instance, group), after the second alone (last), or none; ``dropout``: 0 ≤ p < 1, of whole maps, at the lowest level.

    Width 64 with norm "last", 3 channels and 1 output has 31,043,521 parameters, 5,888 of them running statistics.
    """

    paper: ClassVar[str] = "Ronneberger et al. 2015"
    counted: ClassVar = ((1, 572, 572), 2)

    def __init__(
        self,
        channels: int,
        size: tuple[int, ...],
        outputs: int,
        *,
        width: int = 16,
        depth: int = 4,
        norm: Norm = "batch",
        dropout: float = 0.0,
    ) -> None:
        check_widths("width", (width,))
        check_widths("depth", (depth,))
        check_range("dropout", dropout, 0, 1)
        check_input("unet", channels, size, outputs, minimum=2)
        super().__init__()
        widths = [width << level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            level(before, after, norm) for before, after in zip([channels, *widths], widths, strict=False)
        )
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout2d(dropout)
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths[-2::-1])
        self.up = nn.ModuleList(level(2 * w, w, norm) for w in widths[-2::-1])
        self.output = nn.Conv2d(width, outputs, 1)
        he_normal(self)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) → (B, outputs, H, W) logits."""
        maps, bridges = padded(inputs, 1 << len(self.up)), []
        for number, down in enumerate(self.down):
            maps = down(self.pool(maps) if number else maps)
            bridges.append(maps)
        maps = self.dropout(bridges.pop())
        for enlarge, up in zip(self.enlarge, self.up, strict=True):
            maps = up(torch.cat([enlarge(maps), bridges.pop()], dim=1))
        return cropped(self.output(maps), inputs)


def level(before: int, after: int, norm: Norm) -> nn.Sequential:
    """Two convolutions 3 × 3 with their norms and ReLUs; the size stays."""
    layers: list[nn.Module] = []
    for number, width in enumerate((before, after)):
        layers.append(nn.Conv2d(width, after, 3, padding=1))
        if norm in ("batch", "instance", "group") or (norm == "last" and number):
            layers.append(NORMS[norm](after))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
