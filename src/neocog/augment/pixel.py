"""Changes of the pixels' values: blur, light, colour, erasing, noise. Images (B, C, H, W) float32, stored units.

Each is a function of images and ``Samples``, whose keyword-only arguments are the fields of ``Augmentation`` that it stands for:
how far it goes at most, 0 where it is off. It gives new images, and a sample's own never depend on the others of its batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from neocog.augment.counter import pixel_normal, pixel_uniform
from neocog.augment.random_streams import RandomStreams

PixelChange = Callable[..., Tensor]  # (images, samples, *, field=most, …) → images


@dataclass(frozen=True)
class Samples:
    """What a change may know of B samples: their random numbers, and between which values their pixels lie."""

    streams: RandomStreams
    low: float
    high: float
    colours: int  # channels, without alpha
    mean: tuple[float, ...]  # of each channel, in the training images

    @property
    def range(self) -> float:
        """What an amount that is a fraction of the pixels' range is a fraction of."""
        return self.high - self.low


def per_sample(values: Tensor) -> Tensor:
    """(B,) → (B, 1, 1, 1)."""
    return values[:, None, None, None]


def blurred(images: Tensor, samples: Samples, *, blur: float) -> Tensor:
    """Gaussian blur with each sample's own weights: along the rows, then along the columns; the edges are drawn out.

    Half of the samples stay sharp: for them the weights are 1 at the centre and 0 beside it.
    """
    sigma = samples.streams.between("blur", 0, blur) * (samples.streams.between("is_blurred", 0, 1) < 0.5)
    reach = max(1, round(3 * blur))
    steps = torch.arange(-reach, reach + 1, device=sigma.device, dtype=torch.float64)
    bells = torch.exp(-0.5 * (steps / sigma.clamp(min=1e-3)[:, None]) ** 2)
    weights = (bells / bells.sum(1, keepdim=True)).float()  # (B, 2 R + 1)
    for axis in (2, 3):
        length = images.shape[axis]
        border = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        wide = pad(images, border, mode="replicate")
        images = torch.zeros_like(images)
        for offset in range(2 * reach + 1):  # a sum of shifted images, alike for every batch size
            images += per_sample(weights[:, offset]) * wide.narrow(axis, offset, length)
    return images


def lit(images: Tensor, samples: Samples, *, brightness: float, contrast: float) -> Tensor:
    """Contrast about the middle of the range, then brightness."""
    middle = (samples.low + samples.high) / 2
    factor = torch.ones((), device=images.device)
    if contrast:
        factor = per_sample(samples.streams.factor("contrast", contrast).float())
    addend = middle - middle * factor
    if brightness:
        light = samples.streams.between("brightness", -brightness, brightness) * samples.range
        addend = addend + per_sample(light.float())
    return (images * factor).add_(addend)


def coloured(images: Tensor, samples: Samples, *, saturation: float, tint: float) -> Tensor:
    """Saturation about each pixel's own grey, then a factor for each colour, even in its logarithm; alpha stays."""
    colours, alpha = images[:, : samples.colours], images[:, samples.colours :]
    if saturation:
        grey = colours.mean(1, keepdim=True)
        factor = samples.streams.factor("saturation", saturation).float()
        colours = grey + per_sample(factor) * (colours - grey)
    if tint:
        chances = pixel_uniform(samples.streams.bits("tint"), samples.colours).double()
        factors = ((1 + tint) ** (2 * chances - 1)).float()  # (B, colours)
        colours = samples.low + (colours - samples.low) * factors[:, :, None, None]
    return torch.cat([colours, alpha], 1) if alpha.shape[1] else colours


def erased(images: Tensor, samples: Samples, *, erase: float) -> Tensor:
    """A rectangle of each chosen sample filled with one grey."""
    edges = rectangles(samples.streams, erase, images.shape[2], images.shape[3])
    grey = (samples.low + samples.streams.between("erase_grey", 0, 1) * samples.range).float()
    return torch.where(filled(edges, images), per_sample(grey), images)


def cut_out(images: Tensor, samples: Samples, *, cutout: float) -> Tensor:
    """A square about any pixel of each sample filled with the mean; what hangs over the edge is lost."""
    height, width = images.shape[2:]
    side = max(1, round(cutout * min(height, width)))
    top = samples.streams.between("cutout_down", 0, height).floor().long() - side // 2
    left = samples.streams.between("cutout_right", 0, width).floor().long() - side // 2
    box = filled(torch.stack([top, left, top + side, left + side], 1), images)
    mean = torch.tensor(samples.mean, dtype=images.dtype, device=images.device)
    return torch.where(box, mean[:, None, None], images)


def filled(edges: Tensor, images: Tensor) -> Tensor:
    """Top, left, bottom and right (B, 4) of a rectangle each → (B, 1, H, W), whether a pixel lies in it; H × W: of ``images``."""
    low, high = edges[:, :2, None], edges[:, 2:, None]
    rows, columns = (torch.arange(side, device=edges.device) for side in images.shape[-2:])
    tall, wide = (rows >= low[:, 0]) & (rows < high[:, 0]), (columns >= low[:, 1]) & (columns < high[:, 1])
    return tall[:, None, :, None] & wide[:, None, None, :]


def rectangles(streams: RandomStreams, erase: float, height: int, width: int) -> Tensor:
    """(B, 4) int64 top, left, bottom, right of 2 to 33 % of the area, sides 1:3 to 3:1, wholly inside; or empty."""
    area = streams.between("erase_area", 0.02, 0.33) * height * width
    aspect = streams.factor("erase_aspect", 2.0)
    rows = (area * aspect).sqrt().round().clamp(1, height)
    columns = (area / aspect).sqrt().round().clamp(1, width)
    here = streams.between("erase", 0, 1) < erase
    top = (streams.between("erase_top", 0, 1) * (height - rows + 1)).floor()
    left = (streams.between("erase_left", 0, 1) * (width - columns + 1)).floor()
    return torch.stack([top, left, top + rows * here, left + columns * here], 1).long()


def noisy(images: Tensor, samples: Samples, *, noise: float) -> Tensor:
    """Gaussian noise, each pixel and channel its own."""
    normal = pixel_normal(samples.streams.bits("noise_pixels"), images.shape[1:].numel()).view(images.shape)
    spread = (samples.streams.between("noise", 0, noise) * samples.range).float()
    return images + per_sample(spread) * normal


def salted(images: Tensor, samples: Samples, *, salt_pepper: float) -> Tensor:
    """Some pixels black, as many white, in all channels."""
    height, width = images.shape[2:]
    chance = pixel_uniform(samples.streams.bits("salt_pepper_pixels"), height * width).view(-1, 1, height, width)
    half = per_sample(samples.streams.between("salt_pepper", 0, salt_pepper).float()) / 2
    images = images.masked_fill(chance < half, samples.low)
    return images.masked_fill(chance >= 1 - half, samples.high)
