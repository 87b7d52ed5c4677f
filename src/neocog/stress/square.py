"""A black box attacked by random squares, without gradients (Andriushchenko et al. 2020): what hides its gradients falls here."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neocog.stress.ball import Ball, drawn
from neocog.stress.gradient import Logits
from neocog.stress.losses import margin

SHARE = 0.8  # of the image's area that the first squares cover
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # queries after which that share is halved


@torch.no_grad()
def square(
    logits: Logits,
    images: Tensor,
    labels: Tensor,
    ball: Ball,
    samples: Sequence[int],
    queries: int = 5000,
    seed: int = 0,
) -> Tensor:
    """The images (B, C, H, W) after so many random changes, of which each that enlarges the margin is kept.

    Squares and signs are the same for every sample; where it begins is the sample's own. For the largest change alone.
    """
    assert ball.norm == "linf"
    height, width = images.shape[-2:]
    stripes = drawn(images[:, :, :1], seed, samples).sign()  # (B, C, 1, W)
    found = images.clone()
    left = torch.arange(len(images), device=images.device)
    best = (images + ball.radius * stripes).clamp(0, 1)
    worst = margin(logits(best), labels)
    generator = torch.Generator().manual_seed(seed)
    for query in range(queries):
        over = worst >= 0
        found[left[over]] = best[over]
        if over.any():
            left, best, worst = left[~over], best[~over], worst[~over]
        if not len(left):
            break
        side = min(max(1, round((share(query) * height * width) ** 0.5)), height, width)
        top, start = (int(torch.randint(0, max(1, room - side), (), generator=generator)) for room in (height, width))
        signs = torch.randint(0, 2, (images.shape[1], 1, 1), generator=generator).to(images) * 2 - 1
        tried, clean = best.clone(), images[left]
        part = (..., slice(top, top + side), slice(start, start + side))
        tried[part] = tried[part] + 2 * ball.radius * signs
        tried = ball.project(tried, clean)
        value = margin(logits(tried), labels[left])
        better = value > worst
        best[better], worst = tried[better], torch.maximum(value, worst)
    return found


def share(query: int) -> float:
    """Of the area that the squares of a query cover.

    >>> share(0), share(11), share(9000)
    (0.8, 0.4, 0.0015625)
    """
    return SHARE / 2.0 ** sum(query > each for each in HALVINGS)
