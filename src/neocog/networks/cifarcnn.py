"""The plain convolutional network often taught on CIFAR-10: three double convolutions and three linear layers.

VGG's idea (Simonyan & Zisserman 2014: small kernels, doubled widths) with batch normalisation (Ioffe & Szegedy 2015)
and dropout (Srivastava 2014). Shapes for 3 × 32 × 32 and 10 classes, 5,852,170 parameters:

    input (B, 3, 32, 32)
    conv 32, BN, ReLU, conv  64, ReLU, max pool                  (B,  64, 16, 16)
    conv 128, BN, ReLU, conv 128, ReLU, max pool, dropout 0.05   (B, 128,  8,  8)
    conv 256, BN, ReLU, conv 256, ReLU, max pool                 (B, 256,  4,  4)
    flatten, dropout 0.1, 1024, ReLU, 512, ReLU, dropout 0.1, 10 logits
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

from torch import nn

from neocog.networks.layers import check_input, check_range, pooled


class CifarCNN(nn.Sequential):
    """``dropout``: 0 ≤ p < 1 around the linear layers; half of it drops whole maps after the second stage."""

    paper: ClassVar[str] = "after Simonyan & Zisserman 2014"

    def __init__(self, channels: int, size: tuple[int, int], outputs: int, *, dropout: float = 0.1) -> None:
        check_input("cifarcnn", channels, size, outputs, minimum=8)
        check_range("dropout", dropout, 0, 1)
        super().__init__(
            OrderedDict(
                stage1=stage(channels, 32, 64),
                stage2=stage(64, 128, 128).append(nn.Dropout2d(dropout / 2)),
                stage3=stage(128, 256, 256),
                classifier=nn.Sequential(
                    nn.Flatten(),
                    nn.Dropout(dropout),
                    nn.Linear(256 * pooled(size, 3), 1024),
                    nn.ReLU(),
                    nn.Linear(1024, 512),
                    nn.ReLU(),
                    nn.Dropout(dropout),
                    nn.Linear(512, outputs),
                ),
            )
        )


def stage(channels: int, first: int, second: int) -> nn.Sequential:
    """(B, channels, H, W) → (B, second, H/2, W/2)."""
    return nn.Sequential(
        nn.Conv2d(channels, first, 3, padding=1),
        nn.BatchNorm2d(first),
        nn.ReLU(),
        nn.Conv2d(first, second, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )
