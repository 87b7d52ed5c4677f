"""Gaussian smoothing of any width, and what lies beyond the edges."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor


def gauss_blurred(pixels: Tensor, deviation: float) -> Tensor:
    """(…, H, W) under a Gaussian of any width, mirrored beyond the edges: a product with a matrix along each side."""
    rows, columns = (gauss_matrix(length, deviation).to(pixels) for length in pixels.shape[-2:])
    return rows @ pixels @ columns.T


@lru_cache(maxsize=64)
def gauss_matrix(length: int, deviation: float) -> Tensor:
    """(L, L): row i has the weights of all places at i, those beyond the ends folded back."""
    if deviation < 0.05:  # pixels: neighbours weigh less than 10⁻⁸⁰
        return torch.eye(length)
    reach = math.ceil(4 * deviation)
    steps = torch.arange(-reach, reach + 1)
    weights = torch.exp(-(steps.double() ** 2) / (2 * deviation**2))
    places = (torch.arange(length)[:, None] + steps) % (2 * length)  # (L, 2 r + 1), mirrored with the edge pixel twice
    places = torch.minimum(places, 2 * length - 1 - places)
    found = torch.zeros(length, length, dtype=torch.float64)
    found.scatter_add_(1, places, (weights / weights.sum()).expand(length, -1).contiguous())
    return found.float()


def mirrored(pixels: Tensor, reach: int) -> Tensor:
    """(N, 1, H, W) with a border of ``reach`` pixels, mirrored about the outermost ones as often as it takes."""
    for axis in (2, 3):
        length = pixels.shape[axis]
        where = torch.arange(-reach, length + reach, device=pixels.device).abs() % max(1, 2 * (length - 1))
        pixels = pixels.index_select(axis, torch.minimum(where, (2 * (length - 1) - where).clamp(min=0)))
    return pixels
