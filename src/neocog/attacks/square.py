"""A black box attacked by random squares, without gradients (Andriushchenko et al. 2020): what hides its gradients falls here."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neocog.attacks.ball import Ball, drawn
from neocog.attacks.goal import margin
from neocog.attacks.gradient import Network

SHARE = 0.8  # of the image's area that the first squares cover
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # queries after which that share is halved


@torch.no_grad()
def square(
    network: Network, images: Tensor, labels: Tensor, ball: Ball, samples: Sequence[int], queries: int = 5000,
    seed: int = 0,
) -> Tensor:  # fmt: skip
    """The images (B, C, H, W) after so many random changes, of which each that enlarges the margin is kept.

    Squares and signs are the same for every sample; where it begins is the sample's own. For the largest change alone.
    """
    assert ball.norm == "linf"
    height, width = images.shape[-2:]
    stripes = drawn(images[:, :, :1], seed, samples).sign()  # (B, C, 1, W)
    found = (images + ball.reach(images) * stripes).clamp(0, 1)
    left = torch.arange(len(images), device=images.device)
    best = margin(network(found), labels)  # (B,)
    generator = torch.Generator().manual_seed(seed)
    for query in range(queries):
        left = left[best[left] < 0]
        if not len(left):
            break
        side = min(max(1, round((share(query) * height * width) ** 0.5)), height, width)
        top, start = (int(torch.randint(room - side + 1, (), generator=generator)) for room in (height, width))
        signs = torch.randint(2, (images.shape[1], 1, 1), generator=generator).to(images) * 2 - 1
        tried, here = found[left], ball.of(left)
        tried[..., top : top + side, start : start + side] += 2 * here.reach(tried) * signs
        tried = here.project(tried, images[left])
        value = margin(network(tried), labels[left])
        better = value > best[left]
        found[left[better]], best[left[better]] = tried[better], value[better]
    return found


def share(query: int) -> float:
    """Of the area that the squares of a query cover.

    >>> share(0), share(11), share(9000)
    (0.8, 0.4, 0.0015625)
    """
    return SHARE / 2.0 ** sum(query > each for each in HALVINGS)
