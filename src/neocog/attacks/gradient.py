"""Attacks that follow the gradient with a given step: FGSM (Goodfellow et al. 2015) and PGD (Madry et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from neocog.attacks.ball import Ball
from neocog.attacks.goal import Goal

Network = Callable[[Tensor], Tensor]
STEP = 2.5  # times radius / steps: so that the surface can be reached from every start


def uphill(network: Network, images: Tensor, goal: Goal) -> tuple[Tensor, Tensor, Tensor]:
    """(B,) losses, their gradient (B, …) by the images, and the network's outputs (B, …)."""
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        outputs = network(images)
        losses = goal.loss(outputs, goal)
        (gradient,) = torch.autograd.grad(losses.sum(), images)
    return losses.detach(), gradient, outputs.detach()


def fgsm(network: Network, images: Tensor, goal: Goal, ball: Ball) -> Tensor:
    """One step of the whole radius. It overestimates how robust a network is: for teaching, never for a headline."""
    _, gradient, _ = uphill(network, images, goal)
    return ball.project(images + ball.reach(images) * ball.direction(gradient), images)


def pgd(
    network: Network, images: Tensor, goal: Goal, ball: Ball, samples: Sequence[int], steps: int = 40, seed: int = 0
) -> Tensor:
    """The images (B, …) after ``steps`` steps from a random start; those that are there before stay as they are then.

    ``samples``: (B,) their numbers, for the start.
    """
    found, left = ball.start(images, seed, samples), torch.arange(len(images), device=images.device)
    for _ in range(steps):
        at = found[left]
        _, gradient, outputs = uphill(network, at, goal.of(left))
        goes_on = ~goal.reached(outputs, goal.of(left))
        left = left[goes_on]
        if not len(left):
            break
        here, direction = ball.of(left), ball.direction(gradient[goes_on])
        found[left] = here.project(at[goes_on] + STEP / steps * here.reach(direction) * direction, images[left])
    return found
