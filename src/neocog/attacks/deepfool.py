"""DeepFool (Moosavi-Dezfooli, Fawzi & Frossard 2016): step by step to the nearest boundary, as if all of them were planes.

It shows in a few lines what a smallest change is. What it finds is often larger than the smallest: for figures there is
``minimum_norm.py``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neocog.attacks.ball import TINY, Ball, Norm, per_sample
from neocog.attacks.gradient import Network

OVERSHOOT = 0.02  # of the whole change: so that the boundary is not only reached but crossed
CLASSES = 10  # the likeliest, among which the nearest is sought


def deepfool(network: Network, images: Tensor, labels: Tensor, norm: Norm, steps: int = 50) -> Tensor:
    """The images (B, …) where their answer is no longer the label, or where ``steps`` steps led."""
    found, left = images.clone(), torch.arange(len(images), device=images.device)
    change = torch.zeros_like(images)
    for _ in range(steps + 1):
        leads, gradients = leads_of_others(network, found[left], labels[left])
        goes_on = (leads < 0).all(1)
        left = left[goes_on]
        if not len(left):
            break
        change[left] += to_nearest(leads[goes_on], gradients[goes_on], norm)
        found[left] = (images[left] + (1 + OVERSHOOT) * change[left]).clamp(0, 1)
    return found


def leads_of_others(network: Network, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """By how much each of up to nine other classes leads the label, (B, K), and the gradients (B, K, …) of that by the images."""
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        logits = network(images)
        own = logits.gather(1, labels[:, None])
        others = logits.scatter(1, labels[:, None], -torch.inf).argsort(dim=1, descending=True)
        leads = logits.gather(1, others[:, : min(CLASSES, logits.shape[1]) - 1]) - own  # (B, K)
        gradients = [torch.autograd.grad(each.sum(), images, retain_graph=True)[0] for each in leads.unbind(1)]
    return leads.detach(), torch.stack(gradients, 1)


def to_nearest(leads: Tensor, gradients: Tensor, norm: Norm) -> Tensor:
    """The smallest change (B, …) to the nearest of the planes on which lead + gradient · change is 0."""
    ball = Ball(norm, torch.inf)
    steepness = ball.dual(gradients.flatten(0, 1)).view_as(leads)  # (B, K)
    nearest = (leads.abs() / (steepness + TINY)).argmin(1)
    rows = torch.arange(len(leads), device=leads.device)
    gradient, way = gradients[rows, nearest], leads[rows, nearest].abs() / (steepness[rows, nearest] + TINY)
    return per_sample(way, gradient) * ball.direction(gradient)
