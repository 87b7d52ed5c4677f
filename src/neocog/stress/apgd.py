"""Auto-PGD (Croce and Hein 2020): the gradient's way with momentum, whose step halves where the loss no longer rises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neocog.stress.ball import Ball, per_sample
from neocog.stress.gradient import Logits, loss_and_gradient
from neocog.stress.losses import Loss, cross_entropy, targeted_logit_ratio

MOMENTUM = 0.75  # share of the new step; the rest goes on with the last one
RISING = 0.75  # of the steps since the last look, in which the loss must have risen


@dataclass
class _Way:
    """Where each of B samples is, was, and was best. ``rises``: steps since the last look in which its loss rose."""

    at: Tensor
    before: Tensor
    gradient: Tensor
    loss: Tensor
    best: Tensor
    best_gradient: Tensor
    best_loss: Tensor
    step: Tensor  # (B,) size
    rises: Tensor  # (B,)
    looked: Tensor  # (B,) best loss at the last look
    halved: Tensor  # (B,) whether the step was halved there

    def keep(self, which: Tensor) -> None:
        """Go on with some of the samples alone."""
        for name, value in vars(self).items():
            setattr(self, name, value[which])


def apgd(
    logits: Logits, images: Tensor, labels: Tensor, ball: Ball, samples: Sequence[int],
    steps: int = 100, seed: int = 0, loss: Loss | None = None, target: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """The images (B, …), turned where a way was found, after ``steps`` steps from a random start.

    ``loss``: default cross-entropy. ``target`` (B,): by the targeted logit ratio towards these classes; any wrong answer counts.
    """
    found, left = images.clone(), torch.arange(len(images), device=images.device)

    def measured(at: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        aimed = (loss or cross_entropy) if target is None else targeted_logit_ratio(target[left])
        return loss_and_gradient(logits, at, labels[left], aimed)

    at = ball.start(images, seed, samples)
    value, gradient, answers = measured(at)
    zeros = torch.zeros_like(value)
    way = _Way(
        at,
        at,
        gradient,
        value,
        at,
        gradient,
        value,
        zeros + 2 * ball.radius,
        zeros.clone(),
        value,
        torch.ones_like(value),
    )
    looks = looks_after(steps)
    for step in range(steps):
        turned = answers.argmax(1) != labels[left]
        found[left[turned]] = way.at[turned]
        if turned.any():
            left = left[~turned]
            way.keep(~turned)
        if not len(left):
            break
        answers = _advance(way, images[left], ball, measured, first=step == 0)
        if step + 1 in looks:
            _look(way, looks[step + 1])
    else:
        turned = answers.argmax(1) != labels[left]
        found[left[turned]] = way.at[turned]
    return found


def _advance(
    way: _Way, clean: Tensor, ball: Ball, measured: Callable[[Tensor], tuple[Tensor, ...]], first: bool
) -> Tensor:
    """Take a step of each sample; the (B, K) logits where it leads."""
    share = 1.0 if first else MOMENTUM
    uphill = ball.project(way.at + per_sample(way.step, way.at) * ball.direction(way.gradient), clean)
    moved = ball.project(way.at + share * (uphill - way.at) + (1 - share) * (way.at - way.before), clean)
    loss, gradient, answers = measured(moved)
    way.before, way.at, way.gradient = way.at, moved, gradient
    way.rises += loss > way.loss
    way.loss, better = loss, loss > way.best_loss
    _take(way, better, moved, gradient, loss)
    return answers


def _take(way: _Way, better: Tensor, at: Tensor, gradient: Tensor, loss: Tensor) -> None:
    wide = per_sample(better, at)
    way.best = torch.where(wide, at, way.best)
    way.best_gradient = torch.where(wide, gradient, way.best_gradient)
    way.best_loss = torch.where(better, loss, way.best_loss)


def _look(way: _Way, since: int) -> None:
    """Halve the step, and go back to the best place, where the loss rose too seldom, or no better place was found."""
    no_better = (way.halved == 0) & (way.looked >= way.best_loss)
    stuck = (way.rises <= RISING * since) | no_better
    wide = per_sample(stuck, way.at)
    way.step = torch.where(stuck, way.step / 2, way.step)
    way.at = torch.where(wide, way.best, way.at)
    way.gradient = torch.where(wide, way.best_gradient, way.gradient)
    way.rises, way.looked, way.halved = torch.zeros_like(way.rises), way.best_loss, stuck.float()


def looks_after(steps: int) -> dict[int, int]:
    """{steps taken: steps since the last look}: ever sooner, as in the paper.

    >>> list(looks_after(100))
    [22, 41, 57, 70, 80, 87, 93, 99]
    """
    found, since, at = {}, max(1, int(0.22 * steps)), 0
    while at + since <= steps:
        at += since
        found[at] = since
        since = max(since - max(1, int(0.03 * steps)), max(1, int(0.06 * steps)))
    return found
