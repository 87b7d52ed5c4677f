"""A small network for DNA barcodes: 24 motifs of four bases, and where they are.

(B, 4, 1, L) shares of A, C, G, T → (B, 1, 4, L) as a picture of four rows → conv 24 × (4 × 4) → ReLU → flatten
(B, 24·(L − 3)) → linear → ReLU → linear (B, outputs). For 12 classes and L = 1,259: 2,533,608 parameters, 408 in the
first layer.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from neocog.errors import UserError
from neocog.networks.layers import check_input


class Barcode(nn.Module):
    """``motifs``: filters of the convolution; ``hidden``: width of the layer before the output."""

    paper: ClassVar[str] = "Alipanahi et al. 2015"
    counted: ClassVar = ((4, 1, 660), 10)

    def __init__(
        self, channels: int, size: tuple[int, ...], outputs: int, *, motifs: int = 24, hidden: int = 84
    ) -> None:
        super().__init__()
        check_sequences("barcode", channels, size, outputs, 4)
        self.conv = nn.Conv2d(1, motifs, channels)
        self.relu1 = nn.ReLU()
        self.flatten = nn.Flatten()
        self.linear = nn.Linear(motifs * (size[-1] - channels + 1), hidden)
        self.relu2 = nn.ReLU()
        self.output = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.conv(x.transpose(1, 2)))  # channels become the rows of a picture
        logits: Tensor = self.output(self.relu2(self.linear(self.flatten(x))))
        return logits


def check_sequences(model: str, channels: int, size: tuple[int, ...], outputs: int, least: int) -> None:
    """Raise unless samples are sequences: of one row, 4 channels, and at least ``least`` letters."""
    check_input(model, channels, size, outputs)
    if len(size) != 2 or size[0] != 1 or channels != 4:
        found = " × ".join(map(str, (channels, *size)))
        raise UserError(f"{model} is for sequences (4 × 1 × L), not for {found}", fix="a model for images, such as cnn")
    if size[1] < least:
        raise UserError(f"{model} needs sequences of at least {least} letters, not {size[1]}", fix=f"--size {least}")
