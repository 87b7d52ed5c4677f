"""Differentiable augmentation: what the discriminator sees is changed, real and generated images alike (DiffAugment).

Changes of the real images alone would be learned by the generator; changes that gradients pass through, applied to both,
are not, and keep a discriminator of few images from learning them by heart. Colour (brightness, saturation, contrast),
translation by up to an eighth, and a square of half the side cut out. Zhao et al. 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Drawn:
    """What is done to each of B images: the same numbers for the i-th real and the i-th generated one, (B, 7) in 0 … 1."""

    chances: Tensor

    @staticmethod
    def of(count: int, device: torch.device) -> Drawn:
        """Drawn from torch's generator of the device."""
        return Drawn(torch.rand(count, 7, device=device))

    def __call__(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in −1 … 1 → the same shape; black where nothing is left of the image."""
        return self.cut(self.moved(self.coloured(images)))

    def coloured(self, images: Tensor) -> Tensor:
        """Brightness by ± 0.5 (a quarter of the range), saturation × 0 … 2, contrast × 0.5 … 1.5."""
        light, saturation, contrast = (self.chances[:, place].view(-1, 1, 1, 1) for place in range(3))
        images = images + (light - 0.5)
        if images.shape[1] == 3:
            grey = images.mean(1, keepdim=True)
            images = grey + (images - grey) * (2 * saturation)
        middle = images.mean((1, 2, 3), keepdim=True)
        return middle + (images - middle) * (0.5 + contrast)

    def moved(self, images: Tensor) -> Tensor:
        """Shifted by whole pixels, up to an eighth of each side."""
        height, width = images.shape[-2:]
        down, right = (self.whole(3, height // 8), self.whole(4, width // 8))
        rows = torch.arange(height, device=images.device) - down[:, None]  # (B, H): where each row comes from
        columns = torch.arange(width, device=images.device) - right[:, None]
        above, beside = height // 8, width // 8
        room = F.pad(images, (beside, beside, above, above), value=-1.0)
        which = torch.arange(len(images), device=images.device)[:, None, None]
        found: Tensor = room.permute(0, 2, 3, 1)[which, rows[:, :, None] + above, columns[:, None, :] + beside]
        return found.permute(0, 3, 1, 2)

    def cut(self, images: Tensor) -> Tensor:
        """A rectangle of half of each side, around any pixel, becomes the middle grey."""
        height, width = images.shape[-2:]
        centre = ((self.chances[:, 5] * height).long(), (self.chances[:, 6] * width).long())
        rows = torch.arange(height, device=images.device) - centre[0][:, None]
        columns = torch.arange(width, device=images.device) - centre[1][:, None]
        tall, wide = (
            (rows >= -(height // 4)) & (rows < height // 4),
            (columns >= -(width // 4)) & (columns < width // 4),
        )
        hole = tall[:, None, :, None] & wide[:, None, None, :]
        return images.masked_fill(hole, 0.0)

    def whole(self, place: int, most: int) -> Tensor:
        """(B,) int64 from −most to most."""
        return (self.chances[:, place] * (2 * most + 1)).long().clamp(max=2 * most) - most
