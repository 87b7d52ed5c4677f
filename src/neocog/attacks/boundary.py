"""The nearest wrong answer: the Fast Adaptive Boundary attack towards a class (FAB-T, Croce and Hein 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

from neocog.attacks.ball import Ball, per_sample
from neocog.attacks.goal import Goal, of_class
from neocog.attacks.gradient import Network, uphill

OVERSHOOT = 1.05  # times the way to the boundary
HOMEWARD = 0.1  # at most, of the step towards the clean image
BACK = 0.9  # of the change that is left after a success


def fab(network: Network, images: Tensor, goal: Goal, ball: Ball, steps: int = 100) -> Tensor:
    """The nearest image (B, …) that reaches the goal, sought towards its target; else the given one.

    The ball's norm counts, not its radius: whether the change is small enough is for the caller to see.
    """
    found, nearest = images.clone(), torch.full((len(images),), torch.inf, device=images.device)
    at, boundary = images.clone(), Goal(goal.truth, lead, goal.reached, goal.target)
    for _ in range(steps):
        value, gradient, _ = uphill(network, at, boundary)
        # The boundary as a plane: gradient · x = what it is where the lead is 0
        ahead = to_plane(at, gradient, -value, ball)
        home = to_plane(images, gradient, -value - (gradient * (images - at)).flatten(1).sum(1), ball)
        far, near = (ball.size(each).clamp(min=1e-8) for each in (ahead, home))
        share = per_sample((far / (far + near)).clamp(0, HOMEWARD), at)
        at = ((at + OVERSHOOT * ahead) * (1 - share) + (images + OVERSHOOT * home) * share).clamp(0, 1)
        with torch.no_grad():
            there = goal.reached(network(at), goal)
        size = ball.size(at - images)
        better = there & (size < nearest)
        found = torch.where(per_sample(better, at), at, found)
        nearest = torch.where(better, size, nearest)
        at = torch.where(per_sample(there, at), images + BACK * (at - images), at)
    return found


def lead(logits: Tensor, goal: Goal) -> Tensor:
    """(B,) the target's logit less the label's."""
    assert goal.target is not None
    return of_class(logits, goal.target) - of_class(logits, goal.truth)


def to_plane(points: Tensor, normal: Tensor, rise: Tensor, ball: Ball) -> Tensor:
    """The smallest change of ``points`` (B, …) in [0, 1] by which normal · x rises by ``rise`` (B,), within the range.

    As far as it goes where the range does not allow it. Each pixel moves until it is at the range's end or the change is
    ``reach``: a piecewise linear function of ``reach``, which is sorted and turned round.
    """
    flat, gradient = points.flatten(1), normal.flatten(1)
    along = gradient * rise.sign()[:, None]  # how fast the plane is neared where a pixel grows
    room = torch.where(along > 0, 1 - flat, flat)
    weight = gradient.abs()
    ends = room if ball.norm == "linf" else room / weight.clamp(min=1e-12)  # of the reach, where a pixel is at its end
    gain = weight if ball.norm == "linf" else weight.square()
    ends, order = ends.sort(dim=1)
    gain = gain.gather(1, order)
    full = (gain * ends).cumsum(1)  # the rise of those that are at their end
    rest = gain.sum(1, keepdim=True) - gain.cumsum(1)  # how much the others add, for each unit of reach
    wanted = rise.abs()[:, None]
    place = (full + rest * ends < wanted).sum(1, keepdim=True)  # pixels that are at their end
    before = torch.where(place > 0, full.gather(1, (place - 1).clamp(min=0)), 0.0)
    last = place.clamp(max=gain.shape[1] - 1)
    still = (gain + rest).gather(1, last)
    reach = torch.where(place < gain.shape[1], (wanted - before) / still.clamp(min=1e-12), torch.inf)
    step = reach.expand_as(flat) if ball.norm == "linf" else reach * weight
    change = torch.where(weight > 0, along.sign() * torch.minimum(step.nan_to_num(0.0, posinf=torch.inf), room), 0.0)
    return change.view_as(points)
