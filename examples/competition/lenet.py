"""Convolution, pooling, convolution, pooling, and two layers, as LeNet-5 (LeCun et al. 1998), with ReLU and batch norm."""

from torch import Tensor, nn


class LeNet(nn.Module):
    """(B, channels, H, W) → (B, outputs), of any size from 4 × 4 up."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(channels, 16, 5, padding=2, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5, padding=2, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classes = nn.Sequential(nn.Flatten(), nn.LazyLinear(120), nn.ReLU(), nn.Linear(120, outputs))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classes(self.maps(x))
        return scores
