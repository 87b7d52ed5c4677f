"""Auto-PGD (Croce and Hein 2020): the gradient's way with momentum, whose step halves where the loss no longer rises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neocog.attacks.ball import Ball, per_sample
from neocog.attacks.goal import Goal
from neocog.attacks.gradient import Network, uphill

MOMENTUM = 0.75  # share of the new step; the rest goes on with the last one
RISING = 0.75  # of the steps since the last look, in which the loss must have risen


@dataclass
class _Way:
    """Where each of B samples is, was, and was best."""

    at: Tensor
    before: Tensor
    gradient: Tensor
    loss: Tensor
    best: Tensor
    best_gradient: Tensor
    best_loss: Tensor
    step: Tensor  # (B,) size
    rises: Tensor  # (B,) steps since the last look in which the loss rose
    looked: Tensor  # (B,) best loss at the last look
    halved: Tensor  # (B,) whether the step was halved there

    def keep(self, which: Tensor) -> None:
        """Go on with some of the samples alone."""
        for name, value in vars(self).items():
            setattr(self, name, value[which])


def apgd(
    network: Network, images: Tensor, goal: Goal, ball: Ball, samples: Sequence[int], steps: int = 100, seed: int = 0
) -> Tensor:
    """The images (B, …) where the goal was reached within ``steps`` steps from a random start, else where the loss was largest.

    ``samples``: (B,) their numbers, for the start.
    """
    found, left = images.clone(), torch.arange(len(images), device=images.device)
    at = ball.start(images, seed, samples)
    loss, gradient, outputs = uphill(network, at, goal)
    none, size = torch.zeros_like(loss), 2 * ball.radius * torch.ones_like(loss)
    way = _Way(at, at, gradient, loss, at, gradient, loss, size, none, loss, torch.ones_like(loss))
    looks = looks_after(steps)
    for step in range(steps + 1):
        there = goal.reached(outputs, goal.of(left))
        found[left[there]] = way.at[there]
        if there.any():
            left = left[~there]
            way.keep(~there)
        if not len(left) or step == steps:
            found[left] = way.best
            break
        outputs = _advance(way, images[left], goal.of(left), ball.of(left), network, MOMENTUM if step else 1.0)
        if step + 1 in looks:
            _look(way, looks[step + 1])
    return found


def _advance(way: _Way, clean: Tensor, goal: Goal, ball: Ball, network: Network, share: float) -> Tensor:
    """Take a step of each sample, of which ``share`` follows the gradient; the outputs (B, …) where it leads."""
    ahead = ball.project(way.at + per_sample(way.step, way.at) * ball.direction(way.gradient), clean)
    moved = ball.project(way.at + share * (ahead - way.at) + (1 - share) * (way.at - way.before), clean)
    loss, gradient, outputs = uphill(network, moved, goal)
    way.rises = way.rises + (loss > way.loss)
    way.before, way.at, way.gradient, way.loss = way.at, moved, gradient, loss
    better = loss > way.best_loss
    wide = per_sample(better, moved)
    way.best = torch.where(wide, moved, way.best)
    way.best_gradient = torch.where(wide, gradient, way.best_gradient)
    way.best_loss = torch.where(better, loss, way.best_loss)
    return outputs


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
