"""A residual network for sequences whose dilated convolutions see ever further. After Yu & Koltun 2016; He et al. 2016.

(B, 4, 1, L) → conv 1 × 9, stride 4 → BN → [ReLU → conv 1 × 3 dilated → BN → ReLU → conv → BN → + ] per dilation →
ReLU → mean and maximum over the length (B, 2·width) → linear (B, outputs). Where a motif stands does not matter, so
sequences that begin earlier or later are alike.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from neocog.networks.barcode import check_sequences
from neocog.networks.layers import check_range, check_widths


class Block(nn.Module):
    """x + two dilated convolutions; the same length and width."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(width, width, (1, 3), padding=(0, dilation), dilation=(1, dilation), bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, (1, 3), padding=(0, 1), bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm2(self.conv2(self.relu2(self.norm1(self.conv1(self.relu1(x))))))
        return x + y


class BarcodeResNet(nn.Module):
    """``width``: channels of all blocks; ``dilations``: one block each; ``dropout``: 0 ≤ p < 1 before the output."""

    paper: ClassVar[str] = "Yu & Koltun 2016"
    counted: ClassVar = ((4, 1, 660), 10)

    def __init__(
        self,
        channels: int,
        size: tuple[int, ...],
        outputs: int,
        *,
        width: int = 48,
        dilations: tuple[int, ...] = (1, 4),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_sequences("barcode-resnet", channels, size, outputs, 16)
        check_widths("dilations", dilations)
        check_range("dropout", dropout, 0, 1)
        self.stem = nn.Conv2d(channels, width, (1, 9), stride=(1, 4), padding=(0, 4), bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(*(Block(width, dilation) for dilation in dilations))
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(2 * width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.blocks(self.norm(self.stem(x))))
        both = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        logits: Tensor = self.output(self.dropout(both))
        return logits
