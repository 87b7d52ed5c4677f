"""NASNet-A: Zoph, Vasudevan, Shlens & Le, "Learning transferable architectures for scalable image recognition", 2018.

Mobile: 4 cells a stage, 44 channels a branch, 1056 = 24 · 44 at the end. Shapes for 224 × 224; B images:

    input  (B, 3, 224, 224)
    stem   3 × 3, stride 2, batch norm                                  (B,   32, 112, 112)
           reduction cell of 11 channels a branch, one of 22            (B,   44,  56,  56), (B, 88, 28, 28)
    stage1 4 normal cells of 44                                         (B,  264,  28,  28)
    stage2 reduction cell of 88 (B, 352, 14, 14), 4 normal ones         (B,  528,  14,  14)
    stage3 reduction cell of 176 (B, 704, 7, 7), 4 normal ones          (B, 1056,   7,   7)
    ReLU, mean over the map (B, 1056), linear (B, outputs)

Every cell takes the outputs of the two before it. Figure 4 of the paper shows the cells; names of branches follow it.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from neocog.networks.layers import Size, check_input, check_range, he_normal


class NASNet(nn.Module):
    """``cells``: normal cells a stage; ``width``: channels of a branch in the first stage; ``stem``: of the first layer.

    ``skip``: a reduction cell's other neighbour is the cell before its input, rather than that input, as in NASNet-large,
    which is cells 6, width 168, stem 96 and skip.
    """

    paper: ClassVar[str] = "Zoph, Vasudevan, Shlens & Le 2018"
    counted: ClassVar = ((3, 224, 224), 1000)
    least: ClassVar[int] = 64  # pixels a side: they are halved five times

    def __init__(
        self, channels: int, size: Size, outputs: int, *, cells: int = 4, width: int = 44, stem: int = 32,
        skip: bool = False,
    ) -> None:  # fmt: skip
        check_range("cells", cells, 1, 100)
        check_range("width", width, 4, 10_000)
        check_range("stem", stem, 1, 10_000)
        check_input("nasnetmobile", channels, size, outputs, minimum=self.least)
        super().__init__()
        self.skip = skip
        self.stem = nn.Sequential(nn.Conv2d(channels, stem, 3, stride=2, padding=1, bias=False), norm(stem))
        self.cells = nn.ModuleList()
        before, last, shrunk = stem, stem, False  # channels of the two inputs; whether the older one is twice as large
        plan: list[tuple[type[Normal | Reduction], int]] = [(Reduction, width // 4), (Reduction, width // 2)]
        for stage in range(3):
            plan += [(Reduction, width << stage)] * (stage > 0) + [(Normal, width << stage)] * cells
        for number, (kind, branch) in enumerate(plan):
            cell = kind(before, last, branch, adapted=number > 0, shrunk=shrunk)
            self.cells.append(cell)
            reduces = kind is Reduction
            if not (reduces and skip and number > 1):
                before = last
            last, shrunk = cell.width, reduces
        self.output = nn.Linear(last, outputs)
        he_normal(self)

    def forward(self, inputs: Tensor) -> Tensor:
        last = self.stem(inputs)
        before = last
        for number, cell in enumerate(self.cells):
            after = cell(before, last)
            if not (isinstance(cell, Reduction) and self.skip and number > 1):
                before = last
            last = after
        logits: Tensor = self.output(torch.relu(last).mean((2, 3)))
        return logits


def norm(width: int) -> nn.BatchNorm2d:
    """Batch norm as the authors set it: statistics that move by 0.0003 a step, and 0.001 below the root."""
    return nn.BatchNorm2d(width, eps=1e-3, momentum=3e-4)


def projection(channels: int, width: int) -> nn.Sequential:
    """ReLU, 1 × 1, batch norm: (B, channels, H, W) → (B, width, H, W)."""
    return nn.Sequential(nn.ReLU(), nn.Conv2d(channels, width, 1, bias=False), norm(width))


class Separable(nn.Sequential):
    """Twice ReLU, depthwise k × k, 1 × 1, batch norm; the first with the stride: (B, channels, H, W) → (B, width, …)."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1) -> None:
        layers: list[nn.Module] = []
        for before, step in ((channels, stride), (width, 1)):
            depthwise = nn.Conv2d(before, before, kernel, step, kernel // 2, groups=before, bias=False)
            layers += [nn.ReLU(), depthwise, nn.Conv2d(before, width, 1, bias=False), norm(width)]
        super().__init__(*layers)


class Halved(nn.Module):
    """Half as high and wide without losing half of the pixels' positions: every second pixel, and those beside them."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(channels, width // 2, 1, bias=False)
        self.odd = nn.Conv2d(channels, width - width // 2, 1, bias=False)
        self.norm = norm(width)

    def forward(self, inputs: Tensor) -> Tensor:
        inputs = torch.relu(inputs)
        beside = pad(inputs, (-1, 1, -1, 1))  # moved by one pixel, zeros at the far edges
        both = torch.cat([self.even(inputs[:, :, ::2, ::2]), self.odd(beside[:, :, ::2, ::2])], 1)
        outputs: Tensor = self.norm(both)
        return outputs


class Cell(nn.Module):
    """What both cells do first: their two inputs, of ``before`` and ``last`` channels, brought to ``width`` and one size.

    ``shrunk``: the older input is twice as high and wide. The first cell's older input is its only one, and stays as it is.
    """

    def __init__(self, before: int, last: int, width: int, *, adapted: bool, shrunk: bool) -> None:
        super().__init__()
        self.now = projection(last, width)
        self.older: nn.Module = nn.Identity()
        if adapted and shrunk:
            self.older = Halved(before, width)
        elif adapted and before != width:
            self.older = projection(before, width)
        self.inputs = width if adapted else before  # channels of the older input from here on


class Normal(Cell):
    """(B, before, …), (B, last, H, W) → (B, 6 · width, H, W)."""

    def __init__(self, before: int, last: int, width: int, *, adapted: bool, shrunk: bool) -> None:
        super().__init__(before, last, width, adapted=adapted, shrunk=shrunk)
        self.now5, self.now3 = Separable(width, width, 5), Separable(width, width, 3)
        self.older3, self.older5, self.older3b = (Separable(width, width, kernel) for kernel in (3, 5, 3))
        self.mean = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.width = 6 * width

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        now, older = self.now(last), self.older(before)
        older_mean = self.mean(older)
        parts = [
            self.now5(now) + self.older3(older),
            self.older5(older) + self.older3b(older),
            self.mean(now) + older,
            older_mean + older_mean,
            self.now3(now) + now,
        ]
        return torch.cat([older, *parts], 1)


class Reduction(Cell):
    """(B, before, …), (B, last, H, W) → (B, 4 · width, H / 2, W / 2)."""

    def __init__(self, before: int, last: int, width: int, *, adapted: bool, shrunk: bool) -> None:
        super().__init__(before, last, width, adapted=adapted, shrunk=shrunk)
        self.now5 = Separable(width, width, 5, 2)
        self.older7, self.older7b, self.older5 = (Separable(self.inputs, width, kernel, 2) for kernel in (7, 7, 5))
        self.first3 = Separable(width, width, 3)
        self.largest = nn.MaxPool2d(3, 2, 1)
        self.halved_mean = nn.AvgPool2d(3, 2, 1, count_include_pad=False)
        self.mean = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.width = 4 * width

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        now, older = self.now(last), self.older(before)
        largest = self.largest(now)
        first = self.now5(now) + self.older7(older)
        second = largest + self.older7b(older)
        parts = [
            second,
            self.halved_mean(now) + self.older5(older),
            second + self.mean(first),
            self.first3(first) + largest,
        ]
        return torch.cat(parts, 1)
