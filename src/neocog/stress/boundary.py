"""The nearest wrong answer: the Fast Adaptive Boundary attack towards a class (FAB-T, Croce and Hein 2020)."""

from __future__ import annotations

import torch
from torch import Tensor

from neocog.stress.ball import Ball, per_sample
from neocog.stress.gradient import Logits

OVERSHOOT = 1.05  # times the way to the boundary
HOMEWARD = 0.1  # at most, of the step towards the clean image
BACK = 0.9  # of the change that is left after a success


def fab(logits: Logits, images: Tensor, labels: Tensor, ball: Ball, target: Tensor, steps: int = 100) -> Tensor:
    """The nearest image (B, …) that is not answered with its label, sought towards ``target`` (B,); else the clean one.

    The ball's norm counts, not its radius: whether the change is small enough is for the caller to see.
    """
    found, nearest = images.clone(), torch.full((len(images),), torch.inf, device=images.device)
    at = images.clone()
    for _ in range(steps):
        lead, gradient = _lead(logits, at, labels, target)
        # The boundary as a plane: gradient · x = what it is where the lead is 0
        ahead = to_plane(at, gradient, -lead, ball)
        home = to_plane(images, gradient, -lead - (gradient * (images - at)).flatten(1).sum(1), ball)
        far, near = (ball.size(each).clamp(min=1e-8) for each in (ahead, home))
        share = per_sample((far / (far + near)).clamp(0, HOMEWARD), at)
        at = ((at + OVERSHOOT * ahead) * (1 - share) + (images + OVERSHOOT * home) * share).clamp(0, 1)
        with torch.no_grad():
            turned = logits(at).argmax(1) != labels
        size = ball.size(at - images)
        better = turned & (size < nearest)
        found = torch.where(per_sample(better, at), at, found)
        nearest = torch.where(better, size, nearest)
        at = torch.where(per_sample(turned, at), images + BACK * (at - images), at)
    return found


def _lead(logits: Logits, images: Tensor, labels: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) the target's logit less the label's, and its gradient (B, …)."""
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        found = logits(images)
        lead = (found.gather(1, target[:, None]) - found.gather(1, labels[:, None]))[:, 0]
        (gradient,) = torch.autograd.grad(lead.sum(), images)
    return lead.detach(), gradient


def to_plane(points: Tensor, normal: Tensor, rise: Tensor, ball: Ball) -> Tensor:
    """The smallest change of ``points`` (B, …) in [0, 1] by which normal · x rises by ``rise`` (B,), within the range.

    As far as it goes where the range does not allow it. Each pixel moves until it is at the range's end or the change is
    ``reach``: a piecewise linear function of ``reach``, which is sorted and turned round.
    """
    flat, slopes = points.flatten(1), normal.flatten(1)
    uphill = slopes * rise.sign()[:, None]  # how fast the goal is neared where a pixel grows
    room = torch.where(uphill > 0, 1 - flat, flat)
    weight = slopes.abs()
    ends = room if ball.norm == "linf" else room / weight.clamp(min=1e-12)  # of the reach, where a pixel is at its end
    gain = weight if ball.norm == "linf" else weight.square()
    ends, order = ends.sort(dim=1)
    gain = gain.gather(1, order)
    full = (gain * ends).cumsum(1)
    rest = gain.flip(1).cumsum(1).flip(1) - gain  # of the pixels that are not at their end yet
    wanted = rise.abs()[:, None]
    place = (full + rest * ends < wanted).sum(1, keepdim=True)  # pixels that are at their end
    before = torch.where(place > 0, full.gather(1, (place - 1).clamp(min=0)), 0.0)
    still = gain.gather(1, place.clamp(max=gain.shape[1] - 1)) + rest.gather(1, place.clamp(max=gain.shape[1] - 1))
    reach = torch.where(place < gain.shape[1], (wanted - before) / still.clamp(min=1e-12), torch.inf)
    step = reach.expand_as(flat) if ball.norm == "linf" else reach * weight
    change = torch.where(weight > 0, uphill.sign() * torch.minimum(step.nan_to_num(0.0, posinf=torch.inf), room), 0.0)
    return change.view_as(points)
