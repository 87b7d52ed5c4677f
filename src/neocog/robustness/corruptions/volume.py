"""What scanners do to volumes. Pixels (B, C, D, H, W), 0 black and 1 white."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from neocog.robustness.corruptions.corruption import Corruption
from neocog.robustness.corruptions.lot import Lot
from neocog.robustness.corruptions.smooth import gauss_blurred

FIELD = 4  # points a side of the grid that a bias field is drawn on


def thicker(pixels: Tensor, slices: int, lot: Lot, scale: float) -> Tensor:
    """So many slices are one, their mean, and shown as many times."""
    depth = pixels.shape[2]
    group = torch.arange(depth, device=pixels.device) // slices
    mean = torch.zeros(depth, depth, device=pixels.device)
    mean[group[:, None] == group] = 1
    mean /= mean.sum(1, keepdim=True)
    return torch.einsum("de,bcehw->bcdhw", mean, pixels)


def biased(pixels: Tensor, amount: float, lot: Lot, scale: float) -> Tensor:
    """A smooth factor between 1 − ``amount`` and 1 + ``amount``, as a coil's sensitivity falls off."""
    coarse = 2 * lot.uniform("bias", (1, FIELD, FIELD, FIELD)) - 1
    field = interpolate(coarse, tuple(pixels.shape[2:]), mode="trilinear", align_corners=True)
    most = field.abs().amax((2, 3, 4), keepdim=True).clamp(min=1e-6)
    return pixels * (1 + amount * field / most)


def softer(pixels: Tensor, width: float, lot: Lot, scale: float) -> Tensor:
    """A Gaussian along rows and columns; width in pixels of a 224 × 224 slice."""
    return gauss_blurred(pixels, width * scale)


def rician(pixels: Tensor, deviation: float, lot: Lot, scale: float) -> Tensor:
    """The magnitude of a signal with noise in both its parts, as magnetic resonance has it (Gudbjartsson & Patz 1995)."""
    shape = tuple(pixels.shape[1:])
    real, other = (deviation * lot.normal(f"rician {part}", shape) for part in ("real", "other"))
    return ((pixels + real).square() + other.square()).sqrt()


def ghosted(pixels: Tensor, amount: float, lot: Lot, scale: float) -> Tensor:
    """Motion between lines: a copy, half a field of view away along the rows, weakly added."""
    return (1 - amount) * pixels + amount * pixels.roll(math.ceil(pixels.shape[3] / 2), 3)


VOLUME = {
    "slice_thickness": Corruption("volume", (2, 3, 4, 6, 8), thicker, ("volumes",)),
    "bias_field": Corruption("volume", (0.1, 0.2, 0.3, 0.5, 0.8), biased, ("volumes",)),
    "soft_slices": Corruption("volume", (1.5, 3.0, 5.0, 8.0, 12.0), softer, ("volumes",)),
    "rician_noise": Corruption("volume", (0.03, 0.06, 0.1, 0.15, 0.25), rician, ("volumes",)),
    "ghosting": Corruption("volume", (0.05, 0.1, 0.2, 0.3, 0.4), ghosted, ("volumes",)),
}
