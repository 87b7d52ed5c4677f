"""The first layer of trained weights for images of other channels, as timm adapts it."""

from __future__ import annotations

from torch import Tensor


def adapted(weight: Tensor, channels: int) -> Tensor:
    """Weights (out, in, kh, kw[, kd]) of a first convolution for ``channels``: (out, channels, …).

    One channel gets the sum over all, so that grey answers as the same grey in colours did; others get the channels in turn
    (RGBR…), scaled by in / channels, so that sums stay as large as they were.
    """
    before = weight.shape[1]
    if channels == before:
        return weight
    if channels == 1:
        return weight.sum(1, keepdim=True)
    turns = -(-channels // before)
    return weight.repeat(1, turns, *(1,) * (weight.ndim - 2))[:, :channels] * (before / channels)


def fits_adapted(theirs: tuple[int, ...], ours: tuple[int, ...]) -> bool:
    """Whether two shapes of a convolution's weights differ in the channels that come in alone."""
    return len(theirs) == len(ours) >= 3 and theirs[0] == ours[0] and theirs[2:] == ours[2:]
