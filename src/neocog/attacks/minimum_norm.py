"""FMN, the fast minimum-norm attack (Pintor, Roli, Brendel & Biggio 2021): a ball that shrinks while the answer is wrong.

Each step goes downhill on the margin and back into the ball; the ball grows by a share while the answer is right, and shrinks
while it is wrong, ever less of both, so that its radius closes in on the smallest change.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neocog.attacks.ball import TINY, Ball, Norm, per_sample
from neocog.attacks.goal import Goal, margin, wrong
from neocog.attacks.gradient import Network, uphill

STEP = 1.0, 0.01  # Euclidean length of the first step and of the last
SHARE = 0.05, 0.001  # by which the radius grows or shrinks, at first and at last


def fmn(network: Network, images: Tensor, labels: Tensor, norm: Norm, steps: int = 100) -> tuple[Tensor, Tensor]:
    """The nearest images (B, …) found that are answered wrongly, and their distances (B,); inf where none was found."""
    whole = Ball(norm, torch.inf)
    furthest = whole.size(torch.maximum(images, 1 - images))  # within the range of pixels
    found, nearest = images.clone(), torch.full_like(furthest, torch.inf)
    radius, change = torch.full_like(furthest, torch.inf), torch.zeros_like(images)
    goal = Goal(labels, lambda logits, own: margin(logits, own.truth), wrong)
    for step in range(steps + 1):
        lead, gradient, outputs = uphill(network, images + change, goal)
        distance = whole.size(change)
        turned = goal.reached(outputs, goal)
        better = turned & (distance < nearest)
        found = torch.where(per_sample(better, images), images + change, found)
        nearest = torch.where(better, distance, nearest)
        share, length = _between(SHARE, step / steps), _between(STEP, step / steps)
        ahead = distance + lead.abs() / (whole.dual(gradient) + TINY)  # to the boundary, as if it were a plane, …
        wider = (1 + share) * torch.where(nearest < torch.inf, radius, ahead)  # … and across it
        radius = torch.where(turned, torch.minimum(radius * (1 - share), nearest), wider).minimum(furthest)
        change = change + length * gradient / per_sample(gradient.flatten(1).norm(dim=1) + TINY, gradient)
        change = Ball(norm, radius).project(images + change, images) - images
    return found, nearest


def _between(ends: tuple[float, float], passed: float) -> float:
    """From the first to the last along half a cosine."""
    first, last = ends
    return last + (first - last) * (1 + math.cos(math.pi * passed)) / 2
