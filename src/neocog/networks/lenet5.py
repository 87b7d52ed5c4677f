"""LeNet-5: LeCun, Bottou, Bengio & Haffner, "Gradient-based learning applied to document recognition", 1998.

Shapes for 28 × 28 (padded to 32 × 32, as in the paper) and 10 classes, 61,706 parameters:

    input (B, 1, 28, 28)
    C1 convolution 5 × 5, padding 2   (B,  6, 28, 28)     S2 mean of 2 × 2   (B,  6, 14, 14)
    C3 convolution 5 × 5              (B, 16, 10, 10)     S4 mean of 2 × 2   (B, 16,  5,  5)
    C5 120 units, F6 84 units, output 10 logits; tanh after C1, C3, C5 and F6

Differences from 1998, as is usual: the pooling has no trained coefficients, and the output is linear, not radial.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn

from neocog.networks.layers import check_input

# Table I of the paper: which of the 6 maps of S2 each of the 16 maps of C3 sees.
C3 = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5),
)  # fmt: skip


class TableConv2d(nn.Conv2d):
    """A convolution in which each output map sees only the input maps of its row; the other weights stay zero."""

    table: Tensor

    def __init__(self, rows: tuple[tuple[int, ...], ...], in_channels: int, kernel_size: int) -> None:
        super().__init__(in_channels, len(rows), kernel_size)
        table = torch.zeros(len(rows), in_channels, 1, 1)
        for output, inputs in enumerate(rows):
            table[output, list(inputs)] = 1
        self.register_buffer("table", table, persistent=False)
        with torch.no_grad():
            self.weight.mul_(table)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self._conv_forward(inputs, self.weight * self.table, self.bias)
        return outputs


class LeNet5(nn.Sequential):
    """``sparse``: C3 connected by the paper's table (60 of 96 pairs: 900 of the 61,706 parameters stay zero).

    Sides below 32 pixels are padded by 2, as 28 × 28 digits are; from 12 pixels upwards any size works.
    """

    paper: ClassVar[str] = "LeCun, Bottou, Bengio & Haffner 1998"
    counted: ClassVar = ((1, 32, 32), 10)  # the paper's input and outputs, for which parameters are listed

    def __init__(self, channels: int, size: tuple[int, int], outputs: int, *, sparse: bool = False) -> None:
        check_input("lenet5", channels, size, outputs, minimum=12)
        padding = (2 if size[0] < 32 else 0, 2 if size[1] < 32 else 0)
        height, width = (((side + 2 * pad - 4) // 2 - 4) // 2 for side, pad in zip(size, padding, strict=True))
        layers: list[tuple[str, nn.Module]] = [
            ("c1", nn.Conv2d(channels, 6, 5, padding=padding)),
            ("tanh1", nn.Tanh()),
            ("s2", nn.AvgPool2d(2)),
            ("c3", TableConv2d(C3, 6, 5) if sparse else nn.Conv2d(6, 16, 5)),
            ("tanh3", nn.Tanh()),
            ("s4", nn.AvgPool2d(2)),
            ("flatten", nn.Flatten()),
            ("c5", nn.Linear(16 * height * width, 120)),
            ("tanh5", nn.Tanh()),
            ("f6", nn.Linear(120, 84)),
            ("tanh6", nn.Tanh()),
            ("output", nn.Linear(84, outputs)),
        ]
        super().__init__(OrderedDict(layers))
