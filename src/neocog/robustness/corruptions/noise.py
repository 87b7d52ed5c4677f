"""Noise: of ImageNet-C, and of a camera that counts photons. Pixels (B, C, …), 0 black and 1 white."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from neocog.data.dataset import Form
from neocog.robustness.corruptions.corruption import Corruption
from neocog.robustness.corruptions.lot import Lot

QUANTILES, RATES = 4096, 256  # of the table that counts of photons are drawn from


def gaussian(pixels: Tensor, deviation: float, lot: Lot, scale: float) -> Tensor:
    return pixels + deviation * lot.normal("gaussian", tuple(pixels.shape[1:]))


def shot(pixels: Tensor, photons: float, lot: Lot, scale: float) -> Tensor:
    """Poisson's distribution; ``photons``: how many a white pixel stands for."""
    chance = lot.uniform("shot", tuple(pixels.shape[1:]))
    return counts(pixels.clamp(0, 1), photons, chance) / photons


def impulse(pixels: Tensor, share: float, lot: Lot, scale: float) -> Tensor:
    """Salt and pepper in each channel by itself: as many white as black."""
    chance = lot.uniform("impulse", tuple(pixels.shape[1:]))
    return pixels.masked_fill(chance < share / 2, 0.0).masked_fill(chance >= 1 - share / 2, 1.0)


def speckle(pixels: Tensor, deviation: float, lot: Lot, scale: float) -> Tensor:
    """In proportion to the light, as coherent sources and radar have it."""
    return pixels * (1 + deviation * lot.normal("speckle", tuple(pixels.shape[1:])))


def camera(pixels: Tensor, level: tuple[float, float], lot: Lot, scale: float) -> Tensor:
    """Shot noise of so many electrons at full well, and read noise of a deviation in electrons."""
    electrons, read = level
    noisy = shot(pixels, electrons, lot, scale)
    return noisy + read / electrons * lot.normal("read", tuple(pixels.shape[1:]))


def bleached(pixels: Tensor, left: float, lot: Lot, scale: float) -> Tensor:
    """Photobleaching: of each fluorophore's light a share is left, counted with the same camera (200 electrons at white)."""
    return shot(pixels * left, 200.0, lot, scale)


def counts(light: Tensor, photons: float, chance: Tensor) -> Tensor:
    """Poisson counts of mean ``photons`` × ``light`` (0 … 1) at these chances, from a table of 256 rates; what a rate lies
    beside the table's is added, so that 16 bits keep their mean."""
    step = photons / (RATES - 1)
    rate = light * photons
    row = (rate / step).round()
    found = quantiles(photons)[row.long() * QUANTILES + (chance * QUANTILES).long()]
    return found + (rate - row * step)


@lru_cache(maxsize=16)
def quantiles(photons: float) -> Tensor:
    """(256 · 4096,) float32: for each rate 0 … ``photons``, the counts at the middles of equal slices of chance."""
    rates = torch.linspace(0, photons, RATES, dtype=torch.float64)[:, None]
    most = int(photons + 10 * photons**0.5 + 20)
    k = torch.arange(most, dtype=torch.float64)
    below = torch.special.gammaincc(k + 1, rates)  # (256, most): chance of k or fewer
    below[0] = 1
    middles = ((torch.arange(QUANTILES, dtype=torch.float64) + 0.5) / QUANTILES).expand(RATES, -1)
    return torch.searchsorted(below.contiguous(), middles.contiguous()).float().flatten()


BOTH: tuple[Form, ...] = ("images", "volumes")
NOISE = {
    "gaussian_noise": Corruption("noise", (0.08, 0.12, 0.18, 0.26, 0.38), gaussian, BOTH),
    "shot_noise": Corruption("noise", (60.0, 25.0, 12.0, 5.0, 3.0), shot, BOTH),
    "impulse_noise": Corruption("noise", (0.03, 0.06, 0.09, 0.17, 0.27), impulse, BOTH),
    "speckle_noise": Corruption("instrument", (0.15, 0.2, 0.35, 0.45, 0.6), speckle, BOTH),
    "camera_noise": Corruption(
        "instrument", ((1000.0, 5.0), (300.0, 5.0), (100.0, 5.0), (40.0, 4.0), (15.0, 3.0)), camera
    ),
    "photobleaching": Corruption("instrument", (0.8, 0.6, 0.4, 0.25, 0.12), bleached),
}
