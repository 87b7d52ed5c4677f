"""Changes of the pixels' values: blur, light, colour, erasing, noise. Images (B, C, H, W) float32, stored units."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from neocog.augment.counter import pixel_normal, pixel_uniform
from neocog.augment.draw import Draw


def per_sample(values: Tensor) -> Tensor:
    """(B,) → (B, 1, 1, 1)."""
    return values[:, None, None, None]


def blurred(draw: Draw, images: Tensor) -> Tensor:
    """Gaussian blur with each sample's own weights: along the rows, then along the columns; the edges are drawn out."""
    assert draw.blur is not None
    reach = draw.blur.shape[1] // 2
    for axis in (2, 3):
        length = images.shape[axis]
        border = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        wide = pad(images, border, mode="replicate")
        images = torch.zeros_like(images)
        for offset in range(2 * reach + 1):  # a sum of shifted images, alike for every batch size
            images += per_sample(draw.blur[:, offset]) * wide.narrow(axis, offset, length)
    return images


def lit(draw: Draw, images: Tensor) -> Tensor:
    """Contrast about the middle of the range, then brightness."""
    middle = (draw.low + draw.high) / 2
    factor = torch.ones((), device=images.device) if draw.contrast is None else per_sample(draw.contrast)
    addend = middle - middle * factor
    if draw.brightness is not None:
        addend = addend + per_sample(draw.brightness)
    return (images * factor).add_(addend)


def coloured(draw: Draw, images: Tensor) -> Tensor:
    """Saturation about each pixel's own grey, then a factor for each colour; an alpha channel stays as it is."""
    colours, alpha = images[:, : draw.colours], images[:, draw.colours :]
    if draw.saturation is not None:
        grey = colours.mean(1, keepdim=True)
        colours = grey + per_sample(draw.saturation) * (colours - grey)
    if draw.tint is not None:
        colours = draw.low + (colours - draw.low) * draw.tint[:, :, None, None]
    return torch.cat([colours, alpha], 1) if alpha.shape[1] else colours


def erased(draw: Draw, images: Tensor) -> Tensor:
    """A rectangle of each chosen sample filled with one grey."""
    assert draw.erase is not None and draw.grey is not None
    top, left, bottom, right = draw.erase[:, :, None].unbind(1)  # (B, 1) each
    row = torch.arange(images.shape[2], device=images.device)
    column = torch.arange(images.shape[3], device=images.device)
    rows, columns = (row >= top) & (row < bottom), (column >= left) & (column < right)  # (B, H), (B, W)
    box = rows[:, None, :, None] & columns[:, None, None, :]
    return torch.where(box, per_sample(draw.grey), images)


def noisy(draw: Draw, images: Tensor) -> Tensor:
    """Gaussian noise, each pixel and channel its own."""
    assert draw.noise is not None and draw.noise_state is not None
    normal = pixel_normal(draw.noise_state, images.shape[1:].numel()).view(images.shape)
    return images + per_sample(draw.noise) * normal


def salted(draw: Draw, images: Tensor) -> Tensor:
    """Some pixels black, as many white, in all channels."""
    assert draw.salt_pepper is not None and draw.salt_pepper_state is not None
    height, width = images.shape[2:]
    chance = pixel_uniform(draw.salt_pepper_state, height * width).view(-1, 1, height, width)
    half = per_sample(draw.salt_pepper) / 2
    images = images.masked_fill(chance < half, draw.low)
    return images.masked_fill(chance >= 1 - half, draw.high)
