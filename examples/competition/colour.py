"""A class for each pixel by its colour alone: what a network for masks must beat."""

from torch import Tensor, nn


class Colour(nn.Module):
    """(B, channels, H, W) → (B, outputs, H, W)."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(channels, 16, 1), nn.ReLU(), nn.Conv2d(16, outputs, 1))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layers(x)
        return scores
