"""Blur: of ImageNet-C (Hendrycks & Dietterich 2019). Pixels (B, C, H, W); lengths in pixels of a 224 × 224 picture."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from neocog.robustness.corruptions.corruption import Corruption
from neocog.robustness.corruptions.lot import Lot
from neocog.robustness.corruptions.place import taken_at, zoomed
from neocog.robustness.corruptions.smooth import gauss_blurred, gauss_matrix, mirrored

FARTHER = 1.37  # than a swap reaches are two moves: as one that swaps, and as one that is swapped
SMALL = 1.5  # pixels
FINE = 9  # sub-pixels a side where a disk's edge is drawn


def defocused(pixels: Tensor, level: tuple[float, float], lot: Lot, scale: float) -> Tensor:
    """A disk of a radius, softened by a Gaussian."""
    radius, soft = level
    return filtered(pixels, disk(radius * scale, soft * scale))


def glass(pixels: Tensor, level: tuple[float, float, int], lot: Lot, scale: float) -> Tensor:
    """Each pixel shows one nearby, several times over, between two blurs. The reference swaps pixels one after another, each
    with one within ``reach``, which moves them as far as this does."""
    deviation, reach, times = level
    shape, reach = tuple(pixels.shape[2:]), FARTHER * reach * scale
    found = gauss_blurred(pixels, deviation * scale)
    for turn in range(times):
        moves = [(2 * lot.uniform(f"glass {turn} {axis}", shape) - 1) * reach for axis in "yx"]
        down, right = (move.round() if reach >= 1 else move for move in moves)
        found = taken_at(found, down, right)
    return gauss_blurred(found, deviation * scale)


def motion(
    pixels: Tensor, level: tuple[float, float], lot: Lot, scale: float, low: float = -45, high: float = 45
) -> Tensor:
    """Along a line at an angle between ``low`` and ``high`` degrees, to one side, as ImageMagick does it."""
    radius, deviation = level
    taps = max(2, math.ceil(2 * radius * scale + 1))
    steps = torch.arange(taps, device=pixels.device)
    weights = torch.exp(-(steps**2) / (2 * max(deviation * scale, 0.3) ** 2))
    angle = torch.deg2rad(lot.between("motion angle", low, high))[:, None]
    down, right = (-torch.ceil(steps * side(angle) - 0.5).long() for side in (torch.sin, torch.cos))  # (B, taps)
    reach = taps
    kernels = torch.zeros(len(pixels), 2 * reach + 1, 2 * reach + 1, device=pixels.device)
    rows = torch.arange(len(pixels), device=pixels.device)[:, None].expand_as(down)
    kernels.index_put_((rows, reach - down, reach - right), (weights / weights.sum()).expand_as(down), accumulate=True)
    return filtered_each(pixels, kernels)


def zoom(pixels: Tensor, level: tuple[float, float], lot: Lot, scale: float) -> Tensor:
    """The mean of the picture and of its enlargements by 1 to ``most``."""
    most, step = level
    factors = [1 + step * i for i in range(math.ceil((most - 1) / step))]  # with rounding errors, as the reference
    found = pixels.clone()
    for factor in factors:
        found += zoomed(pixels, factor)
    return found / (len(factors) + 1)


def filtered(pixels: Tensor, kernel: Tensor) -> Tensor:
    """Every channel under one kernel (k, k), k odd; beyond the edges the picture is mirrored."""
    reach = kernel.shape[0] // 2
    wide = mirrored(pixels.flatten(0, 1)[:, None], reach)
    return conv2d(wide, kernel.to(pixels)[None, None]).view(pixels.shape)


def filtered_each(pixels: Tensor, kernels: Tensor) -> Tensor:
    """Each sample under a kernel (B, k, k) of its own; beyond the edges they are drawn out."""
    reach = kernels.shape[1] // 2
    wide = pad(pixels, (reach,) * 4, mode="replicate").transpose(0, 1)  # (C, B, H + 2 r, W + 2 r)
    return conv2d(wide, kernels.to(pixels)[:, None], groups=len(pixels)).transpose(0, 1)


@lru_cache(maxsize=64)
def disk(radius: float, soft: float) -> Tensor:
    """(k, k) of sum 1: a disk whose edge pixels count for what lies inside it, under a Gaussian of deviation ``soft``; one that
    is too small for pixels to draw as three taps a side of its variance."""
    if radius < SMALL:
        variance = radius**2 / 4 + soft**2
        line = torch.tensor([variance / 2, 1 - variance, variance / 2])
        return torch.outer(line, line)
    reach = math.ceil(radius + 3 * soft)
    count = 2 * reach + 1
    line = (torch.arange(count * FINE, dtype=torch.float64) + 0.5) / FINE - 0.5 - reach
    inside = (line[:, None] ** 2 + line**2 <= radius**2).double()
    kernel = inside.view(count, FINE, count, FINE).mean((1, 3))
    weights = gauss_matrix(count, soft).double()
    kernel = weights @ kernel @ weights.T
    return (kernel / kernel.sum()).float()


BLUR = {
    "defocus_blur": Corruption("blur", ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)), defocused),
    "glass_blur": Corruption("blur", ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)), glass),
    "motion_blur": Corruption("blur", ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)), motion),
    "zoom_blur": Corruption("blur", ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)), zoom),
}
