"""Views of an image over which a network's answers are averaged: its centre and corners, also mirrored (Krizhevsky et al. 2012)."""

from __future__ import annotations

from collections.abc import Iterator

import torch.nn.functional as F
from torch import Tensor

from neocog.data.normalise import as_float

MOST = 10
CORNER = 7 / 8  # of each side that a corner's view shows


def most_views(count: int, mirror: bool) -> int:
    """``count``, as far as there are so many different views."""
    return min(count, MOST if mirror else MOST // 2)


def views(pixels: Tensor, count: int, mirror: bool) -> Iterator[Tensor]:
    """The first ``count`` views of images (B, C, H, W) in stored units, each of the same size: the whole, then the four corners.

    ``mirror``: each is followed by its mirror image, where that means the same; without it there are five at most.
    """
    height, width = pixels.shape[-2:]
    tall, wide = round(CORNER * height), round(CORNER * width)
    corners = [(top, left) for top in (0, height - tall) for left in (0, width - wide)]
    for place in range(most_views(count, mirror)):
        number, mirrored = divmod(place, 2) if mirror else (place, 0)
        view = pixels
        if number:
            top, left = corners[number - 1]
            cut = as_float(pixels[..., top : top + tall, left : left + wide])
            view = F.interpolate(cut, (height, width), mode="bilinear", align_corners=False)
        yield view.flip(-1) if mirrored else view
