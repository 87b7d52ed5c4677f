"""Where pictures lie on axes that corruptions move them along: brightness, contrast, sharpness, noise. Pixels 0 black, 1 white."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d

AXES = ("brightness", "contrast", "sharpness", "noise")
INSIDE = (0.01, 0.99)  # quantiles between which a value is one of the data's own


def places(pixels: Tensor) -> Tensor:
    """(B, C, H, W) → (B, 4): mean, standard deviation, mean gradient between neighbours over the deviation, and the deviation
    of noise (Immerkær 1996: what is left after a mask that no straight edge passes)."""
    light = pixels.float().mean(1, keepdim=True)
    mean, deviation = light.mean((1, 2, 3)), light.std((1, 2, 3), correction=0)
    gradient = light.diff(dim=2).abs().mean((1, 2, 3)) + light.diff(dim=3).abs().mean((1, 2, 3))
    mask = torch.tensor([[1.0, -2, 1], [-2, 4, -2], [1, -2, 1]], device=pixels.device)[None, None]
    noise = conv2d(light, mask).abs().mean((1, 2, 3)) * math.sqrt(math.pi / 2) / 6
    return torch.stack([mean, deviation, gradient / deviation.clamp(min=1e-6), noise], 1)


def span(values: Tensor) -> Tensor:
    """(N, 4) → (2, 4): the range that holds nearly all of them."""
    return torch.quantile(values.double(), torch.tensor(INSIDE, dtype=torch.float64), dim=0)
