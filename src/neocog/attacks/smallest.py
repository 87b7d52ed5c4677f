"""The smallest change of each image that turns its answer, by bisection over Auto-PGD."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from neocog.attacks.autoattack import autoattack
from neocog.attacks.ball import Ball, Norm
from neocog.attacks.gradient import Network

ATTACKS = ("apgd-ce", "apgd-t")


def smallest_radii(
    network: Network, images: Tensor, labels: Tensor, norm: Norm, radii: Sequence[float], samples: Sequence[int],
    seed: int = 0, steps: int = 50, targets: int = 3, halvings: int = 2,
) -> list[float]:  # fmt: skip
    """For each of B images the smallest radius within which a wrong answer was found; 0: it is wrong as it is, inf: none was.

    First among ``radii``, which rise, then by so many ``halvings`` between two of them. What turns an answer within one
    radius does so within every larger one, so a share of answers that withstand never rises with the radius.
    """
    with torch.no_grad():
        right = (network(images).argmax(1) == labels).tolist()
    low, high = [0.0] * len(labels), [math.inf if each else 0.0 for each in right]
    for wanted in iter(lambda: _next(low, high, radii, halvings), {}):
        places = torch.tensor(list(wanted), device=images.device)
        ball = Ball(norm, torch.tensor(list(wanted.values()), device=images.device))
        numbers = [samples[place] for place in wanted]
        given = network, images[places], labels[places], ball, numbers, seed, ATTACKS, steps
        *_, (_, _, withstands) = autoattack(*given, targets=targets)
        for place, held in zip(wanted, withstands.tolist(), strict=True):
            (low if held else high)[place] = wanted[place]
    return high


def _next(low: Sequence[float], high: Sequence[float], radii: Sequence[float], halvings: int) -> dict[int, float]:
    """{place of an image: the radius that is to be tried next}; {} at the end."""
    found = {}
    for place, (under, above) in enumerate(zip(low, high, strict=True)):
        inside = [radius for radius in radii if under < radius < above]
        if inside:
            found[place] = inside[len(inside) // 2]
        elif 0 < above < math.inf:
            gap = min(r for r in radii if r >= above) - max((r for r in radii if r <= under), default=0.0)
            if above - under > 1.5 * gap / 2**halvings:
                found[place] = (under + above) / 2
    return found
