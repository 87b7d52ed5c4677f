"""A small residual network (He et al. 2016): three stages of blocks whose input is added to what they compute."""

from torch import Tensor, nn


def convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))


class Block(nn.Module):
    """Two convolutions, and the input added to their result."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.maps = nn.Sequential(convolution(inputs, outputs, stride), nn.ReLU(), convolution(outputs, outputs))
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.relu(self.maps(x) + self.shortcut(x))


class ResNet(nn.Module):
    """(B, channels, H, W) → (B, outputs)."""

    def __init__(self, channels: int, outputs: int, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolution(channels, width), nn.ReLU())
        self.stages = nn.Sequential(Block(width, width, 1), Block(width, 2 * width, 2), Block(2 * width, 4 * width, 2))
        self.classes = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4 * width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.classes(self.stages(self.stem(x)))
        return scores
