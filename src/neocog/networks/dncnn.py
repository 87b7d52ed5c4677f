"""DnCNN: a plain chain of convolutions with batch norm that says what the noise is; the image less that is restored.

Convolution 3 × 3 to ``width`` maps, ReLU → ``depth`` − 2 times convolution 3 × 3, batch norm, ReLU → convolution 3 × 3 to the
channels. Zhang, Zuo, Chen, Meng & Zhang 2017: width 64 and depth 17.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from neocog.networks.layers import check_range, check_widths, he_normal
from neocog.networks.restorer import Restorer, conv, silent


class DnCNN(Restorer):
    """``width``: maps; ``depth``: convolutions, at least 3; ``luma``: restore brightness alone. It keeps the size."""

    paper: ClassVar[str] = "Zhang et al. 2017"
    counted: ClassVar = ((3, 48, 48), 3)
    scales: ClassVar[tuple[int, ...]] = (1,)

    def __init__(
        self, channels: int, size: tuple[int, ...], outputs: int, *, width: int = 64, depth: int = 17, scale: int = 1,
        luma: bool = False,
    ) -> None:  # fmt: skip
        check_widths("width", (width,))
        check_range("depth", depth, 3, 1000)
        super().__init__(channels, size, outputs, scale, luma, "dncnn")
        layers: list[nn.Module] = [conv(self.seen, width), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        self.layers = nn.Sequential(*layers, conv(width, self.seen))
        he_normal(self)
        silent(self.layers[-1])  # type: ignore[arg-type]
        self.reach = depth

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W)."""
        found: Tensor = inputs - self.layers(self.restorable(inputs))
        return found
