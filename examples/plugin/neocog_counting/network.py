"""Density: how many objects each place holds, summed over all places, so that a larger image counts more."""

from torch import nn


class Density(nn.Module):
    form = "images"
    purpose = "prediction"
    paper = "after Lempitsky & Zisserman 2010"

    def __init__(self, channels: int, size: tuple[int, ...], outputs: int, *, width: int = 16) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, stride=2), nn.ReLU(),
            nn.Conv2d(width, outputs, 1), nn.Softplus(),
        )  # fmt: skip
        nn.init.constant_(self.body[-2].bias, -4.0)  # almost nothing at each place, to begin with

    def forward(self, images):
        return self.body(images).sum(dim=(2, 3)).add(1e-6).log()
