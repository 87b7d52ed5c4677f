"""What lenses, lamps, sensors and stains do. Pixels (B, C, H, W), 0 black and 1 white."""

from __future__ import annotations

import torch
from torch import Tensor

from neocog.robustness.corruptions.corruption import Corruption
from neocog.robustness.corruptions.lot import Lot

# Optical densities of haematoxylin and eosin in red, green and blue (Ruifrok & Johnston 2001), and what neither explains
STAINS = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))
SPECKS = 12  # of dust on a sensor


def vignetted(pixels: Tensor, loss: float, lot: Lot, scale: float) -> Tensor:
    """Light falls off with the square of the distance from the middle, by ``loss`` in the corners."""
    y, x = (torch.linspace(-1, 1, side, device=pixels.device) for side in pixels.shape[2:])
    return pixels * (1 - loss * (y[:, None] ** 2 + x**2) / 2)


def dusty(pixels: Tensor, depth: float, lot: Lot, scale: float) -> Tensor:
    """Soft dark specks of 4 to 14 pixels across, in the same light for all channels."""
    height, width = pixels.shape[2:]
    place = lot.uniform("dust", (SPECKS, 3))  # (B, n, (y, x, size))
    y = torch.arange(height, device=pixels.device) - place[:, :, :1] * height  # (B, n, H)
    x = torch.arange(width, device=pixels.device) - place[:, :, 1:2] * width
    wide = ((2 + 5 * place[:, :, 2:]) * scale).clamp(min=0.5)
    specks = torch.exp(-((y / wide) ** 2))[..., :, None] * torch.exp(-((x / wide) ** 2))[..., None, :]  # (B, n, H, W)
    return pixels * (1 - depth * specks).prod(1, keepdim=True)


def striped(pixels: Tensor, deviation: float, lot: Lot, scale: float) -> Tensor:
    """Every column has an offset of its own, as of amplifiers and detectors that differ."""
    return pixels + deviation * lot.normal("stripes", (1, 1, pixels.shape[3]))


def tinted(pixels: Tensor, most: float, lot: Lot, scale: float) -> Tensor:
    """Another white balance: red by a factor up to 1 + ``most`` or its inverse, blue the other way, green as it was."""
    warmth = torch.sign(lot.between("tint", -1, 1))
    factors = torch.stack([(1 + most) ** warmth, torch.ones_like(warmth), (1 + most) ** -warmth], 1)
    return pixels * factors[:, :, None, None]


def stained(pixels: Tensor, most: float, lot: Lot, scale: float) -> Tensor:
    """Haematoxylin and eosin (optical densities) taken up by other amounts: each by a factor of 1 ± ``most``."""
    stains = torch.tensor(STAINS)
    stains = stains / stains.norm(dim=1, keepdim=True)
    density = -torch.log10(pixels.clamp(min=1 / 255, max=1))
    amounts = torch.einsum("sc,bchw->bshw", torch.linalg.inv(stains).T, density)
    factors = 1 + most * torch.sign(lot.uniform("stain", (3,)) - 0.5)
    factors[:, 2] = 1  # what is neither
    return 10 ** -torch.einsum("sc,bshw->bchw", stains, amounts * factors[:, :, None, None])


INSTRUMENT = {
    "vignetting": Corruption("instrument", (0.2, 0.35, 0.5, 0.7, 0.9), vignetted),
    "dust": Corruption("instrument", (0.15, 0.3, 0.45, 0.6, 0.8), dusty),
    "stripes": Corruption("instrument", (0.01, 0.02, 0.04, 0.07, 0.12), striped),
    "white_balance": Corruption("instrument", (0.05, 0.1, 0.2, 0.35, 0.5), tinted, colour=True),
    "stain_shift": Corruption("instrument", (0.1, 0.2, 0.35, 0.5, 0.7), stained, colour=True),
}
