"""Any size through networks that halve it several times: padded before, cropped back after."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def padded(inputs: Tensor, step: int) -> Tensor:
    """(B, C, H, W) with the last row and column repeated until both sides are multiples of ``step``."""
    height, width = inputs.shape[-2:]
    below, right = -height % step, -width % step
    return F.pad(inputs, (0, right, 0, below), mode="replicate") if below or right else inputs


def cropped(outputs: Tensor, like: Tensor) -> Tensor:
    """(B, K, H, W) cut to the height and width of ``like``."""
    return outputs[..., : like.shape[-2], : like.shape[-1]]
