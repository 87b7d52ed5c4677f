"""Two hidden layers: what a network reaches that knows nothing of neighbouring pixels."""

import math

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    """(B, channels, *size) → (B, outputs)."""

    def __init__(self, channels: int, size: tuple[int, ...], outputs: int, width: int = 256) -> None:
        super().__init__()
        inputs = channels * math.prod(size)
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(inputs, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.layers(x)
        return scores - torch.logsumexp(scores, dim=1, keepdim=True)
