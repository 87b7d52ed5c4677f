"""Attacks that follow the gradient with a given step: FGSM (Goodfellow et al. 2015) and PGD (Madry et al. 2018)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from neocog.stress.ball import Ball
from neocog.stress.losses import Loss, cross_entropy

Logits = Callable[[Tensor], Tensor]
STEP = 2.5  # times radius / steps: so that the surface can be reached from every start


def loss_and_gradient(logits: Logits, images: Tensor, labels: Tensor, loss: Loss) -> tuple[Tensor, Tensor, Tensor]:
    """(B,) losses, their gradient (B, …) by the pixels, and the (B, K) logits."""
    images = images.detach().requires_grad_()
    with torch.enable_grad():
        found = logits(images)
        losses = loss(found, labels)
        (gradient,) = torch.autograd.grad(losses.sum(), images)
    return losses.detach(), gradient, found.detach()


def fgsm(logits: Logits, images: Tensor, labels: Tensor, ball: Ball, loss: Loss = cross_entropy) -> Tensor:
    """One step of the whole radius. It overestimates how robust a network is: for teaching, never for a headline."""
    _, gradient, _ = loss_and_gradient(logits, images, labels, loss)
    return ball.project(images + ball.radius * ball.direction(gradient), images)


def pgd(
    logits: Logits, images: Tensor, labels: Tensor, ball: Ball, samples: Sequence[int],
    steps: int = 40, seed: int = 0, loss: Loss = cross_entropy, wanted: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The images (B, …) after so many steps from a random start; those that have turned stay as they were when they did.

    ``samples``: (B,) their numbers, for the start. ``wanted`` (B,): the answers that count as turned; default: any but the label.
    """
    changed = ball.start(images, seed, samples)
    found, left = images.clone(), torch.arange(len(images), device=images.device)
    goal = wanted
    for step in range(steps + 1):
        clean, label = images[left], labels[left]
        aimed = loss if goal is None else _aimed(loss, goal[left])
        _, gradient, answers = loss_and_gradient(logits, changed, label, aimed)
        answer = answers.argmax(1)
        turned = answer != label if goal is None else answer == goal[left]
        found[left] = changed
        if turned.all() or step == steps:
            break
        stays = ~turned
        left, clean = left[stays], clean[stays]
        rise = STEP * ball.radius / steps * ball.direction(gradient[stays])
        changed = ball.project(changed[stays] + rise, clean)
    return found


def _aimed(loss: Loss, target: Tensor) -> Loss:
    """The loss of the target, to be made small."""
    return lambda logits, _labels: -loss(logits, target)
