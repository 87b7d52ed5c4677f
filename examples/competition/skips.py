"""Three levels with connections across, as the U-Net (Ronneberger et al. 2015), for masks: a score of each class for each pixel."""

import torch
from torch import Tensor, nn


def block(channels: int, maps: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, maps, 3, padding=1, bias=False), nn.BatchNorm2d(maps), nn.ReLU())


class Skips(nn.Module):
    """(B, channels, H, W) → (B, outputs, H, W), of sides that 4 divides."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second, self.third = block(channels, 16), block(16, 32), block(32, 64)
        self.smaller, self.larger = nn.MaxPool2d(2), nn.Upsample(scale_factor=2, mode="bilinear")
        self.fourth, self.fifth = block(64 + 32, 32), block(32 + 16, 16)
        self.scores = nn.Conv2d(16, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        fine = self.first(x)
        middle = self.second(self.smaller(fine))
        coarse = self.third(self.smaller(middle))
        middle = self.fourth(torch.cat([self.larger(coarse), middle], 1))
        scores: Tensor = self.scores(self.fifth(torch.cat([self.larger(middle), fine], 1)))
        return scores
