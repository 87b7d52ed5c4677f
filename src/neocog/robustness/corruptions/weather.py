"""Weather: of ImageNet-C (Hendrycks & Dietterich 2019). Pixels (B, C, H, W); lengths in pixels of a 224 × 224 picture."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neocog.robustness.corruptions.blur import motion
from neocog.robustness.corruptions.corruption import Corruption
from neocog.robustness.corruptions.lot import Lot, each
from neocog.robustness.corruptions.place import zoomed

Snow = tuple[float, float, float, float, float, float, float]


def snow(pixels: Tensor, level: Snow, lot: Lot, scale: float) -> Tensor:
    """Flakes of a size, moved by the wind, over a whitened picture; once more turned about."""
    mean, deviation, size, cut, radius, blur, kept = level
    shape = (1, *pixels.shape[2:])
    flakes = zoomed(mean + deviation * lot.normal("snow", shape), max(1.0, size * scale))
    flakes = motion(flakes.masked_fill(flakes < cut, 0).clamp(0, 1), (radius, blur), lot, scale, -135, -45)
    whitened = torch.maximum(pixels, grey(pixels) * 1.5 + 0.5)
    return kept * pixels + (1 - kept) * whitened + flakes + flakes.rot90(2, (2, 3))


def fog(pixels: Tensor, level: tuple[float, float], lot: Lot, scale: float) -> Tensor:
    """A cloud added, and the whole brought back to the range of the brightest place."""
    amount, decay = level
    cloud = clouds(pixels, decay, lot, "fog")
    most = pixels.amax((1, 2, 3), keepdim=True).clamp(min=1e-6)
    return (pixels + amount * cloud) * most / (most + amount)


def frost(pixels: Tensor, level: tuple[float, float], lot: Lot, scale: float) -> Tensor:
    """Ridges of ice over the picture. The reference lays six photographs of frozen panes over it; these are drawn, as light
    (0.35 to 0.83 in the mean) and as uneven (a deviation of 0.1 within a picture)."""
    kept, ice = level
    ridges = (1 - (2 * clouds(pixels, 1.9, lot, "frost") - 1).abs()).square()
    pane = each(lot.between("pane", 0.35, 0.83), ridges) + 0.55 * (ridges - ridges.mean((2, 3), keepdim=True))
    return kept * pixels + ice * pane.clamp(0, 1)


def brighter(pixels: Tensor, amount: float, lot: Lot, scale: float) -> Tensor:
    """The value of hue, saturation and value, raised; of other than three channels each."""
    if pixels.shape[1] != 3:
        return (pixels + amount).clamp(max=1)
    value = pixels.amax(1, keepdim=True)
    raised = (value + amount).clamp(max=1)
    return torch.where(value > 0, pixels * (raised / value.clamp(min=1e-6)), raised)


def grey(pixels: Tensor) -> Tensor:
    """(B, 1, H, W): the eye's weights of red, green and blue, the mean of other channels."""
    if pixels.shape[1] != 3:
        return pixels.mean(1, keepdim=True)
    return (pixels * torch.tensor([0.299, 0.587, 0.114], device=pixels.device).view(3, 1, 1)).sum(1, keepdim=True)


def clouds(pixels: Tensor, decay: float, lot: Lot, name: str) -> Tensor:
    """(B, 1, H, W) in 0 … 1: plasma by diamonds and squares, whose wobble falls by the square of ``decay`` at each halving."""
    side = 2 ** math.ceil(math.log2(max(2, *pixels.shape[2:])))
    heights, step, wobble = torch.zeros(len(pixels), side, side, device=pixels.device), side, 1.0
    wobbles = 2 * lot.uniform(name, (side, side)) - 1
    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        sums = corners + corners.roll(-1, 1)
        centres = (sums + sums.roll(-1, 2)) / 4 + wobble * wobbles[:, half::step, half::step]
        heights[:, half::step, half::step] = centres
        across = corners + corners.roll(-1, 2) + centres + centres.roll(1, 1)
        heights[:, ::step, half::step] = across / 4 + wobble * wobbles[:, ::step, half::step]
        along = corners + corners.roll(-1, 1) + centres + centres.roll(1, 2)
        heights[:, half::step, ::step] = along / 4 + wobble * wobbles[:, half::step, ::step]
        step, wobble = half, wobble / decay**2
    low, high = (each(bound, heights) for bound in (heights.amin((1, 2)), heights.amax((1, 2))))
    return ((heights - low) / (high - low))[:, None, : pixels.shape[2], : pixels.shape[3]]


SNOW: tuple[Snow, Snow, Snow, Snow, Snow] = (
    (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
    (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
    (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
    (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)
WEATHER = {
    "snow": Corruption("weather", SNOW, snow),
    "frost": Corruption("weather", ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)), frost),
    "fog": Corruption("weather", ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)), fog),
    "brightness": Corruption("weather", (0.1, 0.2, 0.3, 0.4, 0.5), brighter, ("images", "volumes")),
}
