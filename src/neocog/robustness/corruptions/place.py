"""Pixels taken from other places: turned, shifted, enlarged, displaced. Pixels (B, C, H, W)."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from neocog.robustness.corruptions.corruption import Corruption
from neocog.robustness.corruptions.lot import Lot
from neocog.robustness.corruptions.smooth import gauss_blurred, gauss_matrix


def taken_at(pixels: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Each pixel shows what lies ``down`` rows and ``right`` columns (B, H, W) from it, between pixels bilinearly; beyond the
    edges the picture is mirrored."""
    height, width = pixels.shape[2:]
    rows = torch.arange(height, device=pixels.device)[:, None] + down
    columns = torch.arange(width, device=pixels.device) + right
    grid = torch.stack([columns / max(1, width - 1), rows / max(1, height - 1)], 3) * 2 - 1
    return grid_sample(pixels, grid, padding_mode="reflection", align_corners=True)


def mapped(pixels: Tensor, matrix: Tensor) -> Tensor:
    """Under (B, 2, 3), which says of a place (x, y) about the middle, in pixels, where it is taken from."""
    height, width = pixels.shape[2:]
    y = torch.arange(height, device=pixels.device)[:, None] - (height - 1) / 2
    x = torch.arange(width, device=pixels.device) - (width - 1) / 2
    a, b, c, d, e, f = matrix.reshape(-1, 6, 1, 1).unbind(1)
    return taken_at(pixels, d * x + (e - 1) * y + f, (a - 1) * x + b * y + c)


def zoomed(pixels: Tensor, factor: float) -> Tensor:
    """The middle, enlarged to the whole by ``factor``, 1 or more: a product with a matrix along each side."""
    rows, columns = (enlarging(length, factor).to(pixels) for length in pixels.shape[2:])
    return rows @ (pixels @ columns.T)


@lru_cache(maxsize=64)
def enlarging(length: int, factor: float) -> Tensor:
    """(L, L): row i has the weights of the two places between which i is taken."""
    middle = (length - 1) / 2
    places = middle + (torch.arange(length, dtype=torch.float64) - middle) / factor
    first = places.floor().long().clamp(max=max(0, length - 2))
    share = (places - first)[:, None]
    found = torch.zeros(length, length, dtype=torch.float64)
    found.scatter_add_(1, first[:, None], 1 - share)
    return found.scatter_add_(1, (first[:, None] + 1).clamp(max=length - 1), share).float()


def turned(pixels: Tensor, degrees: float, lot: Lot, scale: float) -> Tensor:
    """By so many degrees, to either side."""
    angle = torch.deg2rad(torch.sign(lot.between("turn", -1, 1)) * degrees)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return mapped(pixels, torch.stack([cos, -sin, zero, sin, cos, zero], 1).view(-1, 2, 3))


def shifted(pixels: Tensor, share: float, lot: Lot, scale: float) -> Tensor:
    """By a share of the shorter side, in any direction."""
    angle, length = lot.between("shift", 0, 2 * math.pi), share * min(pixels.shape[2:])
    one, zero = torch.ones_like(angle), torch.zeros_like(angle)
    return mapped(
        pixels, torch.stack([one, zero, length * angle.cos(), zero, one, length * angle.sin()], 1).view(-1, 2, 3)
    )


def cropped(pixels: Tensor, share: float, lot: Lot, scale: float) -> Tensor:
    """The middle ``share`` of each side, enlarged to the whole."""
    return zoomed(pixels, 1 / share)


def elastic(pixels: Tensor, factor: float, lot: Lot, scale: float) -> Tensor:
    """Displaced by a smooth random field (Simard 2003), with the levels of Michaelis et al. (2019), which grow evenly.

    ``factor``: of noise within ± 0.5 % of the side, under a Gaussian of 1 % of it. A narrower Gaussian leaves more of the
    noise, so the field is brought to the deviation that it has in a 224 × 224 picture, in proportion.
    """
    shape = tuple(pixels.shape[2:])
    width, reach = 0.01 * PICTURE * scale, 0.005 * PICTURE * scale
    gain = factor * deviation_left(PICTURE, 0.01 * PICTURE) / deviation_left(min(shape), width)
    fields = [gauss_blurred(2 * lot.uniform(f"elastic {axis}", shape) - 1, width) for axis in "yx"]
    return taken_at(pixels, *(field * gain * reach for field in fields))


@lru_cache(maxsize=64)
def deviation_left(side: int, width: float) -> float:
    """The standard deviation of noise, even in −1 … 1, on a square under a Gaussian of this width."""
    return float(gauss_matrix(side, width).square().sum(1).mean()) / math.sqrt(3)


def resampled(pixels: Tensor, share: float, lot: Lot, scale: float) -> Tensor:
    """Made smaller, to ``share`` of each side, and larger again, smoothly: an image of a lower resolution."""
    small = tuple(max(1, round(side * share)) for side in pixels.shape[2:])
    down = interpolate(pixels, small, mode="bilinear", antialias=True)
    return interpolate(down, tuple(pixels.shape[2:]), mode="bilinear")


PICTURE = 224  # pixels a side of a picture in which levels state lengths
PLACE = {
    "elastic_transform": Corruption("digital", (12.5, 16.25, 21.25, 25.0, 30.0), elastic, moves=True),
    "turn": Corruption("geometry", (2.0, 5.0, 10.0, 15.0, 25.0), turned, moves=True),
    "shift": Corruption("geometry", (0.02, 0.05, 0.1, 0.15, 0.2), shifted, moves=True),
    "crop": Corruption("geometry", (0.95, 0.9, 0.8, 0.7, 0.6), cropped, moves=True),
    "resampling": Corruption("instrument", (0.8, 0.6, 0.5, 0.35, 0.25), resampled),
}
