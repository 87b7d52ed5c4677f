"""The residual network for small images: He, Zhang, Ren & Sun, "Deep residual learning …", 2016, section 4.2.

Shapes for 32 × 32, widths 16, 32, 64 and 3 blocks a stage (ResNet-20; 272,474 parameters for 3 channels, 10 classes):

    input  (B, 3, 32, 32)
    stem   convolution 3 × 3, batch norm, ReLU                    (B, 16, 32, 32)
    stage1 3 × [conv, BN, ReLU, conv, BN, + shortcut, ReLU]       (B, 16, 32, 32)
    stage2 the same, the first convolution with stride 2          (B, 32, 16, 16)
    stage3 the same                                               (B, 64,  8,  8)
    mean over the map (B, 64), linear (B, 10)

The shortcut is a 1 × 1 convolution where the shape changes (the paper's option B).
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

from torch import nn

from neocog.networks.layers import Size, Widths, check_input, check_range, check_widths, he_normal, mean_and_linear
from neocog.networks.residual import stages


class ResNet(nn.Sequential):
    """``widths``: channels of each stage; ``blocks``: residual blocks in each (layers: 2 · blocks · stages + 2)."""

    paper: ClassVar[str] = "He, Zhang, Ren & Sun 2016"

    def __init__(
        self, channels: int, size: Size, outputs: int, *, widths: Widths = (16, 32, 64), blocks: int = 3
    ) -> None:
        check_widths("widths", widths)
        check_range("blocks", blocks, 1, 1000)
        # The last maps keep 2 × 2 pixels, so that batch normalisation has a variance even for one image.
        check_input("resnet", channels, size, outputs, minimum=2 ** len(widths))
        before = widths[0]
        stem = nn.Conv2d(channels, before, 3, padding=1, bias=False)
        layers: OrderedDict[str, nn.Module] = OrderedDict(stem=nn.Sequential(stem, nn.BatchNorm2d(before), nn.ReLU()))
        layers.update(stages(widths, blocks))
        layers.update(mean_and_linear(widths[-1], outputs))
        super().__init__(layers)
        he_normal(self)
